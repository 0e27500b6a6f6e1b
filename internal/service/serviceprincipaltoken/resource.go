package serviceprincipaltoken

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenResource struct{ fwkit.Resource }

const (
	cannotLogIn = "Cannot log in as the token's owner"
	cannotRead  = "Cannot read token"
)

var (
	_ resource.ResourceWithConfigure      = &tokenResource{}
	_ resource.ResourceWithValidateConfig = &tokenResource{}
	_ resource.ResourceWithModifyPlan     = &tokenResource{}
	_ resource.ResourceWithIdentity       = &tokenResource{}
	_ resource.ResourceWithImportState    = &tokenResource{}
	_ resource.ResourceWithMoveState      = &tokenResource{}
)

func (r *tokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_service_principal_token"
	resp.ResourceBehavior.MutableIdentity = true // a rotation changes the token's id
}

func (r *tokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config tokenModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	want := r.wanted(ctx, plan, config)

	as, err := logIn(ctx, r.Client, want.Owner)
	if err == nil {
		err = await(ctx, as)
	}
	if fwkit.Failed(&resp.Diagnostics, err, cannotLogIn, plan.String()) {
		return
	}
	r.warnOf(as, &resp.Diagnostics)
	seen, ok := r.maySee(ctx, want.Owner, plan, &resp.Diagnostics)
	if !ok {
		return
	}
	store, err := openStore(ctx, r.Client, want.Secret, nil, true)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot store a token in Key Vault", plan.String()) {
		return
	}
	sweepDue, endSweep, err := beginSweep(ctx, r.Client, want.Owner, seen)
	defer endSweep()
	var made issued
	if err == nil {
		made, err = issue(ctx, r.Client, as, want, store)
	}
	if err != nil {
		fwkit.Failed(&resp.Diagnostics, err, "Cannot create token", plan.String())
		if made.ID == "" {
			return
		}
	}
	// The token exists from here on, and this is the only time its value is told: remember both before anything can fail.
	r.remember(ctx, &plan, as, made, remembered{places: map[string]place{}}, &resp.State, resp.Private, &resp.Diagnostics)
	fwkit.TellIdentity(ctx, resp.Identity, plan.toIdentity(), &resp.Diagnostics)
	if err == nil {
		r.finish(ctx, as, want, made, plan, sweepDue, &resp.Diagnostics)
	}
}

// maySee says whether the provider can see and revoke tokens of the owner, which must be known before one is made.
func (r *tokenResource) maySee(ctx context.Context, o owner, plan tokenModel, diags *diag.Diagnostics) (seen before, ok bool) {
	seen, err := lookBefore(ctx, r.Client)
	if err == nil {
		err = seen.manageable(o)
		if err != nil && plan.OnUnverifiable.ValueString() == unverifiableIsTold {
			fwkit.Warn(diags, err, "No refresh will check the token", plan.String())
			err = nil
		}
	}
	return seen, !fwkit.Failed(diags, err, "Token was not made, as its owner's tokens cannot be seen", plan.String())
}

// wanted is what a plan asks for, with the write-only values that stand in configuration alone.
func (*tokenResource) wanted(ctx context.Context, plan, config tokenModel) token {
	want := plan.toToken()
	want.Owner = config.Owner.toOwner()
	want.Recorded, _ = plan.Timeouts.Create(ctx, createTimeout)
	return want
}

// warnOf tells what is odd about the owner's credential; the provider's own was told when it was configured.
func (r *tokenResource) warnOf(as *client.Client, diags *diag.Diagnostics) {
	if as != r.Client {
		for _, w := range as.Login.Warnings {
			diags.AddWarning(w.Summary, w.Detail)
		}
	}
}

type stateWriter interface {
	Set(ctx context.Context, value any) diag.Diagnostics
}

// remember writes a token just made into state and private state.
func (*tokenResource) remember(ctx context.Context, plan *tokenModel, as *client.Client, made issued, m remembered, state stateWriter, private writablePrivateState, diags *diag.Diagnostics) {
	plan.tell(made.TokenInfo, as.WorkspaceID())
	plan.tellValue(made.Value, made.version)
	if s := plan.KeyVaultSecret; s != nil && made.version.ID != "" {
		m.places[made.ID] = place{VaultURI: s.VaultURI.ValueString(), Name: s.Name.ValueString(), Version: made.version.ID}
	}
	diags.Append(state.Set(ctx, *plan)...)
	m.store(ctx, private, diags)
}

// finish takes the marker off a token that is recorded, and then sweeps what interrupted runs left of its owner, where
// that is due.
func (r *tokenResource) finish(ctx context.Context, as *client.Client, want token, made issued, plan tokenModel, sweepDue bool, diags *diag.Diagnostics) {
	if made.stray != nil {
		fwkit.Warn(diags, made.stray, "A second token may be left over", plan.String())
	}
	for _, t := range made.doubles {
		diags.AddWarning("Token of a lost answer was revoked: "+nameOf(t, want.Owner.ApplicationID),
			fmt.Sprintf("Token %s was made by the same request as %s, and the answer with its value was lost. Nobody can have it.", t.ID, plan.String()))
	}
	err := unmark(ctx, as, made.ID, want.Comment)
	if err != nil && r.Client.FirstTime("warning of markers that stay") {
		fwkit.Warn(diags, adviseMarker(err), "The provider's marker stays in the token's comment", plan.String())
	}
	r.Client.ForgetTokens()
	if !sweepDue {
		return
	}
	client.Of[swept](r.Client).Store(sweepName(want.Owner), true)
	if err != nil {
		return
	}
	revoked, err := sweep(ctx, r.Client, as, want.Owner, made.ID)
	for _, t := range revoked {
		diags.AddWarning("Token of an interrupted run was revoked: "+nameOf(t, want.Owner.ApplicationID),
			fmt.Sprintf("Token %s was made at %s by a run of this provider that ended before it was recorded, as the marker in its comment %q says, and was never used.",
				t.ID, t.CreatedAt.UTC().Format(time.RFC3339), t.Comment))
	}
	if err != nil {
		fwkit.Warn(diags, err, "Tokens of interrupted runs may be left over", plan.String())
	}
}

// nameOf names a token that is in no state.
func nameOf(t client.TokenInfo, owner string) string {
	return tokenModel{
		TokenID: types.StringValue(t.ID), Owner: &ownerModel{ApplicationID: types.StringValue(owner)}, Comment: fwkit.String(client.Unmark(t.Comment)),
	}.String()
}

func (r *tokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state tokenModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	state.keepTokens(r.Client)
	m := recall(ctx, req.Private, &resp.Diagnostics)
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	state.complete()
	fwkit.TellIdentity(ctx, resp.Identity, state.toIdentity(), &resp.Diagnostics)

	cameOver := state.Owner.ApplicationID.IsNull()
	list, err := tokens(ctx, r.Client, state.Owner.UseProviderIdentity.ValueBool() || cameOver, state.Owner.ApplicationID.ValueString())
	var shown sight
	if err == nil {
		shown, err = look(ctx, r.Client, list, state)
	}
	if state.OnUnverifiable.ValueString() == unverifiableIsTold && err != nil {
		// Where nothing has answered there is no other workspace to compare with.
		if r.Client.WorkspaceID() == "" || !r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
			fwkit.Warn(&resp.Diagnostics, err, "Cannot check token", state.String())
		}
		return
	}
	// That there is no list says nothing of the token.
	err = adviseStranded(err)
	if r.FailedRead(ctx, err, state.WorkspaceID, cannotRead, state.String(), &resp.Diagnostics) || fwkit.Failed(&resp.Diagnostics, err, cannotRead, state.String()) {
		return
	}
	info, live := shown.info, shown.live
	if cameOver && !live && list.own && !over(state, list.Now) {
		fwkit.Failed(&resp.Diagnostics, client.Advise(errors.New("it is not among the tokens of the provider's identity, and may be another's"), "", needsAdmin), cannotRead, state.String())
		return
	}
	if cameOver && !live {
		resp.Diagnostics.AddWarning("Token that came over from the official provider is gone: "+state.String(), "It was revoked, or it has expired. The plan makes a new one.")
		resp.State.RemoveResource(ctx)
		return
	}
	if cameOver && !r.findOwner(ctx, list.TokenList, info, state.Owner, &resp.Diagnostics) {
		return
	}
	f := facts{Now: list.Now, Live: live}
	if live {
		if rightful, who := list.OwnedBy(info, state.Owner.ApplicationID.ValueString()); !rightful {
			f.Owner = who
		}
		state.Comment = fwkit.String(client.Unmark(info.Comment))
		state.tell(info, r.Client.WorkspaceID())
		f.VaultLost = r.readSecret(ctx, &state, m.places[info.ID], &resp.Diagnostics)
		f.Useless = state.KeyVaultSecret != nil && m.places[info.ID].Version == "" && !state.TokenValueInState.ValueBool()
	}
	if !shown.previousLive {
		state.PreviousTokenID, state.PreviousTokenRevokeAt = types.StringNull(), types.StringNull()
	}
	if resp.Diagnostics.HasError() {
		return
	}
	m.verdict = judge(state, f)
	warnOfVerdict(state, m.verdict.Reason, f, &resp.Diagnostics)
	if at := unusedUntil(info); live && !at.IsZero() && list.Now.After(at.Add(-unusedNotice)) && (state.ExpiresAt.IsNull() || at.Before(parsed(state.ExpiresAt))) {
		resp.Diagnostics.AddWarning("Token is about to be revoked for want of use: "+state.String(), fmt.Sprintf("Azure Databricks revokes a token that was not used for 90 days, and this one was not since %s. "+
			"If nothing needs it, remove it; else use it, or rotate it sooner with rotate_before_seconds.", at.Add(-unusedLimit).Format(time.DateOnly)))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	fwkit.TellIdentity(ctx, resp.Identity, state.toIdentity(), &resp.Diagnostics)
	m.store(ctx, resp.Private, &resp.Diagnostics)
}

// warnOfVerdict says what a reason alone does not explain.
func warnOfVerdict(state tokenModel, reason string, f facts, diags *diag.Diagnostics) {
	const next = " The plan rotates it; applications must take over the new value."
	switch reason {
	case reasonRevoked:
		diags.AddWarning("Token is gone: "+state.String(), "It was revoked, or its owner was deleted or lost the right to use tokens, or it was not used for 90 days, after which Azure Databricks revokes a token."+next)
	case reasonOwner:
		diags.AddWarning("Token belongs to another principal: "+state.String(), "The workspace says that its owner is "+f.Owner+"."+next)
	}
}

// readSecret looks whether the version that holds the token's value is still there, and says whether it is lost. It lists
// versions and reads no value.
func (r *tokenResource) readSecret(ctx context.Context, state *tokenModel, at place, diags *diag.Diagnostics) (lost bool) {
	s := state.KeyVaultSecret
	if s == nil {
		return false
	}
	versions, err := versionsOf(ctx, r.Client, s.VaultURI.ValueString(), s.Name.ValueString())
	object := state.String()
	switch {
	case errors.Is(err, auth.ErrNoSecret):
		diags.AddWarning("Secret of a token is gone: "+object, fmt.Sprintf("Key Vault %s has no secret %s any more. The plan makes a new token for it.", s.VaultURI.ValueString(), s.Name.ValueString()))
		return true
	case err != nil && state.OnUnverifiable.ValueString() == unverifiableIsTold:
		fwkit.Warn(diags, err, "Cannot check the token's secret in Key Vault", object)
		return false
	case fwkit.Failed(diags, err, "Cannot read the token's secret in Key Vault", object):
		return false
	}
	i := slices.IndexFunc(versions, func(v auth.SecretVersion) bool { return v.ID == at.Version })
	if i < 0 || !versions[i].Enabled {
		diags.AddWarning("Secret of a token is lost: "+object, fmt.Sprintf("Version %q of secret %s in Key Vault %s is gone or disabled. The plan makes a new token for it.",
			at.Version, s.Name.ValueString(), s.VaultURI.ValueString()))
		return true
	}
	if newest := versions[0]; newest.Created.After(versions[i].Created) {
		diags.AddWarning("Secret of a token was written over: "+object, fmt.Sprintf("Secret %s in Key Vault %s has a newer version, %s, that this resource did not write: whoever reads the newest one does not get this token. "+
			"Disable that version, or rotate with rotation_triggers.", s.Name.ValueString(), s.VaultURI.ValueString(), newest.ID))
	}
	s.tellSecret(versions[i])
	return false
}

func (r *tokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state, config tokenModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	state.keepTokens(r.Client)
	m := recall(ctx, req.Private, &resp.Diagnostics)
	m.verdict = m.verdict.about(state)
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	c := changes{plan: plan, state: state, want: r.wanted(ctx, plan, config), have: state.toToken(), remembered: m}
	if c.any() && r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	if plan.rotates() {
		r.rotate(ctx, c, resp)
		return
	}
	if !plan.Owner.sameLogin(*state.Owner) && fwkit.Failed(&resp.Diagnostics, checkOwner(r.Client, c.want.Owner, false), cannotLogIn, state.String()) {
		return
	}

	if c.endsOverlap() {
		previous := state.PreviousTokenID.ValueString()
		if fwkit.Failed(&resp.Diagnostics, revoke(ctx, r.Client, c.want.Owner, previous), "Cannot revoke the token before this one", state.String()) {
			return
		}
		state.PreviousTokenID, state.PreviousTokenRevokeAt, state.RotationReason = types.StringNull(), types.StringNull(), plan.RotationReason
	}
	r.disableAll(ctx, &m, []string{state.ID.ValueString(), plan.PreviousTokenID.ValueString()}, plan.String(), &resp.Diagnostics)
	// Should what follows fail, this is done all the same.
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	m.store(ctx, resp.Private, &resp.Diagnostics)
	if mask := c.mask(); len(mask) > 0 {
		as, err := logIn(ctx, r.Client, c.want.Owner)
		if err == nil {
			err = adviseChange(as.ChangeOwnToken(ctx, state.ID.ValueString(), mask, c.want.Comment, c.want.Scopes))
		}
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot change token", state.String()) {
			return
		}
		r.Client.ForgetTokens()
	}
	if at, known := m.places[state.ID.ValueString()]; known && c.secretChanged() {
		if fwkit.Failed(&resp.Diagnostics, changeSecret(ctx, r.Client, at, *c.want.Secret, state.ID.ValueString()), "Cannot change the token's secret in Key Vault", state.String()) {
			return
		}
	}
	m.verdict, m.imported = verdict{}, false
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	fwkit.TellIdentity(ctx, resp.Identity, plan.toIdentity(), &resp.Diagnostics)
	m.store(ctx, resp.Private, &resp.Diagnostics)
}

// rotate makes the new token, stores its value, and revokes what is to be revoked: before it the previous token, or that of
// now where it is of no use to anybody, so that never more than two live; and after it, where there is no overlap, that of
// now. One that was found revoked or expired is revoked all the same: should that have been wrong, nothing is left.
func (r *tokenResource) rotate(ctx context.Context, c changes, resp *resource.UpdateResponse) {
	plan, state, m, diags := c.plan, c.state, c.remembered, &resp.Diagnostics
	as, err := logIn(ctx, r.Client, c.want.Owner)
	if err == nil { // a credential that is refused must be known before anything is revoked
		_, err = as.Token(ctx, auth.DatabricksScope)
	}
	if fwkit.Failed(diags, err, cannotLogIn, state.String()) {
		return
	}
	r.warnOf(as, diags)
	seen, ok := r.maySee(ctx, c.want.Owner, plan, diags)
	if !ok {
		return
	}
	// A role for the vault may have been given in the same apply only where the vault is new.
	store, err := openStore(ctx, r.Client, c.want.Secret, slices.Collect(maps.Values(m.places)), !plan.KeyVaultSecret.samePlace(state.KeyVaultSecret))
	if fwkit.Failed(diags, err, "Cannot store the new token in Key Vault", state.String()) {
		return
	}
	sweepDue, endSweep, err := beginSweep(ctx, r.Client, c.want.Owner, seen)
	defer endSweep()
	if fwkit.Failed(diags, err, "Cannot wait for a sweep of the owner's tokens", state.String()) {
		return
	}
	previous, current := state.PreviousTokenID.ValueString(), state.ID.ValueString()
	ofUse, first := plan.wasOfUse(m.verdict), current
	if ofUse {
		first = previous
	}
	if first != "" {
		if fwkit.Failed(diags, revoke(ctx, r.Client, c.want.Owner, first), "Cannot revoke one of two tokens", state.String()) {
			return
		}
		if first == previous {
			state.PreviousTokenID, state.PreviousTokenRevokeAt = types.StringNull(), types.StringNull()
			diags.Append(resp.State.Set(ctx, state)...)
			r.disableAll(ctx, &m, []string{current}, state.String(), diags)
			m.store(ctx, resp.Private, diags)
		}
	}
	made, err := issue(ctx, r.Client, as, c.want, store)
	if err != nil {
		fwkit.Failed(diags, err, "Cannot rotate token", state.String())
		if made.ID == "" {
			return
		}
	}
	plan.follow(state, m.verdict, made.TokenInfo)
	fwkit.TellIdentity(ctx, resp.Identity, identityModel{types.StringValue(made.ID), fwkit.String(as.WorkspaceID())}, diags)
	if err != nil { // its value is in no vault, and it could not be revoked
		m.verdict = verdict{ID: made.ID, Reason: reasonVault, Useless: true}
		r.remember(ctx, &plan, as, made, m, &resp.State, resp.Private, diags)
		return
	}
	m.verdict, m.imported = verdict{}, false
	r.remember(ctx, &plan, as, made, m, &resp.State, resp.Private, diags)
	r.finish(ctx, as, c.want, made, plan, sweepDue, diags)

	// Consumers take the new value over after this. Whoever wants no gap wants an overlap.
	retire := ""
	switch {
	case ofUse && plan.OverlapSeconds.ValueInt64() == 0:
		retire = current
	case !ofUse && c.remembered.verdict.Ended != "" && c.remembered.verdict.Ended == previous:
		retire = previous
	}
	if retire != "" {
		if err := revoke(ctx, r.Client, c.want.Owner, retire); err != nil {
			fwkit.Warn(diags, err, "The old token is still live; the next apply revokes it", plan.String())
		} else {
			plan.PreviousTokenID, plan.PreviousTokenRevokeAt = types.StringNull(), types.StringNull()
		}
	}
	r.disableAll(ctx, &m, []string{made.ID, plan.PreviousTokenID.ValueString()}, plan.String(), diags)
	r.remember(ctx, &plan, as, made, m, &resp.State, resp.Private, diags)
}

// disableAll disables the versions of tokens that live no more. One that cannot be disabled stays remembered: the next
// change or the destroy tries again.
func (r *tokenResource) disableAll(ctx context.Context, m *remembered, living []string, object string, diags *diag.Diagnostics) {
	for _, id := range slices.Sorted(maps.Keys(m.places)) {
		if slices.Contains(living, id) {
			continue
		}
		if err := disable(ctx, r.Client, m.places[id]); err != nil {
			fwkit.Warn(diags, err, "The secret of a revoked token is still enabled in Key Vault", object)
			continue
		}
		delete(m.places, id)
	}
}

func (r *tokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state tokenModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	m := recall(ctx, req.Private, &resp.Diagnostics)
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	for _, id := range []string{state.PreviousTokenID.ValueString(), state.ID.ValueString()} {
		if id == "" {
			continue
		}
		if fwkit.Failed(&resp.Diagnostics, revoke(ctx, r.Client, state.Owner.toOwner(), id), "Cannot revoke token", state.String()) {
			return
		}
	}
	r.disableAll(ctx, &m, nil, state.String(), &resp.Diagnostics)
}

func (r *tokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	identity := identityModel{TokenID: types.StringValue(req.ID)}
	if req.ID == "" && req.Identity != nil {
		if resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...); resp.Diagnostics.HasError() {
			return
		}
	}
	id := identity.TokenID.ValueString()
	list, err := tokens(ctx, r.Client, true, "")
	if r.WrongWorkspace(ctx, identity.WorkspaceID, "token "+printable(id), &resp.Diagnostics) || fwkit.Failed(&resp.Diagnostics, err, "Cannot import token", "token "+printable(id)) {
		return
	}
	info, found := list.ByID(id)
	if !found {
		resp.Diagnostics.AddError("No such token to import", fmt.Sprintf("The workspace has no live token with the id %q. A token's id has 64 hexadecimal digits; it is not its value (dapi…). "+
			"An admin lists them with GET /api/2.0/token-management/tokens.", printable(id)))
		return
	}
	var o ownerModel
	if !r.findOwner(ctx, list.TokenList, info, &o, &resp.Diagnostics) {
		return
	}
	m := imported(info, o.ApplicationID.ValueString(), r.Client.WorkspaceID())
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	fwkit.TellIdentity(ctx, resp.Identity, m.toIdentity(), &resp.Diagnostics)
	remembered{imported: true}.store(ctx, resp.Private, &resp.Diagnostics)
}

// printable keeps a token's value out of an error when somebody takes it for its id.
func printable(id string) string {
	if strings.HasPrefix(id, "dapi") {
		return "dapi…"
	}
	return id
}

// MoveState takes over a token, with its value, from the state of the official provider.
func (r *tokenResource) MoveState(context.Context) []resource.StateMover {
	return fwkit.FromOfficial("databricks_token", func(ctx context.Context, state []byte, resp *resource.MoveStateResponse) {
		m, err := fromOfficial(state)
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot take the token over", "databricks_token") {
			return
		}
		resp.Diagnostics.Append(resp.TargetState.Set(ctx, m)...)
		remembered{imported: true}.store(ctx, resp.TargetPrivate, &resp.Diagnostics)
	})
}

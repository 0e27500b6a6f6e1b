package serviceprincipaltoken

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

type tokenResource struct{ fwkit.Resource }

const (
	cannotLogIn   = "Cannot log in as the token's owner"
	cannotRead    = "Cannot read token"
	cannotDisable = "The secret of a revoked token is still enabled in Key Vault"
)

var (
	_ resource.ResourceWithValidateConfig = &tokenResource{}
	_ resource.ResourceWithModifyPlan     = &tokenResource{}
	_ resource.ResourceWithImportState    = &tokenResource{}
	_ resource.ResourceWithMoveState      = &tokenResource{}
)

func (r *tokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config tokenModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	want := r.wanted(ctx, plan, config)

	as, err := logIn(ctx, r.Client, want.Owner)
	if err == nil {
		err = awaitOwner(ctx, as)
	}
	if fwkit.Failed(&resp.Diagnostics, err, cannotLogIn, plan.String()) {
		return
	}
	addLoginWarnings(as, r.Client, &resp.Diagnostics)
	seen, ok := r.canManageTokens(ctx, want.Owner, plan, &resp.Diagnostics)
	if !ok {
		return
	}
	store, err := rotation.OpenStore(ctx, r.Client, want.Secret, nil, true)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot store a token in Key Vault", plan.String()) {
		return
	}
	sweepDue, endSweep, err := beginSweep(ctx, r.Client, want.Owner, seen)
	defer endSweep()
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot wait for another revocation of stray tokens", plan.String()) {
		return
	}
	s := &steps{c: r.Client, as: as, want: want, store: store}
	id, err := rotation.Issue(ctx, s)
	err = kind.AdviseUnusable(err, "revoke")
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot create token", plan.String()) && id == "" {
		return
	}
	// The token exists now, and its value can never be read again. So the token and its value are saved before anything
	// else can fail.
	plan.show(s.made.TokenInfo, as.WorkspaceID())
	fwkit.CreateRecord(resp).Created(ctx, &plan, s.made.Value, s.version)
	if err == nil {
		r.finish(ctx, s, plan, sweepDue, &resp.Diagnostics)
	}
}

// canManageTokens reports whether the provider can see and revoke the tokens of the owner, which must be known before a
// token is created. If the provider cannot, canManageTokens adds an error. With on_unverifiable = "warn" it adds only a
// warning and returns true. seen is what the workspace showed.
func (r *tokenResource) canManageTokens(
	ctx context.Context,
	o owner,
	plan tokenModel,
	diags *diag.Diagnostics,
) (seen before, ok bool) {
	seen, err := lookBefore(ctx, r.Client)
	if err == nil {
		err = seen.manageable(o)
		if err != nil && plan.OnlyWarns() {
			fwkit.Warn(diags, err, "No refresh will check the token", plan.String())
			err = nil
		}
	}
	return seen, !fwkit.Failed(diags, err,
		"Token was not created, because its owner's tokens cannot be listed", plan.String())
}

// wanted returns the token that a plan asks for. It takes the write-only values from the configuration, because the
// plan does not have them.
func (*tokenResource) wanted(ctx context.Context, plan, config tokenModel) token {
	want := plan.toToken()
	want.Owner = config.Owner.toOwner(writeOnly)
	want.Recorded, _ = plan.Timeouts.Create(ctx, createTimeout)
	return want
}

// addLoginWarnings adds the warnings about the owner's credential. Configure has already added those about the
// provider's own credential.
func addLoginWarnings(as, provider *client.Client, diags *diag.Diagnostics) {
	if as != provider {
		for _, w := range as.Login.Warnings {
			diags.AddWarning(w.Summary, w.Detail)
		}
	}
}

func (r *tokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state tokenModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	state.keepTokens(r.Client)
	m := fwkit.RecallRotation(ctx, req.Private, &resp.Diagnostics)
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	state.complete()
	fwkit.SetIdentity(ctx, resp.Identity, state, &resp.Diagnostics)

	moved := state.Owner.ApplicationID.IsNull()
	ownIdentity := state.Owner.UseProviderIdentity.ValueBool() || moved
	list, err := tokens(ctx, r.Client, ownIdentity, state.Owner.ApplicationID.ValueString())
	var shown listed
	if err == nil {
		shown, err = lookUpTokens(ctx, r.Client, list, state)
	}
	if state.OnlyWarns() && err != nil {
		if !r.WrongWorkspaceAfter(ctx, err, state.WorkspaceID, state.String(), &resp.Diagnostics) {
			fwkit.Warn(&resp.Diagnostics, err, "Cannot check token", state.String())
		}
		return
	}
	// If the list of tokens cannot be read, nobody knows whether the token exists.
	if errors.Is(err, client.ErrPermissionDenied) {
		err = kind.AdviseUnchecked(err)
	}
	if r.FailedRead(ctx, err, state.WorkspaceID, cannotRead, state.String(), &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, cannotRead, state.String()) {
		return
	}
	info, live := shown.info, shown.live
	if moved && !live && list.own && !hasExpired(state, list.Now) {
		err := errors.New("the token is not among the tokens of the provider's identity, and may belong to another " +
			"principal")
		fwkit.Failed(&resp.Diagnostics, client.Advise(err, "", needsAdmin), cannotRead, state.String())
		return
	}
	if moved && !live {
		resp.Diagnostics.AddWarning(
			"Token moved from the official provider is gone: "+state.String(),
			"The token was revoked or has expired. The plan creates a new token.",
		)
		resp.State.RemoveResource(ctx)
		return
	}
	if moved && !r.findOwner(ctx, list.TokenList, info, state.Owner, &resp.Diagnostics) {
		return
	}
	f := rotation.Facts{Now: list.Now, Live: live}
	if live {
		if rightful, who := list.OwnedBy(info, state.Owner.ApplicationID.ValueString()); !rightful {
			f.Owner = who
		}
		state.Comment = fwkit.String(client.Unmark(info.Comment))
		state.show(info, r.Client.WorkspaceID())
		at := m.StoredVersions[info.ID]
		f.VaultLost = r.CheckSecret(ctx, kind, secretMark, &state, at, &resp.Diagnostics)
		f.Unusable = m.Unusable(state.Rotating())
	}
	if !shown.previousLive {
		fwkit.EndOverlap(&state)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	m.Verdict = rotation.Judge(state.Rotating().Recorded(), f)
	warnOfVerdict(state, m.Verdict.Reason, f, &resp.Diagnostics)
	if at := unusedUntil(info); live && !at.IsZero() && list.Now.After(at.Add(-unusedNotice)) &&
		(state.ExpiresAt.IsNull() || at.Before(fwkit.ParseTime(state.ExpiresAt))) {
		resp.Diagnostics.AddWarning(
			"Token is about to be revoked because it is unused: "+state.String(),
			fmt.Sprintf(
				"Azure Databricks revokes a token that was not used for 90 days, and this token was last used, or "+
					"created, at %s. If nobody needs the token, remove the resource. Otherwise use the token, or "+
					"rotate it earlier with rotate_before_seconds.",
				at.Add(-unusedLimit).Format(time.DateOnly),
			),
		)
	}
	fwkit.Save(ctx, &resp.State, resp.Identity, state, &resp.Diagnostics)
	m.Store(ctx, resp.Private, &resp.Diagnostics)
}

// warnOfVerdict adds a warning that explains why the token is rotated, if the reason alone does not explain it.
func warnOfVerdict(state tokenModel, reason rotation.Reason, f rotation.Facts, diags *diag.Diagnostics) {
	const next = " The plan rotates the token; applications must switch to the new value."
	switch reason {
	case rotation.Revoked:
		diags.AddWarning(
			"Token is gone: "+state.String(),
			"There are three possible causes: somebody revoked the token; its owner was deleted or lost the right to "+
				"use tokens; or the token was not used for 90 days, after which Azure Databricks revokes a token."+next,
		)
	case rotation.Owner:
		diags.AddWarning(
			"Token belongs to another principal: "+state.String(),
			"The workspace reports that the owner of this token is "+f.Owner+"."+next,
		)
	}
}

func (r *tokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state, config tokenModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	state.keepTokens(r.Client)
	record := fwkit.UpdateRecord(ctx, r.Client, cannotDisable, req, resp)
	record.Verdict = record.Verdict.About(state.ID.ValueString())
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	c := changes{plan: plan, state: state, want: r.wanted(ctx, plan, config), have: state.toToken()}
	if c.any() && r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	if plan.Rotates() {
		r.rotate(ctx, c, record)
		return
	}
	if !plan.Owner.sameLogin(*state.Owner) &&
		fwkit.Failed(&resp.Diagnostics, checkOwner(r.Client, c.want.Owner, false), cannotLogIn, state.String()) {
		return
	}

	if c.endsOverlap() {
		previous := state.PreviousTokenID.ValueString()
		err := revoke(ctx, r.Client, c.want.Owner, previous, state.isOthers(previous, record.Verdict))
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot revoke the token before this one", state.String()) {
			return
		}
		fwkit.EndOverlap(&state)
		state.RotationReason = plan.RotationReason
	}
	named := state
	named.Comment = plan.Comment
	record.CleanUp(ctx, &state, named.String())
	if mask := c.mask(); len(mask) > 0 {
		as, err := logIn(ctx, r.Client, c.want.Owner)
		if err == nil {
			err = adviseChange(as.ChangeOwnToken(ctx, state.ID.ValueString(), mask, c.want.Comment, c.want.Scopes))
		}
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot change token", state.String()) {
			return
		}
	}
	if at, known := record.StoredVersions[state.ID.ValueString()]; known && c.secretChanged() {
		err := rotation.ChangeSecret(ctx, r.Client, at, *c.want.Secret, state.ID.ValueString())
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot change the token's secret in Key Vault", state.String()) {
			return
		}
	}
	record.SaveSettled(ctx, &plan)
}

func (r *tokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state tokenModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	m := fwkit.RecallRotation(ctx, req.Private, &resp.Diagnostics)
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	for _, id := range []string{state.PreviousTokenID.ValueString(), state.ID.ValueString()} {
		if id == "" {
			continue
		}
		err := revoke(ctx, r.Client, state.Owner.toOwner(writeOnly), id, state.isOthers(id, m.Verdict))
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot revoke token", state.String()) {
			return
		}
	}
	m.DisableOthers(ctx, r.Client, fwkit.Rotating{}, cannotDisable, state.String(), &resp.Diagnostics)
}

package serviceprincipaloauthsecret

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

type secretResource struct{ fwkit.Resource }

const cannotDisable = "The version of a deleted OAuth secret is still enabled in Key Vault"

var (
	_ resource.ResourceWithValidateConfig = &secretResource{}
	_ resource.ResourceWithModifyPlan     = &secretResource{}
	_ resource.ResourceWithImportState    = &secretResource{}
)

func (r *secretResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan secretModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	want := plan.toSecret()

	principalID, _, err := r.Client.PrincipalID(ctx, want.ApplicationID)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot create an OAuth secret for this service principal", plan.String()) {
		return
	}
	store, err := rotation.OpenStore(ctx, r.Client, want.Secret, nil, true)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot store an OAuth secret in Key Vault", plan.String()) {
		return
	}
	s := &steps{c: r.Client, principalID: principalID, want: want, store: store}
	id, err := rotation.Issue(ctx, s)
	err = kind.AdviseUnusable(err, "delete")
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot create OAuth secret", plan.String()) && id == "" {
		return
	}
	// The secret exists now, and its value can never be read again. So the secret and its value are saved before
	// anything else can fail.
	plan.show(s.made.OAuthSecret, principalID, r.Client)
	fwkit.CreateRecord(resp).Created(ctx, &plan, s.made.Value, s.version)
	if err == nil {
		r.report(s, plan, &resp.Diagnostics)
	}
}

// report adds warnings about a secret that was created: if it was not verified, if other secrets may be left over, or
// if the principal has no room for one more secret at the next rotation.
func (r *secretResource) report(s *steps, plan secretModel, diags *diag.Diagnostics) {
	if s.warning != nil {
		fwkit.Warn(diags, s.warning, "The new OAuth secret could not be verified", plan.String())
	}
	if len(s.made.revoked) > 0 {
		diags.AddWarning(
			"OAuth secret was deleted because its value was lost: "+plan.String(),
			"The service created this secret for a request whose answer was lost, so nobody has its value:\n"+
				describe(s.made.revoked),
		)
	}
	switch {
	case s.made.lookErr != nil:
		fwkit.Warn(
			diags,
			client.AddAdvice(
				s.made.lookErr,
				fmt.Sprintf(
					"An earlier request, whose answer was lost, may have created another secret shortly before %s. "+
						"Nobody has the value of that secret. Look for it among the OAuth secrets of the service "+
						"principal, and delete it. %s",
					plan.CreatedAt.ValueString(),
					describe(s.made.strays),
				),
			),
			"OAuth secrets may be left over",
			plan.String(),
		)
	case len(s.made.strays) > 0:
		diags.AddWarning(
			"OAuth secrets may be left over: "+plan.String(),
			"A request whose answer was lost may have created one of these secrets. But another run may have created "+
				"it, so the provider deleted none of "+
				"them:\n"+describe(s.made.strays)+"\nDelete the ones that nobody uses.",
		)
	}
	if s.noneFree() && !plan.RotateAt.IsNull() {
		diags.AddWarning(
			"The next rotation will fail, because all OAuth secrets are in use: "+plan.String(),
			fmt.Sprintf("The service allows %d OAuth secrets for a service principal, and this one has as many. A "+
				"rotation creates the new secret before it deletes the old one, so it will fail. Delete a secret "+
				"that nobody uses:\n%s", maxSecrets, describe(s.left.Secrets)),
		)
	}
}

func (r *secretResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state secretModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	m := fwkit.RecallRotation(ctx, req.Private, &resp.Diagnostics)
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	state.complete()
	fwkit.SetIdentity(ctx, resp.Identity, state, &resp.Diagnostics)

	principalID, list, err := find(
		ctx,
		r.Client,
		state.ApplicationID.ValueString(),
		state.ServicePrincipalID.ValueString(),
	)
	if state.OnlyWarns() && err != nil && !errors.Is(err, client.ErrNotFound) {
		if !r.WrongWorkspaceAfter(ctx, err, state.WorkspaceID, state.String(), &resp.Diagnostics) {
			fwkit.Warn(&resp.Diagnostics, err, "Cannot check OAuth secret", state.String())
		}
		return
	}
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		err = kind.AdviseUnchecked(err)
	}
	if r.FailedRead(ctx, err, state.WorkspaceID, "Cannot read OAuth secret", state.String(), &resp.Diagnostics) {
		return
	}
	if errors.Is(err, client.ErrNotFound) {
		principalID, list.Now = "", r.Client.Now()
	}
	shown := look(list, state)
	decide := func(now time.Time) (listed, rotation.Verdict) {
		at := list
		at.Now = now
		seen := look(at, state)
		return seen, rotation.Judge(state.Rotating().Recorded(), rotation.Facts{Now: now, Live: seen.live})
	}
	err = rotation.CheckClock(list.Now, func(service, machine time.Time) bool {
		there, decided := decide(service)
		here, otherwise := decide(machine)
		return there.live == here.live && there.previous == here.previous && decided == otherwise
	})
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot find out whether an OAuth secret is due, because two clocks differ",
		state.String()) {
		return
	}
	f := rotation.Facts{Now: list.Now, Live: shown.live}
	if shown.live {
		state.show(shown.info, principalID, r.Client)
		at := m.StoredVersions[shown.info.ID]
		f.VaultLost = r.CheckSecret(ctx, kind, versionMark, &state, at, &resp.Diagnostics)
		f.Unusable = m.Unusable(state.Rotating())
	}
	// If the principal is not in the workspace, the account may still have the previous secret. That secret works again
	// when its principal is added again, so the state keeps it.
	if !shown.previous && principalID != "" {
		fwkit.EndOverlap(&state)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	m.Verdict = rotation.Judge(state.Rotating().Recorded(), f)
	if m.Verdict.Reason == rotation.Revoked {
		resp.Diagnostics.AddWarning(
			"OAuth secret no longer works: "+state.String(),
			shown.why(principalID)+" The plan rotates the secret; applications must switch to the new value.",
		)
	}
	fwkit.Save(ctx, &resp.State, resp.Identity, state, &resp.Diagnostics)
	m.Store(ctx, resp.Private, &resp.Diagnostics)
}

// listed is what a list shows of the current and the previous secret of a state.
type listed struct {
	info        client.OAuthSecret
	there, live bool
	previous    bool // the list has the previous secret, and it has not expired, whatever its status
}

func look(list client.OAuthSecretList, state secretModel) (s listed) {
	s.info, s.there = list.ByID(state.ID.ValueString())
	s.live = s.there && list.Live(s.info)
	previous, there := list.ByID(state.PreviousSecretID.ValueString())
	s.previous = there && (previous.ExpiresAt.IsZero() || previous.ExpiresAt.After(list.Now))
	return s
}

// why returns, for a message, why a secret that has not expired does not work.
func (s listed) why(principalID string) string {
	switch {
	case principalID == "":
		return "The service principal of this secret is not in this workspace."
	case s.there:
		return fmt.Sprintf("The workspace shows the status of the secret as %q.", s.info.Status)
	}
	return "Somebody deleted the secret: the workspace lists the OAuth secrets of its service principal without it."
}

func (r *secretResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state secretModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	record := fwkit.UpdateRecord(ctx, r.Client, cannotDisable, req, resp)
	record.Verdict = record.Verdict.About(state.ID.ValueString())
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	c := changes{plan: plan, state: state, want: plan.toSecret(), have: state.toSecret()}
	if c.any() && r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	if plan.Rotates() {
		r.rotate(ctx, c, record)
		return
	}
	if plan.Rotating().EndsOverlap(state.Rotating()) {
		previous := state.PreviousSecretID.ValueString()
		left, err := remove(ctx, r.Client, state.ServicePrincipalID.ValueString(), previous)
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot delete the OAuth secret before this one", state.String()) {
			return
		}
		if left {
			warnOfLeft(state, previous, &resp.Diagnostics)
		}
		fwkit.EndOverlap(&state)
		state.RotationReason = plan.RotationReason
	}
	record.CleanUp(ctx, &state, state.String())
	if at, known := record.StoredVersions[state.ID.ValueString()]; known && c.inVault() {
		err := rotation.ChangeSecret(ctx, r.Client, at, *c.want.Secret, state.ID.ValueString())
		if fwkit.Failed(
			&resp.Diagnostics,
			err,
			"Cannot change the OAuth secret's version in Key Vault",
			state.String(),
		) {
			return
		}
	}
	record.SaveSettled(ctx, &plan)
}

// rotate executes the rotation that the plan shows. See [rotation.Rotate] for the order of its steps.
func (r *secretResource) rotate(ctx context.Context, c changes, record *fwkit.RotationRecord) {
	plan, state, verdict, diags := c.plan, c.state, record.Verdict, record.Diags
	principalID, have, err := find(ctx, r.Client, c.want.ApplicationID, state.ServicePrincipalID.ValueString())
	if err == nil && state.PreviousSecretID.IsNull() &&
		rotation.InUse(rotation.Reason(plan.RotationReason.ValueString()), verdict) {
		err = checkFree(have, c.want.ApplicationID) // check this before anything is written to Key Vault
	}
	if fwkit.Failed(diags, err, "Cannot rotate OAuth secret of this service principal", state.String()) {
		return
	}
	store, err := record.OpenStore(ctx, c.want.Secret, plan.RotatedModel, state.RotatedModel)
	if fwkit.Failed(diags, err, "Cannot store the new OAuth secret in Key Vault", state.String()) {
		return
	}
	s := &steps{c: r.Client, principalID: principalID, want: c.want, store: store}
	s.onCreate = func() {
		plan.show(s.made.OAuthSecret, principalID, r.Client)
		fwkit.SetPrevious(&plan, &state, verdict, s.made.CreatedAt)
	}
	s.save = func(now rotation.Status) { record.Step(ctx, now, &state, &plan, s.made.Value, s.version) }
	left, err := rotation.Rotate(ctx, plan.Rotating().Plan(state.Rotating(), verdict), s)
	if blocked, ok := errors.AsType[*rotation.NotRevokedError](err); ok {
		fwkit.Failed(diags, blocked.Err, "Cannot delete one of two OAuth secrets", state.String())
		return
	}
	if fwkit.Failed(diags, kind.AdviseUnusable(err, "delete"), "Cannot rotate OAuth secret", state.String()) {
		return
	}
	if left != nil {
		fwkit.Warn(diags, left, "The old OAuth secret still works; the next apply deletes it", plan.String())
	}
	record.CleanUp(ctx, &plan, plan.String())
	r.report(s, plan, diags)
}

func (r *secretResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state secretModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	m := fwkit.RecallRotation(ctx, req.Private, &resp.Diagnostics)
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	for _, id := range []string{state.PreviousSecretID.ValueString(), state.ID.ValueString()} {
		if id == "" {
			continue
		}
		left, err := remove(ctx, r.Client, state.ServicePrincipalID.ValueString(), id)
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot delete OAuth secret", state.String()) {
			return
		}
		if left {
			warnOfLeft(state, id, &resp.Diagnostics)
		}
	}
	m.DisableOthers(ctx, r.Client, fwkit.Rotating{}, cannotDisable, state.String(), &resp.Diagnostics)
}

// warnOfLeft adds a warning that a secret may still exist in the account, although the state no longer records it.
func warnOfLeft(state secretModel, id string, diags *diag.Diagnostics) {
	state.SecretID = types.StringValue(id)
	diags.AddWarning(
		"OAuth secret may still exist in the account: "+state.String(),
		"The service principal is no longer in this workspace, so the workspace cannot delete its OAuth "+
			"secret "+id+". "+
			"OAuth secrets belong to the account, so an account admin can delete it there.",
	)
}

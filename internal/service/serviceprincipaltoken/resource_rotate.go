package serviceprincipaltoken

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// rotate executes the rotation that the plan shows. See [rotation.Rotate] for the order of its steps.
func (r *tokenResource) rotate(ctx context.Context, c changes, record *fwkit.RotationRecord) {
	plan, state, verdict, diags := c.plan, c.state, record.Verdict, record.Diags
	as, err := logIn(ctx, r.Client, c.want.Owner)
	if err == nil { // detect a refused credential before anything is revoked
		_, err = as.Token(ctx, auth.DatabricksScope)
	}
	if fwkit.Failed(diags, err, cannotLogIn, state.String()) {
		return
	}
	addLoginWarnings(as, r.Client, diags)
	seen, ok := r.canManageTokens(ctx, c.want.Owner, plan, diags)
	if !ok {
		return
	}
	store, err := record.OpenStore(ctx, c.want.Secret, plan.RotatedModel, state.RotatedModel)
	if fwkit.Failed(diags, err, "Cannot store the new token in Key Vault", state.String()) {
		return
	}
	sweepDue, endSweep, err := beginSweep(ctx, r.Client, c.want.Owner, seen)
	defer endSweep()
	if fwkit.Failed(diags, err, "Cannot wait until the stray tokens of the owner are revoked", state.String()) {
		return
	}
	others := func(id string) bool { return state.isOthers(id, verdict) }
	s := &steps{c: r.Client, as: as, want: c.want, store: store, others: others}
	s.created = func() {
		plan.show(s.made.TokenInfo, as.WorkspaceID())
		fwkit.SetPrevious(&plan, &state, verdict, s.made.CreatedAt)
	}
	s.save = func(now rotation.Status) { record.Step(ctx, now, &state, &plan, s.made.Value, s.version) }
	left, err := rotation.Rotate(ctx, plan.Rotating().Plan(state.Rotating(), verdict), s)
	if blocked, ok := errors.AsType[*rotation.NotRevokedError](err); ok {
		fwkit.Failed(diags, blocked.Err, "Cannot revoke one of two tokens", state.String())
		return
	}
	if fwkit.Failed(diags, kind.AdviseUnusable(err, "revoke"), "Cannot rotate token", state.String()) {
		return
	}
	if left != nil {
		fwkit.Warn(diags, left, "The old token is still valid; the next apply revokes it", plan.String())
	}
	record.CleanUp(ctx, &plan, plan.String())
	r.finish(ctx, s, plan, sweepDue, diags)
}

// finish removes the marker from the comment of a token that the state records. Then it revokes the tokens that
// interrupted runs have left behind for the same owner, if sweepDue is true.
func (r *tokenResource) finish(ctx context.Context, s *steps, plan tokenModel, sweepDue bool, diags *diag.Diagnostics) {
	as, want, made := s.as, s.want, s.made
	if made.stray != nil {
		fwkit.Warn(diags, made.stray, "A second token may exist", plan.String())
	}
	for _, t := range made.duplicates {
		diags.AddWarning(
			"Token was revoked because its value was lost: "+nameOf(t, want.Owner.ApplicationID),
			fmt.Sprintf(
				"Token %s was created by an earlier attempt of the request for %s. The answer with its value was "+
					"lost, so nobody has the value.",
				t.ID,
				plan.String(),
			),
		)
	}
	err := removeMarker(ctx, as, made.ID, want.Comment)
	if err != nil && r.Client.FirstTime("warning of markers that stay") {
		fwkit.Warn(diags, adviseMarker(err), "The provider's marker stays in the token's comment", plan.String())
	}
	if !sweepDue {
		return
	}
	client.PerClient[swept](r.Client).Store(sweepName(want.Owner), true)
	if err != nil {
		return
	}
	revoked, err := sweep(ctx, r.Client, as, want.Owner, made.ID)
	for _, t := range revoked {
		diags.AddWarning(
			"Token of an interrupted run was revoked: "+nameOf(t, want.Owner.ApplicationID),
			fmt.Sprintf(
				"Token %s was created at %s by a run of this provider that ended before the state recorded the "+
					"token, as the marker in its comment %q shows. The token was never used.",
				t.ID,
				t.CreatedAt.UTC().Format(time.RFC3339),
				t.Comment,
			),
		)
	}
	if err != nil {
		fwkit.Warn(diags, err, "Tokens of interrupted runs may still exist", plan.String())
	}
}

// nameOf returns the name, for messages, of a token that no state records.
func nameOf(t client.TokenInfo, owner string) string {
	return tokenModel{
		TokenID: types.StringValue(t.ID),
		Owner:   &ownerModel{ApplicationID: types.StringValue(owner)},
		Comment: fwkit.String(client.Unmark(t.Comment)),
	}.String()
}

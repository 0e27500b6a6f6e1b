package tokenpermission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionResource struct{ fwkit.Resource }

var (
	_ resource.ResourceWithConfigValidators = &permissionResource{}
	_ resource.ResourceWithModifyPlan       = &permissionResource{}
	_ resource.ResourceWithImportState      = &permissionResource{}
)

func (r *permissionResource) ConfigValidators(context.Context) []resource.ConfigValidator {
	return fwkit.OnePrincipal()
}

// ModifyPlan warns if the plan revokes the right to use tokens, by destroying or replacing the resource, because the
// service then deletes the principal's tokens. It does not warn if the plan keeps or creates the same right at another
// address, because then the right stays.
func (r *permissionResource) ModifyPlan(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) {
	var state, plan permissionModel
	if !req.State.Raw.IsNull() && !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) ||
		!req.Plan.Raw.IsNull() && !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	have, want := state.toPrincipal(), plan.toPrincipal()
	if have.Name != "" && !have.Same(want) &&
		len(r.PlanToRemove(ctx, have.Name, resp.Private, &resp.Diagnostics, state.shared())) == 0 {
		resp.Diagnostics.AddWarning("Live tokens will be deleted: "+have.Name, fmt.Sprintf(
			"This plan revokes the right of %s to use personal access tokens. At that moment, the service deletes "+
				"all live tokens of this principal, whoever created them.",
			state,
		))
	}
	if want.Name == "" { // destroyed, or known only after apply
		return
	}
	if have == want && r.Client.IsRenamed(want.Name) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("display_name"), types.StringUnknown())...)
	}
	r.PlanToKeep(want.Name, req.State.Raw.Equal(resp.Plan.Raw), &resp.Diagnostics, plan.shared())
	if req.State.Raw.IsNull() {
		fwkit.NoteCreation(ctx, resp.Private, rightKey(want), &resp.Diagnostics)
	}
}

// shared returns the description by which a plan recognizes that two addresses manage the same right.
func (m permissionModel) shared() fwkit.SharedObject {
	return fwkit.SharedObject{
		PlannedObject: client.PlannedObject{
			ObjectKey: rightKey(m.toPrincipal()),
			Address:   client.Address{Resource: "dbxaccess_token_permission"},
		},
		Name: m.String(), Consequence: "the service deletes the principal's live tokens",
	}
}

func (r *permissionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan permissionModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, fwkit.GrantTimeout, &resp.Diagnostics)
	defer cancel()
	p := plan.toPrincipal()

	entry, err := grantTokenUse(ctx, r.Client, p)
	var held *acl.HeldError
	switch {
	case errors.As(err, &held):
		resp.Diagnostics.AddError("The principal holds more than the right to use tokens", fmt.Sprintf(
			"%s, which includes using tokens. There is nothing to grant; remove this resource from the configuration.",
			held,
		))
		return
	case client.IsUnverified(err):
		const summary = "The right to use tokens was accepted and could not be read back"
		fwkit.Warn(&resp.Diagnostics, err, summary, p.String())
	case fwkit.Failed(&resp.Diagnostics, err, "Cannot grant the right to use tokens", p.String()):
		return
	}
	plan.ID = types.StringValue(p.Name)
	plan.DisplayName = fwkit.String(entry.DisplayName)
	plan.WorkspaceID = fwkit.String(r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, plan, &resp.Diagnostics)
}

func (r *permissionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state permissionModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	fwkit.SetIdentity(ctx, resp.Identity, state, &resp.Diagnostics)

	list, err := acl.Read(ctx, r.Client, acl.Tokens, client.AnyAge)
	if r.FailedRead(
		ctx,
		err,
		state.WorkspaceID,
		"Cannot read the right to use tokens",
		state.String(),
		&resp.Diagnostics,
	) {
		return
	}
	entry, found := list.Find(state.toPrincipal()) // the list itself disappears with the workspace's last token
	if !found || entry.Direct != acl.CanUse {
		resp.State.RemoveResource(ctx)
		return
	}
	state.DisplayName = fwkit.String(entry.DisplayName)
	state.WorkspaceID = fwkit.String(r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, state, &resp.Diagnostics)
}

// Update reads the display name of a principal that this run renames. Apart from that, only timeouts can change without
// a replacement.
func (r *permissionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state permissionModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	r.Client.Keep(rightKey(plan.toPrincipal()))
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if plan.DisplayName.IsUnknown() {
		plan.DisplayName = state.DisplayName
		if entry, found, err := acl.FindNow(ctx, r.Client, acl.Tokens, plan.toPrincipal()); err == nil && found {
			plan.DisplayName = fwkit.String(entry.DisplayName) // otherwise the next refresh finds the name
		}
	}
	fwkit.Save(ctx, &resp.State, resp.Identity, plan, &resp.Diagnostics)
}

func (r *permissionResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state permissionModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	mine, object := rightKey(state.toPrincipal()), "the right of "+state.String()+" to use tokens"
	if r.MustKeep(ctx, req.Private, mine, mine, object, &resp.Diagnostics) ||
		r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	// The service deletes the principal's tokens together with the right.
	err := acl.Revoke(ctx, r.Client, acl.Tokens, state.toPrincipal())
	if errors.Is(err, client.ErrKept) {
		fwkit.WarnOfKept(&resp.Diagnostics, object)
		return
	}
	fwkit.Failed(&resp.Diagnostics, err, "Cannot revoke the right to use tokens", state.String())
}

func (r *permissionResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := fwkit.ImportedIdentity(req)
	given := cmp.Or(req.ID, fwkit.IdentifiedPrincipal(ctx, identity))
	attribute, name := fwkit.SplitPrincipal(given)
	if name == "" {
		resp.Diagnostics.AddError("Import id of a right to use tokens is malformed", fmt.Sprintf(
			"%q does not name a principal. Write one application id, e-mail or group name. If the kind of principal "+
				"is not clear from the text, write the kind first, such as group_name=NAME. An identity names "+
				"exactly one principal.",
			given,
		))
		return
	}
	list, err := acl.Read(ctx, r.Client, acl.Tokens, client.AnyAge)
	if r.WrongWorkspace(ctx, identity.String(ctx, "workspace_id"), given, &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import the right to use tokens", given) {
		return
	}
	found := slices.DeleteFunc(
		list.Direct(acl.Kind(attribute), name),
		func(e acl.Entry) bool { return e.Direct != acl.CanUse },
	)
	if len(found) != 1 {
		resp.Diagnostics.AddError("Import id does not match exactly one right to use tokens", fmt.Sprintf(
			"%q matches %d principals with a direct CAN_USE. Write an application id, an e-mail or a group name, or "+
				"write the kind first: group_name=NAME. Direct grants in the list: %s.",
			given,
			len(found),
			list,
		))
		return
	}
	m := imported(found[0], r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, m, &resp.Diagnostics)
}

package groupmember

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type memberResource struct{ fwkit.Resource }

var (
	_ resource.ResourceWithModifyPlan  = &memberResource{}
	_ resource.ResourceWithImportState = &memberResource{}
)

// ModifyPlan warns if the plan makes a service principal a workspace admin. It refuses a plan that would remove the
// provider's own admin rights, if the login names its application id. If only the workspace knows who the provider is,
// the apply refuses.
func (r *memberResource) ModifyPlan(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) {
	var plan, state memberModel
	if !req.State.Raw.IsNull() && !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) ||
		!req.Plan.Raw.IsNull() && !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	have, want := state.toMembership(), plan.toMembership()
	known := !plan.GroupName.IsUnknown() && !plan.ApplicationID.IsUnknown()
	leaves := have.Group != "" && known && have.keyByNames() != want.keyByNames()
	if have.Group != "" && have.keyByNames() != want.keyByNames() &&
		len(r.PlanToRemove(ctx, have.ID(), resp.Private, &resp.Diagnostics, have.shared())) > 0 {
		leaves = false
	}
	if want.Group != "" && want.ApplicationID != "" { // neither destroyed nor known only after apply
		r.PlanToKeep(want.ID(), req.State.Raw.Equal(req.Plan.Raw), &resp.Diagnostics, want.shared())
	}
	if want.Group == client.AdminsGroup && want.keyByNames() != have.keyByNames() {
		if plan.ApplicationID.IsUnknown() {
			want.ApplicationID = "known after apply"
		}
		resp.Diagnostics.AddWarning(
			"Becomes a workspace admin: "+want.String(),
			"Members of the group admins can see and change everything in the workspace: data, secrets, every access "+
				"list and every token. To call an endpoint, CAN_QUERY on this endpoint is enough.",
		)
	}
	if have.Group != "" && want.Group != "" && want.Group != have.Group && r.Client.Ready() {
		group, err := findGroup(ctx, r.Client, want.Group)
		if err == nil {
			err = group.Changeable()
		}
		fwkit.WarnOfReplacement(&resp.Diagnostics, err, "group_name", have.String())
	}
	own := r.Client.KnownApplicationID()
	if leaves && have.Group == client.AdminsGroup && own != "" && strings.EqualFold(own, have.ApplicationID) {
		err := adviseSelf(have)
		fwkit.Failed(&resp.Diagnostics, err, "The plan would take the provider's own rights away", have.String())
	}
}

// shared returns the description by which a plan recognizes that two addresses manage the same membership.
func (m membership) shared() fwkit.SharedObject {
	return fwkit.SharedObject{
		PlannedObject: client.PlannedObject{
			ObjectKey: m.keyByNames(), Address: client.Address{Resource: "dbxaccess_group_member"},
		},
		Name: m.String(), Consequence: "the service principal is not in the group in the meantime",
	}
}

func (r *memberResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan memberModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()

	have, err := addMember(ctx, r.Client, plan.toMembership())
	if client.IsUnverified(err) {
		fwkit.Warn(&resp.Diagnostics, err, "The membership was accepted and could not be read back", have.String())
	} else if fwkit.Failed(&resp.Diagnostics, err, "Cannot add to group", have.String()) {
		return
	}
	fwkit.NoteWritten(ctx, resp.Private, r.Client.Now(), &resp.Diagnostics)
	plan.show(have, r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, plan, &resp.Diagnostics)
}

func (r *memberResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state memberModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	have := state.toMembership()
	fwkit.SetIdentity(ctx, resp.Identity, state, &resp.Diagnostics)

	now, err := readMember(
		ctx,
		r.Client,
		have,
		fwkit.Written(ctx, req.Private, &resp.Diagnostics),
		state.WorkspaceID.ValueString(),
	)
	left := errors.Is(err, errNotMember)
	if left {
		err = nil // the group was read, which is all that the comparison of workspaces needs
	}
	if r.FailedRead(ctx, err, state.WorkspaceID, "Cannot read group", have.String(), &resp.Diagnostics) {
		return
	}
	switch {
	case err != nil:
		resp.Diagnostics.AddWarning(
			"Group is gone: "+have.Group,
			fmt.Sprintf(
				"The group was deleted, and with it the membership of %s. The plan adds the membership again. Create "+
					"the group before the apply.",
				have,
			),
		)
	case have.GroupID != "" && now.GroupID != have.GroupID:
		then := "The service principal is also a member of the new group."
		if left {
			then = "The service principal is not a member of the new group. The plan adds it."
		}
		resp.Diagnostics.AddWarning(
			"Group was re-created under its name: "+have.Group,
			fmt.Sprintf(
				"The membership of %s was in the group with the id %s. The group with this name now has the id %s. %s",
				have,
				have.GroupID,
				now.GroupID,
				then,
			),
		)
	}
	if err != nil || left {
		resp.State.RemoveResource(ctx)
		return
	}
	state.show(now, r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, state, &resp.Diagnostics)
}

// Update sends no request: a change of anything except timeouts replaces the resource.
func (r *memberResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan memberModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	plan.toMembership().keep(r.Client)
	fwkit.Save(ctx, &resp.State, resp.Identity, plan, &resp.Diagnostics)
}

func (r *memberResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state memberModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	have := state.toMembership()
	if r.MustKeep(ctx, req.Private, have.keyByNames(), have.keyByIDs(), have.String(), &resp.Diagnostics) ||
		r.WrongWorkspace(ctx, state.WorkspaceID, have.String(), &resp.Diagnostics) {
		return
	}
	err := refuseSelf(ctx, r.Client, have)
	if fwkit.Failed(&resp.Diagnostics, err, "Refused to take the provider's own rights away", have.String()) {
		return
	}
	err = removeMember(ctx, r.Client, have)
	if errors.Is(err, client.ErrKept) {
		fwkit.WarnOfKept(&resp.Diagnostics, have.String())
		return
	}
	if client.IsUnverified(err) {
		// The principal may still be a member, so the state keeps the membership, and the next apply removes it again.
		fwkit.Failed(&resp.Diagnostics, err, "The removal was accepted and could not be read back", have.String())
		return
	}
	fwkit.Failed(&resp.Diagnostics, err, "Cannot remove from group", have.String())
}

// ImportState imports a membership by GROUP_NAME/APPLICATION_ID or by an identity.
func (r *memberResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := fwkit.ImportedIdentity(req)
	want := membership{
		Group:         identity.String(ctx, "group_name").ValueString(),
		ApplicationID: identity.String(ctx, "application_id").ValueString(),
	}
	given := cmp.Or(req.ID, want.ID())
	if want.Group, want.ApplicationID = splitID(given); want.Group == "" || len(want.ApplicationID) != 36 ||
		uuid.Validate(want.ApplicationID) != nil {
		resp.Diagnostics.AddError(
			"Import id of a group member is malformed",
			fmt.Sprintf(
				"%q does not have the form GROUP_NAME/APPLICATION_ID. Write the group's name, a slash, and the "+
					"application (client) id of the service principal, a UUID.",
				given,
			),
		)
		return
	}
	have, err := importMember(ctx, r.Client, want)
	if r.WrongWorkspace(ctx, identity.String(ctx, "workspace_id"), want.String(), &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import group member", have.String()) {
		return
	}
	m := imported(have, r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, m, &resp.Diagnostics)
}

package servingendpointpermission

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
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

// ModifyPlan warns if two resources of one configuration manage the same grant, which only the provider can see. The
// resource that is planned second gets the warning.
func (r *permissionResource) ModifyPlan(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) {
	var have, planned grant
	if !req.State.Raw.IsNull() &&
		!req.State.Raw.Equal(req.Plan.Raw) { // nearly always equal, and comparing costs less than decoding
		var state permissionModel
		if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
			return
		}
		have = state.toGrant()
	}
	if !req.Plan.Raw.IsNull() {
		var plan permissionModel
		if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
			return
		}
		planned = plan.toGrant()
	}
	stays := have.keyByName() == planned.keyByName()
	if have.Endpoint != "" && !stays {
		stays = len(r.PlanToRemove(ctx, have.ID(), resp.Private, &resp.Diagnostics, have.shared())) > 0
	}
	if r.manages(have) && (!stays || have.keyByName() == planned.keyByName() && planned.Level != have.Level) {
		resp.Diagnostics.AddWarning(
			"The provider gives up its own CAN_MANAGE on serving endpoint: "+have.Endpoint,
			fmt.Sprintf("The plan changes or revokes %s. After that, the provider's identity can no longer change "+
				"who may call the endpoint, not even later in this apply, unless it is a workspace admin. To keep "+
				"the grant, let Terraform forget the resource with a removed block and destroy = false.", have),
		)
	}
	if have.Endpoint != "" && planned.Endpoint != "" && planned.Endpoint != have.Endpoint {
		r.checkReplacement(ctx, req.Config, planned.Endpoint, have, &resp.Diagnostics)
	}
	if planned.Endpoint == "" || planned.Principal.Name == "" { // destroyed, or known only after apply
		return
	}
	if !req.State.Raw.IsNull() && r.Client.IsRenamed(planned.Principal.Name) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("display_name"), types.StringUnknown())...)
	}
	r.PlanToKeep(planned.ID(), req.State.Raw.Equal(resp.Plan.Raw), &resp.Diagnostics, planned.shared())
	if req.State.Raw.IsNull() && r.manages(planned) {
		// If Terraform replaces this grant, revoking it would also take away the right to create it again.
		fwkit.NoteCreation(ctx, resp.Private, planned.keyByName(), &resp.Diagnostics)
		resp.Diagnostics.AddWarning(
			"Manages the provider's own CAN_MANAGE on serving endpoint: "+planned.Endpoint,
			"The creator of an endpoint has CAN_MANAGE from the start, and this resource adopts that grant. A "+
				"destroy of this resource revokes it, and then only a workspace admin or another principal with "+
				"CAN_MANAGE can grant it again.",
		)
	}
	if acl.ManageGrant(r.Client, planned.Endpoint, planned.Principal) {
		resp.Diagnostics.AddWarning(
			"Access list and single grant are both managed: "+planned.Endpoint,
			fmt.Sprintf("dbxaccess_serving_endpoint_permissions_exclusive manages all direct grants on serving "+
				"endpoint %s, but a dbxaccess_serving_endpoint_permission also manages the grant of %s. Each of the "+
				"two resources undoes the changes of the other. Either write the principal in the maps of the "+
				"exclusive resource only, or keep this resource and name the principal in ignore_principals of the "+
				"exclusive resource.", planned.Endpoint, acl.Describe(planned.Principal, planned.ShownAs)),
		)
	}
}

// checkReplacement warns if the endpoint to which the grant is to move cannot be found. One request, shared by all
// grants that move to that endpoint.
func (r *permissionResource) checkReplacement(
	ctx context.Context,
	config tfsdk.Config,
	endpoint string,
	have grant,
	diags *diag.Diagnostics,
) {
	var endpointID types.String
	diags.Append(config.GetAttribute(ctx, path.Root("endpoint_id"), &endpointID)...)
	if endpointID.IsUnknown() ||
		!r.Client.Ready() { // a configured but unknown id is that of an endpoint which this apply creates
		return
	}
	_, err := r.Client.EndpointID(ctx, endpoint, client.AnyAge)
	fwkit.WarnOfReplacement(diags, err, "endpoint_name", have.String())
}

// manages reports whether the grant lets the provider's own identity manage the endpoint. It returns false if the login
// does not name its application id.
func (r *permissionResource) manages(g grant) bool {
	self := r.Client.KnownApplicationID()
	return self != "" && g.Level == acl.CanManage &&
		g.Principal.Same(acl.Principal{Kind: acl.ServicePrincipal, Name: self})
}

// shared returns the description by which a plan recognizes that two addresses manage the same grant.
func (g grant) shared() fwkit.SharedObject {
	return fwkit.SharedObject{
		PlannedObject: client.PlannedObject{
			ObjectKey: g.keyByName(),
			Address:   client.Address{Resource: "dbxaccess_serving_endpoint_permission", As: string(g.Level)},
		},
		Name: acl.Describe(g.Principal, g.ShownAs), Consequence: "the principal has no access in the meantime",
	}
}

func (r *permissionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan permissionModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, fwkit.GrantTimeout, &resp.Diagnostics)
	defer cancel()
	want := plan.toGrant()

	endpointID, entry, err := createGrant(ctx, r.Client, want)
	if client.IsUnverified(err) {
		fwkit.Warn(&resp.Diagnostics, err, "The grant was accepted and could not be read back", want.String())
		entry = acl.Entry{Direct: want.Level}
	} else if fwkit.Failed(&resp.Diagnostics, err, "Cannot grant access to serving endpoint", want.String()) {
		return
	}
	plan.ID = types.StringValue(want.ID())
	plan.show(endpointID, entry, r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, plan, &resp.Diagnostics)
}

func (r *permissionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state permissionModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	before, have := state, state.toGrant()

	endpointID, entry, err := readGrant(ctx, r.Client, have)
	if r.FailedRead(
		ctx,
		err,
		state.WorkspaceID,
		"Cannot read access to serving endpoint",
		have.String(),
		&resp.Diagnostics,
	) {
		return
	}
	found := err == nil && entry.Direct != ""
	switch {
	case err != nil:
		resp.Diagnostics.AddWarning("Serving endpoint is gone: "+have.Endpoint,
			fmt.Sprintf("The endpoint was deleted, and with it the grant %s. The plan grants it again. Create the "+
				"endpoint before the apply.", have))
	case have.EndpointID != "" && have.EndpointID != endpointID:
		now := "The new endpoint does not have this grant, and the plan grants it again."
		if found {
			now = "The new endpoint already has this grant."
		}
		resp.Diagnostics.AddWarning(
			"Serving endpoint was re-created under its name: "+have.Endpoint,
			fmt.Sprintf(
				"%s was granted on the endpoint with the id %s. The endpoint with this name now has the id %s. %s If "+
					"endpoint_id is written as a fixed text in the configuration, it is the old id: remove it, or "+
					"refer to the endpoint's resource.",
				have,
				have.EndpointID,
				endpointID,
				now,
			),
		)
	}
	if found {
		state.show(endpointID, entry, r.Client.WorkspaceID())
		fwkit.Refresh(ctx, &resp.State, before, state, &resp.Diagnostics)
	} else {
		resp.State.RemoveResource(ctx)
	}
	fwkit.SetIdentity(ctx, resp.Identity, state, &resp.Diagnostics)
}

func (r *permissionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state permissionModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	want, have := plan.toGrant(), state.toGrant()
	moved, changed := want.EndpointID != have.EndpointID, want.Level != have.Level

	endpointID := have.EndpointID
	var err error
	if moved || changed {
		// The endpoint may have been re-created since the plan, and the access list of the deleted endpoint still
		// accepts grants.
		endpointID, err = r.Client.EndpointIDGiven(ctx, want.Endpoint, want.EndpointID)
		if r.WrongWorkspaceAfter(ctx, err, state.WorkspaceID, have.String(), &resp.Diagnostics) {
			return
		}
	}
	switch {
	case err != nil:
	case moved: // the endpoint was replaced, and the new one has no grants yet
		_, _, err = createGrant(ctx, r.Client, want)
	case changed:
		err = changeGrant(ctx, r.Client, want)
	default:
		want.keep(r.Client, endpointID)
	}
	if client.IsUnverified(err) {
		fwkit.Warn(&resp.Diagnostics, err, "The changed grant was accepted and could not be read back", want.String())
	} else if fwkit.Failed(&resp.Diagnostics, err, "Cannot change access to serving endpoint", want.String()) {
		return
	}
	plan.EndpointID = fwkit.SameID(plan.EndpointID, endpointID)
	if plan.DisplayName.IsUnknown() { // the plan knows all other attributes
		plan.DisplayName = state.DisplayName
		if entry, found, err := acl.FindNow(ctx, r.Client, acl.Endpoint(endpointID), want.Principal); err == nil &&
			found {
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
	have := state.toGrant()
	kept := acl.GrantKey(acl.Endpoint(have.EndpointID).String(), have.Principal)
	if r.MustKeep(ctx, req.Private, have.keyByName(), kept, have.String(), &resp.Diagnostics) ||
		r.WrongWorkspace(ctx, state.WorkspaceID, have.String(), &resp.Diagnostics) {
		return
	}
	err := revokeGrant(ctx, r.Client, have)
	if errors.Is(err, client.ErrKept) {
		fwkit.WarnOfKept(&resp.Diagnostics, have.String())
		return
	}
	fwkit.Failed(&resp.Diagnostics, err, "Cannot revoke access to serving endpoint", have.String())
}

func (r *permissionResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := fwkit.ImportedIdentity(req)
	given := req.ID
	if given == "" && req.Identity != nil {
		given = identity.String(ctx, "endpoint_name").ValueString() + "/" + fwkit.IdentifiedPrincipal(ctx, identity)
	}
	endpoint, who, ok := strings.Cut(given, "/")
	attribute, name := fwkit.SplitPrincipal(who)
	if !ok || endpoint == "" || name == "" {
		resp.Diagnostics.AddError(
			"Import id of a serving endpoint grant is malformed",
			fmt.Sprintf("%q does not have the form ENDPOINT/PRINCIPAL. Write the endpoint's name, a slash, and the "+
				"application id, e-mail or group name. Or write the kind too: ENDPOINT/group_name=NAME. An identity "+
				"names exactly one principal.", given),
		)
		return
	}
	endpointID, list, err := acl.ReadEndpoint(ctx, r.Client, endpoint, client.AnyAge)
	if r.WrongWorkspace(ctx, identity.String(ctx, "workspace_id"), given, &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import access to serving endpoint", given) {
		return
	}
	entry, ok := oneGrant(list, attribute, name, given, &resp.Diagnostics)
	if !ok {
		return
	}
	m := imported(toGrant(endpoint, endpointID, entry), r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, m, &resp.Diagnostics)
}

// oneGrant returns the direct grant that an import id names. If there is none, or more than one, it adds an error and
// returns false.
func oneGrant(list acl.List, attribute, name, id string, diags *diag.Diagnostics) (acl.Entry, bool) {
	found := list.Direct(acl.Kind(attribute), name)
	switch len(found) {
	case 1:
		return found[0], true
	case 0:
		diags.AddError(
			"No such grant to import",
			fmt.Sprintf("%s: the endpoint has no direct grant for this principal. The direct grants of the endpoint "+
				"are: %s.", id, list),
		)
	default:
		diags.AddError(
			"Import id matches more than one grant",
			fmt.Sprintf("%s matches more than one direct grant: %s. Write the kind of the principal, as in "+
				"ENDPOINT/group_name=NAME.", id, found),
		)
	}
	return acl.Entry{}, false
}

package servingendpointpermissionsexclusive

import (
	"context"
	"fmt"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func (r *exclusiveResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := identityModel{EndpointName: types.StringValue(req.ID)}
	if req.ID == "" && req.Identity != nil {
		if resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...); resp.Diagnostics.HasError() {
			return
		}
	}
	name := identity.EndpointName.ValueString()
	if name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.AddError(
			"Import id of an access list is malformed",
			fmt.Sprintf("%q is not the name of a serving endpoint. Write the endpoint's name alone.", name),
		)
		return
	}
	_, _, err := acl.ReadEndpoint(ctx, r.Client, name, client.AnyAge)
	if r.WrongWorkspace(ctx, identity.WorkspaceID, name, &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import the access list of serving endpoint", name) {
		return
	}
	identity.WorkspaceID = fwkit.String(r.Client.WorkspaceID())
	fwkit.SetIdentity(ctx, resp.Identity, identity, &resp.Diagnostics)
	for attribute, value := range map[string]any{
		"id": name, "endpoint_name": name, "on_unlisted": onUnlistedRemove, "removed_on_create": []string{},
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// MoveState adopts the access list of a serving endpoint from the state of the official provider.
func (r *exclusiveResource) MoveState(context.Context) []resource.StateMover {
	return fwkit.FromOfficial(
		"databricks_permissions",
		func(ctx context.Context, state []byte, resp *resource.MoveStateResponse) {
			m, err := fromOfficial(state)
			if fwkit.Failed(&resp.Diagnostics, err, "Cannot adopt the access list", "databricks_permissions") {
				return
			}
			resp.Diagnostics.Append(resp.TargetState.Set(ctx, m)...)
			// Terraform applied these grants, so destroying removes them, as with the official provider.
			resp.Diagnostics.Append(
				resp.TargetPrivate.SetKey(
					ctx,
					appliedKey,
					m.toAccessList().appliedTo(m.EndpointID.ValueString()).encode(),
				)...)
		},
	)
}

// findName adds the endpoint's name to a state that was moved from the official provider, and reports whether it found
// the name.
func (r *exclusiveResource) findName(ctx context.Context, state *exclusiveModel, diags *diag.Diagnostics) bool {
	id := state.EndpointID.ValueString()
	name, err := r.Client.EndpointName(ctx, id)
	object := "the access list of the endpoint with the id " + id
	if (err == nil || r.Client.WorkspaceID() != "") && r.WrongWorkspace(ctx, state.WorkspaceID, object, diags) {
		return false
	}
	if fwkit.Failed(diags, err, "Cannot find the serving endpoint of the moved access list", object) {
		return false
	}
	state.ID, state.EndpointName = types.StringValue(name), types.StringValue(name)
	return true
}

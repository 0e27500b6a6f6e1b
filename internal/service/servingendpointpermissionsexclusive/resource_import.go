package servingendpointpermissionsexclusive

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (r *exclusiveResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := fwkit.ImportedIdentity(req)
	name := cmp.Or(req.ID, identity.String(ctx, "endpoint_name").ValueString())
	if name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.AddError(
			"Import id of an access list is malformed",
			fmt.Sprintf("%q is not the name of a serving endpoint. Write the endpoint's name alone.", name),
		)
		return
	}
	_, _, err := acl.ReadEndpoint(ctx, r.Client, name, client.AnyAge)
	if r.WrongWorkspace(ctx, identity.String(ctx, "workspace_id"), name, &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import the access list of serving endpoint", name) {
		return
	}
	m := exclusiveModel{EndpointName: types.StringValue(name), WorkspaceID: fwkit.String(r.Client.WorkspaceID())}
	fwkit.SetIdentity(ctx, resp.Identity, m, &resp.Diagnostics)
	for attribute, value := range map[string]any{
		"id": name, "endpoint_name": name, "on_unlisted": onUnlistedRemove, "removed_on_create": []string{},
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// MoveState adopts the access list of a serving endpoint from the state of the official provider.
func (r *exclusiveResource) MoveState(context.Context) []resource.StateMover {
	return fwkit.FromOfficial("databricks_permissions", "Cannot adopt the access list", fromOfficial, noteApplied)
}

// noteApplied notes that Terraform has applied the grants of a moved list, so that destroying removes them, as with the
// official provider.
func noteApplied(ctx context.Context, m exclusiveModel, private fwkit.WritablePrivate, diags *diag.Diagnostics) {
	applied := m.toAccessList().appliedTo(m.EndpointID.ValueString())
	fwkit.Remember(ctx, private, appliedKey, applied, diags)
}

// findName adds the endpoint's name to a state that was moved from the official provider, and reports whether it found
// the name.
func (r *exclusiveResource) findName(ctx context.Context, state *exclusiveModel, diags *diag.Diagnostics) bool {
	id := state.EndpointID.ValueString()
	name, err := r.Client.EndpointName(ctx, id)
	object := "the access list of the endpoint with the id " + id
	if r.WrongWorkspaceAfter(ctx, err, state.WorkspaceID, object, diags) ||
		fwkit.Failed(diags, err, "Cannot find the serving endpoint of the moved access list", object) {
		return false
	}
	state.ID, state.EndpointName = types.StringValue(name), types.StringValue(name)
	return true
}

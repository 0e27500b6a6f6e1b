package serviceprincipal

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ImportState imports a service principal by its application id, its SCIM id or an identity.
func (r *servicePrincipalResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	id, workspace := req.ID, types.StringNull()
	if id == "" && req.Identity != nil {
		var identity identityModel
		if resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...); resp.Diagnostics.HasError() {
			return
		}
		id, workspace = identity.ApplicationID.ValueString(), identity.WorkspaceID
	}
	if (len(id) != 36 || uuid.Validate(id) != nil) &&
		(id == "" || strings.Trim(id, "0123456789") != "") { // Validate alone also accepts braces and a URN
		resp.Diagnostics.AddError(
			"Import id of a service principal is malformed",
			strings.TrimSpace(
				fmt.Sprintf(
					"%q is neither an application id (a UUID) nor a SCIM id (digits). %s",
					id,
					r.Client.WhoIsMeant(ctx, id),
				),
			),
		)
		return
	}
	sp, err := importServicePrincipal(ctx, r.Client, id)
	if r.WrongWorkspace(ctx, workspace, id, &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import service principal", strconv.Quote(id)) {
		return
	}
	m := imported(sp, r.Client.WorkspaceID())
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	fwkit.SetIdentity(ctx, resp.Identity, m.toIdentity(), &resp.Diagnostics)
}

// MoveState adopts a service principal from the state of the official provider.
func (r *servicePrincipalResource) MoveState(context.Context) []resource.StateMover {
	return fwkit.FromOfficial(
		"databricks_service_principal",
		func(ctx context.Context, state []byte, resp *resource.MoveStateResponse) {
			m, err := fromOfficial(state)
			if fwkit.Failed(
				&resp.Diagnostics,
				err,
				"Cannot adopt the service principal",
				"databricks_service_principal",
			) {
				return
			}
			resp.Diagnostics.Append(resp.TargetState.Set(ctx, m)...)
		},
	)
}

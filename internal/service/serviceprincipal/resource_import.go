package serviceprincipal

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// ImportState imports a service principal by its application id, its SCIM id or an identity.
func (r *principalResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := fwkit.ImportedIdentity(req)
	id := cmp.Or(req.ID, identity.String(ctx, "application_id").ValueString())
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
	if r.WrongWorkspace(ctx, identity.String(ctx, "workspace_id"), id, &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import service principal", strconv.Quote(id)) {
		return
	}
	m := imported(sp, r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, m, &resp.Diagnostics)
}

// MoveState adopts a service principal from the state of the official provider.
func (r *principalResource) MoveState(context.Context) []resource.StateMover {
	return fwkit.FromOfficial(
		"databricks_service_principal",
		"Cannot adopt the service principal",
		fromOfficial,
		nil,
	)
}

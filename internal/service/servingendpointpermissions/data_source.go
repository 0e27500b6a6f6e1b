package servingendpointpermissions

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func readPermissions(ctx context.Context, c *client.Client, m *permissionsModel, diags *diag.Diagnostics) {
	name := m.EndpointName.ValueString()
	id, list, err := acl.ReadEndpoint(ctx, c, name, client.RecentAge)
	if fwkit.Failed(diags, err, "Cannot list the grants on serving endpoint", name) {
		return
	}
	m.show(id, c.WorkspaceID(), list)
}

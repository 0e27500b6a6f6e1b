package servingendpointaccess

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func readAccess(ctx context.Context, c *client.Client, m *accessModel, diags *diag.Diagnostics) {
	name := m.EndpointName.ValueString()
	who, err := resolveAccess(ctx, c, name)
	if fwkit.Failed(diags, err, "Cannot find out who may use serving endpoint", name) {
		return
	}
	m.show(who, c.WorkspaceID())
}

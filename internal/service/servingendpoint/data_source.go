package servingendpoint

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func readEndpoint(ctx context.Context, c *client.Client, m *endpointModel, diags *diag.Diagnostics) {
	name := m.Name.ValueString()
	endpoint, err := c.EndpointByName(ctx, name)
	if fwkit.Failed(diags, client.AtAttribute(err, "name"), "Cannot read serving endpoint", name) {
		return
	}
	*m = toModel(endpoint, c.Host(), c.WorkspaceID())
}

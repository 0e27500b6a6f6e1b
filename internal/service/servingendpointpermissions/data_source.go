package servingendpointpermissions

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionsDataSource struct{ fwkit.DataSource }

func (d *permissionsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config permissionsModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	name := config.EndpointName.ValueString()
	id, list, err := acl.ReadEndpoint(ctx, d.Client, name, client.Lately)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot list the grants on serving endpoint", name) {
		return
	}
	config.show(id, d.Client.WorkspaceID(), list)
	resp.Diagnostics.Append(resp.State.Set(ctx, config)...)
}

package servingendpoint

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type endpointDataSource struct{ fwkit.DataSource }

func (d *endpointDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config endpointModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	name := config.Name.ValueString()
	endpoint, err := d.Client.EndpointByName(ctx, name)
	if fwkit.Failed(&resp.Diagnostics, client.AtAttribute(err, "name"), "Cannot read serving endpoint", name) {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(endpoint, d.Client.Host(), d.Client.WorkspaceID()))...)
}

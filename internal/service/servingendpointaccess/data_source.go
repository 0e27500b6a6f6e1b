package servingendpointaccess

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type accessDataSource struct{ fwkit.DataSource }

func (d *accessDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config accessModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	name := config.EndpointName.ValueString()
	who, err := readAccess(ctx, d.Client, name)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot find out who may use serving endpoint", name) {
		return
	}
	config.show(who, d.Client.WorkspaceID())
	resp.Diagnostics.Append(resp.State.Set(ctx, config)...)
}

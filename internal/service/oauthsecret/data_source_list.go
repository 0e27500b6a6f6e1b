package oauthsecret

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type secretsDataSource struct{ fwkit.DataSource }

func (d *secretsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config secretsModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	secrets, err := listSecrets(ctx, d.Client, config.ApplicationID.ValueString())
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot list OAuth secrets", config.String()) {
		return
	}
	config.show(secrets)
	resp.Diagnostics.Append(resp.State.Set(ctx, config)...)
}

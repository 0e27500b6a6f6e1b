package token

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokensDataSource struct{ fwkit.DataSource }

func (d *tokensDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config tokensModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	tokens, err := listTokens(ctx, d.Client, config.owner())
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot list tokens", config.String()) {
		return
	}
	tokens, err = nameOwners(ctx, d.Client, tokens, config.owner())
	if err != nil {
		// This is only a warning, because somebody who searches for a token must see it even if its owner cannot be
		// named.
		fwkit.Warn(&resp.Diagnostics, err, "Owners of tokens are shown without their display names", config.String())
	}
	config.show(tokens)
	resp.Diagnostics.Append(resp.State.Set(ctx, config)...)
}

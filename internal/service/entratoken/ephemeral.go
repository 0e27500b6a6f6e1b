package entratoken

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenEphemeral struct{ fwkit.EphemeralResource }

// Open gets the token. There is no Close, because Entra ID cannot revoke the token, which expires after about an hour.
func (e *tokenEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var config tokenModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	if !e.Client.Login.Kind.Entra() {
		resp.Diagnostics.AddError(
			"A Databricks token cannot get a token of Entra ID",
			"The provider is logged in with a Databricks token, which cannot get a token of Entra ID. Log in with a "+
				"client certificate, or with another login at Entra ID.",
		)
		return
	}
	token, err := getToken(ctx, e.Client, config.Audience.ValueString())
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot get a token from Entra ID", "dbxaccess_entra_token") {
		return
	}
	config.show(token)
	resp.Diagnostics.Append(resp.Result.Set(ctx, config)...)
}

package oauthtoken

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenEphemeral struct{ fwkit.EphemeralResource }

var _ ephemeral.EphemeralResourceWithValidateConfig = &tokenEphemeral{}

func (e *tokenEphemeral) ValidateConfig(
	ctx context.Context,
	req ephemeral.ValidateConfigRequest,
	resp *ephemeral.ValidateConfigResponse,
) {
	var config tokenModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) || config.UseProviderIdentity.IsUnknown() {
		return
	}
	own := config.UseProviderIdentity.ValueBool()
	switch {
	case own && !(config.ClientID.IsNull() && config.ClientSecret.IsNull() && config.KeyVaultSecret.IsNull()):
		resp.Diagnostics.AddAttributeError(
			path.Root("client_id"),
			"OAuth token has two clients",
			"use_provider_identity is true, but client_id, client_secret or key_vault_secret is also set. Remove "+
				"use_provider_identity, or remove the others.",
		)
	case own && !config.Scopes.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("scopes"),
			"Scopes of the provider's own login",
			"With use_provider_identity, the token is that of the provider's own login, which scopes cannot limit. "+
				"Remove scopes, or write client_id and client_secret.",
		)
	case own:
	case config.ClientID.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("client_id"),
			"OAuth token has no client",
			"Write client_id with client_secret or key_vault_secret, or use_provider_identity = true if the provider "+
				"itself logs in by Databricks OAuth.",
		)
	case config.ClientSecret.IsUnknown() || config.KeyVaultSecret.IsUnknown():
	case (strings.TrimSpace(config.ClientSecret.ValueString()) == "") == config.KeyVaultSecret.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("client_id"),
			"OAuth token needs exactly one secret",
			"Write either client_secret or key_vault_secret = { vault_uri = …, name = … }. The value must be an "+
				"OAuth secret that Databricks created for client_id. An empty string, such as from an unset "+
				"variable, counts as not set.",
		)
	}
}

// Open gets the token. There is no Close: an access token cannot be revoked, and lives for an hour at most.
func (e *tokenEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var config tokenModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	token, err := getToken(ctx, e.Client, config.toWant())
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot get an OAuth token", config.String()) {
		return
	}
	config.show(token)
	resp.Diagnostics.Append(resp.Result.Set(ctx, config)...)
}

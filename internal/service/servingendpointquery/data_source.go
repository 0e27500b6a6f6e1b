package servingendpointquery

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryDataSource struct{ *fwkit.DataSource[queryModel] }

var _ datasource.DataSourceWithValidateConfig = queryDataSource{}

func (queryDataSource) ValidateConfig(
	ctx context.Context,
	req datasource.ValidateConfigRequest,
	resp *datasource.ValidateConfigResponse,
) {
	var config queryModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) || config.QueryAs.IsUnknown() {
		return
	}
	switch as := config.QueryAs.ValueString(); {
	// An empty token must not count as no token: the provider would send the query as its own identity.
	case as == asToken && !config.Token.IsUnknown() && strings.TrimSpace(config.Token.ValueString()) == "":
		resp.Diagnostics.AddAttributeError(
			path.Root("token"),
			"Query has no token",
			"query_as is \"token\", but token is not set. Write the token with which the endpoint is queried.",
		)
	case as != asToken && !config.Token.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("token"),
			"Query has a token that it does not use",
			"token is set, but query_as is \""+as+"\". Remove token, or write query_as = \"token\".",
		)
	case as != asOAuth && !config.ClientID.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("client_id"),
			"Query has a client that it does not use",
			"client_id is set, but query_as is \""+as+"\". Remove client_id, or write query_as = \"oauth_secret\".",
		)
	case as != asOAuth && !config.ClientSecret.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("query_as"),
			"Query has an OAuth secret that it does not use",
			"client_secret is set, but query_as is \""+as+"\". Remove client_secret, or write query_as = "+
				"\"oauth_secret\".",
		)
	case as == asOAuth && config.ClientID.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("query_as"),
			"Query has no client",
			"query_as is \"oauth_secret\", but client_id is not set. Write client_id, the application id of "+
				"the service principal that sends the request.",
		)
	case as == asOAuth && !config.ClientSecret.IsUnknown() &&
		(strings.TrimSpace(config.ClientSecret.ValueString()) == "") == config.KeyVaultSecret.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("query_as"),
			"Query needs exactly one OAuth secret",
			"query_as is \"oauth_secret\", which needs exactly one of client_secret and key_vault_secret. "+
				"Write either client_secret or key_vault_secret = { vault_uri = …, name = … }.",
		)
	case as == asSecret && config.KeyVaultSecret.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("query_as"),
			"Query has no Key Vault secret",
			"query_as is \"key_vault_secret\", but key_vault_secret is not set. Write key_vault_secret = { "+
				"vault_uri = …, name = … }, the Key Vault secret that holds the token for the query.",
		)
	case as != asSecret && as != asOAuth && !config.KeyVaultSecret.IsNull():
		resp.Diagnostics.AddAttributeError(
			path.Root("key_vault_secret"),
			"Query has a Key Vault secret that it does not use",
			"key_vault_secret is set, but query_as is \""+as+"\". Remove key_vault_secret, or write query_as = "+
				"\"key_vault_secret\".",
		)
	}
}

func readQuery(ctx context.Context, c *client.Client, m *queryModel, diags *diag.Diagnostics) {
	ctx, cancel := fwkit.Deadline(ctx, m.Timeouts.Read, fwkit.DefaultTimeout, diags)
	defer cancel()

	answer, err := score(ctx, c, m.toQuery())
	if fwkit.Failed(diags, err, "Cannot score serving endpoint", m.EndpointName.ValueString()) {
		return
	}
	m.show(answer)
}

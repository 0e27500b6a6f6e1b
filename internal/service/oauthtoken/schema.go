package oauthtoken

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (e *tokenEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "An access token by Databricks OAuth, for an application or for the provider's own " +
			"identity, also for one route-optimized endpoint. The token is neither in the plan nor in the state.",
		Attributes: map[string]schema.Attribute{
			"client_id": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Application id of the service principal that gets the token. Needs " +
					"`client_secret` or `key_vault_secret`.",
			},
			"client_secret": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "OAuth secret of `client_id`, such as `secret_value` of " +
					"`dbxaccess_service_principal_oauth_secret`; not a client secret of Entra ID.",
			},
			"key_vault_secret": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "Secret in Azure Key Vault that holds the OAuth secret. The provider's own " +
					"identity reads the newest version, and needs the role `Key Vault Secrets User`.",
				Attributes: map[string]schema.Attribute{
					"vault_uri": schema.StringAttribute{
						Required: true,
						Validators: []validator.String{
							fwkit.Checked("Not the address of a vault with the OAuth secret", auth.CheckVaultURI),
						},
						MarkdownDescription: "Address of the vault, `https://<name>.vault.azure.net/`.",
					},
					"name": schema.StringAttribute{
						Required: true,
						Validators: []validator.String{
							fwkit.Checked(
								"Not the name of a Key Vault secret with the OAuth secret",
								auth.CheckSecretName,
							),
						},
						MarkdownDescription: "Name of the secret.",
					},
				},
			},
			"use_provider_identity": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether the token is of the provider's own identity, which must log in by " +
					"`databricks_oauth` or `databricks_oidc`. Default: `false`.",
			},
			"scopes": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				Validators:          fwkit.ScopeValidators(),
				MarkdownDescription: "API scopes of the token, such as `model-serving`. Default: `all-apis`.",
			},
			"endpoint_name": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.EndpointName()},
				MarkdownDescription: "Name of the serving endpoint to call with the token, case-sensitive.",
			},
			"access_token": fwkit.EphemeralSecret("The bearer token."),
			"expires_at":   fwkit.EphemeralString("When it expires, RFC 3339 in UTC."),
			"claims":       fwkit.EphemeralString("All claims of the token, as JSON, not verified."),
			"endpoint_url": fwkit.EphemeralString("Address at which the endpoint `endpoint_name` is called."),
		},
	}
}

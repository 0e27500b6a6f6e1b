package servingendpointquery

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// The values of query_as say which identity sends the query.
const (
	asProvider = "provider"
	asToken    = "token"
	asSecret   = "key_vault_secret"
	asOAuth    = "oauth_secret"
)

func querySchema(ctx context.Context) schema.Schema {
	limit := timeouts.AttributesWithOpts(ctx, timeouts.Opts{
		ReadDescription: "How long the query may take in total, including the start of an endpoint that has scaled " +
			"to zero: a Go duration such as `10m`. Default: 20 minutes.",
	}).(schema.SingleNestedAttribute)
	limit.MarkdownDescription = "How long the query may take."
	return schema.Schema{
		MarkdownDescription: "Sends one request to a model-serving endpoint, and shows whether the endpoint answered " +
			"or refused.",
		Attributes: map[string]schema.Attribute{
			"endpoint_name": fwkit.DataEndpointName(),
			"request": schema.StringAttribute{
				Required: true, CustomType: jsontypes.NormalizedType{},
				MarkdownDescription: "Body of the request, JSON: `dataframe_records`, `dataframe_split`, `inputs` or " +
					"`instances`, or another form that the model accepts.",
			},
			"query_as": schema.StringAttribute{
				Required:   true,
				Validators: []validator.String{stringvalidator.OneOf(asProvider, asToken, asSecret, asOAuth)},
				MarkdownDescription: "Who sends the request: `provider` (the provider's own identity), `token` " +
					"(`token`), `key_vault_secret` (the token in `key_vault_secret`), or `oauth_secret` " +
					"(`client_id`, with the OAuth secret in `client_secret` or `key_vault_secret`).",
			},
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "The bearer token to send, with `query_as = \"token\"`. The state contains it; " +
					"with `key_vault_secret` instead, the state does not.",
			},
			"key_vault_secret": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "Secret in Azure Key Vault that holds the token (`query_as = " +
					"\"key_vault_secret\"`) or the OAuth secret (`query_as = \"oauth_secret\"`). The provider's own " +
					"identity reads the newest version, and needs the role `Key Vault Secrets User`.",
				Attributes: map[string]schema.Attribute{
					"vault_uri": schema.StringAttribute{
						Required: true,
						Validators: []validator.String{
							fwkit.Checked("Not the address of a vault with the query's token", auth.CheckVaultURI),
						},
						MarkdownDescription: "Address of the vault, `https://<name>.vault.azure.net/`.",
					},
					"name": schema.StringAttribute{
						Required: true,
						Validators: []validator.String{
							fwkit.Checked("Not the name of a Key Vault secret with the query's token",
								auth.CheckSecretName),
						},
						MarkdownDescription: "Name of the secret.",
					},
				},
			},
			"client_id": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Application id of the service principal that sends the request, with `query_as " +
					"= \"oauth_secret\"`.",
			},
			"client_secret": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "OAuth secret of `client_id`, with `query_as = \"oauth_secret\"`; not a client " +
					"secret of Entra ID. The state contains it; with `key_vault_secret` instead, the state does not.",
			},
			"expect_denied": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether the endpoint must refuse the request because CAN_QUERY is missing. A " +
					"refusal is then success, and an answer is an error. Default: `false`.",
			},
			"store_response": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Whether the state stores the model's answer, in `response`. Default: `false`.",
			},
			"status": schema.Int64Attribute{
				Computed: true,
				MarkdownDescription: "HTTP status of the answer: 200, or 403 or 401 with `expect_denied`. Anything " +
					"else is an error.",
			},
			"served_model": fwkit.DataString("Name of the served entity that answered, where the service reports it."),
			"response": schema.StringAttribute{
				Computed:            true,
				Sensitive:           true,
				MarkdownDescription: "The model's answer, JSON; null unless `store_response` is `true`.",
			},
			"timeouts": limit,
		},
	}
}

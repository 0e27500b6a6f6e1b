package servingendpointquery

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// Who asks.
const (
	asProvider = "provider"
	asToken    = "token"
	asSecret   = "key_vault_secret"
	asOAuth    = "oauth_secret"
)

func (d *queryDataSource) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	limit := timeouts.AttributesWithOpts(ctx, timeouts.Opts{
		ReadDescription: "How long the query may take in all, the start of an endpoint scaled to zero included: a Go duration such as `10m`. Default: 20 minutes.",
	}).(schema.SingleNestedAttribute)
	limit.MarkdownDescription = "How long the query may take."
	resp.Schema = schema.Schema{
		MarkdownDescription: "Scores a model-serving endpoint and reports that it answered. Give it a `depends_on` on the grant and the token: then it runs after them, and a missing grant " +
			"does not break the plan that would repair it.\n\nAn endpoint that scaled to zero is waited for; `TF_LOG=info` shows how long. A refusal is tried again only where this run changed the endpoint's access list within " +
			"the last two minutes, because a new grant may take that long to be honoured.",
		Attributes: map[string]schema.Attribute{
			"endpoint_name": schema.StringAttribute{
				Required: true, Validators: []validator.String{fwkit.EndpointName()},
				MarkdownDescription: "Name of the endpoint, case-sensitive.",
			},
			"request": schema.StringAttribute{
				Required: true, CustomType: jsontypes.NormalizedType{},
				MarkdownDescription: "The body to send, JSON: `dataframe_records`, `dataframe_split`, `inputs` or `instances`, or what the model takes.",
			},
			"query_as": schema.StringAttribute{
				Required: true, Validators: []validator.String{stringvalidator.OneOf(asProvider, asToken, asSecret, asOAuth)},
				MarkdownDescription: "Who asks: `provider` (the provider's own identity), `token` (the bearer of `token`), `key_vault_secret` (the bearer of the token that `key_vault_secret` names) or " +
					"`oauth_secret` (the service principal `client_id`, with the OAuth secret in `client_secret` or in `key_vault_secret`). " +
					"A route-optimised endpoint takes only OAuth tokens that are made for it: it is asked at its own address with `oauth_secret`, or with `provider` where the provider logs in by Databricks OAuth.",
			},
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "The bearer token to ask with, when `query_as` is `token`. Like every argument of a data source it is kept in the state; `key_vault_secret` keeps it out. " +
					"A route-optimised endpoint takes no personal access token.",
			},
			"key_vault_secret": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "Where in Azure Key Vault the token to ask with is kept, when `query_as` is `key_vault_secret`, or the OAuth secret, when it is `oauth_secret`. The provider's own identity reads the newest version; it needs the role " +
					"`Key Vault Secrets User`. The value is used and kept nowhere. With `dbxaccess_service_principal_token` give the names that its `key_vault_secret` has, and a `depends_on`.",
				Attributes: map[string]schema.Attribute{
					"vault_uri": schema.StringAttribute{
						Required: true, Validators: []validator.String{fwkit.Checked("Not a vault to read the token from", auth.CheckVaultURI)},
						MarkdownDescription: "Address of the vault, `https://<name>.vault.azure.net/`.",
					},
					"name": schema.StringAttribute{
						Required: true, Validators: []validator.String{fwkit.Checked("Not the name of a secret to read the token from", auth.CheckSecretName)},
						MarkdownDescription: "Name of the secret.",
					},
				},
			},
			"client_id": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Application id of the service principal to ask as, when `query_as` is `oauth_secret`.",
			},
			"client_secret": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "OAuth secret that Databricks made for `client_id`, when `query_as` is `oauth_secret`: not a bearer, and not a client secret of Entra ID. " +
					"Like every argument of a data source it is kept in the state; `key_vault_secret` keeps it out.",
			},
			"expect_denied": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether the endpoint should refuse who asks, for lack of CAN_QUERY: then that is success, with 403 in `status`, or 401 where a token for a route-optimised endpoint is refused already, and an answer is an error. " +
					"A token that opens nothing at all is an error too: it would prove nothing. Default: `false`.",
			},
			"store_response": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether the model's answer is kept in the state, in `response`. Default: `false`.",
			},
			"status":       schema.Int64Attribute{Computed: true, MarkdownDescription: "HTTP status of the answer: 200, or 403 or 401 with `expect_denied`. Anything else is an error."},
			"served_model": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the served entity that answered, where the service reports it."},
			"response":     schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The model's answer, JSON; null unless `store_response` is `true`."},
			"timeouts":     limit,
		},
	}
}

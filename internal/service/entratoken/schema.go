package entratoken

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// What a token can be for.
const (
	forDatabricks = "databricks"
	forManagement = "management"
	forKeyVault   = "key_vault"
)

func (e *tokenEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The bearer token of the provider's own identity, from Entra ID, for whatever else a configuration has to call. It is in no plan and no state. " +
			"Not available when the provider logs in with a Databricks token.",
		Attributes: map[string]schema.Attribute{
			"audience": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.OneOf(forDatabricks, forManagement, forKeyVault)},
				MarkdownDescription: "What the token is for: `databricks` (default), `management` (Azure Resource Manager) or `key_vault`.",
			},
			"access_token": schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The bearer token."},
			"expires_at":   schema.StringAttribute{Computed: true, MarkdownDescription: "When it expires, RFC 3339 in UTC."},
			"claims":       schema.StringAttribute{Computed: true, MarkdownDescription: "All its claims, JSON, not verified: `iat` is when it was issued."},
		},
	}
}

package entratoken

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// The values of audience say which service the token is for.
const (
	forDatabricks = "databricks"
	forManagement = "management"
	forKeyVault   = "key_vault"
)

func (e *tokenEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "An access token of Entra ID for the provider's own identity, for other providers and " +
			"tools in the same run. The token is neither in the plan nor in the state.",
		Attributes: map[string]schema.Attribute{
			"audience": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{stringvalidator.OneOf(forDatabricks, forManagement, forKeyVault)},
				MarkdownDescription: "What the token is for: `databricks` (default), `management` (Azure Resource " +
					"Manager) or `key_vault`.",
			},
			"access_token": fwkit.EphemeralSecret("The bearer token."),
			"expires_at":   fwkit.EphemeralString("When it expires, RFC 3339 in UTC."),
			"claims": fwkit.EphemeralString("All claims of the token, as JSON, not verified: `iat` is the time " +
				"of issue."),
		},
	}
}

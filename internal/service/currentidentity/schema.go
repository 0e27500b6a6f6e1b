package currentidentity

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func (d *identityDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Who the provider is logged in as, and with which kind of credential.",
		Attributes: map[string]schema.Attribute{
			"id": text("SCIM id of the identity in the workspace."),
			"user_name": text(
				"E-mail of a user, application id of a service principal, as the workspace knows it.",
			),
			"application_id": text("Application id, when it is a service principal; null for a user."),
			"display_name":   text("Display name in the workspace."),
			"groups": schema.SetAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Workspace groups it is a direct member of.",
			},
			"host":         text("The workspace's address."),
			"workspace_id": text("Id of the workspace."),
			"auth_type": text(
				"Kind of login: `certificate`, `key_vault`, `client_secret`, `oidc`, `msi`, `cli`, " +
					"`databricks_oauth`, `databricks_oidc` or `token`.",
			),
			"auth_source": text(
				"Where the credential was found: an attribute of the provider block or an environment variable.",
			),
			"cloud": text(
				"Azure cloud of the login: `public`, `usgovernment` or `china`; null for `token`.",
			),
			"tenant_id":           text("Entra ID tenant; null for `token`."),
			"client_id":           text("Application id that logged in to Entra ID; null for `token`."),
			"certificate_subject": text("Subject of the client certificate; null without one."),
			"certificate_thumbprint_sha1": text(
				"SHA-1 thumbprint of the client certificate, as the Entra ID portal shows it.",
			),
			"certificate_thumbprint_sha256": text("SHA-256 thumbprint of the client certificate."),
			"certificate_expires_at": text(
				"When the client certificate expires, RFC 3339 in UTC; `timecmp()` compares it with a date of yours.",
			),
			"token_claims": text(
				"Claims of the access token that are the same in every run (such as `aud`, `iss`, `tid`, `appid`, " +
					"`oid`, `roles`), JSON, not verified; null for `token`.",
			),
		},
	}
}

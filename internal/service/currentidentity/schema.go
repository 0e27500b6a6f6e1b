package currentidentity

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func identitySchema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The identity that the provider is logged in as, and the kind of its credential.",
		Attributes: map[string]schema.Attribute{
			"id": fwkit.DataString("SCIM id of the identity in the workspace."),
			"user_name": fwkit.DataString(
				"E-mail of a user, or application id of a service principal, as the workspace reports it.",
			),
			"application_id": fwkit.DataString("Application id of a service principal; null for a user."),
			"display_name":   fwkit.DataString("Display name in the workspace."),
			"groups": schema.SetAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Workspace groups that the identity is a direct member of.",
			},
			"host":         fwkit.DataString("The workspace's address."),
			"workspace_id": fwkit.DataString("Id of the workspace."),
			"auth_type": fwkit.DataString(
				"Kind of login: `certificate`, `key_vault`, `client_secret`, `oidc`, `msi`, `cli`, " +
					"`databricks_oauth`, `databricks_oidc` or `token`.",
			),
			"auth_source": fwkit.DataString(
				"Where the credential was found: an attribute of the provider block or an environment variable.",
			),
			"cloud": fwkit.DataString(
				"Azure cloud of the login: `public`, `usgovernment` or `china`; null for `token`.",
			),
			"tenant_id":           fwkit.DataString("Entra ID tenant; null for `token`."),
			"client_id":           fwkit.DataString("Application id that logged in to Entra ID; null for `token`."),
			"certificate_subject": fwkit.DataString("Subject of the client certificate; null without one."),
			"certificate_thumbprint_sha1": fwkit.DataString(
				"SHA-1 thumbprint of the client certificate, as the Entra ID portal shows it.",
			),
			"certificate_thumbprint_sha256": fwkit.DataString("SHA-256 thumbprint of the client certificate."),
			"certificate_expires_at": fwkit.DataString(
				"When the client certificate expires, RFC 3339 in UTC; `timecmp()` compares it with a date of yours.",
			),
			"token_claims": fwkit.DataString(
				"Claims of the access token that are the same in every run (such as `aud`, `iss`, `tid`, `appid`, " +
					"`oid`, `roles`), JSON, not verified; null for `token`.",
			),
		},
	}
}

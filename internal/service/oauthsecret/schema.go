package oauthsecret

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func secretsSchema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The OAuth secrets of one service principal, or of all in the workspace: owner, age and " +
			"expiry. Values are not shown.",
		Attributes: map[string]schema.Attribute{
			"application_id": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Only the secrets of this service principal: its application (client) id, a " +
					"UUID. If omitted, the secrets of all service principals of the workspace.",
			},
			"secrets": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The secrets, oldest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"secret_id": fwkit.DataString("Id of the secret; not its value."),
					"application_id": fwkit.DataString(
						"Application id of the service principal that owns the secret.",
					),
					"service_principal_id": fwkit.DataString("SCIM id of that service principal."),
					"display_name": fwkit.DataString("Display name of that service principal in the " +
						"workspace."),
					"status": fwkit.DataString(
						"Status as the service reports it. Only a secret that is `ACTIVE` can log in.",
					),
					"created_at": fwkit.DataString("When it was created, RFC 3339 in UTC."),
					"expires_at": fwkit.DataString("When it expires, RFC 3339 in UTC; null: never."),
					"scopes": schema.SetAttribute{
						Computed: true, ElementType: types.StringType,
						MarkdownDescription: "API scopes of the tokens that the secret can get. Empty: **all the " +
							"rights of the service principal.**",
					},
				}},
			},
		},
	}
}

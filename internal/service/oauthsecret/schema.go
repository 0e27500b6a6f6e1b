package oauthsecret

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (d *secretsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The OAuth secrets of a service principal, or of all of the workspace: whose they are, how old they are, when they expire. Expired ones are left out, by the service's clock. No value is shown: " +
			"the service gives it only when a secret is created.\n\n" +
			"A secret belongs to the account: with it an application gets tokens for every workspace that its service principal is in. **One without an end never expires.**\n\n" +
			"It costs one request for the service principals and one for the secrets of each. The provider's identity needs to be a workspace admin.",
		Attributes: map[string]schema.Attribute{
			"application_id": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Only the secrets of this service principal: its application (client) id, a UUID. Absent: of all service principals of the workspace.",
			},
			"secrets": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The secrets, oldest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"secret_id":            schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the secret. It opens nothing."},
					"application_id":       schema.StringAttribute{Computed: true, MarkdownDescription: "Application id of the service principal that the secret is of."},
					"service_principal_id": schema.StringAttribute{Computed: true, MarkdownDescription: "SCIM id of that service principal."},
					"display_name":         schema.StringAttribute{Computed: true, MarkdownDescription: "Its name in the workspace."},
					"status":               schema.StringAttribute{Computed: true, MarkdownDescription: "What the service says of the secret: `ACTIVE`, or that it does not log in."},
					"created_at":           schema.StringAttribute{Computed: true, MarkdownDescription: "When it was created, RFC 3339 in UTC."},
					"expires_at":           schema.StringAttribute{Computed: true, MarkdownDescription: "When it expires, RFC 3339 in UTC; null: never."},
					"scopes": schema.SetAttribute{
						Computed: true, ElementType: types.StringType,
						MarkdownDescription: "API scopes of the tokens that it gives. Empty: **all the rights of the service principal.**",
					},
				}},
			},
		},
	}
}

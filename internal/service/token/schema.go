package token

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func tokensSchema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The live personal access tokens of the workspace, or of one owner: owner, age and " +
			"expiry. Values are not shown.",
		Attributes: map[string]schema.Attribute{
			"application_id": schema.StringAttribute{
				Optional: true,
				Validators: []validator.String{
					fwkit.ApplicationID(),
					stringvalidator.ConflictsWith(path.MatchRoot("user_name")),
				},
				MarkdownDescription: "Only the tokens of this service principal: its application (client) id, a " +
					"UUID. Upper and lower case do not matter.",
			},
			"user_name": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{fwkit.Checked("Not the e-mail address of a user", checkUserName)},
				MarkdownDescription: "Only the tokens of this user: the e-mail address. Upper and lower case do not " +
					"matter. Not together with `application_id`.",
			},
			"tokens": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The tokens, oldest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"token_id": fwkit.DataString("Id of the token, 64 hexadecimal digits; not its value."),
					"owner_kind": fwkit.DataString("Kind of the owner: `service_principal` or `user`; null if the " +
						"workspace does not report it."),
					"owner_name": fwkit.DataString(
						"Application id of a service principal, e-mail address of a user; null if the workspace " +
							"does not report it.",
					),
					"owner_display_name": fwkit.DataString(
						"Name shown in the workspace; null if the owner is no longer listed.",
					),
					"comment": fwkit.DataString("Purpose of the token, from its comment; empty if the token has " +
						"no comment."),
					"created_at": fwkit.DataString("When it was created, RFC 3339 in UTC."),
					"expires_at": fwkit.DataString("When it expires, RFC 3339 in UTC; null: never."),
					"last_used_on": fwkit.DataString(
						"The day on which the token was last used, RFC 3339 in UTC; null if never. The service " +
							"revokes a token that was not used for 90 days.",
					),
					"scopes": schema.SetAttribute{
						Computed: true, ElementType: types.StringType,
						MarkdownDescription: "API scopes that the token is limited to. Empty: **the token carries " +
							"all the rights of its owner.**",
					},
				}},
			},
		},
	}
}

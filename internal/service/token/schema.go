package token

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (d *tokensDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The live personal access tokens of the workspace, or of one owner: whose they are, how old they are, when they die. Expired ones are left out, by the service's clock: " +
			"they open nothing. No value is shown.\n\n" +
			"With a `postcondition` it stops a pipeline over a token that is too old or about to expire, as below. (A failed `check` block is a warning: the command still exits with 0.)\n\n" +
			"It costs one request for the tokens, shared with whatever else in the run needs them, and one for the display names of service principals and of users each, only where there is one to name, " +
			"however many owners there are. The provider's identity needs to be a workspace admin.",
		Attributes: map[string]schema.Attribute{
			"application_id": schema.StringAttribute{
				Optional:            true,
				Validators:          []validator.String{fwkit.ApplicationID(), stringvalidator.ConflictsWith(path.MatchRoot("user_name"))},
				MarkdownDescription: "Only the tokens of this service principal: its application (client) id, a UUID. Upper and lower case are the same.",
			},
			"user_name": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.Checked("Not the e-mail address of a user", checkUserName)},
				MarkdownDescription: "Only the tokens of this user: the e-mail address. Upper and lower case are the same. Not together with `application_id`.",
			},
			"tokens": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The tokens, oldest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"token_id":           schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the token, 64 hexadecimal digits. It opens nothing."},
					"owner_kind":         schema.StringAttribute{Computed: true, MarkdownDescription: "What the owner is: `service_principal` or `user`; null where the workspace does not tell."},
					"owner_name":         schema.StringAttribute{Computed: true, MarkdownDescription: "Application id of a service principal, e-mail address of a user; null where the workspace does not tell."},
					"owner_display_name": schema.StringAttribute{Computed: true, MarkdownDescription: "Name shown in the workspace; null where the workspace lists no such owner any more."},
					"comment":            schema.StringAttribute{Computed: true, MarkdownDescription: "What the token is for; empty when it has no comment."},
					"created_at":         schema.StringAttribute{Computed: true, MarkdownDescription: "When it was made, RFC 3339 in UTC."},
					"expires_at":         schema.StringAttribute{Computed: true, MarkdownDescription: "When it expires, RFC 3339 in UTC; null: never."},
					"last_used_on":       schema.StringAttribute{Computed: true, MarkdownDescription: "The day it was last used, RFC 3339 in UTC, as the service reports it, to the day; null if never. One that is not used for 90 days is revoked by the service."},
					"scopes": schema.SetAttribute{
						Computed: true, ElementType: types.StringType,
						MarkdownDescription: "API scopes the token is limited to. Empty: **the token carries all the rights of its owner.**",
					},
				}},
			},
		},
	}
}

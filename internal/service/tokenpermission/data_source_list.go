package tokenpermission

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionsModel struct {
	Exists      types.Bool   `tfsdk:"exists"`
	WorkspaceID types.String `tfsdk:"workspace_id"`
	fwkit.AccessList
}

func permissionsSchema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Who may use personal access tokens in the workspace: the access list " +
			"`authorization/tokens`.",
		Attributes: map[string]schema.Attribute{
			"exists": schema.BoolAttribute{
				Computed: true,
				MarkdownDescription: "Whether the workspace has this list. The list does not exist before the " +
					"workspace's first personal access token.",
			},
			"workspace_id": fwkit.DataString("Id of the workspace."),
			"permissions": fwkit.PermissionsAttribute(
				"Kind and name of the principal in one text, such as `group_name=scorers`: a key for `for_each`, and "+
					"the import id of a direct `CAN_USE`.",
				"`CAN_USE`, or `CAN_MANAGE` of the group `admins`.",
				"Whether the level is inherited from above this list. An inherited level cannot be changed or "+
					"imported here.",
			),
			"service_principals": fwkit.LevelsAttribute(
				"Direct levels of service principals: application id to level.",
			),
			"users": fwkit.LevelsAttribute("Direct levels of users: e-mail to level."),
			"groups": fwkit.LevelsAttribute(
				"Direct levels of groups: name to level. `admins` hold `CAN_MANAGE`.",
			),
		},
	}
}

func readPermissions(ctx context.Context, c *client.Client, m *permissionsModel, diags *diag.Diagnostics) {
	list, exists, err := listTokens(ctx, c, client.RecentAge)
	if fwkit.Failed(diags, err, "Cannot read who may use tokens", acl.Tokens.String()) {
		return
	}
	*m = shown(list, exists, c.WorkspaceID())
}

// shown returns the attributes of the data source for a list of principals.
func shown(list acl.List, exists bool, workspaceID string) permissionsModel {
	rows := []fwkit.PermissionModel{}
	for _, h := range list.Levels() {
		rows = append(rows, fwkit.Permission(string(h.Kind), h.Name, h.DisplayName, string(h.Level), h.Inherited))
	}
	return permissionsModel{
		Exists:      types.BoolValue(exists),
		WorkspaceID: fwkit.String(workspaceID),
		AccessList:  fwkit.NewAccessList(rows),
	}
}

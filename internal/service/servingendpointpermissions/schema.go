package servingendpointpermissions

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func permissionsSchema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The access list of one model-serving endpoint, with direct and inherited entries kept " +
			"separate.",
		Attributes: map[string]schema.Attribute{
			"endpoint_name": fwkit.DataEndpointName(),
			"endpoint_id": fwkit.DataString(
				"System id of the endpoint, 32 hexadecimal digits.",
			),
			"workspace_id": fwkit.DataString("Id of the workspace."),
			"permissions": fwkit.PermissionsAttribute(
				"Kind and name in one text, such as `user_name=ada@example.com`. It can be a key for `for_each`; "+
					"with the endpoint's name and a slash before it, it is the import id of a direct grant.",
				"`CAN_VIEW`, `CAN_QUERY` or `CAN_MANAGE`.",
				"Whether the level is inherited, as that of `admins` is. An inherited level cannot be changed or "+
					"imported here.",
			),
			"service_principals": fwkit.LevelsAttribute(
				"Direct grants of service principals: application id to level, as " +
					"`dbxaccess_serving_endpoint_permissions_exclusive` takes them.",
			),
			"users":  fwkit.LevelsAttribute("Direct grants of users: e-mail to level."),
			"groups": fwkit.LevelsAttribute("Direct grants of groups: name to level."),
		},
	}
}

package servingendpointaccess

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func accessSchema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The users and service principals that can use one model-serving endpoint: its access " +
			"list, with every group resolved to its members, nested groups included.",
		Attributes: map[string]schema.Attribute{
			"endpoint_name": fwkit.DataEndpointName(),
			"endpoint_id":   fwkit.DataString("System id of the endpoint, 32 hexadecimal digits."),
			"workspace_id":  fwkit.DataString("Id of the workspace."),
			"principals": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Every user and service principal found, sorted, each once.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"principal": fwkit.DataString(
						"Kind and name in one text, such as `user_name=ada@example.com`.",
					),
					"service_principal_name": fwkit.DataString(
						"Application id of a service principal; null for a user.",
					),
					"user_name":    fwkit.DataString("E-mail of a user; null for a service principal."),
					"display_name": fwkit.DataString("Display name."),
					"permission_level": fwkit.DataString(
						"The highest level that the principal has: `CAN_VIEW`, `CAN_QUERY` or `CAN_MANAGE`.",
					),
					"can_query": schema.BoolAttribute{
						Computed: true, MarkdownDescription: "Whether the principal can call the endpoint: it has " +
							"`CAN_QUERY` or `CAN_MANAGE`, and is not deactivated as far as the workspace shows. Null " +
							"for a level that this version of the provider does not have.",
					},
					"active": schema.BoolAttribute{
						Computed: true,
						MarkdownDescription: "Whether the principal is active. A deactivated principal keeps its " +
							"grants, but cannot use them. Null if the provider's identity is not a workspace admin, " +
							"or if the workspace does not have the principal.",
					},
					"via": schema.ListAttribute{
						Computed: true, ElementType: types.StringType,
						MarkdownDescription: "Every way in which the principal has a level: `direct`, `inherited`, " +
							"or the group in the access list, followed by the nested groups, as in `science > botany`.",
					},
				}},
			},
			"unexpanded_groups": schema.ListNestedAttribute{
				Computed: true,
				MarkdownDescription: "Groups that have access, but whose members could not all be read. These " +
					"members are missing in `principals`. Empty: `principals` is complete.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"group_name":       fwkit.DataString("Name of the group."),
					"permission_level": fwkit.DataString("The level that the group has."),
					"reason":           fwkit.DataString("Why members of the group are missing in `principals`."),
				}},
			},
		},
	}
}

package servingendpointaccess

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (d *accessDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Who can use one model-serving endpoint in effect: its access list, with every group " +
			"resolved to the people and service principals in it, nested groups included.",
		Attributes: map[string]schema.Attribute{
			"endpoint_name": fwkit.DataEndpointName(),
			"endpoint_id":   fwkit.DataString("System id of the endpoint, 32 hexadecimal digits."),
			"workspace_id":  fwkit.DataString("Id of the workspace."),
			"principals": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Everybody found, sorted, each once.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"principal": fwkit.DataString(
						"Kind and name in one, such as `user_name=ada@example.com`.",
					),
					"service_principal_name": fwkit.DataString(
						"Application id of a service principal; null for a user.",
					),
					"user_name":    fwkit.DataString("E-mail of a user; null for a service principal."),
					"display_name": fwkit.DataString("Display name."),
					"permission_level": fwkit.DataString(
						"The highest level held: `CAN_VIEW`, `CAN_QUERY` or `CAN_MANAGE`.",
					),
					"can_query": schema.BoolAttribute{
						Computed: true, MarkdownDescription: "Whether it can call the endpoint: it holds `CAN_QUERY` " +
							"or `CAN_MANAGE`, and is not known to be deactivated. Null where it holds a level that " +
							"this version of the provider does not know.",
					},
					"active": schema.BoolAttribute{
						Computed: true,
						MarkdownDescription: "Whether the principal is active. A deactivated one keeps its grants " +
							"and cannot use them. Null if the " +
							"identity is not a workspace admin, or if the workspace does not know the principal.",
					},
					"via": schema.ListAttribute{
						Computed: true, ElementType: types.StringType,
						MarkdownDescription: "Every way in which it holds a level: `direct`, `inherited`, or the " +
							"group in the access list, followed by the groups in between, as in `science > botany`.",
					},
				}},
			},
			"unexpanded_groups": schema.ListNestedAttribute{
				Computed: true,
				MarkdownDescription: "Groups that give access, but whose members could not all be read. They are " +
					"missing from `principals`. Empty: the answer is complete.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"group_name":       fwkit.DataString("Name of the group."),
					"permission_level": fwkit.DataString("The level it gives."),
					"reason":           fwkit.DataString("Why its members are not among `principals`."),
				}},
			},
		},
	}
}

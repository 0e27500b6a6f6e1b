package servingendpoint

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func endpointSchema(context.Context) schema.Schema {
	entity := commonEntityAttributes()
	entity["workload_size"] = fwkit.DataString("Size of the compute.")
	entity["scale_to_zero"] = schema.BoolAttribute{
		Computed: true, MarkdownDescription: "Whether it scales to zero when idle.",
	}
	entity["state"] = fwkit.DataString("State of its deployment, such as `DEPLOYMENT_READY`.")
	entity["state_message"] = fwkit.DataString("Message of the service about that state, such as `Scaled to zero`.")

	attributes := commonAttributes()
	attributes["name"] = fwkit.DataEndpointName()
	attributes["id"] = fwkit.DataString(
		"System id, 32 hexadecimal digits, which access lists use; null for a foundation-model endpoint, which has " +
			"no access list.",
	)
	attributes["permission_level"] = fwkit.DataString(
		"Permission level of the provider's own identity: `CAN_VIEW`, `CAN_QUERY` or `CAN_MANAGE`.",
	)
	attributes["invocation_url"] = fwkit.DataString("Address to POST a scoring request to.")
	attributes["workspace_id"] = fwkit.DataString("Id of the workspace.")
	attributes["route_optimized"] = schema.BoolAttribute{
		Computed: true, MarkdownDescription: "Whether the endpoint is route-optimized. Such an endpoint accepts " +
			"OAuth tokens only, no personal access tokens.",
	}
	attributes["served_entities"] = servedEntities(entity)
	return schema.Schema{
		MarkdownDescription: "One model-serving endpoint, found by its name.",
		Attributes:          attributes,
	}
}

// commonAttributes returns the schema of the attributes of [commonModel] that both data sources describe alike: all
// except name and id.
func commonAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"creator": fwkit.DataString(
			"User name or application id of the creator; null for a foundation-model endpoint.",
		),
		"description":   fwkit.DataString("Description, if any."),
		"state":         fwkit.DataString("`READY` or `NOT_READY`. An endpoint scaled to zero is `READY`."),
		"config_update": fwkit.DataString("`NOT_UPDATING`, `IN_PROGRESS`, `UPDATE_FAILED` or `UPDATE_CANCELED`."),
		"task":          fwkit.DataString("Task of a language-model endpoint, such as `llm/v1/chat`; null otherwise."),
		"created_at":    fwkit.DataString("When it was created, RFC 3339 in UTC."),
		"updated_at":    fwkit.DataString("When it was last changed, RFC 3339 in UTC."),
		"tags": schema.MapAttribute{
			Computed:            true,
			ElementType:         types.StringType,
			MarkdownDescription: "Tags.",
		},
	}
}

func commonEntityAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name":           fwkit.DataString("Name of the served entity."),
		"entity_name":    fwkit.DataString("Name of the model in Unity Catalog or the registry."),
		"entity_version": fwkit.DataString("Version of the model."),
	}
}

func servedEntities(of map[string]schema.Attribute) schema.Attribute {
	return schema.ListNestedAttribute{
		Computed: true, MarkdownDescription: "The models that the endpoint serves.",
		NestedObject: schema.NestedAttributeObject{Attributes: of},
	}
}

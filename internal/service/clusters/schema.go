package clusters

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
)

func (d *clustersDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The clusters that the provider's identity sees: all for a workspace admin, else those it may attach to; terminated ones for 30 days. " +
			"Every member of the workspace may ask, and an empty list is an answer, so that it is a smoke test of a new login. That an endpoint may be called it does not show: " +
			"`dbxaccess_serving_endpoint_query` does.",
		Attributes: map[string]schema.Attribute{
			"workspace_id": text("Id of the workspace."),
			"clusters": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The clusters, sorted by name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":            text("Id of the cluster."),
					"name":          text("Name, which need not be unique."),
					"state":         text("`PENDING`, `RUNNING`, `RESTARTING`, `RESIZING`, `TERMINATING`, `TERMINATED`, `ERROR` or `UNKNOWN`."),
					"source":        text("What made it, such as `UI`, `API` or `JOB`."),
					"creator":       text("User name or application id of who made it; null when that one is gone."),
					"spark_version": text("Version of the runtime, such as `15.4.x-scala2.12`."),
				}},
			},
		},
	}
}

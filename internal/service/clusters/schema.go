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
		MarkdownDescription: "The clusters that the provider's identity can see.",
		Attributes: map[string]schema.Attribute{
			"workspace_id": text("Id of the workspace."),
			"clusters": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The clusters, sorted by name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":   text("Id of the cluster."),
					"name": text("Name, which need not be unique."),
					"state": text(
						"`PENDING`, `RUNNING`, `RESTARTING`, `RESIZING`, `TERMINATING`, `TERMINATED`, `ERROR` or " +
							"`UNKNOWN`.",
					),
					"source":        text("How it was created, such as `UI`, `API` or `JOB`."),
					"creator":       text("User name or application id of the creator; null if it no longer exists."),
					"spark_version": text("Version of the runtime, such as `15.4.x-scala2.12`."),
				}},
			},
		},
	}
}

package clusters

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func clustersSchema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The clusters that the provider's identity can see.",
		Attributes: map[string]schema.Attribute{
			"workspace_id": fwkit.DataString("Id of the workspace."),
			"clusters": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The clusters, sorted by name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":   fwkit.DataString("Id of the cluster."),
					"name": fwkit.DataString("Name of the cluster, not always unique."),
					"state": fwkit.DataString(
						"`PENDING`, `RUNNING`, `RESTARTING`, `RESIZING`, `TERMINATING`, `TERMINATED`, `ERROR` or " +
							"`UNKNOWN`.",
					),
					"source": fwkit.DataString("How the cluster was created, such as `UI`, `API` or `JOB`."),
					"creator": fwkit.DataString(
						"User name or application id of the creator; null if it no longer exists.",
					),
					"spark_version": fwkit.DataString("Version of the runtime, such as `15.4.x-scala2.12`."),
				}},
			},
		},
	}
}

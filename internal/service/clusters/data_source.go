package clusters

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type clustersDataSource struct{ fwkit.DataSource }

func (d *clustersDataSource) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	all, err := listClusters(ctx, d.Client)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot list clusters", "clusters") {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(all, d.Client.WorkspaceID()))...)
}

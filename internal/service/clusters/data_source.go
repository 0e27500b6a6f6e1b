package clusters

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type clustersDataSource struct{ fwkit.DataSource }

var _ datasource.DataSourceWithConfigure = &clustersDataSource{}

func (d *clustersDataSource) Metadata(
	_ context.Context,
	req datasource.MetadataRequest,
	resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_clusters"
}

func (d *clustersDataSource) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	all, err := listClusters(ctx, d.Client)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot list clusters", "clusters") {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(all, d.Client.WorkspaceID()))...)
}

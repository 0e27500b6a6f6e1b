package currentidentity

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type identityDataSource struct{ fwkit.DataSource }

var _ datasource.DataSourceWithConfigure = &identityDataSource{}

func (d *identityDataSource) Metadata(
	_ context.Context,
	req datasource.MetadataRequest,
	resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_current_identity"
}

func (d *identityDataSource) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	s, err := whoAmI(ctx, d.Client)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot tell who is logged in", cmp.Or(d.Client.Host(), "the workspace")) {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(s))...)
}

package currentidentity

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type identityDataSource struct{ fwkit.DataSource }

func (d *identityDataSource) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	s, err := whoAmI(ctx, d.Client)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot find out who is logged in",
		cmp.Or(d.Client.Host(), "the workspace")) {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(s))...)
}

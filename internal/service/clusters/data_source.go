package clusters

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func readClusters(ctx context.Context, c *client.Client, m *clustersModel, diags *diag.Diagnostics) {
	all, err := listClusters(ctx, c)
	if fwkit.Failed(diags, err, "Cannot list clusters", "clusters") {
		return
	}
	*m = toModel(all, c.WorkspaceID())
}

package currentidentity

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func readIdentity(ctx context.Context, c *client.Client, m *identityModel, diags *diag.Diagnostics) {
	s, err := whoAmI(ctx, c)
	if fwkit.Failed(diags, err, "Cannot find out who is logged in",
		cmp.Or(c.Host(), "the workspace")) {
		return
	}
	*m = toModel(s)
}

package token

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func readTokens(ctx context.Context, c *client.Client, m *tokensModel, diags *diag.Diagnostics) {
	tokens, err := listTokens(ctx, c, m.owner())
	if fwkit.Failed(diags, err, "Cannot list tokens", m.String()) {
		return
	}
	tokens, err = nameOwners(ctx, c, tokens, m.owner())
	if err != nil {
		// This is only a warning, because somebody who searches for a token must see it even if its owner cannot be
		// named.
		fwkit.Warn(diags, err, "Owners of tokens are shown without their display names", m.String())
	}
	m.show(tokens)
}

package oauthsecret

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func readSecrets(ctx context.Context, c *client.Client, m *secretsModel, diags *diag.Diagnostics) {
	secrets, err := listSecrets(ctx, c, m.ApplicationID.ValueString())
	if fwkit.Failed(diags, err, "Cannot list OAuth secrets", m.String()) {
		return
	}
	m.show(secrets)
}

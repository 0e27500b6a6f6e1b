package serviceprincipal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// deleteSecrets deletes every OAuth secret of a service principal, no matter who created it. A secret that cannot be
// deleted does not stop the deletion of the others. One request, and two per secret.
func deleteSecrets(ctx context.Context, c *client.Client, id string) error {
	list, err := c.OAuthSecretsNow(ctx, id)
	if errors.Is(err, client.ErrNotFound) {
		return nil // the principal no longer exists
	}
	if err != nil {
		return client.Advise(err, "", "The provider could not list the OAuth secrets of the service "+
			"principal. "+secretsRight)
	}
	var left []string
	var first error
	for _, s := range list.Secrets {
		if err := c.DeleteOAuthSecret(ctx, id, s.ID); err != nil {
			left = append(left, s.ID)
			first = cmp.Or(first, err)
		}
	}
	if first == nil {
		return nil
	}
	return client.Advise(
		fmt.Errorf("%s of the service principal could not be deleted (%s): %w",
			fwkit.Counted(len(left), "OAuth secret"), strings.Join(left, ", "), first),
		"",
		secretsRight,
	)
}

const secretsRight = "The service principal is deactivated in this workspace, so its OAuth secrets do not work here " +
	"while it is inactive. In other workspaces of the account they may work. Only a workspace admin may delete OAuth " +
	"secrets. Apply again as workspace admin, or set delete_oauth_secrets_when_inactive = false to keep them."

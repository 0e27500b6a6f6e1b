package serviceprincipal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// deleteSecrets deletes every OAuth secret of a service principal, no matter who created it. A secret that cannot be
// deleted does not stop the deletion of the others. One request, and two per secret.
func deleteSecrets(ctx context.Context, c *client.Client, id string) error {
	list, err := c.OAuthSecretsNow(ctx, id)
	if errors.Is(err, client.ErrNotFound) {
		return nil // the principal no longer exists
	}
	if err != nil {
		return client.Advise(err, "", "Its OAuth secrets could not be listed. "+secretsRight)
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
		fmt.Errorf("%d of its OAuth secrets are left (%s): %w", len(left), strings.Join(left, ", "), first),
		"",
		secretsRight,
	)
}

const secretsRight = "The service principal is deactivated in this workspace, so its OAuth secrets do not work " +
	"here as long as it stays so; in other workspaces of the account they may. The provider's identity needs to be " +
	"a workspace admin to delete them. Apply again, or leave them with delete_oauth_secrets_when_inactive = false."

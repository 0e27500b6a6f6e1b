package oauthsecret

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// atOnce bounds how many lists are read at the same time.
const atOnce = 10

// listSecrets returns the OAuth secrets of one service principal or, without an application id, of all service
// principals, oldest first. It leaves out secrets that have expired. It sends one request for the service principals
// and one per service principal, because the service has no list of all secrets.
func listSecrets(ctx context.Context, c *client.Client, applicationID string) ([]secret, error) {
	filter := ""
	if applicationID != "" {
		filter = client.SCIMEquals("applicationId", applicationID)
	}
	owners, err := c.ServicePrincipals(ctx, filter)
	if err != nil {
		return nil, adviseAdmin(err)
	}
	if applicationID != "" && len(owners) == 0 {
		return nil, client.Advise(
			fmt.Errorf("no service principal of this workspace has the application id %s", applicationID),
			"application_id",
			"The workspace lists OAuth secrets only of service principals that are in "+
				"it. "+c.WhoIsMeant(ctx, applicationID),
		)
	}
	of := make([][]secret, len(owners))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, owner := range owners {
		group.Go(func() error {
			list, err := c.OAuthSecretsNow(ctx, owner.ID)
			if errors.Is(err, client.ErrNotFound) && applicationID == "" {
				return nil // the service principal was removed between the two requests
			}
			for _, s := range list.Secrets {
				if s.ExpiresAt.IsZero() || s.ExpiresAt.After(list.Now) {
					of[i] = append(of[i], secret{s, owner})
				}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, adviseAdmin(err)
	}
	var all []secret
	for _, secrets := range of {
		all = append(all, secrets...)
	}
	oldestFirst(all)
	return all, nil
}

func adviseAdmin(err error) error {
	return client.AdviseDenied(err, "Only a workspace admin may list OAuth secrets. Add the provider's identity to "+
		"the group \"admins\".")
}

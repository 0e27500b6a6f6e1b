package serviceprincipal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// findByApplicationID returns the service principal with that application id; nil if there is none. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/list
func findByApplicationID(
	ctx context.Context,
	c *client.Client,
	applicationID string,
) (*client.ServicePrincipal, error) {
	found, err := c.ServicePrincipals(ctx, client.SCIMEquals("applicationId", applicationID))
	if err != nil {
		return nil, advise(err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	if err := checkComplete(ctx, c, found[0].Active != nil); err != nil {
		return nil, err
	}
	return &found[0], nil
}

// idsOfName returns the SCIM ids of the service principals with that display name, which need not be unique. One
// request.
func idsOfName(ctx context.Context, c *client.Client, displayName string) ([]string, error) {
	all, err := c.ServicePrincipals(ctx, client.SCIMEquals("displayName", displayName))
	if err != nil {
		return nil, advise(err)
	}
	var ids []string
	for _, sp := range all {
		if sp.DisplayName == displayName {
			ids = append(ids, sp.ID)
		}
	}
	return ids, nil
}

// sharedServicePrincipal reads a service principal for a refresh. If a run reads more than a few principals, all of
// them are listed at once.
func sharedServicePrincipal(ctx context.Context, c *client.Client, id string) (client.ServicePrincipal, error) {
	sp, err := c.SharedServicePrincipal(ctx, id)
	if err != nil {
		return client.ServicePrincipal{}, advise(err)
	}
	if sp.Active == nil { // the single read finds out why the answer is incomplete
		return readServicePrincipal(ctx, c, id)
	}
	return sp, nil
}

// readServicePrincipal reads a service principal by its SCIM id. One request.
func readServicePrincipal(ctx context.Context, c *client.Client, id string) (client.ServicePrincipal, error) {
	sp, err := c.ServicePrincipalByID(ctx, id)
	if err != nil {
		return client.ServicePrincipal{}, advise(err)
	}
	return sp, checkComplete(ctx, c, sp.Active != nil)
}

// checkComplete returns an error for the reduced answer that a caller gets who is not an admin. That answer lacks
// "active" and the entitlements, so every principal would look deactivated. The service also leaves out "active" when
// it is false; then one request, shared by the whole run, finds out whether the caller is an admin.
func checkComplete(ctx context.Context, c *client.Client, hasActive bool) error {
	if hasActive {
		return nil
	}
	if admin, err := c.IsAdmin(ctx); admin || err != nil {
		return err
	}
	return advise(fmt.Errorf("the workspace shows only some attributes of the service principal: %w",
		client.ErrPermissionDenied))
}

// importServicePrincipal finds a service principal by its application id or its SCIM id. One request; two if there is
// no such principal.
func importServicePrincipal(ctx context.Context, c *client.Client, id string) (sp client.ServicePrincipal, err error) {
	var found *client.ServicePrincipal
	if strings.Trim(id, "0123456789") == "" {
		sp, err = readServicePrincipal(ctx, c, id)
		found = &sp
	} else {
		found, err = findByApplicationID(ctx, c, id)
	}
	if errors.Is(err, client.ErrNotFound) || err == nil && found == nil {
		return client.ServicePrincipal{}, adviseNone(ctx, c, id, "",
			"Write the application (client) id, not the object id, or write the SCIM id. Check that host is the "+
				"right workspace.")
	}
	if err != nil {
		return client.ServicePrincipal{}, err
	}
	return *found, nil
}

// adviseNone returns the error for an id that no service principal of the workspace has. One request, to find the
// principal that may be meant.
func adviseNone(ctx context.Context, c *client.Client, given, attribute, advice string) error {
	return client.Advise(
		errors.New("the workspace has no such service principal"),
		attribute,
		strings.TrimSpace(c.WhoIsMeant(ctx, given)+" "+advice),
	)
}

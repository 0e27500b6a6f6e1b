package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/databricks/databricks-sdk-go/listing"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/google/uuid"
)

// PrincipalID is the SCIM id of the service principal of an application id. No request for one that this process has
// added, else one; ErrNotFound when the workspace has none.
func (c *Client) PrincipalID(ctx context.Context, applicationID string) (id, displayName string, err error) {
	if id := c.addedPrincipal(applicationID); id != "" {
		return id, "", nil
	}
	page := iam.NewServicePrincipalsV2(c.sdk).List(ctx, iam.ListServicePrincipalsRequest{
		Attributes: "id,applicationId,displayName", Filter: "applicationId eq " + strconv.Quote(applicationID), Count: 1,
	})
	sp, err := page.Next(ctx)
	switch {
	case err == nil && strings.EqualFold(sp.ApplicationId, applicationID):
		return sp.Id, sp.DisplayName, nil
	case err == nil, errors.Is(err, listing.ErrNoMoreItems):
		return "", "", Advise(fmt.Errorf("the workspace has no service principal with the application id %s: %w", applicationID, ErrNotFound), "application_id",
			strings.TrimSpace(c.WhoIsMeant(ctx, applicationID)+" Add it with dbxaccess_service_principal, and refer to its application_id, so that it is created first. "+
				"The value is the application (client) id of the app registration, not its object id and not its name."))
	default:
		return "", "", adviseGroups(err)
	}
}

// WhoIsMeant helps somebody who gave something else than an application id: it finds out whose object id or display name
// that is. Empty when nobody's, or when it cannot be found out. One or two requests.
func (c *Client) WhoIsMeant(ctx context.Context, given string) string {
	attribute := "displayName"
	if uuid.Validate(given) == nil {
		attribute = "externalId"
	}
	page := iam.NewServicePrincipalsV2(c.sdk).List(ctx, iam.ListServicePrincipalsRequest{
		Attributes: "id,applicationId,displayName,externalId", Filter: attribute + " eq " + strconv.Quote(given), Count: 10,
	})
	var found []string
	for len(found) < 10 {
		sp, err := page.Next(ctx)
		if err != nil {
			break
		}
		found = append(found, fmt.Sprintf("application id %s, display name %q, SCIM id %s", sp.ApplicationId, sp.DisplayName, sp.Id))
	}
	switch {
	case len(found) == 0:
		return ""
	case attribute == "externalId":
		return "It is the object id of this one: " + strings.Join(found, "; ") + "."
	case len(found) == 1:
		return "One has it as its display name: " + found[0] + "."
	default:
		return fmt.Sprintf("%d have it as their display name: %s.", len(found), strings.Join(found, "; "))
	}
}

// NotePrincipal remembers a service principal that this process has added: SCIM may not show it for a while.
func (c *Client) NotePrincipal(applicationID, id string) {
	c.line.principals.Store(strings.ToLower(applicationID), id)
}

// ForgetPrincipal undoes [Client.NotePrincipal]: it was removed.
func (c *Client) ForgetPrincipal(applicationID string) {
	c.line.principals.Delete(strings.ToLower(applicationID))
}

// addedPrincipal is the SCIM id of a service principal that this process has added; empty for others.
func (c *Client) addedPrincipal(applicationID string) string {
	id, _ := c.line.principals.Load(strings.ToLower(applicationID))
	s, _ := id.(string)
	return s
}

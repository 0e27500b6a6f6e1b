package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"
)

// ServicePrincipal is a service principal of the workspace, as SCIM shows it.
type ServicePrincipal struct {
	ID            string // SCIM id, digits
	ApplicationID string
	DisplayName   string
	ExternalID    string
	Active        *bool // nil where the service does not show it, as to callers that are no admins
	Entitlements  []string
	Groups        []string // names of the groups it is a direct member of; only where they were asked for
}

// User is a user of the workspace, as SCIM shows it.
type User struct {
	ID          string // SCIM id, digits
	UserName    string // e-mail
	DisplayName string
	Active      *bool // nil where the service does not show it
}

// The attributes to ask for; groups are left out of a list, as they make it much longer.
const (
	servicePrincipalAttributes = "id,applicationId,displayName,externalId,active,entitlements"
	userAttributes             = "id,userName,displayName,active"
)

// ServicePrincipals lists those that match a SCIM filter, all of them for an empty one, without their groups. One
// request for each 10,000.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/list
func (c *Client) ServicePrincipals(ctx context.Context, filter string) ([]ServicePrincipal, error) {
	return listSCIM(
		ctx,
		c,
		"ServicePrincipals",
		url.Values{"filter": {filter}, "attributes": {servicePrincipalAttributes}},
		toServicePrincipal,
	)
}

// EachServicePrincipal is [Client.ServicePrincipals] for a caller that shows them as they arrive: it visits one after
// the other until visit returns false. One request for each 500.
func (c *Client) EachServicePrincipal(ctx context.Context, filter string, visit func(ServicePrincipal) bool) error {
	query := url.Values{"filter": {filter}, "attributes": {servicePrincipalAttributes}}
	return pagesSCIM(ctx, c, "ServicePrincipals", query, streamPage, func(page []scimResource) bool {
		for _, r := range page {
			if !visit(toServicePrincipal(r)) {
				return false
			}
		}
		return true
	})
}

// FindServicePrincipals lists those that match a SCIM filter, each with its groups. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/list
func (c *Client) FindServicePrincipals(ctx context.Context, filter string) ([]ServicePrincipal, error) {
	return listSCIM(ctx, c, "ServicePrincipals", url.Values{"filter": {filter}}, toServicePrincipal)
}

// ServicePrincipalByID reads one by its SCIM id, with its groups. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/get
func (c *Client) ServicePrincipalByID(ctx context.Context, id string) (ServicePrincipal, error) {
	found := scimResource{want: id}
	err := c.Call(ctx, http.MethodGet, PathOf(scimRoot+"ServicePrincipals", id), nil, nil, &found)
	return toServicePrincipal(found), err
}

// Users lists those that match a SCIM filter, all of them for an empty one. One request for each 10,000.
// https://docs.databricks.com/api/azure/workspace/users/list
func (c *Client) Users(ctx context.Context, filter string) ([]User, error) {
	return listSCIM(
		ctx,
		c,
		"Users",
		url.Values{"filter": {filter}, "attributes": {userAttributes}},
		func(r scimResource) User {
			return User{ID: r.ID, UserName: r.UserName, DisplayName: r.DisplayName, Active: r.Active}
		},
	)
}

// AllServicePrincipals is [Client.ServicePrincipals] without a filter, shared by everything in this run for a while.
func (c *Client) AllServicePrincipals(ctx context.Context) ([]ServicePrincipal, error) {
	return readWhole(
		ctx,
		&c.everybody.servicePrincipals,
		func(ctx context.Context) ([]ServicePrincipal, error) { return c.ServicePrincipals(ctx, "") },
	)
}

// AllUsers is [Client.Users] without a filter, shared by everything in this run for a while.
func (c *Client) AllUsers(ctx context.Context) ([]User, error) {
	return readWhole(ctx, &c.everybody.users, func(ctx context.Context) ([]User, error) { return c.Users(ctx, "") })
}

// AllGroups is [Client.Groups], shared by everything in this run for a while.
func (c *Client) AllGroups(ctx context.Context) ([]Group, error) {
	return readWhole(ctx, &c.everybody.groups, c.Groups)
}

// whole is a whole list, or the refusal to show it, which the next caller would get as well.
type whole[T any] struct {
	all     []T
	refused error
}

func readWhole[T any](
	ctx context.Context,
	list *Cache[whole[T]],
	read func(context.Context) ([]T, error),
) ([]T, error) {
	got, err := list.Get(ctx, Lately, func(ctx context.Context) (whole[T], error) {
		all, err := read(ctx)
		if errors.Is(err, ErrPermissionDenied) {
			return whole[T]{refused: err}, nil
		}
		return whole[T]{all: all}, err
	})
	if err == nil {
		err = got.refused
	}
	return got.all, err
}

// principalLists are whole lists, as they were before this process last wrote to a principal or a group: what depends
// on that write must not read what was before.
type principalLists struct {
	servicePrincipals Cache[whole[ServicePrincipal]]
	users             Cache[whole[User]]
	groups            Cache[whole[Group]]
}

func (l *principalLists) follow(writes *atomic.Int64) {
	l.servicePrincipals.writes, l.users.writes, l.groups.writes = writes, writes, writes
}

// PrincipalID is the SCIM id of the service principal of an application id. No request for one that this process has
// added, else one; ErrNotFound when the workspace has none.
func (c *Client) PrincipalID(ctx context.Context, applicationID string) (id, displayName string, err error) {
	if id := c.addedPrincipal(applicationID); id != "" {
		return id, "", nil
	}
	filter := url.Values{
		"filter":     {"applicationId eq " + SCIMString(applicationID)},
		"attributes": {"id,applicationId,displayName"},
	}
	found, err := listSCIM(ctx, c, "ServicePrincipals", filter, toServicePrincipal)
	if err != nil {
		return "", "", adviseGroups(err)
	}
	for _, sp := range found {
		if strings.EqualFold(sp.ApplicationID, applicationID) {
			return sp.ID, sp.DisplayName, nil
		}
	}
	return "", "", Advise(
		fmt.Errorf("the workspace has no service principal with the application id %s: %w", applicationID, ErrNotFound),
		"application_id",
		strings.TrimSpace(
			c.WhoIsMeant(ctx, applicationID)+" Add it with dbxaccess_service_principal, and refer to its "+
				"application_id, so that it is created first. The value is the application (client) id of the app "+
				"registration, not its object id and not its name. "+GoneSincePlan,
		),
	)
}

// ApplicationIDs are the application ids of all service principals by their SCIM ids. One request for each 10,000.
func (c *Client) ApplicationIDs(ctx context.Context) (map[string]string, error) {
	all, err := listSCIM(
		ctx,
		c,
		"ServicePrincipals",
		url.Values{"attributes": {"id,applicationId"}},
		toServicePrincipal,
	)
	ids := make(map[string]string, len(all))
	for _, sp := range all {
		ids[sp.ID] = sp.ApplicationID
	}
	return ids, err
}

// WhoIsMeant is for a value that is not an application id: it returns a sentence about the principal that has it as its
// object id or display name. Empty where there is none, or where it cannot be found out. One request.
func (c *Client) WhoIsMeant(ctx context.Context, given string) string {
	attribute := "displayName"
	if uuid.Validate(given) == nil {
		attribute = "externalId"
	}
	filter := url.Values{
		"filter":     {attribute + " eq " + SCIMString(given)},
		"attributes": {"id,applicationId,displayName,externalId"},
	}
	found, _ := listSCIM(ctx, c, "ServicePrincipals", filter, func(r scimResource) string {
		return fmt.Sprintf("application id %s, display name %q, SCIM id %s", r.ApplicationID, r.DisplayName, r.ID)
	})
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

// SuggestPrincipal adds to the advice of err which principal has the given value as its object id; see
// [Client.WhoIsMeant].
func (c *Client) SuggestPrincipal(ctx context.Context, err error, given string) error {
	var advice *Advice
	if !errors.As(err, &advice) {
		return err
	}
	more := *advice
	more.lookUp = func() string {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookUpTime)
		defer cancel()
		return c.WhoIsMeant(ctx, given)
	}
	return &more
}

func toServicePrincipal(r scimResource) ServicePrincipal {
	sp := ServicePrincipal{
		ID:            r.ID,
		ApplicationID: r.ApplicationID,
		DisplayName:   r.DisplayName,
		ExternalID:    r.ExternalID,
		Active:        r.Active,
	}
	for _, e := range r.Entitlements {
		sp.Entitlements = append(sp.Entitlements, e.Value)
	}
	for _, g := range r.Groups {
		sp.Groups = append(sp.Groups, g.Display)
	}
	return sp
}

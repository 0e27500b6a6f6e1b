package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// ServicePrincipal is a service principal of the workspace, as SCIM shows it.
type ServicePrincipal struct {
	ID            string // SCIM id, digits
	ApplicationID string
	DisplayName   string
	ExternalID    string
	Active        *bool    // nil if the service does not show it, as to callers that are not admins
	Entitlements  []string // sorted
	Groups        []Group  // the groups that it is a direct member of, by ID and Name; only from a read with groups
	Roles         []string // only from a read with groups
}

// String returns the service principal's name for messages.
func (sp ServicePrincipal) String() string {
	switch {
	case sp.ApplicationID == "":
		return "service principal " + sp.DisplayName
	case sp.DisplayName == "":
		return "service principal " + sp.ApplicationID
	default:
		return "service principal " + sp.ApplicationID + " (" + sp.DisplayName + ")"
	}
}

// IsActive reports whether the service shows the service principal as active.
func (sp ServicePrincipal) IsActive() bool { return sp.Active != nil && *sp.Active }

// User is a user of the workspace, as SCIM shows it.
type User struct {
	ID          string // SCIM id, digits
	UserName    string // e-mail
	DisplayName string
	Active      *bool // nil if the service does not show it
}

// The SCIM collection of service principals, and the attributes that lists request. They do not request groups, because
// groups make a list much longer.
const (
	principals                 = "ServicePrincipals"
	servicePrincipalAttributes = "id,applicationId,displayName,externalId,active,entitlements"
	userAttributes             = "id,userName,displayName,active"
)

// ServicePrincipals lists the service principals that match a SCIM filter, without their groups. An empty filter
// matches all. One request per 10,000 service principals.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/list
func (c *Client) ServicePrincipals(ctx context.Context, filter string) ([]ServicePrincipal, error) {
	query := url.Values{"filter": {filter}, "attributes": {servicePrincipalAttributes}}
	return listSCIM(ctx, c, principals, query, toServicePrincipal)
}

// EachServicePrincipal calls visit for each service principal that [Client.ServicePrincipals] would list, until visit
// returns false. It is for a caller that shows service principals as they arrive. One request per 500 service
// principals.
func (c *Client) EachServicePrincipal(ctx context.Context, filter string, visit func(ServicePrincipal) bool) error {
	query := url.Values{"filter": {filter}, "attributes": {servicePrincipalAttributes}}
	return eachSCIM(ctx, c, principals, query, toServicePrincipal, visit)
}

// FindServicePrincipals lists the service principals that match a SCIM filter, each with its groups. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/list
func (c *Client) FindServicePrincipals(ctx context.Context, filter string) ([]ServicePrincipal, error) {
	return listSCIM(ctx, c, principals, url.Values{"filter": {filter}}, toServicePrincipal)
}

// ServicePrincipalByID reads the service principal with that SCIM id, with its groups. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/get
func (c *Client) ServicePrincipalByID(ctx context.Context, id string) (ServicePrincipal, error) {
	return getSCIM(ctx, c, principals, id, toServicePrincipal)
}

// CreateServicePrincipal adds a service principal to the workspace, and returns it as the service shows it. One
// request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/create
func (c *Client) CreateServicePrincipal(ctx context.Context, sp ServicePrincipal) (ServicePrincipal, error) {
	created := scimResource{wantApplication: sp.ApplicationID}
	if err := c.Call(ctx, http.MethodPost, scimRoot+principals, nil, fromServicePrincipal(sp), &created); err != nil {
		return ServicePrincipal{}, err
	}
	return toServicePrincipal(created), nil
}

// PatchServicePrincipal applies the operations to the service principal with that SCIM id. The answer may be {}, so
// only a read shows what the operations did. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/patch
func (c *Client) PatchServicePrincipal(ctx context.Context, id string, operations ...SCIMOperation) error {
	return c.Call(ctx, http.MethodPatch, PathOf(scimRoot+principals, id), nil, NewSCIMPatch(operations...),
		&Optional{Answer: &scimResource{want: id}})
}

// ReplaceServicePrincipal replaces everything that the service holds about a service principal, including its groups
// and roles. It is correct only directly after a read, so it is not retried. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/update
func (c *Client) ReplaceServicePrincipal(ctx context.Context, sp ServicePrincipal) error {
	return c.Call(WithoutRetry(ctx), http.MethodPut, PathOf(scimRoot+principals, sp.ID), nil, fromServicePrincipal(sp),
		&Optional{Answer: &scimResource{want: sp.ID}})
}

// DeleteServicePrincipal deletes the service principal with that SCIM id from the workspace. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/delete
func (c *Client) DeleteServicePrincipal(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, PathOf(scimRoot+principals, id), nil, nil, nil)
}

// Users lists the users that match a SCIM filter; an empty filter matches all. One request per 10,000 users.
// https://docs.databricks.com/api/azure/workspace/users/list
func (c *Client) Users(ctx context.Context, filter string) ([]User, error) {
	query := url.Values{"filter": {filter}, "attributes": {userAttributes}}
	return listSCIM(ctx, c, "Users", query, func(r scimResource) User {
		return User{ID: r.ID, UserName: r.UserName, DisplayName: r.DisplayName, Active: r.Active}
	})
}

// PrincipalID returns the SCIM id and the display name of the service principal with that application id. The error is
// [ErrNotFound] if the workspace has none. No request, and an empty display name, if this process has added the service
// principal; otherwise one request, and a second one if the workspace has none.
func (c *Client) PrincipalID(ctx context.Context, applicationID string) (id, displayName string, err error) {
	if id := c.addedPrincipal(applicationID); id != "" {
		return id, "", nil
	}
	query := url.Values{
		"filter":     {SCIMEquals("applicationId", applicationID)},
		"attributes": {"id,applicationId,displayName"},
	}
	found, err := listSCIM(ctx, c, principals, query, toServicePrincipal)
	if err != nil {
		return "", "", adviseGroups(err)
	}
	if len(found) > 0 {
		return found[0].ID, found[0].DisplayName, nil
	}
	advice := c.WhoIsMeant(ctx, applicationID) +
		" Add the service principal with dbxaccess_service_principal, and refer to its application_id, so that " +
		"Terraform creates it first. The value must be the application (client) id of the app registration, not its " +
		"object id or its name. " + GoneSincePlan
	return "", "", Advise(
		fmt.Errorf("the workspace has no service principal with the application id %s: %w", applicationID, ErrNotFound),
		"application_id", strings.TrimSpace(advice))
}

// ApplicationIDs returns the application ids of all service principals by their SCIM ids. One request per 10,000
// service principals.
func (c *Client) ApplicationIDs(ctx context.Context) (map[string]string, error) {
	query := url.Values{"attributes": {"id,applicationId"}}
	all, err := listSCIM(ctx, c, principals, query, toServicePrincipal)
	ids := make(map[string]string, len(all))
	for _, sp := range all {
		ids[sp.ID] = sp.ApplicationID
	}
	return ids, err
}

// WhoIsMeant returns a sentence about the service principals that have the given value, which is not an application id,
// as their object id or display name. It returns an empty string if there is none, or if that cannot be found out. One
// request.
func (c *Client) WhoIsMeant(ctx context.Context, given string) string {
	attribute := "displayName"
	if uuid.Validate(given) == nil {
		attribute = "externalId"
	}
	filter := url.Values{
		"filter":     {SCIMEquals(attribute, given)},
		"attributes": {"id,applicationId,displayName,externalId"},
	}
	found, _ := listSCIM(ctx, c, principals, filter, func(r scimResource) string {
		return fmt.Sprintf("application id %s, display name %q, SCIM id %s", r.ApplicationID, r.DisplayName, r.ID)
	})
	switch {
	case len(found) == 0:
		return ""
	case attribute == "externalId":
		return "The value is the object id of this service principal: " + strings.Join(found, "; ") + "."
	case len(found) == 1:
		return "One service principal has the value as its display name: " + found[0] + "."
	default:
		return fmt.Sprintf("%d service principals have the value as their display name: %s.",
			len(found), strings.Join(found, "; "))
	}
}

// SuggestPrincipal adds to the advice of err a sentence about the service principal that has the given value as its
// object id; see [Client.WhoIsMeant]. The service principal is looked up when the error is shown.
func (c *Client) SuggestPrincipal(ctx context.Context, err error, given string) error {
	advice, ok := errors.AsType[*Advice](err)
	if !ok {
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
		Entitlements:  slices.Sorted(slices.Values(fromValues(r.Entitlements))),
		Roles:         fromValues(r.Roles),
	}
	for _, g := range r.Groups {
		sp.Groups = append(sp.Groups, Group{ID: g.Value, Name: g.Display})
	}
	return sp
}

func fromServicePrincipal(sp ServicePrincipal) scimResource {
	r := scimResource{
		Schemas:       []string{"urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"},
		ID:            sp.ID,
		ApplicationID: sp.ApplicationID,
		DisplayName:   sp.DisplayName,
		ExternalID:    sp.ExternalID,
		Active:        sp.Active,
		Entitlements:  SCIMValues(sp.Entitlements),
		Roles:         SCIMValues(sp.Roles),
	}
	for _, g := range sp.Groups {
		r.Groups = append(r.Groups, scimValue{Value: g.ID})
	}
	return r
}

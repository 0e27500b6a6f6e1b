package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// ServicePrincipal is a service principal of the workspace, as SCIM shows it.
type ServicePrincipal struct {
	ID            string // SCIM id, digits
	ApplicationID string
	DisplayName   string
	ExternalID    string
	Active        *bool // nil where the service does not tell, as to callers who are not admins
	Entitlements  []string
	Groups        []string // names of the groups it is a direct member of; only where they were asked for
}

// User is a user of the workspace, as SCIM shows it.
type User struct {
	ID          string // SCIM id, digits
	UserName    string // e-mail
	DisplayName string
	Active      *bool // nil where the service does not tell
}

// Group is a group of the workspace with its direct members.
type Group struct {
	ID      string // SCIM id, digits
	Name    string
	Account bool // of the account, assigned to the workspace: its members are kept elsewhere
	Members []Member
	Parents []string // SCIM ids of the groups it is itself a direct member of; only of a single group
}

// Member is a direct member of a group.
type Member struct {
	ID          string // SCIM id, digits
	DisplayName string
	Collection  string // ServicePrincipals, Users or Groups; empty where the service does not tell
}

// The attributes to ask for; groups are left out of a list, as they make it much longer.
const (
	servicePrincipalAttributes = "id,applicationId,displayName,externalId,active,entitlements"
	userAttributes             = "id,userName,displayName,active"
)

// ServicePrincipals lists those that match a SCIM filter, all of them for an empty one, without their groups. One request
// for each 10,000.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/list
func (c *Client) ServicePrincipals(ctx context.Context, filter string) ([]ServicePrincipal, error) {
	return listSCIM(ctx, c, "ServicePrincipals", url.Values{"filter": {filter}, "attributes": {servicePrincipalAttributes}}, toServicePrincipal)
}

// EachServicePrincipal is [Client.ServicePrincipals] for those who show them as they come: it visits one after the other
// until visit returns false. One request for each 500.
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
	return listSCIM(ctx, c, "Users", url.Values{"filter": {filter}, "attributes": {userAttributes}}, func(r scimResource) User {
		return User{ID: r.ID, UserName: r.UserName, DisplayName: r.DisplayName, Active: r.Active}
	})
}

// AllServicePrincipals is [Client.ServicePrincipals] without a filter, shared by everything in this run for a while.
func (c *Client) AllServicePrincipals(ctx context.Context) ([]ServicePrincipal, error) {
	return readWhole(ctx, &c.lists().servicePrincipals, func(ctx context.Context) ([]ServicePrincipal, error) { return c.ServicePrincipals(ctx, "") })
}

// AllUsers is [Client.Users] without a filter, shared by everything in this run for a while.
func (c *Client) AllUsers(ctx context.Context) ([]User, error) {
	return readWhole(ctx, &c.lists().users, func(ctx context.Context) ([]User, error) { return c.Users(ctx, "") })
}

// AllGroups is [Client.Groups], shared by everything in this run for a while.
func (c *Client) AllGroups(ctx context.Context) ([]Group, error) {
	return readWhole(ctx, &c.lists().groups, c.Groups)
}

// whole is a whole list, or that the caller may not see it: the next one who asks would be refused as well.
type whole[T any] struct {
	all     []T
	refused error
}

func readWhole[T any](ctx context.Context, list *Shared[whole[T]], read func(context.Context) ([]T, error)) ([]T, error) {
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

// principalLists are whole lists, as they were before this process wrote to a principal or a group.
type principalLists struct {
	servicePrincipals Shared[whole[ServicePrincipal]]
	users             Shared[whole[User]]
	groups            Shared[whole[Group]]
}

// sharedLists are the lists since the last write.
type sharedLists struct {
	mu     sync.Mutex
	writes int64
	lists  *principalLists
}

// lists are empty again after each write over SCIM, whoever of this process makes it: what depends on that write must not
// read what was before.
func (c *Client) lists() *principalLists {
	s := Of[sharedLists](c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if writes := c.line.scimWrites.Load(); s.lists == nil || s.writes != writes {
		s.lists, s.writes = &principalLists{}, writes
	}
	return s.lists
}

// Groups lists every group of the workspace with its direct members; the caller must be a workspace admin. One request for
// each 10,000.
// https://docs.databricks.com/api/azure/workspace/groups/list
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	return listSCIM(ctx, c, "Groups", allGroups(), toGroup)
}

// EachGroup is [Client.Groups] for those who show them as they come: it visits one after the other until visit returns
// false. One request for each 500.
func (c *Client) EachGroup(ctx context.Context, visit func(Group) bool) error {
	return pagesSCIM(ctx, c, "Groups", allGroups(), streamPage, func(page []scimResource) bool {
		for _, r := range page {
			if !visit(toGroup(r)) {
				return false
			}
		}
		return true
	})
}

func allGroups() url.Values {
	return url.Values{"excludedAttributes": {"entitlements,roles,groups"}}
}

func toGroup(r scimResource) Group {
	// A group of the workspace itself is a WorkspaceGroup; an older service does not say.
	g := Group{ID: r.ID, Name: r.DisplayName, Account: r.Meta.ResourceType == "Group"}
	for _, m := range r.Members {
		collection, _, _ := strings.Cut(m.Ref, "/")
		g.Members = append(g.Members, Member{ID: m.Value, DisplayName: m.Display, Collection: collection})
	}
	for _, p := range r.Groups {
		g.Parents = append(g.Parents, p.Value)
	}
	return g
}

// SCIMString writes a value of a SCIM filter, quoted as RFC 7644 has it: as a JSON string.
func SCIMString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

const scimRoot = "/api/2.0/preview/scim/v2/"

// scimPage is how many are asked for at once. The service may give fewer.
const scimPage = 10_000

// streamPage is how many are asked for at once where somebody waits for the first.
const streamPage = 500

type scimResource struct {
	ID            string      `json:"id"`
	ApplicationID string      `json:"applicationId"`
	UserName      string      `json:"userName"`
	DisplayName   string      `json:"displayName"`
	ExternalID    string      `json:"externalId"`
	Active        *bool       `json:"active"`
	Entitlements  []scimValue `json:"entitlements"`
	Groups        []scimValue `json:"groups"`
	Members       []scimValue `json:"members"`
	Meta          struct {
		ResourceType string `json:"resourceType"`
	} `json:"meta"`

	want string // the id that was asked for
}

func (r *scimResource) Lacks(bool) string { return Named("id", r.ID, r.want) }

// scimList is one page. An empty list still says that there are none.
type scimList struct {
	TotalResults *int           `json:"totalResults"`
	Resources    []scimResource `json:"Resources"`

	first  bool
	filter string
}

func (l *scimList) Lacks(bool) string {
	switch {
	case l.TotalResults == nil && l.Resources == nil:
		return "it has neither totalResults nor Resources"
	case l.first && len(l.Resources) == 0 && l.TotalResults != nil && *l.TotalResults > 0:
		return fmt.Sprintf("its totalResults is %d and it shows none", *l.TotalResults)
	}
	terms := equalities(l.filter)
	for i := range l.Resources {
		r := &l.Resources[i]
		if lack := r.Lacks(false); lack != "" {
			return "in one of its Resources " + lack
		}
		// A list of others does not answer the question whether there is this one.
		if len(terms) > 0 && !slices.ContainsFunc(terms, r.matches) {
			return fmt.Sprintf("one of its Resources, with the id %s, does not match the filter", clean(r.ID))
		}
	}
	return ""
}

// term is one that a filter demands: attribute eq "value".
type term struct{ attribute, value string }

// matches compares as SCIM does, without case.
func (r *scimResource) matches(t term) bool {
	shown := map[string]string{"applicationId": r.ApplicationID, "displayName": r.DisplayName, "id": r.ID, "userName": r.UserName}[t.attribute]
	return strings.EqualFold(shown, t.value)
}

// equalities are the terms of which a filter wants one; none for a filter of another form.
func equalities(filter string) (terms []term) {
	for filter != "" {
		attribute, rest, _ := strings.Cut(filter, " eq ")
		var value string
		decoder := json.NewDecoder(strings.NewReader(rest))
		if !slices.Contains([]string{"applicationId", "displayName", "id", "userName"}, attribute) || decoder.Decode(&value) != nil {
			return nil
		}
		terms = append(terms, term{attribute, value})
		rest = rest[decoder.InputOffset():]
		var or bool
		if filter, or = strings.CutPrefix(rest, " or "); !or && rest != "" {
			return nil
		}
	}
	return terms
}

type scimValue struct {
	Value   string `json:"value"`
	Display string `json:"display"`
	Ref     string `json:"$ref"`
}

func toServicePrincipal(r scimResource) ServicePrincipal {
	sp := ServicePrincipal{ID: r.ID, ApplicationID: r.ApplicationID, DisplayName: r.DisplayName, ExternalID: r.ExternalID, Active: r.Active}
	for _, e := range r.Entitlements {
		sp.Entitlements = append(sp.Entitlements, e.Value)
	}
	for _, g := range r.Groups {
		sp.Groups = append(sp.Groups, g.Display)
	}
	return sp
}

// listSCIM reads a whole list; see [pagesSCIM].
func listSCIM[T any](ctx context.Context, c *Client, collection string, query url.Values, to func(scimResource) T) ([]T, error) {
	var all []T
	err := pagesSCIM(ctx, c, collection, query, scimPage, func(page []scimResource) bool {
		all = slices.Grow(all, len(page))
		for _, r := range page {
			all = append(all, to(r))
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// pagesSCIM reads a list page by page, until visit returns false. The SDK's own pager asks on until a page is empty, which
// doubles the calls of nearly every list; the service says how many there are in all.
func pagesSCIM(ctx context.Context, c *Client, collection string, query url.Values, count int, visit func([]scimResource) bool) error {
	parameters := map[string]any{"count": count}
	for name := range query {
		if value := query.Get(name); value != "" {
			parameters[name] = value
		}
	}
	seen := map[string]bool{}
	for start := 1; ; {
		page := scimList{first: start == 1, filter: query.Get("filter")}
		parameters["startIndex"] = start
		if err := c.Call(ctx, http.MethodGet, scimRoot+collection, parameters, nil, &page); err != nil {
			return err
		}
		total := 0 // unknown
		if page.TotalResults != nil {
			total = *page.TotalResults
		}
		if len(page.Resources) == 0 {
			if start <= total {
				return fmt.Errorf("the service says that there are %d %s and ended its list after %d: %w", total, collection, start-1, errPaging)
			}
			return nil
		}
		// An object that was deleted or added meanwhile moves others by a place, so one may come twice; a page of nothing
		// else leads nowhere.
		fresh := page.Resources[:0]
		for _, r := range page.Resources {
			if !seen[r.ID] {
				seen[r.ID] = true
				fresh = append(fresh, r)
			}
		}
		if len(fresh) == 0 {
			return fmt.Errorf("the service gave a page of %s that it had given before: %w", collection, errPaging)
		}
		if count := len(page.Resources); !visit(fresh) {
			return nil
		} else if start += count; total > 0 && start > total {
			return nil
		}
	}
}

// errPaging: going on would never end.
var errPaging = errors.New("it does not page")

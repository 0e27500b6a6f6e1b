package servingendpointaccess

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// access lists who may use an endpoint, and the groups whose members are not known.
type access struct {
	EndpointID string
	Holders    []holder
	Unexpanded []unexpanded
}

// resolveAccess reads the access list of the endpoint, then all groups, then the service principals and users that hold
// a level. Up to five requests for one endpoint, however many groups there are. Many endpoints share the lists of
// groups and principals: one request per endpoint, and about ten for all endpoints together.
func resolveAccess(ctx context.Context, c *client.Client, endpoint string) (access, error) {
	id, list, err := acl.ReadEndpoint(ctx, c, endpoint, client.RecentAge)
	if err != nil {
		return access{}, err
	}
	groups, err := readGroups(ctx, c, list)
	if err != nil {
		return access{}, err
	}
	grants, missing := effectiveGrants(list, groups)
	known, err := readPeople(ctx, c, grants)
	if err != nil {
		return access{}, err
	}
	a := access{EndpointID: id}
	a.Holders, a.Unexpanded = gather(grants, missing, known)
	return a, nil
}

// readGroups lists all groups if the access list names a group other than "users". It returns no groups to a caller who
// may not list them. One request, or none.
func readGroups(ctx context.Context, c *client.Client, list acl.List) (directory, error) {
	if !slices.ContainsFunc(list, func(e acl.Entry) bool { return e.Kind == acl.Group && e.Name != usersGroup }) {
		return directory{}, nil
	}
	groups, err := c.AllGroups(ctx)
	if errors.Is(err, client.ErrPermissionDenied) {
		return directory{}, nil
	}
	if err != nil {
		return directory{}, err
	}
	return newDirectory(groups), nil
}

const (
	// few is how many principals are looked up by name. If there are more, all principals are listed, because each name
	// is part of the URL, whose length is limited.
	few = 20
	// maxEndpointsByName is how many endpoints in a Terraform run look up principals by name. Later endpoints share one
	// list of all principals.
	maxEndpointsByName = 2
)

// endpointsRead counts the endpoints that one Terraform run has read.
type endpointsRead struct{ endpoints atomic.Int64 }

// readPeople reads the names and states of the service principals and users that hold a grant. Two requests at most.
func readPeople(ctx context.Context, c *client.Client, grants []grant) (people, error) {
	var applications, users []string // terms of a SCIM filter
	add := func(terms *[]string, attribute, value string) {
		term := client.SCIMEquals(attribute, value)
		if len(*terms) <= few && !slices.Contains(*terms, term) { // one more than few shows that there are too many
			*terms = append(*terms, term)
		}
	}
	for _, g := range grants {
		switch {
		case g.Principal.Kind == acl.ServicePrincipal:
			add(&applications, "applicationId", g.Principal.Name)
		case g.Principal.Kind == acl.User:
			add(&users, "userName", g.Principal.Name)
		case g.Member.Collection == "ServicePrincipals":
			add(&applications, "id", g.ID)
		case g.Member.Collection == "Users":
			add(&users, "id", g.ID)
		default: // the service does not show whether it is a user or a service principal
			add(&applications, "id", g.ID)
			add(&users, "id", g.ID)
		}
	}
	many := client.PerClient[endpointsRead](c).endpoints.Add(1) > maxEndpointsByName
	var known people
	var err error
	known.ServicePrincipals, err = matching(ctx, applications, many, c.ServicePrincipals, c.AllServicePrincipals)
	if err == nil {
		known.Users, err = matching(ctx, users, many, c.Users, c.AllUsers)
	}
	return known, err
}

// matching returns the principals that match one of the terms. If there are too many terms, or many is true, it returns
// all principals. It returns none to a caller who may not list principals.
func matching[T any](
	ctx context.Context,
	terms []string,
	many bool,
	some func(ctx context.Context, filter string) ([]T, error),
	all func(context.Context) ([]T, error),
) (found []T, err error) {
	switch {
	case len(terms) == 0:
		return nil, nil
	case many || len(terms) > few:
		found, err = all(ctx)
	default:
		found, err = some(ctx, strings.Join(terms, " or "))
	}
	if errors.Is(err, client.ErrPermissionDenied) {
		return nil, nil
	}
	return found, err
}

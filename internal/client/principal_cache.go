package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// principalCache holds the workspace's service principals by three keys: "id SCIMID", "application APPLICATIONID" in
// lower case, and "name DISPLAYNAME". Several service principals may have the same display name.
type principalCache struct {
	Directory[[]ServicePrincipal]
	mu    sync.Mutex
	added map[string][]string // display name → SCIM ids of service principals that this run has added
}

func (p *principalCache) add(displayName, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.added == nil {
		p.added = map[string][]string{}
	}
	p.added[displayName] = append(p.added[displayName], id)
}

// beforeAge is the greatest age of a copy that shows what existed before a creation. After a lost answer, this copy
// decides whether this run or somebody else created the object. It decides nothing else.
const beforeAge = time.Minute

// SharedServicePrincipal reads the service principal with that SCIM id for a refresh. One request for one or two
// service principals, three for any larger number.
func (c *Client) SharedServicePrincipal(ctx context.Context, id string) (ServicePrincipal, error) {
	found, err := c.principals.Get(ctx, "id "+id, AnyAge, func(ctx context.Context) ([]ServicePrincipal, error) {
		sp, err := c.ServicePrincipalByID(ctx, id)
		return []ServicePrincipal{sp}, err
	})
	if err != nil {
		return ServicePrincipal{}, err
	}
	return found[0], nil
}

// PrincipalBefore reports whether the workspace had a service principal with that application id a moment ago, before
// this run adds it. As many requests as [Client.SharedServicePrincipal].
func (c *Client) PrincipalBefore(ctx context.Context, applicationID string) (bool, error) {
	key := "application " + strings.ToLower(applicationID)
	found, err := c.principals.GetOrZero(ctx, key, beforeAge, func(ctx context.Context) ([]ServicePrincipal, error) {
		return orNotFound(c.ServicePrincipals(ctx, SCIMEquals("applicationId", applicationID)))
	})
	return len(found) > 0, err
}

// NamedBefore returns the SCIM ids of the service principals that had that display name a moment ago, before this run
// adds one, and of those that this run has added. As many requests as [Client.SharedServicePrincipal].
func (c *Client) NamedBefore(ctx context.Context, displayName string) ([]string, error) {
	key := "name " + displayName
	all, err := c.principals.GetOrZero(ctx, key, beforeAge, func(ctx context.Context) ([]ServicePrincipal, error) {
		return orNotFound(c.ServicePrincipals(ctx, SCIMEquals("displayName", displayName)))
	})
	c.principals.mu.Lock()
	defer c.principals.mu.Unlock()
	ids := slices.Clone(c.principals.added[displayName])
	for _, sp := range all {
		ids = append(ids, sp.ID)
	}
	return ids, err
}

func (c *Client) everyPrincipal(ctx context.Context) (map[string][]ServicePrincipal, error) {
	all, err := c.ServicePrincipals(ctx, "")
	if err != nil {
		return nil, err
	}
	found := make(map[string][]ServicePrincipal, 3*len(all))
	for i := range all {
		one := all[i : i+1 : i+1]
		found["id "+one[0].ID] = one
		found["application "+strings.ToLower(one[0].ApplicationID)] = one
		name := "name " + one[0].DisplayName
		if namesakes := found[name]; len(namesakes) > 0 {
			one = append(namesakes, one...)
		}
		found[name] = one
	}
	return found, nil
}

// orNotFound returns [ErrNotFound] for an empty list, as [Directory] expects.
func orNotFound(all []ServicePrincipal, err error) ([]ServicePrincipal, error) {
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	return all, err
}

// AllServicePrincipals returns the list of [Client.ServicePrincipals] without a filter. All callers in this run share
// the list for the time [RecentAge].
func (c *Client) AllServicePrincipals(ctx context.Context) ([]ServicePrincipal, error) {
	return readList(ctx, &c.lists.servicePrincipals, func(ctx context.Context) ([]ServicePrincipal, error) {
		return c.ServicePrincipals(ctx, "")
	})
}

// AllUsers returns the list of [Client.Users] without a filter. All callers in this run share it for the time
// [RecentAge].
func (c *Client) AllUsers(ctx context.Context) ([]User, error) {
	return readList(ctx, &c.lists.users, func(ctx context.Context) ([]User, error) { return c.Users(ctx, "") })
}

// AllGroups returns the list of [Client.Groups]. All callers in this run share it for the time [RecentAge].
func (c *Client) AllGroups(ctx context.Context) ([]Group, error) {
	return readList(ctx, &c.lists.groups, c.Groups)
}

// listed is the result of a request for all objects of a kind. It holds the list, or the service's refusal to show the
// list, which the next caller would get as well.
type listed[T any] struct {
	all     []T
	refused error
}

func readList[T any](
	ctx context.Context,
	list *Cache[listed[T]],
	read func(context.Context) ([]T, error),
) ([]T, error) {
	got, err := list.Get(ctx, RecentAge, func(ctx context.Context) (listed[T], error) {
		all, err := read(ctx)
		if errors.Is(err, ErrPermissionDenied) {
			return listed[T]{refused: err}, nil
		}
		return listed[T]{all: all}, err
	})
	if err == nil {
		err = got.refused
	}
	return got.all, err
}

// principalLists holds complete lists of principals. A write of this process to a principal or a group makes them out
// of date, because what depends on that write must not read the list from before.
type principalLists struct {
	servicePrincipals Cache[listed[ServicePrincipal]]
	users             Cache[listed[User]]
	groups            Cache[listed[Group]]
}

func (l *principalLists) follow(writes *atomic.Int64) {
	l.servicePrincipals.writes, l.users.writes, l.groups.writes = writes, writes, writes
}

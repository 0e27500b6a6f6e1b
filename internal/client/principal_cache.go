package client

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// principalCache holds the workspace's service principals: under "id SCIMID", under "application APPLICATIONID" in
// lower case, and under "name DISPLAYNAME", a name that several may have.
type principalCache struct {
	Directory[[]ServicePrincipal]
	mu    sync.Mutex
	added map[string][]string // display name → SCIM ids of those that this run has added
}

func (p *principalCache) add(displayName, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.added == nil {
		p.added = map[string][]string{}
	}
	p.added[displayName] = append(p.added[displayName], id)
}

// beforeAge is how old a copy may be that shows what was there before a creation. It only decides whether this run or
// somebody else created what is there after a lost answer.
const beforeAge = time.Minute

// SharedServicePrincipal reads one by its SCIM id for a refresh. One request for one or two of them, three for any
// number.
func (c *Client) SharedServicePrincipal(ctx context.Context, id string) (ServicePrincipal, error) {
	found, err := c.principals.Get(ctx, "id "+id, AnyAge, func(ctx context.Context) ([]ServicePrincipal, error) {
		sp, err := c.ServicePrincipalByID(ctx, id)
		return []ServicePrincipal{sp}, err
	}, c.everyPrincipal)
	if err != nil {
		return ServicePrincipal{}, err
	}
	return found[0], nil
}

// PrincipalBefore reports whether the workspace had a service principal of that application id a moment ago, before one
// is added. As many requests as [Client.SharedServicePrincipal].
func (c *Client) PrincipalBefore(ctx context.Context, applicationID string) (bool, error) {
	_, found, err := c.principals.Seek(
		ctx,
		"application "+strings.ToLower(applicationID),
		beforeAge,
		func(ctx context.Context) ([]ServicePrincipal, error) {
			return someone(c.ServicePrincipals(ctx, "applicationId eq "+SCIMString(applicationID)))
		},
		c.everyPrincipal,
	)
	return found, err
}

// NamedBefore returns the SCIM ids of the service principals that had that display name a moment ago, before one is
// added, with those that this run has added. As many requests as [Client.SharedServicePrincipal].
func (c *Client) NamedBefore(ctx context.Context, displayName string) ([]string, error) {
	all, _, err := c.principals.Seek(
		ctx,
		"name "+displayName,
		beforeAge,
		func(ctx context.Context) ([]ServicePrincipal, error) {
			return someone(c.ServicePrincipals(ctx, "displayName eq "+SCIMString(displayName)))
		},
		c.everyPrincipal,
	)
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

// someone returns [ErrNotFound] for an empty list, as [Directory] expects.
func someone(all []ServicePrincipal, err error) ([]ServicePrincipal, error) {
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	return all, err
}

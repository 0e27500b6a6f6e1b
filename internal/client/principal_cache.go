package client

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// known is what one run knows of the workspace's service principals: by "id SCIMID", by "application APPLICATIONID" in
// lower case, and by "name DISPLAYNAME", of which there may be several.
type known struct {
	Directory[[]ServicePrincipal]
	mu   sync.Mutex
	made map[string][]string // display name → SCIM ids of those that this run has made
}

// knownFor is how old the knowledge may be of what was there before a creation. It tells only whose work a lost answer was.
const knownFor = time.Minute

// SharedServicePrincipal reads one by its SCIM id for a refresh. One request for one or two of them, three for any number.
func (c *Client) SharedServicePrincipal(ctx context.Context, id string) (ServicePrincipal, error) {
	found, err := Of[known](c).Get(ctx, "id "+id, AnyAge, func(ctx context.Context) ([]ServicePrincipal, error) {
		sp, err := c.ServicePrincipalByID(ctx, id)
		return []ServicePrincipal{sp}, err
	}, c.everyPrincipal)
	if err != nil {
		return ServicePrincipal{}, err
	}
	return found[0], nil
}

// PrincipalBefore reports whether the workspace had a service principal of that application id a moment ago, before one is
// made. As many requests as [Client.SharedServicePrincipal].
func (c *Client) PrincipalBefore(ctx context.Context, applicationID string) (bool, error) {
	_, found, err := Of[known](c).Seek(ctx, "application "+strings.ToLower(applicationID), knownFor, func(ctx context.Context) ([]ServicePrincipal, error) {
		return someone(c.ServicePrincipals(ctx, "applicationId eq "+SCIMString(applicationID)))
	}, c.everyPrincipal)
	return found, err
}

// NamedBefore gives the SCIM ids of the service principals that had that display name a moment ago, before one is made,
// those included that this run has made. As many requests as [Client.SharedServicePrincipal].
func (c *Client) NamedBefore(ctx context.Context, displayName string) ([]string, error) {
	k := Of[known](c)
	all, _, err := k.Seek(ctx, "name "+displayName, knownFor, func(ctx context.Context) ([]ServicePrincipal, error) {
		return someone(c.ServicePrincipals(ctx, "displayName eq "+SCIMString(displayName)))
	}, c.everyPrincipal)
	k.mu.Lock()
	defer k.mu.Unlock()
	ids := slices.Clone(k.made[displayName])
	for _, sp := range all {
		ids = append(ids, sp.ID)
	}
	return ids, err
}

// NotePrincipal remembers a service principal that this process has added: SCIM may not show it for a while.
func (c *Client) NotePrincipal(applicationID, displayName, id string) {
	c.line.principals.Store(strings.ToLower(applicationID), id)
	k := Of[known](c)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made == nil {
		k.made = map[string][]string{}
	}
	k.made[displayName] = append(k.made[displayName], id)
}

// NoteRename remembers that this run plans another display name for a service principal.
func (c *Client) NoteRename(applicationID string) {
	c.line.renamed.Store(strings.ToLower(applicationID), true)
}

// IsRenamed reports whether this run plans another display name for the service principal of that application id.
func (c *Client) IsRenamed(applicationID string) bool {
	_, ok := c.line.renamed.Load(strings.ToLower(applicationID))
	return ok
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
		found["name "+one[0].DisplayName] = append(found["name "+one[0].DisplayName], one[0])
	}
	return found, nil
}

// someone makes an empty list an error, as [Directory] wants it.
func someone(all []ServicePrincipal, err error) ([]ServicePrincipal, error) {
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	return all, err
}

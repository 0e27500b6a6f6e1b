package client

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// run is what one configuration of the provider remembers between calls, shared by every identity that calls. It ends
// with the configuration, never with the process. What the service shows is cached in [Client], because the service may
// show each identity something else.
type run struct {
	locks      sync.Map // object → chan struct{} of one place
	added      sync.Map // lower-case application id → SCIM id of a service principal that this process has added
	renamed    sync.Map // lower-case application ids of service principals that this run plans another name for
	removed    sync.Map // SCIM ids of service principals that this process has removed
	granted    sync.Map // endpoint name → time of the last change to its access list by this process
	tokensKept sync.Map // ids of tokens that this run keeps; see [Client.KeepTokens]
	once       sync.Map // names that [Client.FirstTime] has seen
	logins     loginCache
	overlap    overlap
	writes     writes
}

// writes counts requests that change something, by what they change: each before it is sent and after its answer. A
// [Cache] whose copy was read before the last count reads again.
type writes struct {
	principals atomic.Int64 // service principals, users and groups
	tokens     atomic.Int64
}

func (w *writes) note(r *http.Request) {
	if strings.HasPrefix(r.URL.Path, scimRoot) {
		w.principals.Add(1)
	}
	if changesTokens(r) {
		w.tokens.Add(1)
	}
}

// changesTokens reports whether a write may create, change or revoke tokens. The service revokes those of a principal
// that is deleted, or that loses the right to use tokens.
func changesTokens(r *http.Request) bool {
	for _, prefix := range []string{"/api/2.0/token/", managedTokens, "/api/2.0/permissions/authorization/tokens"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return true
		}
	}
	return r.Method == http.MethodDelete && strings.HasPrefix(r.URL.Path, scimRoot)
}

// NoteGrant remembers that this process has changed the access list of the endpoint.
func (c *Client) NoteGrant(endpoint string) { c.run.granted.Store(endpoint, time.Now()) }

// GrantedLately reports whether this process changed the access list of the endpoint within the last d. The serving
// plane may take a minute or two to honour a new grant, and only then is a refusal worth a second try.
func (c *Client) GrantedLately(endpoint string, d time.Duration) bool {
	at, ok := c.run.granted.Load(endpoint)
	return ok && time.Since(at.(time.Time)) < d
}

// NotePrincipal remembers a service principal that this process has added: SCIM may not show it for a while.
func (c *Client) NotePrincipal(applicationID, displayName, id string) {
	c.run.added.Store(strings.ToLower(applicationID), id)
	c.principals.add(displayName, id)
}

// NoteRemoval remembers a service principal that this process removes: SCIM may go on showing it for a while.
func (c *Client) NoteRemoval(applicationID, id string) {
	c.run.added.Delete(strings.ToLower(applicationID))
	c.run.removed.Store(id, true)
}

// HasRemoved reports whether this process has removed the service principal of that SCIM id.
func (c *Client) HasRemoved(id string) bool {
	_, ok := c.run.removed.Load(id)
	return ok
}

// HasAdded reports whether this process has added the service principal of that application id: then the workspace has
// it, whatever a read that lags behind shows.
func (c *Client) HasAdded(applicationID string) bool { return c.addedPrincipal(applicationID) != "" }

// addedPrincipal is the SCIM id of a service principal that this process has added; empty for others.
func (c *Client) addedPrincipal(applicationID string) string {
	id, _ := c.run.added.Load(strings.ToLower(applicationID))
	s, _ := id.(string)
	return s
}

// NoteRename remembers that this run plans another display name for a service principal.
func (c *Client) NoteRename(applicationID string) {
	c.run.renamed.Store(strings.ToLower(applicationID), true)
}

// IsRenamed reports whether this run plans another display name for the service principal of that application id.
func (c *Client) IsRenamed(applicationID string) bool {
	_, ok := c.run.renamed.Load(strings.ToLower(applicationID))
	return ok
}

// KeepTokens remembers tokens that are in use, whatever a list shows of them: they are in a state of this run, or this
// run created them. Empty ids are left out.
func (c *Client) KeepTokens(ids ...string) {
	for _, id := range ids {
		if id != "" {
			c.run.tokensKept.Store(id, true)
		}
	}
}

// KeepsToken reports whether [Client.KeepTokens] was called for that token in this run.
func (c *Client) KeepsToken(id string) bool {
	_, kept := c.run.tokensKept.Load(id)
	return kept
}

// FirstTime reports whether this is the first call with that name in this run, so that something is done only once.
func (c *Client) FirstTime(name string) bool {
	_, before := c.run.once.LoadOrStore(name, true)
	return !before
}

package client

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// run holds what one configuration of the provider remembers between calls. Every identity that calls shares it. It
// ends with the configuration, and not with the process. Copies of what the service shows are in [Client], because the
// service may show each identity something else.
type run struct {
	locks      sync.Map // object → *semaphore.Weighted of 1
	added      sync.Map // lower-case application id → SCIM id of a service principal that this process has added
	renamed    sync.Map // lower-case application ids of service principals whose display name this run plans to change
	removed    sync.Map // SCIM ids of service principals that this process has removed
	granted    sync.Map // endpoint name → time of the last change to its access list by this process
	tokensKept sync.Map // ids of tokens that this run keeps; see [Client.KeepTokens]
	once       sync.Map // names that were passed to [Client.FirstTime]
	clients    openOnce[identity, Client]
	vaults     openOnce[string, auth.Vault]
	shared     *sharedObjects
	writes     writes
}

// writes counts the requests that change something, by what they change. Each request counts before it is sent and
// after its answer. A [Cache] reads again if a request was counted after its copy was read.
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

// changesTokens reports whether a write may create, change or revoke tokens. The service also revokes the tokens of a
// principal that is deleted, or that loses the right to use tokens.
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
// plane may take a minute or two to honour a new grant. Only within that time is a refused query worth a second try.
func (c *Client) GrantedLately(endpoint string, d time.Duration) bool {
	at, ok := c.run.granted.Load(endpoint)
	return ok && time.Since(at.(time.Time)) < d
}

// NotePrincipal remembers a service principal that this process has added, because SCIM may not show it for a while.
func (c *Client) NotePrincipal(applicationID, displayName, id string) {
	c.run.added.Store(strings.ToLower(applicationID), id)
	c.principals.add(displayName, id)
}

// NoteRemoval remembers a service principal that this process removes, because SCIM may still show it for a while.
func (c *Client) NoteRemoval(applicationID, id string) {
	c.run.added.Delete(strings.ToLower(applicationID))
	c.run.removed.Store(id, true)
}

// HasRemoved reports whether this process has removed the service principal with that SCIM id.
func (c *Client) HasRemoved(id string) bool {
	_, ok := c.run.removed.Load(id)
	return ok
}

// HasAdded reports whether this process has added the service principal with that application id. If so, the workspace
// has it, even if a read that lags behind does not show it.
func (c *Client) HasAdded(applicationID string) bool { return c.addedPrincipal(applicationID) != "" }

// addedPrincipal returns the SCIM id of a service principal that this process has added, and an empty string for any
// other.
func (c *Client) addedPrincipal(applicationID string) string {
	id, _ := c.run.added.Load(strings.ToLower(applicationID))
	s, _ := id.(string)
	return s
}

// NoteRename remembers that this run plans to change the display name of a service principal.
func (c *Client) NoteRename(applicationID string) {
	c.run.renamed.Store(strings.ToLower(applicationID), true)
}

// IsRenamed reports whether this run plans to change the display name of the service principal with that application
// id.
func (c *Client) IsRenamed(applicationID string) bool {
	_, ok := c.run.renamed.Load(strings.ToLower(applicationID))
	return ok
}

// KeepTokens remembers the ids of tokens that are in use, because a state of this run holds them or this run created
// them. They are in use whatever a list shows of them. Empty ids are ignored.
func (c *Client) KeepTokens(ids ...string) {
	for _, id := range ids {
		if id != "" {
			c.run.tokensKept.Store(id, true)
		}
	}
}

// KeepsToken reports whether [Client.KeepTokens] was called for the token with that id in this run.
func (c *Client) KeepsToken(id string) bool {
	_, kept := c.run.tokensKept.Load(id)
	return kept
}

// FirstTime reports whether this is the first call with that name in this run, so that something is done only once.
func (c *Client) FirstTime(name string) bool {
	_, before := c.run.once.LoadOrStore(name, true)
	return !before
}

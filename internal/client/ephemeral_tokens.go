package client

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// EphemeralTokens holds the tokens that live for one run and must still be revoked. Terraform closes such a token when
// nothing needs it any more, but not if something that used the token has failed. So [EphemeralTokens.RevokeAll]
// revokes the remaining tokens when the process ends. Each provider has its own. The zero value is ready to use.
type EphemeralTokens struct {
	mu      sync.Mutex
	opening int // how many tokens are being created at this moment
	tokens  map[string]ephemeralToken
}

// ephemeralToken holds the clients that can revoke a token: that of the token's owner, and the provider's own, which
// must be a workspace admin.
type ephemeralToken struct{ owner, provider *Client }

// BeginEphemeralToken records that owner is about to create a token. The caller must then call created with the token's
// id, or with an empty id if no token was created.
func (c *Client) BeginEphemeralToken(owner *Client) (created func(id string)) {
	e := c.cfg.Ephemeral
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opening++
	return func(id string) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.opening--
		if id == "" {
			return
		}
		if e.tokens == nil {
			e.tokens = map[string]ephemeralToken{}
		}
		e.tokens[id] = ephemeralToken{owner: owner, provider: c}
	}
}

// CloseToken revokes a token for one run. It returns nil if the token does not exist any more. It first revokes the
// token as its owner, whose login is still available. If the workspace refuses the owner, it revokes the token as the
// provider's identity, which must be a workspace admin. One revocation, or two if the owner is refused; see
// [Client.RevokeOwnToken] and [Client.RevokeAnyToken] for their requests. If both fail, [EphemeralTokens.RevokeAll]
// tries once more when the process ends.
func (c *Client) CloseToken(ctx context.Context, id string) error {
	e := c.cfg.Ephemeral
	e.mu.Lock()
	t, known := e.tokens[id]
	e.mu.Unlock()
	if !known { // a process that has ended created the token
		t = ephemeralToken{provider: c}
	}
	if err := t.revoke(ctx, id); err != nil {
		return err
	}
	e.mu.Lock()
	delete(e.tokens, id)
	e.mu.Unlock()
	return nil
}

func (t ephemeralToken) revoke(ctx context.Context, id string) error {
	var asOwner error
	if t.owner != nil {
		if asOwner = t.owner.RevokeOwnToken(ctx, id); asOwner == nil {
			return nil
		}
	}
	err := t.provider.RevokeAnyToken(ctx, id)
	if err == nil {
		return nil
	}
	next := "The provider tries to revoke the token once more when its process ends. If that fails too, the token " +
		"works until its lifetime ends, unless an admin revokes it: DELETE /api/2.0/token-management/tokens/" + id + "."
	if errors.Is(err, ErrPermissionDenied) {
		next += "\n\nOnly a workspace admin may revoke tokens of others. Add the provider's identity to the group " +
			"\"admins\"."
	}
	if asOwner != nil { // as text, because the error of a refused login would hide err
		next += "\n\nThe provider also could not revoke the token with the login of its owner: " + asOwner.Error()
	}
	return Advise(err, "", next)
}

// RevokeAll revokes all tokens that are still open, in parallel. It gives up after limit, because Terraform kills a
// process that lingers. If no token is open, it returns at once. It returns an error for each token that could not be
// revoked, by token id.
func (e *EphemeralTokens) RevokeAll(limit time.Duration) map[string]error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	// A token that is being created has no known id yet, and would be lost. Half of the time is for waiting until its
	// id is known, the rest for revoking.
	for began := time.Now(); e.busy() && time.Since(began) < limit/2 && web.Pause(ctx, limit/100) == nil; {
	}
	e.mu.Lock()
	left := maps.Clone(e.tokens)
	e.mu.Unlock()

	failed := map[string]error{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for id := range left {
		all.Go(func() {
			if err := left[id].revoke(ctx, id); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[id] = err
			}
		})
	}
	all.Wait()
	return failed
}

func (e *EphemeralTokens) busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.opening > 0
}

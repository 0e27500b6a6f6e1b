package client

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// EphemeralTokens are the tokens that live for one run and are still to be revoked. Terraform closes such a token when
// nothing needs it any more, but not where something that used it has failed. So [EphemeralTokens.End] revokes what is
// left when the process ends. Each provider has its own; the zero value is ready.
type EphemeralTokens struct {
	mu      sync.Mutex
	opening int // how many are being created at this moment
	tokens  map[string]ephemeralToken
}

// ephemeralToken holds the clients that can revoke a token: its owner's, else the provider's, if that is an admin.
type ephemeralToken struct{ owner, provider *Client }

// Opening notes that owner is about to create a token. The caller passes its id to opened, or an empty id where it was
// not created.
func (c *Client) Opening(owner *Client) (opened func(id string)) {
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

// CloseToken revokes a token that was opened; one that is gone counts as done. It is revoked by its owner, whose login
// is still at hand, and where that one is refused by the provider's identity, which must be a workspace admin. One
// request, two where the owner is refused. What fails is tried once more when the process ends.
func (c *Client) CloseToken(ctx context.Context, id string) error {
	e := c.cfg.Ephemeral
	e.mu.Lock()
	t, known := e.tokens[id]
	e.mu.Unlock()
	if !known { // opened by a process that has ended
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
	next := "It is tried once more when the provider's process ends. If that fails too, the token is live until its " +
		"lifetime is over, unless an admin revokes it: DELETE /api/2.0/token-management/tokens/" + id + "."
	if errors.Is(err, ErrPermissionDenied) {
		next += "\n\nTo revoke tokens of others the provider's identity needs to be a workspace admin: add it to the " +
			"group \"admins\"."
	}
	if asOwner != nil { // as text: a refused login would else take the place of what matters
		next += "\n\nRevoking it as its owner failed as well: " + asOwner.Error()
	}
	return Advise(err, "", next)
}

// End revokes all tokens that are still open, in parallel, and gives up after limit: Terraform kills a process that
// lingers. If none is open it returns at once. It returns an error for each token that could not be revoked, by token
// id.
func (e *EphemeralTokens) End(limit time.Duration) map[string]error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	// A token whose id is still on its way would be lost. Half of the time is for it, the rest for those that are
	// known.
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

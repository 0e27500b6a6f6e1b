package emulator

import (
	"errors"
	"net/http"
	"sync"
)

// accessTokens records which access tokens a tenant has issued and which of them are revoked, by their uti claim. A
// resource may refuse a token before it expires, for example after a revocation ("Continuous access evaluation" of the
// Microsoft identity platform).
type accessTokens struct {
	mu      sync.Mutex
	issued  []string
	revoked map[string]bool
	uses    int // how many uses remain until all issued tokens are revoked; -1 if none is planned
}

func (a *accessTokens) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.issued = append(a.issued, id)
}

// use counts one use of an access token, and reports whether the token is still valid.
func (a *accessTokens) use(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.uses == 0 {
		a.revoke()
	}
	if a.uses >= 0 {
		a.uses--
	}
	return !a.revoked[id]
}

func (a *accessTokens) revoke() {
	for _, id := range a.issued {
		a.revoked[id] = true
	}
	a.issued, a.uses = nil, -1
}

// RevokeAccessTokens makes every resource refuse all access tokens that exist after afterUses more uses of any token. 0
// revokes them at once. Tokens that are issued after the revocation are valid.
func (t *Tenant) RevokeAccessTokens(afterUses int) {
	t.tokens.mu.Lock()
	defer t.tokens.mu.Unlock()
	if t.tokens.uses = afterUses; afterUses == 0 {
		t.tokens.revoke()
	}
}

func (t *Tenant) revocationRoute(mux *http.ServeMux) {
	mux.HandleFunc("POST /access-tokens/revoke", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			AfterUses int `json:"after_uses"`
		}
		if !controlDecode(w, r, &body) {
			return
		}
		if body.AfterUses < 0 {
			controlRefuse(w, errors.New("after_uses is a count"))
			return
		}
		t.RevokeAccessTokens(body.AfterUses)
		w.WriteHeader(http.StatusNoContent)
	})
}

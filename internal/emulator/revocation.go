package emulator

import (
	"errors"
	"net/http"
	"sync"
)

// accessTokens are the access tokens of a tenant that a resource still takes, by their uti claim. A resource may refuse one
// before its time: after a revocation, by policy ("Continuous access evaluation" of the Microsoft identity platform).
type accessTokens struct {
	mu      sync.Mutex
	issued  []string
	revoked map[string]bool
	uses    int // until a revocation; -1 for none
}

func (a *accessTokens) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.issued = append(a.issued, id)
}

// use reports whether a token is still valid.
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

// RevokeAccessTokens has every resource refuse the access tokens that exist when afterUses more of them have been shown
// to a resource; 0 is at once. Tokens issued later are valid.
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

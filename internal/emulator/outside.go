package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// Services that do not belong to the tenant, as OIDC issuers, but that it or its
// clients ask: they are reached by name through the proxy.

// outsideService is one of them, at its base URL.
type outsideService struct {
	host, path string
	handler    http.Handler
}

// serveOutside makes a handler reachable under an address and below it.
func (t *Tenant) serveOutside(address string, handler http.Handler) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		panic("emulator: " + address + " is no https URL")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outsiders = append(t.outsiders, outsideService{host: hostName(u.Host), path: strings.TrimSuffix(u.Path, "/"), handler: handler})
}

// outside returns the handler for a host outside of Azure; nil if there is none.
func (t *Tenant) outside(host string) http.Handler {
	t.mu.Lock()
	defer t.mu.Unlock()
	var here []outsideService
	for _, o := range t.outsiders {
		if o.host == host {
			here = append(here, o)
		}
	}
	if here == nil {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, o := range here {
			if r.URL.Path == o.path || strings.HasPrefix(r.URL.Path, o.path+"/") {
				o.handler.ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
}

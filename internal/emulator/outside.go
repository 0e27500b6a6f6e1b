package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// Services outside the tenant, such as OIDC issuers, to which the tenant or its clients send requests. The proxy serves
// them under their real host names.

// An outsideService is a service outside the tenant, with the host and the path of its base URL.
type outsideService struct {
	host, path string
	handler    http.Handler
}

// serveOutside registers a handler for requests to this https address and to all paths below it.
func (t *Tenant) serveOutside(address string, handler http.Handler) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		panic("emulator: " + address + " is no https URL")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outsiders = append(t.outsiders, outsideService{host: hostName(u.Host), path: strings.TrimSuffix(u.Path, "/"),
		handler: handler})
}

// outside returns the handler of the services outside the tenant that have this host name, or nil if there is none.
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

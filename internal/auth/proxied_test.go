package auth

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// proxied is an emulated Azure whose services have their real host names. All requests go through a proxy.
type proxied struct {
	*emulator.Tenant
	transport http.RoundTripper
}

func newProxied(t testing.TB) *proxied {
	t.Helper()
	tenant := emulator.NewTenant(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
	server, err := emulator.Serve(tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	address, err := url.Parse(server.ProxyURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address), TLSClientConfig: &tls.Config{RootCAs: tenant.CAPool()}}
	t.Cleanup(transport.CloseIdleConnections)
	t.Cleanup(func() {
		if unmet := tenant.Faults.Unmet(); len(unmet) > 0 {
			t.Errorf("faults nobody met: %+v", unmet)
		}
	})
	return &proxied{tenant, transport}
}

// options returns options whose environment has only the given variables.
func (p *proxied) options(env ...string) Options {
	return Options{Transport: p.transport, AttemptTimeout: 20 * time.Second, LookupEnv: variables(env...),
		RetryTimeout: 10 * time.Second}
}

func variables(env ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(env); i += 2 {
			if env[i] == name {
				return env[i+1], true
			}
		}
		return "", false
	}
}

func (p *proxied) ids(app *emulator.App) Settings {
	return Settings{TenantID: hcl("tenant_id", p.ID), ClientID: hcl("client_id", app.ClientID)}
}

func open(t testing.TB, s Settings, o Options) *Login {
	t.Helper()
	l, err := Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// wantToken fails unless the login returns a token of the application.
func (p *proxied) wantToken(t testing.TB, l *Login, scope string, app *emulator.App) Token {
	t.Helper()
	token, err := l.AccessToken(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := p.VerifyAccessToken(token.Value)
	if err != nil {
		t.Fatal(err)
	}
	if claims.AppID != app.ClientID {
		t.Errorf("token is of %s, want %s", claims.AppID, app.ClientID)
	}
	return token
}

// ask requests tokens for two scopes with 20 concurrent callers per scope.
func ask(t testing.TB, l *Login) {
	t.Helper()
	var group sync.WaitGroup
	for i := range 20 {
		for _, scope := range []string{DatabricksScope, l.ManagementScope()} {
			group.Go(func() {
				if _, err := l.AccessToken(t.Context(), scope); err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
	}
	group.Wait()
}

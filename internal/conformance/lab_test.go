package conformance_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/conformance"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// lab is an emulated workspace with a vault, in which every check finds what it needs.
type lab struct {
	*emulator.Scenario
	vault  *emulator.Vault
	second *emulator.App
	server *emulator.Server
	target conformance.Target
	// transport sends the requests of the checks and records their credentials.
	transport *watched
}

func newLab(t *testing.T) *lab {
	t.Helper()
	s := emulator.NewScenarioIn(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
	l := &lab{Scenario: s, vault: s.Tenant.NewVault("kv-conformance"), second: s.Tenant.RegisterApp("second")}
	s.Workspace.AddAccountGroup("account-group")
	s.Workspace.AddServicePrincipal("", "somebody else")
	s.Workspace.CreateRouteOptimizedEndpoint("optimized", s.PersonName)
	s.Workspace.CreateFoundationEndpoint("llama")
	l.vault.Allow(s.Deployer.ClientID, emulator.RoleSecretsOfficer)
	var err error
	if l.server, err = emulator.Serve(s.Tenant, s.Workspace); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.server.Close() })
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.Tenant.CACertificatePEM())
	proxy, err := url.Parse(l.server.ProxyURL)
	if err != nil {
		t.Fatal(err)
	}
	plain := &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
	t.Cleanup(plain.CloseIdleConnections)
	l.transport = &watched{next: plain}
	l.target = conformance.Target{
		Host: "https://" + s.Workspace.HostName(), Vault: l.vault.URL(), Model: "main.default.iris/1",
		Authority:       "https://login.microsoftonline.com/" + s.Tenant.ID,
		DatabricksScope: emulator.DatabricksResource + "/.default",
		ManagementScope: "https://management.core.windows.net//.default",
		VaultScope:      "https://vault.azure.net/.default",
		Login:           l.login(s.Deployer.ClientID, s.DeployerSecret),
		Second: &conformance.Application{
			ClientID: l.second.ClientID, Login: l.login(l.second.ClientID, l.second.AddSecret(24*time.Hour)),
		},
	}
	return l
}

// login returns a login that requests access tokens with a client secret.
func (l *lab) login(id, secret string) conformance.Login {
	var mu sync.Mutex
	tokens := map[string]string{}
	return func(ctx context.Context, scope string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if token := tokens[scope]; token != "" {
			return token, nil
		}
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "scope": {scope},
		}
		address := "https://login.microsoftonline.com/" + l.Tenant.ID + "/oauth2/v2.0/token"
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
		if err != nil {
			return "", err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := l.transport.next.RoundTrip(r)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		var answer struct {
			AccessToken string `json:"access_token"`
			Description string `json:"error_description"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			return "", err
		}
		if answer.AccessToken == "" {
			return "", fmt.Errorf("%s", answer.Description)
		}
		tokens[scope] = answer.AccessToken
		return answer.AccessToken, nil
	}
}

// watched is an HTTP transport that records the credentials of all requests and calls see before it sends a request.
type watched struct {
	next *http.Transport
	mu   sync.Mutex
	see  func(*http.Request)
	sent []string
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		w.sent = append(w.sent, token)
	}
	see := w.see
	w.mu.Unlock()
	if see != nil {
		see(r)
	}
	return w.next.RoundTrip(r)
}

func (l *lab) run(ctx context.Context, write bool) conformance.Report {
	return conformance.Run(ctx, l.target, conformance.Options{
		Write: write, Wait: 10 * time.Second, Transport: l.transport, Clock: moved{l.Tenant.Clock},
	})
}

// moved is the emulator's clock. Its Sleep advances that clock, so that no real time passes.
type moved struct{ *emulator.Clock }

func (c moved) Sleep(ctx context.Context, d time.Duration) bool {
	c.Advance(d)
	return ctx.Err() == nil
}

// state returns the contents of the workspace and of the vault as text.
func (l *lab) state(t *testing.T) string {
	t.Helper()
	held := l.Workspace.Snapshot()
	now := l.Tenant.Clock.Now()
	var tokens []emulator.TokenState
	for _, token := range held.Tokens { // an expired token is invisible to its owner
		if token.Expires.IsZero() || token.Expires.After(now) {
			tokens = append(tokens, token)
		}
	}
	held.Tokens = tokens
	var secrets []emulator.OAuthSecretState
	for _, secret := range held.OAuthSecrets { // an expired secret is invisible to the admin who lists secrets
		if secret.Expires.IsZero() || secret.Expires.After(now) {
			secrets = append(secrets, secret)
		}
	}
	held.OAuthSecrets = secrets
	raw, err := json.MarshalIndent(held, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw) + l.secrets(t)
}

// secrets returns the vault's list of secrets as text. It returns an empty string if the deployer may not read the
// vault.
func (l *lab) secrets(t *testing.T) string {
	t.Helper()
	token, err := l.target.Login(t.Context(), l.target.VaultScope)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, l.vault.URL()+"/secrets?api-version=7.4", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	l.vault.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return ""
	}
	return w.Body.String()
}

func printed(t *testing.T, r conformance.Report) string {
	t.Helper()
	var out strings.Builder
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

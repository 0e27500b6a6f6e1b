package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// thief is a server that the provider must not send a request to. It answers with a token that every client would
// accept.
type thief struct {
	next http.RoundTripper
	mine func(*url.URL) bool

	mu  sync.Mutex
	got []string
}

func (t *thief) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.mine(r.URL) {
		return t.next.RoundTrip(r)
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	t.mu.Lock()
	t.got = append(t.got, fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body))
	t.mu.Unlock()
	answer := `{"access_token":"stolen","token_type":"Bearer","expires_in":3600,"expires_on":"4102444800","value":"stolen","oidcToken":"stolen",
		"id":"https://kv-ml.vault.azure.net/secrets/s/0123456789abcdef0123456789abcdef","attributes":{"enabled":true},"tags":{"mark":"1"}}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

func (t *thief) received() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.got
}

// redirected is a client of the provider whose requests are answered with a redirect.
type redirected struct {
	method, host string
	fault        emulator.Fault
	use          func(context.Context) error
}

// redirectedClients create the clients of the provider for redirects, each in a given emulated Azure and with given
// options.
var redirectedClients = map[string]func(testing.TB, *proxied, Options) redirected{
	"Entra ID with a secret": func(t testing.TB, p *proxied, o Options) redirected {
		app := p.RegisterApp("sp")
		s := p.ids(app)
		s.ClientSecret = hcl("client_secret", app.AddSecret(time.Hour))
		l := open(t, s, o)
		return redirected{"POST", "login.microsoftonline.com", emulator.Fault{Service: "entra", Method: "POST"},
			func(ctx context.Context) error {
				_, err := l.AccessToken(ctx, DatabricksScope)
				return err
			}}
	},
	"Entra ID with a certificate": func(t testing.TB, p *proxied, o Options) redirected {
		app := p.RegisterApp("sp")
		c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		app.AddCertificate(c.Leaf())
		s := p.ids(app)
		s.Certificate = hcl("client_certificate", string(pemOf(t, c)))
		l := open(t, s, o)
		return redirected{"POST", "login.microsoftonline.com", emulator.Fault{Service: "entra", Method: "POST"},
			func(ctx context.Context) error {
				_, err := l.AccessToken(ctx, DatabricksScope)
				return err
			}}
	},
	"Key Vault, a write": func(t testing.TB, p *proxied, o Options) redirected {
		v := vaultFor(t, p, o)
		return redirected{"PUT", "kv-ml.vault.azure.net", emulator.Fault{Service: "vault", Method: "PUT"},
			func(ctx context.Context) error {
				_, err := v.Write(ctx, NewSecret{Name: "s", Value: "the-new-token",
					Tags: map[string]string{"mark": "1"}}, "mark")
				return err
			}}
	},
	"Key Vault, a read": func(t testing.TB, p *proxied, o Options) redirected {
		v := vaultFor(t, p, o)
		return redirected{"GET", "kv-ml.vault.azure.net", emulator.Fault{Service: "vault", Method: "GET"},
			func(ctx context.Context) error {
				_, err := v.ReadSecret(ctx, hcl("name", "s"))
				return err
			}}
	},
	"GitHub": func(t testing.TB, p *proxied, o Options) redirected {
		app, job := p.RegisterApp("sp"), p.NewGitHubJob(jobSubject)
		l := open(t, p.withGitHub(app, job), o)
		return redirected{"GET", hostOf(t, job.RequestURL), emulator.Fault{Service: "github"},
			func(ctx context.Context) error {
				_, err := l.AccessToken(ctx, DatabricksScope)
				return err
			}}
	},
	"Azure DevOps": func(t testing.TB, p *proxied, o Options) redirected {
		app, job := p.RegisterApp("sp"), p.NewAzureDevOpsJob("contoso", "models", "azure-prod")
		s := p.ids(app)
		s.UseOIDC, s.OIDCRequestURL = useOIDC, hcl("oidc_request_url", job.RequestURI)
		s.OIDCRequestToken = hcl("oidc_request_token", job.AccessToken)
		s.ADOServiceConnectionID = hcl("ado_pipeline_service_connection_id", job.ServiceConnectionID)
		l := open(t, s, o)
		return redirected{"POST", hostOf(t, job.RequestURI), emulator.Fault{Service: "azuredevops"},
			func(ctx context.Context) error {
				_, err := l.AccessToken(ctx, DatabricksScope)
				return err
			}}
	},
	"Databricks OAuth": func(t testing.TB, p *proxied, o Options) redirected {
		w := p.NewWorkspace(emulator.WorkspaceOptions{})
		w.AddServicePrincipal(testClient, "managed")
		_, secret := w.AddOAuthSecret(testClient, time.Hour)
		l := open(t, Settings{
			Host: hcl("host", w.HostName()), DatabricksClientID: hcl("databricks_client_id", testClient),
			DatabricksClientSecret: hcl("databricks_client_secret", secret),
		}, o)
		return redirected{"POST", w.HostName(), emulator.Fault{Service: "workspace", Method: "POST"},
			func(ctx context.Context) error {
				_, err := l.AccessToken(ctx, DatabricksScope)
				return err
			}}
	},
	"managed identity": func(t testing.TB, p *proxied, o Options) redirected {
		app := p.RegisterApp("mi")
		p.AssignManagedIdentity(app, false)
		l := open(t, withMSI(app.ClientID), o)
		return redirected{"GET", "169.254.169.254", emulator.Fault{Service: "imds"}, func(ctx context.Context) error {
			_, err := l.AccessToken(ctx, DatabricksScope)
			return err
		}}
	},
}

func vaultFor(t testing.TB, p *proxied, o Options) *Vault {
	t.Helper()
	vault, app := p.NewVault("kv-ml"), p.RegisterApp("deployer")
	vault.Allow(app.ClientID, emulator.RoleSecretsOfficer)
	vault.SetSecret("s", "the-old-token", "")
	s := p.ids(app)
	s.ClientSecret = hcl("client_secret", app.AddSecret(time.Hour))
	v, err := OpenVault(open(t, s, o), hcl("vault_uri", vault.URL()), o)
	if err != nil {
		t.Fatal(err)
	}
	// The first request to a vault contains no token, because its response says where to log in.
	if _, err := v.Versions(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	return v
}

func hostOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// TestNoCredentialFollowsARedirect checks that no client follows a redirect, because the redirect would send a
// credential to another server. The error must name the requested host and the host of the redirect.
func TestNoCredentialFollowsARedirect(t *testing.T) {
	t.Parallel()
	for name, prepare := range redirectedClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			var location url.URL
			th := &thief{next: p.transport, mine: func(u *url.URL) bool {
				return u.Host == location.Host && u.Path == "/steal"
			}}
			o := p.options()
			o.Transport = th
			client := prepare(t, p, o)
			for _, status := range []int{301, 302, 303, 307, 308} {
				for _, location = range []url.URL{
					{Scheme: "https", Host: "elsewhere.example", Path: "/steal"},
					{Scheme: "https", Host: client.host + ":8443", Path: "/steal"},
					{Scheme: "http", Host: client.host, Path: "/steal"},
				} {
					p.Faults.Clear()
					fault := client.fault
					fault.Status, fault.Location, fault.Times = status, location.String(), -1
					p.Faults.Add(fault)
					began := time.Now()
					err := client.use(t.Context())
					if got := th.received(); len(got) > 0 {
						t.Fatalf("%d to %s: the second server received %s", status, location.String(),
							strings.Join(got, "\n"))
					}
					if err == nil {
						t.Fatalf("%d to %s: no error", status, location.String())
					}
					for _, part := range []string{client.method, client.host, location.Host, fmt.Sprint(status)} {
						if !strings.Contains(err.Error(), part) {
							t.Errorf("%d to %s: the error lacks %q: %v", status, location.String(), part, err)
						}
					}
					if spent := time.Since(began); spent > 5*time.Second {
						t.Errorf("took %s: a redirect is no disturbance that passes", spent)
					}
				}
			}
		})
	}
}

// TestNoIdentityHeaderFollowsARedirect checks that the header X-Identity-Header, which is a credential on App Service,
// is not sent to the target of a redirect. MSAL itself reads the variables of the endpoint.
func TestNoIdentityHeaderFollowsARedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"https://elsewhere.example/steal", "http://elsewhere.example/steal",
			"http://127.0.0.1:1/steal"} {
			var asked http.Header
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				asked = r.Header
				return &http.Response{StatusCode: status, Header: http.Header{"Location": {location}},
					Body: http.NoBody, Request: r}, nil
			})
			th := &thief{next: transport, mine: func(u *url.URL) bool { return u.Path == "/steal" }}
			t.Setenv("IDENTITY_ENDPOINT", "http://169.254.131.4:8081/msi/token")
			t.Setenv("IDENTITY_HEADER", "the-identity-header")
			_, err := open(t, withMSI(fmt.Sprintf("cccccccc-0000-0000-0000-000000000%d", status)),
				Options{Transport: th, RetryTimeout: time.Second}).AccessToken(t.Context(), DatabricksScope)
			if got := th.received(); len(got) > 0 || err == nil || !strings.Contains(err.Error(), "169.254.131.4") ||
				!strings.Contains(err.Error(), hostOf(t, location)) {
				t.Errorf("%d to %s: the second server received %v: %v", status, location, got, err)
			}
			if asked.Get("X-Identity-Header") != "the-identity-header" {
				t.Fatalf("the endpoint was asked with %v", asked)
			}
		}
	}
}

// TestVaultPagesStayAtTheVault checks that no request is made for a next page on another host, because the request
// would contain the token.
func TestVaultPagesStayAtTheVault(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	o := p.options()
	th := &thief{next: p.transport, mine: func(u *url.URL) bool { return u.Host == "elsewhere.example" }}
	o.Transport = th
	v := vaultFor(t, p, o)
	body, err := json.Marshal(map[string]any{"value": []any{}, "nextLink": "https://elsewhere.example/steal"})
	if err != nil {
		t.Fatal(err)
	}
	p.Faults.Add(emulator.Fault{Service: "vault", Path: "/secrets/s/versions", Status: 200,
		ContentType: "application/json", Body: string(body)})
	versions, err := v.Versions(t.Context(), "s")
	if got := th.received(); len(got) > 0 || err == nil || !strings.Contains(err.Error(), "elsewhere.example") {
		t.Errorf("the second server received %v: %v, %v", got, versions, err)
	}
}

package auth

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// workspaceLogin is a workspace with a service principal that Databricks created, and the service principal's OAuth
// secret.
type workspaceLogin struct {
	*proxied
	*emulator.Workspace
	application, secretID, secret string
}

func newWorkspaceLogin(t *testing.T, scopes ...string) *workspaceLogin {
	t.Helper()
	p := newProxied(t)
	w := &workspaceLogin{proxied: p, Workspace: p.NewWorkspace(emulator.WorkspaceOptions{}),
		application: "0d2b4c1e-9d53-4c8e-8a55-3c9ab06e6c55"}
	w.AddServicePrincipal(w.application, "managed")
	w.secretID, w.secret = w.AddOAuthSecret(w.application, 24*time.Hour, scopes...)
	return w
}

func (w *workspaceLogin) settings() Settings {
	return Settings{
		Host: hcl("host", w.HostName()), DatabricksClientID: hcl("databricks_client_id", w.application),
		DatabricksClientSecret: hcl("databricks_client_secret", w.secret),
	}
}

// requestsToAzure returns the number of requests to Entra ID and Azure Resource Manager.
func (w *workspaceLogin) requestsToAzure() int {
	n := 0
	for _, e := range w.Journal.Entries() {
		if e.Service == "entra" || e.Service == "arm" {
			n++
		}
	}
	return n
}

func TestDatabricksOAuth(t *testing.T) {
	t.Parallel()
	w := newWorkspaceLogin(t)
	l := open(t, w.settings(), w.options())
	if n := len(w.Journal.Entries()); n != 0 || l.Kind != KindDatabricksOAuth ||
		l.Identity().ClientID != w.application {
		t.Errorf("%d requests, %s, %v", n, l.Kind, l.Identity())
	}
	for range 3 {
		token, err := l.AccessToken(t.Context(), DatabricksScope)
		if err != nil || time.Until(token.ExpiresAt) < 50*time.Minute {
			t.Fatalf("%v, %v", token, err)
		}
		claims, err := Claims(token.Value)
		if err != nil || !strings.Contains(claims, w.application) || !strings.Contains(claims, "/oidc") {
			t.Errorf("%s, %v", claims, err)
		}
	}
	if n := w.Journal.Count("workspace", "POST", tokenPath); n != 1 || w.requestsToAzure() != 0 {
		t.Errorf("%d token requests, %d elsewhere", n, w.requestsToAzure())
	}
	_, err := l.AccessToken(t.Context(), l.ManagementScope())
	wantError(t, err, "Login by Databricks OAuth cannot get a token of Entra ID")
}

// TestDatabricksOAuthRefusals checks that each error of the workspace's token endpoint has a hint and a cause for
// errors.Is, and contains no secret.
func TestDatabricksOAuthRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*workspaceLogin, *Settings)
		summary string
		says    string
		kind    error
	}{
		"deleted": {func(w *workspaceLogin, _ *Settings) { w.DeleteOAuthSecret(w.secretID) }, "Databricks refused the OAuth client", "deleted or has expired", ErrClientRefused},
		"of Entra": {func(_ *workspaceLogin, s *Settings) {
			s.DatabricksClientSecret.Value = "abc8Q~secretvaluethatisofentra"
		},
			"Databricks refused the OAuth client", "client secret of Entra ID cannot be used here", ErrClientRefused},
		"scope": {func(*workspaceLogin, *Settings) {}, "OAuth secret lacks a scope", "are not the cause", ErrScopeRefused},
		"address": {func(w *workspaceLogin, _ *Settings) {
			w.SetSwitches(emulator.WorkspaceSwitches{Network: emulator.NetworkIPAccessList})
		}, "Workspace refuses this address", "IP access list", ErrAddressRefused},
		"page": {func(w *workspaceLogin, _ *Settings) {
			w.Faults.Add(emulator.Fault{Service: "workspace", Path: tokenPath, Status: 200, HTML: true,
				Message: "Sign in", Times: -1})
		}, "Cannot reach the workspace's token endpoint", "Sign in", nil},
		"redirect": {func(w *workspaceLogin, _ *Settings) {
			w.Faults.Add(emulator.Fault{Service: "workspace", Path: tokenPath, Status: 302,
				Location: "https://elsewhere.example/", Times: -1})
		}, "Cannot reach the workspace's token endpoint", "does not follow redirects", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspaceLogin(t, "model-serving")
			s := w.settings()
			test.change(w, &s)
			_, err := open(t, s, w.options()).AccessToken(t.Context(), DatabricksScope)
			e := wantError(t, err, test.summary, test.says)
			if test.kind != nil && !errors.Is(err, test.kind) ||
				strings.Contains(e.Detail, s.DatabricksClientSecret.Value) {
				t.Errorf("%v", e)
			}
		})
	}
}

func TestDatabricksOAuthIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorkspaceLogin(t)
	w.Faults.Add(emulator.Fault{Service: "workspace", Path: tokenPath, Status: 429, Code: "temporarily_unavailable"})
	if _, err := open(t, w.settings(), w.options()).AccessToken(t.Context(), DatabricksScope); err != nil {
		t.Error(err)
	}
}

func TestEndpointToken(t *testing.T) {
	t.Parallel()
	w := newWorkspaceLogin(t)
	id := w.CreateRouteOptimizedEndpoint("fast", "")
	details := fmt.Sprintf(`[{"type":"workspace_permission","object_type":"serving-endpoints","object_path":"/serving-endpoints/%s","actions":["query_inference_endpoint"]}]`, id)
	l := open(t, w.settings(), w.options())
	_, err := l.EndpointToken(t.Context(), details)
	wantError(t, err, "Databricks refused a token for the endpoint", "CAN_QUERY")
	if !errors.Is(err, ErrDetailsRefused) {
		t.Error(err)
	}
	w.SetGrant("fast", w.application, "CAN_QUERY")
	before := w.Journal.Count("workspace", "POST", tokenPath)
	for range 2 {
		token, err := l.EndpointToken(t.Context(), details)
		claims, _ := Claims(token.Value)
		if err != nil || !strings.Contains(claims, "authorization_details") {
			t.Errorf("%s, %v", claims, err)
		}
	}
	if n := w.Journal.Count("workspace", "POST", tokenPath) - before; n != 1 {
		t.Errorf("%d requests for one token", n)
	}
	_, err = open(t, Settings{Token: hcl("token", "dapi0123456789")}, w.options()).EndpointToken(t.Context(), details)
	if wantError(t, err, "Login cannot get a token for a route-optimized endpoint"); !errors.Is(err, ErrNoDetails) {
		t.Error(err)
	}
}

func TestDatabricksOIDC(t *testing.T) {
	t.Parallel()
	w := newWorkspaceLogin(t)
	job := w.NewGitHubJob(jobSubject)
	s := Settings{
		Host: hcl("host", w.HostName()), DatabricksClientID: hcl("databricks_client_id", w.application),
		UseDatabricksOIDC: hcl("use_databricks_oidc", "true"),
		OIDCRequestURL:    hcl("oidc_request_url", job.RequestURL), OIDCRequestToken: hcl("oidc_request_token",
			job.RequestToken),
	}
	audience := TokenURL("https://" + w.HostName())
	_, err := open(t, s, w.options()).AccessToken(t.Context(), DatabricksScope)
	wantError(t, err, "Databricks refused the federated token", audience, job.Issuer.URL(), jobSubject,
		"federation policy")
	w.AddFederationPolicy(w.application, job.Issuer.URL(), jobSubject, audience)
	w.AddFederationPolicy(w.application, job.Issuer.URL(), jobSubject, "ours")
	for _, s.DatabricksOIDCAudience.Value = range []string{"", "ours"} {
		l := open(t, s, w.options())
		if _, err := l.AccessToken(t.Context(), DatabricksScope); err != nil {
			t.Errorf("%q: %v", s.DatabricksOIDCAudience.Value, err)
		}
		id := w.CreateRouteOptimizedEndpoint("fast"+s.DatabricksOIDCAudience.Value, w.application)
		details := fmt.Sprintf(`[{"type":"workspace_permission","object_type":"serving-endpoints","object_path":"/serving-endpoints/%s","actions":["query_inference_endpoint"]}]`, id)
		if _, err := l.EndpointToken(t.Context(), details); err != nil {
			t.Error(err)
		}
	}
	if n := w.requestsToAzure(); n != 0 {
		t.Errorf("%d requests elsewhere", n)
	}
}

// TestRefusedTokenIsNotExchangedAgain checks that the provider requests a new token if the workspace refuses to
// exchange the cached token for a token of an endpoint, although the cached token has not expired by this machine's
// clock.
func TestRefusedTokenIsNotExchangedAgain(t *testing.T) {
	t.Parallel()
	w := newWorkspaceLogin(t)
	const issuer = "https://issuer.example.com"
	audience := TokenURL("https://" + w.HostName())
	w.AddFederationPolicy(w.application, issuer, jobSubject, audience)
	l := open(t, Settings{
		Host: hcl("host", w.HostName()), DatabricksClientID: hcl("databricks_client_id", w.application),
		UseDatabricksOIDC: hcl("use_databricks_oidc", "true"),
		OIDCToken:         hcl("oidc_token", w.NewOIDCIssuer(issuer).Token(jobSubject, audience, 8*time.Hour)),
	}, w.options())
	get := func(endpoint string) error {
		id := w.CreateRouteOptimizedEndpoint(endpoint, w.application)
		_, err := l.EndpointToken(t.Context(),
			fmt.Sprintf(`[{"type":"workspace_permission","object_type":"serving-endpoints","object_path":"/serving-endpoints/%s","actions":["query_inference_endpoint"]}]`, id))
		return err
	}
	if err := get("one"); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(2 * time.Hour)
	if err := get("two"); err != nil {
		t.Error(err)
	}
	// The first endpoint takes two requests. The second endpoint takes three: the refused exchange and two more.
	if n := w.Journal.Count("workspace", "POST", tokenPath); n != 5 {
		t.Errorf("%d requests", n)
	}
	w.Faults.Add(emulator.Fault{Service: "workspace", Path: tokenPath, Status: 400, Code: "invalid_grant", Times: -1})
	wantError(t, get("three"), "Databricks refused the federated token")
	if n := w.Journal.Count("workspace", "POST", tokenPath); n != 7 {
		t.Errorf("%d requests", n)
	}
}

// TestDatabricksLoginIncomplete checks that settings that cannot work are an error without any request.
func TestDatabricksLoginIncomplete(t *testing.T) {
	t.Parallel()
	good := Settings{Host: hcl("host", "adb-1.2.azuredatabricks.net"), DatabricksClientID: hcl("databricks_client_id",
		testClient),
		DatabricksClientSecret: hcl("databricks_client_secret", "dose0123456789abcdef0123456789abcdef")}
	for name, test := range map[string]struct {
		change    func(*Settings)
		summary   string
		attribute string
	}{
		"no host":     {func(s *Settings) { s.Host = Setting{Attribute: "host"} }, "Databricks login without a workspace", "host"},
		"no client":   {func(s *Settings) { s.DatabricksClientID = Setting{} }, "Incomplete Databricks login", "databricks_client_id"},
		"no uuid":     {func(s *Settings) { s.DatabricksClientID.Value = "scorer" }, "Invalid client ID", "databricks_client_id"},
		"token":       {func(s *Settings) { s.DatabricksClientSecret.Value = "dapi0123456789abcdef0123456789abcdef" }, "Not an OAuth secret of Databricks", "databricks_client_secret"},
		"placeholder": {func(s *Settings) { s.DatabricksClientSecret.Value = "$(SECRET)" }, "Not an OAuth secret of Databricks", "databricks_client_secret"},
		"two kinds":   {func(s *Settings) { s.UseDatabricksOIDC = hcl("use_databricks_oidc", "true") }, "Conflicting Azure credentials", "use_databricks_oidc"},
		"no token": {func(s *Settings) {
			s.DatabricksClientSecret, s.UseDatabricksOIDC = Setting{}, hcl("use_databricks_oidc", "true")
		}, "No OIDC token to log in with", "use_oidc"},
		"off": {func(s *Settings) {
			s.UseDatabricksOIDC, s.AuthType = hcl("use_databricks_oidc", "false"), hcl("auth_type", "databricks_oidc")
		}, "Contradicting Azure login", "use_databricks_oidc"},
	} {
		s := good
		test.change(&s)
		_, err := Open(s, Options{})
		if e := wantError(t, err, test.summary); e.Attribute != test.attribute {
			t.Errorf("%s: attribute %q", name, e.Attribute)
		}
	}
	s := good
	s.DatabricksClientSecret.Value = "abc8Q~secretvaluethatisofentra"
	if l := open(t, s, Options{}); len(l.Warnings) != 1 || !strings.Contains(l.Warnings[0].Summary, testClient) {
		t.Errorf("%+v", l.Warnings)
	}
}

// TestDatabricksInTheEnvironment checks the order of precedence in the environment: a login of Azure, a login at the
// workspace, a Databricks token.
func TestDatabricksInTheEnvironment(t *testing.T) {
	t.Parallel()
	databricks := Settings{
		Host:               env("host", "DATABRICKS_HOST", "adb-1.2.azuredatabricks.net"),
		DatabricksClientID: env("databricks_client_id", "DATABRICKS_CLIENT_ID", testClient),
		DatabricksClientSecret: env("databricks_client_secret", "DATABRICKS_CLIENT_SECRET",
			"dose0123456789abcdef0123456789abcdef"),
		Token: env("token", "DATABRICKS_TOKEN", "dapi"),
	}
	both := databricks
	both.TenantID, both.ClientID = application().TenantID, application().ClientID
	both.UseCLI = env("use_cli", "ARM_USE_CLI", "true")
	oidc := databricks
	oidc.DatabricksClientSecret = Setting{}
	oidc.UseDatabricksOIDC = env("use_databricks_oidc", "DBXACCESS_USE_DATABRICKS_OIDC", "true")
	for _, test := range []struct {
		settings Settings
		kind     Kind
	}{{databricks, KindDatabricksOAuth}, {both, KindCLI}, {oidc, KindDatabricksOIDC}} {
		if choice, err := test.settings.Choose(); err != nil || choice.Kind != test.kind {
			t.Errorf("%s, %v, want %s", choice.Kind, err, test.kind)
		}
	}
	for _, kind := range []Kind{KindDatabricksOAuth, KindDatabricksOIDC, KindToken} {
		if kind.Entra() {
			t.Errorf("%s is no login at Entra ID", kind)
		}
	}
	if _, err := url.Parse(TokenURL("https://adb-1.2.azuredatabricks.net/")); err != nil ||
		TokenURL("https://x/") != "https://x/oidc/v1/token" {
		t.Error(TokenURL("https://x/"))
	}
}

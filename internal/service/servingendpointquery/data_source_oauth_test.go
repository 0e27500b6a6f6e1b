package servingendpointquery_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	ofType    = "dbxaccess_serving_endpoint_query"
	oneFlower = `{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`
)

// oauthWorld returns a world with a route-optimized endpoint, and a service principal that Databricks manages, with an
// OAuth secret.
func oauthWorld(t *testing.T, scopes ...string) (w *acctest.World, application, secret string) {
	t.Helper()
	w = acctest.New(t)
	w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	w.ReachHost(t, w.Workspace.EndpointHost("fast"))
	id := w.Workspace.AddServicePrincipal("", "managed")
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.ID == id {
			application = p.ApplicationID
		}
	}
	_, secret = w.Workspace.AddOAuthSecret(application, 24*time.Hour, scopes...)
	return w, application, secret
}

func withSecret(endpoint, application, secret string, more ...any) map[string]any {
	config := map[string]any{"endpoint_name": endpoint, "request": oneFlower, "query_as": "oauth_secret",
		"client_id": application, "client_secret": secret}
	for i := 0; i < len(more); i += 2 {
		config[more[i].(string)] = more[i+1]
	}
	return config
}

func status(state map[string]any) string { return fmt.Sprint(state["status"]) }

// The endpoint answers a granted principal at its own address. Another principal gets no token for the endpoint, and
// neither does the first after its grant is removed, although its old token would be valid for an hour.
func TestRouteOptimizedByOAuth(t *testing.T) {
	t.Parallel()
	w, application, secret := oauthWorld(t)
	p := w.Protocol(t)
	_, _, errors := p.Read(t, ofType, withSecret("fast", application, secret))
	if !strings.Contains(errors, "Databricks refused a token for the endpoint") ||
		!strings.Contains(errors, "CAN_QUERY") {
		t.Error(errors)
	}
	state, _, errors := p.Read(t, ofType, withSecret("fast", application, secret, "expect_denied", true))
	if errors != "" || status(state) != "401" {
		t.Errorf("%v %s", state, errors)
	}
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	state, _, errors = p.Read(t, ofType, withSecret("fast", application, secret))
	if errors != "" || status(state) != "200" {
		t.Errorf("%v %s", state, errors)
	}
	if n := w.Count("serving", "POST", "/invocations"); n != 1 || slices.Contains(callers(w), application+" 401") {
		t.Errorf("%d calls at the endpoint's own address, %q", n, callers(w))
	}
	_, _, errors = p.Read(t, ofType, withSecret("fast", application, secret, "expect_denied", true))
	if !strings.Contains(errors, "the endpoint answered") {
		t.Error(errors)
	}
	w.Workspace.RemoveGrant("fast", application)
	state, _, errors = p.Read(t, ofType, withSecret("fast", application, secret, "expect_denied", true))
	if errors != "" || status(state) != "401" {
		t.Errorf("%v %s", state, errors)
	}
	// An endpoint that is created again under its name is another endpoint.
	w.Workspace.DeleteEndpoint("fast")
	w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	w.ReachHost(t, w.Workspace.EndpointHost("fast"))
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	if _, _, errors = p.Read(t, ofType, withSecret("fast", application, secret)); errors != "" {
		t.Error(errors)
	}
}

// An endpoint that is not route-optimized is queried at the workspace's address. A secret with the scope model-serving
// alone is enough, and a missing right is not reported as a missing scope.
func TestOAuthAtTheWorkspace(t *testing.T) {
	t.Parallel()
	w, application, secret := oauthWorld(t, "model-serving")
	p := w.Protocol(t)
	state, _, errors := p.Read(t, ofType, withSecret("iris", application, secret, "expect_denied", true))
	if errors != "" || status(state) != "403" {
		t.Errorf("%v %s", state, errors)
	}
	w.Workspace.SetGrant("iris", application, "CAN_QUERY")
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	for _, endpoint := range []string{"iris", "fast"} {
		if state, _, errors = p.Read(t, ofType, withSecret(endpoint, application, secret)); errors != "" ||
			status(state) != "200" {
			t.Errorf("%s: %v %s", endpoint, state, errors)
		}
	}
	_, secret = w.Workspace.AddOAuthSecret(application, time.Hour, "sql")
	_, _, errors = p.Read(t, ofType, withSecret("iris", application, secret, "expect_denied", true))
	if !strings.Contains(errors, "OAuth secret lacks a scope") {
		t.Error(errors)
	}
}

// Only a refusal of the service itself shows that a right is missing.
func TestOAuthErrorsThatAreNotDenials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*acctest.World, string) (secret string)
		says  string
	}{
		"wrong secret": {func(*acctest.World, string) string { return "dose00000000000000000000000000000000" }, "Databricks refused the OAuth client"},
		"IP access list": {func(w *acctest.World, _ string) string {
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: "/oidc/v1/token", Status: 403, HTML: true,
				Message: "blocked", Times: -1})
			return ""
		}, "Workspace refuses this address"},
		"page at the endpoint": {func(w *acctest.World, application string) string {
			w.Workspace.SetGrant("fast", application, "CAN_QUERY")
			w.Tenant.Faults.Add(emulator.Fault{Service: "serving", Status: 403, HTML: true, Message: "blocked"})
			return ""
		}, "answered 403"},
		"details of another endpoint": {func(w *acctest.World, application string) string {
			w.Workspace.SetGrant("fast", application, "CAN_QUERY")
			w.Tenant.Faults.Add(emulator.Fault{Service: "serving", Status: 401, Code: "401",
				Message: "Missing authorization details"})
			return ""
		}, "does not accept the token that was issued for the OAuth secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, application, secret := oauthWorld(t)
			if other := test.spoil(w, application); other != "" {
				secret = other
			}
			_, _, errors := w.Protocol(t).Read(t, ofType, withSecret("fast", application, secret, "expect_denied",
				true))
			if !strings.Contains(errors, test.says) || strings.Contains(errors, secret) {
				t.Error(errors)
			}
		})
	}
}

// A token is sent only to the endpoint's own host, whatever address the workspace or a redirect names.
func TestOAuthTokenIsSentToTheEndpointOnly(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"foreign":         "https://evil.example/1/serving-endpoints/fast/invocations",
		"suffix":          "https://ID.3.serving.azuredatabricks.net.evil.example/x",
		"other endpoint":  "https://00000000000000000000000000000000.3.serving.azuredatabricks.net/x",
		"other cloud":     "https://ID.3.serving.databricks.azure.cn/x",
		"no TLS":          "http://ID.3.serving.azuredatabricks.net/x",
		"user":            "https://user@ID.3.serving.azuredatabricks.net/x",
		"port":            "https://ID.3.serving.azuredatabricks.net:8443/x",
		"workspace, user": "https://azuredatabricks.net@evil.example/x",
	} {
		w, application, secret := oauthWorld(t)
		w.Workspace.SetGrant("fast", application, "CAN_QUERY")
		own, _, _ := strings.Cut(w.Workspace.EndpointHost("fast"), ".")
		w.Workspace.SetEndpointURL("fast", strings.Replace(address, "ID", own, 1))
		_, _, errors := w.Protocol(t).Read(t, ofType, withSecret("fast", application, secret))
		if !strings.Contains(errors, "no token was sent to it") || w.Count("serving", "", "") != 0 ||
			w.Count("workspace", "POST", "/oidc/v1/token") != 0 {
			t.Errorf("%s: %s", name, errors)
		}
	}
	w, application, secret := oauthWorld(t)
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	w.Tenant.Faults.Add(emulator.Fault{Service: "serving", Status: 307, Location: w.Server.WorkspaceURLs[0] +
		"/serving-endpoints/iris/invocations"})
	_, _, errors := w.Protocol(t).Read(t, ofType, withSecret("fast", application, secret))
	if !strings.Contains(errors, "not followed") || w.Count("workspace", "POST", "/invocations") != 0 {
		t.Error(errors)
	}
}

// The secret may be in Key Vault, where the provider's identity reads it.
func TestOAuthSecretInKeyVault(t *testing.T) {
	t.Parallel()
	w, application, secret := oauthWorld(t)
	v := w.Tenant.NewVault("kv-oauth-query")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsUser)
	v.SetSecret("client", secret, "")
	w.Reach(t, v)
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	config := withSecret("fast", application, "", "key_vault_secret", map[string]any{"vault_uri": v.URL(),
		"name": "client"})
	delete(config, "client_secret")
	state, _, errors := w.Protocol(t).Read(t, ofType, config)
	if errors != "" || status(state) != "200" || strings.Contains(fmt.Sprint(state), secret) {
		t.Errorf("%v %s", state, errors)
	}
}

func TestOAuthQueryInput(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	const id = "0d2b4c1e-9d53-4c8e-8a55-3c9ab06e6c55"
	for _, test := range []struct {
		config map[string]any
		says   string
	}{
		{map[string]any{"query_as": "oauth_secret", "client_secret": "dose"}, "Query has no client"},
		{map[string]any{"query_as": "oauth_secret", "client_id": id}, "Query needs exactly one OAuth secret"},
		{map[string]any{"query_as": "oauth_secret", "client_id": id, "client_secret": "dose",
			"key_vault_secret": map[string]any{"vault_uri": "https://kv-ml.vault.azure.net/", "name": "x"}}, "Query needs exactly one OAuth secret"},
		{map[string]any{"query_as": "provider", "client_id": id}, "Query has a client that it does not use"},
		{map[string]any{"query_as": "provider", "client_secret": "dose"}, "Query has an OAuth secret that it does not use"},
		{map[string]any{"query_as": "oauth_secret", "client_id": id, "client_secret": "dapi0123456789abcdef0123456789abcdef"}, "Not an OAuth secret of Databricks"},
	} {
		test.config["endpoint_name"], test.config["request"] = "iris", oneFlower
		if _, _, errors := p.Read(t, ofType, test.config); !strings.Contains(errors, test.says) {
			t.Errorf("want %q, got %s", test.says, errors)
		}
	}
	if n := len(w.Tenant.Journal.Entries()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A provider that logs in by Databricks OAuth queries a route-optimized endpoint as its own identity.
func TestRouteOptimizedAsProvider(t *testing.T) {
	t.Parallel()
	w, application, secret := oauthWorld(t)
	for name := range w.Env {
		if strings.HasPrefix(name, "ARM_") {
			delete(w.Env, name)
		}
	}
	w.Env["DATABRICKS_CLIENT_ID"], w.Env["DATABRICKS_CLIENT_SECRET"] = application, secret
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	state, _, errors := w.Protocol(t).Read(t, ofType, map[string]any{"endpoint_name": "fast", "request": oneFlower,
		"query_as": "provider"})
	if errors != "" || status(state) != "200" || w.Count("entra", "", "") != 0 {
		t.Errorf("%v %s", state, errors)
	}
}

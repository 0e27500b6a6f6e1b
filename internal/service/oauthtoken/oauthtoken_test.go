package oauthtoken_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const ofType = "dbxaccess_oauth_token"

// managed adds a service principal that Databricks created, and returns its application id and the value of an OAuth
// secret of it.
func managed(w *acctest.World, scopes ...string) (application, secret string) {
	id := w.Workspace.AddServicePrincipal("", "managed")
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.ID == id {
			application = p.ApplicationID
		}
	}
	_, secret = w.Workspace.AddOAuthSecret(application, 24*time.Hour, scopes...)
	return application, secret
}

func TestOAuthToken(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, secret := managed(w, "model-serving", "sql")
	p := w.Protocol(t)
	opened, _, errors := p.Open(t, ofType, map[string]any{"client_id": application, "client_secret": secret,
		"scopes": []any{"model-serving"}})
	claims := fmt.Sprint(opened.Result["claims"])
	if errors != "" || !strings.Contains(claims, application) || !strings.Contains(claims, `"scope":"model-serving"`) ||
		opened.Result["endpoint_url"] != nil || opened.Result["expires_at"] == nil {
		t.Errorf("%s %s", claims, errors)
	}
	_, _, errors = p.Open(t, ofType, map[string]any{"client_id": application, "client_secret": secret})
	if !strings.Contains(errors, "OAuth secret lacks a scope") || strings.Contains(errors, secret) {
		t.Error(errors)
	}
	if n := w.Count("entra", "", ""); n != 0 {
		t.Errorf("%d requests to Entra ID", n)
	}
}

func TestOAuthTokenForEndpoints(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, secret := managed(w)
	w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	p := w.Protocol(t)
	config := func(endpoint string) map[string]any {
		return map[string]any{"client_id": application, "client_secret": secret, "endpoint_name": endpoint}
	}
	_, _, errors := p.Open(t, ofType, config("fast"))
	if !strings.Contains(errors, "Databricks refused a token for the endpoint") ||
		!strings.Contains(errors, "CAN_QUERY") {
		t.Error(errors)
	}
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	opened, _, errors := p.Open(t, ofType, config("fast"))
	if errors != "" || !strings.Contains(fmt.Sprint(opened.Result["claims"]), "authorization_details") ||
		!strings.HasPrefix(fmt.Sprint(opened.Result["endpoint_url"]), "https://"+w.Workspace.EndpointHost("fast")+"/") {
		t.Errorf("%v %s", opened.Result["endpoint_url"], errors)
	}
	opened, _, errors = p.Open(t, ofType, config("iris"))
	if errors != "" || opened.Result["endpoint_url"] != w.Server.WorkspaceURLs[0]+
		"/serving-endpoints/iris/invocations" {
		t.Errorf("%v %s", opened.Result["endpoint_url"], errors)
	}
	w.Workspace.SetEndpointURL("fast", "https://evil.example/invocations")
	if _, _, errors = p.Open(t, ofType, config("fast")); !strings.Contains(errors, "no token was sent to it") {
		t.Error(errors)
	}
	if _, _, errors = p.Open(t, ofType, config("rose")); !strings.Contains(errors, `no serving endpoint named "rose"`) {
		t.Error(errors)
	}
}

func TestOAuthTokenFromKeyVault(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, secret := managed(w)
	v := w.Tenant.NewVault("kv-oauth-token")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsUser)
	v.SetSecret("client", secret, "")
	w.Reach(t, v)
	opened, _, errors := w.Protocol(t).Open(t, ofType, map[string]any{"client_id": application,
		"key_vault_secret": map[string]any{"vault_uri": v.URL(), "name": "client"}})
	if errors != "" || opened.Result["access_token"] == nil {
		t.Error(errors)
	}
}

func TestOAuthTokenOfTheProvider(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	own := map[string]any{"use_provider_identity": true}
	if _, _, errors := w.Protocol(t).Open(t, ofType, own); !strings.Contains(errors,
		"not a login by Databricks OAuth") {
		t.Error(errors)
	}
	for name := range w.Env {
		if strings.HasPrefix(name, "ARM_") {
			delete(w.Env, name)
		}
	}
	w.Env["DATABRICKS_CLIENT_ID"], w.Env["DATABRICKS_CLIENT_SECRET"] = managed(w)
	opened, _, errors := w.Protocol(t).Open(t, ofType, own)
	if errors != "" || !strings.Contains(fmt.Sprint(opened.Result["claims"]), w.Env["DATABRICKS_CLIENT_ID"]) {
		t.Error(errors)
	}
}

func TestOAuthTokenInput(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	const id = "0d2b4c1e-9d53-4c8e-8a55-3c9ab06e6c55"
	for _, test := range []struct {
		config map[string]any
		says   string
	}{
		{map[string]any{}, "OAuth token has no client"},
		{map[string]any{"client_id": id}, "OAuth token needs exactly one secret"},
		{map[string]any{"client_id": id, "client_secret": " "}, "OAuth token needs exactly one secret"},
		{map[string]any{"client_id": id, "use_provider_identity": true}, "OAuth token has two clients"},
		{map[string]any{"use_provider_identity": true, "scopes": []any{"sql"}}, "Scopes of the provider's own login"},
		{map[string]any{"client_id": "scorer", "client_secret": "dose"}, "application"},
	} {
		if _, _, errors := p.Open(t, ofType, test.config); !strings.Contains(errors, test.says) {
			t.Errorf("want %q, got %s", test.says, errors)
		}
	}
}

// The value of the token is in no plan, no state and no log of Terraform itself.
func TestOAuthTokenStaysOut(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, secret := managed(w)
	c := w.CLI(t, `
variable "secret" {
  type      = string
  sensitive = true
  ephemeral = true
}
ephemeral "dbxaccess_oauth_token" "t" {
  client_id     = "`+application+`"
  client_secret = var.secret
}
provider "dbxaccess" {
  alias = "application"
  token = ephemeral.dbxaccess_oauth_token.t.access_token
}
data "dbxaccess_current_identity" "me" { provider = dbxaccess.application }
output "who" { value = data.dbxaccess_current_identity.me.application_id }
`)
	c.Env["TF_VAR_secret"], c.Env["TF_LOG"] = secret, "trace"
	applied := c.MustRun(t, 0, "apply", "-auto-approve")
	if who := c.MustRun(t, 0, "output", "-raw", "who").Stdout; who != application {
		t.Errorf("the token is of %q", who)
	}
	if kept := applied.Stdout + applied.Stderr + c.State(t); strings.Contains(kept, secret) ||
		strings.Contains(kept, "eyJhbGciOiJSUzI1NiIsImtpZCI6") {
		t.Error("a secret is kept")
	}
}

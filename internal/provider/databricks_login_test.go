package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// withoutAzure removes every Azure credential from a world's environment.
func withoutAzure(w *acctest.World) {
	for name := range w.Env {
		if strings.HasPrefix(name, "ARM_") {
			delete(w.Env, name)
		}
	}
}

// databricksAdmin creates a workspace admin that Databricks manages, with an OAuth secret.
func databricksAdmin(w *acctest.World) (application, secret string) {
	w.Workspace.AddServicePrincipal("", "pipeline")
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.DisplayName == "pipeline" {
			application = p.ApplicationID
		}
	}
	w.Workspace.AddToGroup("admins", application)
	_, secret = w.Workspace.AddOAuthSecret(application, 24*time.Hour)
	return application, secret
}

func requestsToAzure(w *acctest.World) int {
	return w.Count("entra", "", "") + w.Count("arm", "", "")
}

func TestDatabricksLoginThroughTheCLI(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	withoutAzure(w)
	application, secret := databricksAdmin(w)
	w.Env["DATABRICKS_CLIENT_ID"], w.Env["DATABRICKS_CLIENT_SECRET"] = application, secret
	c := w.CLI(t, whoAmI+`
resource "dbxaccess_service_principal" "scorer" { display_name = "scorer" }
output "me" { value = [data.dbxaccess_current_identity.me.auth_type, data.dbxaccess_current_identity.me.application_id, data.dbxaccess_current_identity.me.token_claims] }
`)
	c.Env["TF_LOG"] = "trace"
	applied := c.MustRun(t, 0, "apply", "-auto-approve")
	for _, want := range []string{"databricks_oauth", application, "/oidc"} {
		if !strings.Contains(applied.Stdout, want) {
			t.Errorf("the output lacks %s", want)
		}
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	if strings.Contains(applied.Stderr+c.State(t), secret) {
		t.Error("the secret is in the log or the state")
	}
	if n := requestsToAzure(w); n != 0 {
		t.Errorf("%d requests to Entra ID or Azure Resource Manager", n)
	}
}

func TestDatabricksOIDCLogin(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	withoutAzure(w)
	application, _ := databricksAdmin(w)
	issuer := w.Tenant.NewOIDCIssuer("https://issuer.example")
	w.Workspace.AddFederationPolicy(application, issuer.URL(), "pipeline", "ours")
	w.Env["DBXACCESS_USE_DATABRICKS_OIDC"], w.Env["DATABRICKS_CLIENT_ID"] = "true", application
	w.Env["ARM_OIDC_TOKEN"] = issuer.Token("pipeline", "ours", time.Hour)
	me, _, errors := w.Protocol(t).Read(t, "dbxaccess_current_identity", nil)
	if errors != "" || me["auth_type"] != "databricks_oidc" || me["application_id"] != application ||
		me["tenant_id"] != nil {
		t.Errorf("%v %s", me, errors)
	}
	if n := requestsToAzure(w); n != 0 {
		t.Errorf("%d requests to Entra ID or Azure Resource Manager", n)
	}
}

// If the environment holds credentials of both kinds, the provider logs in through Azure.
func TestAzureLoginComesBeforeDatabricks(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Env["DATABRICKS_CLIENT_ID"], w.Env["DATABRICKS_CLIENT_SECRET"] = databricksAdmin(w)
	me, _, errors := w.Protocol(t).Read(t, "dbxaccess_current_identity", nil)
	if errors != "" || me["auth_type"] != "certificate" || me["application_id"] != w.Deployer.ClientID ||
		w.Count("workspace", "POST", "/oidc/v1/token") != 0 {
		t.Errorf("%v %s", me, errors)
	}
}

// What needs an identity of Entra ID fails with a Databricks login before any request.
func TestDatabricksLoginOpensNoVault(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	withoutAzure(w)
	w.Env["DATABRICKS_CLIENT_ID"], w.Env["DATABRICKS_CLIENT_SECRET"] = databricksAdmin(w)
	p := w.Protocol(t)
	_, errors := p.Plan(t, "dbxaccess_service_principal_token", acctest.Object{}, map[string]any{
		"owner":            map[string]any{"application_id": w.ScoringApp.ClientID, "tenant_id": w.Tenant.ID, "client_secret_wo": w.ScoringSecret},
		"key_vault_secret": map[string]any{"vault_uri": "https://kv-ml.vault.azure.net/", "name": "token"},
	})
	if !strings.Contains(errors, "A Databricks login cannot use Key Vault") || len(w.Tenant.Journal.Entries()) != 0 {
		t.Errorf("%s; %d requests", errors, len(w.Tenant.Journal.Entries()))
	}
	w.Env["DATABRICKS_AZURE_RESOURCE_ID"] = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Databricks/workspaces/ws"
	delete(w.Env, "DBXACCESS_HOST")
	c := w.CLI(t, whoAmI)
	if r := c.MustRun(t, 1, "plan"); !strings.Contains(r.Stderr, "Databricks login without a workspace") {
		t.Error(r.Stderr)
	}
}

package provider_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// blockOf returns the one block of a page that contains a text.
func blockOf(t *testing.T, page, text string) string {
	t.Helper()
	var found []string
	for where, block := range documented(t) {
		if strings.HasPrefix(where, page) && strings.Contains(block, text) {
			found = append(found, block)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s has %d blocks with %s", page, len(found), text)
	}
	return found[0]
}

// appendFragment is what a page adds to blocks that it shows before: its fence is "tf".
func appendFragment(t *testing.T, page, text string) string {
	t.Helper()
	all, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile("(?ms)^ *```tf\n(.*?)^ *```$").FindAllSubmatch(all, -1) {
		if strings.Contains(string(found[1]), text) {
			return string(found[1])
		}
	}
	t.Fatalf("%s has no fragment with %s", page, text)
	return ""
}

// scores reports whether the endpoint answers a scoring request with the token.
func scores(w *acctest.World, token string) bool {
	const row = `{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`
	req := httptest.NewRequest("POST", "/serving-endpoints/"+w.EndpointName+"/invocations", strings.NewReader(row))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	w.Workspace.ServeHTTP(answer, req)
	return answer.Code == 200
}

// Follows the table of days in "Credentials without outages": on each day the plan is as the table says, and at every
// time there is a token that both Key Vault and the workspace accept. An hour stands for a day, because the provider
// trusts no clock that is more than a day away from the machine's.
func TestGuideRotatesWithoutOutage(t *testing.T) {
	t.Parallel()
	const page, day = "docs/guides/credentials-without-outages.md", time.Hour
	block := strings.ReplaceAll(blockOf(t, page, `resource "dbxaccess_service_principal_token"`), "24 * 60 * 60",
		"60 * 60")
	w := acctest.New(t)
	w.Proxied()
	v := w.Tenant.NewVault("kv-scoring")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetGrant(w.EndpointName, w.ScoringApp.ClientID, "CAN_QUERY")
	c := w.CLI(t, block+"\noutput \"reason\" {\n  value = "+
		"dbxaccess_service_principal_token.scoring.rotation_reason\n}\n")
	c.Env["TF_VAR_application_id"], c.Env["TF_VAR_client_secret"] = w.ScoringApp.ClientID, w.ScoringSecret
	c.MustRun(t, 0, "apply", "-auto-approve")
	first := v.Value("databricks-token")
	for _, on := range []struct {
		after  time.Duration // since the previous row
		reason string        // if empty, the plan is empty
		tokens int           // number after the apply
	}{
		{19 * day, "", 1}, {day, "due", 2}, {day * 19 / 10, "", 2}, {day / 5, "overlap_ended", 1},
	} {
		w.Tenant.Clock.Advance(on.after)
		if on.reason == "" {
			c.MustRun(t, 0, "plan", "-detailed-exitcode")
		} else {
			c.MustRun(t, 2, "plan", "-detailed-exitcode", "-out=day.tfplan")
			var reason string
			c.MustRun(t, 0, "apply", "day.tfplan")
			if err := json.Unmarshal([]byte(c.MustRun(t, 0, "output", "-json", "reason").Stdout),
				&reason); err != nil || reason != on.reason {
				t.Errorf("after %v more it is %q and not %q: %v", on.after, reason, on.reason, err)
			}
		}
		if !scores(w, v.Value("databricks-token")) {
			t.Errorf("after %v more the token in Key Vault does not score", on.after)
		}
		if live := len(tokensOf(w)); live != on.tokens {
			t.Errorf("after %v more there are %d tokens and not %d", on.after, live, on.tokens)
		}
		if scores(w, first) != (on.reason != "overlap_ended") {
			t.Errorf("after %v more the first token scores: %v", on.after, scores(w, first))
		}
	}
}

// Follows the same guide for an OAuth secret: the application can always exchange the secret in Key Vault, and the old
// secret is deleted when the overlap ends. Ten minutes stand for a day.
func TestGuideRotatesOAuthSecretWithoutOutage(t *testing.T) {
	t.Parallel()
	const page, day = "docs/guides/credentials-without-outages.md", 10 * time.Minute
	block := strings.ReplaceAll(blockOf(t, page, `name      = "databricks-oauth-secret"`), "24 * 60 * 60", "10 * 60")
	w := acctest.New(t)
	w.Proxied()
	v := w.Tenant.NewVault("kv-scoring")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.AddToGroup("admins", w.ScoringApp.ClientID)
	c := w.CLI(t, block+"\noutput \"reason\" {\n  value = "+
		"dbxaccess_service_principal_oauth_secret.scoring.rotation_reason\n}\n")
	c.Env["TF_VAR_application_id"] = w.ScoringApp.ClientID
	c.MustRun(t, 0, "apply", "-auto-approve")
	first := v.Value("databricks-oauth-secret")
	logsIn := func(secret string) bool {
		c := w.CLI(t, whoAmI)
		for _, name := range []string{"ARM_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_PASSWORD", "ARM_TENANT_ID",
			"ARM_CLIENT_ID"} {
			c.Env[name] = ""
		}
		c.Env["DATABRICKS_CLIENT_ID"], c.Env["DATABRICKS_CLIENT_SECRET"] = w.ScoringApp.ClientID, secret
		return c.Run(t, "plan").Code == 0
	}
	for _, on := range []struct {
		after   time.Duration // since the previous row
		reason  string        // if empty, the plan is empty
		secrets int           // number after the apply
	}{
		{75 * day, "", 1}, {day, "due", 2}, {day * 19 / 10, "", 2}, {day / 5, "overlap_ended", 1},
	} {
		w.Tenant.Clock.Advance(on.after)
		if on.reason == "" {
			c.MustRun(t, 0, "plan", "-detailed-exitcode")
		} else {
			c.MustRun(t, 0, "apply", "-auto-approve")
			if reason := strings.TrimSpace(c.MustRun(t, 0, "output", "-raw", "reason").Stdout); reason != on.reason {
				t.Errorf("after %v more it is %q and not %q", on.after, reason, on.reason)
			}
		}
		if !logsIn(v.Value("databricks-oauth-secret")) {
			t.Errorf("after %v more the secret in Key Vault logs nobody in", on.after)
		}
		if secrets := len(w.Workspace.Snapshot().OAuthSecrets); secrets != on.secrets {
			t.Errorf("after %v more there are %d secrets and not %d", on.after, secrets, on.secrets)
		}
	}
	if logsIn(first) {
		t.Error("the first secret still logs in")
	}
}

// Follows the steps from a personal access token to an OAuth secret: at each step the credential that the application
// uses works.
func TestGuideMovesToAnOAuthSecret(t *testing.T) {
	t.Parallel()
	const page = "docs/guides/credentials-without-outages.md"
	w := acctest.New(t)
	w.Proxied()
	w.Tenant.NewVault("kv-scoring").Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetGrant(w.EndpointName, w.ScoringApp.ClientID, "CAN_QUERY")
	proof := blockOf(t, page, `name      = "databricks-oauth-secret"`) + appendFragment(t, page, `"by_oauth"`)
	const right = `
resource "dbxaccess_token_permission" "scoring" {
  service_principal_name = var.application_id
}
`
	const token = `
variable "client_secret" { ephemeral = true }
resource "dbxaccess_service_principal_token" "scoring" {
  owner      = { application_id = var.application_id, client_secret_wo = var.client_secret }
  depends_on = [dbxaccess_token_permission.scoring]
}
output "token" {
  value     = dbxaccess_service_principal_token.scoring.token_value
  sensitive = true
}
`
	c := w.CLI(t, "variable \"application_id\" {}\n"+right+token)
	c.Env["TF_VAR_application_id"], c.Env["TF_VAR_client_secret"] = w.ScoringApp.ClientID, w.ScoringSecret
	c.MustRun(t, 0, "apply", "-auto-approve")
	value := strings.TrimSpace(c.MustRun(t, 0, "output", "-raw", "token").Stdout)
	c.Rewrite(t, right+token+proof) // adds the secret and its proof beside the token
	c.MustRun(t, 0, "apply", "-auto-approve")
	if !opens(w, value) {
		t.Error("the token no longer works beside the secret")
	}
	c.Rewrite(t, right+proof)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if opens(w, value) {
		t.Error("the token works after its block is removed")
	}
	c.Rewrite(t, proof)
	c.MustRun(t, 0, "apply", "-auto-approve") // includes the query: the secret works without the right to use tokens
	if w.Workspace.Grants("authorization/tokens")[w.ScoringApp.ClientID] != "" {
		t.Error("the right to use tokens is left")
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
}

// Follows the guide for the first login to a new workspace: what an admin runs once makes the deployer an admin.
// TestAdminLogin tests the other way.
func TestGuideFirstLogin(t *testing.T) {
	t.Parallel()
	const page = "docs/guides/log-in.md"
	w := acctest.New(t)
	c := w.CLI(t, strings.ReplaceAll(blockOf(t, page, `"deployer_is_admin"`), "4c2f6b1e-7d55-4a6e-8a39-0d7c7a9c1f20",
		w.ScoringApp.ClientID))
	secret := w.ScoringApp.AddSecret(time.Hour)
	asNew := func() string {
		other := *w
		other.Env = maps.Clone(w.Env)
		withoutCertificate(&other)
		other.Env["ARM_CLIENT_ID"], other.Env["ARM_CLIENT_SECRET"] = w.ScoringApp.ClientID, secret
		_, _, errors := other.Protocol(t).Read(t, "dbxaccess_tokens", nil) // only admins may read this
		return errors
	}
	if errors := asNew(); !strings.Contains(errors, "Unauthorized access to workspace") {
		t.Errorf("before, it is not refused: %s", errors)
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	if errors := asNew(); errors != "" {
		t.Errorf("it is no admin: %s", errors)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
}

// Rotates the deployer's certificate from a file: first register the new one, then use it. No other order works.
func TestGuideRotatesTheDeployersCertificate(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	old := w.Env["ARM_CLIENT_CERTIFICATE_PATH"]
	cert, key, err := w.Tenant.IssueClientCertificate("deployer", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
	must(t, err)
	renewed := w.WritePFX(t, "renewed.pfx", key, cert, acctest.Password)
	login := func(path, says string) {
		t.Helper()
		w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = path
		_, _, errors := w.Protocol(t).Read(t, "dbxaccess_current_identity", nil)
		if (errors == "") != (says == "") || !strings.Contains(errors, says) {
			t.Errorf("%s: %s", filepath.Base(path), errors)
		}
	}
	login(old, "")
	login(renewed, "Client certificate is not registered")
	w.Deployer.AddCertificate(cert) // step 2: both certificates work
	login(old, "")
	login(renewed, "")
	w.Deployer.RemoveCertificate(w.DeployerCertificate) // step 4
	login(renewed, "")
	login(old, "Client certificate is not registered")

	w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = renewed
	check := blockOf(t, "docs/guides/rotate-the-deployers-certificate.md", `check "certificate"`)
	c := w.CLI(t, check)
	if r := c.MustRun(t, 0, "plan"); strings.Contains(r.Stdout+r.Stderr, "expires within sixty days") {
		t.Errorf("a year is called sixty days:\n%s", r.Stdout)
	}
	c.Rewrite(t, strings.Replace(check, "1440h", "87600h", 1))
	c.MustRun(t, 0, "plan").MustSay(t, "expires within sixty days")
}

// A new entry of the map changes no other resource, and a second workspace uses a provider alias.
func TestGuideManyEndpoints(t *testing.T) {
	t.Parallel()
	const page = "docs/guides/many-endpoints.md"
	w := acctest.New(t)
	other, host := w.OtherWorkspace(t)
	other.CreateEndpoint("iris", w.Deployer.ClientID)
	grants := blockOf(t, page, "for_each")
	for _, id := range []string{"6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20", "b1e4c7a0-3d6f-4928-8b5e-0f2a9c8d7e31"} {
		w.Workspace.AddServicePrincipal(id, "application")
		other.AddServicePrincipal(id, "application")
	}
	w.Workspace.CreateEndpoint("wine", w.PersonName)
	w.Workspace.CreateEndpoint("digits", w.PersonName)
	c := w.CLI(t, grants)
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "3 added")
	c.Rewrite(t, strings.Replace(grants, "grants = {", "grants = {\n    "+
		"\"digits/6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20\" = \"CAN_VIEW\"", 1))
	c.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "1 to add, 0 to change, 0 to destroy")

	two := strings.NewReplacer("https://adb-1234567890123456.7.azuredatabricks.net", w.Env["DBXACCESS_HOST"],
		"https://adb-6543210987654321.1.azuredatabricks.net", host).Replace(blockOf(t, page, "alias = "))
	c = w.CLI(t, two)
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "1 added")
	if got := other.Grants("iris")["6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"]; got != "CAN_QUERY" {
		t.Errorf("in the other workspace it holds %q", got)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
}

// Follows the guide to upgrade: no changes before, then the new version, then no changes. Removing the provider from
// the configuration leaves the grant.
func TestGuideUpgrades(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	hcl := func(version string) string {
		return fmt.Sprintf(`
terraform {
  required_providers {
    dbxaccess = {
      source  = "dbxaccess/dbxaccess"
      version = %q
    }
  }
}
`, version)
	}
	grant := fmt.Sprintf("resource \"dbxaccess_serving_endpoint_permission\" \"a\" {\n  endpoint_name = \"iris\"\n "+
		" service_principal_name = %q\n}\n", w.ScoringApp.ClientID)
	c := w.CLI(t, hcl("0.1.0")+grant)
	c.Process = true // init installs the versions
	c.Installs(t, "0.1.0", "0.1.1")
	c.MustRun(t, 0, "init")
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	if backup := c.MustRun(t, 0, "state", "pull").Stdout; !strings.Contains(backup, w.ScoringApp.ClientID) {
		t.Error("the backup lacks the grant")
	}
	c.Rewrite(t, hcl("~> 0.1.0")+grant)
	c.MustRun(t, 0, "init", "-upgrade").MustSay(t, "v0.1.1")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")

	c.Rewrite(t, hcl("~> 0.1.0")+"removed {\n  from = dbxaccess_serving_endpoint_permission.a\n  lifecycle {\n    "+
		"destroy = false\n  }\n}\n")
	c.MustRun(t, 0, "apply", "-auto-approve")
	if len(c.Managed(t)) != 0 || w.Workspace.Grants("iris")[w.ScoringApp.ClientID] != "CAN_QUERY" {
		t.Error("the state does not forget the grant, or the workspace does")
	}
}

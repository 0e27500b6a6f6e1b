package servingendpointquery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const requireProvider = `
terraform {
  required_providers {
    dbxaccess = { source = "dbxaccess/dbxaccess" }
  }
}
`

// vaulted returns a world in which the application's token is in a vault that the deployer may read, and a configuration
// that queries with that token.
func vaulted(t *testing.T) (w *acctest.World, v *emulator.Vault, token, config string) {
	t.Helper()
	w = acctest.New(t)
	var application string
	application, token, _ = addApp(w)
	w.Workspace.SetGrant("iris", application, "CAN_QUERY")
	v = w.NewVault(t, "kv-ml")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsUser)
	v.SetSecret("iris-token", token+"\n", "text/plain") // with the line break that ends a file
	return w, v, token, requireProvider + asVaulted(v.URL(), "iris-token", "store_response = true") +
		"output \"model\" {\n  value = data.dbxaccess_serving_endpoint_query.x.served_model\n}\n"
}

// wants demands the words in the error of a failed plan, however the lines break.
func wants(t *testing.T, c *acctest.CLI, words ...string) {
	t.Helper()
	r := c.MustRun(t, 1, "plan")
	if !acctest.Says(words...).MatchString(r.Stderr) {
		t.Errorf("the error does not say %q:\n%s", words, r.Stderr)
	}
}

// The token is read from the vault and used, and is in no state, plan or log.
func TestQueryWithTokenFromVault(t *testing.T) {
	t.Parallel()
	w, _, token, config := vaulted(t)
	c := w.CLI(t, config)
	c.Env["TF_LOG"] = "TRACE"
	apply := c.MustRun(t, 0, "apply", "-auto-approve")
	plan := c.MustRun(t, 0, "plan", "-out", "plan")
	show := c.MustRun(t, 0, "show", "-json", "plan")
	for where, text := range map[string]string{"state": c.State(t), "apply": apply.Stdout + apply.Stderr,
		"plan": plan.Stdout + plan.Stderr, "plan file": show.Stdout} {
		if strings.Contains(text, token) {
			t.Errorf("the token is in the %s", where)
		}
	}
	if !strings.Contains(c.State(t), "setosa") || !strings.Contains(apply.Stderr, "/secrets/iris-token") {
		t.Error("the test looks in the wrong place: no answer in the state, or no call in the log")
	}
	asked := callers(w)
	if len(asked) == 0 {
		t.Error("nobody asked")
	}
	for _, who := range asked {
		if who != w.ScoringApp.ClientID+" 200" {
			t.Errorf("asked as %s", who)
		}
	}
}

func TestVaultRefuses(t *testing.T) {
	t.Parallel()
	w, v, _, config := vaulted(t)
	c := w.Commands(t, config)
	v.Revoke(w.Deployer.ClientID)
	wants(t, c, "Key Vault refuses the read", "cannot score serving endpoint", "may not read secret iris-token",
		"Key Vault Secrets User", "DeniedWithNoValidRBAC")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsUser)

	v.SetSecret("iris-token", "   ", "text/plain")
	wants(t, c, "Key Vault secret is empty", "iris-token", "has an empty value")
	v.SetSecret("iris-token", "dapi-of-nobody", "text/plain")
	wants(t, c, "Cannot score serving endpoint", "key_vault_secret", "does not accept the token in secret "+
		"iris-token of", "holds something else")
	if r := c.Run(t, "plan"); strings.Contains(r.Stderr, "dapi-of-nobody") {
		t.Error("the error shows the secret")
	}
	other := w.Commands(t, requireProvider+asVaulted(v.URL(), "rose-token"))
	wants(t, other, "Key Vault secret not found", "no secret or certificate rose-token")
	w.ReachHost(t, "kv-gone.vault.azure.net")
	nowhere := w.Commands(t, requireProvider+asVaulted("https://kv-gone.vault.azure.net/", "iris-token"))
	wants(t, nowhere, "Key Vault not found", "kv-gone.vault.azure.net")
	if asked := callers(w); len(asked) != 0 { // a request with an unknown token has no caller
		for _, who := range asked {
			if who != " 403" {
				t.Errorf("asked: %q", asked)
			}
		}
	}
}

// A query whose token no longer works stops a destroy, and its error names the destroy that works.
func TestDestroyAfterTheTokenEnded(t *testing.T) {
	t.Parallel()
	w, _, _, config := vaulted(t)
	c := w.CLI(t, config)
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	c.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, "its owner is deactivated",
		"terraform destroy -refresh=false")
	c.MustRun(t, 0, "destroy", "-auto-approve", "-refresh=false")
}

// A login with a Databricks token gives access to the workspace only, not to a vault.
func TestVaultNeedsEntraID(t *testing.T) {
	t.Parallel()
	w, _, _, config := vaulted(t)
	for name := range w.Env {
		if strings.HasPrefix(name, "ARM_") {
			delete(w.Env, name)
		}
	}
	w.Env["DATABRICKS_TOKEN"] = w.PersonToken
	wants(t, w.Commands(t, config), "A Databricks login cannot use Key Vault", "token of Microsoft Entra ID", "DATABRICKS_TOKEN")
}

// The log shows one line of progress per attempt, for people who watch a long run.
func TestColdStartIsLogged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.ScaleToZero("iris", 1)
	c := w.CLI(t, requireProvider+asProvider())
	c.Env["TF_LOG"] = "INFO"
	began := time.Now()
	r := c.MustRun(t, 0, "apply", "-auto-approve")
	if n := strings.Count(r.Stderr, "waiting for the serving endpoint"); n != 1 ||
		!strings.Contains(r.Stderr, "endpoint=iris") {
		t.Errorf("%d lines of progress in %s:\n%s", n, time.Since(began), r.Stderr)
	}
}

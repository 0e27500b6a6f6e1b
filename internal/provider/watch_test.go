package provider_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// watched returns a configuration with the module access-watch, which allows exactly what the world holds.
func watched(t *testing.T, w *acctest.World) string {
	t.Helper()
	module, err := filepath.Abs("../../examples/modules/access-watch")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`
module "watch" {
  source = %q
  endpoints = {
    iris = { %q = "CAN_QUERY", %q = "CAN_MANAGE" }
  }
  groups            = { admins = [%q, %q] }
  service_principals = { %q = {} }
}
`, module, "service_principal_name="+w.ScoringApp.ClientID, "user_name="+w.PersonName,
		"service_principal_name="+w.Deployer.ClientID, "user_name="+w.PersonName, w.ScoringApp.ClientID)
}

// Each deviation is one line of an error, and the plan fails.
func TestAccessWatch(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	other := w.Tenant.RegisterApp("other").ClientID
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.AddServicePrincipal(other, "other")
	w.Workspace.SetGrant("iris", w.ScoringApp.ClientID, "CAN_QUERY")
	c := w.CLI(t, watched(t, w))
	c.MustRun(t, 0, "get")
	c.MustRun(t, 0, "plan")

	w.Workspace.SetGrant("iris", other, "CAN_VIEW")
	w.Workspace.AddToGroup("admins", other)
	w.Workspace.AddToGroup("admins", w.ScoringApp.ClientID)
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	w.Workspace.SetGrant("iris", w.ScoringApp.ClientID, "CAN_MANAGE")
	r := c.MustRun(t, 1, "plan")
	said := strings.Join(strings.Fields(strings.ReplaceAll(r.Stderr, "│", "")), " ")
	for _, line := range []string{
		"Endpoint iris: service_principal_name=" + other + " (other) holds CAN_VIEW and may hold nothing.",
		"Endpoint iris: service_principal_name=" + w.ScoringApp.ClientID + " (scoring) holds CAN_MANAGE and may " +
			"hold CAN_QUERY.",
		"Group admins: service_principal_name=" + other + " (other) is a member and may not be",
		"Service principal " + w.ScoringApp.ClientID + " (scoring) is deactivated, and should be active.",
		"Service principal " + w.ScoringApp.ClientID + " (scoring) is in group admins and may not be.",
	} {
		if !strings.Contains(said, line) {
			t.Errorf("not said: %s\n%s", line, r.Stderr)
		}
	}

	w.Workspace.RemoveGrant("iris", w.ScoringApp.ClientID)
	if r := c.MustRun(t, 1, "plan"); !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(r.Stderr,
		"│", "")), " "),
		"service_principal_name="+w.ScoringApp.ClientID+" should hold CAN_QUERY and holds nothing.") {
		t.Errorf("a missing grant is not said:\n%s", r.Stderr)
	}
}

// drift runs the pipelines' script on a plan.
func drift(t *testing.T, c *acctest.CLI) (code int, said string) {
	t.Helper()
	c.Run(t, "plan", "-out=tfplan")
	return runDrift(t, c.MustRun(t, 0, "show", "-json", "tfplan").Stdout)
}

func runDrift(t *testing.T, plan string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../../examples/pipelines/drift.sh")
	cmd.Stdin = strings.NewReader(plan)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// The nightly job distinguishes changes by other people from changes that are due.
func TestDriftScript(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	hcl := fmt.Sprintf(`
resource "dbxaccess_service_principal" "scoring" {
  application_id = %[1]q
  display_name   = "scoring"
}
resource "dbxaccess_group_member" "scoring" {
  group_name     = "readers"
  application_id = dbxaccess_service_principal.scoring.application_id
}
resource "dbxaccess_serving_endpoint_permission" "scoring" {
  endpoint_name          = "iris"
  service_principal_name = dbxaccess_service_principal.scoring.application_id
}
resource "dbxaccess_token_permission" "scoring" {
  service_principal_name = dbxaccess_service_principal.scoring.application_id
}
resource "dbxaccess_service_principal_token" "scoring" {
  owner = {
    application_id   = dbxaccess_service_principal.scoring.application_id
    client_secret_wo = %[2]q
  }
  lifetime_seconds = 32400
  overlap_seconds  = 3600
  depends_on       = [dbxaccess_token_permission.scoring]
}
`, w.ScoringApp.ClientID, w.ScoringSecret)
	changed := strings.Replace(hcl, "overlap_seconds ", "comment = \"other\"\n  overlap_seconds ", 1)
	w.Workspace.AddGroup("readers")
	c := w.CLI(t, hcl)
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Clock.Advance(2 * time.Minute) // a refresh waits for new objects, which SCIM may show late
	id := w.ScoringApp.ClientID
	token := func() string { return live(t, w, id)[0] }
	for _, step := range []struct {
		name    string
		happens func()
		code    int
		says    string
		undo    func() // nil if an apply corrects it
	}{
		{"nothing", func() {}, 0, "no changes", func() {}},
		{"grant removed", func() { w.Workspace.RemoveGrant("iris", id) }, 2,
			"drift: dbxaccess_serving_endpoint_permission.scoring is missing and would be created: the grant was " +
				"removed, or its endpoint re-created",
			func() { w.Workspace.SetGrant("iris", id, "CAN_QUERY") }},
		{"grant raised", func() { w.Workspace.SetGrant("iris", id, "CAN_MANAGE") }, 2,
			"drift: dbxaccess_serving_endpoint_permission.scoring differs in permission_level (CAN_MANAGE, should " +
				"be CAN_QUERY)", func() {
				w.Workspace.SetGrant("iris", id, "CAN_QUERY")
			}},
		{"taken out of the group", func() { w.Workspace.RemoveFromGroup("readers", id) }, 2,
			"drift: dbxaccess_group_member.scoring is missing and would be created", func() {
				w.Workspace.AddToGroup("readers", id)
			}},
		{"renamed", func() { w.Workspace.SetDisplayName(id, "other") }, 2,
			"drift: dbxaccess_service_principal.scoring differs in display_name", func() {
				w.Workspace.SetDisplayName(id, "scoring")
			}},
		{"due", func() { w.Tenant.Clock.Advance(6*time.Hour + time.Minute) }, 3,
			"maintenance: dbxaccess_service_principal_token.scoring would be updated: its credential is due for " +
				"rotation", nil},
		{"due, and the configuration was changed", func() { c.Rewrite(t, changed) }, 2,
			"drift: dbxaccess_service_principal_token.scoring differs in comment", func() { c.Rewrite(t, hcl) }},
		{"overlap ended", func() { w.Tenant.Clock.Advance(61 * time.Minute) }, 3, "the overlap has ended", func() {}},
		{"maintenance and drift", func() { w.Workspace.DeleteEndpoint("iris"); w.Workspace.CreateEndpoint("iris", w.PersonName) }, 2,
			"drift: dbxaccess_serving_endpoint_permission.scoring", nil},
		{"token revoked", func() { w.Workspace.RevokeToken(token()) }, 2,
			"drift: dbxaccess_service_principal_token.scoring would be rotated: its credential was revoked", func() {}},
		{"right to use tokens removed", func() { w.Workspace.RemoveGrant("authorization/tokens", id) }, 2,
			"drift: dbxaccess_token_permission.scoring is missing and would be created", func() {}},
		{"principal removed", func() { w.Workspace.RemovePrincipal(id) }, 2, "drift: dbxaccess_service_principal.scoring is missing and would be created", func() {}},
	} {
		step.happens()
		code, said := drift(t, c)
		if code != step.code || !strings.Contains(said, step.says) {
			t.Errorf("%s: exit code %d, not %d:\n%s", step.name, code, step.code, said)
		}
		if strings.Contains(said, w.ScoringSecret) {
			t.Errorf("%s: a secret is printed", step.name)
		}
		if step.undo != nil {
			step.undo()
		} else {
			c.MustRun(t, 0, "apply", "-auto-approve")
		}
	}

	for name, tc := range map[string]struct {
		plan string
		code int
	}{
		"an incomplete plan": {`{"format_version":"1.2","errored":true}`, 1},
		"no plan":            {`{}`, 1},
		"no JSON":            {"Error", 1},
		"nothing":            {"", 1},
		"a failed check":     {`{"format_version":"1.2","checks":[{"status":"fail","address":{"to_display":"check.x"}}]}`, 2},
		"a rotation that is due, into Key Vault": {rotation(`"token_id": "1", "key_vault_secret": {"name": "a", "version": "1"}`,
			`"key_vault_secret": {"name": "a"}`), 3},
		"the same, and other scopes":  {rotation(`"token_id": "1", "scopes": ["serving", "sql"]`, `"scopes": ["serving"]`), 2},
		"the same, to another secret": {rotation(`"key_vault_secret": {"name": "a", "version": "1"}`, `"key_vault_secret": {"name": "b"}`), 2},
		"escapes":                     {`{"format_version":"1.2","resource_changes":[{"mode":"managed","address":"a[\"\u001b[2J\"]","type":"a","change":{"actions":["create"]}}]}`, 2},
	} {
		if code, said := runDrift(t, tc.plan); code != tc.code || strings.Contains(said, "\x1b") {
			t.Errorf("%s: exit code %d:\n%s", name, code, said)
		}
	}
}

// A rotation of an OAuth secret is maintenance as that of a token is, although the plan cannot know whether its service
// principal has another id by then.
func TestDriftScriptOfOAuthSecrets(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	c := w.CLI(t, fmt.Sprintf(`
resource "dbxaccess_service_principal_oauth_secret" "scoring" {
  application_id   = %q
  lifetime_seconds = 32400
  overlap_seconds  = 3600
}
`, w.ScoringApp.ClientID))
	c.MustRun(t, 0, "apply", "-auto-approve")
	const address = "dbxaccess_service_principal_oauth_secret.scoring"
	for _, step := range []struct {
		name    string
		happens func()
		code    int
		says    string
	}{
		{"due", func() { w.Tenant.Clock.Advance(6*time.Hour + time.Minute) }, 3,
			"maintenance: " + address + " would be updated: its credential is due for rotation\n"},
		{"overlap ended", func() { w.Tenant.Clock.Advance(61 * time.Minute) }, 3,
			"maintenance: " + address + " would be updated: the overlap has ended, and the old credential would " +
				"be revoked\n"},
		{"deleted", func() { w.Workspace.DeleteOAuthSecret(c.Attributes(t, address)["secret_id"].(string)) }, 2,
			"drift: " + address + " would be rotated: its credential was revoked\n"},
	} {
		step.happens()
		if code, said := drift(t, c); code != step.code || said != step.says {
			t.Errorf("%s: exit code %d, not %d:\n%s", step.name, code, step.code, said)
		}
		c.MustRun(t, 0, "apply", "-auto-approve")
	}
}

// rotation returns the JSON of a plan that rotates a token because the rotation is due.
func rotation(before, after string) string {
	return fmt.Sprintf(`{"format_version": "1.2", "resource_changes": [{"mode": "managed", "address": "a", "type": "dbxaccess_service_principal_token",
		"change": {"actions": ["update"], "before": {%s}, "after": {"rotation_reason": "due", %s}, "after_unknown": {"token_id": true, "key_vault_secret": {"version": true}}}}]}`, before, after)
}

// live returns the ids of an application's tokens.
func live(t *testing.T, w *acctest.World, applicationID string) (ids []string) {
	t.Helper()
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.Owner == applicationID {
			ids = append(ids, token.ID)
		}
	}
	if len(ids) == 0 {
		t.Fatalf("%s has no token", applicationID)
	}
	return ids
}

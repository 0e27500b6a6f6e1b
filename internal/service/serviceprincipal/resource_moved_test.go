package serviceprincipal_test

import (
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// A service principal moves from the official provider: nothing is re-created, and the next plan is empty.
func TestMovedFromOfficialProvider(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, acctest.OfficialSource+`resource "databricks_service_principal" "app" {
		application_id   = "`+w.ScoringApp.ClientID+`"
		display_name     = "scoring"
		workspace_access = true
	}`)
	acctest.ServeOfficial(t, cli, w.OfficialServicePrincipal())
	cli.MustRun(t, 0, "apply", "-auto-approve")
	made := member(t, w)
	before := w.Workspace.Snapshot()

	cli.Rewrite(t, entra(w, `display_name = "scoring"`, `entitlements = ["workspace-access"]`)+`moved {
		from = databricks_service_principal.app
		to   = dbxaccess_service_principal.app
	}`)
	w.Tenant.Journal.Reset()
	r := cli.MustRun(t, 0, "apply", "-auto-approve")
	r.MustSay(t, "0 added, 0 changed, 0 destroyed")
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "workspace" && e.Method != "GET" {
			t.Errorf("asked %s %s", e.Method, e.Path)
		}
	}
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	if state := cli.Objects(t); len(state) != 1 || state[address].Attributes["id"] != made.ID {
		t.Errorf("state: %+v", state)
	}
	checkUnchanged(t, w, before)
	// The moved block may be removed.
	cli.Rewrite(t, entra(w, `display_name = "scoring"`, `entitlements = ["workspace-access"]`))
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	cli.MustRun(t, 0, "destroy", "-auto-approve")
	if left := members(w); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
}

// Differences cause an update in place, never a replacement.
func TestMovedAndChanged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, acctest.OfficialSource+`resource "databricks_service_principal" "app" {
		application_id           = "`+w.ScoringApp.ClientID+`"
		display_name             = "scoring"
		workspace_access         = true
		disable_as_user_deletion = true
		provider_config {
			workspace_id = "`+w.Workspace.ID()+`"
		}
	}`)
	acctest.ServeOfficial(t, cli, w.OfficialServicePrincipal())
	cli.MustRun(t, 0, "apply", "-auto-approve")
	made := member(t, w)
	const moved = "moved {\n from = databricks_service_principal.app\n to = dbxaccess_service_principal.app\n}\n"
	// The official provider would have deactivated the principal: that must not silently become a deletion.
	cli.Rewrite(t, entra(w, `entitlements = []`)+moved)
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, `on_destroy = "deactivate" -> "delete"`,
		"0 to add, 1 to change, 0 to destroy")
	cli.Rewrite(t, entra(w, `display_name = "ours"`, `on_destroy = "deactivate"`)+moved)
	cli.MustRun(t, 0, "apply", "-auto-approve")
	if sp := member(t, w); sp.ID != made.ID || sp.DisplayName != "ours" ||
		strings.Join(sp.Entitlements, " ") != "workspace-access" {
		t.Errorf("made %+v, is %+v", made, sp)
	}
}

func TestMovedFromUnsuitableResources(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, acctest.OfficialSource+`resource "databricks_service_principal" "app" {
		application_id = "`+w.ScoringApp.ClientID+`"
		display_name   = "scoring"
		api            = "account"
	}
	resource "terraform_data" "app" {}`)
	acctest.ServeOfficial(t, cli, w.OfficialServicePrincipal())
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.Rewrite(t, entra(w)+"moved {\n from = databricks_service_principal.app\n to = "+
		"dbxaccess_service_principal.app\n}\n")
	cli.MustRun(t, 1, "plan").MustSay(t, "Cannot adopt the service principal", "managed in the account",
		"import the workspace's service principal")
	cli.Rewrite(t, entra(w)+"moved {\n from = terraform_data.app\n to = dbxaccess_service_principal.app\n}\n")
	cli.MustRun(t, 1, "plan").MustSay(t, "terraform_data")
}

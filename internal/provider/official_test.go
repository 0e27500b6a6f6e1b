package provider_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// official returns a folder in which the official provider manages a service principal, the access list of iris and a
// token.
func official(t *testing.T) (w *acctest.World, c *acctest.CLI) {
	t.Helper()
	w = acctest.New(t)
	app := w.ScoringApp.ClientID
	c = w.CLI(t, acctest.OfficialSource+fmt.Sprintf(`
resource "databricks_service_principal" "scoring" {
  application_id   = %q
  display_name     = "iris scoring"
  workspace_access = true
}
resource "databricks_permissions" "iris" {
  serving_endpoint_id = %q
  access_control {
    service_principal_name = databricks_service_principal.scoring.application_id
    permission_level       = "CAN_QUERY"
  }
  access_control {
    user_name        = %q
    permission_level = "CAN_MANAGE"
  }
}
resource "databricks_token" "scoring" {
  comment          = "iris scoring"
  lifetime_seconds = 7776000
  depends_on       = [databricks_permissions.iris]
}`, app, w.EndpointID, w.PersonName))
	acctest.ServeOfficial(t, c, w.OfficialServicePrincipal(), w.OfficialPermissions(), w.OfficialToken(app))
	for name, value := range map[string]string{"scoring_application_id": app, "scoring_client_secret": w.ScoringSecret,
		"deployer_application_id": w.Deployer.ClientID} {
		c.Env["TF_VAR_"+name] = value
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.SetGrant("authorization/tokens", app, "CAN_USE")
	w.Tenant.Journal.Reset()
	return w, c
}

// nothingWritten fails if the workspace was written to or has changed.
func nothingWritten(t *testing.T, w *acctest.World, before any) {
	t.Helper()
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "workspace" && e.Method != "GET" {
			t.Errorf("%s %s: coming over writes nothing", e.Method, e.Path)
		}
	}
	if after := w.Workspace.Snapshot(); !reflect.DeepEqual(before, after) {
		t.Errorf("the workspace was changed:\nbefore %+v\nafter  %+v", before, after)
	}
}

// Follows the guide for people who come from the official provider: first the three resources by moved blocks, then one
// single grant from the whole list, then without the list. No step writes to the workspace, so no grant is missing at
// any moment.
func TestComingFromTheOfficialProvider(t *testing.T) {
	t.Parallel()
	w, c := official(t)
	before := w.Workspace.Snapshot()

	over := example(t, "coming-from-the-databricks-provider/moved/main.tf")
	c.Rewrite(t, over)
	if r := c.MustRun(t, 0, "apply", "-auto-approve"); !strings.Contains(r.Stdout, "0 added, 0 changed, 0 destroyed") {
		t.Error(r.Stdout)
	}
	nothingWritten(t, w, before)
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	for _, address := range c.Managed(t) {
		if strings.HasPrefix(address, "databricks_") {
			t.Errorf("%s is still in the state", address)
		}
	}

	// In one apply the list starts to ignore the principal, and the single grant is created.
	single := example(t, "coming-from-the-databricks-provider/single-grants/main.tf")
	single = strings.Replace(single, `"ada@example.com" = "CAN_MANAGE" }`, `"ada@example.com" = "CAN_MANAGE" }
  service_principals = { (var.deployer_application_id) = "CAN_MANAGE" }`, 1)
	rest := over[strings.Index(over, "resource \"dbxaccess_service_principal\""):strings.Index(over,
		"resource \"dbxaccess_serving_endpoint_permissions_exclusive\"")]
	rest = strings.Split(rest, "moved {")[0]
	token := over[strings.Index(over, "resource \"dbxaccess_service_principal_token\""):]
	const variables = "variable \"deployer_application_id\" {}\nvariable \"scoring_client_secret\" {\n  ephemeral = true\n}\n"
	c.Rewrite(t, single+variables+rest+token)
	if r := c.MustRun(t, 0, "apply", "-auto-approve"); !strings.Contains(r.Stdout, "1 added, 1 changed, 0 destroyed") {
		t.Error(r.Stdout)
	}
	nothingWritten(t, w, before)
	if r := c.MustRun(t, 0, "plan", "-detailed-exitcode"); strings.Contains(r.Stdout, "undo each other") {
		t.Error(r.Stdout)
	}

	// From here on neither resource changes the grants of the other.
	w.Workspace.SetGrant("iris", "users", "CAN_VIEW")
	c.MustRun(t, 0, "apply", "-auto-approve")
	want := map[string]string{w.ScoringApp.ClientID: "CAN_QUERY", w.PersonName: "CAN_MANAGE",
		w.Deployer.ClientID: "CAN_MANAGE"}
	if got := w.Workspace.Grants("iris"); !maps.Equal(got, want) {
		t.Errorf("on the server %v, not %v", got, want)
	}

	// The list is removed from the configuration.
	w.Tenant.Journal.Reset()
	before = w.Workspace.Snapshot()
	given := strings.Replace(example(t, "coming-from-the-databricks-provider/straight-to-single-grants/main.tf"),
		"databricks_permissions.iris", "dbxaccess_serving_endpoint_permissions_exclusive.iris", 1)
	c.Rewrite(t, given+variables+rest+token)
	if r := c.MustRun(t, 0, "apply", "-auto-approve"); !strings.Contains(r.Stdout, "1 added, 0 changed, 0 destroyed") {
		t.Error(r.Stdout)
	}
	if managed := c.Managed(t); slices.Contains(managed, "dbxaccess_serving_endpoint_permissions_exclusive.iris") {
		t.Errorf("the list is still managed: %v", managed)
	}
	nothingWritten(t, w, before)
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if got := w.Workspace.Grants("iris"); !maps.Equal(got, map[string]string{w.Deployer.ClientID: "CAN_MANAGE"}) {
		t.Errorf("left on the server: %v", got)
	}
}

// In one apply, Terraform forgets the official provider's list, and single grants adopt the existing grants.
func TestOfficialListReplacedBySingleGrants(t *testing.T) {
	t.Parallel()
	w, c := official(t)
	before := w.Workspace.Snapshot()
	c.Rewrite(t, example(t, "coming-from-the-databricks-provider/straight-to-single-grants/main.tf")+`
removed {
  from = databricks_token.scoring
  lifecycle {
    destroy = false
  }
}
removed {
  from = databricks_service_principal.scoring
  lifecycle {
    destroy = false
  }
}`)
	if r := c.MustRun(t, 0, "apply", "-auto-approve"); !strings.Contains(r.Stdout, "2 added, 0 changed, 0 destroyed") {
		t.Error(r.Stdout)
	}
	nothingWritten(t, w, before)
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if got := w.Workspace.Grants("iris"); !maps.Equal(got, map[string]string{w.Deployer.ClientID: "CAN_MANAGE"}) {
		t.Errorf("left on the server: %v", got)
	}
}

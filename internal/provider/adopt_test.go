package provider_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Follows the guide for an existing workspace: from queries for what the workspace holds to a configuration that people
// keep. Nothing in the workspace changes on the way, and each later plan is empty.
func TestExistingWorkspace(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	app := w.ScoringApp.ClientID
	w.Workspace.AddServicePrincipal(app, "iris scoring (prod)")
	w.Workspace.SetEntitlements(app, "workspace-access")
	w.Workspace.AddServicePrincipal("6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20", "2nd")
	w.Workspace.SetActive("6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20", false) // stays inactive
	w.Workspace.AddServicePrincipal("6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d21", "2nd")
	w.Workspace.AddGroup(`data "science"`)
	w.Workspace.CreateEndpoint("7-roses", "")
	w.Workspace.CreateFoundationEndpoint("llama")
	for principal, level := range map[string]string{app: "CAN_QUERY", `data "science"`: "CAN_VIEW", "users": "CAN_VIEW",
		"admins": "CAN_QUERY"} {
		w.Workspace.SetGrant("iris", principal, level)
		w.Workspace.SetGrant("7-roses", principal, level)
	}
	before := w.Workspace.Snapshot()

	text, err := os.ReadFile("../../examples/existing-workspace/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	c := w.CLI(t, string(text))
	// The ten imports are three service principals, four grants on iris and three on the roses. The three changes are
	// those of on_destroy, which is in the state only.
	if r := c.MustRun(t, 2, "plan", "-detailed-exitcode"); !strings.Contains(r.Stdout, "10 to import, 0 to add, 3 "+
		"to change, 0 to destroy") ||
		strings.Count(r.Stdout, `"delete" -> "retain"`) != 3 || strings.Count(r.Stdout, " ~ ") != 2*3+1 {
		t.Errorf("the plan does not adopt 10 and retain 3:\n%s", r.Stdout)
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")

	// The configuration that people keep is generated from one import block per object.
	blocks := c.MustRun(t, 0, "output", "-raw", "import_blocks").Stdout
	const header = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"
	kept := w.CLI(t, header)
	imports := filepath.Join(kept.Dir, "imports.tf")
	if err := os.WriteFile(imports, []byte(blocks), 0o600); err != nil {
		t.Fatal(err)
	}
	const all = "10 to import, 0 to add, 0 to change, 0 to destroy"
	if r := kept.MustRun(t, 0, "plan", "-generate-config-out=generated.tf"); !strings.Contains(r.Stdout, all) {
		t.Errorf("the generated configuration does not plan %q:\n%s", all, r.Stdout)
	}
	generated := filepath.Join(kept.Dir, "generated.tf")
	hcl, err := os.ReadFile(generated)
	if err != nil {
		t.Fatal(err)
	}
	edited := string(hcl) // as the guide's sed does
	for _, line := range []string{`.* = null`, ` +(active|endpoint_id) +=.*`} {
		edited = regexp.MustCompile(`(?m)^`+line+`\n`).ReplaceAllString(edited, "")
	}
	edited = regexp.MustCompile(`(?m)^( +on_destroy +=) "delete"`).ReplaceAllString(edited, `$1 "retain"`)
	if err := os.WriteFile(generated, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(imports, []byte(strings.ReplaceAll(blocks, "  provider = dbxaccess\n", "")),
		0o600); err != nil {
		t.Fatal(err)
	}
	kept.MustRun(t, 0, "apply", "-auto-approve")
	retained := 0
	for _, object := range kept.Objects(t) {
		if object.Attributes["on_destroy"] == "retain" {
			retained++
		}
	}
	if retained != 3 {
		t.Errorf("%d of 3 service principals are retained", retained)
	}
	if err := os.Remove(imports); err != nil {
		t.Fatal(err)
	}
	kept.MustRun(t, 0, "plan", "-detailed-exitcode")

	if after := w.Workspace.Snapshot(); !reflect.DeepEqual(before, after) {
		t.Errorf("the workspace was changed:\nbefore %+v\nafter  %+v", before, after)
	}
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "workspace" && e.Method != "GET" {
			t.Errorf("%s %s: taking over writes nothing", e.Method, e.Path)
		}
	}

	// From here on the configuration decides: a grant that somebody adds by hand stays, and a grant that somebody
	// removes is created again.
	w.Workspace.RemoveGrant("iris", app)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_QUERY")
	if r := kept.MustRun(t, 2, "plan", "-detailed-exitcode"); !strings.Contains(r.Stdout,
		"1 to add, 0 to change, 0 to destroy") {
		t.Errorf("a grant that vanished is not the one thing to do:\n%s", r.Stdout)
	}

	// A re-created endpoint gets its grants again, and a deactivated principal stays inactive.
	w.Workspace.SetActive(app, false)
	w.Workspace.DeleteEndpoint("7-roses")
	w.Workspace.CreateEndpoint("7-roses", "")
	kept.MustRun(t, 0, "apply", "-auto-approve")
	kept.MustRun(t, 0, "plan", "-detailed-exitcode")
	if got := w.Workspace.Grants("7-roses"); len(got) != 3 || got[app] != "CAN_QUERY" {
		t.Errorf("on the re-created endpoint: %v", got)
	}
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.ApplicationID == app && p.Active {
			t.Error("the configuration re-activated a principal")
		}
	}
}

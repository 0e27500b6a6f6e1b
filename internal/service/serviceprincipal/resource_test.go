package serviceprincipal_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	tfconfig "github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	address = "dbxaccess_service_principal.app"
	route   = "/ServicePrincipals"
	all     = "/api/2.0/preview/scim/v2/ServicePrincipals"
	one     = all + "/*"
)

// hcl returns a configuration of one service principal with these lines in it.
func hcl(lines ...string) string {
	return "resource \"dbxaccess_service_principal\" \"app\" {\n" + strings.Join(lines, "\n") + "\n}\n"
}

func importBlock(id string) string {
	return "import {\n  to = " + address + "\n  id = \"" + id + "\"\n}\n"
}

// entra returns [hcl] for the scenario's application.
func entra(w *acctest.World, lines ...string) string {
	return hcl(append([]string{`application_id = "` + w.ScoringApp.ClientID + `"`}, lines...)...)
}

// members returns the service principals of the workspace except the deployer's.
func members(w *acctest.World) []emulator.ServicePrincipalState {
	var found []emulator.ServicePrincipalState
	for _, sp := range w.Workspace.Snapshot().ServicePrincipals {
		if sp.ApplicationID != w.Deployer.ClientID {
			found = append(found, sp)
		}
	}
	return found
}

// member returns the only service principal of the workspace beside the deployer's, and fails if there is not exactly
// one.
func member(t *testing.T, w *acctest.World) emulator.ServicePrincipalState {
	t.Helper()
	found := members(w)
	if len(found) != 1 {
		t.Fatalf("the workspace holds %d service principals beside the deployer's, want one: %+v", len(found), found)
	}
	return found[0]
}

// holds returns a check of what the workspace really holds after a step.
func holds(w *acctest.World, name string, active bool, entitlements ...string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		for _, sp := range members(w) {
			if sp.DisplayName == name && sp.Active == active &&
				strings.Join(sp.Entitlements, " ") == strings.Join(entitlements, " ") {
				return nil
			}
		}
		return fmt.Errorf("the workspace holds %+v", members(w))
	}
}

func has(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), check)
}

func checkUnchanged(t *testing.T, w *acctest.World, before emulator.Snapshot) {
	t.Helper()
	if after := w.Workspace.Snapshot(); !reflect.DeepEqual(after, before) {
		t.Errorf("the workspace is not as before:\n%+v\n%+v", before, after)
	}
}

func TestBasicEntraManaged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	before := w.Workspace.Snapshot()
	id := w.ScoringApp.ClientID
	config := entra(w, `display_name = "scoring"`)
	var scimID string
	w.TestCLI(t,
		resource.TestStep{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				has("id", knownvalue.StringRegexp(regexp.MustCompile(`^\d+$`))),
				has("application_id", knownvalue.StringExact(id)),
				has("display_name", knownvalue.StringExact("scoring")),
				has("active", knownvalue.Bool(true)),
				has("entitlements", knownvalue.SetExact(nil)),
				has("adopt_existing", knownvalue.Bool(false)),
				has("on_destroy", knownvalue.StringExact("delete")),
				has("external_id", knownvalue.Null()),
				has("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
			},
			Check: func(*terraform.State) error {
				sp := member(t, w)
				if sp.ApplicationID != id || sp.DisplayName != "scoring" || !sp.Active {
					t.Errorf("the workspace holds %+v", sp)
				}
				return nil
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: id},
	)
	checkUnchanged(t, w, before)
	w.Test(t,
		resource.TestStep{Config: strings.ReplaceAll(config, id, strings.ToUpper(id)), Check: func(*terraform.State) error {
			scimID = member(t, w).ID
			return nil
		}},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true,
			ImportStateId: strings.ToUpper(id),
			ImportStateCheck: func(states []*terraform.InstanceState) error {
				if len(states) != 1 || states[0].ID != scimID {
					t.Errorf("import made %v, want SCIM id %s", states, scimID)
				}
				return nil
			}},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true}, // imports by SCIM id
	)
	checkUnchanged(t, w, before)
}

func TestBasicDatabricksManaged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	before := w.Workspace.Snapshot()
	config := hcl(`display_name = "batch \"é\" job"`)
	w.Test(t,
		resource.TestStep{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				has("application_id", knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f-]{36}$`))),
				has("display_name", knownvalue.StringExact(`batch "é" job`)),
				has("active", knownvalue.Bool(true)),
			},
			Check: holds(w, `batch "é" job`, true),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true,
			ImportStateIdFunc: func(s *terraform.State) (string, error) {
				return s.RootModule().Resources[address].Primary.Attributes["application_id"], nil
			}},
	)
	checkUnchanged(t, w, before)
}

// If the configuration sets no name, the server chooses it, and a rename elsewhere is no drift.
func TestNameNotManaged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t,
		resource.TestStep{Config: entra(w), ConfigStateChecks: []statecheck.StateCheck{has("display_name",
			knownvalue.StringExact(w.ScoringApp.ClientID))}},
		resource.TestStep{
			PreConfig:         func() { w.Workspace.SetDisplayName(w.ScoringApp.ClientID, "by hand") },
			Config:            entra(w),
			ConfigPlanChecks:  acctest.NoChange(),
			ConfigStateChecks: []statecheck.StateCheck{has("display_name", knownvalue.StringExact("by hand"))},
		},
	)
}

// Plans and applies the example of the documentation.
func TestExample(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	before := w.Workspace.Snapshot()
	text, err := os.ReadFile("../../../examples/resources/dbxaccess_service_principal/resource.tf")
	if err != nil {
		t.Fatal(err)
	}
	w.Test(t, resource.TestStep{
		Config:          string(text),
		ConfigVariables: tfconfig.Variables{"application_id": tfconfig.StringVariable(w.ScoringApp.ClientID)},
		Check: func(*terraform.State) error {
			if got := members(w); len(got) != 2 {
				t.Errorf("the workspace holds %+v", got)
			}
			return nil
		},
	})
	checkUnchanged(t, w, before)
}

func TestImport(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	id := w.ScoringApp.ClientID
	scimID := w.Workspace.AddServicePrincipal(id, "scoring")
	w.Workspace.SetEntitlements(id, "workspace-access")
	written := entra(w, `display_name = "scoring"`, `entitlements = ["workspace-access"]`, `adopt_existing = true`,
		`on_destroy = "retain"`)
	w.Test(t,
		resource.TestStep{
			Config:           entra(w) + importBlock(strings.ToUpper(id)),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionNoop),
			ConfigStateChecks: []statecheck.StateCheck{has("id", knownvalue.StringExact(scimID)),
				has("application_id", knownvalue.StringExact(id))},
		},
		resource.TestStep{Config: entra(w), ConfigPlanChecks: acctest.NoChange()},
		// An application id in upper case is no change against the state.
		resource.TestStep{Config: hcl(`application_id = "` + strings.ToUpper(id) + `"`),
			ConfigPlanChecks: acctest.NoChange()},
		resource.TestStep{
			// Attributes that only the configuration knows cause one update in place, which sends no request apart from
			// the refreshes.
			PreConfig:        w.Tenant.Journal.Reset,
			Config:           written,
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			Check: func(*terraform.State) error {
				for _, e := range w.Tenant.Journal.Entries() {
					if e.Service == "workspace" && (e.Method != "GET" || e.Path != all+"/"+scimID) {
						t.Errorf("the update asked %s %s", e.Method, e.Path)
					}
				}
				return nil
			},
		},
		resource.TestStep{Config: written, ConfigPlanChecks: acctest.NoChange()},
	)
	if sp := member(t, w); sp.ID != scimID || !sp.Active {
		t.Errorf("on_destroy = retain left %+v", sp)
	}
}

// The configuration that Terraform generates for an import changes nothing.
func TestGeneratedConfiguration(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, `scoring "é"`)
	w.Workspace.SetEntitlements(w.ScoringApp.ClientID, "workspace-access", "allow-cluster-create")
	before := w.Workspace.Snapshot()
	cli := w.CLI(t, importBlock(w.ScoringApp.ClientID))
	cli.MustRun(t, 0, "plan", "-generate-config-out=generated.tf")
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "1 imported, 0 added, 0 changed, 0 destroyed")
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	checkUnchanged(t, w, before)
}

package serviceprincipal_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// another adds the scenario's application to the workspace as somebody else would, with a group and an entitlement.
func another(w *acctest.World) (scimID string) {
	scimID = w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "by hand")
	w.Workspace.SetEntitlements(w.ScoringApp.ClientID, "workspace-access")
	w.Workspace.AddGroup("scorers")
	w.Workspace.AddToGroup("scorers", w.ScoringApp.ClientID)
	return scimID
}

func TestExistingPrincipalIsNotAdopted(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	another(w)
	before := w.Workspace.Snapshot()
	w.Test(t, resource.TestStep{
		Config: entra(w, `display_name = "ours"`),
		ExpectError: regexp.MustCompile(`(?s)Cannot create service principal.*` + w.ScoringApp.ClientID +
			`.*already\s+in\s+this\s+workspace.*` +
			`terraform\s+import\s+<address>\s+` + w.ScoringApp.ClientID + `.*adopt_existing\s+=\s+true`),
	})
	checkUnchanged(t, w, before)
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "workspace" && e.Method != "GET" {
			t.Errorf("asked %s %s", e.Method, e.Path)
		}
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	for onDestroy, test := range map[string]struct{ stays, active bool }{
		"delete":     {false, false},
		"deactivate": {true, false},
		"retain":     {true, true},
	} {
		t.Run(onDestroy, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			scimID := another(w)
			config := entra(w, `display_name = "ours"`, `adopt_existing = true`, `on_destroy = "`+onDestroy+`"`)
			w.Test(t,
				resource.TestStep{
					Config:            config,
					ConfigPlanChecks:  acctest.Planned(address, plancheck.ResourceActionCreate),
					Check:             holds(w, "ours", true, "workspace-access"),
					ConfigStateChecks: []statecheck.StateCheck{has("id", knownvalue.StringExact(scimID))},
				},
				resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
			)
			if posts := w.Count("workspace", "POST", route); posts != 0 {
				t.Errorf("%d POST for one that was there", posts)
			}
			if !test.stays {
				if left := members(w); len(left) != 0 {
					t.Errorf("left: %+v", left)
				}
				return
			}
			if sp := member(t, w); sp.ID != scimID || sp.Active != test.active || sp.DisplayName != "ours" {
				t.Errorf("destroying left %+v", sp)
			}
			for _, g := range w.Workspace.Snapshot().Groups {
				if g.Name == "scorers" && !slices.Contains(g.Members, w.ScoringApp.ClientID) {
					t.Error("it lost its group")
				}
			}
		})
	}
}

func TestAdoptWithoutExistingPrincipal(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t, resource.TestStep{
		Config: entra(w, `display_name = "ours"`, `adopt_existing = true`, `on_destroy = "retain"`),
		Check:  holds(w, "ours", true),
	})
	if sp := member(t, w); !sp.Active {
		t.Errorf("retain left %+v", sp)
	}
}

// Adopting reactivates the principal or removes an entitlement only if the configuration says so.
func TestAdoptLeavesWhatIsNotManaged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	another(w)
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	config := entra(w, `adopt_existing = true`, `on_destroy = "retain"`)
	w.Test(t,
		resource.TestStep{Config: config, Check: holds(w, "by hand", false, "workspace-access")},
		resource.TestStep{
			Config: entra(w, `adopt_existing = true`, `on_destroy = "retain"`, `active = true`, `entitlements = []`),
			Check:  holds(w, "by hand", true),
		},
	)
	if patches := w.Count("workspace", "PATCH", route); patches != 1 {
		t.Errorf("%d PATCH, want the one of the second step", patches)
	}
}

// A principal that could not be changed is not adopted: it would be tainted in the state, and the next apply would
// delete it.
func TestAdoptedPrincipalCannotBeChanged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	scimID := another(w)
	config := entra(w, `display_name = "ours"`, `adopt_existing = true`, `on_destroy = "delete"`)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: one, Status: 500,
		Message: "broken"})
	w.Test(t,
		resource.TestStep{Config: config, ExpectError: regexp.MustCompile(`(?s)Cannot rename service principal.*500`)},
		resource.TestStep{
			Config:            config,
			ConfigPlanChecks:  acctest.Planned(address, plancheck.ResourceActionCreate),
			ConfigStateChecks: []statecheck.StateCheck{has("id", knownvalue.StringExact(scimID))},
			Check: func(*terraform.State) error {
				if deletes := w.Count("workspace", "DELETE", route); deletes != 0 {
					t.Errorf("%d DELETE of what others made", deletes)
				}
				return nil
			},
		},
	)
}

// A destroy reads on_destroy from the state, so a change of it must be applied first. That apply sends no write.
func TestOnDestroyChange(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t,
		resource.TestStep{Config: entra(w)},
		resource.TestStep{Config: entra(w, `on_destroy = "deactivate"`), ConfigPlanChecks: acctest.Planned(address,
			plancheck.ResourceActionUpdate), Check: func(*terraform.State) error {
			if patches := w.Count("workspace", "PATCH", ""); patches != 0 {
				t.Errorf("%d PATCH for what only the state keeps", patches)
			}
			return nil
		}},
	)
	if sp := member(t, w); sp.Active {
		t.Errorf("deactivate left %+v", sp)
	}
}

func TestDestroyDeletedPrincipal(t *testing.T) {
	t.Parallel()
	for _, onDestroy := range []string{"delete", "deactivate"} {
		t.Run(onDestroy, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			cli := w.Commands(t, entra(w, `on_destroy = "`+onDestroy+`"`))
			cli.MustRun(t, 0, "apply", "-auto-approve")
			w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)
			cli.MustRun(t, 0, "destroy", "-auto-approve", "-refresh=false")
		})
	}
}

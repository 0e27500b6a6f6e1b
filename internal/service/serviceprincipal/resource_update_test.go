package serviceprincipal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func TestRenameTouchesNothingElse(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddGroup("scorers")
	id := w.ScoringApp.ClientID
	var scimID string
	w.Test(t,
		resource.TestStep{Config: entra(w, `display_name = "old"`), Check: func(*terraform.State) error {
			scimID = member(t, w).ID
			w.Workspace.AddToGroup("scorers", id)
			w.Workspace.SetEntitlements(id, "workspace-access")
			return nil
		}},
		resource.TestStep{
			Config:           entra(w, `display_name = "new"`),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			Check:            holds(w, "new", true, "workspace-access"),
		},
		resource.TestStep{Config: entra(w, `display_name = "new"`), ConfigPlanChecks: acctest.NoChange(),
			Check: func(*terraform.State) error {
				if sp := member(t, w); sp.ID != scimID {
					t.Errorf("another principal: %s, not %s", sp.ID, scimID)
				}
				for _, g := range w.Workspace.Snapshot().Groups {
					if g.Name == "scorers" && !slices.Contains(g.Members, id) {
						t.Error("the update took it out of its group")
					}
				}
				if puts := w.Count("workspace", "PUT", ""); puts != 0 {
					t.Errorf("%d PUT, which replaces everything; want PATCH only", puts)
				}
				if patches := w.Count("workspace", "PATCH", route); patches != 1 {
					t.Errorf("%d PATCH, want 1", patches)
				}
				return nil
			}},
	)
}

func TestReplaceByAnotherApplication(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	another := uuid.NewString()
	w.Test(t,
		resource.TestStep{Config: entra(w, `display_name = "scoring"`)},
		resource.TestStep{
			Config:           hcl(`application_id = "`+another+`"`, `display_name = "scoring"`),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check: func(*terraform.State) error {
				if sp := member(t, w); sp.ApplicationID != another {
					t.Errorf("the workspace holds %+v", sp)
				}
				return nil
			},
		},
	)
}

func TestCaseOfApplicationID(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	upper := strings.ToUpper(w.ScoringApp.ClientID)
	w.Test(t,
		resource.TestStep{Config: entra(w)},
		resource.TestStep{Config: hcl(`application_id = "` + upper + `"`), ConfigPlanChecks: acctest.NoChange()},
		resource.TestStep{
			Config:           hcl(`application_id = "`+upper+`"`, `display_name = "renamed"`),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{has("application_id",
				knownvalue.StringExact(w.ScoringApp.ClientID))},
			Check: holds(w, "renamed", true),
		},
		// Removing the attribute from the configuration changes nothing.
		resource.TestStep{Config: hcl(`display_name = "renamed"`), ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestCreateWithUpperCaseApplicationID(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	upper := strings.ToUpper(w.ScoringApp.ClientID)
	w.Test(t,
		resource.TestStep{Config: hcl(`application_id = "` + upper + `"`)},
		resource.TestStep{Config: entra(w), ConfigPlanChecks: acctest.NoChange(),
			ConfigStateChecks: []statecheck.StateCheck{has("application_id", knownvalue.StringExact(upper))}},
	)
}

func TestActive(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	id := w.ScoringApp.ClientID
	deactivate := func() { w.Workspace.SetActive(id, false) }
	unmanaged, on, off := entra(w, `display_name = "a"`), entra(w, `display_name = "a"`, `active = true`), entra(w,
		`display_name = "a"`, `active = false`)
	w.Test(t,
		resource.TestStep{Config: unmanaged, Check: holds(w, "a", true)},
		// Neither a plan nor an update of another attribute undoes a deactivation by somebody else.
		resource.TestStep{PreConfig: deactivate, Config: unmanaged, ConfigPlanChecks: acctest.NoChange(),
			ConfigStateChecks: []statecheck.StateCheck{has("active", knownvalue.Bool(false))}},
		resource.TestStep{Config: entra(w, `display_name = "b"`), Check: holds(w, "b", false)},
		resource.TestStep{Config: unmanaged, Check: holds(w, "a", false)},
		// Only an explicit true reactivates, and it always does.
		resource.TestStep{Config: on, ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			Check: holds(w, "a", true)},
		resource.TestStep{PreConfig: deactivate, Config: on, ConfigPlanChecks: acctest.Planned(address,
			plancheck.ResourceActionUpdate), Check: holds(w, "a", true)},
		resource.TestStep{Config: off, ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			Check: holds(w, "a", false)},
		resource.TestStep{PreConfig: func() { w.Workspace.SetActive(id, true) }, Config: off,
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate), Check: holds(w, "a", false)},
		// Removing the attribute from the configuration leaves its value.
		resource.TestStep{Config: unmanaged, ConfigPlanChecks: acctest.NoChange(), Check: holds(w, "a", false)},
	)
}

func TestCreateInactive(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t, resource.TestStep{
		Config: entra(w, `display_name = "a"`, `active = false`),
		Check:  holds(w, "a", false),
	})
	if patches := w.Count("workspace", "PATCH", route); patches != 0 {
		t.Errorf("%d PATCH: it was active for a moment", patches)
	}
}

func TestEntitlements(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	id := w.ScoringApp.ClientID
	set := func(entitlements ...string) func() {
		return func() { w.Workspace.SetEntitlements(id, entitlements...) }
	}
	update := acctest.Planned(address, plancheck.ResourceActionUpdate)
	one, none, unmanaged := entra(w, `display_name = "a"`, `entitlements = ["workspace-access"]`), entra(w,
		`display_name = "a"`, `entitlements = []`), entra(w, `display_name = "a"`)
	stored := func(entitlements ...string) []statecheck.StateCheck {
		var values []knownvalue.Check
		for _, e := range entitlements {
			values = append(values, knownvalue.StringExact(e))
		}
		return []statecheck.StateCheck{has("entitlements", knownvalue.SetExact(values))}
	}
	w.Test(t,
		resource.TestStep{Config: one, Check: holds(w, "a", true, "workspace-access"),
			ConfigStateChecks: stored("workspace-access")},
		// Others add and remove entitlements.
		resource.TestStep{PreConfig: set("workspace-access", "allow-cluster-create"), Config: one,
			ConfigPlanChecks: update, Check: holds(w, "a", true, "workspace-access")},
		resource.TestStep{PreConfig: set(), Config: one, ConfigPlanChecks: update,
			Check: holds(w, "a", true, "workspace-access")},
		// The configuration sets more entitlements, then none.
		resource.TestStep{
			Config: entra(w, `display_name = "a"`,
				`entitlements = ["databricks-sql-access", "allow-cluster-create"]`),
			ConfigPlanChecks: update,
			Check:            holds(w, "a", true, "allow-cluster-create", "databricks-sql-access"),
		},
		resource.TestStep{Config: none, ConfigPlanChecks: update, Check: holds(w, "a", true),
			ConfigStateChecks: stored()},
		resource.TestStep{PreConfig: set("allow-cluster-create"), Config: none, ConfigPlanChecks: update,
			Check: holds(w, "a", true)},
		// Entitlements that are not managed show in the state, and are no drift.
		resource.TestStep{Config: unmanaged, ConfigPlanChecks: acctest.NoChange()},
		resource.TestStep{PreConfig: set("workspace-consume"), Config: unmanaged, ConfigPlanChecks: acctest.NoChange(),
			ConfigStateChecks: stored("workspace-consume")},
		resource.TestStep{Config: entra(w, `display_name = "b"`), ConfigPlanChecks: update,
			Check: holds(w, "b", true, "workspace-consume")},
	)
}

func TestCreateWithoutEntitlements(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	config := entra(w, `display_name = "a"`, `entitlements = []`)
	w.Test(t,
		resource.TestStep{Config: config, Check: holds(w, "a", true)},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
	)
}

// A change in the workspace after the plan must not make the provider produce an inconsistent result: the next refresh
// shows the change.
func TestWorkspaceChangesBetweenPlanAndUpdate(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.Commands(t, entra(w, `display_name = "a"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	w.Workspace.SetEntitlements(w.ScoringApp.ClientID, "workspace-access")

	cli.Rewrite(t, entra(w, `display_name = "b"`))
	cli.MustRun(t, 0, "apply", "-auto-approve", "-refresh=false")
	if err := holds(w, "b", false, "workspace-access")(nil); err != nil {
		t.Error(err)
	}
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
}

func TestRequestCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config func(*acctest.World, string) string
		create []string
	}{
		"Entra": {
			func(w *acctest.World, name string) string { return entra(w, `display_name = "`+name+`"`) },
			[]string{"GET " + all, "POST " + all},
		},
		"Databricks": {
			func(_ *acctest.World, name string) string { return hcl(`display_name = "` + name + `"`) },
			[]string{"GET " + all, "POST " + all},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			cli := w.Commands(t, test.config(w, "a"))
			// This request finds out the workspace before a write to an object of a known workspace.
			const whose = "GET /api/2.0/preview/scim/v2/Me"
			var scimID string
			step := func(operation string, want []string, args ...string) {
				t.Helper()
				w.Tenant.Journal.Reset()
				cli.MustRun(t, 0, args...)
				if found := members(w); len(found) == 1 {
					scimID = found[0].ID
				}
				var got []string
				for _, e := range w.Tenant.Journal.Entries() {
					if e.Service == "workspace" {
						got = append(got, strings.Replace(e.Method+" "+e.Path, all+"/"+scimID, all+"/ID", 1))
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s asks %q, want %q", operation, got, want)
				}
			}
			step("create", test.create, "apply", "-auto-approve")
			step("refresh", []string{"GET " + all + "/ID"}, "plan", "-detailed-exitcode")
			cli.Rewrite(t, test.config(w, "b"))
			step("update", []string{whose, "PATCH " + all + "/ID", "GET " + all + "/ID"}, "apply", "-auto-approve",
				"-refresh=false")
			step("delete", []string{whose, "DELETE " + all + "/ID", "GET " + all + "/ID"}, "destroy", "-auto-approve",
				"-refresh=false")
			if found := members(w); len(found) != 0 {
				t.Errorf("left behind: %+v", found)
			}
		})
	}
}

package serviceprincipal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// grown creates a service principal to which others have added a group, an entitlement and an external id.
func grown(t *testing.T, w *acctest.World) (*acctest.Protocol, acctest.Object, map[string]any) {
	t.Helper()
	p := w.Protocol(t)
	config := map[string]any{"application_id": w.ScoringApp.ClientID, "display_name": "old"}
	o := p.MustApply(t, typeName, acctest.Object{}, config)
	w.Workspace.AddGroup("scorers")
	w.Workspace.AddToGroup("scorers", w.ScoringApp.ClientID)
	w.Workspace.SetEntitlements(w.ScoringApp.ClientID, "workspace-access")
	w.Workspace.SetExternalID(w.ScoringApp.ClientID, "11111111-2222-3333-4444-555555555555")
	return p, nextRun(t, w, o), config
}

// nextRun refreshes in a process of its own, which has no cached reads of an earlier one.
func nextRun(t *testing.T, w *acctest.World, o acctest.Object) acctest.Object {
	t.Helper()
	return w.Protocol(t).MustRefresh(t, typeName, o)
}

// wantKept demands that the principal still has what others have added.
func wantKept(t *testing.T, w *acctest.World, o acctest.Object) {
	t.Helper()
	sp := member(t, w)
	if !sp.Active || strings.Join(sp.Entitlements, " ") != "workspace-access" {
		t.Errorf("the workspace holds %+v", sp)
	}
	for _, g := range w.Workspace.Snapshot().Groups {
		if g.Name == "scorers" && !slices.Contains(g.Members, w.ScoringApp.ClientID) {
			t.Error("the rename took it out of its group")
		}
	}
	if id := nextRun(t, w, o).State["external_id"]; id != "11111111-2222-3333-4444-555555555555" {
		t.Errorf("external id %v", id)
	}
}

// writes returns the methods of the writes to service principals since the journal was reset, in order.
func writes(w *acctest.World) string {
	var methods []string
	for _, e := range w.Tenant.Journal.Entries() {
		if strings.Contains(e.Route, route) && e.Method != "GET" {
			methods = append(methods, e.Method)
		}
	}
	return strings.Join(methods, " ")
}

// endSCIMLag advances the clock once the service principal was replaced by PUT, so that nothing waits for a name that
// never comes.
func endSCIMLag(w *acctest.World) {
	go acctest.When(func() bool {
		return w.Count("workspace", "PUT", route) > 0
	}, func() { w.Tenant.Clock.Advance(2 * time.Minute) })
}

// A PATCH without effect is followed by a PUT, which leaves everything else as it was.
func TestRenameByPut(t *testing.T) {
	t.Parallel()
	for _, answer := range []emulator.RenameAnswer{emulator.RenameRefused, emulator.RenameIgnored} {
		t.Run(string(answer), func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			p, o, config := grown(t, w)
			w.Workspace.SetSwitches(emulator.WorkspaceSwitches{RenameByPatch: answer})
			w.Tenant.Journal.Reset()
			config["display_name"] = "new"
			o = p.MustApply(t, typeName, o, config)
			if o.Warnings != "" {
				t.Errorf("it warns: %s", o.Warnings)
			}
			if got := writes(w); got != "PATCH PUT" {
				t.Errorf("wrote %q", got)
			}
			if sp := member(t, w); sp.DisplayName != "new" {
				t.Errorf("the workspace holds %+v", sp)
			}
			wantKept(t, w, o)
		})
	}
}

// If a workspace does not apply a name, the provider warns once. The state keeps the configured name, later plans are
// empty, and nothing else waits for the name.
func TestRenameThatTheWorkspaceDoesNotApply(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]emulator.WorkspaceSwitches{
		"refused":              {RenameByPatch: emulator.RenameRefused, RenameByPut: emulator.RenameRefused},
		"ignored":              {RenameByPatch: emulator.RenameIgnored, RenameByPut: emulator.RenameIgnored},
		"refused then ignored": {RenameByPatch: emulator.RenameRefused, RenameByPut: emulator.RenameIgnored},
		"ignored then refused": {RenameByPatch: emulator.RenameIgnored, RenameByPut: emulator.RenameRefused, SCIMWritesAnswerNothing: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			p, o, config := grown(t, w)
			w.Workspace.SetSwitches(s)
			endSCIMLag(w)
			config["display_name"] = "new"
			o = p.MustApply(t, typeName, o, config)
			if !strings.Contains(o.Warnings, "Service principal keeps its name") ||
				!strings.Contains(o.Warnings, `"old"`) || !strings.Contains(o.Warnings, `"new"`) {
				t.Errorf("it warns: %s", o.Warnings)
			}
			wantKept(t, w, o)

			// The next two plans are empty.
			for range 2 {
				o = nextRun(t, w, o)
				plan := p.MustPlan(t, typeName, o, config)
				if len(plan.Changed) > 0 || o.Warnings+plan.Warnings != "" || o.State["display_name"] != "new" {
					t.Fatalf("it plans %v, state says %v, and warns: %s%s", plan.Changed, o.State["display_name"],
						o.Warnings, plan.Warnings)
				}
			}

			// Another attribute is changed without a further warning about the name.
			w.Tenant.Journal.Reset()
			config["entitlements"], config["active"] = []any{"databricks-sql-access"}, false
			o = p.MustApply(t, typeName, o, config)
			if sp := member(t, w); sp.Active || strings.Join(sp.Entitlements, " ") != "databricks-sql-access" ||
				sp.DisplayName != "old" {
				t.Errorf("the workspace holds %+v", sp)
			}
			if got := writes(w); got != "PATCH" || o.Warnings != "" {
				t.Errorf("wrote %q and warns: %s", got, o.Warnings)
			}
			if plan := p.MustPlan(t, typeName, nextRun(t, w, o), config); len(plan.Changed) > 0 {
				t.Errorf("it plans %v", plan.Changed)
			}
		})
	}
}

// withUnappliedRename creates a service principal whose name is "old" in the workspace and "new" in the state.
func withUnappliedRename(t *testing.T, w *acctest.World) (*acctest.Protocol, acctest.Object, map[string]any) {
	t.Helper()
	p, o, config := grown(t, w)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{RenameByPatch: emulator.RenameRefused,
		RenameByPut: emulator.RenameRefused})
	config["display_name"] = "new"
	return p, nextRun(t, w, p.MustApply(t, typeName, o, config)), config
}

// If somebody renames the principal elsewhere, that is drift, and the next apply tries the rename again.
func TestUnappliedRenameThenRenamedByOthers(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p, o, config := withUnappliedRename(t, w)
	w.Workspace.SetDisplayName(w.ScoringApp.ClientID, "third")
	o = nextRun(t, w, o)
	if plan := p.MustPlan(t, typeName, o, config); o.State["display_name"] != "third" ||
		!slices.Equal(plan.Changed, []string{"display_name"}) {
		t.Fatalf("state says %v, it plans %v", o.State["display_name"], plan.Changed)
	}
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{})
	o = p.MustApply(t, typeName, o, config)
	if sp := member(t, w); sp.DisplayName != "new" {
		t.Errorf("the workspace holds %+v", sp)
	}
	// From here on the old name is ordinary drift.
	w.Workspace.SetDisplayName(w.ScoringApp.ClientID, "old")
	if o = nextRun(t, w, o); o.State["display_name"] != "old" {
		t.Errorf("state says %v", o.State["display_name"])
	}
}

// If somebody gives the principal the configured name in Entra ID, there is nothing to change and nothing to remember.
func TestUnappliedRenameThenAppliedByOthers(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p, o, config := withUnappliedRename(t, w)
	w.Workspace.SetDisplayName(w.ScoringApp.ClientID, "new")
	o = nextRun(t, w, o)
	if plan := p.MustPlan(t, typeName, o, config); len(plan.Changed) > 0 {
		t.Errorf("it plans %v", plan.Changed)
	}
	w.Workspace.SetDisplayName(w.ScoringApp.ClientID, "old")
	if o = nextRun(t, w, o); o.State["display_name"] != "old" {
		t.Errorf("state says %v", o.State["display_name"])
	}
}

// The configuration is changed to the workspace's name, to another name, or to no name.
func TestUnappliedRenameThenConfigurationChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		written any
		writes  string // writes of the apply
		warns   bool
	}{
		"the real one": {"old", "", false},
		"another":      {"third", "PATCH PUT", true},
		"none":         {nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			p, o, config := withUnappliedRename(t, w)
			config["display_name"] = c.written
			if plan := p.MustPlan(t, typeName, o, config); !slices.Equal(plan.Changed, []string{"display_name"}) {
				t.Fatalf("it plans %v", plan.Changed)
			}
			w.Tenant.Journal.Reset()
			o = p.MustApply(t, typeName, o, config)
			if got := writes(w); got != c.writes || (o.Warnings != "") != c.warns {
				t.Errorf("wrote %q and warns: %s", got, o.Warnings)
			}
			o = nextRun(t, w, o)
			if plan := p.MustPlan(t, typeName, o, config); len(plan.Changed) > 0 {
				t.Errorf("then it plans %v", plan.Changed)
			}
			if want := c.written; want == nil && o.State["display_name"] != "old" || want != nil &&
				o.State["display_name"] != want {
				t.Errorf("state says %v", o.State["display_name"])
			}
		})
	}
}

// If the caller may not change service principals, the error says so. It does not say that the workspace refuses the
// name.
func TestRenameDenied(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p, o, config := grown(t, w)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	config["display_name"] = "new"
	if _, errors := p.Apply(t, typeName, o, config); !strings.Contains(errors, "Cannot rename service principal") ||
		!strings.Contains(errors, "workspace admin") {
		t.Errorf("it says: %s", errors)
	}
}

// The account has the principal under another name, which the workspace does not change.
func TestCreatedUnderTheNameOfTheAccount(t *testing.T) {
	t.Parallel()
	for _, adopt := range []bool{false, true} {
		t.Run(fmt.Sprintf("adopt %t", adopt), func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Workspace.SetSwitches(emulator.WorkspaceSwitches{RenameByPatch: emulator.RenameRefused,
				RenameByPut: emulator.RenameRefused, IdentityFederation: true})
			if adopt {
				w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "of the account")
			} else {
				w.Workspace.AddToAccount(w.ScoringApp.ClientID, "of the account")
			}
			w.Test(t,
				resource.TestStep{
					Config: entra(w, `display_name = "mine"`, `entitlements = ["workspace-access"]`,
						fmt.Sprintf("adopt_existing = %t", adopt), `on_destroy = "delete"`),
					ConfigStateChecks: []statecheck.StateCheck{has("display_name", knownvalue.StringExact("mine"))},
					Check:             holds(w, "of the account", true, "workspace-access"),
				},
				resource.TestStep{
					Config: entra(w, `display_name = "mine"`, `entitlements = []`,
						fmt.Sprintf("adopt_existing = %t", adopt), `on_destroy = "delete"`),
					ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
					Check:            holds(w, "of the account", true),
				},
			)
		})
	}
}

package serviceprincipal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestGone(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	config := entra(w, `display_name = "a"`)
	w.Test(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Clock.Advance(2 * time.Minute)
				w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)
			},
			Config:           config,
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate),
			Check:            holds(w, "a", true),
		},
	)
}

// The warnings distinguish a removed principal from a deactivated one.
func TestGoneAndDeactivated(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.Commands(t, entra(w, `display_name = "a"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Clock.Advance(2 * time.Minute)
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	cli.MustRun(t, 0, "plan", "-detailed-exitcode").MustSay(t, "Warning: Service principal was deactivated: "+
		"service principal "+w.ScoringApp.ClientID+" (a)", "To reactivate it, set active = true")
	w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "Warning: Service principal is gone from the "+
		"workspace: service principal "+w.ScoringApp.ClientID+" (a)", "removed, not only deactivated",
		"will be created")
}

// For a while SCIM does not show a new principal: that does not mean that it was removed. The next run waits until SCIM
// shows it, and logs that.
func TestStaleReadAfterCreate(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMStaleFor: 30 * time.Second})
	cli := w.CLI(t, entra(w, `display_name = "a"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.Env["TF_LOG"] = "info"
	go acctest.When(func() bool {
		return w.Count("workspace", "GET", route+"/{id}") >= 2
	}, func() { w.Tenant.Clock.Advance(31 * time.Second) })
	cli.MustRun(t, 0, "plan", "-detailed-exitcode").MustSay(t, "waiting: the workspace still shows the old values "+
		"after a change", w.ScoringApp.ClientID)
	// Long after the creation, a single read decides.
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{})
	w.Tenant.Clock.Advance(time.Hour / 2)
	w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)
	w.Tenant.Journal.Reset()
	cli.MustRun(t, 2, "plan", "-detailed-exitcode")
	if n := w.Count("workspace", "GET", route+"/{id}"); n != 1 {
		t.Errorf("%d looks for one that is gone", n)
	}
}

// A principal that is re-created in one apply is not mistaken for somebody else's because SCIM still shows the old one.
func TestReplaceAndStaleList(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, entra(w, `display_name = "a"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	old := member(t, w)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMStaleFor: 30 * time.Second})
	w.Tenant.Clock.Advance(2 * time.Minute)
	cli.MustRun(t, 0, "apply", "-auto-approve", "-replace="+address)
	if sp := member(t, w); sp.ID == old.ID {
		t.Errorf("it is still the old one: %+v", sp)
	}
}

// The Databricks account may still have a principal that was removed from the workspace. Adding the principal brings
// back the account's one with its attributes, and the apply changes them to match the configuration.
func TestRemovedPrincipalStillInTheAccount(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{IdentityFederation: true})
	scimID := w.Workspace.AddToAccount(w.ScoringApp.ClientID, "as the account calls it")
	config := entra(w, `display_name = "ours"`, `entitlements = ["workspace-access"]`)
	w.Test(t,
		resource.TestStep{Config: config, Check: holds(w, "ours", true, "workspace-access"),
			ConfigStateChecks: []statecheck.StateCheck{has("id", knownvalue.StringExact(scimID))}},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: one, Status: 500,
					Message: "broken"})
			},
			Config: config, Taint: []string{address},
			// The account has the configured name by now, so nothing has to be changed, and the last step meets the
			// fault below.
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check:            holds(w, "ours", true, "workspace-access"),
		},
		resource.TestStep{Config: entra(w, `display_name = "b"`), ExpectError: regexp.MustCompile("broken")},
	)
	w.Workspace.AddToAccount(w.ScoringApp.ClientID, "renamed there")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: one, Status: 500,
		Message: "broken again"})
	cli := w.Commands(t, config)
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "Warning: Service principal was created, but some "+
		"attributes differ: service principal "+w.ScoringApp.ClientID+" (ours)", "broken again")
	if cli.Objects(t)[address].Tainted {
		t.Error("what was made is tainted")
	}
	cli.MustRun(t, 2, "plan", "-detailed-exitcode")
	cli.MustRun(t, 0, "apply", "-auto-approve")
	if err := holds(w, "ours", true, "workspace-access")(nil); err != nil {
		t.Error(err)
	}
}

// An HTML page in place of an answer does not mean that the principal was removed: the state must survive a broken
// proxy.
func TestHTMLPageDoesNotProveDeletion(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	config := entra(w)
	w.Test(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: one, Status: 404,
					HTML: true, Message: "no route"})
			},
			Config:      config,
			ExpectError: regexp.MustCompile(`(?s)Cannot read service principal.*404`),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestDenied(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]emulator.WorkspaceSwitches{"reduced list": {},
		"no list": {ServicePrincipalsAdminOnly: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Workspace.SetSwitches(switches)
			admin := regexp.MustCompile(`(?s)service\s+principal\s+` + w.ScoringApp.ClientID +
				`.*Only\s+a\s+workspace\s+admin\s+may\s+manage\s+service\s+principals.*group\s+"admins"`)
			demote := func() { w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID) }
			promote := func() { w.Workspace.AddToGroup("admins", w.Deployer.ClientID) }
			w.Test(t,
				resource.TestStep{PreConfig: demote, Config: entra(w), ExpectError: admin},
				resource.TestStep{PreConfig: promote, Config: entra(w, `active = true`)},
				// A refresh with an identity that sees only some attributes must not treat the hidden ones as changed.
				resource.TestStep{PreConfig: demote, Config: entra(w, `active = true`), PlanOnly: true,
					ExpectError: admin},
				resource.TestStep{PreConfig: promote, Config: entra(w, `active = true`),
					ConfigPlanChecks: acctest.NoChange()},
			)
		})
	}
}

func TestDeniedWrite(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.Commands(t, entra(w, `display_name = "a"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)

	cli.Rewrite(t, entra(w, `display_name = "b"`))
	cli.MustRun(t, 1, "apply", "-auto-approve", "-refresh=false").MustSay(t, "Cannot rename service principal",
		w.ScoringApp.ClientID, "only accessible by admins", "workspace admin")
	cli.MustRun(t, 1, "destroy", "-auto-approve", "-refresh=false").MustSay(t, "Cannot delete service principal",
		"only accessible by admins", "workspace admin")
	if kept := cli.Objects(t)[address]; kept.Attributes["display_name"] != "a" || kept.Tainted {
		t.Errorf("state: %+v", kept)
	}
	if err := holds(w, "a", true)(nil); err != nil {
		t.Error(err)
	}
}

func TestChangedThenReadFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, second func(*acctest.World) string
		passes        int // reads before the one that fails
	}{
		"update": {
			func(w *acctest.World) string { return entra(w, `display_name = "a"`) },
			func(w *acctest.World) string { return entra(w, `display_name = "b"`, `active = false`) }, 1,
		},
		"adopt": {
			nil, func(w *acctest.World) string {
				return entra(w, `display_name = "b"`, `active = false`, `adopt_existing = true`,
					`on_destroy = "delete"`)
			}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			cli := w.Commands(t, "")
			if test.first == nil {
				w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "a")
			} else {
				cli.Rewrite(t, test.first(w))
				cli.MustRun(t, 0, "apply", "-auto-approve")
			}
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: one, After: test.passes,
				Status: 500, Message: "read is broken"})
			cli.Rewrite(t, test.second(w))
			cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t,
				"Warning: The change was accepted and could not be read back: service principal "+w.ScoringApp.ClientID+
					" (b)", "read is broken")
			if kept := cli.Objects(t)[address]; kept.Attributes["display_name"] != "b" || kept.Tainted {
				t.Errorf("state: %+v", kept)
			}
			cli.MustRun(t, 0, "plan", "-detailed-exitcode")
			if err := holds(w, "b", false)(nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// For a while after a write, SCIM may still show the old values.
func TestStaleReadAfterChange(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t,
		resource.TestStep{Config: entra(w, `display_name = "a"`)},
		resource.TestStep{
			PreConfig: func() {
				w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMStaleFor: 30 * time.Second})
				w.Tenant.Clock.Advance(time.Hour / 2)
				reads := w.Count("workspace", "GET", route+"/{id}")
				go acctest.When(func() bool {
					return w.Count("workspace", "PATCH", route) == 1 &&
						w.Count("workspace", "GET", route+"/{id}") > reads+2
				}, func() { w.Tenant.Clock.Advance(time.Minute) })
			},
			Config: entra(w, `display_name = "b"`),
			Check:  holds(w, "b", true),
		},
		resource.TestStep{Config: entra(w, `display_name = "b"`), ConfigPlanChecks: acctest.NoChange()},
	)
}

// A process that is killed just after the creation leaves no state, so the next apply finds a principal that it does
// not know.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, entra(w, `display_name = "a"`))
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: all, Drop: "after"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: all, After: 1, Delay: time.Minute})
	cmd := cli.Command(t, "apply", "-auto-approve")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acctest.When(func() bool { return len(members(w)) == 1 }, func() {})
	// The signal goes to the process group, because the provider is a process of its own.
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	made := member(t, w)
	_ = os.Remove(filepath.Join(cli.Dir, ".terraform.tfstate.lock.info"))

	cli.MustRun(t, 1, "apply", "-auto-approve").MustSay(t,
		"already in this workspace", "terraform import", "adopt_existing = true", "killed directly after it "+
			"created the service principal, import it")
	cli.MustRun(t, 0, "import", address, w.ScoringApp.ClientID)
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	if sp := member(t, w); sp.ID != made.ID {
		t.Errorf("was %+v, is %+v", made, sp)
	}
}

func TestWrongWorkspace(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	other, host := w.OtherWorkspace(t)
	both := regexp.MustCompile(`(?s)Wrong workspace.*` + w.ScoringApp.ClientID + `.*` + w.Workspace.ID() +
		`.*` + other.ID())
	here := w.Env["DBXACCESS_HOST"]
	config := entra(w, `display_name = "a"`)
	w.Test(t,
		resource.TestStep{Config: config},
		resource.TestStep{PreConfig: func() { w.Env["DBXACCESS_HOST"] = host }, Config: config, ExpectError: both},
		resource.TestStep{PreConfig: func() {
			w.Env["DBXACCESS_HOST"] = here
		}, Config: config, ConfigPlanChecks: acctest.NoChange()},
	)
}

// Without a refresh, the writes themselves must notice a wrong workspace.
func TestWrongWorkspaceWrites(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	other, host := w.OtherWorkspace(t)
	before := other.Snapshot()
	cli := w.Commands(t, entra(w, `display_name = "a"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.Env["DBXACCESS_HOST"] = host
	for _, onDestroy := range []string{"delete", "deactivate"} {
		cli.Rewrite(t, entra(w, `display_name = "b"`, `on_destroy = "`+onDestroy+`"`))
		cli.MustRun(t, 1, "apply", "-auto-approve", "-refresh=false").MustSay(t, "Wrong workspace", w.Workspace.ID(),
			other.ID())
		cli.Rewrite(t, entra(w, `display_name = "a"`, `on_destroy = "`+onDestroy+`"`))
		cli.MustRun(t, 0, "apply", "-auto-approve", "-refresh=false")
		cli.MustRun(t, 1, "destroy", "-auto-approve", "-refresh=false").MustSay(t, "Wrong workspace", w.Workspace.ID(),
			other.ID())
	}
	if cli.Attributes(t, address)["id"] != member(t, w).ID {
		t.Error("state was dropped")
	}
	checkUnchanged(t, &acctest.World{Scenario: &emulator.Scenario{Workspace: other}}, before)
}

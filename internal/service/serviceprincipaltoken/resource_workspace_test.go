package serviceprincipaltoken_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// If the provider is configured for another workspace, it finds no such token there. The token does not count as gone:
// the error names both workspaces, and the state is kept. The error does not advise to become an admin there.
func TestWrongWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.Tenant.NewWorkspace(emulator.WorkspaceOptions{})
	other.AddServicePrincipal(w.Deployer.ClientID, "deployer")
	other.AddToGroup("admins", w.Deployer.ClientID)
	server, err := emulator.Serve(w.Tenant, other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	right, wrong := w.Env["DBXACCESS_HOST"], server.WorkspaceURLs[0]
	point := func(host string) { w.Env["DBXACCESS_HOST"] = host }

	same := statecheck.CompareValue(compare.ValuesSame())
	config := bySecret(w, `comment = "c"`)
	both := acctest.Words("Wrong workspace.*created in workspace " + w.Workspace.ID() + ", but " + wrong +
		" is workspace " + other.ID())
	before := other.Snapshot()
	w.Test(t,
		resource.TestStep{Config: config,
			ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID())}},
		resource.TestStep{PreConfig: func() { point(wrong) }, Config: config, ExpectError: both},
		resource.TestStep{Config: config, Destroy: true, ExpectError: both},
		resource.TestStep{
			PreConfig: func() {
				other.RemoveFromGroup("admins", w.Deployer.ClientID)
			}, Config: config, ExpectError: both,
		},
		resource.TestStep{
			PreConfig: func() { point(right) }, Config: config,
			ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID())},
			Check:             one(w, w.ScoringApp.ClientID, "c"),
		},
	)
	if after := other.Snapshot(); len(after.Tokens) != len(before.Tokens) {
		t.Errorf("the other workspace was written to: %+v", after)
	}
}

// Without a refresh the update and the destroy check which workspace they call.
func TestWrongWorkspaceWithoutRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.Tenant.NewWorkspace(emulator.WorkspaceOptions{})
	other.AddServicePrincipal(w.Deployer.ClientID, "deployer")
	other.AddToGroup("admins", w.Deployer.ClientID)
	server, err := emulator.Serve(w.Tenant, other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	c := w.Commands(t, bySecret(w, `comment = "before"`))
	c.MustRun(t, 0, "apply", "-auto-approve")
	right := w.Env["DBXACCESS_HOST"]
	w.Env["DBXACCESS_HOST"] = server.WorkspaceURLs[0]
	w.Tenant.Journal.Reset()
	for _, args := range [][]string{
		{"apply", "-auto-approve", "-refresh=false"},
		{"destroy", "-auto-approve", "-refresh=false"},
	} {
		rewrite(t, c, `"before"`, `"after"`)
		if r := c.MustRun(t, 1, args...); !strings.Contains(r.Stderr, "Wrong workspace") {
			t.Errorf("%s: %s", args[0], r.Stderr)
		}
	}
	for _, method := range []string{"POST", "PATCH", "DELETE"} {
		asked(t, w, 0, "workspace", method, "")
	}
	w.Env["DBXACCESS_HOST"] = right
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

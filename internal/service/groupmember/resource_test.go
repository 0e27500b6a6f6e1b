package groupmember_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const (
	address = "dbxaccess_group_member.app"
	scim    = "/api/2.0/preview/scim/v2/"
)

// start returns a world in which the scenario's application is in the workspace, with a group that has a person as
// member.
func start(t *testing.T) (w *acctest.World, principalID, groupID string) {
	t.Helper()
	w = acctest.New(t)
	principalID = w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	groupID = w.Workspace.AddGroup("scorers")
	w.Workspace.AddToGroup("scorers", w.PersonName)
	return w, principalID, groupID
}

func hcl(group, applicationID string) string {
	return fmt.Sprintf("resource \"dbxaccess_group_member\" \"app\" {\n  group_name = %q\n  application_id = %q\n}\n",
		group, applicationID)
}

func inGroup(w *acctest.World, group string) []string {
	for _, g := range w.Workspace.Snapshot().Groups {
		if g.Name == group {
			return g.Members
		}
	}
	return nil
}

// wantMembers compares the members that a group really has with those in members.
func wantMembers(t *testing.T, w *acctest.World, group string, members ...string) {
	t.Helper()
	slices.Sort(members)
	if got := inGroup(w, group); !slices.Equal(got, members) {
		t.Errorf("in %s are %q, want %q", group, got, members)
	}
}

func checkMembers(t *testing.T, w *acctest.World, group string, members ...string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		wantMembers(t, w, group, members...)
		return nil
	}
}

func has(attribute, value string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), knownvalue.StringExact(value))
}

// asked returns the requests to the workspace since the journal was reset.
func asked(w *acctest.World) (lines []string) {
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "workspace" {
			lines = append(lines, e.Method+" "+strings.TrimPrefix(e.Route, scim))
		}
	}
	return lines
}

func TestBasic(t *testing.T) {
	t.Parallel()
	w, principalID, groupID := start(t)
	app := w.ScoringApp.ClientID
	config := hcl("scorers", app)
	w.TestCLI(t,
		resource.TestStep{
			Config: config,
			Check:  checkMembers(t, w, "scorers", app, w.PersonName),
			ConfigStateChecks: []statecheck.StateCheck{
				has("id", "scorers/"+app), has("group_id", groupID), has("service_principal_id",
					principalID), has("workspace_id", w.Workspace.ID()),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true,
			ImportStateId: "scorers/" + app},
	)
	wantMembers(t, w, "scorers", w.PersonName)
	w.Test(t,
		resource.TestStep{Config: config},
		resource.TestStep{Config: hcl("scorers", strings.ToUpper(app)), ConfigPlanChecks: acctest.NoChange()},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: "scorers/" + strings.ToUpper(app)},
	)
	wantMembers(t, w, "scorers", w.PersonName)
}

// A group's name may contain the separator of an import id and the quotes of a filter.
func TestGroupNamesWithSeparatorsAndQuotes(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	const name = `ml/"scorers" \ é`
	w.Workspace.AddGroup(name)
	w.Workspace.AddGroup("SCORERS") // differs from the other group only in case
	config := hcl(name, w.ScoringApp.ClientID)
	w.Test(t,
		resource.TestStep{Config: config, Check: checkMembers(t, w, name, w.ScoringApp.ClientID)},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{Config: hcl("SCORERS", w.ScoringApp.ClientID), ConfigPlanChecks: acctest.Planned(address,
			plancheck.ResourceActionDestroyBeforeCreate),
			Check: checkMembers(t, w, "SCORERS", w.ScoringApp.ClientID)},
	)
	wantMembers(t, w, "scorers", w.PersonName)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	app := w.ScoringApp.ClientID
	w.Workspace.AddGroup("readers")
	other := w.Workspace.AddServicePrincipal("", "other")
	var otherApp string
	for _, sp := range w.Workspace.Snapshot().ServicePrincipals {
		if sp.ID == other {
			otherApp = sp.ApplicationID
		}
	}
	w.Test(t,
		resource.TestStep{Config: hcl("scorers", app)},
		resource.TestStep{Config: hcl("readers", app), ConfigPlanChecks: acctest.Planned(address,
			plancheck.ResourceActionDestroyBeforeCreate), Check: checkMembers(t, w, "readers", app)},
		resource.TestStep{Config: hcl("readers", otherApp), ConfigPlanChecks: acctest.Planned(address,
			plancheck.ResourceActionDestroyBeforeCreate), Check: checkMembers(t, w, "readers", otherApp)},
		resource.TestStep{Config: strings.Replace(hcl("readers", otherApp), "\n}",
			"\ntimeouts = { create = \"5m\" }\n}", 1), ConfigPlanChecks: acctest.Planned(address,
			plancheck.ResourceActionUpdate)},
	)
	wantMembers(t, w, "scorers", w.PersonName)
	wantMembers(t, w, "readers")
}

// An existing membership is adopted, because it is what the configuration asks for.
func TestExistingMembershipIsAdopted(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	w.Workspace.AddToGroup("scorers", w.ScoringApp.ClientID)
	w.Test(t, resource.TestStep{Config: hcl("scorers", w.ScoringApp.ClientID)})
	wantMembers(t, w, "scorers", w.PersonName)
}

func TestAdmins(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	app := w.ScoringApp.ClientID
	cli := w.Commands(t, hcl("admins", app))
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "Warning: Becomes a workspace admin: service principal "+
		app+" in group admins", "CAN_QUERY")
	cli.MustRun(t, 0, "apply", "-auto-approve")
	wantMembers(t, w, "admins", app, w.Deployer.ClientID, w.PersonName)
	// The plan changes nothing.
	cli.MustRun(t, 0, "plan", "-detailed-exitcode").MustNotSay(t, "Becomes a workspace admin")
	cli.MustRun(t, 0, "destroy", "-auto-approve")
	wantMembers(t, w, "admins", w.Deployer.ClientID, w.PersonName)
}

// A membership through a nested group does not count as a direct one.
func TestNestedGroups(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	app := w.ScoringApp.ClientID
	w.Workspace.AddGroup("inner")
	w.Workspace.AddToGroup("inner", app)
	w.Workspace.AddToGroup("scorers", "inner")
	config := hcl("scorers", app)
	w.Test(t,
		resource.TestStep{Config: config + "import {\n to = " + address + "\n id = \"scorers/" + app + "\"\n}\n",
			ExpectError: acctest.Words(`Cannot import group member.*not a direct member.*through another group`)},
		resource.TestStep{Config: config, Check: checkMembers(t, w, "scorers", app, "inner", w.PersonName)},
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Clock.Advance(2 * time.Minute)
				w.Workspace.RemoveFromGroup("scorers", app)
			},
			Config: config, ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate),
			Check: checkMembers(t, w, "scorers", app, "inner", w.PersonName),
		},
	)
	wantMembers(t, w, "scorers", "inner", w.PersonName)
	wantMembers(t, w, "inner", app)
}

func TestExample(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	text, err := os.ReadFile("../../../examples/resources/dbxaccess_group_member/resource.tf")
	if err != nil {
		t.Fatal(err)
	}
	cli := w.CLI(t, string(text))
	cli.Env["TF_VAR_application_id"] = w.ScoringApp.ClientID
	cli.MustRun(t, 0, "apply", "-auto-approve")
	wantMembers(t, w, "admins", w.ScoringApp.ClientID, w.Deployer.ClientID, w.PersonName)
	// A service principal that this run has added is not looked up.
	if lists := w.Count("workspace", "GET", scim+"ServicePrincipals"); lists != 1 {
		t.Errorf("%d lists of service principals, want the one before the creation", lists)
	}
	cli.MustRun(t, 0, "destroy", "-auto-approve")
	wantMembers(t, w, "admins", w.Deployer.ClientID, w.PersonName)
}

// Many principals join one group: none is lost, and a refresh reads the group once.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	const many = 25
	config := fmt.Sprintf(`resource "dbxaccess_service_principal" "app" {
		count        = %d
		display_name = "app-${count.index}"
	}
	resource "dbxaccess_group_member" "app" {
		count          = %[1]d
		group_name     = "scorers"
		application_id = dbxaccess_service_principal.app[count.index].application_id
	}`, many)
	cli := w.CLI(t, config)
	cli.MustRun(t, 0, "apply", "-auto-approve", "-parallelism=25")
	if got := inGroup(w, "scorers"); len(got) != many+1 {
		t.Errorf("%d members, want %d", len(got), many+1)
	}
	w.Tenant.Journal.Reset()
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	if reads := w.Count("workspace", "GET", scim+"Groups"); reads != 1 {
		t.Errorf("a refresh of %d members reads the group %d times", many, reads)
	}
	cli.MustRun(t, 0, "destroy", "-auto-approve", "-parallelism=25")
	wantMembers(t, w, "scorers", w.PersonName)
}

func TestRequestCounts(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	cli := w.Commands(t, hcl("scorers", w.ScoringApp.ClientID))
	for _, step := range []struct {
		args []string
		want []string
	}{
		{[]string{"apply", "-auto-approve"}, []string{"GET Groups", "GET ServicePrincipals", "PATCH Groups/{id}"}},
		{[]string{"plan", "-detailed-exitcode"}, []string{"GET Groups"}},
		// The first request finds out the workspace before a write to an object of a known workspace.
		{[]string{"destroy", "-auto-approve", "-refresh=false"}, []string{"GET Me", "PATCH Groups/{id}"}},
	} {
		w.Tenant.Journal.Reset()
		cli.MustRun(t, 0, step.args...)
		if got := asked(w); !slices.Equal(got, step.want) {
			t.Errorf("%s asks %q, want %q", step.args[0], got, step.want)
		}
	}
}

// The configuration that Terraform generates for an import changes nothing.
func TestGeneratedConfiguration(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	w.Workspace.AddToGroup("scorers", w.ScoringApp.ClientID)
	cli := w.CLI(t, "import {\n to = "+address+"\n id = \"scorers/"+w.ScoringApp.ClientID+"\"\n}\n")
	cli.MustRun(t, 0, "plan", "-generate-config-out=generated.tf")
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "1 imported, 0 added, 0 changed, 0 destroyed")
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
}

package servingendpointpermission_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func is(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

var empty = resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}

// on returns a step's check that runs a check of the server.
func on(check func()) resource.TestCheckFunc {
	return func(*terraform.State) error {
		check()
		return nil
	}
}

func imported(id string) resource.TestStep {
	return resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: id, ImportStateVerify: true}
}

func TestBasic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runCLI(t,
		resource.TestStep{
			Config: w.toApp(),
			ConfigStateChecks: []statecheck.StateCheck{
				is("id", knownvalue.StringExact("iris/"+w.app)),
				is("endpoint_name", knownvalue.StringExact("iris")),
				is("endpoint_id", knownvalue.StringExact(w.EndpointID)),
				is("service_principal_name", knownvalue.StringExact(w.app)),
				is("user_name", knownvalue.Null()),
				is("group_name", knownvalue.Null()),
				is("permission_level", knownvalue.StringExact("CAN_QUERY")),
				is("overwrite_existing", knownvalue.Bool(false)),
				is("display_name", knownvalue.StringExact("iris-scoring")),
				is("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
				is("timeouts", knownvalue.Null()),
			},
			Check: on(func() { w.holds(t, with(w.app, "CAN_QUERY")) }),
		},
		imported("iris/"+w.app),
	)
	w.holds(t, grantsOfOthers())
	w.run(t,
		resource.TestStep{Config: w.toApp()},
		imported("iris/"+strings.ToUpper(w.app)),
		imported("iris/service_principal_name="+w.app),
	)
	w.holds(t, grantsOfOthers())
	if len(w.warnings) > 0 {
		t.Errorf("warnings without a reason: %q", w.warnings)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddUser("eve@example.com", "Eve")
	w.run(t,
		resource.TestStep{
			Config: hcl(attr("user_name", "eve@example.com"), attr("permission_level", "CAN_MANAGE")),
			ConfigStateChecks: []statecheck.StateCheck{
				is("id", knownvalue.StringExact("iris/eve@example.com")),
				is("display_name", knownvalue.StringExact("Eve")),
				is("service_principal_name", knownvalue.Null()),
			},
			Check: on(func() { w.holds(t, with("eve@example.com", "CAN_MANAGE")) }),
		},
		imported("iris/eve@example.com"),
		imported("iris/user_name=EVE@example.com"),
	)
	w.holds(t, grantsOfOthers())
}

func TestGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(t,
		resource.TestStep{
			Config: hcl(attr("group_name", group)),
			ConfigStateChecks: []statecheck.StateCheck{
				is("id", knownvalue.StringExact("iris/"+group)),
				is("display_name", knownvalue.Null()),
			},
			Check: on(func() { w.holds(t, with(group, "CAN_QUERY")) }),
		},
		imported("iris/"+group),
		imported("iris/group_name="+group),
	)
	w.holds(t, grantsOfOthers())
}

// Applies the example of the documentation as it is printed.
func TestExample(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddGroup("analysts")
	text, err := os.ReadFile("../../../examples/resources/dbxaccess_serving_endpoint_permission/resource.tf")
	if err != nil {
		t.Fatal(err)
	}
	w.Test(t, resource.TestStep{
		Config:          string(text),
		ConfigVariables: config.Variables{"application_id": config.StringVariable(w.ScoringApp.ClientID)},
		Check: on(func() {
			want := map[string]string{person: "CAN_MANAGE", "analysts": "CAN_VIEW", w.ScoringApp.ClientID: "CAN_QUERY"}
			if got := w.Workspace.Grants("iris"); !maps.Equal(got, want) {
				t.Errorf("direct grants on the server:\n got %v\nwant %v", got, want)
			}
		}),
	})
	if got := w.Workspace.Grants("iris"); !maps.Equal(got, map[string]string{person: "CAN_MANAGE"}) {
		t.Errorf("left on the server: %v", got)
	}
}

// An import sets attributes that cannot be read from the service to their defaults. So a minimal configuration has an
// empty plan, and one with more attributes causes an update in place without a request, never a replacement.
func TestImportThenPlan(t *testing.T) {
	t.Parallel()
	block := func(id string) string { return "import {\n  to = " + address + "\n  id = \"" + id + "\"\n}\n" }

	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetGrant("iris", w.app, "CAN_VIEW")
		w.run(t, resource.TestStep{
			Config: block("iris/"+w.app) + hcl(attr("service_principal_name", strings.ToUpper(w.app)),
				attr("permission_level", "CAN_VIEW")),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionNoop),
		})
		w.holds(t, grantsOfOthers())
	})
	t.Run("in place", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetGrant("iris", w.app, "CAN_QUERY")
		w.run(t, resource.TestStep{
			Config: block("iris/"+w.app) + w.toApp("overwrite_existing = true",
				"timeouts = { create = \"5m\" }"),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			Check: on(func() {
				if !slices.Contains(w.requests, "update 0") {
					t.Errorf("an update of what only the state holds asked the service: %v", w.requests)
				}
			}),
		})
		w.holds(t, grantsOfOthers())
	})
	// Some workspaces show a grant under user_name if somebody wrote it so.
	t.Run("application id under user_name", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		switches := w.Workspace.Switches()
		switches.UserNameEchoed = true
		w.Workspace.SetSwitches(switches)
		w.patch(t, "user_name", w.app, "CAN_QUERY")
		w.run(t, resource.TestStep{
			Config:            block("iris/"+w.app) + w.toApp(),
			ConfigPlanChecks:  acctest.Planned(address, plancheck.ResourceActionNoop),
			ConfigStateChecks: []statecheck.StateCheck{is("display_name", knownvalue.StringExact("iris-scoring"))},
		})
		w.holds(t, grantsOfOthers())
	})
}

func TestImportRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddGroup("twins@example.com")
	w.Workspace.AddUser("twins@example.com", "Twins")
	w.Workspace.SetGrant("iris", "twins@example.com", "CAN_VIEW") // goes to the user, who is found first
	w.patch(t, "group_name", "twins@example.com", "CAN_QUERY")
	w.Workspace.CreateFoundationEndpoint("llama")

	refused := func(id, message string) resource.TestStep {
		return resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: id,
			ExpectError: regexp.MustCompile(`(?s)` + message)}
	}
	malformed := "is\\s+malformed.*group_name=NAME"
	w.run(t,
		resource.TestStep{Config: w.toApp()},
		refused("iris", malformed),
		refused("iris/", malformed),
		refused("/"+w.app, malformed),
		refused("iris/group_name=", malformed),
		refused("iris/nobody", `No such grant to import.*no direct\s+grant.*`+regexp.QuoteMeta("iris-scoring")+
			`.*CAN_QUERY`),
		refused("iris/group_name="+w.app, "No such grant to import"),
		refused("iris/admins", "No such grant to import"), // only inherits CAN_MANAGE
		refused("iris/twins@example.com", `Import id matches more than one grant.*Write the kind`),
		refused("elsewhere/"+w.app, `Cannot import.*no serving\s+endpoint\s+named\s+"elsewhere"`),
		refused("llama/"+w.app, `foundation-model`),
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateId: "iris/group_name=twins@example.com",
			ImportStateCheck: func(states []*terraform.InstanceState) error {
				if got := states[0].Attributes; got["group_name"] != "twins@example.com" ||
					got["permission_level"] != "CAN_QUERY" {
					t.Errorf("imported %v", got)
				}
				return nil
			},
		},
	)
}

// A grant costs these requests: for the endpoint's id, its list, the write, and a read that checks whether another run
// undid the write.
func TestRequestCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(t,
		resource.TestStep{Config: w.toApp()},
		resource.TestStep{Config: w.toApp(attr("permission_level", "CAN_VIEW"))},
		resource.TestStep{Config: w.toApp(attr("permission_level", "CAN_VIEW")), ConfigPlanChecks: empty},
	)
	most := map[string]bool{
		"create 4": true, "read 2": true,
		"update 3":  true, // two, and one that checks the endpoint and the workspace
		"destroy 4": true, // three, and one that finds out the workspace before the write
	}
	met := map[string]bool{}
	for _, r := range w.requests {
		met[r] = true
		if !most[r] {
			t.Errorf("%q is more or less than an operation needs (%v)", r, w.requests)
		}
	}
	if len(met) != len(most) {
		t.Errorf("not every operation was seen: %v", w.requests)
	}
	if n := w.Count("workspace", "GET", "/Me"); n != 1 {
		t.Errorf("Me was asked %d times, want once for the destroy", n)
	}
}

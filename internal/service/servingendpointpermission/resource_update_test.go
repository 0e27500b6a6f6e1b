package servingendpointpermission_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// between runs after a plan and before its apply, to make changes that the plan cannot know.
type between func()

func (b between) CheckPlan(context.Context, plancheck.CheckPlanRequest, *plancheck.CheckPlanResponse) {
	b()
}

func TestUpdateLevel(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]emulator.WorkspaceSwitches{
		"a write lowers": {},
		// PATCH is not documented to lower a level; some object types ignore it.
		"a write only raises": {PatchNeverLowers: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(switches)
			to := func(level string) resource.TestStep {
				return resource.TestStep{
					Config:            w.toApp(attr("permission_level", level)),
					ConfigPlanChecks:  acctest.Planned(address, plancheck.ResourceActionUpdate),
					ConfigStateChecks: []statecheck.StateCheck{is("permission_level", knownvalue.StringExact(level))},
					Check:             on(func() { w.holds(t, with(w.app, level)) }),
				}
			}
			w.run(t,
				resource.TestStep{Config: w.toApp()},
				to("CAN_MANAGE"),
				to("CAN_VIEW"),
				to("CAN_QUERY"),
			)
			w.holds(t, grantsOfOthers())
		})
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateEndpoint("other", person)
	config := w.toApp()
	w.run(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			Config:           strings.Replace(config, `"iris"`, `"other"`, 1),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check: on(func() {
				w.holds(t, grantsOfOthers())
				if got := w.Workspace.Grants("other")[w.app]; got != "CAN_QUERY" {
					t.Errorf("the application holds %q on the other endpoint", got)
				}
			}),
		},
		resource.TestStep{
			Config:           hcl(attr("group_name", group)),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check:            on(func() { w.holds(t, with(group, "CAN_QUERY")) }),
		},
	)
	w.holds(t, grantsOfOthers())
}

// The service and the provider ignore case in application ids and e-mail addresses.
func TestCasing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddUser("eve@example.com", "Eve")
	upper := strings.ToUpper(w.app)
	w.run(t,
		resource.TestStep{
			Config:            hcl(attr("service_principal_name", upper)),
			ConfigStateChecks: []statecheck.StateCheck{is("service_principal_name", knownvalue.StringExact(upper))},
			Check:             on(func() { w.holds(t, with(w.app, "CAN_QUERY")) }),
		},
		resource.TestStep{Config: w.toApp(), ConfigPlanChecks: empty},
		resource.TestStep{
			Config: w.toApp(attr("permission_level", "CAN_VIEW")), ConfigPlanChecks: acctest.Planned(address,
				plancheck.ResourceActionUpdate),
			Check: on(func() { w.holds(t, with(w.app, "CAN_VIEW")) }),
		},
		resource.TestStep{Config: hcl(attr("user_name", "Eve@Example.com")), Check: on(func() {
			w.holds(t, with("eve@example.com", "CAN_QUERY"))
		})},
		resource.TestStep{Config: hcl(attr("user_name", "eve@example.com")), ConfigPlanChecks: empty},
	)
	w.holds(t, grantsOfOthers())
}

// Group names are compared with case.
func TestCasingOfGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddGroup("Data Scientists")
	w.run(t,
		resource.TestStep{Config: hcl(attr("group_name", group))},
		resource.TestStep{
			Config:           hcl(attr("group_name", "Data Scientists")),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check:            on(func() { w.holds(t, with("Data Scientists", "CAN_QUERY")) }),
		},
	)
	w.holds(t, grantsOfOthers())
}

func TestOverwriteExisting(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetGrant("iris", w.app, "CAN_MANAGE")
		w.run(t, resource.TestStep{
			Config: w.toApp(),
			ExpectError: regexp.MustCompile(`(?s)Cannot grant access.*` + w.app +
				`\s+\(iris-scoring\)\s+already\s+has\s+the\s+direct\s+permission\s+level\s+CAN_MANAGE.*` +
				`overwrite_existing\s+=\s+true.*import`),
		})
		w.holds(t, with(w.app, "CAN_MANAGE"))
	})
	t.Run("overwritten", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetGrant("iris", w.app, "CAN_MANAGE")
		w.run(t, resource.TestStep{
			Config: w.toApp("overwrite_existing = true"),
			Check:  on(func() { w.holds(t, with(w.app, "CAN_QUERY")) }),
		})
		w.holds(t, grantsOfOthers())
	})
	t.Run("adopted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetGrant("iris", w.app, "CAN_QUERY")
		w.run(t, resource.TestStep{
			Config: w.toApp(),
			Check: on(func() {
				if !slices.Contains(w.requests, "create 2") {
					t.Errorf("the existing grant was written again: %v", w.requests)
				}
			}),
		})
		w.holds(t, grantsOfOthers())
	})
}

// A level from a group or from admins is not this grant: it neither replaces the grant nor changes it.
func TestInheritedIsNotDirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddToGroup("admins", w.app)
	w.run(t,
		resource.TestStep{Config: w.toApp(attr("permission_level", "CAN_VIEW")), Check: on(func() {
			w.holds(t, with(w.app, "CAN_VIEW"))
		})},
		resource.TestStep{Config: w.toApp(attr("permission_level", "CAN_VIEW")), ConfigPlanChecks: empty},
	)
	// If the inherited CAN_MANAGE of admins had been written back, it would be a direct grant now.
	w.holds(t, grantsOfOthers())
}

func TestEndpointID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := strings.Repeat("0", 32)
	refused := regexp.MustCompile(`(?s)endpoint_id\s+is\s+` + wrong + `.*` + w.EndpointID + `.*Correct\s+endpoint_id`)
	w.run(t,
		resource.TestStep{Config: w.toApp(attr("endpoint_id", wrong)), ExpectError: refused},
		resource.TestStep{Config: w.toApp(attr("endpoint_id", w.EndpointID)),
			ConfigStateChecks: []statecheck.StateCheck{is("endpoint_id", knownvalue.StringExact(w.EndpointID))}},
		resource.TestStep{Config: w.toApp(), ConfigPlanChecks: empty},
		resource.TestStep{Config: w.toApp(attr("endpoint_id", wrong)), ExpectError: refused},
		resource.TestStep{Config: w.toApp(), ConfigPlanChecks: empty},
	)
	w.holds(t, grantsOfOthers())
}

// An endpoint is replaced in the same apply. If endpoint_id is set, the grant follows to the new endpoint in that
// apply.
func TestEndpointReplacedInTheSameApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(version string) string {
		return `
resource "terraform_data" "endpoint" {
  triggers_replace = "` + version + `"
}

data "dbxaccess_serving_endpoint" "x" {
  name       = "iris"
  depends_on = [terraform_data.endpoint]
}
` + w.toApp("endpoint_id = data.dbxaccess_serving_endpoint.x.id")
	}
	var replaced string
	w.runCLI(t,
		resource.TestStep{Config: config("1")},
		resource.TestStep{
			Config: config("2"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(address, tfjsonpath.New("endpoint_id")),
				between(func() {
					w.Workspace.DeleteEndpoint("iris")
					replaced = w.Workspace.CreateEndpoint("iris", person)
				}),
			}},
			Check: resource.ComposeTestCheckFunc(
				on(func() { w.holds(t, map[string]string{person: "CAN_MANAGE", w.app: "CAN_QUERY"}) }),
				resource.TestCheckResourceAttrWith(address, "endpoint_id", func(id string) error {
					if id != replaced {
						t.Errorf("endpoint_id is %s, want that of the new endpoint", id)
					}
					return nil
				}),
			),
		},
	)
	w.holds(t, map[string]string{person: "CAN_MANAGE"})
}

package servingendpointpermissions_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const address = "data.dbxaccess_serving_endpoint_permissions.x"

func of(endpoint string) string {
	return "data \"dbxaccess_serving_endpoint_permissions\" \"x\" {\n  endpoint_name = \"" + endpoint + "\"\n}\n"
}

func is(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func row(kind, name, displayName, level string, inherited bool) knownvalue.Check {
	exact := map[string]knownvalue.Check{
		"principal": knownvalue.StringExact(kind + "=" + name), "permission_level": knownvalue.StringExact(level), "inherited": knownvalue.Bool(inherited),
		"service_principal_name": knownvalue.Null(), "user_name": knownvalue.Null(), "group_name": knownvalue.Null(), "display_name": knownvalue.Null(),
	}
	exact[kind] = knownvalue.StringExact(name)
	if displayName != "" {
		exact["display_name"] = knownvalue.StringExact(displayName)
	}
	return knownvalue.ObjectExact(exact)
}

func level(name, level string) knownvalue.Check {
	return knownvalue.MapExact(map[string]knownvalue.Check{name: knownvalue.StringExact(level)})
}

func TestBasic(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	app := w.ScoringApp.ClientID
	w.Workspace.AddServicePrincipal(app, "iris-scoring")
	w.Workspace.SetGrant("iris", app, "CAN_QUERY")
	w.Workspace.AddGroup("botany")
	w.Workspace.SetGrant("iris", "botany", "CAN_VIEW")
	w.Workspace.SetGrant("iris", "admins", "CAN_QUERY") // a direct grant beside the inherited one
	config := of("iris") + "output \"rows\" {\n  value = " + address + ".permissions\n}\n"
	w.Test(t,
		resource.TestStep{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				is("endpoint_id", knownvalue.StringExact(w.EndpointID)),
				is("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
				is("permissions", knownvalue.ListExact([]knownvalue.Check{
					row("service_principal_name", app, "iris-scoring", "CAN_QUERY", false),
					row("user_name", w.PersonName, "Ada", "CAN_MANAGE", false),
					row("group_name", "admins", "", "CAN_QUERY", false),
					row("group_name", "admins", "", "CAN_MANAGE", true),
					row("group_name", "botany", "", "CAN_VIEW", false),
				})),
				is("service_principals", level(app, "CAN_QUERY")),
				is("users", level(w.PersonName, "CAN_MANAGE")),
				is("groups", knownvalue.MapExact(map[string]knownvalue.Check{"admins": knownvalue.StringExact(
					"CAN_QUERY"), "botany": knownvalue.StringExact("CAN_VIEW")})),
			},
		},
		// The service returns its entries in random order; an output must not change with the order.
		resource.TestStep{Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
	)
}

// The data source sends two requests: one for the endpoint's id, and one for the list.
func TestTwoRequests(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t, resource.TestStep{Config: of("iris"), PlanOnly: true})
	walks := w.Count("entra", "POST", "/token") // Terraform logs in once per walk of its graph
	names, lists := w.Count("workspace", "GET", "/serving-endpoints/{name}"), w.Count("workspace", "GET",
		"/permissions/serving-endpoints/{id}")
	if all := w.Count("workspace", "", ""); walks == 0 || all != 2*walks || names != walks || lists != walks {
		t.Errorf("%d requests in %d walks (%d by name, %d lists), want two in each", all, walks, names, lists)
	}
}

// Each row can be imported as the resource for one grant, and the plan after the import is empty.
func TestEveryRowCanBeImported(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "iris-scoring")
	w.Workspace.SetGrant("iris", w.ScoringApp.ClientID, "CAN_QUERY")
	w.Workspace.SetGrant("iris", "users", "CAN_VIEW")
	before := w.Workspace.Grants("iris")
	c := w.CLI(t, `
terraform {
  required_providers {
    dbxaccess = { source = "dbxaccess/dbxaccess" }
  }
}
`+of("iris")+`
locals {
  grants = { for p in `+address+`.permissions : p.principal => p if !p.inherited }
}

import {
  for_each = local.grants
  to       = dbxaccess_serving_endpoint_permission.all[each.key]
  id       = "iris/${each.key}"
}

resource "dbxaccess_serving_endpoint_permission" "all" {
  for_each               = local.grants
  endpoint_name          = "iris"
  service_principal_name = each.value.service_principal_name
  user_name              = each.value.user_name
  group_name             = each.value.group_name
  permission_level       = each.value.permission_level
}
`)
	if r := c.MustRun(t, 0, "apply", "-auto-approve"); !strings.Contains(r.Stdout, "3 imported, 0 added, 0 "+
		"changed, 0 destroyed") {
		t.Errorf("%s\n%s", r.Stdout, r.Stderr)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	after := w.Workspace.Grants("iris")
	for name, level := range before {
		if after[name] != level {
			t.Errorf("%s holds %q, held %q before the import", name, after[name], level)
		}
	}
}

func TestDenied(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_QUERY") // sees the endpoint, not its list
	w.Test(t, resource.TestStep{
		Config: of("iris"),
		ExpectError: acctest.Says("Cannot list the grants on serving endpoint", "iris:", "403 PERMISSION_DENIED",
			"needs CAN_MANAGE on this endpoint", "workspace admin"),
	})
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_MANAGE")
	w.Test(t, resource.TestStep{Config: of("iris"), ConfigStateChecks: []statecheck.StateCheck{is("service_principals",
		level(w.Deployer.ClientID, "CAN_MANAGE"))}})
}

func TestNoList(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	w.Test(t,
		resource.TestStep{Config: of("Iris"), ExpectError: acctest.Says("Cannot list the grants on serving endpoint",
			"endpoint_name", `no serving endpoint named "Iris"`, "case-sensitive")},
		resource.TestStep{Config: of("llama"), ExpectError: acctest.Says("Cannot list the grants on serving endpoint",
			"endpoint_name", "foundation-model", "by default every member of the workspace may call them")},
	)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t,
		resource.TestStep{Config: of(""), PlanOnly: true,
			ExpectError: acctest.Says("Not the name of a serving endpoint", "is empty")},
		resource.TestStep{Config: of("serving-endpoints/iris"), PlanOnly: true,
			ExpectError: acctest.Says("Not the name of a serving endpoint")},
	)
	if n := w.Count("", "", ""); n != 0 {
		t.Errorf("%d requests for names that cannot be: %v", n, w.Tenant.Journal.Entries())
	}
}

package servingendpoint_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// listing returns HCL of the data source with these lines, an output of the listed names and an output of the first
// endpoint.
func listing(lines ...string) string {
	return "data \"dbxaccess_serving_endpoints\" \"x\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n" + `
output "names" {
  value = [for e in data.dbxaccess_serving_endpoints.x.endpoints : e.name]
}
output "first" {
  value = try(data.dbxaccess_serving_endpoints.x.endpoints[0], null)
}
`
}

func listed(names ...string) []statecheck.StateCheck {
	checks := []knownvalue.Check{}
	for _, n := range names {
		checks = append(checks, knownvalue.StringExact(n))
	}
	return []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("names", knownvalue.ListExact(checks))}
}

func TestList(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.CreateEndpoint("rose", "")
	w.Workspace.CreateEndpoint("rose_2", "")
	w.Workspace.CreateEndpoint("Rose", "")
	w.Workspace.CreateFoundationEndpoint("llama")
	for name, tags := range map[string][][2]string{
		"rose": {{"team", "botany"}, {"env", "prod"}}, "rose_2": {{"team", "botany"}, {"env", ""}}, "Rose": {{"Team", "botany"}}, "iris": {{"team", "Botany"}},
	} {
		for _, tag := range tags {
			w.Workspace.TagEndpoint(name, tag[0], tag[1])
		}
	}
	w.TestCLI(t, resource.TestStep{Config: listing(`tags = { team = "botany", env = null }`),
		ConfigStateChecks: listed("rose", "rose_2")})
	w.Test(t,
		resource.TestStep{Config: listing(), ConfigStateChecks: listed("Rose", "iris", "llama", "rose", "rose_2")},
		resource.TestStep{Config: listing(`name_prefix = "rose"`), ConfigStateChecks: listed("rose", "rose_2")},
		resource.TestStep{Config: listing(`name_prefix = "ose"`), ConfigStateChecks: listed()},
		resource.TestStep{Config: listing(`tags = { team = "botany" }`), ConfigStateChecks: listed("rose", "rose_2")},
		resource.TestStep{Config: listing(`tags = { team = "botany", env = "prod" }`),
			ConfigStateChecks: listed("rose")},
		// a tag without a value
		resource.TestStep{Config: listing(`tags = { env = "" }`), ConfigStateChecks: listed("rose_2")},
		resource.TestStep{Config: listing(`tags = {}`), ConfigStateChecks: listed("Rose", "iris", "llama",
			"rose", "rose_2")},
		resource.TestStep{Config: listing(`name_prefix = "rose_"`, `tags = { team = null }`),
			ConfigStateChecks: listed("rose_2")},
	)
	walks := w.Count("entra", "POST", "/token")
	if all := w.Count("workspace", "", ""); walks == 0 || all != walks {
		t.Errorf("%d requests in %d walks, want one in each", all, walks)
	}
}

func TestListRow(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.TagEndpoint("iris", "team", "botany")
	w.Workspace.CreateFoundationEndpoint("llama")
	entity := func(name, entity, version string) knownvalue.Check {
		return knownvalue.ListExact([]knownvalue.Check{knownvalue.ObjectExact(map[string]knownvalue.Check{
			"name": knownvalue.StringExact(name), "entity_name": knownvalue.StringExact(entity), "entity_version": knownvalue.StringExact(version),
		})})
	}
	row := func(more map[string]knownvalue.Check) []statecheck.StateCheck {
		exact := map[string]knownvalue.Check{
			"description": knownvalue.Null(), "state": knownvalue.StringExact("READY"), "config_update": knownvalue.StringExact("NOT_UPDATING"),
			"created_at": aTime, "updated_at": aTime,
		}
		for k, v := range more {
			exact[k] = v
		}
		return []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("first", knownvalue.ObjectExact(exact))}
	}
	w.Test(t,
		resource.TestStep{Config: listing(`name_prefix = "iris"`), ConfigStateChecks: row(map[string]knownvalue.Check{
			"name": knownvalue.StringExact("iris"), "id": knownvalue.StringExact(w.EndpointID), "creator": knownvalue.StringExact(w.PersonName), "task": knownvalue.Null(),
			"tags":            knownvalue.MapExact(map[string]knownvalue.Check{"team": knownvalue.StringExact("botany")}),
			"served_entities": entity("iris-1", "main.default.iris", "1"),
		})},
		resource.TestStep{Config: listing(`name_prefix = "llama"`), ConfigStateChecks: row(map[string]knownvalue.Check{
			"name": knownvalue.StringExact("llama"), "id": knownvalue.Null(), "creator": knownvalue.Null(), "task": knownvalue.StringExact("llm/v1/chat"),
			"tags":            knownvalue.MapExact(map[string]knownvalue.Check{}),
			"served_entities": entity("llama", "system.ai.llama", "1"),
		})},
	)
}

// An identity that is no admin sees the endpoints that it may see, without an error.
func TestListNotAdmin(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.CreateEndpoint("rose", "")
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Test(t, resource.TestStep{Config: listing(), ConfigStateChecks: listed()})
	w.Workspace.SetGrant("rose", w.Deployer.ClientID, "CAN_VIEW")
	w.Test(t, resource.TestStep{Config: listing(), ConfigStateChecks: listed("rose")})
}

func TestListRefused(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: "/api/2.0/serving-endpoints",
		Status: 404, Code: "FEATURE_DISABLED", Message: "Model serving is not enabled for your shard"})
	w.Test(t,
		resource.TestStep{Config: listing(), ExpectError: acctest.Says("Cannot list serving endpoints",
			"404 FEATURE_DISABLED", "not enabled for your shard")},
		resource.TestStep{Config: listing(`name_prefix = ""`), PlanOnly: true,
			ExpectError: acctest.Says("name_prefix")},
	)
}

// The data source shows that an endpoint is route-optimized, and its own invocation URL.
func TestRouteOptimized(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	id := w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	w.Test(t, resource.TestStep{Config: named("fast"), ConfigStateChecks: []statecheck.StateCheck{
		is("route_optimized", knownvalue.Bool(true)),
		is("invocation_url", knownvalue.StringRegexp(regexp.MustCompile(`^https://`+id+
			`\.3\.serving\..*/serving-endpoints/fast/invocations$`))),
	}})
}

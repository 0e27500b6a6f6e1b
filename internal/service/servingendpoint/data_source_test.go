package servingendpoint_test

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const address = "data.dbxaccess_serving_endpoint.x"

func named(name string) string {
	return "data \"dbxaccess_serving_endpoint\" \"x\" {\n  name = \"" + name + "\"\n}\n"
}

func is(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

var (
	aTime = knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))
	anID  = knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f]{32}$`))
)

func TestBasic(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	// Only a request to the API can create an endpoint with a description and tags.
	body := `{"name":"iris_2","description":"Species","tags":[{"key":"team","value":"botany"},{"key":"bare"}],
		"config":{"served_entities":[{"name":"a","entity_name":"main.default.iris","entity_version":"3","workload_size":"Small","scale_to_zero_enabled":true},
		{"name":"b","entity_name":"main.default.iris","entity_version":"4","workload_size":"Large"}]}}`
	req := httptest.NewRequest("POST", "/api/2.0/serving-endpoints", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+w.PersonToken)
	answer := httptest.NewRecorder()
	w.Workspace.ServeHTTP(answer, req)
	if answer.Code != 200 {
		t.Fatalf("POST answered %d %s", answer.Code, answer.Body)
	}
	w.Workspace.ScaleToZero("iris_2", 1)

	entity := func(name, version, size string, toZero bool) knownvalue.Check {
		return knownvalue.ObjectExact(map[string]knownvalue.Check{
			"name": knownvalue.StringExact(name), "entity_name": knownvalue.StringExact("main.default.iris"),
			"entity_version": knownvalue.StringExact(version), "workload_size": knownvalue.StringExact(size),
			"scale_to_zero": knownvalue.Bool(toZero), "state": knownvalue.StringExact("DEPLOYMENT_READY"),
			"state_message": knownvalue.StringExact("Scaled to zero"),
		})
	}
	w.TestCLI(t, resource.TestStep{
		Config: named("iris_2"),
		ConfigStateChecks: []statecheck.StateCheck{
			is("name", knownvalue.StringExact("iris_2")),
			is("id", anID),
			is("creator", knownvalue.StringExact(w.PersonName)),
			is("description", knownvalue.StringExact("Species")),
			is("state", knownvalue.StringExact("READY")),
			is("config_update", knownvalue.StringExact("NOT_UPDATING")),
			is("task", knownvalue.Null()),
			is("permission_level", knownvalue.StringExact("CAN_MANAGE")),
			is("invocation_url", knownvalue.StringExact(w.Server.WorkspaceURLs[0]+
				"/serving-endpoints/iris_2/invocations")),
			is("created_at", aTime),
			is("updated_at", aTime),
			is("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
			is("route_optimized", knownvalue.Bool(false)),
			is("tags", knownvalue.MapExact(map[string]knownvalue.Check{"team": knownvalue.StringExact("botany"),
				"bare": knownvalue.StringExact("")})),
			is("served_entities", knownvalue.ListExact([]knownvalue.Check{entity("a", "3", "Small", true),
				entity("b", "4", "Large", false)})),
		},
	})
}

func TestOneRequest(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t, resource.TestStep{Config: named("iris"), PlanOnly: true})
	walks := w.Count("entra", "POST", "/token") // Terraform logs in once per walk of its graph
	if all, reads := w.Count("workspace", "", ""), w.Count("workspace", "GET",
		"/serving-endpoints/{name}"); walks == 0 || all != walks || reads != walks {
		t.Errorf("%d requests in %d walks, %d of them for the endpoint; want one in each", all, walks, reads)
	}
}

// A foundation model has neither an id nor a creator, and everybody may query it.
func TestFoundationModel(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	w.Test(t, resource.TestStep{
		Config: named("llama"),
		ConfigStateChecks: []statecheck.StateCheck{
			is("id", knownvalue.Null()),
			is("creator", knownvalue.Null()),
			is("task", knownvalue.StringExact("llm/v1/chat")),
			is("permission_level", knownvalue.StringExact("CAN_QUERY")),
			is("tags", knownvalue.MapExact(map[string]knownvalue.Check{})),
		},
	})
}

// The level is the caller's own, and CAN_VIEW is enough to read the endpoint.
func TestCanViewIsEnough(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_VIEW")
	w.Test(t, resource.TestStep{
		Config:            named("iris"),
		ConfigStateChecks: []statecheck.StateCheck{is("permission_level", knownvalue.StringExact("CAN_VIEW"))},
	})
}

func TestDenied(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Test(t, resource.TestStep{
		Config: named("iris"),
		ExpectError: acctest.Says("Cannot read serving endpoint", "name = ", "403 PERMISSION_DENIED",
			`The endpoint "iris" exists`, "needs CAN_VIEW on the endpoint to read it"),
	})
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t,
		resource.TestStep{
			Config: named("Iris"),
			ExpectError: acctest.Says("Cannot read serving endpoint", "name = ", "404 RESOURCE_DOES_NOT_EXIST",
				`no serving endpoint named "Iris"`, "case-sensitive"),
		},
		resource.TestStep{Config: named(""), ExpectError: acctest.Says("name")},
	)
}

func TestRetried(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: "/api/2.0/serving-endpoints/iris",
		Status: 503, Code: "TEMPORARILY_UNAVAILABLE"})
	w.Test(t, resource.TestStep{Config: named("iris"),
		ConfigStateChecks: []statecheck.StateCheck{is("id", knownvalue.StringExact(w.EndpointID))}})
}

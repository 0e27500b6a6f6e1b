package servingendpointpermission_test

import (
	"regexp"
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

const listPath = "/api/2.0/permissions/serving-endpoints/*"

func TestDenied(t *testing.T) {
	t.Parallel()
	for name, may := range map[string]struct {
		level string
		error *regexp.Regexp
	}{
		"nothing": {"", acctest.Says("Cannot grant access to serving endpoint", "CAN_QUERY on serving endpoint iris", "403 PERMISSION_DENIED", "CAN_MANAGE to change who may call it")},
		"query":   {"CAN_QUERY", acctest.Says("Cannot grant access to serving endpoint", "403 PERMISSION_DENIED", "does not have Manage permissions", "needs CAN_MANAGE on this endpoint")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			demote := func() {
				w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
				if may.level != "" {
					w.Workspace.SetGrant("iris", w.Deployer.ClientID, may.level)
				}
			}
			demote()
			read := regexp.MustCompile(strings.Replace(may.error.String(), "grant", "read", 1))
			w.run(t,
				resource.TestStep{Config: w.toApp(), ExpectError: may.error},
				resource.TestStep{PreConfig: func() {
					w.Workspace.AddToGroup("admins", w.Deployer.ClientID)
				}, Config: w.toApp()},
				resource.TestStep{PreConfig: demote, Config: w.toApp(), ExpectError: read},
				// The state was kept, so there is nothing to do once the right is back.
				resource.TestStep{
					PreConfig: func() { w.Workspace.AddToGroup("admins", w.Deployer.ClientID) },
					Config:    w.toApp(), ConfigPlanChecks: empty,
				},
			)
		})
	}
}

// A manager of the endpoint need not be a workspace admin.
func TestManagerOfTheEndpointIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_MANAGE")
	w.run(t,
		resource.TestStep{Config: w.toApp()},
		resource.TestStep{Config: w.toApp(attr("permission_level", "CAN_VIEW"))},
	)
	w.holds(t, with(w.Deployer.ClientID, "CAN_MANAGE"))
}

func TestUnknownPrincipal(t *testing.T) {
	t.Parallel()
	const nobody = "11111111-2222-3333-4444-555555555555"
	for name, who := range map[string]struct {
		config string
		error  *regexp.Regexp
	}{
		"service principal": {hcl(attr("service_principal_name", nobody)), acctest.Says("404 RESOURCE_DOES_NOT_EXIST", "no service principal with the application id "+nobody, "dbxaccess_service_principal", "not its object id")},
		"user":              {hcl(attr("user_name", "nobody@example.com")), acctest.Says("404 RESOURCE_DOES_NOT_EXIST", `no user "nobody@example.com"`)},
		"group":             {hcl(attr("group_name", "Data Scientists")), acctest.Says("404 RESOURCE_DOES_NOT_EXIST", `no group "Data Scientists"`, "case-sensitive")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.run(t, resource.TestStep{Config: who.config, ExpectError: who.error})
			w.holds(t, grantsOfOthers())
		})
	}
}

func TestEndpointNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := strings.Replace(w.toApp(), `"iris"`, `"Iris"`, 1)
	w.run(t, resource.TestStep{Config: config, ExpectError: acctest.Says("Cannot grant access",
		`no serving endpoint named "Iris"`, "case-sensitive")})
}

func TestFoundationModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	config := strings.Replace(w.toApp(), `"iris"`, `"llama"`, 1)
	w.run(t, resource.TestStep{Config: config, ExpectError: acctest.Says(`"llama"`, "has no id",
		"foundation-model (pay-per-token) endpoint")})
	if n := w.Count("workspace", "", "permissions"); n != 0 {
		t.Errorf("%d requests for a list that cannot be", n)
	}
}

func TestCreatedThenReadFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unreadable := func() {
		// The write succeeds and its answer shows nothing, so the provider reads the access list, which fails.
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Status: 200,
			WorkDone: true, Body: "{}", ContentType: "application/json"})
	}
	noList := func(after int) {
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: after,
			Status: 500, Code: "INTERNAL_ERROR", Message: "sorry"})
	}
	w.run(t,
		resource.TestStep{
			PreConfig: func() { unreadable(); noList(1) },
			Config:    w.toApp(),
			ConfigStateChecks: []statecheck.StateCheck{
				is("id", knownvalue.StringExact("iris/"+w.app)),
				is("permission_level", knownvalue.StringExact("CAN_QUERY")),
				is("endpoint_id", knownvalue.StringExact(w.EndpointID)),
			},
			Check: on(func() { w.holds(t, with(w.app, "CAN_QUERY")) }),
		},
		resource.TestStep{
			PreConfig: func() {
				w.warned(t, "The grant was accepted and could not be read back", w.app, "500 INTERNAL_ERROR", "sorry")
			},
			Config: w.toApp(), ConfigPlanChecks: empty,
			ConfigStateChecks: []statecheck.StateCheck{is("display_name", knownvalue.StringExact("iris-scoring"))},
		},
		resource.TestStep{
			Config: w.toApp(attr("permission_level", "CAN_VIEW")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				between(func() { unreadable(); noList(0) }),
			}},
			Check: on(func() { w.holds(t, with(w.app, "CAN_VIEW")) }),
		},
		resource.TestStep{
			PreConfig: func() {
				w.warned(t, "The changed grant was accepted and could not be read back", "iris-scoring")
			},
			Config: w.toApp(attr("permission_level", "CAN_VIEW")), ConfigPlanChecks: empty,
		},
	)
	w.holds(t, grantsOfOthers())
}

// If the answer to a write shows nothing, the provider reads the list, and reads it once more a moment later, as after
// every write.
func TestCreatedAndReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Status: 200,
		WorkDone: true, Body: "{}", ContentType: "application/json"})
	w.run(t, resource.TestStep{Config: w.toApp(), ConfigStateChecks: []statecheck.StateCheck{is("display_name",
		knownvalue.StringExact("iris-scoring"))}})
	if !slices.Contains(w.requests, "create 5") || len(w.warnings) > 0 {
		t.Errorf("requests %v, warnings %q", w.requests, w.warnings)
	}
}

// A repeated write of a grant has the same effect as one, so a lost answer causes no warning.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drop := func(method string) between {
		return func() {
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath, Drop: "after"})
		}
	}
	during := func(method string) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{drop(method)}}
	}
	w.run(t,
		resource.TestStep{Config: w.toApp(), ConfigPlanChecks: during("PATCH"), Check: on(func() {
			w.holds(t, with(w.app, "CAN_QUERY"))
		})},
		resource.TestStep{Config: w.toApp(attr("permission_level", "CAN_VIEW")), ConfigPlanChecks: during("PATCH"),
			Check: on(func() {
				w.holds(t, with(w.app, "CAN_VIEW"))
			})},
		resource.TestStep{Config: w.toApp(attr("permission_level", "CAN_VIEW")), Destroy: true,
			ConfigPlanChecks: during("PUT")},
	)
	w.holds(t, grantsOfOthers())
	if len(w.warnings) > 0 {
		t.Errorf("warnings: %q", w.warnings)
	}
}

// Every answer says that the write failed, and the grant exists all the same: it must be in the state, or nobody would
// revoke it.
func TestEveryAnswerIsAFailure(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{"dropped": {Drop: "after"},
		"500": {Status: 500, WorkDone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "1"
			fault.Service, fault.Method, fault.Path, fault.Times = "workspace", "PATCH", listPath, -1
			w.Tenant.Faults.Add(fault)
			w.run(t,
				resource.TestStep{Config: w.toApp(), Check: on(func() { w.holds(t, with(w.app, "CAN_QUERY")) })},
				resource.TestStep{PreConfig: w.Tenant.Faults.Clear, Config: w.toApp(), ConfigPlanChecks: empty},
			)
			w.holds(t, grantsOfOthers())
		})
	}
}

// If the list cannot be read either, the apply fails although the grant exists. The next apply finds and adopts the
// grant.
func TestLostAnswerThenApplyAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "1"
	w.run(t,
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Drop: "after",
					Times: -1})
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 1,
					Times: -1, Status: 503})
			},
			Config: w.toApp(), ExpectError: acctest.Says("Cannot grant access", "got no answer",
				"does not know whether the change was made", "terraform plan"),
		},
		resource.TestStep{
			PreConfig: func() {
				w.holds(t, with(w.app, "CAN_QUERY"))
				w.Tenant.Faults.Clear()
			},
			Config: w.toApp(), ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate),
		},
		resource.TestStep{Config: w.toApp(), ConfigPlanChecks: empty},
	)
	w.holds(t, grantsOfOthers())
}

// The provider repeats a request if the service is busy or is just changing the list.
func TestRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, f := range []emulator.Fault{
		{Method: "GET", Path: "/api/2.0/serving-endpoints/*", Status: 503, Code: "TEMPORARILY_UNAVAILABLE"},
		{Method: "GET", Path: listPath, Status: 429, Code: "REQUEST_LIMIT_EXCEEDED", RetryAfter: 1},
		{Method: "PATCH", Path: listPath, Status: 409, Code: "ABORTED"},
	} {
		f.Service = "workspace"
		w.Tenant.Faults.Add(f)
	}
	w.run(t, resource.TestStep{Config: w.toApp(), Check: on(func() { w.holds(t, with(w.app, "CAN_QUERY")) })})
	w.holds(t, grantsOfOthers())
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Delay: 5 * time.Second})
	w.run(t, resource.TestStep{
		Config:      w.toApp(`timeouts = { create = "1s" }`),
		ExpectError: acctest.Says("Cannot grant access", "The operation took longer than timeouts allows"),
	})
}

// A provider whose host was changed to another workspace must not conclude from "no such endpoint" that the endpoint
// was deleted, and must not change an endpoint of the same name there.
func TestWrongWorkspace(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]bool{"without the endpoint": false, "with an endpoint of that name": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			other := w.Tenant.NewWorkspace(emulator.WorkspaceOptions{})
			other.AddServicePrincipal(w.Deployer.ClientID, "deployer")
			other.AddToGroup("admins", w.Deployer.ClientID)
			other.AddServicePrincipal(w.app, "iris-scoring")
			if there {
				other.CreateEndpoint("iris", "")
				other.SetGrant("iris", w.app, "CAN_QUERY")
			}
			server, err := emulator.Serve(w.Tenant, other)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })

			right := w.Env["DBXACCESS_HOST"]
			away := func() { w.Env["DBXACCESS_HOST"] = server.WorkspaceURLs[0] }
			wrong := acctest.Says("Wrong workspace", "iris-scoring", "created in workspace "+w.Workspace.ID(),
				"is workspace "+other.ID())
			w.run(t,
				resource.TestStep{Config: w.toApp()},
				resource.TestStep{PreConfig: away, Config: w.toApp(), ExpectError: wrong},
				resource.TestStep{Config: w.toApp(), Destroy: true, ExpectError: wrong},
				resource.TestStep{PreConfig: func() {
					w.Env["DBXACCESS_HOST"] = right
				}, Config: w.toApp(), ConfigPlanChecks: empty},
				// The host changes only after the plan: then neither an update nor a destroy writes to the other
				// workspace.
				resource.TestStep{
					Config:           w.toApp(attr("permission_level", "CAN_VIEW")),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{between(away)}},
					ExpectError:      wrong,
				},
				resource.TestStep{
					PreConfig: func() { w.Env["DBXACCESS_HOST"] = right },
					Config:    w.toApp(), Destroy: true,
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{between(away)}},
					ExpectError:      wrong,
				},
				resource.TestStep{PreConfig: func() {
					w.Env["DBXACCESS_HOST"] = right
				}, Config: w.toApp(), ConfigPlanChecks: empty},
			)
			if there && other.Grants("iris")[w.app] != "CAN_QUERY" {
				t.Errorf("the other workspace was touched: %v", other.Grants("iris"))
			}
			w.holds(t, grantsOfOthers())
		})
	}
}

// A creation that failed does not keep the grant: another resource of the same run can revoke it.
func TestFailedCreateDoesNotKeepTheGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const name = "dbxaccess_serving_endpoint_permission"
	config := map[string]any{"endpoint_name": "iris", "service_principal_name": w.app}
	made := w.Protocol(t).MustApply(t, name, acctest.Object{}, config)
	config["permission_level"] = "CAN_MANAGE"
	p := w.Protocol(t)
	if _, errors := p.Apply(t, name, acctest.Object{}, config); !strings.Contains(errors, "already has the direct "+
		"permission level CAN_QUERY") {
		t.Fatal(errors)
	}
	if _, errors := p.Apply(t, name, made, nil); errors != "" {
		t.Error(errors)
	}
	w.holds(t, grantsOfOthers())
}

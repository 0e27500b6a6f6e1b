package servingendpointquery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const expectDenied = "expect_denied = true"

func TestExpectDenied(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, token, id := addApp(w)
	w.Test(t, resource.TestStep{
		Config: asToken(w, token, expectDenied, "store_response = true"),
		ConfigStateChecks: []statecheck.StateCheck{
			is("status", knownvalue.Int64Exact(403)),
			is("response", knownvalue.Null()),
			is("served_model", knownvalue.Null()),
		},
	})
	for _, who := range callers(w) {
		if who != application+" 403" {
			t.Errorf("asked as %s", who)
		}
	}
	// CAN_VIEW is not enough to query, so the endpoint still refuses.
	w.Workspace.SetGrant("iris", application, "CAN_VIEW")
	w.Test(t, resource.TestStep{Config: asToken(w, token, expectDenied),
		ConfigStateChecks: []statecheck.StateCheck{is("status", knownvalue.Int64Exact(403))}})

	// An answer is an error, because the principal should have been refused.
	w.Workspace.SetGrant("iris", application, "CAN_QUERY")
	w.Tenant.Journal.Reset()
	w.Test(t, resource.TestStep{Config: asToken(w, token, expectDenied, twoTries),
		ExpectError: acctest.Says("Cannot score serving endpoint", "expect_denied", "the endpoint answered",
			"has CAN_QUERY or CAN_MANAGE", "dbxaccess_serving_endpoint_access")})
	if asked := callers(w); len(asked) != 1 {
		t.Errorf("asked %q, want once", asked)
	}

	// An invalid token proves nothing.
	w.Workspace.RevokeToken(id)
	w.Test(t, resource.TestStep{Config: asToken(w, token, expectDenied),
		ExpectError: acctest.Says("Cannot score serving endpoint", "does not accept the token", "does not prove "+
			"that its owner lacks CAN_QUERY")})
	// A payload that the model refuses, or a missing endpoint, proves nothing either.
	w.Test(t, resource.TestStep{Config: strings.Replace(asProvider(expectDenied), `"iris"`, `"rose"`, 1),
		ExpectError: acctest.Says("Cannot score serving endpoint", `no serving endpoint named "rose"`)})
}

// The endpoint may honour a right for a moment after this run has revoked it.
func TestExpectDeniedAfterRevocation(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, token, _ := addApp(w)
	grant := func(level string) string {
		return `
resource "dbxaccess_serving_endpoint_permission" "x" {
  endpoint_name          = "iris"
  service_principal_name = "` + application + `"
  permission_level       = "` + level + `"
}
`
	}
	query := asToken(w, token, expectDenied, "depends_on = [dbxaccess_serving_endpoint_permission.x]")
	// The endpoint answers once as if nothing had happened.
	w.Test(t,
		resource.TestStep{Config: grant("CAN_QUERY")},
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: invocations, Status: 200,
					Body: `{"predictions":["setosa"]}`, ContentType: "application/json"})
			},
			Config:            grant("CAN_VIEW") + query,
			ConfigStateChecks: []statecheck.StateCheck{is("status", knownvalue.Int64Exact(403))},
		},
	)
	if asked := callers(w); len(asked) < 2 || asked[0] != " 200" || asked[1] != application+" 403" {
		t.Errorf("asked %q, want an answer and then a refusal", asked)
	}
}

func TestRouteOptimized(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	id := w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	application, token, _ := addApp(w)
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	fast := func(config string) string { return strings.Replace(config, `"iris"`, `"fast"`, 1) }
	refused := acctest.Says("Cannot score serving endpoint", "The endpoint is route-optimized",
		"accepts no personal access token", id+".3.serving", "oauth_secret")
	bearer, err := w.Tenant.IssueAccessToken(application, emulator.DatabricksResource, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range []string{asToken(w, token), asToken(w, bearer), asProvider(),
		asToken(w, token, expectDenied)} {
		w.Test(t, resource.TestStep{Config: fast(config), ExpectError: refused})
	}
	// The error is the same, whatever the words of the service's refusal.
	for _, refusal := range []emulator.Refusal{{Status: 403, Code: "PERMISSION_DENIED", Message: "no"},
		{Status: 400, Code: "BAD_REQUEST", Message: "no"}} {
		w.Workspace.SetSwitches(emulator.WorkspaceSwitches{RouteOptimizedRefused: refusal})
		w.Test(t, resource.TestStep{Config: fast(asToken(w, token)), ExpectError: refused})
	}
	// A provider that may not see the endpoint reports what it knows.
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{})
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Test(t, resource.TestStep{Config: fast(asToken(w, token)), ExpectError: acctest.Says("does not accept the token",
		"revoked")})
}

// One attempt may take longer than the provider's own timeout for a call, because a model may work for minutes.
func TestSlowModel(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Env["DBXACCESS_HTTP_TIMEOUT_SECONDS"] = "1"
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: invocations, Delay: 2 * time.Second})
	// The timeout leaves time for one attempt, but not for the pause and a second one.
	w.Test(t, resource.TestStep{Config: asProvider(`timeouts = { read = "6s" }`),
		ConfigStateChecks: []statecheck.StateCheck{is("status", knownvalue.Int64Exact(200))}})
}

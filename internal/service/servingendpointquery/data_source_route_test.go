package servingendpointquery_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A route-optimized endpoint refuses whoever comes this way, who may call it as well as who may not: its refusal is no
// proof of a missing right.
func TestRouteOptimizedProvesNothing(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	application, token, _ := addApp(w)
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{RouteOptimizedRefused: emulator.Refusal{Status: 403, Code: "PERMISSION_DENIED", Message: "no"}})
	w.Test(t, resource.TestStep{
		Config:      strings.Replace(asToken(w, token, expectDenied), `"iris"`, `"fast"`, 1),
		ExpectError: acctest.Says("Cannot score serving endpoint", "The endpoint is route-optimized", "query_as = \"oauth_secret\""),
	})
}

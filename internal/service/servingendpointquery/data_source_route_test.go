package servingendpointquery_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A route-optimized endpoint refuses everybody at the workspace's address, with or without the right to query, so its
// refusal does not prove that a right is missing.
func TestRouteOptimizedProvesNothing(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	application, token, _ := addApp(w)
	w.Workspace.SetGrant("fast", application, "CAN_QUERY")
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{RouteOptimizedRefused: emulator.Refusal{Status: 403,
		Code: "PERMISSION_DENIED", Message: "no"}})
	w.Test(t, resource.TestStep{
		Config: strings.Replace(asToken(w, token, expectDenied), `"iris"`, `"fast"`, 1),
		ExpectError: acctest.Says("Cannot score serving endpoint", "The endpoint is route-optimized",
			"query_as = \"oauth_secret\""),
	})
}

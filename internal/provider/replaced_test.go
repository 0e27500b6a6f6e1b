package provider_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// The endpoint or group to which a grant, a list or a membership moves cannot be found. The plan warns that the old
// object is destroyed first; with create_before_destroy it stays. The plan is the same if the apply creates the missing
// target, so this is no error, and a destroy still works.
func TestReplacementThatCannotBeFound(t *testing.T) {
	t.Parallel()
	config := func(w *acctest.World, lifecycle, iris, fresh, group string) string {
		hcl := keptConfig(w, lifecycle)
		return strings.NewReplacer(`"iris"`, iris, `"fresh"`, fresh, `"data scientists"`, group).Replace(hcl)
	}
	warnings := func(w *acctest.World) []string {
		const before = "Replacement cannot be created now: "
		return []string{
			before + "CAN_QUERY on serving endpoint iris for service_principal_name=" + w.ScoringApp.ClientID,
			before + "the access list of serving endpoint fresh",
			before + "service principal " + w.ScoringApp.ClientID + " in group data scientists",
			`There is no serving endpoint named "irys" in this workspace.`, `Endpoints with similar names: "iris"`, `the workspace has no group "data science"`,
			"correct endpoint_name first. With create_before_destroy = true",
			"correct group_name first. With create_before_destroy = true",
		}
	}
	for _, lifecycle := range []string{createFirst, destroyFirst} {
		t.Run(lifecycle, func(t *testing.T) {
			t.Parallel()
			w := keptWorld(t)
			c := w.CLI(t, config(w, lifecycle, `"iris"`, `"fresh"`, `"data scientists"`))
			c.MustRun(t, 0, "apply", "-auto-approve")
			before := w.Workspace.Snapshot()
			c.Rewrite(t, config(w, lifecycle, `"irys"`, `"flesh"`, `"data science"`))
			c.MustRun(t, 0, "plan", "-out=p").MustSay(t, warnings(w)...)
			c.MustRun(t, 1, "apply", "p").MustSay(t, "Cannot grant access to serving endpoint",
				"Cannot create the access list", "Cannot add to group")
			after := w.Workspace.Snapshot()
			stays := reflect.DeepEqual(after.Endpoints, before.Endpoints) &&
				reflect.DeepEqual(after.Groups, before.Groups)
			if stays != (lifecycle == createFirst) {
				t.Errorf("what was to be replaced stays: %t; the workspace holds %v and %v", stays, after.Endpoints,
					after.Groups)
			}
			c.MustRun(t, 0, "destroy", "-auto-approve")
		})
	}

	// If the apply creates the endpoint, Terraform destroys the grant first, in every order. So an error here would
	// never go away.
	for _, parallelism := range []string{"-parallelism=1", "-parallelism=10"} {
		t.Run("created by the apply, "+parallelism, func(t *testing.T) {
			t.Parallel()
			w := keptWorld(t)
			c := w.CLI(t, "")
			w.ServeEndpoints(t, c)
			config := func(name, endpointID string) string {
				return fmt.Sprintf(acctest.EndpointSource+`
resource "stub_endpoint" "x" {
  name    = %q
  creator = ""
  version = "1"
}

resource "dbxaccess_serving_endpoint_permission" "grant" {
  endpoint_name          = stub_endpoint.x.name
  service_principal_name = %q
  %s
}
`, name, w.ScoringApp.ClientID, endpointID)
			}
			c.Rewrite(t, config("first", ""))
			c.MustRun(t, 0, "apply", "-auto-approve")
			c.Rewrite(t, config("second", ""))
			c.MustRun(t, 0, "apply", "-auto-approve", parallelism).MustSay(t, "Replacement cannot be created now",
				"If this apply creates what is missing, the replacement succeeds.")
			if w.Workspace.Grants("second")[w.ScoringApp.ClientID] != "CAN_QUERY" {
				t.Errorf("the renamed endpoint holds %v", w.Workspace.Grants("second"))
			}
			c.Rewrite(t, config("third", "endpoint_id = stub_endpoint.x.id"))
			c.MustRun(t, 0, "apply", "-auto-approve", parallelism).MustNotSay(t, "Warning: Replacement cannot")
			c.MustRun(t, 0, "plan", "-detailed-exitcode")
		})
	}
}

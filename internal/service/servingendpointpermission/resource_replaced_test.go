package servingendpointpermission_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Another resource replaces the endpoint in the same apply, and endpoint_id is not set. A grant with
// replace_triggered_by is created in that apply, any other grant in the next one.
func TestEndpointReplacedWithoutItsID(t *testing.T) {
	t.Parallel()
	config := func(w *world, version, line string) string {
		return `
resource "stub_endpoint" "x" {
  name    = "fresh"
  creator = "ada@example.com"
  version = "` + version + `"
}

resource "dbxaccess_serving_endpoint_permission" "x" {
  endpoint_name          = stub_endpoint.x.name
  service_principal_name = "` + w.app + `"
  ` + line + `
}
`
	}
	holds := func(t *testing.T, w *world, want map[string]string) resource.TestCheckFunc {
		return on(func() {
			if got := w.Workspace.Grants("fresh"); !maps.Equal(got, want) {
				t.Errorf("the endpoint holds %v, want %v", got, want)
			}
		})
	}
	granted, creatorAlone := func(w *world) map[string]string {
		return map[string]string{person: "CAN_MANAGE", w.app: "CAN_QUERY"}
	}, map[string]string{person: "CAN_MANAGE"}
	t.Run("replaced with it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		const line = "lifecycle {\n    replace_triggered_by = [stub_endpoint.x.id]\n  }"
		resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.WithEndpoints(w.Providers()),
			Steps: []resource.TestStep{
				{Config: config(w, "1", line), Check: holds(t, w, granted(w))},
				{
					Config:           config(w, "2", line),
					ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
					Check:            holds(t, w, granted(w)),
				},
			}})
	})
	t.Run("by the next apply", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.WithEndpoints(w.Providers()), Steps: []resource.TestStep{
			{Config: config(w, "1", ""), Check: holds(t, w, granted(w))},
			{Config: config(w, "2", ""), Check: holds(t, w, creatorAlone), ExpectNonEmptyPlan: true},
			{Config: config(w, "2", ""), ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate), Check: holds(t, w, granted(w))},
		}})
	})
}

// The endpoint is re-created between plan and apply: the provider writes nothing to the list of the deleted endpoint.
func TestEndpointRecreatedBeforeUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Commands(t, w.toApp(attr("permission_level", "CAN_VIEW")))
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.Rewrite(t, w.toApp())
	c.MustRun(t, 0, "plan", "-out=p")
	w.Workspace.DeleteEndpoint("iris")
	w.Workspace.CreateEndpoint("iris", person)
	w.Tenant.Journal.Reset()
	said := strings.Join(strings.Fields(strings.ReplaceAll(c.MustRun(t, 1, "apply", "p").Stderr, "│", "")), " ")
	for _, words := range []string{"Cannot change access to serving endpoint", "endpoint_id is " + w.EndpointID,
		"re-created after the plan: plan again"} {
		if !strings.Contains(said, words) {
			t.Errorf("the apply does not say %q:\n%s", words, said)
		}
	}
	if w.Count("workspace", "PATCH", "permissions") > 0 {
		t.Error("the old endpoint's list was written")
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.holds(t, map[string]string{person: "CAN_MANAGE", w.app: "CAN_QUERY"})
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
}

// One grant has two addresses. If one address is removed, the other may lose the grant, in whatever order Terraform
// works. The plan says what to write instead, and does not warn if that is written.
func TestGrantAtTwoAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateEndpoint("other", person)
	warning := "Removed at one address and kept at another: iris/" + w.app
	c := w.CLI(t, w.toApp())
	run := func(code int, warns bool, config string, args ...string) {
		t.Helper()
		c.Rewrite(t, config)
		r := c.MustRun(t, code, args...)
		if said := r.Text(); strings.Contains(said, warning) != warns ||
			strings.Contains(said, "from = dbxaccess_serving_endpoint_permission.OLD") != warns {
			t.Errorf("%v: warned is %v:\n%s", args, !warns, said)
		}
	}
	at := func(address string) string { return strings.Replace(w.toApp(), `"x"`, `"`+address+`"`, 1) }
	run(0, false, at("x"), "apply", "-auto-approve")
	run(2, true, strings.Replace(at("x"), `"iris"`, `"other"`, 1)+at("y"), "plan", "-detailed-exitcode")
	run(0, false, at("x")+at("y"), "apply", "-auto-approve")
	run(2, true, at("x"), "plan", "-detailed-exitcode")
	run(0, false, at("x")+"removed {\n  from = dbxaccess_serving_endpoint_permission.y\n  lifecycle {\n    destroy "+
		"= false\n  }\n}\n", "apply", "-auto-approve")
	run(0, false, at("z")+"moved {\n  from = dbxaccess_serving_endpoint_permission.x\n  to   = "+
		"dbxaccess_serving_endpoint_permission.z\n}\n", "apply", "-auto-approve")
	w.holds(t, with(w.app, "CAN_QUERY"))
	run(0, false, at("z"), "plan", "-detailed-exitcode")
	run(0, false, at("z"), "destroy", "-auto-approve")
	w.holds(t, grantsOfOthers())
}

// The creator of an endpoint manages it by a grant. If this grant is adopted, lowered or destroyed, the plan says which
// right depends on it. If it is replaced, it stays, because without it the provider could not create it again.
func TestOwnCanManage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	self := w.Deployer.ClientID
	w.Workspace.SetGrant("iris", self, "CAN_MANAGE")
	w.Workspace.RemoveFromGroup("admins", self)
	config := hcl(attr("service_principal_name", self), attr("permission_level", "CAN_MANAGE"))
	const adopts, givesUp = "Manages the provider's own CAN_MANAGE on serving " +
		"endpoint: iris", "The provider gives up its own CAN_MANAGE on serving endpoint: iris"
	c := w.CLI(t, config)
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, adopts)
	c.MustRun(t, 0, "plan", "-detailed-exitcode").MustNotSay(t, adopts, givesUp)
	c.MustRun(t, 0, "apply", "-auto-approve", "-replace="+address).MustSay(t, "Not destroyed, because the same run "+
		"keeps it: CAN_MANAGE on serving endpoint iris")
	w.holds(t, with(self, "CAN_MANAGE"))
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.Rewrite(t, hcl(attr("service_principal_name", self)))
	c.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, givesUp)
	c.Rewrite(t, config)
	c.MustRun(t, 0, "destroy", "-auto-approve").MustSay(t, givesUp)
	w.holds(t, grantsOfOthers())
}

package servingendpointpermissionsexclusive_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// replace_triggered_by can replace the list together with its endpoint. Whether that takes minutes or a second, the
// list is written to the new endpoint: the id of the old one still answers, and would accept a list without effect.
func TestReplacedWithItsEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(version string) string {
		return `
resource "stub_endpoint" "x" {
  name    = "fresh"
  creator = "ada@example.com"
  version = "` + version + `"
}

resource "dbxaccess_serving_endpoint_permissions_exclusive" "x" {
  endpoint_name = stub_endpoint.x.name
  ` + list("service_principals", w.app, "CAN_QUERY") + `
  ` + list("users", ada, "CAN_MANAGE") + `

  lifecycle {
    replace_triggered_by = [stub_endpoint.x.id]
  }
}
`
	}
	granted := on(func() {
		if got := w.Workspace.Grants("fresh"); !maps.Equal(got, w.usualGrants()) {
			t.Errorf("the endpoint holds %v, want %v", got, w.usualGrants())
		}
	})
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.WithEndpoints(w.Providers()),
		Steps: []resource.TestStep{
			{Config: config("1"), Check: granted},
			{
				Config: config("2"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionDestroyBeforeCreate),
				}},
				Check: granted,
			},
		}})
}

// Unlisted grants on the old endpoint do not matter for the new endpoint.
func TestReplacedByAnotherEndpoint(t *testing.T) {
	t.Parallel()
	for name, onUnlisted := range map[string]string{"error": "error", "warn": "warn"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.CreateEndpoint("other", ada)
			config := w.usualList(`on_unlisted = "` + onUnlisted + `"`)
			c := w.terraform(t, config)
			c.apply(t)
			w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
			c.Rewrite(t, strings.Replace(config, `"iris"`, `"other"`, 1))
			c.plan(t, 2).MustNotSay(t, "Grants stand", bob)
			c.apply(t)
			w.holds(t, levels{bob: "CAN_VIEW"})
			if got := w.Workspace.Grants("other"); !maps.Equal(got, w.usualGrants()) {
				t.Errorf("the other endpoint holds %v", got)
			}
			c.plan(t, 0)
		})
	}
}

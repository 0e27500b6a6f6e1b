package servingendpointpermissionsexclusive_test

import (
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// Each row changes something outside of Terraform. The test checks the plan's exit code and text, that one apply
// corrects the drift, and that the next plan is empty.
func TestDrift(t *testing.T) {
	t.Parallel()
	for name, drift := range map[string]struct {
		lines   []string
		happens func(*world)
		code    int
		says    func(*world) []string
		after   func(*world, levels) // the grants that remain beside those of the configuration
	}{
		"grant removed": {
			happens: func(w *world) { w.Workspace.RemoveGrant("iris", w.app) }, code: 2,
			says: func(w *world) []string { return []string{`+ "` + w.app + `" = "CAN_QUERY"`} },
		},
		"level raised": {
			happens: func(w *world) { w.Workspace.SetGrant("iris", w.app, "CAN_MANAGE") }, code: 2,
			says: func(w *world) []string { return []string{`~ "` + w.app + `" = "CAN_MANAGE" -> "CAN_QUERY"`} },
		},
		"level lowered": {
			happens: func(w *world) { w.Workspace.SetGrant("iris", ada, "CAN_VIEW") }, code: 2,
			says: func(*world) []string { return []string{`~ "ada@example.com" = "CAN_VIEW" -> "CAN_MANAGE"`} },
		},
		"foreign grant": {
			happens: func(w *world) { w.Workspace.SetGrant("iris", bob, "CAN_VIEW") }, code: 2,
			says: func(*world) []string { return []string{`- "bob@example.com" = "CAN_VIEW"`} },
		},
		"foreign grant of a kind that is not listed": {
			happens: func(w *world) { w.Workspace.SetGrant("iris", team, "CAN_MANAGE") }, code: 2,
			says: func(*world) []string { return []string{`- groups = {`, `- "data scientists" = "CAN_MANAGE"`} },
		},
		"foreign grant, warned of": {
			lines:   []string{`on_unlisted = "warn"`},
			happens: func(w *world) { w.Workspace.SetGrant("iris", bob, "CAN_VIEW") }, code: 0,
			says: func(*world) []string {
				return []string{"Unlisted grants on serving endpoint: iris", "user_name=bob@example.com (Bob) CAN_VIEW",
					"No changes"}
			},
			after: func(_ *world, l levels) { l[bob] = "CAN_VIEW" },
		},
		"foreign grant and a level, warned of": {
			lines: []string{`on_unlisted = "warn"`},
			happens: func(w *world) {
				w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
				w.Workspace.SetGrant("iris", w.app, "CAN_VIEW")
			}, code: 2,
			says: func(w *world) []string {
				return []string{"(Bob) CAN_VIEW", `~ "` + w.app + `" = "CAN_VIEW" -> "CAN_QUERY"`}
			},
			after: func(_ *world, l levels) { l[bob] = "CAN_VIEW" },
		},
		"principal renamed": {
			happens: func(w *world) { w.Workspace.SetDisplayName(w.app, "another name") }, code: 0,
		},
		"inherited level higher than ours": {
			happens: func(w *world) { w.Workspace.AddToGroup("admins", w.app) }, code: 0,
		},
		"direct grant of admins": {
			happens: func(w *world) { w.Workspace.SetGrant("iris", "admins", "CAN_MANAGE") }, code: 0,
			after: func(_ *world, l levels) { l["admins"] = "CAN_MANAGE" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.terraform(t, w.usualList(drift.lines...))
			c.apply(t)
			drift.happens(w)
			plan := c.plan(t, drift.code)
			if drift.says != nil {
				plan.MustSay(t, drift.says(w)...)
			}
			c.apply(t)
			want := w.usualGrants()
			if drift.after != nil {
				drift.after(w, want)
			}
			w.holds(t, want)
			c.plan(t, 0)
		})
	}
}

// A foreign grant makes every apply fail until somebody decides: to revoke it, to list it, to ignore it, or only to
// warn about it.
func TestForeignGrantIsAnError(t *testing.T) {
	t.Parallel()
	for name, heal := range map[string]struct {
		decide func(*testing.T, *world, terraform)
		code   int
		stays  bool
	}{
		"taken away": {func(_ *testing.T, w *world, _ terraform) { w.Workspace.RemoveGrant("iris", bob) }, 0, false},
		"listed": {func(t *testing.T, w *world, c terraform) {
			c.Rewrite(t, hcl(list("service_principals", w.app, "CAN_QUERY"), list("users", ada, "CAN_MANAGE", bob,
				"CAN_VIEW"), `on_unlisted = "error"`))
		}, 2, true},
		"ignored": {func(t *testing.T, w *world, c terraform) {
			c.Rewrite(t, w.usualList(`on_unlisted = "error"`, `ignore_principals = ["user_name=bob@example.com"]`))
		}, 2, true},
		"only warned of": {func(t *testing.T, w *world, c terraform) { c.Rewrite(t, w.usualList(`on_unlisted = "warn"`)) }, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.terraform(t, w.usualList(`on_unlisted = "error"`))
			c.apply(t)
			w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
			c.plan(t, 2).MustSay(t, "The apply will fail because of unlisted grants on serving endpoint: iris",
				"user_name=bob@example.com (Bob) CAN_VIEW", "on_unlisted")
			before := c.Attributes(t, address)
			c.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Cannot change the access list of serving endpoint",
				"neither configured nor in ignore_principals: user_name=bob@example.com (Bob) CAN_VIEW",
				"Nothing was changed")
			if after := c.Attributes(t, address); before == nil || !reflect.DeepEqual(before, after) {
				t.Errorf("the failed apply has changed the state from %v to %v", before, after)
			}
			c.plan(t, 2) // the error stays as long as its cause
			heal.decide(t, w, c)
			c.plan(t, heal.code)
			c.apply(t)
			c.plan(t, 0)
			want := w.usualGrants()
			if heal.stays {
				want[bob] = "CAN_VIEW"
			}
			w.holds(t, want)
		})
	}
}

// on_unlisted changes to "remove": the removals appear in a later plan of their own, never in an apply whose plan does
// not show them.
func TestOnUnlistedChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c := w.terraform(t, w.usualList(`on_unlisted = "warn"`))
	c.apply(t)
	c.Rewrite(t, w.usualList())
	c.apply(t).MustSay(t, "Unlisted grants will be removed later on serving endpoint: iris", "(Bob) CAN_VIEW",
		"The next plan shows that it revokes them")
	both := w.usualGrants()
	both[bob] = "CAN_VIEW"
	w.holds(t, both)
	c.plan(t, 2).MustSay(t, `- "bob@example.com" = "CAN_VIEW"`)

	// After the change back, the grants that the state would remove stay, because this resource did not apply them.
	c.Rewrite(t, w.usualList(`on_unlisted = "error"`))
	c.plan(t, 2).MustSay(t, "The apply will fail because of unlisted grants on serving endpoint: iris",
		"user_name=bob@example.com CAN_VIEW")
	c.Rewrite(t, w.usualList(`on_unlisted = "warn"`))
	c.apply(t).MustSay(t, "Unlisted grants on serving endpoint", "user_name=bob@example.com CAN_VIEW")
	w.holds(t, both)
	c.plan(t, 0)
	// A grant that this resource applied is removed when it is not listed any more.
	c.Rewrite(t, hcl(list("users", ada, "CAN_MANAGE"), `on_unlisted = "warn"`))
	c.apply(t)
	w.holds(t, levels{ada: "CAN_MANAGE", bob: "CAN_VIEW"})
	c.plan(t, 0)
}

var oldLists = map[string]emulator.WorkspaceSwitches{
	"old list readable": {},
	"old list fixed":    {DeletedListReadOnly: true},
	"old list gone":     {DeletedListGone: true},
}

// An endpoint that is created again under its name has another id and its own access list. The old list may still
// answer as if nothing had happened.
func TestEndpointRecreated(t *testing.T) {
	t.Parallel()
	for name, switches := range oldLists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(switches)
			c := w.terraform(t, w.usualList())
			c.apply(t)
			w.Workspace.DeleteEndpoint("iris")
			id := w.Workspace.CreateEndpoint("iris", bob)
			c.plan(t, 2).MustSay(t, "Serving endpoint was re-created under its name, with an access list of its "+
				"own: iris", w.EndpointID, id,
				`+ "ada@example.com" = "CAN_MANAGE"`, `- "bob@example.com" = "CAN_MANAGE"`, `+ "`+w.app+
					`" = "CAN_QUERY"`, "will be updated in-place")
			c.apply(t)
			w.holds(t, w.usualGrants())
			c.plan(t, 0)
			c.destroy(t)
			w.holds(t, levels{})
		})
	}
}

// Destroying removes nothing from an endpoint on which this resource applied no grant.
func TestEndpointRecreatedThenDestroyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.terraform(t, w.usualList())
	c.apply(t)
	w.Workspace.DeleteEndpoint("iris")
	w.Workspace.CreateEndpoint("iris", ada)
	c.destroy(t).MustSay(t, "Nothing was removed from the access list of serving endpoint: iris")
	w.holds(t, levels{ada: "CAN_MANAGE"})
}

// The endpoint is re-created between plan and apply: the provider writes nothing to the list of the deleted endpoint.
func TestEndpointRecreatedBeforeUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.terraform(t, w.usualList())
	c.apply(t)
	c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
	c.MustRun(t, 0, "plan", "-out=p")
	w.Workspace.DeleteEndpoint("iris")
	w.Workspace.CreateEndpoint("iris", ada)
	c.MustRun(t, 1, "apply", "p").MustSay(t, "Cannot change the access list of serving endpoint", "endpoint_id is "+
		w.EndpointID, "re-created after the plan: plan again")
	c.apply(t)
	want := w.usualGrants()
	want[team] = "CAN_VIEW"
	w.holds(t, want)
	c.plan(t, 0)
}

func TestEndpointDeleted(t *testing.T) {
	t.Parallel()
	for name, switches := range oldLists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(switches)
			c := w.terraform(t, w.usualList())
			c.apply(t)
			w.Workspace.DeleteEndpoint("iris")
			c.plan(t, 2).MustSay(t, "Serving endpoint is gone, and its access list with it: iris", "will be created",
				"+ removed_on_create = []")
			c.refused(t).MustSay(t, "Cannot create the access list of serving endpoint",
				`no serving endpoint named "iris"`)
			w.Workspace.CreateEndpoint("iris", ada)
			c.apply(t)
			w.holds(t, w.usualGrants())
			c.plan(t, 0)
			// If the endpoint is deleted before or during the destroy, the destroy succeeds.
			c.MustRun(t, 0, "plan", "-destroy", "-out=p")
			w.Workspace.DeleteEndpoint("iris")
			c.MustRun(t, 0, "apply", "p")
		})
	}
}

// A principal that was removed from the workspace shows as a missing grant, and the grant cannot be created again.
func TestPrincipalDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.terraform(t, w.usualList())
	c.apply(t)
	w.Workspace.RemovePrincipal(w.app)
	c.plan(t, 2).MustSay(t, `+ "`+w.app+`" = "CAN_QUERY"`)
	c.refused(t).MustSay(t, "Cannot change the access list of serving endpoint", "service_principals", "no service "+
		"principal with the application id "+w.app)
	c.Rewrite(t, hcl(list("users", ada, "CAN_MANAGE")))
	c.apply(t)
	w.holds(t, levels{ada: "CAN_MANAGE"})
	c.plan(t, 0)
}

// Another resource replaces the endpoint in the same apply. If endpoint_id is set, that apply writes the list to the
// new endpoint; otherwise the next one does.
func TestEndpointReplacedInTheSameApply(t *testing.T) {
	t.Parallel()
	config := func(w *world, version, line string) string {
		return `
resource "stub_endpoint" "x" {
  name    = "fresh"
  creator = "ada@example.com"
  version = "` + version + `"
}

resource "dbxaccess_serving_endpoint_permissions_exclusive" "x" {
  endpoint_name = stub_endpoint.x.name
  ` + line + `
  ` + list("service_principals", w.app, "CAN_QUERY") + `
  ` + list("users", ada, "CAN_MANAGE") + `
}
`
	}
	granted := func(t *testing.T, w *world, want levels) resource.TestCheckFunc {
		return on(func() {
			if got := w.Workspace.Grants("fresh"); len(got) != len(want) || got[w.app] != want[w.app] ||
				got[ada] != want[ada] {
				t.Errorf("the endpoint holds %v, want %v", got, want)
			}
		})
	}
	t.Run("with its id", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		with := func(version string) string { return config(w, version, "endpoint_id = stub_endpoint.x.id") }
		resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.WithEndpoints(w.Providers()),
			Steps: []resource.TestStep{
				{Config: with("1"), Check: granted(t, w, w.usualGrants())},
				{
					Config: with("2"),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
						plancheck.ExpectUnknownValue(address, tfjsonpath.New("endpoint_id")),
					}},
					Check: granted(t, w, w.usualGrants()),
				},
			}})
	})
	t.Run("without its id", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.WithEndpoints(w.Providers()),
			Steps: []resource.TestStep{
				{Config: config(w, "1", ""), Check: granted(t, w, w.usualGrants())},
				{Config: config(w, "2", ""), Check: granted(t, w, levels{ada: "CAN_MANAGE"}), ExpectNonEmptyPlan: true},
				{Config: config(w, "2", ""), Check: granted(t, w, w.usualGrants())},
			}})
	})
}

// Terraform plans before it destroys. Neither a grant of somebody else, whether the list is in the state or not, nor a
// list that may not be read prevents the destroy.
func TestUnlistedGrantsDoNotPreventDestroy(t *testing.T) {
	t.Parallel()
	other := `
resource "dbxaccess_serving_endpoint_permission" "other" {
  endpoint_name = "other"
  user_name     = "bob@example.com"
}
`
	for name, test := range map[string]struct {
		first  string // configuration that is applied first; if empty, the list itself
		denied bool
	}{
		"in the state":     {},
		"not in the state": {first: other},
		"may not be read":  {first: other, denied: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.CreateEndpoint("other", ada)
			config := w.usualList(`on_unlisted = "error"`)
			if test.first != "" {
				config = test.first
			}
			c := w.terraform(t, config)
			c.apply(t)
			w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
			c.Rewrite(t, w.usualList(`on_unlisted = "error"`)+test.first)
			if test.denied {
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET",
					Path: "/api/2.0/permissions/serving-endpoints/" + w.EndpointID, Times: -1, Status: 403,
					Code: "PERMISSION_DENIED"})
			}
			c.MustRun(t, 0, "destroy", "-auto-approve")
			if left := c.Managed(t); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

package servingendpointpermissionsexclusive_test

import (
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]emulator.WorkspaceSwitches{
		"usual service": {},
		// PATCH is not documented to lower a level, nor to answer with the whole list.
		"a write only raises":    {PatchNeverLowers: true},
		"an answer shows a part": {PatchShowsPart: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(switches)
			c := w.terraform(t, w.usualList())
			c.apply(t)
			for _, step := range []levels{
				{ada: "CAN_MANAGE", w.app: "CAN_MANAGE"},                 // raises a level
				{ada: "CAN_MANAGE", w.app: "CAN_VIEW"},                   // lowers a level
				{ada: "CAN_MANAGE", w.app: "CAN_VIEW", bob: "CAN_QUERY"}, // adds a principal
				{w.app: "CAN_QUERY"},                                     // removes two principals and changes a level
			} {
				sps, users := []string{w.app, step[w.app]}, []string{}
				for _, name := range []string{ada, bob} {
					if step[name] != "" {
						users = append(users, name, step[name])
					}
				}
				c.Rewrite(t, hcl(list("service_principals", sps...), list("users", users...)))
				c.plan(t, 2).MustSay(t, "will be updated in-place", "0 to add, 1 to change, 0 to destroy")
				c.apply(t)
				w.holds(t, step)
				c.plan(t, 0)
			}
			c.destroy(t)
			w.holds(t, levels{})
		})
	}
}

// An update removes the grants whose removal its plan showed, and nothing else.
func TestUpdateRemovesOnlyGrantsShownInPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c := w.terraform(t, hcl(list("service_principals", w.app, "CAN_QUERY"), list("users", ada, "CAN_MANAGE",
		bob, "CAN_VIEW")))
	c.apply(t)
	c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
	c.MustRun(t, 0, "plan", "-out=p")
	w.Workspace.SetGrant("iris", neighbor, "CAN_MANAGE")
	w.Workspace.SetGrant("iris", bob, "CAN_QUERY") // removed, because the plan showed that, whatever its level by then
	w.Workspace.RemoveGrant("iris", w.app)         // listed, so it is granted again
	c.MustRun(t, 0, "apply", "p").MustSay(t, "Grants that the plan did not show were left on serving endpoint: iris",
		neighbor+" (neighbor) CAN_MANAGE")
	want := w.usualGrants()
	want[team], want[neighbor] = "CAN_VIEW", "CAN_MANAGE"
	w.holds(t, want)
	c.plan(t, 2).MustSay(t, `- "`+neighbor+`" = "CAN_MANAGE"`)
	c.apply(t).MustNotSay(t, "did not show")
	delete(want, neighbor)
	w.holds(t, want)
	c.plan(t, 0)
}

// The apply does not warn again about a grant about which the plan warned.
func TestApplyDoesNotRepeatPlanWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.terraform(t, w.usualList(`on_unlisted = "warn"`))
	c.apply(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c.Rewrite(t, w.usualList(`on_unlisted = "warn"`, list("groups", team, "CAN_VIEW")))
	c.apply(t).MustNotSay(t, "did not show")
	want := w.usualGrants()
	want[team], want[bob] = "CAN_VIEW", "CAN_VIEW"
	w.holds(t, want)
	c.plan(t, 0)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateEndpoint("other", bob)
	c := w.terraform(t, w.usualList())
	c.apply(t)
	c.Rewrite(t, strings.Replace(w.usualList(), `"iris"`, `"other"`, 1))
	c.plan(t, 2).MustSay(t, "must be replaced", "user_name/bob@example.com CAN_MANAGE")
	c.apply(t)
	w.holds(t, levels{})
	if got := w.Workspace.Grants("other"); len(got) != 2 || got[ada] != "CAN_MANAGE" || got[w.app] != "CAN_QUERY" {
		t.Errorf("the other endpoint holds %v", got)
	}
	c.plan(t, 0)
}

// Application ids and user names are compared without case, group names with case. The order of an answer means
// nothing.
func TestCasing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddGroup("Data Scientists")
	spelled := func(app, user string, lines ...string) string {
		return hcl(append([]string{list("service_principals", app, "CAN_QUERY"), list("users", user, "CAN_MANAGE", bob,
			"CAN_VIEW")}, lines...)...)
	}
	want := levels{w.app: "CAN_QUERY", ada: "CAN_MANAGE", bob: "CAN_VIEW"}
	c := w.terraform(t, spelled(strings.ToUpper(w.app), "Ada@Example.com"))
	c.apply(t)
	w.holds(t, want)
	c.plan(t, 0)
	for range 3 { // every answer has a different order
		c.plan(t, 0)
	}
	c.Rewrite(t, spelled(w.app, ada))
	c.plan(t, 0)
	// Another key changes as well: the plan may show the spelling, and the apply stores it.
	c.Rewrite(t, hcl(list("service_principals", w.app, "CAN_QUERY"), list("users", ada, "CAN_MANAGE")))
	c.apply(t).MustNotSay(t, "did not show")
	delete(want, bob)
	w.holds(t, want)
	c.plan(t, 0)

	c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
	c.apply(t)
	c.Rewrite(t, w.usualList(list("groups", "Data Scientists", "CAN_VIEW")))
	c.plan(t, 2).MustSay(t, `- "data scientists" = "CAN_VIEW"`, `+ "Data Scientists" = "CAN_VIEW"`)
	c.apply(t)
	want["Data Scientists"] = "CAN_VIEW"
	w.holds(t, want)
	c.plan(t, 0)
}

func TestEndpointID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := `endpoint_id = "` + strings.Repeat("0", 32) + `"`
	c := w.terraform(t, w.usualList(wrong))
	c.refused(t).MustSay(t, "Cannot create the access list of serving endpoint",
		"the endpoint with this name has the id "+w.EndpointID, "Correct endpoint_id")
	c.Rewrite(t, w.usualList(`endpoint_id = "`+w.EndpointID+`"`))
	c.apply(t)
	c.Rewrite(t, w.usualList())
	c.plan(t, 0)
	c.Rewrite(t, w.usualList(wrong))
	c.refused(t).MustSay(t, "Cannot change the access list of serving endpoint", "Correct endpoint_id")
	c.Rewrite(t, w.usualList())
	c.plan(t, 0)
	w.holds(t, w.usualGrants())
}

// The plan warns if one configuration manages both single grants and the whole list of one endpoint, whichever is
// planned first.
func TestListAndSingleGrantsBothManaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	single := `
resource "dbxaccess_serving_endpoint_permission" "one" {
  endpoint_name = "iris"
  user_name     = "bob@example.com"
}
`
	const warning = "Access list and single grants on one endpoint are both managed: iris"
	c := w.terraform(t, w.usualList(`depends_on = [dbxaccess_serving_endpoint_permission.one]`)+single)
	c.plan(t, 2).MustSay(t, warning, "user_name=bob@example.com", "Name their principals in ignore_principals")
	// In the other order the single grant is planned second.
	c.Rewrite(t, w.usualList()+strings.Replace(single, "user_name ", "depends_on = "+
		"[dbxaccess_serving_endpoint_permissions_exclusive.x]\n  user_name ", 1))
	c.plan(t, 2).MustSay(t, "Access list and single grant are both managed: iris")
	c.Rewrite(t, w.usualList(`ignore_principals = ["user_name=bob@example.com"]`)+single)
	c.apply(t).MustNotSay(t, warning)
	c.plan(t, 0).MustNotSay(t, warning)
	want := w.usualGrants()
	want[bob] = "CAN_QUERY"
	w.holds(t, want)
}

package servingendpointpermissionsexclusive_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	inconsistent = "Provider produced inconsistent final plan"
	planAgain    = "the access list has changed since the plan was created, or the configuration has principals that were not known when it was planned. Nothing was changed. Plan again."
)

// removed returns removed_on_create from the JSON of a saved plan.
func (c terraform) removed(t *testing.T, plan string) []string {
	t.Helper()
	var removed []string
	for _, value := range c.Saved(t,
		plan).ResourceChanges[0].Change.After.(map[string]any)["removed_on_create"].([]any) {
		removed = append(removed, value.(string))
	}
	return removed
}

// The plan shows whose grants a creation removes, for people and for programs.
func TestRemovedOnCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", neighbor, "CAN_QUERY")
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	w.Workspace.SetGrant("iris", w.app, "CAN_MANAGE") // listed at another level, so nothing is removed
	c := w.cli(t, w.usualList())
	c.MustRun(t, 2, "plan", "-detailed-exitcode", "-out=p").MustSay(t, "will be created",
		`+ removed_on_create = [ + "service_principal_name/`+neighbor+
			` CAN_QUERY", + "user_name/bob@example.com CAN_VIEW", ]`,
		"Creation removes grants on serving endpoint: iris", neighbor+" (neighbor) CAN_QUERY",
		"user_name=bob@example.com (Bob) CAN_VIEW")
	want := []string{"service_principal_name/" + neighbor + " CAN_QUERY", "user_name/bob@example.com CAN_VIEW"}
	if got := c.removed(t, "p"); !slices.Equal(got, want) {
		t.Errorf("the plan's JSON has %q, want %q", got, want)
	}
	c.MustRun(t, 0, "apply", "p")
	w.holds(t, w.usualGrants())
	c.plan(t, 0)
	c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
	c.plan(t, 2).MustNotSay(t, "removed_on_create")
}

// A grant that is added, raised or exchanged between plan and apply is not removed without a plan that shows that.
func TestListChangesBeforeCreate(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world){
		"one more":      func(w *world) { w.Workspace.SetGrant("iris", neighbor, "CAN_QUERY") },
		"another level": func(w *world) { w.Workspace.SetGrant("iris", bob, "CAN_MANAGE") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
			c := w.terraform(t, w.usualList())
			c.MustRun(t, 0, "plan", "-out=p")
			change(w)
			before := w.Workspace.Grants("iris")
			r := c.MustRun(t, 1, "apply", "p")
			r.MustSay(t, inconsistent, planAgain, "Creation removes grants on serving endpoint: iris")
			w.holds(t, before)
			if w.Count("workspace", "PUT", "permissions")+w.Count("workspace", "PATCH", "permissions") > 0 {
				t.Error("something was written")
			}
			// A new plan shows the removal, and its apply removes the grant.
			c.apply(t).MustSay(t, "removed_on_create")
			w.holds(t, w.usualGrants())
			c.plan(t, 0)
		})
	}
}

// If a principal's id is not known yet, the plan cannot know what is removed: it says that nothing is, and the apply
// removes nothing.
func TestUnknownPrincipals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemovePrincipal(w.app)
	config := `
resource "dbxaccess_service_principal" "new" {
  display_name = "made here"
}
` + hcl(`service_principals = { for id in [dbxaccess_service_principal.new.application_id] : id => "CAN_QUERY" }`,
		list("users", ada, "CAN_MANAGE"))

	t.Run("nothing to remove", func(t *testing.T) {
		c := w.terraform(t, config)
		c.plan(t, 2).MustSay(t, "+ removed_on_create = []", "+ service_principals = (known after apply)")
		c.apply(t).MustNotSay(t, "Creation removes grants")
		c.plan(t, 0)
		if got := w.Workspace.Grants("iris"); len(got) != 2 || got[ada] != "CAN_MANAGE" {
			t.Errorf("the endpoint holds %v", got)
		}
		c.destroy(t)
		w.holds(t, levels{})
	})
	t.Run("something to remove", func(t *testing.T) {
		w.Workspace.SetGrant("iris", ada, "CAN_MANAGE")
		w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
		c := w.terraform(t, config)
		c.refused(t).MustSay(t, "+ removed_on_create = []", inconsistent, planAgain,
			"user_name=bob@example.com (Bob) CAN_VIEW")
		w.holds(t, levels{ada: "CAN_MANAGE", bob: "CAN_VIEW"})
		c.apply(t).MustSay(t, "user_name/bob@example.com CAN_VIEW")
		c.plan(t, 0)
	})
}

// The plan names the unlisted grants that a creation leaves, and they stay.
func TestCreateLeavesUnlisted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c := w.terraform(t, w.usualList(`on_unlisted = "warn"`))
	c.apply(t).MustSay(t, "+ removed_on_create = []", "Unlisted grants on serving endpoint: iris",
		"The creation does not revoke them.", "(Bob) CAN_VIEW")
	both := w.usualGrants()
	both[bob] = "CAN_VIEW"
	w.holds(t, both)
	c.plan(t, 0).MustSay(t, "Unlisted grants on serving endpoint: iris", "(Bob) CAN_VIEW")
	c.destroy(t)
	w.holds(t, levels{bob: "CAN_VIEW"})
}

func TestCreateFailsOverUnlisted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c := w.terraform(t, w.usualList(`on_unlisted = "error"`))
	c.plan(t, 2).MustSay(t, "The apply will fail because of unlisted grants on serving endpoint: iris",
		"(Bob) CAN_VIEW", "ignore_principals")
	c.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Cannot create the access list of serving endpoint",
		"neither configured nor in ignore_principals: user_name=bob@example.com (Bob) CAN_VIEW", "Nothing was changed")
	w.Workspace.RemoveGrant("iris", bob)
	c.MustRun(t, 0, "plan", "-out=p")
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c.MustRun(t, 1, "apply", "p").MustSay(t, "neither configured nor in ignore_principals: "+
		"user_name=bob@example.com (Bob) CAN_VIEW")
	w.holds(t, levels{ada: "CAN_MANAGE", bob: "CAN_VIEW"})
	w.Workspace.RemoveGrant("iris", bob)
	c.apply(t)
	w.holds(t, w.usualGrants())
	c.plan(t, 0)
}

// A null map and an empty map both mean that nobody of that kind has a grant.
func TestEmptyAndNullMaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.terraform(t, hcl("users = {}"))
	c.plan(t, 2).MustSay(t, "user_name/ada@example.com CAN_MANAGE")
	c.apply(t)
	w.holds(t, levels{})
	c.plan(t, 0)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	w.Workspace.SetGrant("iris", w.app, "CAN_QUERY")
	c.plan(t, 2).MustSay(t, `- "bob@example.com" = "CAN_VIEW"`, `- "`+w.app+`" = "CAN_QUERY"`)
	c.apply(t)
	w.holds(t, levels{})
	c.plan(t, 0)
	c.Rewrite(t, hcl())
	c.apply(t)
	c.plan(t, 0)
}

// Grants of ignored principals are neither compared, removed nor changed, whatever their spelling. The same is true for
// grants that the service itself gives.
func TestIgnorePrincipals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	w.Workspace.SetGrant("iris", "admins", "CAN_MANAGE")
	ignore := `ignore_principals = ["user_name=BOB@example.com", "service_principal_name=` + strings.ToUpper(neighbor) +
		`", "group_name=` + team + `"]`
	c := w.terraform(t, w.usualList(ignore))
	c.apply(t).MustSay(t, "+ removed_on_create = []")
	want := w.usualGrants()
	want[bob], want["admins"] = "CAN_VIEW", "CAN_MANAGE"
	w.holds(t, want)
	for _, name := range []string{bob, neighbor, team} {
		w.Workspace.SetGrant("iris", name, "CAN_MANAGE")
		want[name] = "CAN_MANAGE"
	}
	c.plan(t, 0)
	c.Rewrite(t, w.usualList(strings.ReplaceAll(ignore, "BOB", "bob")))
	c.plan(t, 0)
	// The plan shows the removal of a foreign grant until its principal is ignored.
	c.Rewrite(t, w.usualList(ignore, list("groups")))
	c.apply(t)
	w.holds(t, want)
	c.Rewrite(t, w.usualList())
	c.apply(t).MustNotSay(t, "Error")
	c.plan(t, 2).MustSay(t, `- "bob@example.com" = "CAN_MANAGE"`, `- "`+neighbor+`" = "CAN_MANAGE"`,
		`- "data scientists" = "CAN_MANAGE"`)
	c.Rewrite(t, w.usualList(ignore))
	c.apply(t)
	w.holds(t, want)
	c.plan(t, 0)
}

// Even a grant that is added directly before the write, after Terraform compared the plans, is not removed.
func TestListChangesDuringCreate(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{"remove": `on_unlisted = "remove"`, "error": `on_unlisted = "error"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.terraform(t, w.usualList(line))
			c.MustRun(t, 0, "plan", "-out=p")
			w.Tenant.Journal.Reset()
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 1,
				Delay: 3 * time.Second})
			done := make(chan struct{})
			go func() {
				defer close(done)
				for w.Count("workspace", "GET", "permissions") == 0 && t.Context().Err() == nil {
					time.Sleep(5 * time.Millisecond)
				}
				w.Workspace.SetGrant("iris", neighbor, "CAN_QUERY")
			}()
			c.MustRun(t, 1, "apply", "p").MustSay(t, "Cannot create the access list of serving endpoint", "neighbor",
				"Nothing was changed")
			<-done
			w.holds(t, levels{ada: "CAN_MANAGE", neighbor: "CAN_QUERY"})
		})
	}
}

package servingendpointpermissionsexclusive_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// theirs returns HCL of a list of the official provider, from pairs of kind=name and a level.
func (w *world) theirs(pairs ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"databricks_permissions\" \"x\" {\n  serving_endpoint_id = %q\n", w.EndpointID)
	for i := 0; i < len(pairs); i += 2 {
		kind, name, _ := strings.Cut(pairs[i], "=")
		fmt.Fprintf(&b, "  access_control {\n    %s = %q\n    permission_level = %q\n  }\n", kind, name, pairs[i+1])
	}
	return b.String() + "}\n"
}

const moved = "moved {\n  from = databricks_permissions.x\n  to   = " + address + "\n}\n"

// applied lets the official provider apply a list.
func (w *world) applied(t *testing.T, theirs string) terraform {
	t.Helper()
	c := terraform{w.CLI(t, acctest.OfficialSource+theirs)}
	acctest.ServeOfficial(t, c.CLI, w.OfficialPermissions())
	c.apply(t)
	w.Tenant.Journal.Reset()
	return c
}

// An endpoint's list moves from the official provider: nothing is re-created or written, and the next plan is empty.
// The official provider accepts an application id as a user name, and any mix of upper and lower case.
func TestMovedFromOfficialProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.applied(t, w.theirs("service_principal_name="+w.app, "CAN_QUERY", "user_name="+neighbor, "CAN_VIEW",
		"user_name="+ada, "CAN_MANAGE", "group_name="+team, "CAN_VIEW"))
	stands := levels{w.app: "CAN_QUERY", neighbor: "CAN_VIEW", ada: "CAN_MANAGE", team: "CAN_VIEW",
		w.Deployer.ClientID: "CAN_MANAGE"}
	w.holds(t, stands)

	ours := hcl(list("service_principals", strings.ToUpper(w.app), "CAN_QUERY", neighbor, "CAN_VIEW",
		w.Deployer.ClientID, "CAN_MANAGE"), list("users", ada, "CAN_MANAGE"), list("groups", team, "CAN_VIEW"))
	c.Rewrite(t, ours+moved)
	c.MustRun(t, 0, "plan", "-out=p").MustSay(t, "databricks_permissions.x has moved to "+address,
		"0 to add, 0 to change, 0 to destroy")
	// The provider lists all endpoints to find the name of the id, and then reads that endpoint's access list.
	w.wantAsked(t, "log in", "log in", "GET endpoint", "GET list")
	c.MustRun(t, 0, "apply", "p").MustSay(t, "0 added, 0 changed, 0 destroyed")
	w.wantAsked(t)
	c.plan(t, 0)
	if a := c.Attributes(t, address); a["endpoint_name"] != "iris" || a["id"] != "iris" || len(c.Managed(t)) != 1 {
		t.Errorf("%v, and in all %q", a, c.Managed(t))
	}
	w.holds(t, stands)

	c.Rewrite(t, ours) // the moved block may be removed
	c.plan(t, 0)
	// Grants that Terraform applied are removed, and the grant that the official provider added itself stays.
	c.destroy(t)
	w.holds(t, levels{w.Deployer.ClientID: "CAN_MANAGE"})
}

// Differences cause an update in place. The plan shows the removal of the CAN_MANAGE that the official provider gave to
// its own identity, and the configuration can keep that grant. It can also keep grants that somebody added by hand.
func TestMovedAndChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.applied(t, w.theirs("service_principal_name="+w.app, "CAN_QUERY", "user_name="+ada, "CAN_MANAGE"))
	c.Rewrite(t, w.usualList()+moved)
	c.plan(t, 2).MustSay(t, `- "`+w.Deployer.ClientID+`" = "CAN_MANAGE"`, "0 to add, 1 to change, 0 to destroy")
	w.Workspace.SetGrant("iris", bob, "CAN_QUERY")
	c.Rewrite(t, w.usualList(`on_unlisted = "warn"`)+moved)
	c.apply(t).MustSay(t, "0 added, 1 changed, 0 destroyed", "Unlisted grants on serving endpoint: iris",
		w.Deployer.ClientID, bob)
	c.plan(t, 0).MustSay(t, "Unlisted grants on serving endpoint")
	w.holds(t, levels{w.app: "CAN_QUERY", ada: "CAN_MANAGE", bob: "CAN_QUERY", w.Deployer.ClientID: "CAN_MANAGE"})

	// The deployer is an admin, so the configuration need not list its grant.
	c.Rewrite(t, hcl(list("users", ada, "CAN_MANAGE"), `ignore_principals = ["service_principal_name=`+w.app+
		`", "user_name=`+bob+`"]`))
	c.apply(t)
	c.apply(t) // removes the grants whose removal the last plan showed
	w.holds(t, levels{w.app: "CAN_QUERY", ada: "CAN_MANAGE", bob: "CAN_QUERY"})
}

func TestMovedRefused(t *testing.T) {
	t.Parallel()
	t.Run("another kind of object", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.applied(t, "resource \"databricks_permissions\" \"x\" {\n  authorization = \"tokens\"\n}\n")
		c.Rewrite(t, w.usualList()+moved)
		c.plan(t, 1).MustSay(t, "Cannot adopt the access list", `"/authorization/tokens"`, "remove the moved block")
		w.wantAsked(t)
	})
	t.Run("re-created endpoint", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.applied(t, w.theirs("service_principal_name="+w.app, "CAN_QUERY"))
		old := w.EndpointID
		w.Workspace.DeleteEndpoint("iris")
		w.Workspace.CreateEndpoint("iris", ada)
		c.Rewrite(t, w.usualList()+moved)
		c.plan(t, 1).MustSay(t, "Cannot find the serving endpoint of the moved access list",
			"no serving endpoint has the id "+old, "terraform state rm", "Import the access list of a re-created "+
				"endpoint by the endpoint's name")
	})
	t.Run("another workspace", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.applied(t, strings.Replace(w.theirs("service_principal_name="+w.app, "CAN_QUERY"), "}\n}",
			"}\n  provider_config {\n    workspace_id = \"42\"\n  }\n}", 1))
		c.Rewrite(t, w.usualList()+moved)
		c.plan(t, 1).MustSay(t, "Wrong workspace", "42", w.Workspace.ID())
	})
	// Without a refresh the endpoint's name is unknown, and the endpoint would look like another one. A destroy finds
	// the name itself.
	t.Run("not refreshed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.applied(t, w.theirs("service_principal_name="+w.app, "CAN_QUERY"))
		c.Rewrite(t, w.usualList()+moved)
		c.MustRun(t, 1, "plan", "-refresh=false").MustSay(t, "State moved from the official provider was not refreshed",
			w.EndpointID, "-refresh=false")
		w.wantAsked(t)
		w.holds(t, levels{w.app: "CAN_QUERY", w.Deployer.ClientID: "CAN_MANAGE"})
		c.MustRun(t, 0, "destroy", "-auto-approve", "-refresh=false")
		w.holds(t, levels{w.Deployer.ClientID: "CAN_MANAGE"})
	})
}

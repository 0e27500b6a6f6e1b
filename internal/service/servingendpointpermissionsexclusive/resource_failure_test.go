package servingendpointpermissionsexclusive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestDenied(t *testing.T) {
	t.Parallel()
	for name, may := range map[string]struct {
		level string
		says  []string
	}{
		"nothing": {"", []string{"403 PERMISSION_DENIED", "CAN_MANAGE to change who may call it"}},
		"query":   {"CAN_QUERY", []string{"403 PERMISSION_DENIED", "does not have Manage permissions", "needs CAN_MANAGE on this endpoint. It does not have to be a workspace admin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			demote := func() {
				w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
				if may.level != "" {
					w.Workspace.SetGrant("iris", w.Deployer.ClientID, may.level)
				}
			}
			demote()
			c := w.terraform(t, w.usualList(`ignore_principals = ["service_principal_name=`+w.Deployer.ClientID+`"]`))
			c.plan(t, 2).MustSay(t, append(may.says, "Cannot find out which grants the creation removes on serving "+
				"endpoint: iris")...)
			c.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, append(may.says, "Cannot create the access list "+
				"of serving endpoint")...)
			w.Workspace.AddToGroup("admins", w.Deployer.ClientID)
			c.apply(t)
			demote()
			c.plan(t, 1).MustSay(t, append(may.says, "Cannot read the access list of serving endpoint")...)
			// The state was kept, so there is nothing to do once the right is back.
			w.Workspace.AddToGroup("admins", w.Deployer.ClientID)
			c.plan(t, 0)
		})
	}
}

// A manager of the endpoint need not be an admin, and keeps the right that it needs to manage the list.
func TestManagerIsNotLockedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.removeAdminRights()
	c := w.terraform(t, w.usualList())
	// The plan is the same for every identity; the apply is not.
	c.plan(t, 2).MustSay(t, "service_principal_name/"+me+" CAN_MANAGE")
	locked := []string{"the change would revoke CAN_MANAGE of the provider's own identity", me, "not a workspace admin",
		"Nothing was changed", `Add "` + me + `" = "CAN_MANAGE" to service_principals`}
	c.refused(t).MustSay(t, append(locked, "Cannot create the access list of serving endpoint")...)
	before := levels{ada: "CAN_MANAGE", me: "CAN_MANAGE"}
	w.holds(t, before)

	mine := hcl(list("service_principals", w.app, "CAN_QUERY", me, "CAN_MANAGE"), list("users", ada, "CAN_MANAGE"))
	c.Rewrite(t, mine)
	c.apply(t)
	want := w.usualGrants()
	want[me] = "CAN_MANAGE"
	w.holds(t, want)
	c.plan(t, 0)

	for _, lower := range []string{w.usualList(), hcl(list("service_principals", w.app, "CAN_QUERY", me, "CAN_QUERY"),
		list("users", ada, "CAN_MANAGE"))} {
		c.Rewrite(t, lower)
		c.refused(t).MustSay(t, append(locked, "Cannot change the access list of serving endpoint")...)
		w.holds(t, want)
	}
	// If the principal is ignored, its grant stays.
	c.Rewrite(t, w.usualList(`ignore_principals = ["service_principal_name=`+me+`"]`))
	c.apply(t)
	w.holds(t, want)
	c.plan(t, 0)

	// A destroy also leaves the grant if it was listed.
	c.Rewrite(t, mine)
	c.apply(t)
	c.destroy(t).MustSay(t, "The provider keeps its own CAN_MANAGE on serving endpoint: iris", me)
	w.holds(t, levels{me: "CAN_MANAGE"})
}

// A group of the caller gives it CAN_MANAGE just as its own grant does.
func TestManagerThroughAGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.removeAdminRights()
	w.Workspace.AddToGroup(team, me)
	c := w.terraform(t, w.usualList(list("groups", team, "CAN_MANAGE")))
	c.apply(t) // removes its own grant, and keeps the group's
	want := w.usualGrants()
	want[team] = "CAN_MANAGE"
	w.holds(t, want)
	c.plan(t, 0)
	c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
	c.refused(t).MustSay(t, "the change would revoke CAN_MANAGE of the provider's own identity", "group_name="+team+
		" CAN_MANAGE")
	w.holds(t, want)
	c.Rewrite(t, w.usualList(list("groups", team, "CAN_MANAGE")))
	c.destroy(t).MustSay(t, "The provider keeps its own CAN_MANAGE on serving endpoint: iris", "group_name="+team)
	w.holds(t, levels{team: "CAN_MANAGE"})
}

// A person who logs in with a token is a user, and may be the one whose grant would be removed.
func TestUserIsNotLockedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("authorization/tokens", ada, "CAN_USE")
	w.Workspace.RemoveFromGroup("admins", ada)
	for name := range w.Env {
		if name != "DBXACCESS_HOST" && name != "DBXACCESS_CA_CERTIFICATE_PATH" {
			delete(w.Env, name)
		}
	}
	w.Env["DATABRICKS_TOKEN"] = w.PersonToken
	c := w.terraform(t, hcl(list("users", bob, "CAN_MANAGE")))
	c.refused(t).MustSay(t, "the change would revoke CAN_MANAGE of the provider's own identity "+
		"user_name=ada@example.com", `Add "ada@example.com" = "CAN_MANAGE" to users`)
	w.holds(t, levels{ada: "CAN_MANAGE"})
}

// An admin may remove its own grant, because it can still manage everything.
func TestAdminMayDropItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_MANAGE")
	c := w.terraform(t, hcl(list("users", bob, "CAN_MANAGE")))
	c.apply(t)
	w.holds(t, levels{bob: "CAN_MANAGE"})
	c.plan(t, 0)

	// A destroy leaves the caller's own grant, admin or not, unless the grant was removed from the configuration
	// before.
	me := w.Deployer.ClientID
	c.Rewrite(t, hcl(list("users", bob, "CAN_MANAGE"), list("service_principals", me, "CAN_MANAGE")))
	c.apply(t)
	c.destroy(t).MustSay(t, "The provider keeps its own CAN_MANAGE on serving endpoint: iris", me)
	w.holds(t, levels{me: "CAN_MANAGE"})
}

func TestUnknownPrincipal(t *testing.T) {
	t.Parallel()
	const nobody = "11111111-2222-3333-4444-555555555555"
	w := newWorld(t)
	for config, words := range map[string][]string{
		hcl(list("service_principals", nobody, "CAN_VIEW"),
			list("users", ada, "CAN_MANAGE")): {"404 RESOURCE_DOES_NOT_EXIST", "on main.tf line 8", "no service " +
			"principal with the application id " + nobody},
		hcl(list("users", ada, "CAN_MANAGE", "nobody@example.com",
			"CAN_VIEW")): {`no user "nobody@example.com"`},
		hcl(list("groups", "Data Scientists", "CAN_VIEW"),
			list("users", ada, "CAN_MANAGE")): {`no group "Data Scientists"`, "case-sensitive"},
	} {
		c := w.cli(t, config)
		c.refused(t).MustSay(t, words...)
		w.holds(t, levels{ada: "CAN_MANAGE"})
	}
}

// The provider waits for a principal that the workspace knows but its access lists do not know yet.
func TestNewPrincipalIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	switches := w.Workspace.Switches()
	switches.AccessPlaneDelay = time.Minute
	w.Workspace.SetSwitches(switches)
	w.Workspace.RemovePrincipal(w.app)
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		for w.Count("workspace", "PATCH", "permissions") == 0 && t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		w.Tenant.Clock.Advance(2 * time.Minute)
	}()
	c := w.terraform(t, `
resource "dbxaccess_service_principal" "app" {
  application_id = "`+w.app+`"
}
`+hcl(`service_principals = { (dbxaccess_service_principal.app.application_id) = "CAN_QUERY" }`,
		list("users", ada, "CAN_MANAGE")))
	c.apply(t)
	w.holds(t, w.usualGrants())
	if n := w.Count("workspace", "PATCH", "permissions"); n < 2 {
		t.Errorf("%d writes: nothing was waited for", n)
	}
	c.plan(t, 0)
}

// The wait ends with the timeout, and the error says what the provider waited for.
func TestTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	switches := w.Workspace.Switches()
	switches.AccessPlaneDelay = time.Hour
	w.Workspace.SetSwitches(switches)
	w.Workspace.RemovePrincipal(w.app)
	c := w.terraform(t, `
resource "dbxaccess_service_principal" "app" {
  application_id = "`+w.app+`"
}
`+hcl(`service_principals = { (dbxaccess_service_principal.app.application_id) = "CAN_QUERY" }`,
		list("users", ada, "CAN_MANAGE"), `timeouts = { create = "2s" }`))
	c.refused(t).MustSay(t, "Cannot create the access list of serving endpoint",
		"The workspace has service_principal_name="+w.app, "set a longer create in timeouts")
	w.holds(t, levels{ada: "CAN_MANAGE"})
}

// After the write nothing is an error any more: an error would taint the list, and Terraform would then remove all its
// grants.
func TestCreatedThenReadFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	blind := func(method string) {
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath, Status: 200,
			WorkDone: true, Body: "{}", ContentType: "application/json"})
	}
	noList := func(after int) {
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: after,
			Status: 500, Code: "INTERNAL_ERROR", Message: "sorry"})
	}
	c := w.terraform(t, w.usualList())
	c.MustRun(t, 0, "plan", "-out=p")
	blind("PATCH")
	noList(2) // the read of the plan and the read before the write succeed
	c.MustRun(t, 0, "apply", "p").MustSay(t, "The access list was accepted and could not be read back: iris",
		"500 INTERNAL_ERROR", "sorry")
	w.holds(t, w.usualGrants())
	c.plan(t, 0)

	c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
	c.MustRun(t, 0, "plan", "-out=p")
	blind("PATCH")
	noList(1)
	c.MustRun(t, 0, "apply", "p").MustSay(t, "The changed access list was accepted and could not be read back: iris")
	c.plan(t, 0)

	// If the answer to a replacement shows nothing, the provider reads the list.
	c.Rewrite(t, w.usualList())
	c.MustRun(t, 0, "plan", "-out=p")
	blind("PUT")
	c.MustRun(t, 0, "apply", "p").MustNotSay(t, "could not be read back")
	c.plan(t, 0)
	w.holds(t, w.usualGrants())

	// An answer that shows a different list is no error either.
	c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.Rewrite(t, w.usualList())
	c.MustRun(t, 0, "plan", "-out=p")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PUT", Path: listPath, Status: 200, WorkDone: true,
		ContentType: "application/json",
		Body: fmt.Sprintf(
			`{"object_id":"/serving-endpoints/%s","object_type":"serving-endpoint","access_control_list":[{"group_name":"admins","all_permissions":[{"permission_level":"CAN_MANAGE","inherited":true}]}]}`, w.EndpointID)})
	c.MustRun(t, 0, "apply", "p").MustSay(t, "The changed access list was accepted and could not be read back: iris",
		"now shows another list; the two lists differ at", "iris-scoring")
	c.plan(t, 0)
	w.holds(t, w.usualGrants())
}

// After a lost answer the provider reads the list before it sends the write again, and the effect of the first write
// counts.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	during := func(method string) {
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath, Drop: "after"})
	}
	c := w.terraform(t, w.usualList())
	during("PUT") // the creation removes a grant
	c.apply(t).MustNotSay(t, "Warning: The", "Grants that the plan")
	w.holds(t, w.usualGrants())
	c.plan(t, 0)
	c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
	during("PATCH")
	c.apply(t)
	c.Rewrite(t, w.usualList())
	during("PUT")
	c.apply(t)
	w.holds(t, w.usualGrants())
	c.plan(t, 0)
	during("PUT")
	c.destroy(t)
	w.holds(t, levels{})
}

// If every answer is lost, the apply fails although the list is written. The next apply finds and adopts the list.
func TestLostAnswersThenApplyAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "1"
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c := w.terraform(t, w.usualList())
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PUT", Path: listPath, Drop: "after", Times: -1})
	c.Run(t, "apply", "-auto-approve")
	w.holds(t, w.usualGrants())
	w.Tenant.Faults.Clear()
	c.apply(t)
	c.plan(t, 0)
	w.holds(t, w.usualGrants())
}

// The provider repeats a request if the service is busy or is just changing the list.
func TestRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, f := range []emulator.Fault{
		{Method: "GET", Path: "/api/2.0/serving-endpoints/*", Status: 503, Code: "TEMPORARILY_UNAVAILABLE"},
		{Method: "GET", Path: listPath, Status: 429, Code: "REQUEST_LIMIT_EXCEEDED", RetryAfter: 1},
		{Method: "PATCH", Path: listPath, Status: 409, Code: "ABORTED"},
	} {
		f.Service = "workspace"
		w.Tenant.Faults.Add(f)
	}
	c := w.terraform(t, w.usualList())
	c.apply(t)
	w.holds(t, w.usualGrants())
}

// A provider whose host was changed to another workspace must not conclude from "no such endpoint" that the endpoint
// was deleted, and must not change an endpoint of the same name there.
func TestWrongWorkspace(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]bool{"without the endpoint": false, "with an endpoint of that name": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			other := w.Tenant.NewWorkspace(emulator.WorkspaceOptions{})
			other.AddServicePrincipal(w.Deployer.ClientID, "deployer")
			other.AddToGroup("admins", w.Deployer.ClientID)
			other.AddServicePrincipal(w.app, "iris-scoring")
			other.AddUser(ada, "Ada")
			if there {
				other.CreateEndpoint("iris", ada)
			}
			server, err := emulator.Serve(w.Tenant, other)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			right := w.Env["DBXACCESS_HOST"]
			wrong := []string{"Wrong workspace", "access list of serving endpoint iris", "created in workspace " +
				w.Workspace.ID(), "is workspace " + other.ID()}

			c := w.terraform(t, w.usualList())
			c.apply(t)
			w.Env["DBXACCESS_HOST"] = server.WorkspaceURLs[0]
			c.plan(t, 1).MustSay(t, wrong...)
			c.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, wrong...)
			w.Env["DBXACCESS_HOST"] = right
			c.plan(t, 0)
			// The host changes only after the plan: then neither an update nor a destroy writes to the other workspace.
			c.MustRun(t, 0, "plan", "-destroy", "-out=destroy")
			c.Rewrite(t, w.usualList(list("groups", team, "CAN_VIEW")))
			c.MustRun(t, 0, "plan", "-out=update")
			w.Env["DBXACCESS_HOST"] = server.WorkspaceURLs[0]
			c.MustRun(t, 1, "apply", "update").MustSay(t, wrong...)
			c.MustRun(t, 1, "apply", "destroy").MustSay(t, wrong...)
			if there && len(other.Grants("iris")) != 1 {
				t.Errorf("the other workspace was touched: %v", other.Grants("iris"))
			}
			w.holds(t, w.usualGrants())
		})
	}
}

package tokenpermission_test

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.ScoringApp.ClientID
	heals := func(remove func()) resource.TestStep {
		return resource.TestStep{PreConfig: remove, Config: toApp(w), ConfigPlanChecks: acctest.Planned(address,
			plancheck.ResourceActionCreate), Check: holds(t, w, id)}
	}
	w.Test(t,
		resource.TestStep{Config: toApp(w)},
		heals(func() { w.Workspace.RemoveGrant(object, id) }),
		heals(func() { // the principal itself was removed and added again
			w.Workspace.RemovePrincipal(id)
			w.Workspace.AddServicePrincipal(id, "iris-scoring")
		}),
	)
}

// An HTML page in place of an answer does not mean that the right was revoked.
func TestHTMLPageDoesNotProveDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Test(t,
		resource.TestStep{Config: toApp(w)},
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: list, Status: 404,
					HTML: true, Message: "no route"})
			},
			Config: toApp(w), ExpectError: acctest.Words(`Cannot read the right to use tokens.*iris-scoring.*404`),
		},
		resource.TestStep{Config: toApp(w), ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestDestroyRevokedRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cli := w.Commands(t, toApp(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)
	cli.MustRun(t, 0, "destroy", "-auto-approve", "-refresh=false")
	if puts := w.Count("workspace", "PUT", ""); puts != 0 {
		t.Errorf("%d PUT to remove what was gone", puts)
	}
	holds(t, w)(nil)
}

// A principal that has the right already keeps it: the resource adopts the right without a write.
func TestExistingRightIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant(object, w.ScoringApp.ClientID, "CAN_USE")
	live, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "before", time.Hour)
	cli := w.Commands(t, toApp(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	if writes := w.Count("workspace", "PATCH", "") + w.Count("workspace", "PUT", ""); writes != 0 {
		t.Errorf("%d writes for what stood already", writes)
	}
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.ID == live {
			return
		}
	}
	t.Error("its token is gone")
}

func TestDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	demote := func() { w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID) }
	promote := func() { w.Workspace.AddToGroup("admins", w.Deployer.ClientID) }
	const admin = `.*403 PERMISSION_DENIED.*Only a workspace admin.*group "admins"`
	w.Test(t,
		resource.TestStep{PreConfig: demote, Config: toApp(w),
			ExpectError: acctest.Words(`Cannot grant the right to use tokens.*` + w.ScoringApp.ClientID + admin)},
		resource.TestStep{PreConfig: promote, Config: toApp(w)},
		resource.TestStep{PreConfig: demote, Config: toApp(w),
			ExpectError: acctest.Words(`Cannot read the right to use tokens.*` + admin)},
		resource.TestStep{PreConfig: promote, Config: toApp(w), ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestDeniedDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cli := w.Commands(t, toApp(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	cli.MustRun(t, 1, "destroy", "-auto-approve", "-refresh=false").MustSay(t,
		"Cannot revoke the right to use tokens", w.ScoringApp.ClientID+" (iris-scoring)", "Only a workspace admin")
	if len(cli.Managed(t)) != 1 {
		t.Error("state was dropped")
	}
	holds(t, w, w.ScoringApp.ClientID)(nil)
}

// The answer to the write shows the grant. If the answer shows nothing and the list cannot be read, the grant exists
// all the same.
func TestCreatedThenReadFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: list, Status: 200, WorkDone: true,
		Body: "{}", ContentType: "application/json"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: list, After: 1, Status: 500,
		Code: "INTERNAL_ERROR", Message: "read is broken"})
	cli := w.Commands(t, toApp(w))
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t,
		"Warning: The right to use tokens was accepted and could not be read back: service_principal_name="+
			w.ScoringApp.ClientID, "read is broken")
	if o := cli.Objects(t)[address]; o.Attributes == nil || o.Tainted {
		t.Errorf("it is tainted, or not stored: %+v", o)
	}
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	holds(t, w, w.ScoringApp.ClientID)(nil)
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"grant done and dropped":   {Method: "PATCH", Drop: "after"},
		"grant done and 503":       {Method: "PATCH", Status: 503, WorkDone: true, Code: "TEMPORARILY_UNAVAILABLE"},
		"grant dropped before":     {Method: "PATCH", Drop: "before"},
		"removal done and dropped": {Method: "PUT", Drop: "after"},
		"removal done and 503":     {Method: "PUT", Status: 503, WorkDone: true, Code: "TEMPORARILY_UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.Workspace.Snapshot()
			fault.Service, fault.Path = "workspace", list
			w.Tenant.Faults.Add(fault)
			w.Test(t,
				resource.TestStep{Config: toApp(w), Check: holds(t, w, w.ScoringApp.ClientID)},
				resource.TestStep{Config: toApp(w), ConfigPlanChecks: acctest.NoChange()},
			)
			checkUnchanged(t, w, before)
		})
	}
}

// noTokenYet returns a world whose provider uses a workspace in which no token was ever created.
func noTokenYet(t *testing.T) (*acctest.World, *emulator.Workspace) {
	t.Helper()
	w := newWorld(t)
	other, host := w.OtherWorkspace(t)
	other.AddServicePrincipal(w.ScoringApp.ClientID, "iris-scoring")
	w.Env["DBXACCESS_HOST"] = host
	return w, other
}

// A workspace in which no token was ever created has no access list for tokens.
func TestNoTokenYet(t *testing.T) {
	t.Parallel()
	w, other := noTokenYet(t)
	advice := `tokens tokens does not exist.*only after its first personal access token was created.*Create a token`
	w.Test(t,
		resource.TestStep{Config: toApp(w), ExpectError: acctest.Words(`Cannot grant the right to use tokens.*` +
			w.ScoringApp.ClientID + `.*` + advice)},
		resource.TestStep{Config: toApp(w) + importBlock(w.ScoringApp.ClientID),
			ExpectError: acctest.Words(`Cannot import the right to use tokens.*` + advice)},
		resource.TestStep{
			PreConfig: func() { other.MintToken(w.Deployer.ClientID, "the first", time.Hour) },
			Config:    toApp(w),
		},
	)
}

func TestWrongWorkspace(t *testing.T) {
	t.Parallel()
	for name, tokens := range map[string]bool{"with tokens": true, "without tokens": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			other, host := w.OtherWorkspace(t)
			if tokens {
				other.MintToken(w.Deployer.ClientID, "the first", time.Hour)
			}
			here := w.Env["DBXACCESS_HOST"]
			w.Test(t,
				resource.TestStep{Config: toApp(w)},
				resource.TestStep{
					PreConfig: func() { w.Env["DBXACCESS_HOST"] = host }, Config: toApp(w),
					ExpectError: acctest.Words(`Wrong workspace.*iris-scoring.*` + w.Workspace.ID() +
						`.*` + other.ID()),
				},
				resource.TestStep{PreConfig: func() {
					w.Env["DBXACCESS_HOST"] = here
				}, Config: toApp(w), ConfigPlanChecks: acctest.NoChange()},
			)
		})
	}
}

// Without a refresh, the destroy itself must notice a wrong workspace.
func TestWrongWorkspaceDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, host := w.OtherWorkspace(t)
	other.AddServicePrincipal(w.ScoringApp.ClientID, "theirs")
	other.SetGrant(object, w.ScoringApp.ClientID, "CAN_USE")
	cli := w.Commands(t, toApp(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.Env["DBXACCESS_HOST"] = host
	cli.MustRun(t, 1, "destroy", "-auto-approve", "-refresh=false").MustSay(t, "Wrong workspace", w.Workspace.ID(),
		other.ID())
	if len(cli.Managed(t)) != 1 {
		t.Error("state was dropped")
	}
	if got := other.Grants(object)[w.ScoringApp.ClientID]; got != "CAN_USE" {
		t.Errorf("the other workspace holds %q now", got)
	}
}

package groupmember_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestGroupGoneAndReCreated(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	app := w.ScoringApp.ClientID
	cli := w.Commands(t, hcl("scorers", app))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Clock.Advance(2 * time.Minute)

	w.Workspace.RemovePrincipal("scorers")
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "Warning: Group is gone: scorers", "will be created")
	cli.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Cannot add to group",
		`the workspace has no group "scorers"`, "Names of groups are case-sensitive")

	// Removing a member from a group that does not exist counts as success.
	cli = w.Commands(t, hcl("again", app))
	w.Workspace.AddGroup("again")
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Clock.Advance(2 * time.Minute)
	w.Workspace.RemovePrincipal("again")
	w.Workspace.AddGroup("again")
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "Warning: Group was re-created under its name: again",
		"not a member of the new group", "will be created")
	w.Workspace.AddToGroup("again", app)
	cli.MustRun(t, 0, "plan", "-detailed-exitcode").MustSay(t, "Warning: Group was re-created under its name: again",
		"is also a member of the new group")
	w.Workspace.RemoveFromGroup("again", app)
	cli.MustRun(t, 0, "apply", "-auto-approve")
	wantMembers(t, w, "again", app)
	w.Workspace.RemovePrincipal("again")
	w.Workspace.AddGroup("again")
	cli.MustRun(t, 0, "destroy", "-auto-approve", "-refresh=false")
}

// A service principal that was removed and added again is a different member to the group.
func TestPrincipalReCreated(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	app := w.ScoringApp.ClientID
	config := hcl("scorers", app)
	w.Test(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Clock.Advance(2 * time.Minute)
				w.Workspace.RemovePrincipal(app)
				w.Workspace.AddServicePrincipal(app, "again")
			},
			Config: config, ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate),
			Check: checkMembers(t, w, "scorers", app, w.PersonName),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestAccountGroup(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	w.Workspace.AddAccountGroup("everywhere")
	w.Test(t, resource.TestStep{
		Config: hcl("everywhere", w.ScoringApp.ClientID),
		ExpectError: acctest.Words(
			`Cannot add to group.*group "everywhere": the group belongs to the Databricks account.*account console`),
	})
	if patches := w.Count("workspace", "PATCH", ""); patches != 0 {
		t.Errorf("%d PATCH of what cannot be changed", patches)
	}
}

func TestDenied(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	config := hcl("scorers", w.ScoringApp.ClientID)
	admin := acctest.Words(`in group scorers.*only accessible by admins.*add the provider's identity to the group "admins"`)
	demote := func() { w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID) }
	promote := func() { w.Workspace.AddToGroup("admins", w.Deployer.ClientID) }
	w.Test(t,
		resource.TestStep{PreConfig: demote, Config: config, ExpectError: admin},
		resource.TestStep{PreConfig: promote, Config: config},
		resource.TestStep{PreConfig: demote, Config: config, PlanOnly: true, ExpectError: admin},
		resource.TestStep{PreConfig: promote, Config: config, ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestDeniedWrite(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	config := hcl("scorers", w.ScoringApp.ClientID)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: scim + "Groups/*", Status: 403,
		Message: "only accessible by admins"})
	w.Test(t,
		resource.TestStep{Config: config,
			ExpectError: acctest.Words(`Cannot add to group.*only accessible by admins.*Only a workspace admin`)},
		resource.TestStep{Config: config},
	)
	wantMembers(t, w, "scorers", w.PersonName)
}

// The answer to a change of a group need not contain the group. Without it the provider reads the group, and a read
// that fails is a warning.
func TestAcceptedThenReadFails(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	app := w.ScoringApp.ClientID
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{PatchAnswersEmpty: true})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: scim + "Groups/*", Status: 500,
		Message: "read is broken"})
	cli := w.Commands(t, hcl("scorers", app))
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "Warning: The membership was accepted and could not be "+
		"read back: service principal "+app+" (scoring) in group scorers", "read is broken")
	if o := cli.Objects(t)[address]; o.Attributes == nil || o.Tainted {
		t.Errorf("it is tainted, or not stored: %+v", o)
	}
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	wantMembers(t, w, "scorers", app, w.PersonName)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: scim + "Groups/*", Status: 500, Message: "read is broken"})
	// After a removal a failed read is an error: the state must not lose a right that may still exist.
	cli.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, "Error: The removal was accepted and could not "+
		"be read back")
	cli.MustRun(t, 0, "destroy", "-auto-approve", "-refresh=false")
	wantMembers(t, w, "scorers", w.PersonName)
}

func TestAnswerWithoutBody(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{PatchAnswersEmpty: true})
	config := hcl("scorers", w.ScoringApp.ClientID)
	w.Test(t,
		resource.TestStep{Config: config, Check: checkMembers(t, w, "scorers", w.ScoringApp.ClientID, w.PersonName)},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
	)
	wantMembers(t, w, "scorers", w.PersonName)
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMStaleFor: 30 * time.Second, PatchAnswersEmpty: true})
	cli := w.CLI(t, hcl("scorers", w.ScoringApp.ClientID))
	cli.Env["TF_LOG"] = "info"
	go acctest.When(func() bool {
		return w.Count("workspace", "GET", "Groups/{id}") >= 2
	}, func() { w.Tenant.Clock.Advance(31 * time.Second) })
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "waiting: the workspace still shows the old values "+
		"after a change", "group scorers")
	// A later read may show an older state, so a membership that is missing just after its creation does not count as
	// removed.
	w.Workspace.RemoveFromGroup("scorers", w.ScoringApp.ClientID)
	reads := w.Count("workspace", "GET", scim+"Groups")
	go acctest.When(func() bool {
		return w.Count("workspace", "GET", scim+"Groups") >= reads+2
	}, func() { w.Workspace.AddToGroup("scorers", w.ScoringApp.ClientID) })
	cli.MustRun(t, 0, "plan", "-detailed-exitcode").MustSay(t, "waiting: the workspace still shows the old values "+
		"after a change")
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{"dropped after": {Drop: "after"},
		"dropped before": {Drop: "before"}, "503 after": {Status: 503, WorkDone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, _ := start(t)
			// The group has no other member, so the service refuses a second removal.
			w.Workspace.RemoveFromGroup("scorers", w.PersonName)
			fault.Service, fault.Method, fault.Path = "workspace", "PATCH", scim+"Groups/*"
			config := hcl("scorers", w.ScoringApp.ClientID)
			w.Tenant.Faults.Add(fault)
			w.Test(t,
				resource.TestStep{Config: config, Check: checkMembers(t, w, "scorers", w.ScoringApp.ClientID)},
				resource.TestStep{PreConfig: func() {
					w.Tenant.Faults.Add(fault)
				}, Config: config, ConfigPlanChecks: acctest.NoChange()},
			)
			wantMembers(t, w, "scorers")
		})
	}
}

// Every answer says that the change failed, and the membership exists all the same: it must be in the state, or nobody
// would remove it.
func TestEveryAnswerIsAFailure(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{"dropped": {Drop: "after"},
		"500": {Status: 500, WorkDone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, _ := start(t)
			w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "1"
			fault.Service, fault.Method, fault.Path, fault.Times = "workspace", "PATCH", scim+"Groups/*", -1
			w.Tenant.Faults.Add(fault)
			o := w.Protocol(t).MustApply(t, "dbxaccess_group_member", acctest.Object{},
				map[string]any{"group_name": "scorers", "application_id": w.ScoringApp.ClientID})
			w.Tenant.Faults.Clear()
			w.Protocol(t).MustApply(t, "dbxaccess_group_member", o, nil) // in another run
			wantMembers(t, w, "scorers", w.PersonName)
		})
	}
}

func TestWrongWorkspace(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	other := w.Tenant.NewWorkspace(emulator.WorkspaceOptions{})
	other.AddServicePrincipal(w.Deployer.ClientID, "deployer")
	other.AddToGroup("admins", w.Deployer.ClientID)
	server, err := emulator.Serve(w.Tenant, other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	cli := w.Commands(t, hcl("scorers", w.ScoringApp.ClientID))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Journal.Reset()
	cli.Env["DBXACCESS_HOST"] = server.WorkspaceURLs[0]
	// Neither an absent nor an empty group counts as proof.
	for _, groups := range []func(){func() {}, func() { other.AddGroup("scorers") }} {
		groups()
		cli.MustRun(t, 1, "plan").MustSay(t, "Wrong workspace", w.Workspace.ID(), other.ID(), "terraform state rm",
			"removed block with lifecycle { destroy = false }")
		cli.MustRun(t, 1, "destroy", "-auto-approve", "-refresh=false").MustSay(t, "Wrong workspace", w.Workspace.ID(),
			other.ID())
	}
	if reads := w.Count("workspace", "GET", scim+"Groups"); reads != 2 {
		t.Errorf("%d reads in two plans: another workspace is not waited for", reads)
	}
	wantMembers(t, w, "scorers", w.ScoringApp.ClientID, w.PersonName)
}

// The provider refuses to remove its own admin rights.
func TestOwnAdminRightsAreNotRemoved(t *testing.T) {
	t.Parallel()
	for login, refusal := range map[string]string{"certificate": "The plan would take the provider's own rights away",
		"token": "Refused to take the provider's own rights away"} {
		t.Run(login, func(t *testing.T) {
			t.Parallel()
			w, _, _ := start(t)
			self := w.Deployer.ClientID
			if login == "token" {
				_, value := w.Workspace.MintToken(self, "own", time.Hour)
				w.Env = map[string]string{"DBXACCESS_HOST": w.Env["DBXACCESS_HOST"], "DATABRICKS_TOKEN": value,
					"DBXACCESS_CA_CERTIFICATE_PATH": w.Env["DBXACCESS_CA_CERTIFICATE_PATH"]}
			}
			cli := w.Commands(t, hcl("admins", self))
			cli.MustRun(t, 0, "apply", "-auto-approve")
			cli.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, refusal, self, "logged in as",
				"lifecycle { destroy = false }")
			wantMembers(t, w, "admins", self, w.PersonName)

			// That includes membership through other groups, unless the provider is also a direct member of admins.
			w.Workspace.AddGroup("platform")
			w.Workspace.AddGroup("leads")
			w.Workspace.AddToGroup("leads", "platform")
			w.Workspace.AddToGroup("admins", "leads")
			cli = w.Commands(t, hcl("platform", self))
			cli.MustRun(t, 0, "apply", "-auto-approve")
			w.Workspace.RemoveFromGroup("admins", self)
			cli.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, "Refused to take the provider's own rights away",
				self, "To remove the service principal from platform")
			wantMembers(t, w, "platform", self)
			w.Workspace.AddToGroup("admins", self)
			cli.MustRun(t, 0, "destroy", "-auto-approve")
			wantMembers(t, w, "platform")
		})
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	good := uuid.NewString()
	for name, test := range map[string][3]string{
		"display name as id":  {"scorers", "iris scoring", `Not an application id.*looks like a display name`},
		"azuread's id":        {"scorers", "/servicePrincipals/" + good, `azuread_service_principal.*client_id`},
		"everybody's group":   {"users", good, `Not a group that can be joined.*everybody in the workspace is a member`},
		"no group":            {"", good, `Not a group that can be joined.*it is empty`},
		"an e-mail of a user": {"scorers", "ada@example.com", `Not an application id.*e-mail`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, _ := start(t)
			w.Test(t, resource.TestStep{Config: hcl(test[0], test[1]), PlanOnly: true,
				ExpectError: acctest.Words(test[2])})
			if n := w.Count("", "", ""); n != 0 {
				t.Errorf("%d requests for what the configuration alone shows", n)
			}
		})
	}
}

func TestUnknownPrincipal(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	w.Workspace.SetExternalID(w.ScoringApp.ClientID, w.ScoringApp.ObjectID)
	w.Test(t,
		resource.TestStep{Config: hcl("scorers", uuid.NewString()),
			ExpectError: acctest.Words(
				`Cannot add to group.*no service principal with the application id.*Add the service principal with dbxaccess_service_principal`)},
		resource.TestStep{Config: hcl("scorers", w.ScoringApp.ObjectID),
			ExpectError: acctest.Words(
				`Cannot add to group.*The value is the object id of this service principal: application id ` +
					w.ScoringApp.ClientID)},
	)
	wantMembers(t, w, "scorers", w.PersonName)
}

func TestBadImport(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	app := w.ScoringApp.ClientID
	for id, want := range map[string]string{
		"scorers":                     `malformed.*GROUP_NAME/APPLICATION_ID`,
		"scorers/":                    `malformed`,
		"/" + app:                     `malformed`,
		app:                           `malformed`,
		app + "/scorers":              `malformed`,
		"scorers/scoring":             `malformed.*a UUID`,
		"scorers/{" + app + "}":       `malformed`,
		"nobodys/" + app:              `Cannot import group member.*no group "nobodys"`,
		"scorers/" + app:              `Cannot import group member.*not a direct member`,
		"scorers/" + uuid.NewString(): `Cannot import group member.*no service principal with the application id`,
	} {
		w.Test(t, resource.TestStep{Config: hcl("scorers", app) + "import {\n to = " + address + "\n id = \"" + id +
			"\"\n}\n", ExpectError: regexp.MustCompile(acctest.Words(want).String())})
	}
	w.Workspace.AddToGroup("scorers", app)
	w.Test(t, resource.TestStep{
		Config:           hcl("scorers", app) + "import {\n to = " + address + "\n id = \"scorers/" + app + "\"\n}\n",
		ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionNoop),
	})
}

package serviceprincipaltoken_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

var nothing = emulator.Fault{Status: 200, Body: "{}", ContentType: "application/json"}

// stays checks that a successful refresh changes nothing, and that the next plan is empty.
func stays(t *testing.T, w *acctest.World, o acctest.Object, config map[string]any) {
	t.Helper()
	p := w.Protocol(t)
	read := p.MustRefresh(t, typeName, o)
	acctest.Same(t, "the state", read.State, o.State)
	if plan := p.MustPlan(t, typeName, read, config); len(plan.Changed) > 0 {
		t.Errorf("the plan changes %v, because of %v", plan.Changed, plan.State["rotation_reason"])
	}
}

// An answer without tokens does not prove that a token is gone. So the provider asks the service for the current and
// the previous token by id.
func TestEmptyListForgetsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	config := ofApplication(w, map[string]any{"rotation_triggers": map[string]any{"a": "1"}})
	made := p.MustApply(t, typeName, p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil)), config)
	w.Tenant.Faults.Add(fault("GET", managed, nothing))
	stays(t, w, made, config)
	// If the answer about the token is empty as well, the refresh fails.
	w.Tenant.Faults.Add(fault("GET", managed, nothing))
	w.Tenant.Faults.Add(fault("GET", managed1, nothing))
	if _, errors := w.Protocol(t).Refresh(t, typeName, made); !strings.Contains(errors, "Cannot read token") ||
		!strings.Contains(errors, "no token_info.token_id") {
		t.Errorf("%q", errors)
	}
	stays(t, w, made, config)
	revokeAll(w)
}

// If the workspace's clock cannot be right, no decision is based on it.
func TestWrongClockRotatesNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	config := ofApplication(w, map[string]any{"rotation_triggers": map[string]any{"a": "1"}})
	made := p.MustApply(t, typeName, p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil)), config)
	for name, off := range map[string]time.Duration{"expired": 3650 * day, "due": 61 * day,
		"the overlap over": 25 * time.Hour} {
		w.Tenant.Clock.Advance(off)
		if _, errors := w.Protocol(t).Refresh(t, typeName, made); !strings.Contains(errors,
			"the workspace's clock shows") || !strings.Contains(errors, "the provider decided nothing") {
			t.Errorf("%s: %q", name, errors)
		}
		w.Tenant.Clock.Advance(-off)
	}
	stays(t, w, made, config)
	// If no decision depends on the time, a wrong clock does not matter.
	w.Tenant.Clock.Advance(-3650 * day)
	stays(t, w, made, config)
	w.Tenant.Clock.Advance(3650 * day)
	revokeAll(w)
}

// A token that was found revoked or expired, but is live, is revoked with the rotation. So no live token is left that
// no state records.
func TestRotationRevokesTokenFoundRevokedOrExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	id := made.State["token_id"].(string)
	w.Tenant.Faults.Add(fault("GET", managed, nothing))
	w.Tenant.Faults.Add(fault("GET", managed1, emulator.Fault{Status: 404, Code: "RESOURCE_DOES_NOT_EXIST",
		Message: "no such token"}))
	next := w.Protocol(t)
	read := next.MustRefresh(t, typeName, made)
	if !strings.Contains(read.Warnings, "Token is gone") {
		t.Errorf("%q", read.Warnings)
	}
	if rotated := next.MustApply(t, typeName, read,
		ofApplication(w, nil)); rotated.State["rotation_reason"] != "revoked" {
		t.Errorf("%v", rotated.State)
	}
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID == id {
		t.Errorf("%+v", tokens)
	}
	revokeAll(w)
}

// With the provider's identity, the list of the caller's own tokens shows the owner's tokens only if the caller is the
// owner.
func TestOwnListOfAnotherCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
	made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofProvider(w))
	stays(t, w, made, ofProvider(w))

	w.Env["ARM_CLIENT_ID"] = w.ScoringApp.ClientID
	w.Env["ARM_CLIENT_SECRET"] = w.ScoringSecret
	path, password := w.Env["ARM_CLIENT_CERTIFICATE_PATH"], w.Env["ARM_CLIENT_CERTIFICATE_PASSWORD"]
	delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH")
	delete(w.Env, "ARM_CLIENT_CERTIFICATE_PASSWORD")
	if _, errors := w.Protocol(t).Refresh(t, typeName, made); !strings.Contains(errors, "neither as the owner "+
		w.Deployer.ClientID) {
		t.Errorf("%q", errors)
	}
	// Nor does the list help if the provider is logged in with a Databricks token of another identity, which only the
	// workspace knows.
	_, value := w.Workspace.MintToken(w.ScoringApp.ClientID, "login", day)
	delete(w.Env, "ARM_CLIENT_ID")
	delete(w.Env, "ARM_CLIENT_SECRET")
	w.Env["DATABRICKS_TOKEN"] = value
	if _, errors := w.Protocol(t).Refresh(t, typeName, made); !strings.Contains(errors, "neither as the owner "+
		w.Deployer.ClientID) {
		t.Errorf("%q", errors)
	}
	if _, errors := w.Protocol(t).Apply(t, typeName, made, nil); !strings.Contains(errors, "The token is still valid") {
		t.Errorf("%q", errors)
	}
	delete(w.Env, "DATABRICKS_TOKEN")
	w.Env["ARM_CLIENT_ID"], w.Env["ARM_CLIENT_CERTIFICATE_PATH"], w.Env["ARM_CLIENT_CERTIFICATE_PASSWORD"] = w.Deployer.ClientID, path, password
	stays(t, w, made, ofProvider(w))
	// An empty list of the caller's own tokens proves nothing. A list with another token proves that the token is gone.
	w.Tenant.Faults.Add(fault("GET", "/api/2.0/token/list", nothing))
	if _, errors := w.Protocol(t).Refresh(t, typeName, made); !strings.Contains(errors, "returned an empty list") ||
		!strings.Contains(errors, "-refresh=false -replace") {
		t.Errorf("%q", errors)
	}
	w.Workspace.MintToken(w.Deployer.ClientID, "another", day)
	w.Workspace.RevokeToken(made.State["token_id"].(string))
	if read := w.Protocol(t).MustRefresh(t, typeName, made); !strings.Contains(read.Warnings, "Token is gone") {
		t.Errorf("%q", read.Warnings)
	}
	revokeAll(w)
}

// A provider that could neither see nor revoke a token does not create it, unless on_unverifiable is "warn".
func TestTokenIsNotCreatedIfItCouldNotBeSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	p := w.Protocol(t)
	_, errors := p.Apply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	for _, want := range []string{"Token was not created, because its owner's tokens cannot be listed",
		"a workspace admin", "use_provider_identity = true", `on_unverifiable = "warn"`} {
		if !strings.Contains(errors, want) {
			t.Errorf("%q does not say %q", errors, want)
		}
	}
	asked(t, w, 0, "workspace", "POST", create)
	w.Tenant.Journal.Reset()
	blind := ofApplication(w, map[string]any{"on_unverifiable": "warn"})
	made := p.MustApply(t, typeName, acctest.Object{}, blind)
	if !strings.Contains(made.Warnings, "No refresh will check the token") || len(live(w, w.ScoringApp.ClientID)) != 1 {
		t.Errorf("%q", made.Warnings)
	}
	if read := w.Protocol(t).MustRefresh(t, typeName, made); !strings.Contains(read.Warnings, "Cannot check token") {
		t.Errorf("%q", read.Warnings)
	}
	// A rotation makes the same check.
	rotate := map[string]any{"rotation_triggers": map[string]any{"a": "1"}}
	if _, errors := p.Apply(t, typeName, made, ofApplication(w, rotate)); !strings.Contains(errors,
		"Token was not created") || len(live(w, w.ScoringApp.ClientID)) != 1 {
		t.Errorf("%q", errors)
	}
	revokeAll(w)
	// If the list fails for another reason, no token is created either.
	w.Workspace.AddToGroup("admins", w.Deployer.ClientID)
	w.Tenant.Faults.Add(fault("GET", managed, emulator.Fault{Status: 500, Code: "INTERNAL_ERROR", Message: "oops"}))
	if _, errors := w.Protocol(t).Apply(t, typeName, acctest.Object{}, blind); !strings.Contains(errors, "oops") ||
		len(live(w, w.ScoringApp.ClientID)) != 0 {
		t.Errorf("%q", errors)
	}
}

// If the provider can no longer see a token, the errors name the ways out. They work through Terraform itself.
func TestAdviceForTokenThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.CLI(t, bySecret(w, `comment = "c"`))
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	c.MustRun(t, 1, "plan").MustSay(t, "Cannot read token", `write on_unverifiable = "warn"`,
		"terraform apply -refresh=false", "terraform state rm")
	// The new on_unverifiable has no effect in a refresh, which reads the state. An apply without a refresh writes it
	// into the state.
	rewrite(t, c, `comment = "c"`, "comment = \"c\"\n  on_unverifiable = \"warn\"")
	c.MustRun(t, 1, "plan").MustSay(t, "Cannot read token")
	c.MustRun(t, 0, "apply", "-auto-approve", "-refresh=false").MustSay(t, "1 changed")
	c.MustRun(t, 0, "plan", "-detailed-exitcode").MustSay(t, "Warning: Cannot check token")
	// A destroy does not have the owner's credential, and the error says how to remove the token from the state.
	c.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, "The token is still valid", "terraform state rm")
	if len(live(w, w.ScoringApp.ClientID)) != 1 {
		t.Error("it is gone")
	}
	c.MustRun(t, 0, "state", "rm", address)
	c.MustRun(t, 0, "destroy", "-auto-approve")
	revokeAll(w)
}

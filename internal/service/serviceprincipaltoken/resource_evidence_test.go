package serviceprincipaltoken_test

import (
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const ownList = "/api/2.0/token/list"

// absent is the service's answer about a token that the caller does not have.
var absent = emulator.Fault{Status: 404, Code: "RESOURCE_DOES_NOT_EXIST", Message: "Token does not exist"}

// newWorldWithoutAdmin returns a workspace in which the provider may use tokens of its own, but is no admin.
func newWorldWithoutAdmin(t *testing.T) *acctest.World {
	t.Helper()
	w := newWorld(t)
	w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	return w
}

// If the workspace says that a token does not exist, a destroy believes that only if the owner's own list lacks the
// token too. A provider that is no admin has no other evidence.
func TestDestroyOfTokenStillInTheOwnersList(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		list emulator.Fault
		says string
	}{
		"it is listed":             {emulator.Fault{}, "but lists this token"},
		"the list comes empty":     {nothing, "but lists this token"}, // the list is empty only once
		"the list cannot be read":  {denied, "could not revoke the token with the login of its owner"},
		"the list is always empty": {emulator.Fault{Status: 200, Body: "{}", ContentType: "application/json", Times: -1}, "the answer has no id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWithoutAdmin(t)
			made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofProvider(w))
			w.Tenant.Faults.Add(fault("POST", revoke, absent))
			if tc.list.Status != 0 {
				w.Tenant.Faults.Add(fault("GET", ownList, tc.list))
			}
			if tc.list.Times < 0 { // something answers {} to every request
				tc.list.After = 1 // the destroy first asks which workspace it calls
				w.Tenant.Faults.Add(fault("GET", "/api/2.0/preview/scim/v2/Me", tc.list))
			}
			_, errors := w.Protocol(t).Apply(t, typeName, made, nil)
			for _, want := range []string{"Cannot revoke token", "The token is still valid", tc.says} {
				if !strings.Contains(errors, want) {
					t.Errorf("%q does not say %q", errors, want)
				}
			}
			w.Tenant.Faults.Clear()
			lives(t, w, "the token", made)
			w.Protocol(t).MustApply(t, typeName, made, nil)
		})
	}
}

// A token that no longer exists does not prevent a destroy, even if the owner has no other token and the provider is no
// admin.
func TestDestroyOfTokenMissingFromTheOwnersList(t *testing.T) {
	t.Parallel()
	w := newWorldWithoutAdmin(t)
	made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofProvider(w))
	revokeAll(w)
	w.Protocol(t).MustApply(t, typeName, made, nil)
	asked(t, w, 2, "workspace", "GET", ownList) // {} may be no list, so the list is read twice
}

// If the workspace has shown that a token belongs to another principal, the owner's answer "no such token" does not
// prove that it is revoked.
func TestTokenOfAnotherPrincipalIsNotReportedAsRevoked(t *testing.T) {
	t.Parallel()
	for name, overlap := range map[string]int{"at once": 0, "after an overlap": 3600} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
			config := ofProvider(w)
			config["overlap_seconds"] = overlap
			made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, config)
			id := made.State["token_id"].(string)
			w.Workspace.GiveToken(id, w.ScoringApp.ClientID)
			p := w.Protocol(t)
			read := p.MustRefresh(t, typeName, made)
			if !strings.Contains(read.Warnings, "Token belongs to another principal") {
				t.Fatalf("%q", read.Warnings)
			}
			w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
			if _, errors := p.Apply(t, typeName, read, nil); !strings.Contains(errors, "The token is still valid") {
				t.Errorf("destroyed: %q", errors)
			}
			rotated := p.MustApply(t, typeName, read, config)
			if rotated.State["previous_token_id"] != id {
				t.Errorf("the state does not hold it any more: %v", rotated.State)
			}
			if said := strings.Contains(rotated.Warnings, "The old token is still valid"); said != (overlap == 0) {
				t.Errorf("%q", rotated.Warnings)
			}
			config["overlap_seconds"] = 0
			if _, errors := p.Apply(t, typeName, rotated, config); !strings.Contains(errors,
				"The token is still valid") {
				t.Errorf("the overlap ended: %q", errors)
			}
			if _, errors := p.Apply(t, typeName, rotated, nil); !strings.Contains(errors, "The token is still valid") {
				t.Errorf("destroyed: %q", errors)
			}
			lives(t, w, "the token of another", made)
			w.Workspace.AddToGroup("admins", w.Deployer.ClientID)
			w.Protocol(t).MustApply(t, typeName, rotated, nil)
			revokeAll(w)
		})
	}
}

// If the answer to a creation was lost, the provider searches the owner's list for the token. If the list comes as {},
// it is read again before the provider concludes that there is no token.
func TestLostAnswerAndAnEmptyList(t *testing.T) {
	t.Parallel()
	lost := fault("POST", create, emulator.Fault{Drop: "after"})
	w := newWorld(t)
	w.Tenant.Faults.Add(lost)
	w.Tenant.Faults.Add(fault("GET", ownList, nothing))
	made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	if !strings.Contains(made.Warnings, "Token was revoked because its value was lost") ||
		len(live(w, w.ScoringApp.ClientID)) != 1 {
		t.Errorf("%q, %+v", made.Warnings, live(w, w.ScoringApp.ClientID))
	}
	revokeAll(w)
	// If something answers {} to every request, that is no list of tokens. So an error tells the user that a token may
	// be left.
	w = newWorld(t)
	w.Tenant.Faults.Add(lost)
	for _, path := range []string{ownList, "/api/2.0/preview/scim/v2/Me"} {
		everything := nothing
		everything.Times = -1
		w.Tenant.Faults.Add(fault("GET", path, everything))
	}
	_, errors := w.Protocol(t).Apply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	if !strings.Contains(errors, "may have created a token whose value nobody has") {
		t.Errorf("%q", errors)
	}
	revokeAll(w)
}

// If the workspace says that an ephemeral token does not exist, but the owner's list has it, Close fails.
func TestCloseOfEphemeralTokenStillInTheOwnersList(t *testing.T) {
	t.Parallel()
	w := newWorldWithoutAdmin(t)
	p := w.Protocol(t)
	o, _, errors := p.Open(t, typeName, ofProvider(w))
	if errors != "" {
		t.Fatal(errors)
	}
	w.Tenant.Faults.Add(fault("POST", revoke, absent))
	if _, errors := p.Close(t, o); !strings.Contains(errors, "Cannot revoke ephemeral token") ||
		!strings.Contains(errors, "but lists this token") {
		t.Errorf("%q", errors)
	}
	if len(live(w, w.Deployer.ClientID)) != 1 {
		t.Error("it does not live")
	}
	if _, errors := p.Close(t, o); errors != "" {
		t.Error(errors)
	}
}

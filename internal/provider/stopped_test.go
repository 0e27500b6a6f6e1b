package provider_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// TestStoppedBeforeTheCreation stops the run while the request that creates an object waits for its turn, because the
// workspace throttles the calls. Meanwhile somebody else creates the same object. The run has created nothing. So it
// must not look for the object, nor take that of somebody else for its own.
func TestStoppedBeforeTheCreation(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		creates emulator.Fault
		others  func(w *acctest.World)
	}{
		aPrincipal + "/create": {
			emulator.Fault{Method: "POST", Path: "/api/2.0/preview/scim/v2/ServicePrincipals"},
			func(w *acctest.World) { w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "of somebody else") },
		},
		aMember + "/create": {
			emulator.Fault{Method: "PATCH", Path: "/api/2.0/preview/scim/v2/Groups/*"},
			func(w *acctest.World) { w.Workspace.AddToGroup("scorers", w.ScoringApp.ClientID) },
		},
		aToken + "/create": {
			emulator.Fault{Method: "POST", Path: "/api/2.0/token/create"},
			func(w *acctest.World) { w.Workspace.MintToken(w.ScoringApp.ClientID, "first", time.Hour) },
		},
		oauthSecretType + "/create": {
			emulator.Fault{Method: "POST", Path: "/api/2.0/accounts/servicePrincipals/*/credentials/secrets"},
			func(w *acctest.World) { w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 9*time.Hour) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ready(t, name)
			w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "5"
			throttled := tc.creates
			throttled.Service, throttled.Status, throttled.RetryAfter = "workspace", 429, 5
			w.Tenant.Faults.Add(throttled)
			p := w.Protocol(t)
			var sent int
			var held emulator.Snapshot
			go func() {
				for len(w.Tenant.Faults.Unmet()) > 0 || !answered(w, 429) {
					time.Sleep(time.Millisecond)
				}
				tc.others(w)
				sent, held = len(w.Tenant.Journal.Entries()), w.Workspace.Snapshot()
				p.Stop(t)
			}()
			got := operations()[name].do(t, w, p, acctest.Object{})
			if got.state != nil || !strings.Contains(got.errors, "The run was stopped") {
				t.Errorf("state %v, errors %s", got.state, got.errors)
			}
			if after := w.Tenant.Journal.Entries()[sent:]; len(after) > 0 {
				t.Errorf("sent after the stop: %+v", after)
			}
			if now := w.Workspace.Snapshot(); !reflect.DeepEqual(now, held) {
				t.Errorf("the workspace was\n%+v\nand is\n%+v", held, now)
			}
		})
	}
}

// answered reports whether the workspace has answered a request with the status.
func answered(w *acctest.World, status int) bool {
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "workspace" && e.Status == status {
			return true
		}
	}
	return false
}

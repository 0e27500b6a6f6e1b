package oauthsecret_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const ofType = "dbxaccess_oauth_secrets"

func TestOAuthSecrets(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	forever, _ := w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 0, "model-serving")
	w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
	w.Tenant.Clock.Advance(2 * time.Hour)
	odd, value := w.Workspace.AddOAuthSecret(w.Deployer.ClientID, time.Hour)
	w.Workspace.SetOAuthSecretStatus(odd, "SUSPENDED")
	p := w.Protocol(t)
	for application, want := range map[any]string{nil: forever + " <nil> ACTIVE scoring," + odd +
		" end SUSPENDED deployer,", w.ScoringApp.ClientID: forever + " <nil> ACTIVE scoring,"} {
		state, _, errors := p.Read(t, ofType, map[string]any{"application_id": application})
		if errors != "" {
			t.Fatal(errors)
		}
		got := ""
		for _, s := range state["secrets"].([]any) {
			s := s.(map[string]any)
			end := "end"
			if s["expires_at"] == nil {
				end = "<nil>"
			}
			got += fmt.Sprint(s["secret_id"], " ", end, " ", s["status"], " ", s["display_name"], ",")
		}
		if got != want || strings.Contains(fmt.Sprint(state), value) {
			t.Errorf("%v: %s, want %s", application, got, want)
		}
	}
	_, _, errors := p.Read(t, ofType, map[string]any{"application_id": "0d2b4c1e-9d53-4c8e-8a55-3c9ab06e6c55"})
	if !strings.Contains(errors, "no service principal of this workspace") {
		t.Error(errors)
	}
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	if _, _, errors = p.Read(t, ofType, nil); !strings.Contains(errors, "Only a workspace admin may") {
		t.Error(errors)
	}
}

package serviceprincipal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const ofPrincipal = "dbxaccess_service_principal"

func secretIDs(w *acctest.World) (ids []string) {
	for _, s := range w.Workspace.Snapshot().OAuthSecrets {
		ids = append(ids, s.ID)
	}
	return ids
}

// A deactivation deletes the OAuth secrets of this principal only, unless the configuration keeps them.
func TestDeactivatingDeletesOAuthSecrets(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	config := func(more ...any) map[string]any {
		c := map[string]any{"application_id": w.ScoringApp.ClientID}
		for i := 0; i < len(more); i += 2 {
			c[more[i].(string)] = more[i+1]
		}
		return c
	}
	o := p.MustApply(t, ofPrincipal, acctest.Object{}, config())
	w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
	w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 0)
	others, _ := w.Workspace.AddOAuthSecret(w.Deployer.ClientID, time.Hour)
	o = p.MustApply(t, ofPrincipal, o, config("active", false, "delete_oauth_secrets_when_inactive", false))
	if n := len(secretIDs(w)); n != 3 {
		t.Errorf("%d secrets", n)
	}
	o = p.MustApply(t, ofPrincipal, o, config("active", false))
	if ids := secretIDs(w); len(ids) != 1 || ids[0] != others {
		t.Errorf("%q", ids)
	}
	if o.State["delete_oauth_secrets_when_inactive"] != true {
		t.Errorf("%v", o.State)
	}
}

// The error names an OAuth secret that could not be deleted. The other secrets are deleted, and the next apply deletes
// the remaining one.
func TestUndeletedOAuthSecretIsNamed(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	config := map[string]any{"application_id": w.ScoringApp.ClientID}
	o := p.MustApply(t, ofPrincipal, acctest.Object{}, config)
	resists, _ := w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
	w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "DELETE",
		Path: "/api/2.0/accounts/servicePrincipals/*/credentials/secrets/" + resists, Status: 500,
		Code: "INTERNAL_ERROR", Message: "broken"})
	config["active"] = false
	_, errors := p.Apply(t, ofPrincipal, o, config)
	if !strings.Contains(errors, "Cannot delete the OAuth secrets of the deactivated service principal") ||
		!strings.Contains(errors, resists) || len(secretIDs(w)) != 1 {
		t.Errorf("%s; %q", errors, secretIDs(w))
	}
}

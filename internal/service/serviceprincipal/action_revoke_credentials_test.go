package serviceprincipal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const revokeAction = "dbxaccess_revoke_credentials"

// leaked returns a world whose scoring app has two tokens and two OAuth secrets, and the ids of the tokens.
func leaked(t *testing.T) (w *acctest.World, tokens []string) {
	t.Helper()
	w = acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	for _, comment := range []string{"made by hand", "made by a pipeline"} {
		id, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, comment, time.Hour)
		tokens = append(tokens, id)
	}
	w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
	w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
	w.Workspace.AddOAuthSecret(w.Deployer.ClientID, time.Hour)
	return w, tokens
}

// credentialsLeft counts the scoring app's credentials on the server, and reports whether the app is active.
func credentialsLeft(w *acctest.World) (tokens, secrets int, active bool) {
	s := w.Workspace.Snapshot()
	for _, token := range s.Tokens {
		if token.Owner == w.ScoringApp.ClientID {
			tokens++
		}
	}
	for _, p := range s.ServicePrincipals {
		if p.ApplicationID == w.ScoringApp.ClientID {
			active = p.Active
		}
	}
	for _, secret := range s.OAuthSecrets {
		if secret.Owner == w.ScoringApp.ClientID {
			secrets++
		}
	}
	return tokens, secrets, active
}

func TestRevokeCredentials(t *testing.T) {
	t.Parallel()
	w, ids := leaked(t)
	progress, _, failed := w.Protocol(t).Invoke(t, revokeAction,
		map[string]any{"application_id": strings.ToUpper(w.ScoringApp.ClientID)})
	if failed != "" {
		t.Fatal(failed)
	}
	said := strings.Join(progress, "\n")
	for _, want := range append(ids, "Deactivated: ", "made by hand", "OAuth secret ", "no longer has any token or "+
		"OAuth secret: 2 tokens and 2 OAuth secrets deleted.") {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if tokens, secrets, active := credentialsLeft(w); tokens+secrets != 0 || active {
		t.Errorf("%d tokens and %d secrets are left, active is %t", tokens, secrets, active)
	}
	if others := len(w.Workspace.Snapshot().Tokens); others != 1 {
		t.Errorf("%d tokens of others are left, not 1", others)
	}

	// A second run finds nothing to do, and says so.
	progress, _, failed = w.Protocol(t).Invoke(t, revokeAction, map[string]any{"application_id": w.ScoringApp.ClientID})
	if said = strings.Join(progress, "\n"); failed != "" || !strings.Contains(said, "was already inactive") ||
		!strings.Contains(said, "0 tokens and 0 OAuth secrets deleted") {
		t.Errorf("%s\n%s", failed, said)
	}
}

func TestRevokeCredentialsOfOneThatStaysActive(t *testing.T) {
	t.Parallel()
	w, _ := leaked(t)
	progress, _, failed := w.Protocol(t).Invoke(t, revokeAction, map[string]any{"application_id": w.ScoringApp.ClientID,
		"deactivate": false})
	if said := strings.Join(progress, "\n"); failed != "" || !strings.Contains(said, "stays active") {
		t.Errorf("%s\n%s", failed, said)
	}
	if tokens, secrets, active := credentialsLeft(w); tokens+secrets != 0 || !active {
		t.Errorf("%d tokens and %d secrets are left, active is %t", tokens, secrets, active)
	}
}

// A token that cannot be deleted is an error with the token's id, whatever the service answers, and the other
// credentials are deleted.
func TestRevokeCredentialsNamesRemainingTokens(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"refused":              {Status: 403, Code: "PERMISSION_DENIED", Message: "it is protected"},
		"accepted and ignored": {Status: 200, Body: "{}", ContentType: "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ids := leaked(t)
			fault.Service, fault.Method, fault.Path, fault.Times = "workspace", "DELETE", "/api/2.0/token-management/tokens/"+ids[0], 1
			w.Tenant.Faults.Add(fault)
			_, _, failed := w.Protocol(t).Invoke(t, revokeAction,
				map[string]any{"application_id": w.ScoringApp.ClientID})
			for _, want := range []string{"Credentials of the service principal were not all deleted", "scoring",
				"1 credential could not be deleted: token " + ids[0], "Settings > Advanced"} {
				if !strings.Contains(failed, want) {
					t.Errorf("it does not say %q:\n%s", want, failed)
				}
			}
			if strings.Contains(failed, ids[1]) {
				t.Errorf("it names a token that is gone:\n%s", failed)
			}
			if tokens, secrets, active := credentialsLeft(w); tokens != 1 || secrets != 0 || active {
				t.Errorf("%d tokens and %d secrets are left, active is %t", tokens, secrets, active)
			}
		})
	}
}

// A principal that cannot be deactivated loses its credentials all the same, and the action fails.
func TestRevokeCredentialsWhereDeactivatingFails(t *testing.T) {
	t.Parallel()
	w, _ := leaked(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH",
		Path: "/api/2.0/preview/scim/v2/ServicePrincipals/*", Status: 403, Code: "PERMISSION_DENIED", Message: "no"})
	_, _, failed := w.Protocol(t).Invoke(t, revokeAction, map[string]any{"application_id": w.ScoringApp.ClientID})
	if !strings.Contains(failed, "Cannot deactivate service principal with revoked credentials") {
		t.Error(failed)
	}
	if tokens, secrets, active := credentialsLeft(w); tokens+secrets != 0 || !active {
		t.Errorf("%d tokens and %d secrets are left, active is %t", tokens, secrets, active)
	}
}

func TestRevokeCredentialsRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		id   func(*acctest.World) string
		says string
	}{
		"a mistyped id":           {func(*acctest.World) string { return uuid.NewString() }, "no such service principal"},
		"the provider's own":      {func(w *acctest.World) string { return w.Deployer.ClientID }, "the provider itself is logged in as"},
		"a name instead of an id": {func(*acctest.World) string { return "scoring" }, "Not an application id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := leaked(t)
			_, _, failed := w.Protocol(t).Invoke(t, revokeAction, map[string]any{"application_id": test.id(w)})
			if !strings.Contains(failed, test.says) {
				t.Errorf("it does not say %q: %s", test.says, failed)
			}
			if writes := w.Count("workspace", "DELETE", "") + w.Count("workspace", "PATCH", ""); writes != 0 {
				t.Errorf("%d writes", writes)
			}
		})
	}
}

// An identity that is no admin can revoke nothing, and the error says which right is missing.
func TestRevokeCredentialsDenied(t *testing.T) {
	t.Parallel()
	w, _ := leaked(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	_, _, failed := w.Protocol(t).Invoke(t, revokeAction, map[string]any{"application_id": w.ScoringApp.ClientID})
	if !strings.Contains(failed, "workspace admin") {
		t.Error(failed)
	}
	if tokens, secrets, active := credentialsLeft(w); tokens != 2 || secrets != 2 || !active {
		t.Errorf("%d tokens and %d secrets are left, active is %t", tokens, secrets, active)
	}
}

package emulator

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// TestVaultState checks the methods by which a test reads and changes a vault without requests.
func TestVaultState(t *testing.T) {
	t.Parallel()
	tenant := NewTenant(TenantOptions{})
	v := tenant.NewVault("kv-ml")
	if v.Versions("s") != nil {
		t.Error("a secret that is not there has versions")
	}
	first := v.SetSecret("s", "one", "a/b")
	v.SetSecret("s", "two", "")
	v.SetEnabled("s", first, false)
	versions := v.Versions("S")
	if len(versions) != 2 || versions[0].ID != first || versions[0].Enabled || versions[0].ContentType != "a/b" ||
		!versions[1].Enabled || v.Value("s") != "two" {
		t.Errorf("%+v", versions)
	}
	v.DeleteSecret("s")
	if v.Versions("s") != nil {
		t.Error("a deleted secret has versions")
	}
	v.RecoverSecret("s")
	if len(v.Versions("s")) != 2 {
		t.Error("a recovered secret has none")
	}
}

// TestVaultBodyBeforeRights checks that, with the switch, a vault checks the body of a request before the caller's
// right.
func TestVaultBodyBeforeRights(t *testing.T) {
	t.Parallel()
	tenant := NewTenant(TenantOptions{})
	v, app := tenant.NewVault("kv-ml"), tenant.RegisterApp("nobody")
	raw, err := tenant.IssueAccessToken(app.ClientID, "https://vault.azure.net", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	put := func(body string) int {
		r := httptest.NewRequest("PUT", "https://kv-ml.vault.azure.net/secrets/s?api-version=7.4",
			strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+raw)
		w := httptest.NewRecorder()
		v.ServeHTTP(w, r)
		return w.Code
	}
	if got := put("{}"); got != 403 {
		t.Errorf("by default %d", got)
	}
	v.SetSwitches(VaultSwitches{BodyBeforeRights: true})
	if got := put("{}"); got != 400 {
		t.Errorf("with the switch %d", got)
	}
	if got := put(`{"value":"x"}`); got != 403 {
		t.Errorf("with the switch and a value %d", got)
	}
}

// TestTokensOfOthers checks a token that belongs to another principal than its creator, and scopes that the workspace
// does not know.
func TestTokensOfOthers(t *testing.T) {
	t.Parallel()
	s := NewScenario()
	w := s.Workspace
	w.AddServicePrincipal(s.ScoringApp.ClientID, "scoring")
	id, _ := w.MintToken(s.Deployer.ClientID, "c", time.Hour)
	w.GiveToken(id, s.ScoringApp.ClientID)
	w.UseToken(id)
	s.Tenant.Clock.Advance(24 * time.Hour)
	call := func(method, path, body string) (int, map[string]any) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+s.PersonToken)
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, r)
		var decoded map[string]any
		if err := json.Unmarshal(answer.Body.Bytes(), &decoded); err != nil {
			t.Fatal(err)
		}
		return answer.Code, decoded
	}
	_, answer := call("GET", "/api/2.0/token-management/tokens/"+id, "")
	info, _ := answer["token_info"].(map[string]any)
	if info["created_by_username"] != s.Deployer.ClientID || info["owner_id"] == info["created_by_id"] ||
		info["last_used_day"] == nil {
		t.Errorf("%v", answer)
	}
	w.SetSwitches(WorkspaceSwitches{KnownTokenScopes: []string{"serving"}})
	if code, answer := call("POST", "/api/2.0/token/create", `{"lifetime_seconds":60,"scopes":["sql"]}`); code != 400 {
		t.Errorf("%d %v", code, answer)
	}
	if code, answer := call("POST", "/api/2.0/token/create",
		`{"lifetime_seconds":60,"scopes":["serving"]}`); code != 200 {
		t.Errorf("%d %v", code, answer)
	}
}

// TestVaultDelays checks that a secret can neither be read nor set while its deletion or its recovery is in progress.
func TestVaultDelays(t *testing.T) {
	t.Parallel()
	w := newVaultWorld(t, RoleSecretsOfficer)
	w.vault.SetSwitches(VaultSwitches{DeletionDelay: 2 * time.Second, RecoveryDelay: 2 * time.Second})
	w.vault.SetSecret("s", "v", "")
	ctx := t.Context()
	if _, err := w.client.DeleteSecret(ctx, "s", nil); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.GetDeletedSecret(ctx, "s", nil)
	checkVaultError(t, err, 404, "SecretNotFound", "A secret with (name/id) s was not found in this key vault")
	_, err = w.client.RecoverDeletedSecret(ctx, "s", nil)
	checkVaultError(t, err, 409, "Conflict", "ObjectIsBeingDeleted")
	_, err = w.client.SetSecret(ctx, "s", azsecrets.SetSecretParameters{Value: ptr("x")}, nil)
	checkVaultError(t, err, 409, "Conflict", "ObjectIsBeingDeleted")
	w.tenant.Clock.Advance(2 * time.Second)
	if _, err := w.client.GetDeletedSecret(ctx, "s", nil); err != nil {
		t.Error(err)
	}
	if _, err := w.client.RecoverDeletedSecret(ctx, "s", nil); err != nil {
		t.Fatal(err)
	}
	_, err = w.client.GetSecret(ctx, "s", "", nil)
	checkVaultError(t, err, 404, "SecretNotFound", "A secret with (name/id) s was not found")
	_, err = w.client.SetSecret(ctx, "s", azsecrets.SetSecretParameters{Value: ptr("x")}, nil)
	checkVaultError(t, err, 409, "Conflict", "ObjectIsBeingRecovered")
	w.tenant.Clock.Advance(2 * time.Second)
	if got, err := w.client.GetSecret(ctx, "s", "", nil); err != nil || *got.Value != "v" {
		t.Errorf("%v", err)
	}
}

// TestVaultVersionsOfMissingSecret checks that the list of versions of a missing or deleted secret is empty, or, with
// the switch, an error.
func TestVaultVersionsOfMissingSecret(t *testing.T) {
	t.Parallel()
	w := newVaultWorld(t, RoleSecretsOfficer)
	w.vault.SetSecret("deleted", "v", "")
	w.vault.DeleteSecret("deleted")
	for _, name := range []string{"never", "deleted"} {
		w.vault.SetSwitches(VaultSwitches{})
		page, err := w.client.NewListSecretPropertiesVersionsPager(name, nil).NextPage(t.Context())
		if err != nil || len(page.Value) != 0 || page.NextLink != nil {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
		w.vault.SetSwitches(VaultSwitches{VersionsRefused: true})
		_, err = w.client.NewListSecretPropertiesVersionsPager(name, nil).NextPage(t.Context())
		checkVaultError(t, err, 404, "SecretNotFound", "A secret with (name/id) "+name+" was not found")
	}
}

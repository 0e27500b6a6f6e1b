package serviceprincipaltoken_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// If the vault would not accept the value, the apply fails before a token is created.
func TestVaultRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(*acctest.World, *emulator.Vault)
		host  string // in place of the vault
		want  string
	}{
		"no role": {func(w *acctest.World, v *emulator.Vault) { v.Revoke(w.Deployer.ClientID) }, "", `Key Vault refuses the provider.*"Key Vault Secrets Officer".*Client ID of the identity: [0-9a-f-]{36}.*Tenant of the identity: [0-9a-f-]{36}`},
		"may read": {func(w *acctest.World, v *emulator.Vault) {
			v.Revoke(w.Deployer.ClientID)
			v.Allow(w.Deployer.ClientID, emulator.RoleSecretsUser)
		}, "", `Key Vault refuses the provider.*may not write secret scoring`},
		"access policies": {func(w *acctest.World, v *emulator.Vault) {
			v.Revoke(w.Deployer.ClientID)
			v.SetSwitches(emulator.VaultSwitches{AccessPolicies: true})
		}, "", `Key Vault refuses the provider.*secret permissions list and set`},
		"firewall":    {func(_ *acctest.World, v *emulator.Vault) { v.SetSwitches(emulator.VaultSwitches{Firewall: true}) }, "", "Key Vault firewall blocks the provider"},
		"not ours":    {func(_ *acctest.World, v *emulator.Vault) { v.SetSecret("scoring", "theirs", "") }, "", "was not written by this resource.*overwrite_existing = true"},
		"deleted":     {func(_ *acctest.World, v *emulator.Vault) { v.SetSecret("scoring", "x", ""); v.DeleteSecret("scoring") }, "", "Key Vault secret is deleted but not purged.*az keyvault secret recover --vault-name kv-ml-[0-9]+ --name scoring"},
		"unreachable": {func(*acctest.World, *emulator.Vault) {}, "kv-nowhere.vault.azure.net", "Key Vault not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, v, secret := newVaultWorld(t)
			tc.spoil(w, v)
			lines := secret()
			if tc.host != "" {
				w.ReachHost(t, tc.host)
				lines = strings.Replace(lines, v.URL(), "https://"+tc.host, 1)
			}
			c := w.Commands(t, bySecret(w, lines, `timeouts = { create = "6s" }`))
			c.MustRun(t, 2, "plan", "-detailed-exitcode") // a plan sends no request to the vault
			asked(t, w, 0, "vault", "", "")
			r := c.MustRun(t, 1, "apply", "-auto-approve")
			if text := r.Text(); !acctest.Words(tc.want).MatchString(text) {
				t.Error(text)
			}
			asked(t, w, 0, "workspace", "POST", create)
			c.MustRun(t, 0, "destroy", "-auto-approve")
		})
	}
}

// With overwrite_existing = true the provider writes a new version of somebody else's secret. The earlier version stays
// below it.
func TestVaultOverwrites(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	v.SetSecret("scoring", "theirs", "")
	c := w.Commands(t, bySecret(w, secret("overwrite_existing = true")))
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
	// The provider does not disable a version that it did not write.
	if on := enabled(v, "scoring"); on != "0" {
		t.Errorf("versions %s are enabled", on)
	}
}

// The provider waits for a role that was just assigned, before it creates the token.
func TestVaultRoleComesLate(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	late := emulator.Fault{Status: 403, Code: "Forbidden/ForbiddenByRbac", Message: "not yet"}
	w.Tenant.Faults.Add(vaultFault("GET", "/secrets/scoring/versions", late))
	w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", late))
	c := w.Commands(t, bySecret(w, secret()))
	c.MustRun(t, 0, "apply", "-auto-approve")
	if enabled(v, "scoring") != "0" || len(live(w, w.ScoringApp.ClientID)) != 1 {
		t.Error(enabled(v, "scoring"))
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// The vault may refuse the value although it accepted the test before. Then the new token is revoked, and nothing has
// changed.
func TestVaultWriteFails(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	const put = "/secrets/scoring"
	refused := emulator.Fault{Status: 403, Code: "Forbidden/ForbiddenByRbac", Message: "changed my mind", After: 1}
	c := w.Commands(t, bySecret(w, secret(), nineHours, "overlap_seconds = 3600"))
	w.Tenant.Faults.Add(vaultFault("PUT", put, refused))
	r := c.MustRun(t, 1, "apply", "-auto-approve")
	if text := r.Text(); !strings.Contains(text, "The new token was revoked again") {
		t.Error(text)
	}
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 0 || len(c.Managed(t)) > 0 {
		t.Errorf("%+v %q", tokens, c.Managed(t))
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	id := live(w, w.ScoringApp.ClientID)[0].ID

	// If the vault refuses the value at a rotation, the old token stays.
	w.Tenant.Clock.Advance(6*time.Hour + time.Minute)
	w.Tenant.Faults.Add(vaultFault("PUT", put, refused))
	c.MustRun(t, 1, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID != id ||
		c.Attributes(t, address)["token_id"] != id {
		t.Errorf("%+v", tokens)
	}
	c.MustRun(t, 2, "plan", "-detailed-exitcode")

	// If the new token cannot be revoked either, the state keeps it, and the error says so.
	w.Tenant.Faults.Add(vaultFault("PUT", put, refused))
	w.Tenant.Faults.Add(fault("POST", revoke, denied))
	w.Tenant.Faults.Add(fault("DELETE", managed1, denied))
	r = c.MustRun(t, 1, "apply", "-auto-approve")
	if text := r.Text(); !strings.Contains(text, "could not be revoked either") {
		t.Error(text)
	}
	tokens := live(w, w.ScoringApp.ClientID)
	if a := c.Attributes(t, address); len(tokens) != 2 || a["previous_token_id"] != tokens[0].ID ||
		a["token_id"] != tokens[1].ID {
		t.Errorf("%+v", tokens)
	}
	// The next apply revokes the new token, which nobody can use, and not the token in use.
	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 2 || tokens[0].ID != id ||
		enabled(v, "scoring") != "0 1" {
		t.Errorf("%+v, %s", tokens, enabled(v, "scoring"))
	}
	w.Tenant.Clock.Advance(61 * time.Minute)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID == id ||
		enabled(v, "scoring") != "1" {
		t.Errorf("%+v, %s", tokens, enabled(v, "scoring"))
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// A token that could neither be stored nor revoked is kept in the state, so that the next apply revokes it.
func TestVaultWriteFailsAtCreate(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring",
		emulator.Fault{Status: 403, Code: "Forbidden/ForbiddenByRbac", After: 1}))
	w.Tenant.Faults.Add(fault("POST", revoke, denied))
	w.Tenant.Faults.Add(fault("DELETE", managed1, denied))
	c := w.Commands(t, bySecret(w, secret()))
	if text := c.MustRun(t, 1, "apply", "-auto-approve").Text(); !strings.Contains(text,
		"could not be revoked either") {
		t.Error(text)
	}
	id := live(w, w.ScoringApp.ClientID)[0].ID
	if c.Attributes(t, address)["token_id"] != id {
		t.Error("the state does not know the token")
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID == id ||
		enabled(v, "scoring") != "0" {
		t.Errorf("%+v, %s", tokens, enabled(v, "scoring"))
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// Something other than the vault answers that it stored the value, or redirects the request. The token is not stored,
// so it is revoked. The error says who answered what.
func TestVaultWriteIsShown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault emulator.Fault
		want  string
	}{
		"a page":     {emulator.Fault{Status: 200, ContentType: "text/html", Body: "<html><title>Sign in</title></html>"}, `PUT /secrets/scoring at kv-ml-[0-9]+\.vault\.azure\.net.*an HTML page with the title “Sign in”`},
		"a redirect": {emulator.Fault{Status: 307, Location: "https://elsewhere.example/x"}, `PUT /secrets/scoring at kv-ml-[0-9]+\.vault\.azure\.net.*redirected to https://elsewhere\.example`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, v, secret := newVaultWorld(t)
			tc.fault.After = 1 // the first write is a test before the token is created
			w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", tc.fault))
			c := w.Commands(t, bySecret(w, secret()))
			text := c.MustRun(t, 1, "apply", "-auto-approve").Text()
			if !acctest.Words(tc.want).MatchString(text) || !strings.Contains(text, "The new token was revoked again") {
				t.Error(text)
			}
			if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 0 || len(v.Versions("scoring")) != 0 {
				t.Errorf("%+v, %+v", tokens, v.Versions("scoring"))
			}
			c.MustRun(t, 0, "apply", "-auto-approve")
			c.MustRun(t, 0, "destroy", "-auto-approve")
		})
	}
}

// If the vault's answer is lost, before or after its work, there is still one version and one token.
func TestVaultAnswerLost(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]emulator.Fault{
		"dropped after the work": {Drop: "after", After: 1}, "dropped before the work": {Drop: "before", After: 1}, "503, and the work done": {Status: 503, WorkDone: true, After: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, v, secret := newVaultWorld(t)
			w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", lost))
			c := w.Commands(t, bySecret(w, secret()))
			c.MustRun(t, 0, "apply", "-auto-approve")
			c.MustRun(t, 0, "plan", "-detailed-exitcode")
			if len(v.Versions("scoring")) != 1 || len(live(w, w.ScoringApp.ClientID)) != 1 {
				t.Errorf("%+v", v.Versions("scoring"))
			}
			c.MustRun(t, 0, "destroy", "-auto-approve")
			if on := enabled(v, "scoring"); on != "" {
				t.Errorf("versions %s are enabled", on)
			}
		})
	}
}

// A vault may refuse to list the versions of a secret that does not exist. The provider can still store a token there,
// and finds out if the secret was deleted.
func TestVaultRefusesVersions(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	v.SetSwitches(emulator.VaultSwitches{VersionsRefused: true})
	c := w.Commands(t, bySecret(w, secret(), "overlap_seconds = 0"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	if enabled(v, "scoring") != "0" || len(live(w, w.ScoringApp.ClientID)) != 1 {
		t.Errorf("%s, %+v", enabled(v, "scoring"), live(w, w.ScoringApp.ClientID))
	}
	v.DeleteSecret("scoring")
	c.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "Warning: Key Vault secret of the token is missing")
	if text := c.MustRun(t, 1, "apply", "-auto-approve").Text(); !strings.Contains(text,
		"Key Vault secret is deleted but not purged") {
		t.Error(text)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// After the time in its marker another run takes an unrecorded token for abandoned. So a token that is not stored by
// then is revoked.
func TestVaultWriteEndsAfterTheMarkersTime(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	c := w.Commands(t, bySecret(w, secret()))
	c.MustRun(t, 0, "apply", "-auto-approve")
	id := live(w, w.ScoringApp.ClientID)[0].ID
	rewrite(t, c, "key_vault_secret", "rotation_triggers = { a = 1 }\n  timeouts = { create = \"3s\" }\n  "+
		"key_vault_secret")
	w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", emulator.Fault{After: 1, Delay: 20 * time.Second}))
	if text := c.MustRun(t, 1, "apply", "-auto-approve").Text(); !strings.Contains(text, "cannot rotate token") ||
		!strings.Contains(text, "The new token was revoked again") {
		t.Error(text)
	}
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID != id || c.Attributes(t, address)["token_id"] != id {
		t.Errorf("%+v", tokens)
	}
	w.Tenant.Faults.Clear()
	rewrite(t, c, `create = "3s"`, `create = "5m"`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 2 || v.Value("scoring") == "" {
		t.Errorf("%+v", tokens)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// The version of a token in Key Vault is disabled when the token is revoked, even if a later step fails.
func TestVersionGoesWithItsToken(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	c := w.Commands(t, bySecret(w, secret(), `comment = "x"`, `rotation_triggers = { a = "1" }`,
		"overlap_seconds = 3600"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	rewrite(t, c, `a = "1"`, `a = "2"`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if on := enabled(v, "scoring"); on != "0 1" {
		t.Errorf("within the overlap versions %s are enabled", on)
	}
	// The previous token is revoked to make room, and then the creation of the new token fails.
	rewrite(t, c, `a = "2"`, `a = "3"`)
	w.Tenant.Faults.Add(fault("POST", create, denied))
	c.MustRun(t, 1, "apply", "-auto-approve")
	if on := enabled(v, "scoring"); on != "1" || len(live(w, w.ScoringApp.ClientID)) != 1 {
		t.Errorf("after a rotation that failed versions %s are enabled", on)
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	// The overlap ends, and then the change of the comment fails.
	w.Tenant.Clock.Advance(61 * time.Minute)
	rewrite(t, c, `"x"`, `"y"`)
	w.Tenant.Faults.Add(fault("PATCH", update, denied))
	c.MustRun(t, 1, "apply", "-auto-approve")
	if on := enabled(v, "scoring"); on != "2" || len(live(w, w.ScoringApp.ClientID)) != 1 {
		t.Errorf("after a change that failed versions %s are enabled", on)
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// Within an overlap the previous token is revoked to make room. So no message may say that nothing has changed.
func TestVaultWriteFailsWithinAnOverlap(t *testing.T) {
	t.Parallel()
	w, _, secret := newVaultWorld(t)
	c := w.Commands(t, bySecret(w, secret(), `rotation_triggers = { a = "1" }`))
	c.MustRun(t, 0, "apply", "-auto-approve")
	rewrite(t, c, `a = "1"`, `a = "2"`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	rewrite(t, c, `a = "2"`, `a = "3"`)
	w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", emulator.Fault{Status: 403, Code: "Forbidden/ForbiddenByRbac", After: 1}))
	if text := c.MustRun(t, 1, "apply", "-auto-approve").Text(); !strings.Contains(text,
		"The new token was revoked again") || strings.Contains(text, "nothing has changed") {
		t.Error(text)
	}
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 ||
		c.Attributes(t, address)["token_id"] != tokens[0].ID {
		t.Errorf("%+v", tokens)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

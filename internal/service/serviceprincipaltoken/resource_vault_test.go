package serviceprincipaltoken_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// newVaultWorld returns a workspace, a vault that the deployer may write to, and a function that returns the block
// key_vault_secret with more lines.
func newVaultWorld(t *testing.T) (w *acctest.World, v *emulator.Vault, lines func(...string) string) {
	t.Helper()
	w = newWorld(t)
	v = w.NewVault(t, "kv-ml")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	return w, v, func(more ...string) string {
		return fmt.Sprintf("key_vault_secret = {\n    vault_uri = %q\n    name = \"scoring\"\n    %s\n  }", v.URL()+"/",
			strings.Join(more, "\n    "))
	}
}

func vaultFault(method, path string, f emulator.Fault) emulator.Fault {
	f.Service, f.Method, f.Path = "vault", method, path
	return f
}

// enabled returns the indexes of the enabled versions of a secret, counted from the oldest.
func enabled(v *emulator.Vault, name string) string {
	var out []string
	for i, version := range v.Versions(name) {
		if version.Enabled {
			out = append(out, fmt.Sprint(i))
		}
	}
	return strings.Join(out, " ")
}

// done counts the requests that the vault has executed. It leaves out the first request of each run, which the vault
// refuses to say which token it needs.
func done(w *acctest.World, method string) int {
	n := 0
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "vault" && e.Method == method && e.Status == 200 {
			n++
		}
	}
	return n
}

// The value is in the vault and nowhere else: not in the state, a plan or a log. Whoever reads the vault can use the
// value until the resource is destroyed.
func TestValueOnlyInVault(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	w.Workspace.SetGrant("iris", w.ScoringApp.ClientID, "CAN_QUERY")
	c := w.CLI(t, bySecret(w, secret(`content_type = "text/plain"`, `tags = { team = "ml" }`))+
		"output \"value\" {\n  value = "+address+".token_value\n  sensitive = true\n}\n")
	c.Env["TF_LOG"] = "trace"
	var texts []string
	run := func(code int, args ...string) {
		t.Helper()
		r := c.MustRun(t, code, args...)
		texts = append(texts, r.Stdout, r.Stderr)
	}
	run(2, "plan", "-out=p.tfplan", "-detailed-exitcode")
	run(0, "show", "-json", "p.tfplan")
	run(0, "apply", "p.tfplan")
	run(0, "plan", "-detailed-exitcode")
	run(0, "output", "-json")
	texts = append(texts, c.State(t))
	value := v.Value("scoring")
	if !strings.HasPrefix(value, "dapi") {
		t.Fatal("no token in the vault")
	}
	if status := scores(t, w, value); status != 200 {
		t.Errorf("scoring with the vault's value answered %d", status)
	}
	for _, text := range texts {
		if at := strings.Index(text, value); at >= 0 {
			t.Errorf("the token is in …%s", text[max(0, at-300):at])
		}
	}
	state := c.Attributes(t, address)
	if kept, there := state["token_value"]; !there || kept != nil || strings.Contains(c.State(t), "dapi") {
		t.Error("the state holds a token")
	}
	token, versions := live(w, w.ScoringApp.ClientID)[0], v.Versions("scoring")
	if len(versions) != 1 || versions[0].Expires.Unix() != token.Expires.Unix() ||
		versions[0].ContentType != "text/plain" ||
		versions[0].Tags["team"] != "ml" || versions[0].Tags["dbxaccess-token-id"] != token.ID {
		t.Errorf("%+v", versions)
	}
	place, _ := state["key_vault_secret"].(map[string]any)
	if place["id"] != v.URL()+"/secrets/scoring/"+versions[0].ID || place["versionless_id"] != v.URL()+
		"/secrets/scoring" {
		t.Errorf("the state has %v", place)
	}

	// A refresh lists versions and reads no value.
	delete(c.Env, "TF_LOG")
	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	asked(t, w, 0, "vault", "GET", "/secrets/{name}/{version}")
	asked(t, w, 0, "vault", "PUT", "")
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "vault" && e.Status == 200 && e.Route != "/secrets/{name}/versions" {
			t.Errorf("a refresh asked %s %s", e.Method, e.Route)
		}
	}

	c.MustRun(t, 0, "destroy", "-auto-approve")
	if on := enabled(v, "scoring"); on != "" {
		t.Errorf("version %s is still enabled", on)
	}
	if status := scores(t, w, value); status == 200 {
		t.Error("the token still scores")
	}
	// The provider has written the secret before, so it may write to it again.
	c.MustRun(t, 0, "apply", "-auto-approve")
	if on := enabled(v, "scoring"); on != "1" {
		t.Errorf("versions %s are enabled", on)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// Each token has its own version in the vault, which is disabled when that token is revoked. Content type and tags
// change in place; another name rotates the token.
func TestVaultRotation(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	c := w.Commands(t, bySecret(w, secret(`content_type = "a/b"`), `rotation_triggers = { a = "1" }`,
		"overlap_seconds = 3600"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	rewrite(t, c, `a = "1"`, `a = "2"`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if on := enabled(v, "scoring"); on != "0 1" {
		t.Errorf("within the overlap versions %s are enabled", on)
	}
	w.Tenant.Clock.Advance(61 * time.Minute)
	if _, next := c.Next(t, 2, address); next["rotation_reason"] != "overlap_ended" {
		t.Error(next)
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	if on := enabled(v, "scoring"); on != "1" || v.Value("scoring") == "" {
		t.Errorf("after the overlap versions %s are enabled", on)
	}

	id := live(w, w.ScoringApp.ClientID)[0].ID
	rewrite(t, c, `content_type = "a/b"`, `tags = { x = "y" }`)
	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	if n := done(w, "PATCH"); n != 1 {
		t.Errorf("the vault was changed %d times", n)
	}
	asked(t, w, 0, "workspace", "POST", create)
	newest := v.Versions("scoring")[1]
	if newest.ContentType != "" || newest.Tags["x"] != "y" || newest.Tags["dbxaccess-token-id"] != id ||
		!newest.Enabled {
		t.Errorf("%+v", newest)
	}
	if on := live(w, w.ScoringApp.ClientID); len(on) != 1 || on[0].ID != id {
		t.Errorf("%+v", on)
	}

	rewrite(t, c, `name = "scoring"`, `name = "elsewhere"`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if a := c.Attributes(t, address); a["rotation_reason"] != "vault" {
		t.Error(a["rotation_reason"])
	}
	if enabled(v, "elsewhere") != "0" || enabled(v, "scoring") != "1" || len(live(w, w.ScoringApp.ClientID)) != 2 {
		t.Errorf("%s, %s", enabled(v, "elsewhere"), enabled(v, "scoring"))
	}
	// A second rotation within the overlap revokes the oldest token and disables its version before it creates a token.
	rewrite(t, c, `a = "2"`, `a = "3"`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if enabled(v, "elsewhere") != "0 1" || enabled(v, "scoring") != "" || len(live(w, w.ScoringApp.ClientID)) != 2 {
		t.Errorf("%s, %s", enabled(v, "elsewhere"), enabled(v, "scoring"))
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if enabled(v, "elsewhere") != "" || enabled(v, "scoring") != "" {
		t.Errorf("%s, %s", enabled(v, "elsewhere"), enabled(v, "scoring"))
	}
}

// If the block key_vault_secret is added or removed, the token is rotated, and the value moves into the vault or the
// state.
func TestVaultBlockAddedAndRemoved(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	none := "overlap_seconds = 0"
	c := w.Commands(t, bySecret(w, none))
	c.MustRun(t, 0, "apply", "-auto-approve")
	place := func(from, to string, inState bool, inVault string) {
		t.Helper()
		rewrite(t, c, from, to)
		c.MustRun(t, 0, "apply", "-auto-approve")
		a := c.Attributes(t, address)
		if a["rotation_reason"] != "vault" || (a["token_value"] != nil) != inState || enabled(v, "scoring") != inVault {
			t.Errorf("after %s the vault has %q enabled, a value in state: %t, reason %v", to, enabled(v, "scoring"),
				a["token_value"] != nil, a["rotation_reason"])
		}
		if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 {
			t.Errorf("%+v", tokens)
		}
		c.MustRun(t, 0, "plan", "-detailed-exitcode")
	}
	place(none, none+"\n  "+secret(), false, "0")
	place(none, none+"\n  token_value_in_state = true", true, "1")
	place("token_value_in_state = true", "", false, "2")
	place(secret(), "", true, "")
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// If somebody disables the version or deletes the secret, the token is rotated. A deleted secret must be recovered
// first, and the error says how before a token is created.
func TestVaultLost(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	c := w.Commands(t, bySecret(w, secret(), "overlap_seconds = 0"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	v.SetEnabled("scoring", "", false)
	r, next := c.Next(t, 2, address)
	r.MustSay(t, "Warning: Key Vault version of the token is missing or disabled")
	if next["rotation_reason"] != "vault" {
		t.Error(next["rotation_reason"])
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	if on := enabled(v, "scoring"); on != "1" {
		t.Errorf("versions %s are enabled", on)
	}

	v.DeleteSecret("scoring")
	c.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "Warning: Key Vault secret of the token is missing")
	w.Tenant.Journal.Reset()
	c.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Key Vault secret is deleted but not purged",
		"az keyvault secret recover")
	asked(t, w, 0, "workspace", "POST", create)
	v.RecoverSecret("scoring")
	c.MustRun(t, 0, "plan", "-detailed-exitcode") // the recovered secret has all its versions again

	// If somebody writes a newer version, whoever reads the newest version does not get the token.
	w.Tenant.Clock.Advance(time.Minute)
	v.SetSecret("scoring", "something else", "")
	c.MustRun(t, 0, "plan", "-detailed-exitcode").MustSay(t, "Warning: Key Vault secret of the token was overwritten")

	// A secret that cannot be checked is an error, or a warning with on_unverifiable = "warn".
	v.Revoke(w.Deployer.ClientID)
	c.MustRun(t, 1, "plan").MustSay(t, "Key Vault refuses the provider", "Key Vault Secrets Officer")
	rewrite(t, c, "overlap_seconds = 0", "overlap_seconds = 0\n  on_unverifiable = \"warn\"")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	c.MustRun(t, 0, "apply", "-auto-approve")
	v.Revoke(w.Deployer.ClientID)
	c.MustRun(t, 0, "plan", "-detailed-exitcode").MustSay(t, "Warning: Cannot check the Key Vault secret of the token")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// Nobody knows the value of an imported token. So a token that is imported with a vault is rotated once.
func TestVaultImport(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	id, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "theirs", 90*day)
	c := w.CLI(t, importBlock(id)+bySecret(w, secret(), `comment = "theirs"`))
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "1 imported, 0 added, 1 changed, 0 destroyed")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	a := c.Attributes(t, address)
	if enabled(v, "scoring") != "0" || len(live(w, w.ScoringApp.ClientID)) != 2 || a["previous_token_id"] != id ||
		a["rotation_reason"] != "vault" {
		t.Errorf("%s %+v, %v", enabled(v, "scoring"), live(w, w.ScoringApp.ClientID), a["rotation_reason"])
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// Another owner replaces the resource. With create_before_destroy the new token is written to the same secret. The
// destroy then disables the version of the old token, not the newest one.
func TestVaultCreateBeforeDestroy(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	other := w.Tenant.RegisterApp("another")
	w.Workspace.AddServicePrincipal(other.ClientID, "another")
	w.Workspace.SetGrant(rights, other.ClientID, "CAN_USE")
	otherSecret := other.AddSecret(day)
	c := w.CLI(t, bySecret(w, secret(), "lifecycle {\n    create_before_destroy = true\n  }"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	rewrite(t, c, w.ScoringApp.ClientID, other.ClientID)
	rewrite(t, c, w.Secret(w.ScoringSecret), w.Secret(otherSecret))
	c.MustRun(t, 0, "apply", "-auto-approve")
	if enabled(v, "scoring") != "1" || len(live(w, w.ScoringApp.ClientID)) != 0 || len(live(w, other.ClientID)) != 1 {
		t.Errorf("%s %+v", enabled(v, "scoring"), live(w, other.ClientID))
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if len(live(w, other.ClientID)) != 0 {
		t.Errorf("%+v", live(w, other.ClientID))
	}
}

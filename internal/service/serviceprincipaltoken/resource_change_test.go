package serviceprincipaltoken_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// No triggers and an empty map of them are the same: neither way from one to the other rotates.
func TestEmptyTriggersAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	empty := ofApplication(w, map[string]any{"rotation_triggers": map[string]any{}})
	written := p.MustApply(t, typeName, made, empty)
	removed := p.MustApply(t, typeName, written, ofApplication(w, nil))
	for what, o := range map[string]acctest.Object{"written": written, "removed": removed} {
		if o.State["token_id"] != made.State["token_id"] {
			t.Errorf("%s: rotated, because of %v", what, o.State["rotation_reason"])
		}
	}
	if plan := p.MustPlan(t, typeName, written, empty); len(plan.Changed) > 0 {
		t.Errorf("the next plan changes %v", plan.Changed)
	}
	revokeAll(w)
}

// In an incident the overlap is ended by writing 0: the apply that does so revokes the old token.
func TestOverlapIsEndedByWritingZero(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	rotated := p.MustApply(t, typeName, p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil)), ofApplication(w, map[string]any{"rotation_triggers": map[string]any{"a": "1"}}))
	if n := len(live(w, w.ScoringApp.ClientID)); n != 2 {
		t.Fatalf("%d tokens live", n)
	}
	config := ofApplication(w, map[string]any{"rotation_triggers": map[string]any{"a": "1"}, "overlap_seconds": 0})
	ended := p.MustApply(t, typeName, rotated, config)
	tokens := live(w, w.ScoringApp.ClientID)
	if len(tokens) != 1 || tokens[0].ID != rotated.State["token_id"] || ended.State["rotation_reason"] != "overlap_ended" || ended.State["previous_token_id"] != nil {
		t.Errorf("%+v, %v", tokens, ended.State)
	}
	stays(t, w, ended, config)
	revokeAll(w)
}

// Scopes that are taken out of configuration still hold, and the plan says so.
func TestScopesTakenOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, map[string]any{"scopes": []any{"serving"}}))
	plan := p.MustPlan(t, typeName, made, ofApplication(w, nil))
	if len(plan.Changed) > 0 || !strings.Contains(plan.Warnings, "Token keeps its scopes") || !strings.Contains(plan.Warnings, "limited to serving") {
		t.Errorf("%v, %q", plan.Changed, plan.Warnings)
	}
	if plan := p.MustPlan(t, typeName, made, ofApplication(w, map[string]any{"scopes": []any{"serving"}})); plan.Warnings != "" {
		t.Errorf("%q", plan.Warnings)
	}
	revokeAll(w)
}

// A changed credential of the owner is looked at when it changes: a warning in the plan, an error in the apply, and nobody
// is asked.
func TestChangedOwnerIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	cert, key, err := w.Tenant.IssueClientCertificate("old", time.Now().AddDate(-1, 0, 0), time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for want, owner := range map[string]map[string]any{
		"expired":          {"client_certificate_path": w.Write(t, "old.pem", acctest.PEM(t, key, cert))},
		"garbage.pem":      {"client_certificate_path": w.Write(t, "garbage.pem", []byte("garbage"))},
		"is logged in as ": {"use_provider_identity": true},
	} {
		owner["application_id"] = w.ScoringApp.ClientID
		config := map[string]any{"owner": owner, "comment": "c"}
		w.Tenant.Journal.Reset()
		plan := p.MustPlan(t, typeName, made, config)
		if !strings.Contains(plan.Warnings, "Owner's credential does not work") || !strings.Contains(plan.Warnings, want) {
			t.Errorf("%s: the plan said %q", want, plan.Warnings)
		}
		after, errors := p.ApplyPlan(t, plan, config)
		if !strings.Contains(errors, want) {
			t.Errorf("%s: the apply said %q", want, errors)
		}
		acctest.Same(t, want, after.State, made.State)
		asked(t, w, 0, "", "", "")
	}
	// A file that is not there may yet be made by the apply, and must be there then.
	config := map[string]any{"owner": map[string]any{"application_id": w.ScoringApp.ClientID, "client_certificate_path": w.Dir + "/none.pem"}, "comment": "c"}
	plan := p.MustPlan(t, typeName, made, config)
	if _, errors := p.ApplyPlan(t, plan, config); plan.Warnings != "" || !strings.Contains(errors, "none.pem") {
		t.Errorf("%q, %q", plan.Warnings, errors)
	}
	revokeAll(w)
}

// Revoking needs no credential of the owner, so one that has become useless does not keep a token from being destroyed,
// also where it was revoked already and the plan would rotate it.
func TestDestroyWithAUselessOwner(t *testing.T) {
	t.Parallel()
	for name, revoked := range map[string]bool{"live": false, "revoked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.CLI(t, byPath(t, w))
			c.MustRun(t, 0, "apply", "-auto-approve")
			w.Write(t, "scoring.pem", []byte("garbage"))
			if revoked {
				w.Workspace.RevokeToken(live(w, w.ScoringApp.ClientID)[0].ID)
				c.MustRun(t, 0, "plan").MustSay(t, "Warning: Owner's credential does not work", "scoring.pem")
				c.MustRun(t, 1, "apply", "-auto-approve")
			}
			c.MustRun(t, 0, "destroy", "-auto-approve")
		})
	}
}

// A vault that cannot be one fails the apply, before anything is revoked, and holds up no destroy.
func TestDestroyWithAUselessVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Proxied() // the public cloud, whose vaults have other names
	c := w.CLI(t, byPath(t, w))
	c.MustRun(t, 0, "apply", "-auto-approve")
	before := live(w, w.ScoringApp.ClientID)
	c.Rewrite(t, byPath(t, w, `key_vault_secret = {`, attr("vault_uri", "https://kv-other.vault.azure.cn"), attr("name", "scoring"), "}"))
	c.MustRun(t, 0, "plan").MustSay(t, "Warning: The Key Vault of the token cannot be used: ", "An apply of this plan fails")
	c.MustRun(t, 1, "apply", "-auto-approve")
	if now := live(w, w.ScoringApp.ClientID); len(now) != 1 || now[0].ID != before[0].ID {
		t.Errorf("%v were live, and %v are", before, now)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// An empty credential is refused before anything is asked, and not by pointing at the provider block.
func TestEmptyCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"client_secret_wo", "client_certificate_wo", "client_certificate_path"} {
		_, errors := w.Protocol(t).Plan(t, typeName, acctest.Object{}, map[string]any{"owner": map[string]any{"application_id": w.ScoringApp.ClientID, name: ""}})
		if !strings.Contains(errors, "Credential of the token's owner is empty: "+name+" is an empty string") || strings.Contains(errors, "provider block") {
			t.Errorf("%s: %q", name, errors)
		}
	}
	asked(t, w, 0, "", "", "")
}

// Key Vault knows no case, so neither does a plan.
func TestVaultInAnotherCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := keptOwner(t, w)
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	c := w.CLI(t, hcl(w.ScoringApp.ClientID, ownerVault(v, `certificate_name = "cert"`), `key_vault_secret = {`, attr("vault_uri", v.URL()), attr("name", "scoring"), "}"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	for from, to := range map[string]string{v.URL(): strings.Replace(v.URL(), "kv-owners", "KV-Owners", 1), `"cert"`: `"Cert"`, `"scoring"`: `"SCORING"`} {
		rewrite(t, c, from, to)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// A saved plan to change a token that was revoked meanwhile says that it is to be made again.
func TestSavedPlanOfARevokedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	config := ofApplication(w, map[string]any{"comment": "d"})
	plan := p.MustPlan(t, typeName, made, config)
	w.Workspace.RevokeToken(made.State["token_id"].(string))
	if _, errors := p.ApplyPlan(t, plan, config); !strings.Contains(errors, "Cannot change token") || !strings.Contains(errors, "Plan again") {
		t.Errorf("%q", errors)
	}
}

// A revocation that is accepted and not done is no revocation, whoever asks for it.
func TestRevocationThatIsNotDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofProvider(w))
	w.Tenant.Faults.Add(fault("POST", revoke, emulator.Fault{Status: 200, Body: "{}", ContentType: "application/json", Times: -1}))
	w.Tenant.Faults.Add(fault("DELETE", managed1, emulator.Fault{Status: 200, Body: "{}", ContentType: "application/json"}))
	after, errors := p.Apply(t, typeName, made, nil)
	if !strings.Contains(errors, "Cannot revoke token") || after.State == nil {
		t.Errorf("%q, %v", errors, after.State)
	}
	lives(t, w, "the token", made)
	if _, errors := p.Apply(t, typeName, made, nil); errors != "" || slices.Contains(ids(w), made.State["token_id"].(string)) {
		t.Errorf("as an admin: %q", errors)
	}
}

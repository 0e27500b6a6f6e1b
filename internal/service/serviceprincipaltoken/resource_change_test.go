package serviceprincipaltoken_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// An empty map of triggers equals no triggers: a change between the two does not rotate the token.
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

// In an incident a user ends the overlap by setting overlap_seconds to 0. The apply that does so revokes the old token.
func TestOverlapIsEndedByWritingZero(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	rotated := p.MustApply(t, typeName, p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil)),
		ofApplication(w, map[string]any{"rotation_triggers": map[string]any{"a": "1"}}))
	if n := len(live(w, w.ScoringApp.ClientID)); n != 2 {
		t.Fatalf("%d tokens live", n)
	}
	config := ofApplication(w, map[string]any{"rotation_triggers": map[string]any{"a": "1"}, "overlap_seconds": 0})
	ended := p.MustApply(t, typeName, rotated, config)
	tokens := live(w, w.ScoringApp.ClientID)
	if len(tokens) != 1 || tokens[0].ID != rotated.State["token_id"] ||
		ended.State["rotation_reason"] != "overlap_ended" || ended.State["previous_token_id"] != nil {
		t.Errorf("%+v, %v", tokens, ended.State)
	}
	stays(t, w, ended, config)
	revokeAll(w)
}

// Scopes that are removed from the configuration still limit the token, and the plan says so.
func TestScopesRemovedFromConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, map[string]any{"scopes": []any{"serving"}}))
	plan := p.MustPlan(t, typeName, made, ofApplication(w, nil))
	if len(plan.Changed) > 0 || !strings.Contains(plan.Warnings, "Token keeps its scopes") ||
		!strings.Contains(plan.Warnings, "uses them again: serving") {
		t.Errorf("%v, %q", plan.Changed, plan.Warnings)
	}
	if plan := p.MustPlan(t, typeName, made,
		ofApplication(w, map[string]any{"scopes": []any{"serving"}})); plan.Warnings != "" {
		t.Errorf("%q", plan.Warnings)
	}
	revokeAll(w)
}

// A changed credential of the owner is checked without a request: a wrong one is a warning in the plan and an error in
// the apply.
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
		if !strings.Contains(plan.Warnings, "Owner's credential does not work") ||
			!strings.Contains(plan.Warnings, want) {
			t.Errorf("%s: the plan said %q", want, plan.Warnings)
		}
		after, errors := p.ApplyPlan(t, plan, config)
		if !strings.Contains(errors, want) {
			t.Errorf("%s: the apply said %q", want, errors)
		}
		acctest.Same(t, want, after.State, made.State)
		asked(t, w, 0, "", "", "")
	}
	// A certificate file that does not exist during the plan may be created by the apply. In the apply it must exist.
	config := map[string]any{"owner": map[string]any{"application_id": w.ScoringApp.ClientID,
		"client_certificate_path": w.Dir + "/none.pem"}, "comment": "c"}
	plan := p.MustPlan(t, typeName, made, config)
	if _, errors := p.ApplyPlan(t, plan, config); plan.Warnings != "" || !strings.Contains(errors, "none.pem") {
		t.Errorf("%q, %q", plan.Warnings, errors)
	}
	revokeAll(w)
}

// An admin can revoke a token without the owner's credential. So a credential that no longer works does not prevent a
// destroy, even if the token was revoked already and the plan would rotate it.
func TestDestroyWithWrongOwnerCredential(t *testing.T) {
	t.Parallel()
	for name, revoked := range map[string]bool{"live": false, "revoked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.Commands(t, byPath(t, w))
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

// A wrong address of a vault makes the apply fail before anything is revoked, and does not prevent a destroy.
func TestDestroyWithWrongVaultAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Proxied() // the public cloud, where vaults have other host names
	c := w.CLI(t, byPath(t, w))
	c.MustRun(t, 0, "apply", "-auto-approve")
	before := live(w, w.ScoringApp.ClientID)
	c.Rewrite(t, byPath(t, w, `key_vault_secret = {`, attr("vault_uri", "https://kv-other.vault.azure.cn"),
		attr("name", "scoring"), "}"))
	c.MustRun(t, 0, "plan").MustSay(t, "Warning: The Key Vault of the token cannot be used: ",
		"An apply of this plan will fail")
	c.MustRun(t, 1, "apply", "-auto-approve")
	if now := live(w, w.ScoringApp.ClientID); len(now) != 1 || now[0].ID != before[0].ID {
		t.Errorf("%v were live, and %v are", before, now)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// An empty credential is an error before any request is sent, and the error does not speak of the provider block.
func TestEmptyCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"client_secret_wo", "client_certificate_wo", "client_certificate_path"} {
		_, errors := w.Protocol(t).Plan(t, typeName, acctest.Object{},
			map[string]any{"owner": map[string]any{"application_id": w.ScoringApp.ClientID, name: ""}})
		if !strings.Contains(errors, "Credential of the token's owner is empty: "+name+" is an empty string") ||
			strings.Contains(errors, "provider block") {
			t.Errorf("%s: %q", name, errors)
		}
	}
	asked(t, w, 0, "", "", "")
}

// Key Vault compares names without case, so another case in the configuration changes nothing in the plan.
func TestVaultInAnotherCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := keptOwner(t, w)
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	c := w.Commands(t, hcl(w.ScoringApp.ClientID, ownerVault(v, `certificate_name = "cert"`), `key_vault_secret = {`,
		attr("vault_uri", v.URL()), attr("name", "scoring"), "}"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	for from, to := range map[string]string{v.URL(): strings.Replace(v.URL(), "kv-owners", "KV-Owners", 1),
		`"cert"`: `"Cert"`, `"scoring"`: `"SCORING"`} {
		rewrite(t, c, from, to)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// If a token is revoked after a plan to change it was saved, the apply of that plan says that a new plan is needed.
func TestSavedPlanOfARevokedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	config := ofApplication(w, map[string]any{"comment": "d"})
	plan := p.MustPlan(t, typeName, made, config)
	w.Workspace.RevokeToken(made.State["token_id"].(string))
	if _, errors := p.ApplyPlan(t, plan, config); !strings.Contains(errors, "Cannot change token") ||
		!strings.Contains(errors, "Plan again") {
		t.Errorf("%q", errors)
	}
}

// If the workspace accepts a revocation but does not revoke the token, the destroy fails, as the owner and as an admin.
func TestAcceptedRevocationWithoutEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofProvider(w))
	w.Tenant.Faults.Add(fault("POST", revoke, emulator.Fault{Status: 200, Body: "{}", ContentType: "application/json",
		Times: -1}))
	w.Tenant.Faults.Add(fault("DELETE", managed1, emulator.Fault{Status: 200, Body: "{}",
		ContentType: "application/json"}))
	after, errors := p.Apply(t, typeName, made, nil)
	if !strings.Contains(errors, "Cannot revoke token") || after.State == nil {
		t.Errorf("%q, %v", errors, after.State)
	}
	lives(t, w, "the token", made)
	if _, errors := p.Apply(t, typeName, made, nil); errors != "" ||
		slices.Contains(ids(w), made.State["token_id"].(string)) {
		t.Errorf("as an admin: %q", errors)
	}
}

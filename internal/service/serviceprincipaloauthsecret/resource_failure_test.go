package serviceprincipaloauthsecret_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// refuseDeletion makes the workspace refuse the next deletion of an OAuth secret.
func refuseDeletion(w *acctest.World) {
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: http.MethodDelete, Path: routes + "/*",
		Status: http.StatusForbidden, Code: "PERMISSION_DENIED"})
}

// If a new secret can neither be verified nor deleted, the next apply deletes that secret. The old secret, which works,
// stays.
func TestUnusableSecretGoesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	o := p.MustApply(t, typeName, acctest.Object{}, config(w))
	working := o.State["id"].(string)
	c := config(w, "rotation_triggers", map[string]any{"a": "1"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: http.MethodPost, Path: "/oidc/v1/token",
		Status: http.StatusNotFound})
	refuseDeletion(w)
	o, errors := p.Apply(t, typeName, o, c)
	unusable := o.State["id"].(string)
	if !strings.Contains(errors, "could not be deleted either") || unusable == working {
		t.Fatalf("%s is in the state: %s", unusable, errors)
	}
	p = w.Protocol(t)
	o = p.MustRefresh(t, typeName, o)
	o = p.MustApply(t, typeName, o, c)
	if got := secrets(w); !slices.Contains(got, working) || slices.Contains(got, unusable) ||
		!slices.Contains(got, o.State["id"].(string)) {
		t.Errorf("there are %v; %s works, and %s was unusable", got, working, unusable)
	}
	if o.State["previous_secret_id"] != working {
		t.Errorf("the one before is %v", o.State["previous_secret_id"])
	}
}

// The service may execute a lost request late. If nobody could check that, the apply adds a warning.
func TestLostRequestWithoutFinalCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: http.MethodPost, Path: routes, Drop: "before"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: http.MethodGet, Path: routes, After: 3,
		Status: http.StatusForbidden, Code: "PERMISSION_DENIED"})
	o := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, config(w))
	if !strings.Contains(o.Warnings, "may be left over") || !strings.Contains(o.Warnings, "whose answer was lost") {
		t.Errorf("warnings: %s", o.Warnings)
	}
}

// A write to Key Vault whose answer was lost may have stored a value that no longer works as the newest version. The
// error says what applications then get.
func TestUnusableValueInTheVault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		unseen int // how often the vault refuses to list the versions
		want   string
	}{
		"disabled": {1, "applications that read the newest version get an error, until an apply succeeds"},
		"unknown":  {-1, "could not check that"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := w.Tenant.NewVault("kv-left-" + name)
			w.Reach(t, v)
			v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
			w.Tenant.Faults.Add(emulator.Fault{Service: "vault", Method: http.MethodPut, After: 1, Drop: "after"})
			// The first two requests are the one without an access token and the one before anything is created.
			w.Tenant.Faults.Add(emulator.Fault{Service: "vault", Method: http.MethodGet,
				Path: "/secrets/oauth/versions", After: 2, Times: tc.unseen, Status: http.StatusForbidden,
				Code: "Forbidden/ForbiddenByRbac"})
			c := config(w, "key_vault_secret", map[string]any{"vault_uri": v.URL() + "/", "name": "oauth"})
			_, errors := w.Protocol(t).Apply(t, typeName, acctest.Object{}, c)
			if !strings.Contains(strings.Join(strings.Fields(errors), " "), tc.want) || len(secrets(w)) > 0 {
				t.Errorf("left: %v, errors: %s", secrets(w), errors)
			}
		})
	}
}

// The secrets of a principal that was removed from the workspace still exist in the account. So neither the current nor
// the previous secret may be forgotten without a warning.
func TestPreviousSecretOfRemovedPrincipal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.Workspace.Switches()
	s.IdentityFederation = true
	w.Workspace.SetSwitches(s)
	p := w.Protocol(t)
	o := p.MustApply(t, typeName, acctest.Object{}, config(w))
	previous := o.State["id"].(string)
	c := config(w, "rotation_triggers", map[string]any{"a": "1"})
	o = p.MustApply(t, typeName, o, c)
	w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)

	p = w.Protocol(t)
	if seen := p.MustRefresh(t, typeName, o); seen.State["previous_secret_id"] != previous {
		t.Errorf("after a refresh the one before is %v", seen.State["previous_secret_id"])
	}
	c["overlap_seconds"] = 0
	if o = p.MustApply(t, typeName, o, c); !strings.Contains(o.Warnings, "may still exist in the account") ||
		!strings.Contains(o.Warnings, previous) {
		t.Errorf("warnings: %s", o.Warnings)
	}
}

// A status other than ACTIVE, which the documentation does not describe, does not prove that the previous secret no
// longer exists.
func TestPreviousSecretOfAnotherStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	o := p.MustApply(t, typeName, acctest.Object{}, config(w))
	previous := o.State["id"].(string)
	o = p.MustApply(t, typeName, o, config(w, "rotation_triggers", map[string]any{"a": "1"}))
	w.Workspace.SetOAuthSecretStatus(previous, "SUSPENDED")
	p = w.Protocol(t)
	if o = p.MustRefresh(t, typeName, o); o.State["previous_secret_id"] != previous {
		t.Errorf("after a refresh the one before is %v", o.State["previous_secret_id"])
	}
}

// The service writes an empty list as {}. If one list comes as {}, an existing secret does not count as gone, and a
// secret of a lost request is still found.
func TestEmptyListForgetsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 0)
	nothing := emulator.Fault{Service: "workspace", Method: http.MethodGet, Path: routes, Status: 200, Body: "{}",
		ContentType: "application/json"}
	late := nothing
	late.After = 1 // the list before the creation succeeds
	w.Tenant.Faults.Add(late)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: http.MethodPost, Path: routes, Drop: "after"})
	made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, config(w))
	if len(secrets(w)) != 2 || !slices.Contains(secrets(w), made.State["id"].(string)) {
		t.Errorf("%v, and the state has %v", secrets(w), made.State["id"])
	}
	w.Tenant.Faults.Add(nothing)
	p := w.Protocol(t)
	read := p.MustRefresh(t, typeName, made)
	if plan := p.MustPlan(t, typeName, read, config(w)); read.Warnings != "" || len(plan.Changed) > 0 {
		t.Errorf("%q, and the plan changes %v", read.Warnings, plan.Changed)
	}
}

// If the answer to a creation names a secret that existed before, that secret is not recorded. Otherwise it would be
// deleted later as ours.
func TestCreationThatNamesAnotherSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foreign, _ := w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 0)
	answer := fmt.Sprintf(`{"id":%q,"secret":"dose0123456789abcdef0123456789abcdef","status":"ACTIVE","create_time":"2026-01-01T00:00:00Z"}`, foreign)
	wrong := emulator.Fault{Service: "workspace", Method: http.MethodPost, Path: routes, Status: 200, Body: answer,
		ContentType: "application/json", Times: 2}
	w.Tenant.Faults.Add(wrong)
	if o, errors := w.Protocol(t).Apply(t, typeName, acctest.Object{}, config(w)); !strings.Contains(errors,
		"which existed before") || o.State != nil {
		t.Errorf("%q, %v", errors, o.State)
	}
	wrong.Times, wrong.WorkDone = 1, true // the secret that this request creates is deleted again
	w.Tenant.Faults.Add(wrong)
	made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, config(w))
	if have := secrets(w); len(have) != 2 || !slices.Contains(have, foreign) ||
		!slices.Contains(have, made.State["id"].(string)) {
		t.Errorf("there are %v, and the state has %v", have, made.State["id"])
	}
}

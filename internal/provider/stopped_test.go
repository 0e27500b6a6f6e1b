package provider_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync"
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

// TestStoppedAnywhere stops each operation that changes something while any one of its requests is under way, and lets
// that request end in several ways. The test checks that nothing is left in the workspace that no state holds, that
// the vault has no enabled version of a revoked credential, and that nothing is reported as done that is not done.
func TestStoppedAnywhere(t *testing.T) {
	t.Parallel()
	all := operations()
	maps.Copy(all, vaultOperations(aToken, func(w *acctest.World) map[string]any {
		owner := map[string]any{"application_id": w.ScoringApp.ClientID, "client_secret_wo": w.ScoringSecret}
		return map[string]any{"owner": owner}
	}))
	maps.Copy(all, vaultOperations(oauthSecretType, func(w *acctest.World) map[string]any {
		return map[string]any{"application_id": w.ScoringApp.ClientID}
	}))
	for name, d := range all {
		if d.done == nil || strings.HasPrefix(name, "data.") || strings.HasPrefix(name, "ephemeral.") {
			continue
		}
		if name == aPrincipal+"/adopt" {
			continue // the next apply adopts again, and until then the principal is that of somebody else
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ready(t, name)
			o := prepared(t, w, d)
			w.Tenant.Journal.Reset()
			if got := d.do(t, w, w.Protocol(t), o); got.errors != "" {
				t.Fatal(got.errors)
			}
			sent := map[string]int{}
			for _, e := range w.Tenant.Journal.Entries() {
				if e.Service != "workspace" && e.Service != "vault" {
					continue
				}
				for kind, fault := range endings(e.Method) {
					fault.Service, fault.After = e.Service, sent[e.Service]
					where := fmt.Sprintf("%s %s, request %d to the %s, %s", e.Method, e.Path, fault.After, e.Service, kind)
					stoppedAt(t, name, d, fault, where)
				}
				sent[e.Service]++
			}
		})
	}
}

// endings returns the ways in which a stopped request with that method ends. Whether a read was done does not matter.
func endings(method string) map[string]emulator.Fault {
	all := map[string]emulator.Fault{"answered": {}, "request lost": {Drop: "before"}}
	if method != http.MethodGet {
		all["answer lost"] = emulator.Fault{Drop: "after"}
		all["done and 503"] = emulator.Fault{Status: 503, WorkDone: true}
		all["429"] = emulator.Fault{Status: 429, RetryAfter: 1}
	}
	return all
}

// stoppedAt runs the operation in a new world, and stops it while the request that meets the fault is under way.
func stoppedAt(t *testing.T, name string, d operation, fault emulator.Fault, where string) {
	t.Helper()
	w := ready(t, name)
	o := prepared(t, w, d)
	before := w.Workspace.Snapshot()
	fault.Delay = 100 * time.Millisecond
	w.Tenant.Faults.Add(fault)
	p := w.Protocol(t)
	go func() {
		for t.Context().Err() == nil && len(w.Tenant.Faults.Unmet()) > 0 {
			time.Sleep(time.Millisecond)
		}
		p.Stop(t)
	}()
	got := d.do(t, w, p, o)
	after, held := w.Workspace.Snapshot(), fmt.Sprint(got.state)
	if got.state == nil && got.errors != "" { // Terraform keeps the state from before
		held = fmt.Sprint(o.State)
	}
	var faults []string
	switch {
	case got.errors == "" && got.warnings == "" && !d.done(w):
		faults = append(faults, "reported as done")
	case got.state == nil && o.State == nil && !reflect.DeepEqual(after, before):
		faults = append(faults, "changed the workspace, and no state holds it")
	case got.state == nil && o.State != nil && !d.done(w):
		faults = append(faults, "removed from the state, and still there")
	}
	for _, token := range after.Tokens {
		managed := strings.HasPrefix(name, aToken) && token.Owner == w.ScoringApp.ClientID
		if managed && !strings.Contains(held, token.ID) {
			faults = append(faults, "no state holds token "+token.ID)
		}
	}
	for _, secret := range after.OAuthSecrets {
		if !strings.Contains(held, secret.ID) {
			faults = append(faults, "no state holds OAuth secret "+secret.ID)
		}
	}
	if v, ok := vaultOfWorld.Load(w); ok {
		for _, version := range v.(*emulator.Vault).Versions("credential") {
			for _, id := range version.Tags {
				if version.Enabled && !strings.Contains(held, id) {
					faults = append(faults, "the vault has an enabled version of "+id)
				}
			}
		}
	}
	if len(faults) > 0 {
		t.Errorf("%s: %q\nstate %v\nerrors %s\nwarnings %s\nrequests %+v",
			where, faults, got.state, got.errors, got.warnings, w.Tenant.Journal.Entries())
	}
}

// vaultOfWorld holds the vault of each world of [TestStoppedAnywhere], by the world.
var vaultOfWorld sync.Map

// vaultOperations returns the operations on a credential of that type whose value is stored in Key Vault.
func vaultOperations(resource string, config func(w *acctest.World) map[string]any) map[string]operation {
	vaulted := func(w *acctest.World) map[string]any {
		v, _ := vaultOfWorld.Load(w)
		all := config(w)
		all["key_vault_secret"] = map[string]any{"vault_uri": v.(*emulator.Vault).URL(), "name": "credential"}
		all["overlap_seconds"] = 0
		return all
	}
	newVault := func(t *testing.T, w *acctest.World, _ *acctest.Protocol) acctest.Object {
		v := w.NewVault(t, "kv-stop")
		v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
		vaultOfWorld.Store(w, v)
		w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "20" // also bounds one operation on a vault
		return acctest.Object{}
	}
	existing := func(t *testing.T, w *acctest.World, p *acctest.Protocol) acctest.Object {
		newVault(t, w, p)
		return w.Protocol(t).MustApply(t, resource, acctest.Object{}, vaulted(w))
	}
	has := func(n int) func(*acctest.World) bool {
		return func(w *acctest.World) bool { return len(tokensOf(w))+len(w.Workspace.Snapshot().OAuthSecrets) == n }
	}
	rotated := with(vaulted, map[string]any{"rotation_triggers": map[string]any{"a": "b"}})
	return map[string]operation{
		resource + "/create in a vault":  {prepare: newVault, do: apply(resource, vaulted), done: has(1)},
		resource + "/rotate in a vault":  {prepare: existing, do: applyAlone(resource, rotated), done: has(1)},
		resource + "/destroy in a vault": {prepare: existing, do: applyAlone(resource, noAttributes), done: has(0)},
	}
}

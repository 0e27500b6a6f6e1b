package serviceprincipaloauthsecret_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	typeName = "dbxaccess_service_principal_oauth_secret"
	routes   = "/api/2.0/accounts/servicePrincipals/*/credentials/secrets"
)

// newWorld returns a workspace with the scoring application as a service principal.
func newWorld(t *testing.T) *acctest.World {
	t.Helper()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	return w
}

// secrets returns the ids of the OAuth secrets of the scoring application, oldest first.
func secrets(w *acctest.World) []string {
	var ids []string
	for _, s := range w.Workspace.Snapshot().OAuthSecrets {
		if s.Owner == w.ScoringApp.ClientID {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func config(w *acctest.World, more ...any) map[string]any {
	c := map[string]any{"application_id": w.ScoringApp.ClientID, "lifetime_seconds": 32400}
	for i := 0; i < len(more); i += 2 {
		c[more[i].(string)] = more[i+1]
	}
	return c
}

// logsIn reports whether the workspace issues an access token for this value of a secret.
func logsIn(t *testing.T, w *acctest.World, o acctest.Object, value string) bool {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"all-apis"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.State["token_url"].(string),
		strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(o.State["client_id"].(string), value)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.Tenant.CAPool()}}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func value(o acctest.Object) string { v, _ := o.State["secret_value"].(string); return v }

func TestBasic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	o := p.MustApply(t, typeName, acctest.Object{}, config(w))
	if !logsIn(t, w, o, value(o)) {
		t.Error("the secret does not log in")
	}
	if got := o.State; got["client_id"] != w.ScoringApp.ClientID || got["id"] != got["secret_id"] ||
		got["expires_at"] == nil || got["scopes"] != nil {
		t.Errorf("%v", got)
	}
	o = p.MustRefresh(t, typeName, o)
	if plan := p.MustPlan(t, typeName, o, config(w)); len(plan.Changed) > 0 {
		t.Errorf("a second plan changes %v", plan.Changed)
	}

	imported := p.MustImport(t, typeName, w.ScoringApp.ClientID+"/"+o.State["id"].(string), nil)
	if imported.State["secret_value"] != nil || imported.State["client_id"] != w.ScoringApp.ClientID {
		t.Errorf("imported: %v", imported.State)
	}
	p.MustApply(t, typeName, o, nil)
	if left := secrets(w); len(left) > 0 {
		t.Errorf("left after a destroy: %v", left)
	}
}

// If somebody changes or deletes a secret, the plan shows a rotation with its reason, and the apply rotates in place.
func TestDrift(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		happens func(w *acctest.World, id string)
		reason  string
		warns   string
	}{
		"deleted": {func(w *acctest.World, id string) { w.Workspace.DeleteOAuthSecret(id) }, "revoked", "Somebody deleted the secret"},
		"deleted, with another secret left": {func(w *acctest.World, id string) {
			w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
			w.Workspace.DeleteOAuthSecret(id)
		}, "revoked", "Somebody deleted the secret"},
		"another status": {func(w *acctest.World, id string) { w.Workspace.SetOAuthSecretStatus(id, "SUSPENDED\x1b[2J") }, "revoked", `status of the secret as "SUSPENDED\\x1b`},
		"expired":        {func(w *acctest.World, _ string) { w.Tenant.Clock.Advance(10 * time.Hour) }, "expired", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.Protocol(t)
			o := p.MustApply(t, typeName, acctest.Object{}, config(w))
			old := o.State["id"].(string)
			tc.happens(w, old)
			p = w.Protocol(t)
			o = p.MustRefresh(t, typeName, o)
			if !strings.Contains(o.Warnings, tc.warns) || tc.warns == "" && o.Warnings != "" {
				t.Errorf("warns %q", o.Warnings)
			}
			plan := p.MustPlan(t, typeName, o, config(w))
			if plan.State["rotation_reason"] != tc.reason || len(plan.Replace) > 0 {
				t.Fatalf("plan: %v", plan.State)
			}
			o = p.MustApply(t, typeName, o, config(w))
			if slices.Contains(secrets(w), old) && tc.reason != "expired" || !logsIn(t, w, o, value(o)) {
				t.Errorf("after the apply: %v", secrets(w))
			}
			o = p.MustRefresh(t, typeName, o)
			if plan := p.MustPlan(t, typeName, o, config(w)); len(plan.Changed) > 0 {
				t.Errorf("a second plan changes %v", plan.Changed)
			}
		})
	}
}

// After a request whose answer was lost exactly one secret of the provider exists, and no secret of anybody else was
// deleted.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault emulator.Fault
		other bool // somebody else creates a secret meanwhile
	}{
		"carried out":                 {emulator.Fault{Drop: "after"}, false},
		"not carried out":             {emulator.Fault{Drop: "before"}, false},
		"carried out, 503":            {emulator.Fault{WorkDone: true, Status: http.StatusServiceUnavailable}, false},
		"carried out, another writer": {emulator.Fault{Drop: "after", Delay: 300 * time.Millisecond}, true},
		"lost, another writer":        {emulator.Fault{Drop: "before", Delay: 300 * time.Millisecond}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 0)
			foreign := secrets(w)
			tc.fault.Service, tc.fault.Method, tc.fault.Path = "workspace", http.MethodPost, routes
			w.Tenant.Faults.Add(tc.fault)
			var others sync.WaitGroup
			if tc.other {
				others.Go(func() {
					for w.Count("workspace", http.MethodGet, "credentials/secrets") == 0 && t.Context().Err() == nil {
						time.Sleep(5 * time.Millisecond)
					}
					id, _ := w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 8*time.Hour)
					foreign = append(foreign, id)
				})
			}
			p := w.Protocol(t)
			o := p.MustApply(t, typeName, acctest.Object{}, config(w))
			others.Wait()
			want := append(slices.Clone(foreign), o.State["id"].(string))
			got := secrets(w)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("there are %v, not %v", got, want)
			}
		})
	}
}

// The value is in Key Vault and nowhere else. If the vault refuses the value, the secret is deleted.
func TestKeyVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Tenant.NewVault("kv-scoring")
	w.Reach(t, v)
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	c := config(w, "key_vault_secret", map[string]any{"vault_uri": v.URL() + "/", "name": "oauth"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "vault", Method: http.MethodPut, After: 1,
		Status: http.StatusForbidden})
	p := w.Protocol(t)
	if _, errors := p.Apply(t, typeName, acctest.Object{}, c); !strings.Contains(errors, "deleted again") {
		t.Errorf("errors: %s", errors)
	}
	if left := secrets(w); len(left) > 0 {
		t.Errorf("left after a refused write: %v", left)
	}
	o := p.MustApply(t, typeName, acctest.Object{}, c)
	if o.State["secret_value"] != nil {
		t.Error("the value is in the state")
	}
	p.MustApply(t, typeName, o, nil)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	t.Run("not in the workspace", func(t *testing.T) {
		t.Parallel()
		w := acctest.New(t)
		refused(t, w, config(w), "no service principal with the application id")
	})
	t.Run("not an admin", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
		refused(t, w, config(w), "workspace admin")
	})
	t.Run("too long a life", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		refused(t, w, config(w, "lifetime_seconds", 63072001), "at most 63072000|between 1 and 63072000")
	})
	t.Run("value nowhere", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		refused(t, w, config(w, "secret_value_in_state", false), "requires key_vault_secret")
	})
	t.Run("scopes ignored", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.Workspace.Switches()
		s.OAuthSecretScopesIgnored = true
		w.Workspace.SetSwitches(s)
		refused(t, w, config(w, "scopes", []any{"model-serving"}), "may not support scopes")
	})
	t.Run("import of a value", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, value := w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
		if _, errors := w.Protocol(t).Import(t, typeName, w.ScoringApp.ClientID+"/"+value,
			nil); !strings.Contains(errors, "instead of its id") || strings.Contains(errors, value) {
			t.Errorf("errors: %s", errors)
		}
	})
}

// refused checks that an apply fails with an error that matches the regular expression words, and leaves no secret
// behind.
func refused(t *testing.T, w *acctest.World, c map[string]any, words string) {
	t.Helper()
	_, errors := w.Protocol(t).Apply(t, typeName, acctest.Object{}, c)
	if !regexp.MustCompile(words).MatchString(errors) {
		t.Errorf("errors: %s", errors)
	}
	if left := secrets(w); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A secret that never expires, as secrets that were created before 2025, is imported as it is.
func TestImportSecretThatNeverExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 0, "model-serving")
	p := w.Protocol(t)
	o := p.MustImport(t, typeName, w.ScoringApp.ClientID+"/"+id, nil)
	if o.State["expires_at"] != nil || o.State["lifetime_seconds"] != nil ||
		fmt.Sprint(o.State["scopes"]) != "[model-serving]" {
		t.Errorf("%v", o.State)
	}
	plan := p.MustPlan(t, typeName, o, config(w))
	if plan.State["rotation_reason"] != "lifetime" || !strings.Contains(plan.Warnings, "keeps its scopes") {
		t.Errorf("%v, warnings %s", plan.State, plan.Warnings)
	}
	p.MustApply(t, typeName, o, nil)
}

// Each secret costs the same number of requests, however many secrets one run creates.
func TestRequests(t *testing.T) {
	t.Parallel()
	const n = 200
	w := newWorld(t)
	p := w.Protocol(t)
	before := 0
	for i := range n {
		application := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		w.Workspace.AddServicePrincipal(application, "app")
		o := p.MustApply(t, typeName, acctest.Object{}, map[string]any{"application_id": application, "verify": false})
		if i == 0 {
			before = w.Count("workspace", "", "")
			continue
		}
		_ = o
	}
	// Three requests per secret: to find the principal, to list its secrets and to create one.
	if got := w.Count("workspace", "", "") - before; got > 3*(n-1) {
		t.Errorf("%d requests for %d secrets", got, n-1)
	}
}

// The value is in Key Vault and nowhere else, in no encoding: not in the state, a plan, a log, an output or the
// journal.
func TestValueStaysOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Proxied()
	v := w.Tenant.NewVault("kv-scoring")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	c := w.CLI(t, fmt.Sprintf(`
resource %q "x" {
  application_id   = %q
  key_vault_secret = { vault_uri = %q, name = "oauth" }
}
`, typeName, w.ScoringApp.ClientID, v.URL()+"/"))
	log := filepath.Join(c.Dir, "trace.log")
	c.Env["TF_LOG"], c.Env["TF_LOG_PATH"] = "trace", log
	var seen strings.Builder
	for _, command := range [][]string{{"plan", "-out=tfplan"}, {"apply", "tfplan"}, {"show", "-json"},
		{"plan", "-out=again"}, {"show", "-json", "again"}, {"show", "-json", "tfplan"}} {
		r := c.MustRun(t, 0, command...)
		seen.WriteString(r.Stdout + r.Stderr)
	}
	value := v.Value("oauth")
	for _, file := range []string{"terraform.tfstate", "trace.log"} {
		text, err := os.ReadFile(filepath.Join(c.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(text)
	}
	for _, e := range w.Tenant.Journal.Entries() {
		fmt.Fprintf(&seen, "%+v\n", e)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(w.ScoringApp.ClientID + ":" + value))
	for what, secret := range map[string]string{"value": value,
		"base64": base64.StdEncoding.EncodeToString([]byte(value)), "Basic": basic[len(basic)/2:]} {
		if len(secret) < 16 || strings.Contains(seen.String(), secret) {
			t.Errorf("the %s of the secret is in what the run wrote", what)
		}
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if left := secrets(w); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

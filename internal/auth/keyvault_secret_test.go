package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// writing is a vault with an application that may write its secrets. met is the vault as that application opened it.
type writing struct {
	*proxied
	vault *emulator.Vault
	app   *emulator.App
	met   *Vault
}

func newWriting(t testing.TB) *writing {
	t.Helper()
	w := &writing{proxied: newProxied(t)}
	w.vault, w.app = w.NewVault("kv-ml"), w.RegisterApp("deployer")
	w.vault.Allow(w.app.ClientID, emulator.RoleSecretsOfficer)
	s := w.ids(w.app)
	s.ClientSecret = hcl("client_secret", w.app.AddSecret(time.Hour))
	met, err := OpenVault(open(t, s, w.options()), hcl("key_vault_secret.vault_uri", w.vault.URL()+"/"), w.options())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.Journal.Entries()); n != 0 {
		t.Fatalf("opening made %d requests", n)
	}
	w.met = met
	return w
}

func TestVaultVersions(t *testing.T) {
	t.Parallel()
	w := newWriting(t)
	ctx := t.Context()
	if _, err := w.met.Versions(ctx, "s"); !errors.Is(err, ErrNoSecret) {
		t.Fatalf("%v", err)
	}
	if err := w.met.CheckMayWrite(ctx, "s"); err != nil || len(w.vault.Versions("s")) != 0 {
		t.Fatalf("%v, %+v", err, w.vault.Versions("s"))
	}
	end := time.Now().Add(time.Hour)
	first, err := w.met.Write(ctx, NewSecret{Name: "s", Value: "one", ContentType: "a/b",
		Tags: map[string]string{"mark": "1", "x": "y"}, Expires: end}, "mark")
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Minute)
	second, err := w.met.Write(ctx, NewSecret{Name: "s", Value: "two", Tags: map[string]string{"mark": "2"}}, "mark")
	if err != nil {
		t.Fatal(err)
	}
	versions, err := w.met.Versions(ctx, "s")
	if err != nil || len(versions) != 2 || versions[0].ID != second.ID || versions[1].ID != first.ID ||
		!versions[1].Enabled || versions[1].ContentType != "a/b" || versions[1].Tags["x"] != "y" {
		t.Fatalf("%+v, %v", versions, err)
	}
	if first.URL != w.vault.URL()+"/secrets/s/"+first.ID || first.VersionlessURL != w.vault.URL()+"/secrets/s" {
		t.Errorf("%+v", first)
	}
	if stored := w.vault.Versions("s")[0]; stored.Expires.Unix() != end.Unix() {
		t.Errorf("%+v", stored)
	}
	if err := errors.Join(w.met.Disable(ctx, "s", first.ID), w.met.Change(ctx, "s", second.ID, "c/d",
		map[string]string{"mark": "3"}), w.met.Disable(ctx, "gone", first.ID)); err != nil {
		t.Error(err)
	}
	if after := w.vault.Versions("s"); after[0].Enabled || !after[1].Enabled || after[1].ContentType != "c/d" ||
		after[1].Tags["mark"] != "3" {
		t.Errorf("%+v", after)
	}
	if deleted, err := w.met.IsDeleted(ctx, "s"); deleted || err != nil {
		t.Errorf("%t, %v", deleted, err)
	}
	w.vault.DeleteSecret("s")
	if deleted, err := w.met.IsDeleted(ctx, "s"); !deleted || err != nil {
		t.Errorf("%t, %v", deleted, err)
	}
	if err := w.met.CheckMayWrite(ctx, "s"); err == nil || !strings.Contains(err.Error(), "az keyvault secret recover "+
		"--vault-name kv-ml --name s") {
		t.Errorf("%v", err)
	}
	// The login requested one token from Entra ID for all requests to the vault.
	if n := w.Journal.Count("entra", "POST", ""); n != 1 {
		t.Errorf("%d tokens were asked for", n)
	}
}

// TestVaultManyVersions checks that Versions reads all pages of a list.
func TestVaultManyVersions(t *testing.T) {
	t.Parallel()
	w := newWriting(t)
	for range 60 {
		w.vault.SetSecret("s", "x", "")
	}
	if versions, err := w.met.Versions(t.Context(), "s"); len(versions) != 60 || err != nil {
		t.Errorf("%d, %v", len(versions), err)
	}
}

// TestVaultWriteLost checks that a write whose response was lost is found by its tag, and is not repeated if the vault
// has done it.
func TestVaultWriteLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"after the work": {Drop: "after"}, "before the work": {Drop: "before"}, "500": {Status: 500}, "500 after the work": {Status: 500, WorkDone: true}, "throttled": {Status: 429, RetryAfter: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWriting(t)
			w.vault.SetSecret("s", "older", "")
			if _, err := w.met.Versions(t.Context(), "s"); err != nil {
				t.Fatal(err)
			}
			fault.Service, fault.Method, fault.Path = "vault", "PUT", "/secrets/s"
			w.Faults.Add(fault)
			written, err := w.met.Write(t.Context(), NewSecret{Name: "s", Value: "v",
				Tags: map[string]string{"mark": "1"}}, "mark")
			versions := w.vault.Versions("s")
			if err != nil || len(versions) != 2 || written.ID != versions[1].ID || w.vault.Value("s") != "v" {
				t.Errorf("%+v, %v: %+v", written, err, versions)
			}
		})
	}
}

// TestVaultAwait checks that Await waits for a permission that was granted a moment ago, and that it does not wait
// after any other refusal.
func TestVaultAwait(t *testing.T) {
	t.Parallel()
	w := newWriting(t)
	tries := 0
	err := w.met.Await(t.Context(), func() error {
		if tries++; tries == 1 {
			w.vault.Revoke(w.app.ClientID)
		} else {
			w.vault.Allow(w.app.ClientID, emulator.RoleSecretsOfficer)
		}
		return w.met.CheckMayWrite(t.Context(), "s")
	})
	if err != nil || tries != 2 {
		t.Errorf("%d tries: %v", tries, err)
	}

	w.vault.Revoke(w.app.ClientID)
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	err = w.met.Await(short, func() error { return w.met.CheckMayWrite(t.Context(), "s") })
	refusal, _ := errors.AsType[*Error](err)
	if !errors.Is(err, ErrNotPermitted) || refusal.Summary != "Key Vault refuses the provider" ||
		!strings.Contains(refusal.Detail, vaultOfficer) || refusal.Attribute != "key_vault_secret.vault_uri" {
		t.Errorf("%v", err)
	}

	w.vault.SetSwitches(emulator.VaultSwitches{Firewall: true})
	tries = 0
	err = w.met.Await(t.Context(), func() error { tries++; return w.met.CheckMayWrite(t.Context(), "s") })
	if tries != 1 || err == nil || !strings.Contains(err.Error(), "firewall") {
		t.Errorf("%d tries: %v", tries, err)
	}
}

// TestTryWriteAtVaultThatChecksTheBodyFirst checks that CheckMayWrite reports no error at a vault that checks the
// request before the permission. The write itself then fails.
func TestTryWriteAtVaultThatChecksTheBodyFirst(t *testing.T) {
	t.Parallel()
	w := newWriting(t)
	w.vault.Revoke(w.app.ClientID)
	w.vault.SetSwitches(emulator.VaultSwitches{BodyBeforeRights: true})
	if err := w.met.CheckMayWrite(t.Context(), "s"); err != nil {
		t.Error(err)
	}
	if _, err := w.met.Write(t.Context(), NewSecret{Name: "s", Value: "v"}, "mark"); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("%v", err)
	}
}

func TestVaultIsNotForTokens(t *testing.T) {
	t.Parallel()
	login := open(t, Settings{Token: hcl("token", "dapi-x")}, Options{})
	if _, err := OpenVault(login, hcl("key_vault_secret.vault_uri", "https://kv-ml.vault.azure.net/"),
		Options{}); err == nil || !strings.Contains(err.Error(), "cannot use Key Vault") {
		t.Errorf("%v", err)
	}
	k := newWriting(t)
	s := k.ids(k.app)
	s.ClientSecret = hcl("client_secret", "x")
	if _, err := OpenVault(open(t, s, k.options()), hcl("a", "https://kv-ml.vault.azure.cn/"),
		k.options()); err == nil || !strings.Contains(err.Error(), "Azure China") {
		t.Errorf("%v", err)
	}
}

// TestKeyVaultByProvider checks that the provider's own login can read the credential of another login from a vault,
// instead of an identity of the machine.
func TestKeyVaultByProvider(t *testing.T) {
	t.Parallel()
	w := newWriting(t)
	owner := w.RegisterApp("owner")
	w.vault.SetSecret("secret", owner.AddSecret(time.Hour), "")
	s := w.ids(w.app)
	s.ClientSecret = hcl("client_secret", w.app.AddSecret(time.Hour))
	o := w.options()
	o.VaultLogin = open(t, s, w.options())
	owned := w.ids(owner)
	owned.KeyVault = &KeyVaultSettings{ByProvider: true, VaultURI: hcl("owner.key_vault.vault_uri", w.vault.URL()),
		ClientSecretName: hcl("owner.key_vault.client_secret_name", "secret")}
	w.wantToken(t, open(t, owned, o), DatabricksScope, owner)

	w.vault.Revoke(w.app.ClientID)
	_, err := open(t, owned, o).AccessToken(t.Context(), DatabricksScope)
	refusal, _ := errors.AsType[*Error](err)
	if refusal == nil || refusal.Summary != "Key Vault refuses the read" ||
		!strings.Contains(refusal.Detail, "The provider's identity may not read secret secret") ||
		refusal.Attribute != "owner.key_vault.vault_uri" {
		t.Errorf("%v", err)
	}
	w.app.RemoveSecrets()
	o.VaultLogin = open(t, s, w.options())
	_, err = open(t, owned, o).AccessToken(t.Context(), DatabricksScope)
	if refusal, _ = errors.AsType[*Error](err); refusal == nil ||
		refusal.Summary != "Key Vault identity cannot log in" || !strings.Contains(refusal.Detail, "AADSTS7000215") {
		t.Errorf("%v", err)
	}
}

// TestVaultMissingSecret checks that the error is ErrNoSecret if a vault answers for a missing secret with an empty
// list or with a refusal.
func TestVaultMissingSecret(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*writing){
		"never there": func(*writing) {}, "deleted": func(w *writing) { w.vault.SetSecret("s", "v", ""); w.vault.DeleteSecret("s") },
	} {
		for _, refused := range []bool{false, true} {
			w := newWriting(t)
			w.vault.SetSwitches(emulator.VaultSwitches{VersionsRefused: refused})
			prepare(w)
			if versions, err := w.met.Versions(t.Context(), "s"); !errors.Is(err, ErrNoSecret) || versions != nil {
				t.Errorf("%s, refused %t: %+v, %v", name, refused, versions, err)
			}
		}
	}
}

// late is a transport that executes a write a moment after it was sent, also if the sender does not wait for that.
type late struct {
	next http.RoundTripper
	sent func()
}

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut {
		return l.next.RoundTrip(r)
	}
	answered := make(chan *http.Response, 1)
	go func() {
		l.sent()
		time.Sleep(300 * time.Millisecond)
		answer, _ := l.next.RoundTrip(r.Clone(context.WithoutCancel(r.Context())))
		answered <- answer
	}()
	select {
	case answer := <-answered:
		return answer, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// TestVaultWriteOfAStoppedRun checks that a run which is stopped while the vault stores a value waits for the answer. A
// version that is stored after the run has looked for it would stay enabled, with the value of a revoked credential.
func TestVaultWriteOfAStoppedRun(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	ctx, stop := context.WithCancel(t.Context())
	o := p.options()
	o.Transport = late{p.transport, stop}
	v := vaultFor(t, p, o)
	written, err := v.Write(ctx, NewSecret{Name: "new", Value: "v", Tags: map[string]string{"mark": "id"}}, "mark")
	if err != nil || written.ID == "" {
		t.Errorf("%+v, %v", written, err)
	}
	before := p.Journal.Count("vault", "PUT", "")
	if _, err := v.Write(ctx, NewSecret{Name: "new", Value: "w", Tags: map[string]string{"mark": "2"}}, "mark"); err == nil {
		t.Error("a run that was stopped before wrote a version")
	}
	if n := p.Journal.Count("vault", "PUT", "") - before; n != 0 {
		t.Errorf("%d writes after the stop", n)
	}
}

package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// strangerAnswers are responses with status 200 that no service sends for any request.
var strangerAnswers = map[string]emulator.Fault{
	"a page":         {Body: "<!doctype html><html><title>Sign in\n to Contoso</title></html>", ContentType: "text/html"},
	"a page as JSON": {Body: "<!doctype html><html></html>", ContentType: "application/json"},
	"nothing":        {Empty: true},
	"{}":             {Body: "{}", ContentType: "application/json"},
	"null":           {Body: "null", ContentType: "application/json"},
	"an array":       {Body: `[{"id":1}]`, ContentType: "application/json"},
	"another form":   {Body: `{"status":"ok","value":7,"id":7,"access_token":7,"token_endpoint":7}`, ContentType: "application/json"},
	"cut off":        {Body: `{"access_token":"eyJ0eXAi`, ContentType: "application/json"},
	"a long page":    {Body: "<html>" + strings.Repeat("x", 2<<20), ContentType: "text/html"},
	"an error":       {Body: `{"error":{"code":"Forbidden","message":"no"}}`, ContentType: "application/json"},
}

// wantForeignAnswer fails unless err names the method, host, path and status of the request, and the title of the page
// that answered.
func wantForeignAnswer(t testing.TB, err error, name, method, host, path string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s was believed", name)
		return
	}
	said := err.Error()
	want := []string{method, host, path, "200"}
	if name == "a page" {
		want = append(want, "“Sign in to Contoso”")
	}
	for _, part := range want {
		if !strings.Contains(said, part) {
			t.Errorf("%s: the error lacks %q: %s", name, part, said)
		}
	}
	if strings.Contains(said, "eyJ0") || len(said) > 3000 {
		t.Errorf("the error repeats the answer: %.3000s", said)
	}
}

// TestAnswersWithoutAToken checks that a login fails if a response with status 200 contains no token.
func TestAnswersWithoutAToken(t *testing.T) {
	t.Parallel()
	for client, method := range map[string]string{"Entra ID with a secret": "POST", "openid-configuration": "GET",
		"GitHub": "GET", "Azure DevOps": "POST", "managed identity": "GET"} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			prepare, path := redirectedClients[client], ""
			if client == "openid-configuration" {
				prepare, path = redirectedClients["Entra ID with a secret"], "/.well-known/openid-configuration"
			}
			c := prepare(t, p, p.options())
			for name, fault := range strangerAnswers {
				p.Faults.Clear()
				f := c.fault
				f.Method, f.Status, f.Times = method, 200, -1
				f.Body, f.ContentType, f.Empty = fault.Body, fault.ContentType, fault.Empty
				p.Faults.Add(f)
				began := time.Now()
				err := c.use(t.Context())
				if client == "GitHub" || client == "Azure DevOps" {
					if err == nil || !strings.Contains(err.Error(), c.host) &&
						!strings.Contains(err.Error(), "no token in") {
						t.Errorf("%s: %v", name, err)
					}
				} else {
					wantForeignAnswer(t, err, name, method, c.host, path)
				}
				if time.Since(began) > 5*time.Second {
					t.Errorf("%s took %s", name, time.Since(began))
				}
			}
		})
	}
}

// vaultUses are the kinds of requests to a vault. done reports whether the caller would take the request as successful,
// or would take the secret as missing.
var vaultUses = map[string]struct {
	method, path string
	use          func(testing.TB, *Vault, string) (done bool, err error)
}{
	"versions": {"GET", "/secrets/s/versions", func(t testing.TB, v *Vault, _ string) (bool, error) {
		versions, err := v.Versions(t.Context(), "s")
		return err == nil || len(versions) > 0 || errors.Is(err, ErrNoSecret), err
	}},
	"is deleted": {"GET", "/deletedsecrets/s", func(t testing.TB, v *Vault, _ string) (bool, error) {
		deleted, err := v.IsDeleted(t.Context(), "s")
		return err == nil || deleted, err
	}},
	"read": {"GET", "/secrets/s/", func(t testing.TB, v *Vault, _ string) (bool, error) {
		value, err := v.ReadSecret(t.Context(), hcl("name", "s"))
		return err == nil || value != "", err
	}},
	"try to write": {"PUT", "/secrets/s", func(t testing.TB, v *Vault, _ string) (bool, error) {
		err := v.CheckMayWrite(t.Context(), "s")
		return err == nil, err
	}},
	"write": {"PUT", "/secrets/s", func(t testing.TB, v *Vault, _ string) (bool, error) {
		written, err := v.Write(t.Context(), NewSecret{Name: "s", Value: "new", Tags: map[string]string{"mark": "1"}},
			"mark")
		return err == nil || written.ID != "", err
	}},
	"disable": {"PATCH", "/secrets/s/", func(t testing.TB, v *Vault, version string) (bool, error) {
		err := v.Disable(t.Context(), "s", version)
		return err == nil, err
	}},
	"change": {"PATCH", "/secrets/s/", func(t testing.TB, v *Vault, version string) (bool, error) {
		err := v.Change(t.Context(), "s", version, "a/b", map[string]string{"x": "y"})
		return err == nil, err
	}},
}

// TestAnswersThatAreNotFromTheVault checks that no operation on a secret succeeds, and that no secret counts as present
// or missing, because of a response with status 200 that is from another server than the vault or about another object.
func TestAnswersThatAreNotFromTheVault(t *testing.T) {
	t.Parallel()
	answers := map[string]emulator.Fault{}
	for name, fault := range strangerAnswers {
		answers[name] = fault
	}
	secret := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"value":"x","attributes":{"enabled":true},"tags":{"mark":"0"}}`, id)
	}
	version := strings.Repeat("0", 32)
	for name, id := range map[string]string{
		"another secret": "https://kv-ml.vault.azure.net/secrets/other/" + version, "another vault": "https://kv-x.vault.azure.net/secrets/s/" + version,
		"another kind": "https://kv-ml.vault.azure.net/keys/s/" + version, "no version": "https://kv-ml.vault.azure.net/secrets/s", "no id": "",
	} {
		answers[name] = emulator.Fault{Body: secret(id), ContentType: "application/json"}
		answers["a list with "+name] = emulator.Fault{Body: `{"value":[` + secret(id) + `]}`,
			ContentType: "application/json"}
	}
	answers["a list of null"] = emulator.Fault{Body: `{"value":null}`, ContentType: "application/json"}
	answers["a list with null"] = emulator.Fault{Body: `{"value":[null]}`, ContentType: "application/json"}
	for use, u := range vaultUses {
		t.Run(use, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			v := vaultFor(t, p, p.options())
			versions, err := v.Versions(t.Context(), "s")
			if err != nil {
				t.Fatal(err)
			}
			path := u.path
			if u.method == "PATCH" {
				path += versions[0].ID
			}
			for name, fault := range answers {
				p.Faults.Clear()
				fault.Service, fault.Method, fault.Path, fault.Status, fault.Times = "vault", u.method, path, 200, -1
				p.Faults.Add(fault)
				began := time.Now()
				done, err := u.use(t, v, versions[0].ID)
				if done {
					t.Errorf("%s: reported as done: %v", name, err)
				}
				wantForeignVaultAnswer(t, use, name, err, u.method, strings.TrimSuffix(path, "/"))
				if time.Since(began) > 5*time.Second {
					t.Errorf("%s took %s", name, time.Since(began))
				}
			}
		})
	}
}

func wantForeignVaultAnswer(t testing.TB, use, name string, err error, method, path string) {
	t.Helper()
	// Vault.CheckMayWrite fails on any successful response, with an error of its own.
	if use == "try to write" && err != nil && strings.Contains(err.Error(), "No Key Vault does that") {
		return
	}
	wantForeignAnswer(t, err, name, method, "kv-ml.vault.azure.net", path)
}

// TestVaultChangeIsShown checks that Disable and Change succeed only if the vault's response shows the change.
func TestVaultChangeIsShown(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	v := vaultFor(t, p, p.options())
	versions, err := v.Versions(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	id := versions[0].ID
	asBefore := fmt.Sprintf(
		`{"id":"https://kv-ml.vault.azure.net/secrets/s/%s","contentType":"a/b","attributes":{"enabled":true},"tags":{}}`, id)
	for range 2 {
		p.Faults.Add(emulator.Fault{Service: "vault", Method: "PATCH", Status: 200, Body: asBefore,
			ContentType: "application/json"})
	}
	if err := v.Disable(t.Context(), "s", id); err == nil || !strings.Contains(err.Error(), "not disabled") {
		t.Errorf("%v", err)
	}
	if err := v.Change(t.Context(), "s", id, "a/b", map[string]string{"x": "y"}); err == nil ||
		!strings.Contains(err.Error(), "as it was") {
		t.Errorf("%v", err)
	}
	if err := v.Disable(t.Context(), "s", id); err != nil {
		t.Error(err)
	}
}

// TestVaultWriteBehindAPage checks that a write succeeds if a page answers it but the vault then lists the new version.
func TestVaultWriteBehindAPage(t *testing.T) {
	t.Parallel()
	w := newWriting(t)
	w.vault.SetSecret("s", "older", "")
	if _, err := w.met.Versions(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	w.Faults.Add(emulator.Fault{Service: "vault", Method: "PUT", Status: 200, WorkDone: true, Body: "<html></html>",
		ContentType: "text/html"})
	written, err := w.met.Write(t.Context(), NewSecret{Name: "s", Value: "v", Tags: map[string]string{"mark": "1"}},
		"mark")
	if versions := w.vault.Versions("s"); err != nil || len(versions) != 2 || written.ID != versions[1].ID {
		t.Errorf("%+v, %v: %+v", written, err, versions)
	}
}

// TestVaultErrorsWithoutACode checks that an error response without the vault's own error code proves nothing: neither
// that a secret is missing, nor that the caller may write it or lacks the permission.
func TestVaultErrorsWithoutACode(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	v := vaultFor(t, p, p.options())
	versions, err := v.Versions(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]emulator.Fault{
		"a page":  {Body: "<html><title>Not found</title></html>", ContentType: "text/html"},
		"nothing": {Empty: true},
		"JSON":    {Body: `{"message":"no route"}`, ContentType: "application/json"},
	} {
		for _, status := range []int{400, 403, 404, 409} {
			for use, u := range vaultUses {
				p.Faults.Clear()
				fault := fault
				fault.Service, fault.Method, fault.Status, fault.Times = "vault", u.method, status, -1
				p.Faults.Add(fault)
				done, err := u.use(t, v, versions[0].ID)
				if done || err == nil || errors.Is(err, ErrNoSecret) || errors.Is(err, ErrNotPermitted) ||
					!strings.Contains(err.Error(), u.method) || !strings.Contains(err.Error(), fmt.Sprint(status)) {
					t.Errorf("%s, %d with %s: %t, %v", use, status, name, done, err)
				}
			}
		}
	}
}

// TestVaultPagesEnd checks that a list of versions is an error if a page repeats or if its next page is at another
// address.
func TestVaultPagesEnd(t *testing.T) {
	t.Parallel()
	const base = "https://kv-ml.vault.azure.net/secrets/s/versions?page="
	page := func(id int, next string) emulator.Fault {
		return emulator.Fault{Service: "vault", Path: "/secrets/s/versions", Status: 200,
			ContentType: "application/json", Body: fmt.Sprintf(
				`{"value":[{"id":"https://kv-ml.vault.azure.net/secrets/s/%032d","attributes":{"enabled":true}}],"nextLink":%q}`, id, next)}
	}
	for name, faults := range map[string][]emulator.Fault{
		"the same page":    {page(1, base+"1"), page(1, base+"2")},
		"the same address": {page(1, base+"1"), page(2, base+"1")},
		"another port":     {page(1, "https://kv-ml.vault.azure.net:8443/secrets/s/versions")},
		"plain http":       {page(1, "http://kv-ml.vault.azure.net/secrets/s/versions")},
	} {
		p := newProxied(t)
		v := vaultFor(t, p, p.options())
		if _, err := v.Versions(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
		for _, fault := range faults {
			p.Faults.Add(fault)
		}
		if versions, err := v.Versions(t.Context(), "s"); err == nil || errors.Is(err, ErrNoSecret) {
			t.Errorf("%s: %d versions, %v", name, len(versions), err)
		}
	}
}

// TestVaultWaitsForATransition checks that the provider waits while a secret is being recovered, when the vault lists
// it nowhere, and does not take the secret as deleted.
func TestVaultWaitsForATransition(t *testing.T) {
	t.Parallel()
	w := newWriting(t)
	w.vault.SetSwitches(emulator.VaultSwitches{RecoveryDelay: time.Second})
	w.vault.SetSecret("s", "v", "")
	w.vault.DeleteSecret("s")
	w.vault.RecoverSecret("s")
	if versions, err := w.met.KnownVersions(t.Context(), "s"); err != nil || len(versions) != 1 {
		t.Errorf("%+v, %v", versions, err)
	}

	w.vault.DeleteSecret("s")
	w.vault.RecoverSecret("s")
	if err := w.met.CheckMayWrite(t.Context(), "s"); !errors.Is(err, ErrInTransition) {
		t.Errorf("%v", err)
	}
	tries := 0
	if err := w.met.Settled(t.Context(), func() error {
		tries++
		return w.met.CheckMayWrite(t.Context(), "s")
	}); err != nil || tries < 2 {
		t.Errorf("%d tries, %v", tries, err)
	}

	w.vault.DeleteSecret("s")
	w.vault.RecoverSecret("s")
	if _, err := w.met.Write(t.Context(), NewSecret{Name: "s", Value: "w", Tags: map[string]string{"mark": "1"}},
		"mark"); err != nil || w.vault.Value("s") != "w" {
		t.Errorf("%v", err)
	}

	// The vault lists the secret among the deleted secrets, so KnownVersions does not wait.
	w.vault.DeleteSecret("s")
	began := time.Now()
	if _, err := w.met.KnownVersions(t.Context(), "s"); !errors.Is(err, ErrNoSecret) ||
		time.Since(began) > transition/2 {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

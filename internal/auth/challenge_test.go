package auth

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// TestChallengeOfAnyFormIsAnError checks that a challenge that cannot be used is an error and no panic. The vault, or a
// proxy in its place, chooses the login host and the tenant in the challenge.
func TestChallengeOfAnyFormIsAnError(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	o := p.options()
	o.RetryTimeout = time.Minute
	v := vaultFor(t, p, o)
	var all sync.WaitGroup // some challenges are requested again, with a pause
	for i, challenge := range []string{
		`Bearer authorization="https://login.microsoftonline.com", resource="https://vault.azure.net"`,
		`Bearer authorization="x", resource="https://vault.azure.net"`,
		`Bearer authorization=/, resource="https://vault.azure.net"`,
		`Bearer authorization="https://login.microsoftonline.com/` + strings.Repeat("x", 1000) +
			`", resource="https://vault.azure.net"`,
		`Bearer authorization="https://login.microsoftonline.com/t", resource="https://elsewhere.example"`,
		`Bearer authorization="https://login.microsoftonline.com/t", resource="` + "\x7f" + `"`,
		`Bearer error="insufficient_claims", claims="no base64"`,
		`Bearer`, `=`, `Basic realm="x"`,
	} {
		secret := fmt.Sprintf("s%d", i)
		p.Faults.Add(emulator.Fault{Service: "vault", Path: "/secrets/" + secret + "/**", Status: 401,
			Header: map[string]string{"WWW-Authenticate": challenge}, Times: -1})
		all.Go(func() {
			if _, err := v.ReadSecret(t.Context(), hcl("name", secret)); err == nil ||
				!strings.Contains(err.Error(), "kv-ml.vault.azure.net") {
				t.Errorf("%s: %v", challenge, err)
			}
		})
	}
	all.Wait()
	if unmet := p.Faults.Unmet(); len(unmet) > 0 {
		t.Errorf("not requested: %+v", unmet)
	}
	p.Faults.Clear()
}

// TestTokenRefusedByVaultIsRenewedOnce checks that the provider logs in once more if the vault refuses a token that it
// accepted before, and that a second refusal is final.
func TestTokenRefusedByVaultIsRenewedOnce(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	v := vaultFor(t, p, p.options())
	logins := func() int { return p.Journal.Count("entra", "POST", "/") }
	before := logins()
	p.RevokeAccessTokens(0)
	for range 3 {
		if _, err := v.ReadSecret(t.Context(), hcl("name", "s")); err != nil {
			t.Fatal(err)
		}
	}
	if n := logins() - before; n != 1 {
		t.Errorf("%d logins", n)
	}
	p.Faults.Add(emulator.Fault{Service: "vault", Status: 401, Header: map[string]string{
		"WWW-Authenticate": `Bearer authorization="https://login.microsoftonline.com/` + p.ID + `", resource="https://vault.azure.net"`}, Times: -1})
	before = logins()
	for range 3 {
		wantError(t, func() error {
			_, err := v.ReadSecret(t.Context(), hcl("name", "s"))
			return err
		}(), "Key Vault does not accept the identity's token")
	}
	if n := logins() - before; n != 1 {
		t.Errorf("%d logins of who is refused", n)
	}
	p.Faults.Clear()
}

package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// TestNotAClientSecret checks that a value that cannot be a client secret of Entra ID is an error before any request to
// Entra ID, and that the error does not quote the value.
func TestNotAClientSecret(t *testing.T) {
	t.Parallel()
	const hexadecimal = "0123456789abcdef0123456789abcdef"
	for value, summary := range map[string]string{
		"dose" + hexadecimal:        "Client secret is one of Databricks",
		"dapi" + hexadecimal:        "Client secret is a Databricks token",
		"dapi" + hexadecimal + "-3": "Client secret is a Databricks token",
		"$(ClientSecret)":           "Client secret is a variable that was not replaced",
		"${CLIENT_SECRET}":          "Client secret is a variable that was not replaced",
		"%CLIENT_SECRET%":           "Client secret is a variable that was not replaced",
	} {
		s := application()
		s.ClientSecret = env("client_secret", "ARM_CLIENT_SECRET", value)
		_, err := s.Choose()
		e := wantError(t, err, summary, "ARM_CLIENT_SECRET in the environment")
		if e.Attribute != "client_secret" || strings.Contains(e.Error(), value) {
			t.Errorf("attribute %q: %v", e.Attribute, e)
		}
		s.ClientSecret, s.ClientSecretFilePath = Setting{}, hcl("client_secret_file_path",
			write(t, "secret", []byte(value+"\n")))
		_, err = Open(s, Options{})
		if e := wantError(t, err, summary, "client_secret_file_path"); strings.Contains(e.Error(), value) {
			t.Errorf("%v", e)
		}

		k := newKept(t, emulator.CertificatePEM)
		k.vault.SetSecret("secret", value, "")
		k.settings.KeyVault.CertificateName = Setting{}
		k.settings.KeyVault.ClientSecretName = hcl("key_vault.client_secret_name", "secret")
		_, err = k.open(t).AccessToken(t.Context(), DatabricksScope)
		if e := wantError(t, err, summary, "Secret secret in Key Vault kv-ml.vault.azure.net"); strings.Contains(
			e.Error(), value) {
			t.Errorf("%v", e)
		}
	}
	for _, check := range []func(string) error{CheckTenantID, CheckClientID} {
		if err := check("$(ARM_CLIENT_ID)"); err == nil ||
			!strings.Contains(err.Error(), "$(…), a variable that the pipeline did not replace") {
			t.Errorf("%v", err)
		}
	}
}

// TestKeyVaultCertificateEndsSoon checks the warning for a certificate in a vault that expires soon: it is reported
// once, after the vault was read.
func TestKeyVaultCertificateEndsSoon(t *testing.T) {
	t.Parallel()
	k := newKept(t, emulator.CertificatePEM)
	l := k.open(t)
	if len(l.TakeWarnings()) != 0 {
		t.Error("warned before the vault was read")
	}
	k.wantToken(t, l, DatabricksScope, k.app)
	if w := l.TakeWarnings(); len(w) != 0 {
		t.Errorf("warnings %+v", w)
	}
	c := newCertificate(t, time.Now().AddDate(-1, 0, 0), time.Now().AddDate(0, 0, 10))
	k.app.AddCertificate(c.Leaf())
	version := k.vault.ImportCertificate("sp-cert", c.Key, c.Leaf(), emulator.CertificatePEM)
	l = k.open(t)
	k.wantToken(t, l, DatabricksScope, k.app)
	w := l.TakeWarnings()
	if len(w) != 1 || w[0].Summary != "Client certificate expires soon: CN=made" ||
		w[0].Attribute != "key_vault.certificate_name" ||
		!strings.Contains(w[0].Detail, "It is version "+version+" of sp-cert in Key Vault kv-ml.vault.azure.net.") {
		t.Errorf("warnings %+v", w)
	}
	if len(l.TakeWarnings()) != 0 {
		t.Error("warned twice")
	}
}

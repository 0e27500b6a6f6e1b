package provider_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// If a certificate in a vault expires soon, the call that reads the certificate warns, and its expiry is known from
// then on.
func TestKeyVaultCertificateEndsSoon(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Proxied()
	logins["PFX with a password in Key Vault, read as AZURE_*"](t, w)
	end := time.Now().AddDate(0, 0, 12).UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "deployer-ends"}, NotBefore: time.Now().AddDate(-1,
			0, 0), NotAfter: end,
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &w.DeployerKey.PublicKey, w.DeployerKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(content)
	if err != nil {
		t.Fatal(err)
	}
	w.Deployer.AddCertificate(certificate)
	vault := w.Tenant.NewVault("kv-ends")
	vault.Allow(w.Env["AZURE_CLIENT_ID"], emulator.RoleSecretsUser)
	vault.ImportCertificate("ends", w.DeployerKey, certificate, emulator.CertificatePKCS12)
	w.Env["DBXACCESS_KEY_VAULT_VAULT_URI"], w.Env["DBXACCESS_KEY_VAULT_CERTIFICATE_NAME"] = vault.URL(), "ends"
	delete(w.Env, "DBXACCESS_KEY_VAULT_CERTIFICATE_PASSWORD_SECRET_NAME")

	c := w.CLI(t, `data "dbxaccess_current_identity" "me" {}
data "dbxaccess_clusters" "all" {}
output "end" { value = data.dbxaccess_current_identity.me.certificate_expires_at }
`)
	out := c.MustRun(t, 0, "apply", "-auto-approve")
	said := strings.Join(strings.Fields(out.Stdout+out.Stderr), " ")
	if n := strings.Count(said, "Client certificate expires soon: CN=deployer-ends"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, out.Stdout)
	}
	if got := strings.TrimSpace(c.MustRun(t, 0, "output", "-raw", "end").Stdout); got != end.Format(time.RFC3339) {
		t.Errorf("it ends %s, want %s", got, end.Format(time.RFC3339))
	}
}

package auth

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// kept is a vault that holds the certificate of an application, and an identity that may read the vault.
type kept struct {
	*proxied
	vault       *emulator.Vault
	app, reader *emulator.App
	certificate *certificate.Certificate
	version     string
	environment []string
	settings    Settings
}

func newKept(t testing.TB, contentType string) *kept {
	t.Helper()
	k := &kept{proxied: newProxied(t)}
	k.vault, k.app, k.reader = k.NewVault("kv-ml"), k.RegisterApp("sp"), k.RegisterApp("reader")
	k.vault.Allow(k.reader.ClientID, emulator.RoleSecretsUser)
	k.certificate = newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	k.app.AddCertificate(k.certificate.Leaf())
	k.version = k.vault.ImportCertificate("sp-cert", k.certificate.Key, k.certificate.Leaf(), contentType)
	k.environment = []string{"AZURE_TENANT_ID", k.ID, "AZURE_CLIENT_ID", k.reader.ClientID, "AZURE_CLIENT_SECRET",
		k.reader.AddSecret(time.Hour)}
	k.settings = k.ids(k.app)
	k.settings.KeyVault = &KeyVaultSettings{
		VaultURI:        hcl("key_vault.vault_uri", k.vault.URL()+"/"),
		Auth:            hcl("key_vault.auth", "environment"),
		CertificateName: hcl("key_vault.certificate_name", "sp-cert"),
		// A setting that has no value still knows its attribute, as the provider block sets it.
		CertificatePasswordSecretName: hcl("key_vault.certificate_password_secret_name", ""),
	}
	return k
}

func (k *kept) open(t testing.TB) *Login {
	t.Helper()
	return open(t, k.settings, k.options(k.environment...))
}

func TestKeyVaultCertificate(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{emulator.CertificatePKCS12, emulator.CertificatePEM} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			k := newKept(t, contentType)
			l := k.open(t)
			if n := len(k.Journal.Entries()); n != 0 {
				t.Fatalf("opening made %d requests", n)
			}
			if i := l.Identity(); i.Certificate != nil || i.Vault != "kv-ml.vault.azure.net" ||
				i.ClientID != k.app.ClientID {
				t.Errorf("before the vault was read the identity is %+v", i)
			}
			k.wantToken(t, l, DatabricksScope, k.app)
			k.wantToken(t, l, l.ManagementScope(), k.app)
			i := l.Identity()
			if i.Certificate == nil || i.Certificate.ThumbprintSHA256 != k.certificate.ThumbprintSHA256 ||
				i.CertificateVersion != k.version {
				t.Errorf("identity is %+v", i)
			}
			d := l.Describe()
			for key, want := range map[string]any{
				"kind": "key_vault", "source": "key_vault.certificate_name", "key_vault": "kv-ml.vault.azure.net", "certificate_version": k.version,
				"certificate_thumbprint_sha1": k.certificate.ThumbprintSHA1, "cloud": "public", "client_id": k.app.ClientID,
			} {
				if d[key] != want {
					t.Errorf("%s is described as %v, want %v", key, d[key], want)
				}
			}
		})
	}
}

// TestKeyVaultIDs checks that the credential and the ids can all be stored in the vault, and that concurrent callers
// share one read of each secret.
func TestKeyVaultIDs(t *testing.T) {
	t.Parallel()
	k := newKept(t, emulator.CertificatePKCS12)
	k.vault.SetSecret("app-id", k.app.ClientID+"\n", "")
	k.vault.SetSecret("tenant", k.ID, "")
	k.vault.SetSecret("thumb", "\u200e"+k.certificate.ThumbprintSHA1, "")
	v := k.settings.KeyVault
	v.ClientIDSecretName, v.TenantIDSecretName, v.ThumbprintSecretName = hcl("key_vault.client_id_secret_name",
		"app-id"), hcl("", "tenant"), hcl("key_vault.thumbprint_secret_name", "thumb")
	// The ids in the environment belong to another program, and the ids in the vault take precedence.
	k.settings.TenantID, k.settings.ClientID = env("tenant_id", "ARM_TENANT_ID", testTenant), env("client_id",
		"ARM_CLIENT_ID", testClient)

	var log bytes.Buffer
	ctx := tflogtest.RootLogger(t.Context(), &log)
	l := k.open(t)
	if _, err := l.AccessToken(ctx, DatabricksScope); err != nil {
		t.Fatal(err)
	}
	ask(t, l)
	if i := l.Identity(); i.ClientID != k.app.ClientID || i.TenantID != k.ID || !strings.HasSuffix(i.Authority, k.ID) {
		t.Errorf("identity is %+v", i)
	}
	if !strings.Contains(log.String(), "login read from Key Vault") ||
		!strings.Contains(log.String(), k.certificate.ThumbprintSHA256) {
		t.Errorf("the log does not tell who it is: %s", log.String())
	}
	if strings.Contains(log.String(), k.environment[5]) || strings.Contains(log.String(), "PRIVATE") {
		t.Errorf("a secret is logged: %s", log.String())
	}
	gets := 0
	for _, e := range k.Journal.Entries() {
		if e.Service == "vault" && e.Status == http.StatusOK {
			gets++
		}
	}
	if gets != 4 {
		t.Errorf("%d secrets were read, want 4", gets)
	}
	// One token request is for the identity that reads the vault, and two are for the login.
	if n := k.Journal.Count("entra", "POST", "/oauth2/v2.0/token"); n != 3 {
		t.Errorf("%d token requests, want 3", n)
	}
}

func TestKeyVaultOneReadForAll(t *testing.T) {
	t.Parallel()
	k := newKept(t, emulator.CertificatePEM)
	k.Faults.Add(emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token",
		Delay: 30 * time.Millisecond, Times: -1})
	l := k.open(t)
	ask(t, l)
	if n := k.Journal.Count("entra", "POST", "/oauth2/v2.0/token"); n != 3 {
		t.Errorf("%d token requests, want 2 and that of the reader", n)
	}
	if n := k.Journal.Count("vault", "GET", "/secrets/"); n != 2 { // the challenge and the read
		t.Errorf("%d requests to the vault, want 2", n)
	}
}

// TestKeyVaultFailureIsNotKept checks that a failed read of the vault is repeated, because a permission may be granted
// while an apply waits.
func TestKeyVaultFailureIsNotKept(t *testing.T) {
	t.Parallel()
	k := newKept(t, emulator.CertificatePEM)
	k.vault.Revoke(k.reader.ClientID)
	l := k.open(t)
	_, err := l.AccessToken(t.Context(), DatabricksScope)
	wantError(t, err, "Key Vault refuses the read", "Key Vault Secrets User")
	k.vault.Allow(k.reader.ClientID, emulator.RoleSecretsUser)
	k.wantToken(t, l, DatabricksScope, k.app)
}

func TestKeyVaultPlainSecrets(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arrange func(t *testing.T, k *kept)
	}{
		"client secret": {func(_ *testing.T, k *kept) {
			k.vault.SetSecret("sp-secret", k.app.AddSecret(time.Hour)+"\n", "text/plain")
			k.settings.KeyVault.CertificateName = Setting{}
			k.settings.KeyVault.ClientSecretName = hcl("key_vault.client_secret_name", "sp-secret")
		}},
		"PFX with a password": {func(t *testing.T, k *kept) {
			k.vault.SetSecret("sp-cert-2", pfxOf(t, k.certificate, password), "application/x-pkcs12")
			k.vault.SetSecret("sp-password", password+"\n", "")
			k.settings.KeyVault.CertificateName.Value = "sp-cert-2"
			k.settings.KeyVault.CertificatePasswordSecretName = hcl("key_vault.certificate_password_secret_name",
				"sp-password")
		}},
		"password of configuration": {func(t *testing.T, k *kept) {
			k.vault.SetSecret("sp-cert-2", pfxOf(t, k.certificate, password), "")
			k.settings.KeyVault.CertificateName.Value = "sp-cert-2"
			k.settings.CertificatePassword = hcl("client_certificate_password", password)
		}},
		"password that Key Vault dropped": {func(_ *testing.T, k *kept) {
			k.vault.SetSecret("sp-password", password, "")
			k.settings.KeyVault.CertificatePasswordSecretName = hcl("key_vault.certificate_password_secret_name",
				"sp-password")
		}},
		"PEM with a wrong content type": {func(t *testing.T, k *kept) {
			k.vault.SetSecret("sp-cert-2", string(pemOf(t, k.certificate)), "application/x-pkcs12")
			k.settings.KeyVault.CertificateName.Value = "sp-cert-2"
		}},
		"pinned version": {func(t *testing.T, k *kept) {
			k.settings.KeyVault.CertificateVersion = hcl("key_vault.certificate_version", k.version)
			newer := rotated(t)
			k.vault.ImportCertificate("sp-cert", newer.Key, newer.Leaf(), emulator.CertificatePEM)
		}},
		"certificate of the reader": {func(t *testing.T, k *kept) {
			c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
			k.reader.AddCertificate(c.Leaf())
			raw, err := base64.StdEncoding.DecodeString(pfxOf(t, c, password)) // a PFX as OpenSSL 3 writes it
			if err != nil {
				t.Fatal(err)
			}
			k.environment = append(k.environment[:4], "AZURE_CLIENT_CERTIFICATE_PATH", write(t, "reader.pfx", raw),
				"AZURE_CLIENT_CERTIFICATE_PASSWORD", password)
		}},
		"reader in a tenant by domain": {func(_ *testing.T, k *kept) { k.environment[1] = k.Domain }},
		"ids only": {func(t *testing.T, k *kept) {
			k.vault.SetSecret("app-id", k.app.ClientID, "")
			k.settings.KeyVault.CertificateName, k.settings.ClientID = Setting{}, Setting{}
			k.settings.KeyVault.ClientIDSecretName = hcl("key_vault.client_id_secret_name", "app-id")
			k.settings.Certificate = hcl("client_certificate", string(pemOf(t, k.certificate)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKept(t, emulator.CertificatePKCS12)
			test.arrange(t, k)
			l := k.open(t)
			token := k.wantToken(t, l, DatabricksScope, k.app)
			for _, text := range formats(l, l.Identity(), l.Describe()) {
				if strings.Contains(text, password) || strings.Contains(text, k.certificate.Key.D.String()) ||
					strings.Contains(text, token.Value) {
					t.Errorf("a secret shows in %.200s", text)
				}
			}
		})
	}
}

func pfxOf(t testing.TB, c *certificate.Certificate, password string) string {
	t.Helper()
	pfx, err := pkcs12.Modern.Encode(c.Key, c.Leaf(), nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(pfx)
}

// rotated returns a certificate that is not registered on any application.
func rotated(t testing.TB) *certificate.Certificate {
	t.Helper()
	return newCertificate(t, time.Now().Add(-time.Minute), time.Now().AddDate(2, 0, 0))
}

func TestKeyVaultRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arrange   func(t *testing.T, k *kept)
		summary   string
		attribute string
		detail    []string
	}{
		"no such secret": {func(_ *testing.T, k *kept) { k.settings.KeyVault.CertificateName.Value = "sp-crt" },
			"Key Vault secret not found", "key_vault.certificate_name", []string{"Key Vault kv-ml.vault.azure.net " +
				"has no secret or certificate sp-crt", "SecretNotFound"}},
		"no such version": {func(_ *testing.T, k *kept) {
			k.settings.KeyVault.CertificateVersion = hcl("key_vault.certificate_version", strings.Repeat("ab", 16))
		}, "Key Vault secret not found", "key_vault.certificate_name", []string{"no version abab"}},
		"RBAC": {func(_ *testing.T, k *kept) { k.vault.Revoke(k.reader.ClientID) },
			"Key Vault refuses the read", "key_vault.auth",
			[]string{"kv-ml", "sp-cert", "the role \"Key Vault Secrets User\"", "ForbiddenByRbac", "a right to " +
				"certificates alone is not enough"}},
		"access policy": {func(_ *testing.T, k *kept) {
			k.vault.SetSwitches(emulator.VaultSwitches{AccessPolicies: true})
			k.vault.Revoke(k.reader.ClientID)
		}, "Key Vault refuses the read", "key_vault.auth", []string{"access policies", "secret permission get",
			"AccessDenied"}},
		"firewall": {func(_ *testing.T, k *kept) { k.vault.SetSwitches(emulator.VaultSwitches{Firewall: true}) },
			"Key Vault firewall blocks the read", "key_vault.vault_uri", []string{"network rules of Key Vault kv-ml"}},
		"no public network access": {func(_ *testing.T, k *kept) {
			k.Faults.Add(emulator.Fault{Service: "vault", Method: "GET", Path: "/secrets/**", Times: -1, Status: 403,
				Code: "Forbidden/ForbiddenByConnection", Message: "Public network access is disabled and request is " +
					"not from a trusted service nor via an approved private link."})
		}, "Key Vault firewall blocks the read", "key_vault.vault_uri",
			[]string{"An address in its firewall does not help", "where a private endpoint of the vault can be reached",
				"kv-ml"}},
		"disabled": {func(_ *testing.T, k *kept) { k.vault.SetEnabled("sp-cert", k.version, false) },
			"Key Vault secret is disabled", "key_vault.certificate_name", []string{"sp-cert", "Enable it"}},
		"the vault does not exist": {func(_ *testing.T, k *kept) { k.settings.KeyVault.VaultURI.Value = "https://kv-mi.vault.azure.net" },
			"Key Vault not found", "key_vault.vault_uri", []string{"kv-mi.vault.azure.net", "vault_uri"}},
		"unavailable": {func(_ *testing.T, k *kept) {
			k.Faults.Add(emulator.Fault{Service: "vault", Method: "GET", Path: "/secrets/**", Status: 503, Times: -1})
		}, "Key Vault is unavailable", "key_vault.certificate_name", []string{"status 503"}},
		"reader with a wrong secret": {func(_ *testing.T, k *kept) { k.environment[5] = "not-the-secret-0815" },
			"Key Vault identity cannot log in", "key_vault.auth", []string{"kv-ml", `auth = "environment"`,
				"AADSTS7000215", "AZURE_CLIENT_SECRET in the environment", "Correlation ID"}},
		"key that stays in the vault": {func(_ *testing.T, k *kept) {
			k.vault.ImportCertificate("sp-cert", nil, k.certificate.Leaf(), emulator.CertificatePKCS12)
		}, "Key Vault certificate has no exportable key", "key_vault.certificate_name", []string{"exportable"}},
		"PEM without a key": {func(_ *testing.T, k *kept) {
			k.vault.ImportCertificate("sp-cert", nil, k.certificate.Leaf(), emulator.CertificatePEM)
		}, "Key Vault certificate has no exportable key", "key_vault.certificate_name", nil},
		"not a bundle": {func(_ *testing.T, k *kept) {
			k.vault.SetSecret("sp-text", "s3cret-value-0815", "")
			k.settings.KeyVault.CertificateName.Value = "sp-text"
		}, "Client certificate is in an unknown format", "key_vault.certificate_name",
			[]string{"Certificate sp-text of Key Vault kv-ml"}},
		"wrong password": {func(t *testing.T, k *kept) {
			k.vault.SetSecret("sp-pfx", pfxOf(t, k.certificate, password), "")
			k.vault.SetSecret("sp-password", "wrong-password-77", "")
			k.settings.KeyVault.CertificateName.Value = "sp-pfx"
			k.settings.KeyVault.CertificatePasswordSecretName = hcl("key_vault.certificate_password_secret_name", "sp-password")
		}, "Client certificate password is wrong", "key_vault.certificate_password_secret_name",
			[]string{"with secret sp-password of that vault, nor with an empty password", "az keyvault secret " +
				"download --vault-name kv-ml --name sp-pfx --encoding base64 --file sp.pfx"}},
		"wrong password of a file": {func(t *testing.T, k *kept) {
			k.vault.SetSecret("sp-pfx", pfxOf(t, k.certificate, password), "")
			k.settings.KeyVault.CertificateName.Value = "sp-pfx"
			k.settings.CertificatePassword = Setting{Attribute: "client_certificate_password",
				Env: "ARM_CLIENT_CERTIFICATE_PASSWORD", Value: "wrong-password-77"}
		}, "Client certificate password is wrong", "client_certificate_password",
			[]string{"with ARM_CLIENT_CERTIFICATE_PASSWORD in the environment",
				"set key_vault.certificate_password_secret_name to the name of the secret"}},
		"no password": {func(t *testing.T, k *kept) {
			k.vault.SetSecret("sp-pfx", pfxOf(t, k.certificate, password), "")
			k.settings.KeyVault.CertificateName.Value = "sp-pfx"
		}, "Client certificate needs a password", "key_vault.certificate_name",
			[]string{"Set key_vault.certificate_password_secret_name"}},
		"expired certificate": {func(t *testing.T, k *kept) {
			c := newCertificate(t, time.Now().AddDate(-1, 0, 0), time.Now().Add(-time.Hour))
			k.version = k.vault.ImportCertificate("sp-cert", c.Key, c.Leaf(), emulator.CertificatePEM)
		}, "Client certificate expired", "key_vault.certificate_name", []string{"of sp-cert in Key Vault kv-ml"}},
		"rotated and not registered": {func(t *testing.T, k *kept) {
			c := rotated(t)
			k.version = k.vault.ImportCertificate("sp-cert", c.Key, c.Leaf(), emulator.CertificatePEM)
		}, "Client certificate is not registered", "key_vault.certificate_name", []string{"of sp-cert in Key Vault " +
			"kv-ml.vault.azure.net", "set key_vault.certificate_version to the registered version", "AADSTS700027"}},
		"id that is not a UUID": {func(_ *testing.T, k *kept) {
			k.vault.SetSecret("app-id", "my-app", "")
			k.settings.ClientID = Setting{}
			k.settings.KeyVault.ClientIDSecretName = hcl("key_vault.client_id_secret_name", "app-id")
		}, "Invalid client ID", "key_vault.client_id_secret_name", []string{"secret app-id in Key Vault kv-ml"}},
		"another thumbprint": {func(_ *testing.T, k *kept) {
			k.vault.SetSecret("thumb", strings.Repeat("a1", 20), "")
			k.settings.KeyVault.ThumbprintSecretName = hcl("key_vault.thumbprint_secret_name", "thumb")
		}, "Thumbprint mismatch", "key_vault.thumbprint_secret_name", nil},
		"secret's ID": {func(_ *testing.T, k *kept) {
			k.vault.SetSecret("sp-secret", testClient, "")
			k.settings.KeyVault.CertificateName = Setting{}
			k.settings.KeyVault.ClientSecretName = hcl("key_vault.client_secret_name", "sp-secret")
		}, "Client secret in Key Vault is an ID", "key_vault.client_secret_name", []string{"Use the Value"}},
		"wrong secret": {func(_ *testing.T, k *kept) {
			k.vault.SetSecret("sp-secret", "s3cret-value-0815", "")
			k.settings.KeyVault.CertificateName = Setting{}
			k.settings.KeyVault.ClientSecretName = hcl("key_vault.client_secret_name", "sp-secret")
		}, "Client secret is wrong", "key_vault.client_secret_name",
			[]string{"Key Vault: kv-ml.vault.azure.net, sp-secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKept(t, emulator.CertificatePKCS12)
			test.arrange(t, k)
			_, err := k.open(t).AccessToken(t.Context(), DatabricksScope)
			e := wantError(t, err, test.summary, test.detail...)
			if e.Attribute != test.attribute {
				t.Errorf("attribute is %q, want %q", e.Attribute, test.attribute)
			}
			if name == "rotated and not registered" && !strings.Contains(e.Detail, "version "+k.version) {
				t.Errorf("the version %s is not named: %s", k.version, e.Detail)
			}
			for _, text := range formats(e) {
				for _, secret := range []string{password, "wrong-password-77", "s3cret-value-0815", k.environment[5],
					"my-app"} {
					if strings.Contains(text, secret) {
						t.Errorf("%q shows in %s", secret, text)
					}
				}
			}
		})
	}
}

// TestKeyVaultChallengeMismatch checks that no token is sent to a vault that asks for a login to another service.
func TestKeyVaultChallengeMismatch(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{
		`Bearer authorization="https://login.microsoftonline.com/` + testTenant +
			`", resource="https://evil.example"`, `Negotiate`, "",
	} {
		k := newKept(t, emulator.CertificatePEM)
		o := k.options(k.environment...)
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Authorization") != "" {
				t.Error("a token was sent")
			}
			return &http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": {challenge}},
				Body: http.NoBody, Request: r}, nil
		})
		_, err := open(t, k.settings, o).AccessToken(t.Context(), DatabricksScope)
		if challenge == "" {
			wantError(t, err, "Key Vault does not accept the identity's token")
			continue
		}
		wantError(t, err, "No Key Vault at the vault's address", "no token was sent")
	}
}

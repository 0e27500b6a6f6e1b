package auth

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func certificateSettings(changes ...func(*Settings)) Settings {
	return with(application(), append([]func(*Settings){func(s *Settings) {
		s.CertificatePassword = Setting{Attribute: "client_certificate_password"}
	}}, changes...)...)
}

func byPath(path string) func(*Settings) {
	return func(s *Settings) { s.CertificatePath = hcl("client_certificate_path", path) }
}

func inline(value string) func(*Settings) {
	return func(s *Settings) { s.Certificate = hcl("client_certificate", value) }
}

func withPassword(value string) func(*Settings) {
	return func(s *Settings) { s.CertificatePassword.Value = value }
}

func TestOpenCertificate(t *testing.T) {
	pfx := testFile(t, "modern.pfx")
	std := base64.StdEncoding.EncodeToString(pfx)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	if err := os.WriteFile(filepath.Join(home, "sp.anything"), pfx, 0o600); err != nil {
		t.Fatal(err)
	}
	path := write(t, "sp.pfx", pfx)
	for name, change := range map[string]func(*Settings){
		"path":                     byPath(path),
		"home":                     byPath("~/sp.anything"),
		"PEM text":                 inline(string(testFile(t, "encrypted-aes.pem"))),
		"base64":                   inline(std),
		"base64 in lines":          inline(std[:76] + "\n  " + std[76:] + "\n"),
		"base64 without padding":   inline(strings.TrimRight(std, "=")),
		"base64url":                inline(base64.RawURLEncoding.EncodeToString(pfx)),
		"base64 PEM":               inline(base64.StdEncoding.EncodeToString(testFile(t, "encrypted-aes.pem"))),
		"both, the same":           func(s *Settings) { byPath(path)(s); inline(std)(s) },
		"other in the environment": func(s *Settings) { byPath(path)(s); envInline(s) },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Open(certificateSettings(change, withPassword(password)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c := l.Identity().Certificate; l.Kind != KindCertificate || c == nil ||
				c.Subject != "CN=sp-test,O=Contoso" {
				t.Errorf("opened %v", l)
			}
			if l.Identity().Authority != "https://login.microsoftonline.com/"+testTenant {
				t.Errorf("authority is %q", l.Identity().Authority)
			}
			if len(l.Warnings) != 0 {
				t.Errorf("warnings: %+v", l.Warnings)
			}
			for _, text := range formats(l, l.Identity(), l.Describe()) {
				if strings.Contains(text, password) || strings.Contains(text, l.Identity().Certificate.Key.D.String()) {
					t.Errorf("a secret shows in %.200s", text)
				}
			}
		})
	}
}

func TestOpenCertificateRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pem := string(testFile(t, "pkcs8.pem"))
	path := write(t, "sp.pfx", testFile(t, "modern.pfx"))
	pemPath := write(t, "sp.pem", []byte(pem))
	for name, test := range map[string]struct {
		settings  Settings
		summary   string
		attribute string
		detail    []string
	}{
		"missing":           {certificateSettings(byPath(dir + "/none.pfx")), "Client certificate file not found", "client_certificate_path", []string{dir + "/none.pfx"}},
		"missing, relative": {certificateSettings(byPath("none.pfx")), "Client certificate file not found", "client_certificate_path", []string{"${path.module}/none.pfx"}},
		"directory":         {certificateSettings(byPath(dir)), "Client certificate path is a directory", "client_certificate_path", []string{dir}},
		"empty":             {certificateSettings(byPath(write(t, "e", nil))), "Client certificate file is empty", "client_certificate_path", nil},
		"too large":         {certificateSettings(byPath(write(t, "l", make([]byte, 1<<20+1)))), "Client certificate file is too large", "client_certificate_path", []string{"1 MiB"}},
		"certificate as path": {certificateSettings(byPath(pem)), "Client certificate path is not a path", "client_certificate_path",
			[]string{"client_certificate."}},
		"base64 as path": {certificateSettings(byPath(base64.StdEncoding.EncodeToString(testFile(t, "modern.pfx")))), "Client certificate path is not a path", "client_certificate_path", nil},
		"wrong password": {certificateSettings(byPath(path), withPassword("wrong-password-77")), "Client certificate password is wrong", "client_certificate_password",
			[]string{"(from client_certificate_path) cannot be decrypted with client_certificate_password, nor " +
				"with an empty password", "openssl pkcs12 -info -noout -in " + path}},
		"no password": {certificateSettings(byPath(path)), "Client certificate needs a password", "client_certificate_path", []string{"Set client_certificate_password"}},
		"no password, by variable": {certificateSettings(func(s *Settings) {
			s.CertificatePath = env("client_certificate_path", "ARM_CLIENT_CERTIFICATE_PATH", path)
		}), "Client certificate needs a password", "client_certificate_path",
			[]string{"(from ARM_CLIENT_CERTIFICATE_PATH in the environment)", "Set ARM_CLIENT_CERTIFICATE_PASSWORD"}},
		"wrong password, by variable": {certificateSettings(func(s *Settings) {
			s.CertificatePath = env("client_certificate_path", "ARM_CLIENT_CERTIFICATE_PATH", path)
			s.CertificatePassword = env("client_certificate_password", "ARM_CLIENT_CERTIFICATE_PASSWORD",
				"wrong-password-77")
		}), "Client certificate password is wrong", "client_certificate_password",
			[]string{"with ARM_CLIENT_CERTIFICATE_PASSWORD in the environment"}},
		"path as certificate, by variable": {certificateSettings(func(s *Settings) {
			s.Certificate = env("client_certificate", "ARM_CLIENT_CERTIFICATE", "/secrets/sp")
		}), "Client certificate is a path", "client_certificate", []string{"The value of ARM_CLIENT_CERTIFICATE in " +
			"the environment", "Set the path in ARM_CLIENT_CERTIFICATE_PATH"}},
		"variable as path": {certificateSettings(byPath("$(pfxPath)")), "Client certificate path is a variable that was not replaced", "client_certificate_path", []string{"$(…)"}},
		"path as certificate": {certificateSettings(inline("certs/sp.pfx")), "Client certificate is a path", "client_certificate",
			[]string{"client_certificate_path"}},
		"not base64": {certificateSettings(inline("!!" + pem[40:400])), "Client certificate is not base64", "client_certificate", []string{"neither PEM text nor valid base64"}},
		"two that differ": {certificateSettings(byPath(pemPath), inline(string(testFile(t, "chain.pem")))), "Two different client certificates", "client_certificate",
			[]string{"client_certificate and client_certificate_path"}},
		"thumbprint mismatch": {certificateSettings(byPath(pemPath), func(s *Settings) {
			s.CertificateThumbprint = hcl("client_certificate_thumbprint", strings.Repeat("a1", 20))
		}), "Thumbprint mismatch", "client_certificate_thumbprint", []string{"The expected thumbprint is A1A1",
			"SHA-1", "SHA-256"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(test.settings, Options{})
			e := wantError(t, err, test.summary, test.detail...)
			if e.Attribute != test.attribute {
				t.Errorf("attribute is %q, want %q", e.Attribute, test.attribute)
			}
			checkNoLeak(t, e.Error(), []byte(pem), test.settings.CertificatePassword.Value)
			checkNoLeak(t, e.Error(), testFile(t, "modern.pfx"), "")
		})
	}
}

func TestOpenCertificateThumbprint(t *testing.T) {
	t.Parallel()
	c, _, err := certificate.Parse(testFile(t, "pkcs8.pem"), "", certificate.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, "sp.pem", testFile(t, "pkcs8.pem"))
	for _, thumbprint := range []string{c.ThumbprintSHA1, strings.ToLower(c.ThumbprintSHA256), "\u200e" +
		c.ThumbprintSHA1[:20] + " " + c.ThumbprintSHA1[20:]} {
		if _, err := Open(certificateSettings(byPath(path), func(s *Settings) {
			s.CertificateThumbprint = hcl("client_certificate_thumbprint", thumbprint)
		}), Options{}); err != nil {
			t.Errorf("%q: %v", thumbprint, err)
		}
	}
}

func TestOpenCertificateDates(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	c := newCertificate(t, until.AddDate(-1, 0, 0), until)
	settings := certificateSettings(byPath(write(t, "sp.pem", pemOf(t, c))))
	at := func(now time.Time) Options { return Options{Now: func() time.Time { return now }} }

	_, err := Open(settings, at(until.AddDate(0, 0, 20)))
	if e := wantError(t, err, "Client certificate expired", "20 days ago",
		c.ThumbprintSHA1); e.Attribute != "client_certificate_path" {
		t.Errorf("attribute is %q", e.Attribute)
	}
	_, err = Open(settings, at(until.AddDate(-2, 0, 0)))
	wantError(t, err, "Client certificate is not yet valid", "clock")

	l, err := Open(settings, at(until.AddDate(0, 0, -10)))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Warnings) != 1 || l.Warnings[0].Attribute != "client_certificate_path" ||
		!strings.Contains(l.Warnings[0].Detail, "in 10 days") {
		t.Errorf("warnings: %+v", l.Warnings)
	}
	d := l.Describe()
	for key, want := range map[string]any{
		"kind": "certificate", "source": "client_certificate_path", "tenant_id": testTenant, "client_id": testClient,
		"certificate_subject": "CN=made", "certificate_thumbprint_sha1": c.ThumbprintSHA1,
		"certificate_thumbprint_sha256": c.ThumbprintSHA256, "certificate_not_after": "2026-11-01T00:00:00Z",
	} {
		if d[key] != want {
			t.Errorf("%s is described as %v, want %v", key, d[key], want)
		}
	}
}

func testFileAt(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeAt(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

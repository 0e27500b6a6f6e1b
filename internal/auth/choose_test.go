package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const (
	testTenant = "11111111-2222-3333-4444-555555555555"
	testClient = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
)

func hcl(attribute, value string) Setting { return Setting{Value: value, Attribute: attribute} }
func env(attribute, name, value string) Setting {
	return Setting{Value: value, Attribute: attribute, Env: name}
}

// application are settings with ids and no credential.
func application() Settings {
	return Settings{TenantID: hcl("tenant_id", testTenant), ClientID: hcl("client_id", testClient)}
}

func with(s Settings, changes ...func(*Settings)) Settings {
	for _, change := range changes {
		change(&s)
	}
	return s
}

var (
	hclPath   = func(s *Settings) { s.CertificatePath = hcl("client_certificate_path", "/x/sp.pfx") }
	hclSecret = func(s *Settings) { s.ClientSecret = hcl("client_secret", "s3cret-value-0815") }
	hclToken  = func(s *Settings) { s.Token = hcl("token", "dapi-0123456789") }
	envPath   = func(s *Settings) {
		s.CertificatePath = env("client_certificate_path", "ARM_CLIENT_CERTIFICATE_PATH", "/env/sp.pfx")
	}
	envInline = func(s *Settings) {
		s.Certificate = env("client_certificate", "ARM_CLIENT_CERTIFICATE", "TUlJ")
	}
	envSecret = func(s *Settings) { s.ClientSecret = env("client_secret", "ARM_CLIENT_SECRET", "s3cret-from-env") }
	envToken  = func(s *Settings) { s.Token = env("token", "DATABRICKS_TOKEN", "dapi-from-env") }
	noIDs     = func(s *Settings) { s.TenantID, s.ClientID = Setting{Attribute: "tenant_id"}, Setting{} }
)

func TestChoose(t *testing.T) {
	t.Parallel()
	type changes []func(*Settings)
	for name, test := range map[string]struct {
		changes changes
		kind    Kind
		ignored string
	}{
		"path":                            {changes{hclPath}, KindCertificate, "[]"},
		"secret":                          {changes{hclSecret}, KindClientSecret, "[]"},
		"token needs no ids":              {changes{hclToken, noIDs}, KindToken, "[]"},
		"environment: certificate first":  {changes{envPath, envSecret, envToken}, KindCertificate, "[]"},
		"environment: inline certificate": {changes{envInline, envSecret}, KindCertificate, "[]"},
		"environment: secret second":      {changes{envSecret, envToken}, KindClientSecret, "[]"},
		"environment: token last":         {changes{envToken}, KindToken, "[]"},
		"configuration beats environment": {changes{hclToken, envPath, envSecret}, KindToken, "[ARM_CLIENT_CERTIFICATE_PATH in the environment ARM_CLIENT_SECRET in the environment]"},
		"secret over certificate":         {changes{hclSecret, envInline}, KindClientSecret, "[ARM_CLIENT_CERTIFICATE in the environment]"},
		"inline of the environment":       {changes{hclPath, envInline}, KindCertificate, "[ARM_CLIENT_CERTIFICATE in the environment]"},
		"blank is not set":                {changes{hclSecret, func(s *Settings) { s.Token = hcl("token", " \n") }}, KindClientSecret, "[]"},
		"password of the environment": {changes{hclSecret, func(s *Settings) {
			s.CertificatePassword = env("client_certificate_password", "ARM_CLIENT_CERTIFICATE_PASSWORD", "x")
		}}, KindClientSecret, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			choice, err := with(application(), test.changes...).Choose()
			if err != nil {
				t.Fatal(err)
			}
			if choice.Kind != test.kind {
				t.Errorf("kind is %q, want %q", choice.Kind, test.kind)
			}
			if got := fmt.Sprint(choice.Ignored); got != test.ignored {
				t.Errorf("ignored are %s, want %s", got, test.ignored)
			}
		})
	}
}

func TestChooseRefuses(t *testing.T) {
	t.Parallel()
	type changes []func(*Settings)
	for name, test := range map[string]struct {
		changes   changes
		summary   string
		attribute string
		detail    []string
	}{
		"certificate and secret": {changes{hclPath, hclSecret}, "Conflicting Azure credentials", "client_secret",
			[]string{"client_certificate_path and client_secret are both set", "keep one"}},
		"secret and token": {changes{hclSecret, hclToken}, "Conflicting Azure credentials", "token",
			[]string{"client_secret and token"}},
		"nothing": {changes{noIDs}, "Missing Azure credentials", "",
			[]string{"client_certificate_path", "ARM_CLIENT_CERTIFICATE_PATH", "client_secret", "ARM_CLIENT_SECRET", "token", "DATABRICKS_TOKEN", "tenant_id no", "certificate no", "secret no", "token no"}},
		"ids only": {changes{func(s *Settings) { s.TenantID = env("tenant_id", "ARM_TENANT_ID", testTenant) }}, "Missing Azure credentials", "",
			[]string{"tenant_id yes (ARM_TENANT_ID in the environment)", "client_id yes (client_id)"}},
		"no ids": {changes{hclSecret, noIDs}, "Incomplete Azure login", "tenant_id",
			[]string{"tenant_id and client_id are not", "ARM_TENANT_ID", "ARM_CLIENT_ID"}},
		"no client id": {changes{envSecret, func(s *Settings) { s.ClientID = Setting{Attribute: "owner.application_id"} }}, "Incomplete Azure login", "owner.application_id",
			[]string{"ARM_CLIENT_SECRET in the environment", "owner.application_id is not"}},
		"password without certificate": {changes{hclSecret, func(s *Settings) { s.CertificatePassword = hcl("client_certificate_password", password) }},
			"Certificate setting without a certificate", "client_certificate_password", []string{"client_certificate_path"}},
		"thumbprint without anything": {changes{func(s *Settings) { s.CertificateThumbprint = hcl("client_certificate_thumbprint", "AA") }},
			"Certificate setting without a certificate", "client_certificate_thumbprint", nil},
		"common": {changes{hclSecret, func(s *Settings) { s.TenantID.Value = "Common" }}, "Invalid tenant ID", "tenant_id",
			[]string{"“common” stands for many"}},
		"tenant of the environment": {changes{hclSecret, func(s *Settings) { s.TenantID = env("tenant_id", "ARM_TENANT_ID", "my tenant") }}, "Invalid tenant ID", "tenant_id",
			[]string{"ARM_TENANT_ID in the environment"}},
		"object path": {changes{hclSecret, func(s *Settings) { s.ClientID.Value = "/applications/" + testClient }}, "Invalid client ID", "client_id",
			[]string{"use .client_id"}},
		"name for an id": {changes{hclSecret, func(s *Settings) { s.ClientID.Value = "my-app" }}, "Invalid client ID", "client_id",
			[]string{"is a UUID, not a name"}},
		"http authority": {changes{hclSecret, func(s *Settings) { s.AuthorityHost = hcl("authority_host", "http://login.example.com") }}, "Invalid authority host", "authority_host",
			[]string{"must be https"}},
		"thumbprint": {changes{hclPath, func(s *Settings) { s.CertificateThumbprint = hcl("client_certificate_thumbprint", "A1B2") }}, "Invalid certificate thumbprint", "client_certificate_thumbprint",
			[]string{"40 hexadecimal digits"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := with(application(), test.changes...)
			_, err := s.Choose()
			e := wantError(t, err, test.summary, test.detail...)
			if e.Attribute != test.attribute {
				t.Errorf("attribute is %q, want %q", e.Attribute, test.attribute)
			}
			for _, text := range append(formats(err), formats(s)...) {
				for _, secret := range []string{s.ClientSecret.Value, s.Token.Value, s.CertificatePassword.Value} {
					if len(secret) > 5 && strings.Contains(text, secret) {
						t.Errorf("a secret shows in %s", text)
					}
				}
			}
			if _, openErr := Open(s, Options{}); openErr == nil || openErr.Error() != err.Error() {
				t.Errorf("Open says %v where Choose says %v", openErr, err)
			}
		})
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	const mark = "\u200e"
	sha1Hex := strings.Repeat("aB", 20)
	for name, test := range map[string]struct {
		check     func(string) error
		good, bad []string
	}{
		"tenant": {CheckTenantID,
			[]string{testTenant, strings.ToUpper(testTenant), "contoso.onmicrosoft.com", "contoso.com", testTenant + "\n"},
			[]string{"common", "organizations", "Consumers", "contoso", "contoso..com", "https://contoso.com", "a b.com", "", testTenant + "/x", "../" + testTenant, "1.2.3.4"}},
		"client": {CheckClientID,
			[]string{testClient, strings.ToUpper(testClient), " " + testClient},
			[]string{"", "my-app", "{" + testClient + "}", "/applications/" + testClient, testClient + "0", strings.ReplaceAll(testClient, "-", "")}},
		"thumbprint": {CheckThumbprint,
			[]string{sha1Hex, sha1Hex + sha1Hex[:24], mark + sha1Hex, "SHA1 Fingerprint=" + strings.Repeat("AB:", 19) + "AB", "ab cd " + sha1Hex[:36]},
			[]string{"", sha1Hex[1:], strings.Repeat("g", 40), sha1Hex + "00"}},
		"authority": {CheckAuthorityHost,
			[]string{"https://login.microsoftonline.us", "https://login.example.com/", "login.example.com", "https://127.0.0.1:8443", "https://[::1]:8443", "HTTPS://login.example.com"},
			[]string{"http://login.example.com", "ftp://login.example.com", "https://", "https://a b", "https://login.example.com/tenant", "https://user:pw123456@login.example.com", "https://login.example.com?x=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, value := range test.good {
				if err := test.check(value); err != nil {
					t.Errorf("%q is refused: %v", value, err)
				}
			}
			for _, value := range test.bad {
				err := test.check(value)
				if err == nil {
					t.Errorf("%q is accepted", value)
					continue
				}
				if e, ok := errors.AsType[*Error](err); !ok || e.Attribute != "" || e.Detail == "" {
					t.Errorf("%q: error is %#v", value, err)
				}
			}
		})
	}
}

func TestSettingFormatsAsSource(t *testing.T) {
	t.Parallel()
	secret := "s3cret-value-0815"
	s := with(application(), hclSecret, envToken)
	settings, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	token := Token{Value: secret}
	tokens, err := json.Marshal(map[string]any{"token": token, "pointer": &token})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "settings", s, "setting", s.ClientSecret, "token", token)
	texts := append(formats(s, &s, s.ClientSecret, &s.ClientSecret, token, &token), string(settings), string(tokens), log.String())
	for _, text := range texts {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) || strings.Contains(text, "dapi-from-env") {
			t.Errorf("a secret shows in %s", text)
		}
	}
	if got := fmt.Sprint(s.Token); got != "DATABRICKS_TOKEN in the environment" {
		t.Errorf("a setting formats as %q", got)
	}
}

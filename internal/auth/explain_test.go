package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

const (
	correlation = "6f1c8d3e-0000-4a4a-9b9b-121212121212"
	secretValue = "s3cret-value-0815"
)

// refusedBy returns the error that MSAL returns for an error response of Entra ID.
func refusedBy(status int, code int, name, text string, header http.Header) error {
	body, err := json.Marshal(map[string]any{
		"error":             name,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: aaaa Correlation ID: %s Timestamp: 2026-11-21 10:00:00Z", code, text, correlation),
		"error_codes":       []int{code},
		"timestamp":         "2026-11-21 10:00:00Z",
		"trace_id":          "aaaa",
		"correlation_id":    correlation,
	})
	if err != nil {
		panic(err)
	}
	return msalError(status, string(body), header)
}

func msalError(status int, body string, header http.Header) error {
	request, err := http.NewRequest(http.MethodPost, "https://login.microsoftonline.com/t/oauth2/v2.0/token",
		strings.NewReader("client_secret="+secretValue))
	if err != nil {
		panic(err)
	}
	if header == nil {
		header = http.Header{}
	}
	return fmt.Errorf("unable to get a token: %w", msal.CallErr{
		Req:  request,
		Resp: &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))},
		Err:  errors.New("http call failed: " + body),
	})
}

func secretExplainer(t testing.TB) explainer {
	t.Helper()
	web.Conceal(secretValue)
	return explainer{
		kind:   KindClientSecret,
		source: "ARM_CLIENT_SECRET in the environment",
		identity: Identity{TenantID: testTenant, ClientID: testClient,
			Authority: "https://login.microsoftonline.com/" + testTenant},
		cloud:         clouds[0],
		credential:    "client_secret",
		tenant:        "tenant_id",
		client:        "client_id",
		authorityHost: "authority_host",
		now:           func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) },
	}
}

func certificateExplainer(t testing.TB) explainer {
	t.Helper()
	e := secretExplainer(t)
	e.kind, e.source = KindCertificate, "client_certificate_path"
	e.identity.Certificate = newCertificate(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	e.credential = "client_certificate_path"
	return e
}

func federatedExplainer(t testing.TB) explainer {
	t.Helper()
	e := secretExplainer(t)
	e.kind, e.source, e.credential = KindOIDC, "oidc_token", "oidc_token"
	e.federated = func() *federatedClaims {
		return &federatedClaims{audience: "api://a", issuer: "https://i", subject: "s:t",
			expires: "2026-11-21T10:05:00Z"}
	}
	return e
}

func vaultExplainer(t testing.TB) explainer {
	t.Helper()
	e := certificateExplainer(t)
	e.kind, e.source, e.credential = KindKeyVault, "key_vault.certificate_name", "key_vault.certificate_name"
	e.vault = &vaultFacts{host: "kv-ml.vault.azure.net", name: "sp-cert", version: "0123456789abcdef0123456789abcdef"}
	return e
}

func TestExplainRefusals(t *testing.T) {
	t.Parallel()
	c := certificateExplainer(t)
	sums := []string{c.identity.Certificate.ThumbprintSHA1, c.identity.Certificate.ThumbprintSHA256, "2027-01-01"}
	federated, vaulted := federatedExplainer(t), vaultExplainer(t)
	claims := []string{"audience (aud) api://a, issuer (iss) https://i, subject (sub) s:t"}
	seen := map[string]int{}
	for _, test := range []struct {
		code      int
		text      string
		explainer explainer
		scope     string
		summary   string
		attribute string
		detail    []string
	}{
		{90002, "Tenant 'x' not found.", c, "", "Tenant not found", "tenant_id", []string{testTenant, "login.microsoftonline.com", "Azure public cloud. For another cloud, set environment"}},
		{900023, "Specified tenant identifier.", c, "", "Tenant name is malformed", "tenant_id", []string{testTenant}},
		{700016, "Application was not found.", c, "", "Application not found in the tenant", "client_id", []string{testClient, "not the object ID", "home tenant"}},
		{70001, "x", c, "", "Application not found in the tenant", "client_id", nil},
		{700011, "x", c, "", "Application not found in the tenant", "client_id", nil},
		{7000229, "The client application is missing service principal.", c, "", "Application has no service principal", "client_id", []string{"az ad sp create --id " + testClient}},
		{7000112, "Application is disabled.", c, "", "Application is disabled", "client_id", []string{"Enterprise applications"}},
		{7000215, "Invalid client secret provided.", secretExplainer(t), "", "Client secret is wrong", "client_secret", []string{"Value, not its Secret ID", "ARM_CLIENT_SECRET in the environment"}},
		{7000222, "The provided client secret keys are expired.", secretExplainer(t), "", "Client secret has expired", "client_secret", []string{"client certificate"}},
		{700027, "[Reason - The key was not found., Thumbprint of key used by client: 'AA']", c, "", "Client certificate is not registered", "client_certificate_path", append(sums, "client_certificate_send_chain", "upload the certificate without its private key")},
		{700027, "Client assertion contains an invalid signature. [Reason - The key used is expired.]", c, "", "Registered client certificate has expired", "client_certificate_path", sums},
		{700027, "Client assertion contains an invalid signature.", c, "", "Client certificate signature is refused", "client_certificate_path", []string{"does not belong to the certificate that is registered"}},
		{50012, "x", c, "", "Client assertion is refused", "client_certificate_path", []string{"report"}},
		{50027, "x", c, "", "Client assertion is refused", "client_certificate_path", nil},
		{700024, "Client assertion is not within its valid time range.", c, "", "Client assertion has expired or is " +
			"not yet valid", "client_certificate_path", []string{"20m0s behind"}},
		{700030, "x", c, "", "Client certificate subject is not trusted", "client_certificate_path", []string{"client_certificate_send_chain = true"}},
		{7000218, "x", c, "", "Application accepts no credential", "client_id", []string{"public client"}},
		{700025, "x", c, "", "Application accepts no credential", "client_id", nil},
		{500011, "x", c, DatabricksScope, "Resource not found in the tenant", "tenant_id", []string{"Azure Databricks", "Check tenant_id and environment"}},
		{500011, "x", c, managementScope, "Resource not found in the tenant", "tenant_id", []string{managementScope, "another cloud", "Check environment"}},
		{70011, "x", c, managementScope, "Scope is refused", "", []string{"report"}},
		{50049, "x", c, "", "Login host is unknown to Microsoft", "tenant_id", []string{"authority_host"}},
		{90038, "x", c, "", "Tenant not found", "tenant_id", nil},
		{700022, "x", c, managementScope, "Scope is refused", "", nil},
		{530032, "x", c, "", "Conditional Access blocks the login", "", nil},
		{53003, "x", c, "", "Conditional Access blocks the login", "", []string{"administrator"}},
		{530035, "x", c, "", "Conditional Access blocks the login", "", nil},
		{700027, "[Reason - The key was not found.]", vaulted, "", "Client certificate is not registered", "key_vault.certificate_name",
			append(sums[2:], "version 0123456789abcdef0123456789abcdef of sp-cert in Key Vault kv-ml.vault.azure.net",
				"set key_vault.certificate_version to the registered version")},
		{700211, "x", federated, "", "OIDC issuer is not trusted", "oidc_token", claims},
		{700212, "x", federated, "", "OIDC audience does not match", "oidc_token", append(claims, "Azure public cloud the audience must be api://AzureADTokenExchange")},
		{700213, "x", federated, "", "OIDC subject does not match", "oidc_token", append(claims, "exactly this subject")},
		{70021, "x", federated, "", "No federated credential matches", "oidc_token", claims},
		{70025, "x", federated, "", "No federated credential matches", "oidc_token", claims},
		{700024, "x", federated, "", "Client assertion has expired or is not yet valid", "oidc_token", append(claims, "GitHub 5, Azure DevOps 10")},
		{50013, "x", federated, "", "Client assertion is refused", "oidc_token", claims},
		{90061, "x", federated, "", "OIDC issuer cannot be reached", "", claims},
		{12345678, "Something new.", c, "", "Microsoft Entra ID refused the login", "", []string{"status 400 (invalid_client)", "Something new."}},
	} {
		t.Run(fmt.Sprint(test.code, test.text), func(t *testing.T) {
			header := http.Header{"Date": {"Sat, 21 Nov 2026 10:20:00 GMT"}}
			f := inspect(refusedBy(400, test.code, "invalid_client", test.text, header), false)
			if f.transient {
				t.Error("is taken for transient")
			}
			e := wantError(t, test.explainer.failure(f, test.scope), test.summary, test.detail...)
			if e.Attribute != test.attribute || e.Code != test.code || e.CorrelationID != correlation {
				t.Errorf("attribute %q, code %d, correlation id %q", e.Attribute, e.Code, e.CorrelationID)
			}
			for _, fact := range []string{
				fmt.Sprintf("AADSTS%d: ", test.code), "Correlation ID: " +
					correlation, "Timestamp: 2026-11-21 10:00:00Z",
				"Tenant: " + testTenant, "Client ID: " + testClient, "Authority: https://login.microsoftonline.com/" +
					testTenant, "Method: " + string(test.explainer.kind),
			} {
				if strings.Count(e.Detail, fact) != 1 {
					t.Errorf("the detail has %q %d times:\n%s", fact, strings.Count(e.Detail, fact), e.Detail)
				}
			}
			if strings.HasPrefix(e.Detail, "Microsoft Entra ID said") || strings.HasPrefix(e.Detail, "AADSTS") {
				t.Errorf("the hint is not first:\n%s", e.Detail)
			}
			for _, text := range formats(e) {
				if strings.Contains(text, secretValue) {
					t.Errorf("the secret shows in %s", text)
				}
			}
			seen[e.Summary]++
		})
	}
	for _, r := range refusals {
		if seen[r.summary] == 0 {
			t.Errorf("no case for %q", r.summary)
		}
		if hint := vaulted.fill(r.hint, failure{}, "scope"); strings.ContainsAny(hint, "{}") {
			t.Errorf("an unknown placeholder in %q", hint)
		}
	}
}

func TestExplainTransient(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"90055 throttled":      refusedBy(400, 90055, "temporarily_unavailable", "x", nil),
		"429":                  msalError(429, "", nil),
		"503 with a page":      msalError(503, "<html>busy</html>", nil),
		"90033 with a 400":     refusedBy(400, 90033, "temporarily_unavailable", "A transient error has occurred.", nil),
		"90006":                refusedBy(400, 90006, "server_error", "x", nil),
		"50000":                refusedBy(400, 50000, "server_error", "x", nil),
		"code in the text":     msalError(400, `{"error":"server_error","error_description":"AADSTS90024: x"}`, nil),
		"408 of a slow caller": msalError(408, "", nil),
	} {
		f := inspect(err, false)
		if !f.transient {
			t.Errorf("%s is taken for final", name)
		}
		f.tries, f.spent = 4, 5*time.Minute
		e := wantError(t, secretExplainer(t).failure(f, DatabricksScope), "Microsoft Entra ID is unavailable",
			"4 attempts in 5m0s")
		if strings.Contains(e.Detail, "<html>") {
			t.Errorf("%s: the page is shown: %s", name, e.Detail)
		}
	}
}

func TestExplainQuotesNoSecret(t *testing.T) {
	t.Parallel()
	jwt := "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
	f := inspect(refusedBy(401, 7000215, "invalid_client", "You sent "+secretValue+" and "+jwt+".", nil), false)
	e := secretExplainer(t).failure(f, DatabricksScope)
	if strings.Contains(e.Detail, secretValue) || strings.Contains(e.Detail, jwt) ||
		!strings.Contains(e.Detail, "(hidden)") {
		t.Errorf("the service's quotation is kept: %s", e.Detail)
	}
}

func TestExplainOtherAnswers(t *testing.T) {
	t.Parallel()
	x := secretExplainer(t)
	e := wantError(t, x.failure(inspect(msalError(403, "<html>Blocked by policy</html>", nil), false), DatabricksScope),
		"Microsoft Entra ID refused the login", "status 403", "proxy")
	if strings.Contains(e.Detail, "Blocked") {
		t.Errorf("a foreign page is shown: %s", e.Detail)
	}

	// MSAL's error for a response that is not JSON contains the response, which may be a token.
	broken := fmt.Errorf("x: %w", msal.InvalidJsonErr{Err: errors.New("json message bytes were: " + secretValue)})
	e = wantError(t, x.failure(inspect(broken, false), DatabricksScope), "Cannot get a token from Microsoft Entra ID",
		"openid-configuration")
	if strings.Contains(fmt.Sprintf("%+v %v", e, e.Unwrap()), secretValue) {
		t.Errorf("the answer is shown: %v", e)
	}

	// The URL of a proxy may contain a password.
	proxy := &url.Error{Op: "Post", URL: "https://user:pr0xy-pass-0815@proxy", Err: errors.New("proxy says no")}
	e = wantError(t, x.failure(inspect(fmt.Errorf("server response error:\n %w", proxy), true), DatabricksScope),
		"Login host does not answer", "proxy says no")
	if strings.Contains(e.Detail, "pr0xy-pass-0815") {
		t.Errorf("the proxy's password is shown: %s", e.Detail)
	}

	last := inspect(msalError(503, "", nil), true)
	e = x.interrupted(context.DeadlineExceeded, &last)
	wantError(t, e, "Login was interrupted", "ran out of time", "status 503")
	if !errors.Is(e, context.DeadlineExceeded) {
		t.Error("the cause is lost")
	}
}

// TestExplainLive checks the errors for error responses that the emulated Entra ID sends.
func TestExplainLive(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arrange func(d *directory, app *emulator.App, s *Settings)
		summary string
	}{
		"tenant":   {func(_ *directory, _ *emulator.App, s *Settings) { s.TenantID.Value = testTenant }, "Tenant not found"},
		"client":   {func(_ *directory, _ *emulator.App, s *Settings) { s.ClientID.Value = testClient }, "Application not found in the tenant"},
		"disabled": {func(_ *directory, app *emulator.App, _ *Settings) { app.SetDisabled(true) }, "Application is disabled"},
		"expired":  {func(d *directory, _ *emulator.App, _ *Settings) { d.Clock.Advance(2 * time.Hour) }, "Client secret has expired"},
		"unregistered certificate": {func(_ *directory, _ *emulator.App, s *Settings) {
			c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
			s.ClientSecret, s.Certificate = Setting{}, hcl("owner.client_certificate_wo", string(pemOf(t, c)))
		}, "Client certificate is not registered"},
		"registered under another key": {func(_ *directory, app *emulator.App, s *Settings) {
			app.AddCertificate(newCertificate(t, time.Now().AddDate(-1, 0, 0), time.Now().Add(-time.Hour)).Leaf())
			c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
			s.ClientSecret, s.Certificate = Setting{}, hcl("owner.client_certificate_wo", string(pemOf(t, c)))
		}, "Client certificate is not registered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(t)
			app := d.RegisterApp("sp")
			s := d.secretSettings(app, app.AddSecret(time.Hour))
			test.arrange(d, app, &s)
			_, err := d.open(t, s, d.options()).AccessToken(t.Context(), DatabricksScope)
			e := wantError(t, err, test.summary, "Microsoft Entra ID said: AADSTS", "Correlation ID: ")
			if s.Certificate.IsSet() && e.Attribute != "owner.client_certificate_wo" {
				t.Errorf("attribute is %q", e.Attribute)
			}
			if n := d.tokenRequests(); n > 1 {
				t.Errorf("%d token requests; a refusal is final", n)
			}
		})
	}
}

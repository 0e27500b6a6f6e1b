package emulator

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

const databricksScope = DatabricksResource + "/.default"

type keyPair struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func newKeyPair(notBefore, notAfter time.Duration) keyPair {
	now := time.Now()
	cert, key, err := issuing().IssueClientCertificate("test", now.Add(notBefore), now.Add(notAfter))
	if err != nil {
		panic(err)
	}
	return keyPair{cert, key}
}

// These values are shared by all tests, because generating RSA keys takes long and no test changes them.
var (
	issuing     = sync.OnceValue(func() *Tenant { return NewTenant(TenantOptions{}) })
	goodPair    = sync.OnceValue(func() keyPair { return newKeyPair(-time.Hour, time.Hour) })
	otherPair   = sync.OnceValue(func() keyPair { return newKeyPair(-time.Hour, time.Hour) })
	expiredPair = sync.OnceValue(func() keyPair { return newKeyPair(-2*time.Hour, -time.Hour) })
	futurePair  = sync.OnceValue(func() keyPair { return newKeyPair(time.Hour, 2*time.Hour) })
)

// trusting returns a client that trusts the tenant's servers. It does not reuse connections, because net/http would
// repeat a request whose reused connection was closed.
func trusting(t *Tenant) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: t.CAPool()},
		DisableKeepAlives: true,
	}}
}

func serveForTest(t *testing.T, tenant *Tenant) *Server {
	t.Helper()
	server, err := Serve(tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func msalLogin(
	t *testing.T, tenant *Tenant, authority, clientID string, credential confidential.Credential, scope string,
) (confidential.AuthResult, error) {
	t.Helper()
	client, err := confidential.New(authority, clientID, credential,
		confidential.WithInstanceDiscovery(false), confidential.WithHTTPClient(trusting(tenant)))
	if err != nil {
		t.Fatal(err)
	}
	return client.AcquireTokenByCredential(context.Background(), []string{scope})
}

func secretCredential(t *testing.T, secret string) confidential.Credential {
	t.Helper()
	credential, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func certificateCredential(t *testing.T, pair keyPair) confidential.Credential {
	t.Helper()
	credential, err := confidential.NewCredFromCert([]*x509.Certificate{pair.cert}, pair.key)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func TestMSALLogsIn(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	server := serveForTest(t, tenant)
	app := tenant.RegisterApp("deployer")
	app.AddCertificate(goodPair().cert)
	secret := app.AddSecret(time.Hour)

	for _, tc := range []struct {
		name, authority, scope, audience, appidacr string
		credential                                 confidential.Credential
	}{
		{"secret", tenant.ID, databricksScope, DatabricksResource, "1", secretCredential(t, secret)},
		{"certificate", tenant.ID, databricksScope, DatabricksResource, "2", certificateCredential(t, goodPair())},
		{"certificate, tenant by domain", tenant.Domain, databricksScope, DatabricksResource, "2", certificateCredential(t, goodPair())},
		{"management, two slashes", tenant.ID, "https://management.core.windows.net//.default", "https://management.core.windows.net/", "1", secretCredential(t, secret)},
		{"management, one slash", tenant.ID, "https://management.core.windows.net/.default", "https://management.core.windows.net", "1", secretCredential(t, secret)},
		{"vault", tenant.ID, "https://vault.azure.net/.default", "https://vault.azure.net", "1", secretCredential(t, secret)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result, err := msalLogin(t, tenant, server.EntraURL+"/"+tc.authority, app.ClientID, tc.credential, tc.scope)
			if err != nil {
				t.Fatal(err)
			}
			claims, err := tenant.VerifyAccessToken(result.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if claims.Audience != tc.audience || claims.AppID != app.ClientID || claims.ObjectID != app.ObjectID ||
				claims.TenantID != tenant.ID || claims.Issuer != "https://sts.windows.net/"+tenant.ID+"/" {
				t.Errorf("claims = %+v", claims)
			}
			if left := claims.ExpiresAt.Sub(tenant.Clock.Now()); left < 59*time.Minute || left > time.Hour {
				t.Errorf("token is good for %s", left)
			}
			payload := decodePayload(t, result.AccessToken)
			for claim, want := range map[string]any{
				"aud": tc.audience, "appidacr": tc.appidacr, "idtyp": "app", "ver": "1.0", "sub": app.ObjectID, "oid": app.ObjectID,
				"idp": "https://sts.windows.net/" + tenant.ID + "/",
			} {
				if payload[claim] != want {
					t.Errorf("claim %s = %v, want %v", claim, payload[claim], want)
				}
			}
		})
	}
	if n := tenant.Journal.Count("entra", "POST", "/{tenant}/oauth2/v2.0/token"); n != 6 {
		t.Errorf("journal has %d token requests, want 6", n)
	}
	for _, e := range tenant.Journal.Entries() {
		if e.Method == "POST" && e.Caller != app.ClientID {
			t.Errorf("caller = %q", e.Caller)
		}
	}
}

func decodePayload(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	payload := map[string]any{}
	if err := json.Unmarshal(raw, &payload); err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestMSALIsRefused(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	server := serveForTest(t, tenant)
	app := tenant.RegisterApp("deployer")
	app.AddCertificate(goodPair().cert)
	app.AddCertificate(expiredPair().cert)
	good := app.AddSecret(time.Hour)
	expired := app.AddSecret(-time.Second)
	disabled := tenant.RegisterApp("disabled")
	disabledSecret := disabled.AddSecret(time.Hour)
	disabled.SetDisabled(true)

	for _, tc := range []struct {
		name, tenant, clientID string
		credential             confidential.Credential
		scope                  string
		code                   int
		status                 int
		errorName, text        string
	}{
		{"wrong secret", tenant.ID, app.ClientID, secretCredential(t, good+"x"), databricksScope, 7000215, 401, "invalid_client", "not the client secret ID"},
		{"expired secret", tenant.ID, app.ClientID, secretCredential(t, expired), databricksScope, 7000222, 401, "invalid_client", "are expired"},
		{"certificate not registered", tenant.ID, app.ClientID, certificateCredential(t, otherPair()), databricksScope, 700027, 401, "invalid_client", "The key was not found."},
		{"certificate expired", tenant.ID, app.ClientID, certificateCredential(t, expiredPair()), databricksScope, 700027, 401, "invalid_client", "The key used is expired."},
		{"unknown app", tenant.ID, "11111111-1111-4111-8111-111111111111", secretCredential(t, good), databricksScope, 700016, 400, "unauthorized_client", "was not found in the directory"},
		{"disabled app", tenant.ID, disabled.ClientID, secretCredential(t, disabledSecret), databricksScope, 7000112, 400, "unauthorized_client", "is disabled"},
		{"unknown tenant", "11111111-1111-4111-8111-111111111111", app.ClientID, secretCredential(t, good), databricksScope, 90002, 400, "invalid_tenant", "not found"},
		{"tenant that is no name", "undefined", app.ClientID, secretCredential(t, good), databricksScope, 900023, 400, "invalid_request", "neither a valid DNS name"},
		{"unknown resource", tenant.ID, app.ClientID, secretCredential(t, good), "https://graph.example/.default", 500011, 400, "invalid_resource", "https://graph.example"},
		{"scope without default", tenant.ID, app.ClientID, secretCredential(t, good), DatabricksResource + "/user_impersonation", 70011, 400, "invalid_scope", "is not valid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := msalLogin(t, tenant, server.EntraURL+"/"+tc.tenant, tc.clientID, tc.credential, tc.scope)
			var call msalerrors.CallErr
			if !errors.As(err, &call) {
				t.Fatalf("error %v is no CallErr", err)
			}
			body, _ := io.ReadAll(call.Resp.Body)
			checkComplaint(t, call.Resp.StatusCode, body, tc.status, tc.code, tc.errorName, tc.text)
		})
	}
}

func checkComplaint(t *testing.T, gotStatus int, raw []byte, status, code int, errorName, text string) {
	t.Helper()
	var body entraErrorBody
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatalf("body %q: %v", raw, err)
	}
	if gotStatus != status || body.Error != errorName || !slices.Equal(body.ErrorCodes, []int{code}) {
		t.Errorf("got %d %s %v, want %d %s %d\n%s", gotStatus, body.Error, body.ErrorCodes, status,
			errorName, code, raw)
	}
	if !strings.Contains(body.ErrorDescription, text) {
		t.Errorf("description %q lacks %q", body.ErrorDescription, text)
	}
	for _, part := range []string{" Trace ID: " + body.TraceID, " Correlation ID: " + body.CorrelationID,
		" Timestamp: " + body.Timestamp} {
		if !strings.Contains(body.ErrorDescription, part) {
			t.Errorf("description %q lacks %q", body.ErrorDescription, part)
		}
	}
	if !strings.HasSuffix(body.ErrorDescription, "Z") || body.ErrorURI == "" {
		t.Errorf("description %q, uri %q", body.ErrorDescription, body.ErrorURI)
	}
}

// postForm sends a form to a handler without a network. The address of the request begins with https://example.com.
func postForm(handler http.Handler, path string, form url.Values, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestTokenRequestIsChecked(t *testing.T) {
	tenant := NewTenant(TenantOptions{Domain: "fabrikam.example"})
	app := tenant.RegisterApp("deployer")
	secret := app.AddSecret(time.Hour)
	entra := tenant.Entra()
	good := func() url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {secret},
			"scope": {databricksScope}}
	}
	set := func(name, value string) func(url.Values) { return func(f url.Values) { f.Set(name, value) } }
	del := func(names ...string) func(url.Values) {
		return func(f url.Values) {
			for _, name := range names {
				f.Del(name)
			}
		}
	}
	v2, v1 := "/"+tenant.ID+"/oauth2/v2.0/token", "/"+tenant.ID+"/oauth2/token"
	for _, tc := range []struct {
		name, path   string
		change       func(url.Values)
		status, code int
		errorName    string
	}{
		{"good", v2, set("scope", databricksScope+" openid offline_access profile"), 200, 0, ""},
		{"client id in capitals", v2, set("client_id", strings.ToUpper(app.ClientID)), 200, 0, ""},
		{"no grant type", v2, del("grant_type"), 400, 900144, "invalid_request"},
		{"other grant type", v2, set("grant_type", "password"), 400, 70003, "unsupported_grant_type"},
		{"no client id", v2, del("client_id"), 400, 900144, "invalid_request"},
		{"no credential", v2, del("client_secret"), 401, 7000218, "invalid_client"},
		{"two credentials", v2, set("client_assertion", "a.b.c"), 400, 90013, "invalid_request"},
		{"assertion without type", v2, func(f url.Values) { f.Del("client_secret"); f.Set("client_assertion", "a.b.c") }, 400, 900144, "invalid_request"},
		{"no scope", v2, del("scope"), 400, 900144, "invalid_request"},
		{"only OpenID scopes", v2, set("scope", "openid profile"), 400, 70011, "invalid_scope"},
		{"two resources", v2, set("scope", databricksScope+" https://vault.azure.net/.default"), 400, 700022, "invalid_scope"},
		{"v1 resource at v2", v2, func(f url.Values) { f.Del("scope"); f.Set("resource", DatabricksResource) }, 400, 900144, "invalid_request"},
		{"v1", v1, func(f url.Values) { f.Del("scope"); f.Set("resource", DatabricksResource) }, 200, 0, ""},
		{"v1 without resource", v1, del("scope"), 400, 900144, "invalid_request"},
		{"v1 unknown resource", v1, set("resource", "https://nowhere.example"), 400, 500011, "invalid_resource"},
		{"unknown tenant comes first", "/nowhere.example/oauth2/v2.0/token", del("grant_type", "client_id"), 400, 90002, "invalid_request"},
		{"malformed tenant", "/not_a_name/oauth2/v2.0/token", set("scope", databricksScope), 400, 900023, "invalid_request"},
		{"alias for a tenant", "/organizations/oauth2/v2.0/token", set("scope", databricksScope), 400, 50059, "invalid_request"},
		{"tenant by domain", "/fabrikam.example/oauth2/v2.0/token", set("scope", databricksScope), 200, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			form := good()
			tc.change(form)
			w := postForm(entra, tc.path, form, nil)
			if tc.code != 0 {
				checkComplaint(t, w.Code, w.Body.Bytes(), tc.status, tc.code, tc.errorName, "AADSTS")
				return
			}
			if w.Code != tc.status || !strings.Contains(w.Body.String(), "access_token") ||
				strings.Contains(w.Body.String(), `"scope"`) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}

	t.Run("query is no form", func(t *testing.T) {
		w := postForm(entra, v2+"?"+good().Encode(), url.Values{}, nil)
		checkComplaint(t, w.Code, w.Body.Bytes(), 400, 900144, "invalid_request", "grant_type")
	})
	t.Run("JSON is no form", func(t *testing.T) {
		w := postForm(entra, v2, good(), http.Header{"Content-Type": {"application/json"}})
		checkComplaint(t, w.Code, w.Body.Bytes(), 400, 900144, "invalid_request", "grant_type")
	})
	t.Run("GET", func(t *testing.T) {
		w := httptest.NewRecorder()
		entra.ServeHTTP(w, httptest.NewRequest(http.MethodGet, v2, nil))
		checkComplaint(t, w.Code, w.Body.Bytes(), 400, 900561, "invalid_request", "only accepts POST")
	})
	t.Run("unknown route", func(t *testing.T) {
		if w := postForm(entra, "/"+tenant.ID+"/oauth2/v2.0/devicecode", good(), nil); w.Code != http.StatusNotFound {
			t.Errorf("got %d", w.Code)
		}
	})
	t.Run("basic header", func(t *testing.T) {
		form := good()
		form.Del("client_id")
		form.Del("client_secret")
		for value, code := range map[string]int{secret: 0, "wrong": 7000215} {
			basic := base64.StdEncoding.EncodeToString([]byte(app.ClientID + ":" + url.QueryEscape(value)))
			w := postForm(entra, v2, form, http.Header{"Authorization": {"Basic " + basic}})
			if code == 0 && w.Code != 200 {
				t.Errorf("got %d %s", w.Code, w.Body)
			} else if code != 0 {
				checkComplaint(t, w.Code, w.Body.Bytes(), 401, code, "invalid_client", "AADSTS")
			}
		}
	})
	t.Run("correlation id is echoed", func(t *testing.T) {
		const id = "5a3fd3cf-46f0-4b7f-8b3a-1d0c1a4b7c11"
		w := postForm(entra, v2, url.Values{}, http.Header{"Client-Request-Id": {id}})
		if !strings.Contains(w.Body.String(), "Correlation ID: "+id) {
			t.Error(w.Body)
		}
	})
}

func TestTokenFollowsTheMovedClock(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app := tenant.RegisterApp("deployer")
	secret := app.AddSecret(24 * time.Hour)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {secret},
		"resource": {DatabricksResource}}
	path := "/" + tenant.ID + "/oauth2/token"
	tenant.SetTokenLifetime(10 * time.Minute)
	tenant.Clock.Advance(23 * time.Hour)
	var body map[string]string
	if err := json.Unmarshal(postForm(tenant.Entra(), path, form, nil).Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	claims, err := tenant.VerifyAccessToken(body["access_token"])
	if err != nil {
		t.Fatal(err)
	}
	if ahead := time.Until(claims.ExpiresAt); body["expires_in"] != "600" || ahead < 23*time.Hour+9*time.Minute ||
		ahead > 23*time.Hour+10*time.Minute {
		t.Errorf("expires_in %s, expires %s from now", body["expires_in"], ahead)
	}
	tenant.Clock.Advance(2 * time.Hour)
	w := postForm(tenant.Entra(), path, form, nil)
	checkComplaint(t, w.Code, w.Body.Bytes(), 401, 7000222, "invalid_client", "are expired")
}

func TestSwitches(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app := tenant.RegisterApp("deployer")
	secret := app.AddSecret(time.Hour)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {secret},
		"scope": {"https://management.core.windows.net/.default"}}
	tenant.SetSwitches(Switches{RefuseSingleSlashManagement: true, TokenTenantErrorName: "invalid_tenant",
		DescriptionLines: true})
	w := postForm(tenant.Entra(), "/"+tenant.ID+"/oauth2/v2.0/token", form, nil)
	if !strings.Contains(w.Body.String(), "500011") || !strings.Contains(w.Body.String(), `\r\nTrace ID: `) {
		t.Error(w.Body)
	}
	w = postForm(tenant.Entra(), "/nowhere.example/oauth2/v2.0/token", form, nil)
	if !strings.Contains(w.Body.String(), `"error":"invalid_tenant"`) {
		t.Error(w.Body)
	}
}

func TestForeignTokensAreNotOurs(t *testing.T) {
	tenant, other := NewTenant(TenantOptions{}), NewTenant(TenantOptions{})
	app := other.RegisterApp("elsewhere")
	foreign, err := other.IssueAccessToken(app.ClientID, DatabricksResource, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	unsigned := strings.Join(append([]string{base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))},
		strings.Split(foreign, ".")[1], ""), ".")
	for _, raw := range []string{"", "dapi123", foreign, unsigned} {
		if _, err := tenant.VerifyAccessToken(raw); !errors.Is(err, ErrNotOurToken) {
			t.Errorf("%.20q: %v", raw, err)
		}
	}
	if _, err := other.VerifyAccessToken(foreign); err != nil {
		t.Error(err)
	}
	expired, err := other.IssueAccessToken(app.ClientID, "https://vault.azure.net", -time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := other.VerifyAccessToken(expired); err != nil || !claims.ExpiresAt.Before(time.Now()) ||
		claims.Audience != "https://vault.azure.net" {
		t.Errorf("%+v, %v", claims, err)
	}
	other.RemoveApp(app.ClientID)
	if _, err := other.IssueAccessToken(app.ClientID, DatabricksResource, time.Hour); err == nil {
		t.Error("a token was issued for a removed application")
	}
}

// TestMetadataForEveryTenant checks that common and organizations have metadata, but issue no tokens to an application.
func TestMetadataForEveryTenant(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	for _, name := range []string{"organizations", "common"} {
		w := httptest.NewRecorder()
		tenant.Entra().ServeHTTP(w, httptest.NewRequest("GET", "https://login.microsoftonline.com/"+name+
			"/v2.0/.well-known/openid-configuration", nil))
		var metadata struct {
			Issuer        string `json:"issuer"`
			TokenEndpoint string `json:"token_endpoint"`
			Keys          string `json:"jwks_uri"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &metadata); err != nil || w.Code != 200 ||
			metadata.Issuer != "https://login.microsoftonline.com/{tenantid}/v2.0" ||
			metadata.TokenEndpoint != "https://login.microsoftonline.com/"+name+"/oauth2/v2.0/token" {
			t.Errorf("%s: %d %s, %v", name, w.Code, w.Body, err)
		}
		w = httptest.NewRecorder()
		tenant.Entra().ServeHTTP(w, httptest.NewRequest("GET", metadata.Keys, nil))
		if w.Code != 200 {
			t.Errorf("%s: keys %d %s", name, w.Code, w.Body)
		}
		w = postForm(tenant.Entra(), "/"+name+"/oauth2/v2.0/token",
			url.Values{"grant_type": {"client_credentials"}}, nil)
		if w.Code == 200 {
			t.Errorf("%s: a token", name)
		}
	}
}

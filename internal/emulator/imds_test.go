package emulator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func TestManagedIdentityCredential(t *testing.T) {
	// With one of these variables set, azidentity would use the managed identity endpoint of another kind of machine.
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "IMDS_ENDPOINT"} {
		t.Setenv(name, "")
	}
	tenant := NewTenant(TenantOptions{})
	system, one, two := tenant.RegisterApp("system"), tenant.RegisterApp("one"), tenant.RegisterApp("two")
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	// MSAL caches tokens that are valid for more than five minutes, by identity and resource, for the whole process.
	tenant.SetTokenLifetime(4 * time.Minute)
	ask := func(id azidentity.ManagedIDKind, resource string) (string, error) {
		credential, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
			ClientOptions: azureOptions(client, azcloud.AzurePublic), ID: id,
		})
		if err != nil {
			t.Fatal(err)
		}
		token, err := credential.GetToken(context.Background(),
			policy.TokenRequestOptions{Scopes: []string{resource + "/.default"}})
		return token.Token, err
	}
	check := func(id azidentity.ManagedIDKind, resource string, want *App) {
		t.Helper()
		token, err := ask(id, resource)
		if err != nil {
			t.Error(err)
			return
		}
		if claims, err := tenant.VerifyAccessToken(token); err != nil || claims.AppID != want.ClientID ||
			claims.Audience != resource {
			t.Errorf("%+v, %v", claims, err)
		}
	}
	if _, err := ask(nil, "https://vault.azure.net"); err == nil ||
		!strings.Contains(err.Error(), "Identity not found") {
		t.Errorf("nothing assigned: %v", err)
	}
	tenant.AssignManagedIdentity(one, false)
	check(nil, "https://vault.azure.net", one)
	tenant.AssignManagedIdentity(two, false)
	if _, err := ask(nil, DatabricksResource); err == nil ||
		!strings.Contains(err.Error(), "Multiple user assigned identities exist") {
		t.Errorf("two assigned: %v", err)
	}
	check(azidentity.ClientID(two.ClientID), DatabricksResource, two)
	check(azidentity.ObjectID(one.ObjectID), DatabricksResource, one)
	check(azidentity.ResourceID(
		"/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/two"),
		DatabricksResource, two)
	tenant.AssignManagedIdentity(system, true)
	check(nil, "https://vault.azure.cn", system)
	if _, err := ask(azidentity.ClientID(tenant.ID), DatabricksResource); err == nil ||
		!strings.Contains(err.Error(), "Identity not found") {
		t.Errorf("an identity of somewhere else: %v", err)
	}
	tenant.UnassignManagedIdentities()
	if _, err := ask(nil, "https://management.azure.com/"); err == nil ||
		!strings.Contains(err.Error(), "Identity not found") {
		t.Errorf("all taken away: %v", err)
	}
	if n := tenant.Journal.Count("imds", "GET", "/metadata/identity/oauth2/token"); n != 9 {
		t.Errorf("%d requests in the journal", n)
	}
}

func TestIMDSAnswers(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app := tenant.RegisterApp("vm")
	tenant.AssignManagedIdentity(app, true)
	imds := tenant.IMDS()
	good := url.Values{"api-version": {"2018-02-01"}, "resource": {"https://vault.azure.net"}}
	for _, tc := range []struct {
		name, method, path string
		query              url.Values
		header             http.Header
		status             int
		text               string
	}{
		{"good", "GET", "/metadata/identity/oauth2/token", nil, nil, 200, `"resource":"https://vault.azure.net"`},
		{"no header", "GET", "/metadata/identity/oauth2/token", nil, http.Header{"Metadata": nil}, 400, "Required metadata header not specified"},
		{"header false", "GET", "/metadata/identity/oauth2/token", nil, http.Header{"Metadata": {"false"}}, 400, "Required metadata header not specified"},
		{"forwarded", "GET", "/metadata/identity/oauth2/token", nil, http.Header{"X-Forwarded-For": {"10.0.0.1"}}, 400, "X-Forwarded-For"},
		{"no version", "GET", "/metadata/identity/oauth2/token", url.Values{"api-version": nil}, nil, 400, "newest-versions"},
		{"no resource", "GET", "/metadata/identity/oauth2/token", url.Values{"resource": nil}, nil, 400, "'resource' is missing"},
		{"unknown resource", "GET", "/metadata/identity/oauth2/token", url.Values{"resource": {"https://graph.example"}}, nil, 400, "AADSTS500011"},
		{"unknown identity", "GET", "/metadata/identity/oauth2/token", url.Values{"client_id": {tenant.ID}}, nil, 400, `"error_description":"Identity not found"`},
		{"two names", "GET", "/metadata/identity/oauth2/token", url.Values{"client_id": {app.ClientID}, "object_id": {app.ObjectID}}, nil, 400, "Only one of"},
		{"POST", "POST", "/metadata/identity/oauth2/token", nil, nil, 405, "method"},
		{"other route", "GET", "/metadata/instance", nil, nil, 404, "Not found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			query := url.Values{}
			for _, values := range []url.Values{good, tc.query} {
				for name, value := range values {
					query[name] = value
				}
			}
			r := httptest.NewRequest(tc.method, "http://169.254.169.254"+tc.path+"?"+query.Encode(), nil)
			r.Header.Set("Metadata", "true")
			for name, values := range tc.header {
				r.Header[name] = values
			}
			w := httptest.NewRecorder()
			imds.ServeHTTP(w, r)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.text) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, tc.status, tc.text)
			}
			if tc.status == 200 {
				var body struct {
					ExpiresIn string `json:"expires_in"`
					ExpiresOn string `json:"expires_on"`
					TokenType string `json:"token_type"`
				}
				if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.ExpiresIn != "3599" ||
					body.ExpiresOn == "" || body.TokenType != "Bearer" {
					t.Errorf("%s, %v", w.Body, err)
				}
			}
		})
	}
	tenant.Faults.Add(Fault{Service: "imds", Status: 429, Code: "too_many", RetryAfter: 1})
	w := httptest.NewRecorder()
	imds.ServeHTTP(w, httptest.NewRequest("GET", "/metadata/identity/oauth2/token", nil))
	if w.Code != 429 || !strings.Contains(w.Body.String(), `"error":"too_many"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	app.SetDisabled(true)
	r := httptest.NewRequest("GET", "/metadata/identity/oauth2/token?"+good.Encode(), nil)
	r.Header.Set("Metadata", "true")
	w = httptest.NewRecorder()
	imds.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "AADSTS7000112") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

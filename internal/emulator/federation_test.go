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

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/golang-jwt/jwt/v5"

	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

const gitHubSubject = "repo:contoso/models:environment:production"

func TestMSALWithAFederatedAssertion(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app := tenant.RegisterApp("deployer")
	server := serveForTest(t, tenant)
	job := tenant.NewGitHubJob(gitHubSubject)
	app.AddFederatedCredential(GitHubIssuer, gitHubSubject, federationAudience)
	web := behindProxy(t, tenant, server)
	// Every client of GitHub requests a new assertion at each login.
	fetch := func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, job.RequestURL+"&audience="+
			url.QueryEscape(federationAudience), nil)
		if err != nil {
			return "", err
		}
		r.Header.Set("Authorization", "Bearer "+job.RequestToken)
		resp, err := web.Do(r)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		var body struct{ Value string }
		return body.Value, json.NewDecoder(resp.Body).Decode(&body)
	}
	for range 2 {
		result, err := msalLogin(t, tenant, server.EntraURL+"/"+tenant.ID, app.ClientID,
			confidential.NewCredFromAssertionCallback(fetch), databricksScope)
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := tenant.VerifyAccessToken(result.AccessToken); err != nil || claims.AppID != app.ClientID {
			t.Errorf("%+v, %v", claims, err)
		}
		tenant.Clock.Advance(time.Hour)
	}
	if job.Tokens() != 2 || tenant.Journal.Count("github", "GET", "/idtoken/") != 2 {
		t.Errorf("%d tokens", job.Tokens())
	}
	app.RemoveFederatedCredentials()
	_, err := msalLogin(t, tenant, server.EntraURL+"/"+tenant.ID, app.ClientID,
		confidential.NewCredFromAssertionCallback(fetch), databricksScope)
	if err == nil || !strings.Contains(err.Error(), "AADSTS70025") {
		t.Errorf("without a credential: %v", err)
	}
}

func TestAzurePipelinesCredential(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app := tenant.RegisterApp("deployer")
	job := tenant.NewAzureDevOpsJob("contoso", "ml platform", "prod")
	app.AddFederatedCredential(job.Issuer.URL(), "sc://contoso/ml platform/prod", federationAudience)
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	t.Setenv("SYSTEM_OIDCREQUESTURI", job.RequestURI)
	ask := func(connection, accessToken string) error {
		credential, err := azidentity.NewAzurePipelinesCredential(tenant.ID, app.ClientID, connection, accessToken,
			&azidentity.AzurePipelinesCredentialOptions{ClientOptions: azureOptions(client, azcloud.AzurePublic)})
		if err != nil {
			t.Fatal(err)
		}
		token, err := credential.GetToken(context.Background(),
			policy.TokenRequestOptions{Scopes: []string{databricksScope}})
		if err == nil {
			_, err = tenant.VerifyAccessToken(token.Token)
		}
		return err
	}
	if err := ask(job.ServiceConnectionID, job.AccessToken); err != nil {
		t.Error(err)
	}
	if err := ask(job.ServiceConnectionID, "bad"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a bad access token: %v", err)
	}
	if err := ask(tenant.ID, job.AccessToken); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("another connection: %v", err)
	}
	if job.Tokens() != 1 || tenant.NewAzureDevOpsJob("contoso", "p", "c").Issuer != job.Issuer {
		t.Error("jobs of one organization have one issuer")
	}
}

func TestFederatedAssertionIsChecked(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app, bare := tenant.RegisterApp("deployer"), tenant.RegisterApp("bare")
	issuer, other := tenant.NewOIDCIssuer("https://issuer.example"), tenant.NewOIDCIssuer("https://other.example/x")
	app.AddFederatedCredential("https://issuer.example", "s", "a")
	app.AddFederatedCredential("https://issuer.example", "t", "b")
	app.AddFederatedCredential("https://gone.example", "s", "a")
	entra := tenant.Entra()
	withdrawn := issuer.Token("s", "a", time.Hour)
	issuer.RotateKey()
	signed := func(method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
		claims := jwt.MapClaims{"iss": "https://issuer.example", "sub": "s", "aud": "a",
			"exp": time.Now().Add(time.Hour).Unix()}
		change(claims)
		token := jwt.NewWithClaims(method, claims)
		token.Header["kid"] = issuer.keyID
		raw, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	same := func(jwt.MapClaims) {}

	for _, tc := range []struct {
		name, assertion string
		app             *App
		code            int
		text            string
	}{
		{"good", issuer.Token("s", "a", time.Hour), app, 0, ""},
		{"good, second credential", issuer.Token("t", "b", time.Hour), app, 0, ""},
		{"good, twice", signed(jwt.SigningMethodRS256, issuer.key, same), app, 0, ""},
		{"no credential at all", issuer.Token("s", "a", time.Hour), bare, 70025, "has no configured federated identity credentials"},
		{"other issuer", other.Token("s", "a", time.Hour), app, 700211, "issuer 'https://other.example/x'"},
		{"issuer with a slash", signed(jwt.SigningMethodRS256, issuer.key, func(c jwt.MapClaims) { c["iss"] = "https://issuer.example/" }), app, 700211, "issuer"},
		{"other audience", issuer.Token("s", "c", time.Hour), app, 700212, "audience 'c'"},
		{"no audience", signed(jwt.SigningMethodRS256, issuer.key, func(c jwt.MapClaims) { delete(c, "aud") }), app, 700212, "audience ''"},
		{"other subject", issuer.Token("u", "a", time.Hour), app, 700213, "subject 'u'"},
		{"subject of the other credential", issuer.Token("t", "a", time.Hour), app, 700213, "subject 't'"},
		{"case", issuer.Token("S", "a", time.Hour), app, 700213, "subject 'S'"},
		{"issuer that nobody answers for", signed(jwt.SigningMethodRS256, issuer.key, func(c jwt.MapClaims) { c["iss"] = "https://gone.example" }), app, 90061, "External OIDC endpoint"},
		{"withdrawn key", withdrawn, app, 50013, "The key was not found"},
		{"another's key", signed(jwt.SigningMethodRS256, goodPair().key, same), app, 50013, "did not match"},
		{"other method", signed(jwt.SigningMethodPS256, issuer.key, same), app, 50013, "Assertion failed"},
		{"no expiry", signed(jwt.SigningMethodRS256, issuer.key, func(c jwt.MapClaims) { delete(c, "exp") }), app, 50027, "exp"},
		{"expired", issuer.Token("s", "a", -6*time.Minute), app, 700024, "expiry time of assertion"},
		{"not yet", signed(jwt.SigningMethodRS256, issuer.key, func(c jwt.MapClaims) { c["nbf"] = time.Now().Add(time.Hour).Unix() }), app, 700024, "valid from"},
		{"not a token", "https://issuer.example", app, 50027, "cannot be read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := postForm(entra, "/"+tenant.ID+"/oauth2/v2.0/token", url.Values{
				"grant_type": {"client_credentials"}, "client_id": {tc.app.ClientID}, "scope": {databricksScope},
				"client_assertion_type": {assertionType}, "client_assertion": {tc.assertion},
			}, nil)
			if tc.code == 0 {
				if w.Code != 200 {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				return
			}
			status, name := 401, "invalid_client"
			if tc.code == 50027 || tc.code == 90061 {
				status, name = 400, "invalid_request"
			}
			checkComplaint(t, w.Code, w.Body.Bytes(), status, tc.code, name, tc.text)
		})
	}

	kept := issuer.Token("s", "a", 5*time.Minute)
	tenant.Clock.Advance(11 * time.Minute)
	w := postForm(entra, "/"+tenant.ID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "scope": {databricksScope},
		"client_assertion_type": {assertionType}, "client_assertion": {kept},
	}, nil)
	checkComplaint(t, w.Code, w.Body.Bytes(), 401, 700024, "invalid_client", "not within its valid time range")
}

func TestIssuerPublishesItsKey(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	issuer := tenant.NewOIDCIssuer("https://issuer.example/org")
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	_, body := getBody(t, client, issuer.URL()+"/.well-known/openid-configuration")
	var metadata struct {
		Issuer string
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal([]byte(body), &metadata); err != nil || metadata.Issuer != issuer.URL() {
		t.Fatalf("%s, %v", body, err)
	}
	_, body = getBody(t, client, metadata.Keys)
	if !strings.Contains(body, issuer.keyID) || strings.Contains(body, `"d"`) {
		t.Errorf("keys: %s", body)
	}
	tenant.Faults.Add(Fault{Service: "issuer", Status: 503, Message: "gone"})
	if resp, body := getBody(t, client, metadata.Keys); resp.StatusCode != 503 || body != "gone" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestPipelinesAreStrict(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	hub, ado := tenant.NewGitHubJob(gitHubSubject), tenant.NewAzureDevOpsJob("contoso", "ml", "prod")
	hubURL, adoURL := hub.RequestURL, ado.RequestURI+"?api-version=7.1&serviceConnectionId="+ado.ServiceConnectionID
	for _, tc := range []struct {
		name    string
		handler http.Handler
		method  string
		address string
		header  map[string]string
		status  int
		text    string
	}{
		{"GitHub", hub, "GET", hubURL + "&audience=x", map[string]string{"Authorization": "Bearer " + hub.RequestToken}, 200, `"value":"ey`},
		{"GitHub, no audience", hub, "GET", hubURL, map[string]string{"Authorization": "bearer " + hub.RequestToken}, 200, `"value":"ey`},
		{"GitHub, no token", hub, "GET", hubURL + "&audience=x", nil, 401, "not authorized"},
		{"GitHub, wrong token", hub, "GET", hubURL + "&audience=x", map[string]string{"Authorization": "Bearer x"}, 401, "not authorized"},
		{"GitHub, no version", hub, "GET", strings.TrimSuffix(hubURL, "?api-version=2.0") + "?audience=x", map[string]string{"Authorization": "Bearer " + hub.RequestToken}, 400, "api-version"},
		{"GitHub, POST", hub, "POST", hubURL, map[string]string{"Authorization": "Bearer " + hub.RequestToken}, 405, ""},
		{"GitHub, other path", hub, "GET", "https://x.example/idtoken", map[string]string{"Authorization": "Bearer " + hub.RequestToken}, 404, ""},
		{"DevOps", ado, "POST", adoURL, map[string]string{"Authorization": "Bearer " + ado.AccessToken, "X-TFS-FedAuthRedirect": "Suppress"}, 200, `"oidcToken":"ey`},
		{"DevOps, no header", ado, "POST", adoURL, map[string]string{"Authorization": "Bearer " + ado.AccessToken}, 302, ""},
		{"DevOps, wrong token", ado, "POST", adoURL, map[string]string{"Authorization": "Bearer x", "X-TFS-FedAuthRedirect": "Suppress"}, 401, ""},
		{"DevOps, no version", ado, "POST", ado.RequestURI + "?serviceConnectionId=" + ado.ServiceConnectionID, map[string]string{"Authorization": "Bearer " + ado.AccessToken, "X-TFS-FedAuthRedirect": "Suppress"}, 400, "No api-version"},
		{"DevOps, other version", ado, "POST", strings.Replace(adoURL, "7.1", "9.9", 1), map[string]string{"Authorization": "Bearer " + ado.AccessToken, "X-TFS-FedAuthRedirect": "Suppress"}, 400, "out of range"},
		{"DevOps, no connection", ado, "POST", ado.RequestURI + "?api-version=7.1", map[string]string{"Authorization": "Bearer " + ado.AccessToken, "X-TFS-FedAuthRedirect": "Suppress"}, 400, "not specified"},
		{"DevOps, other connection", ado, "POST", adoURL + "0", map[string]string{"Authorization": "Bearer " + ado.AccessToken, "X-TFS-FedAuthRedirect": "Suppress"}, 404, "may not use it"},
		{"DevOps, GET", ado, "GET", adoURL, map[string]string{"Authorization": "Bearer " + ado.AccessToken, "X-TFS-FedAuthRedirect": "Suppress"}, 405, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, tc.address, nil)
			for name, value := range tc.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			tc.handler.ServeHTTP(w, r)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.text) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, tc.status, tc.text)
			}
		})
	}
	if hub.Tokens() != 2 || ado.Tokens() != 1 {
		t.Errorf("%d and %d tokens", hub.Tokens(), ado.Tokens())
	}
	var body struct{ Value string }
	r := httptest.NewRequest("GET", hubURL, nil)
	r.Header.Set("Authorization", "Bearer "+hub.RequestToken)
	w := httptest.NewRecorder()
	hub.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil ||
		decodePayload(t, body.Value)["aud"] != "https://github.com/contoso" {
		t.Errorf("audience by default: %v, %v", decodePayload(t, body.Value), err)
	}
	tenant.Faults.Add(Fault{Service: "github", Status: 500, Message: "oops"})
	w = httptest.NewRecorder()
	hub.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), "oops") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

package emulator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/oauth2"
	"github.com/golang-jwt/jwt/v5"
)

func (l *lab) scimID(app *App) string {
	for _, p := range l.Snapshot().ServicePrincipals {
		if p.ApplicationID == app.ClientID {
			return p.ID
		}
	}
	l.t.Fatalf("%s is not there", app.ClientID)
	return ""
}

func secretsPath(id string) string {
	return "/api/2.0/accounts/servicePrincipals/" + id + "/credentials/secrets"
}

// post sends a request to the token endpoint. If id is not empty, the client id and the secret are in the header.
func (l *lab) post(id, secret string, form url.Values) rawAnswer {
	l.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/oidc/v1/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		r.SetBasicAuth(id, secret)
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return rawAnswer{w.Code, w.Header(), w.Body.String()}
}

func credentialsForm(pairs ...string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func (l *lab) oauthToken(id, secret string, pairs ...string) string {
	l.t.Helper()
	a := l.post(id, secret, credentialsForm(pairs...))
	token, _ := a.json(l.t)["access_token"].(string)
	if a.status != 200 || token == "" {
		l.t.Fatalf("%d %s", a.status, a.body)
	}
	return token
}

func wantOAuthError(t *testing.T, a rawAnswer, status int, code string) {
	t.Helper()
	if got := a.json(t); a.status != status || got["error"] != code || got["error_code"] != nil {
		t.Errorf("%d %s, want %d %s", a.status, a.body, status, code)
	}
}

func TestOAuthSecretsWithTheSDK(t *testing.T) {
	ctx := context.Background()
	l := newLab(t, WorkspaceSwitches{})
	id := l.scimID(l.member)
	api := oauth2.NewServicePrincipalSecretsProxy(l.sdk(l.entraToken(l.admin)))
	made, err := api.Create(ctx, oauth2.CreateServicePrincipalSecretRequest{ServicePrincipalId: id})
	if err != nil {
		t.Fatal(err)
	}
	created, err := time.Parse(time.RFC3339, made.CreateTime)
	expires, err2 := time.Parse(time.RFC3339, made.ExpireTime)
	if err != nil || err2 != nil || expires.Sub(created) != 730*24*time.Hour {
		t.Errorf("from %s to %s", made.CreateTime, made.ExpireTime)
	}
	if !regexp.MustCompile(`^dose[0-9a-f]{32}$`).MatchString(made.Secret) ||
		!regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(made.Id) || made.Status != "ACTIVE" {
		t.Errorf("id %s, status %s, a value of %d characters", made.Id, made.Status, len(made.Secret))
	}
	list, err := api.ListAll(ctx, oauth2.ListServicePrincipalSecretsRequest{ServicePrincipalId: id})
	if err != nil || len(list) != 1 || list[0].Id != made.Id {
		t.Errorf("%+v, %v", list, err)
	}
	if a := l.ask(l.entraToken(l.admin), "GET", secretsPath(id), ""); strings.Contains(a.body, made.Secret) {
		t.Error("the list shows the value")
	}
	if got := l.Snapshot().OAuthSecrets; len(got) != 1 || got[0].ID != made.Id || got[0].Owner != l.member.ClientID {
		t.Errorf("%+v", got)
	}
	if err := api.Delete(ctx, oauth2.DeleteServicePrincipalSecretRequest{ServicePrincipalId: id,
		SecretId: made.Id}); err != nil {
		t.Error(err)
	}
	err = api.Delete(ctx, oauth2.DeleteServicePrincipalSecretRequest{ServicePrincipalId: id, SecretId: made.Id})
	if !errors.Is(err, apierr.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestOAuthSecretRefusals(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin, id := l.entraToken(l.admin), l.scimID(l.member)
	for name, tc := range map[string]struct {
		token, method, path, body string
		status                    int
		code                      string
	}{
		"no admin":        {l.entraToken(l.member), "GET", secretsPath(id), "", 403, "PERMISSION_DENIED"},
		"unknown":         {admin, "GET", secretsPath("7"), "", 404, "RESOURCE_DOES_NOT_EXIST"},
		"application id":  {admin, "GET", secretsPath(l.member.ClientID), "", 400, "INVALID_PARAMETER_VALUE"},
		"without s":       {admin, "POST", secretsPath(id), `{"lifetime":"3600"}`, 400, "INVALID_PARAMETER_VALUE"},
		"too long":        {admin, "POST", secretsPath(id), `{"lifetime":"63072001s"}`, 400, "INVALID_PARAMETER_VALUE"},
		"zero":            {admin, "POST", secretsPath(id), `{"lifetime":"0s"}`, 400, "INVALID_PARAMETER_VALUE"},
		"unknown field":   {admin, "POST", secretsPath(id), `{"comment":"c"}`, 400, "MALFORMED_REQUEST"},
		"no change":       {admin, "PATCH", secretsPath(id) + "/x", `{}`, 404, "ENDPOINT_NOT_FOUND"},
		"read one secret": {admin, "GET", secretsPath(id) + "/x", "", 404, "ENDPOINT_NOT_FOUND"},
		"unknown secret":  {admin, "DELETE", secretsPath(id) + "/x", "", 404, "RESOURCE_DOES_NOT_EXIST"},
		"unknown setting": {admin, "GET", secretsPath(id) + "?size=1", "", 400, "INVALID_PARAMETER_VALUE"},
	} {
		if a := l.ask(tc.token, tc.method, tc.path, tc.body); a.status != tc.status ||
			a.json(t)["error_code"] != tc.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for i := range 6 {
		a := l.ask(admin, "POST", secretsPath(id), `{"lifetime":"3600s"}`)
		if (a.status == 200) != (i < 5) || i == 5 && a.json(t)["error_code"] != "QUOTA_EXCEEDED" {
			t.Errorf("%d: %d %s", i, a.status, a.body)
		}
	}
	// Expired secrets do not count for the limit of five secrets.
	l.tenant.Clock.Advance(time.Hour + time.Second)
	if a := l.ask(l.entraToken(l.admin), "POST", secretsPath(id), `{}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestOAuthSecretPages(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{OAuthSecretPageSize: 2})
	for range 5 {
		l.AddOAuthSecret(l.member.ClientID, 0)
	}
	list, err := oauth2.NewServicePrincipalSecretsProxy(l.sdk(l.entraToken(l.admin))).
		ListAll(context.Background(), oauth2.ListServicePrincipalSecretsRequest{ServicePrincipalId: l.scimID(l.member)})
	if err != nil || len(list) != 5 || list[0].ExpireTime != "" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestOAuthClientCredentials checks that a client gets a token by the header and by the body, that the APIs accept the
// token, and that its claims are like those of published tokens.
func TestOAuthClientCredentials(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	_, secret := l.AddOAuthSecret(l.member.ClientID, time.Hour)
	client := l.member.ClientID
	inBody := l.post("", "", credentialsForm("client_id", client, "client_secret", secret, "scope", "all-apis"))
	if got := inBody.json(t); inBody.status != 200 || got["token_type"] != "Bearer" || got["scope"] != "all-apis" ||
		got["expires_in"] != 3600.0 {
		t.Fatalf("%d %s", inBody.status, inBody.body)
	}
	token := l.oauthToken(client, secret)
	if a := l.ask(token, "GET", scimRoot+"Me", ""); a.status != 200 || a.json(t)["userName"] != client {
		t.Errorf("%d %s", a.status, a.body)
	}
	var claims jwt.MapClaims
	parsed, _, err := jwt.NewParser().ParseUnverified(token, &claims)
	if err != nil || parsed.Header["typ"] != "at+jwt" || claims["aud"] != l.ID() || claims["sub"] != client ||
		claims["client_id"] != client {
		t.Errorf("%v %v %v", parsed.Header, claims, err)
	}
	var keys struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(l.ask("", "GET", "/oidc/jwks.json", "").body), &keys); err != nil ||
		keys.Keys[0]["kid"] != parsed.Header["kid"] {
		t.Errorf("%+v, %v", keys, err)
	}
	if a := l.ask("", "GET", "/oidc/.well-known/oauth-authorization-server",
		""); !strings.HasSuffix(fmt.Sprint(a.json(t)["token_endpoint"]), "/oidc/v1/token") {
		t.Errorf("%d %s", a.status, a.body)
	}
	// Another workspace refuses the token, because it did not sign it.
	other := l.tenant.NewWorkspace(WorkspaceOptions{})
	other.AddServicePrincipal(client, "scorer")
	there := &lab{Workspace: other, t: t}
	if a := there.ask(token, "GET", scimRoot+"Me", ""); a.status != 401 {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.tenant.Clock.Advance(time.Hour)
	if a := l.ask(token, "GET", scimRoot+"Me", ""); a.status != 401 {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantOAuthError(t, l.post(client, secret, credentialsForm()), 401, "invalid_client") // the secret has expired, too
	for _, e := range l.tenant.Journal.Entries() {
		basic := base64.StdEncoding.EncodeToString([]byte(client + ":" + secret))
		if text := fmt.Sprint(e); strings.Contains(text, secret) || strings.Contains(text, token) ||
			strings.Contains(text, basic) {
			t.Errorf("the journal holds a value: %s %s", e.Method, e.Path)
		}
	}
}

func TestOAuthTokenRefusals(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	client := l.member.ClientID
	id, secret := l.AddOAuthSecret(client, time.Hour, "model-serving")
	wantOAuthError(t, l.post(client, "dose", credentialsForm()), 401, "invalid_client")
	wantOAuthError(t, l.post(client, l.member.AddSecret(time.Hour), credentialsForm()), 401, "invalid_client")
	wantOAuthError(t, l.post(l.admin.ClientID, secret, credentialsForm()), 401, "invalid_client")
	wantOAuthError(t, l.post(client, secret, url.Values{}), 400, "unsupported_grant_type")
	wantOAuthError(t, l.post(client, secret, credentialsForm("client_secret", secret)), 400, "invalid_request")
	wantOAuthError(t, l.post(client, secret, credentialsForm("scope", "all-apis")), 403, "access_denied")
	wantOAuthError(t, l.post(client, secret, credentialsForm("authorization_details", `[{"type":"x"}]`)), 400,
		"invalid_request")
	token := l.oauthToken(client, secret, "scope", "model-serving")
	if a := l.ask(token, "GET", "/api/2.0/serving-endpoints", ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, path := range []string{scimRoot + "Me", "/api/2.0/token/list", "/api/2.0/clusters/list"} {
		if a := l.ask(token, "GET", path, ""); a.status != 403 || !strings.Contains(a.body, "required scopes") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	l.SetOAuthSecretStatus(id, "INACTIVE")
	wantOAuthError(t, l.post(client, secret, credentialsForm()), 401, "invalid_client")
	l.SetOAuthSecretStatus(id, "active")
	l.SetActive(client, false)
	wantOAuthError(t, l.post(client, secret, credentialsForm()), 401, "invalid_client")
	if a := l.ask(token, "GET", "/api/2.0/serving-endpoints", ""); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.SetActive(client, true)
	l.DeleteOAuthSecret(id)
	wantOAuthError(t, l.post(client, secret, credentialsForm()), 401, "invalid_client")
	if a := l.ask(token, "GET", "/api/2.0/serving-endpoints", ""); a.status != 200 { // tokens outlive their secret
		t.Errorf("%d %s", a.status, a.body)
	}
	l.SetSwitches(WorkspaceSwitches{Network: NetworkIPAccessList})
	if a := l.post(client, secret, credentialsForm()); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTokenExchange(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	issuer := l.tenant.NewOIDCIssuer("https://issuer.example")
	l.AddFederationPolicy(l.member.ClientID, issuer.URL(), "repo:a", "")
	exchange := func(token, client string) rawAnswer {
		return l.post("", "", url.Values{"grant_type": {grantExchange}, "subject_token": {token},
			"subject_token_type": {subjectTypeJWT},
			"client_id":          {client}, "scope": {"all-apis"}})
	}
	good := issuer.Token("repo:a", l.accountID, 10*time.Minute)
	a := exchange(good, l.member.ClientID)
	if got := a.json(t); a.status != 200 || got["expires_in"].(float64) > 600 || got["issued_token_type"] == nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if me := l.ask(a.json(t)["access_token"].(string), "GET", scimRoot+"Me",
		""); me.json(t)["userName"] != l.member.ClientID {
		t.Errorf("%d %s", me.status, me.body)
	}
	for name, a := range map[string]rawAnswer{
		"subject":  exchange(issuer.Token("repo:b", l.accountID, time.Hour), l.member.ClientID),
		"audience": exchange(issuer.Token("repo:a", "another", time.Hour), l.member.ClientID),
		"client":   exchange(good, l.admin.ClientID),
		"none":     exchange(good, ""),
		"forged":   exchange(good[:len(good)-4]+"AAAA", l.member.ClientID),
	} {
		if a.status != 401 || !strings.Contains(a.body, "Invalid credentials") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	l.tenant.Clock.Advance(time.Hour)
	wantOAuthError(t, exchange(good, l.member.ClientID), 401, "invalid_grant")
}

func TestOAuthSwitches(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{OAuthSecretDelay: time.Minute, OAuthSecretsExpiredShown: true,
		OAuthSecretScopesIgnored: true, OAuthSecretCreated: 201,
		OAuthTokensForInactive: true, OAuthMalformed: Refusal{Status: 422}, OAuthSecretsDenied: Refusal{Status: 401}})
	id, client := l.scimID(l.member), l.member.ClientID
	made := l.ask(l.entraToken(l.admin), "POST", secretsPath(id), `{"lifetime":"120s","scopes":["model-serving"]}`)
	if made.status != 201 || strings.Contains(made.body, "model-serving") {
		t.Errorf("%d %s", made.status, made.body)
	}
	secret, _ := made.json(t)["secret"].(string)
	wantOAuthError(t, l.post(client, secret, credentialsForm()), 401, "invalid_client")
	l.tenant.Clock.Advance(time.Minute)
	l.SetActive(client, false)
	l.oauthToken(client, secret)
	l.tenant.Clock.Advance(time.Hour)
	if a := l.ask(l.entraToken(l.admin), "GET", secretsPath(id), ""); !strings.Contains(a.body, "expire_time") {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantOAuthError(t, l.post(client, secret, credentialsForm("client_id", "x", "client_secret", "y")), 422,
		"invalid_request")
	l.SetActive(client, true)
	if a := l.ask(l.entraToken(l.member), "GET", secretsPath(id), ""); a.status != 401 {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.SetSwitches(WorkspaceSwitches{OAuthMissing: true})
	if a := l.ask("", "GET", "/oidc/.well-known/oauth-authorization-server", ""); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.SetSwitches(WorkspaceSwitches{IdentityFederation: true, OAuthTokensForStrangers: true})
	_, secret = l.AddOAuthSecret(client, time.Hour)
	if a := l.ask(l.entraToken(l.admin), "DELETE", spPath+"/"+id, ""); a.status/100 != 2 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := l.ask(l.oauthToken(client, secret), "GET", scimRoot+"Me", ""); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// score sends a scoring request to a route-optimized endpoint at the endpoint's own host.
func (l *lab) score(name, token string) rawAnswer {
	l.t.Helper()
	host := l.EndpointHost(name)
	handler := l.servingAt(host)
	r := httptest.NewRequest(http.MethodPost, "https://"+host+"/"+l.ID()+"/serving-endpoints/"+name+"/invocations",
		strings.NewReader(`{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return rawAnswer{w.Code, w.Header(), w.Body.String()}
}

func TestRouteOptimized(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	client := l.member.ClientID
	l.CreateRouteOptimizedEndpoint("fast", "ada@example.com")
	l.CreateRouteOptimizedEndpoint("other", "ada@example.com")
	_, secret := l.AddOAuthSecret(client, time.Hour)
	info := l.ask(l.entraToken(l.admin), "GET", "/api/2.0/serving-endpoints/fast",
		"").json(t)["data_plane_info"].(map[string]any)["query_info"].(map[string]any)
	details, address := info["authorization_details"].(string), info["endpoint_url"].(string)
	if want := "https://" + l.EndpointHost("fast") + "/" + l.ID() +
		"/serving-endpoints/fast/invocations"; address != want {
		t.Errorf("%s, want %s", address, want)
	}
	wantOAuthError(t, l.post(client, secret, credentialsForm("authorization_details", details)), 401,
		"invalid_authorization_details")
	l.SetGrant("fast", client, "CAN_QUERY")
	token := l.oauthToken(client, secret, "authorization_details", details)
	if a := l.score("fast", token); a.status != 200 || !strings.Contains(a.body, "setosa") {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.SetGrant("authorization/tokens", client, "CAN_USE")
	_, pat := l.MintToken(client, "", time.Hour)
	plain := l.oauthToken(client, secret)
	for name, bearer := range map[string]string{"none": "", "personal": pat, "entra": l.entraToken(l.member),
		"plain": plain} {
		if a := l.score("fast", bearer); a.status != 401 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := l.score("other", token); a.status != 401 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := l.ask(token, "GET", scimRoot+"Me", ""); a.status != 401 {
		t.Errorf("%d %s", a.status, a.body)
	}
	// A token of the workspace can be exchanged for one with authorization details; an Entra token cannot.
	narrow := func(assertion string) rawAnswer {
		return l.post("", "", url.Values{"grant_type": {grantJWTBearer}, "assertion": {assertion},
			"authorization_details": {details}})
	}
	if a := narrow(plain); a.status != 200 || l.score("fast", a.json(t)["access_token"].(string)).status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantOAuthError(t, narrow(l.entraToken(l.member)), 400, "invalid_request")
	wantOAuthError(t, narrow("dapi"), 400, "invalid_grant")
	// A token stays valid after its grant is removed, unless the switch checks grants at each request.
	l.RemoveGrant("fast", client)
	if a := l.score("fast", token); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.SetSwitches(WorkspaceSwitches{OptimizedChecksGrants: true, EntraAssertions: true, DetailedTokensEverywhere: true})
	if a := l.score("fast", token); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := l.ask(token, "GET", scimRoot+"Me", ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.SetGrant("fast", client, "CAN_QUERY")
	if a := narrow(l.entraToken(l.member)); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	// An endpoint that is deleted and created again has another id, which the old token does not name.
	l.DeleteEndpoint("fast")
	l.CreateRouteOptimizedEndpoint("fast", "ada@example.com")
	if a := l.score("fast", token); a.status != 401 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if !slices.ContainsFunc(l.tenant.Journal.Entries(), func(e Entry) bool {
		return e.Service == "serving" && e.Caller == client && e.Status == 200
	}) {
		t.Error("the journal has no call of the endpoint")
	}
}

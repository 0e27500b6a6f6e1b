package emulator

import (
	"crypto/subtle"
	"encoding/base64"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Switches choose among answers of Entra ID that public pages leave open. The
// zero value is the stricter or the newer form.
type Switches struct {
	// AcceptReplayedAssertion takes the same assertion id twice. RFC 7523 lets a
	// server refuse it; whether Entra ID does is not documented.
	AcceptReplayedAssertion bool
	// AcceptAssertionWithoutID takes an assertion without jti, which the
	// certificate credentials page lists but does not call required.
	AcceptAssertionWithoutID bool
	// RefuseSingleSlashManagement refuses the scope
	// https://management.core.windows.net/.default, whose resource lacks the
	// trailing slash that Azure Resource Manager's identifier has.
	RefuseSingleSlashManagement bool
	// TokenTenantErrorName replaces the error name beside code 90002 at the token
	// endpoint, reported as both invalid_request (the default) and invalid_tenant.
	TokenTenantErrorName string
	// DescriptionLines puts each part of an error description on a line of its
	// own, as older answers do.
	DescriptionLines bool
}

// DatabricksResource is the application id of Azure Databricks in every tenant,
// the audience of the tokens its workspaces take.
const DatabricksResource = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"

// Entra serves the part of Microsoft Entra ID with which an application logs in without a user: metadata as in "OpenID
// Connect on the Microsoft identity platform", and the token endpoint as in "OAuth 2.0 client credentials flow on the
// Microsoft identity platform", in its v2.0 and v1.0 forms.
func (t *Tenant) Entra() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /common/discovery/instance", t.instanceDiscovery)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", t.openIDConfiguration)
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", t.signingKeys)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", t.token)
	mux.HandleFunc("POST /{tenant}/oauth2/token", t.token)
	mux.HandleFunc("/{tenant}/oauth2/v2.0/token", t.onlyPost)
	mux.HandleFunc("/{tenant}/oauth2/token", t.onlyPost)
	return t.instrument("entra", t.entraFaultBody, entraHeaders{mux})
}

// entraHeaders sets what every answer of Entra ID carries. Embedding the mux
// keeps its route lookup for the journal.
type entraHeaders struct{ *http.ServeMux }

func (h entraHeaders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("x-ms-request-id", uuid.NewString())
	w.Header().Set("x-ms-ests-server", "2.1.0 - EMULATOR")
	h.ServeMux.ServeHTTP(w, r)
}

// requestBase is the address the caller used. Only on this machine may it be
// plain http: a transport that redirects login.microsoftonline.com to a plain
// server must still be told https, which MSAL compares with its authority.
func requestBase(r *http.Request) string {
	host := hostName(r.Host)
	ip := net.ParseIP(host)
	if r.TLS == nil && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

var dnsName = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$`)

// checkTenant is Entra ID's first complaint, at every endpoint.
func (t *Tenant) checkTenant(r *http.Request) *entraError {
	name := r.PathValue("tenant")
	switch {
	case t.at(r.Host) && (strings.EqualFold(name, t.ID) || strings.EqualFold(name, t.Domain)):
		return nil
	case name == "common", name == "organizations", name == "consumers":
		// These names mean the tenant that the user belongs to, and here there is no user.
		return complain(entraNoTenant, "No tenant-identifying information found in either the request or implied by any provided credentials.")
	}
	if _, err := uuid.Parse(name); err != nil && !dnsName.MatchString(name) {
		return complain(entraTenantSyntax, "Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain.", name)
	}
	return complain(entraTenantNotFound, "Tenant '%s' not found. Check to make sure you have the correct tenant ID "+
		"and are signing into the correct cloud. Check with your subscription administrator, this may happen if "+
		"there are no active subscriptions for the tenant.", name)
}

// forEveryTenant reports whether a name stands for the tenant of whoever signs in. Metadata exists under such a name; what is
// issued comes from a tenant, so that the issuer is a template.
func forEveryTenant(name string) bool { return name == "common" || name == "organizations" }

func (t *Tenant) openIDConfiguration(w http.ResponseWriter, r *http.Request) {
	if name := r.PathValue("tenant"); forEveryTenant(name) {
		entraJSON(w, http.StatusOK, openIDMetadata(requestBase(r)+"/"+name, requestBase(r)+"/{tenantid}"))
		return
	}
	if e := t.checkTenant(r); e != nil {
		if e.code == entraTenantNotFound {
			e.name = "invalid_tenant"
		}
		t.refuseLogin(w, r, e)
		return
	}
	// A domain resolves to the id in everything the document names.
	base := requestBase(r) + "/" + t.ID
	entraJSON(w, http.StatusOK, openIDMetadata(base, base))
}

func openIDMetadata(base, issuer string) map[string]any {
	return map[string]any{
		"issuer":                                issuer + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
	}
}

// instanceDiscovery vouches for an authority: one of the clouds', or the one that
// was asked itself.
func (t *Tenant) instanceDiscovery(w http.ResponseWriter, r *http.Request) {
	aliases, base := []string{r.Host}, requestBase(r)
	if asked, err := url.Parse(r.URL.Query().Get("authorization_endpoint")); err != nil {
		t.refuseLogin(w, r, complain(entraUnknownInstance, "Unknown or invalid instance."))
		return
	} else if asked.Host != "" && asked.Host != r.Host {
		if !isLogin(asked.Host) {
			t.refuseLogin(w, r, complain(entraUnknownInstance, "Unknown or invalid instance."))
			return
		}
		aliases, base = []string{asked.Host}, "https://"+asked.Host
	}
	if isLogin(aliases[0]) {
		aliases = cloudsOf(aliases[0])[0].logins
	}
	entraJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": base + "/" + t.ID + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{
			"preferred_network": aliases[0],
			"preferred_cache":   aliases[0],
			"aliases":           aliases,
		}},
	})
}

func (t *Tenant) signingKeys(w http.ResponseWriter, r *http.Request) {
	if e := t.checkTenant(r); e != nil && !forEveryTenant(r.PathValue("tenant")) {
		t.refuseLogin(w, r, e)
		return
	}
	entraJSON(w, http.StatusOK, map[string]any{"keys": []map[string]any{{
		"kty": "RSA",
		"use": "sig",
		"kid": t.signingKeyID,
		"n":   base64.RawURLEncoding.EncodeToString(t.signingKey.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(t.signingKey.E)).Bytes()),
	}}})
}

func (t *Tenant) onlyPost(w http.ResponseWriter, r *http.Request) {
	t.refuseLogin(w, r, complain(entraOnlyPost, "The endpoint only accepts POST requests. Received a %s request.", r.Method))
}

// token answers both forms of the token endpoint: v2.0 names what is asked for as
// scope and answers numbers, v1.0 names it as resource and answers strings.
func (t *Tenant) token(w http.ResponseWriter, r *http.Request) {
	v1 := !strings.HasSuffix(r.URL.Path, "/v2.0/token")
	if e := t.checkTenant(r); e != nil {
		if e.code == entraTenantNotFound && t.Switches().TokenTenantErrorName != "" {
			e.name = t.Switches().TokenTenantErrorName
		}
		t.refuseLogin(w, r, e)
		return
	}
	app, provedBy, e := t.authenticate(w, r)
	if e != nil {
		t.refuseLogin(w, r, e)
		return
	}
	noteCaller(r, app.ClientID)

	var resource string
	if v1 {
		resource, e = t.resourceOf(r.Host, r.PostForm.Get("resource"), "resource")
	} else {
		resource, e = t.resourceOfScope(r.Host, r.PostForm.Get("scope"))
	}
	if e != nil {
		t.refuseLogin(w, r, e)
		return
	}

	t.mu.Lock()
	lifetime := t.tokenLifetime
	t.mu.Unlock()
	raw, err := t.issue(app, resource, provedBy, lifetime)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	seconds := int64(lifetime / time.Second)
	if v1 {
		now := t.Clock.Now().Unix()
		entraJSON(w, http.StatusOK, map[string]string{
			"token_type":     "Bearer",
			"expires_in":     strconv.FormatInt(seconds, 10),
			"ext_expires_in": strconv.FormatInt(seconds, 10),
			"expires_on":     strconv.FormatInt(now+seconds, 10),
			"not_before":     strconv.FormatInt(now, 10),
			"resource":       resource,
			"access_token":   raw,
		})
		return
	}
	// No scope in the answer: MSAL takes one that lacks what it asked for as declined.
	entraJSON(w, http.StatusOK, map[string]any{
		"token_type":     "Bearer",
		"expires_in":     seconds,
		"ext_expires_in": seconds,
		"access_token":   raw,
	})
}

// authenticate makes Entra ID's complaints about the client in its order: what is asked, who asks, and only then
// whether the credential is valid.
func (t *Tenant) authenticate(w http.ResponseWriter, r *http.Request) (app *App, provedBy string, e *entraError) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return nil, "", complain(entraInvalidInput, "Invalid input received from the user.")
	}
	// PostForm is empty unless the body is a form, and never holds the query.
	form := r.PostForm
	switch grant := form.Get("grant_type"); grant {
	case "client_credentials":
	case "":
		return nil, "", missingParameter("grant_type")
	default:
		return nil, "", complain(entraGrantType, "The app requested an unsupported grant type '%s'.", grant)
	}

	clientID, secret := form.Get("client_id"), form.Get("client_secret")
	if id, password, ok := r.BasicAuth(); ok {
		// RFC 6749 section 2.3.1: both are form-encoded inside the header.
		id, errID := url.QueryUnescape(id)
		password, errPassword := url.QueryUnescape(password)
		if errID != nil || errPassword != nil || clientID != "" && !strings.EqualFold(clientID, id) || secret != "" {
			return nil, "", complain(entraInvalidInput, "Invalid input received from the user.")
		}
		clientID, secret = id, password
	}
	if clientID == "" {
		return nil, "", missingParameter("client_id")
	}
	app, known := t.App(clientID)
	if !known {
		return nil, "", complain(entraAppNotFound, "Application with identifier '%s' was not found in the "+
			"directory '%s'. This can happen if the application has not been installed by the administrator of the "+
			"tenant or consented to by any user in the tenant. You may have sent your authentication request to "+
			"the wrong tenant.", clientID, t.Domain)
	}
	if app.isDisabled() {
		return nil, "", complain(entraAppDisabled, "Application '%s'(%s) is disabled.", app.ClientID, app.Name)
	}

	assertion := form.Get("client_assertion")
	switch {
	case assertion == "" && secret == "":
		return nil, "", complain(entraNoCredential, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case assertion != "" && secret != "":
		// RFC 6749 section 2.3: one way of authenticating per request.
		return nil, "", complain(entraInvalidInput, "Invalid input received from the user.")
	case secret != "":
		return app, provedBySecret, app.checkSecret(secret)
	}
	switch kind := form.Get("client_assertion_type"); kind {
	case assertionType:
	case "":
		return nil, "", missingParameter("client_assertion_type")
	default:
		return nil, "", malformedAssertion("The assertion type '%s' is not supported.", kind)
	}
	return app, provedByCertificate, t.verifyAssertion(app, assertion, t.assertionAudiences(r))
}

// assertionAudiences are the names of the token endpoint that was asked, with the
// tenant by its id or its domain.
func (t *Tenant) assertionAudiences(r *http.Request) []string {
	_, endpoint, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	base := requestBase(r)
	return []string{base + "/" + t.ID + "/" + endpoint, base + "/" + t.Domain + "/" + endpoint}
}

func (a *App) isDisabled() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.disabled
}

func (a *App) checkSecret(value string) *entraError {
	a.mu.Lock()
	defer a.mu.Unlock()
	expired := false
	for _, secret := range a.secrets {
		if subtle.ConstantTimeCompare([]byte(secret.value), []byte(value)) != 1 {
			continue
		}
		if a.clock.Now().Before(secret.expires) {
			return nil
		}
		expired = true
	}
	if expired {
		return complain(entraExpiredSecret, "The provided client secret keys for app '%s' are expired. Visit the "+
			"Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using "+
			"certificate credentials for added security: https://aka.ms/certCreds.", a.ClientID)
	}
	return complain(entraWrongSecret, "Invalid client secret provided. Ensure the secret being sent in the request "+
		"is the client secret value, not the client secret ID, for a secret added to app '%s'.", a.ClientID)
}

// resourceOfScope reads a v2.0 scope: one resource with the suffix /.default,
// beside the OpenID scopes that MSAL always appends.
func (t *Tenant) resourceOfScope(host, scope string) (string, *entraError) {
	if scope == "" {
		return "", missingParameter("scope")
	}
	var asked []string
	for s := range strings.FieldsSeq(scope) {
		switch s {
		case "openid", "profile", "offline_access":
		default:
			asked = append(asked, s)
		}
	}
	if len(asked) > 1 {
		return "", complain(entraManyResources, "The provided value for the input parameter 'scope' is not valid "+
			"because it contains more than one resource. Scope %s is not valid.", scope)
	}
	if len(asked) == 1 {
		if resource, ok := strings.CutSuffix(asked[0], "/.default"); ok && resource != "" {
			return t.resourceOf(host, resource, "scope")
		}
	}
	return "", complain(entraScope, "The provided request must include a 'scope' input parameter. "+
		"The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", scope)
}

// resourceOf finds the resource of a request to host, whose cloud decides which
// ones there are.
func (t *Tenant) resourceOf(host, resource, parameter string) (string, *entraError) {
	if resource == "" {
		return "", missingParameter(parameter)
	}
	if strings.EqualFold(resource, DatabricksResource) {
		resource = DatabricksResource
	}
	singleSlash := strings.HasPrefix(resource, "https://management.core.") && !strings.HasSuffix(resource, "/")
	if !knownResource(host, resource) || t.Switches().RefuseSingleSlashManagement && singleSlash {
		return "", complain(entraResourceNotFound, "The resource principal named %s was not found in the tenant "+
			"named %s. This can happen if the application has not been installed by the administrator of the "+
			"tenant or consented to by any user in the tenant. You might have sent your authentication request to "+
			"the wrong tenant.", resource, t.Domain)
	}
	return resource, nil
}

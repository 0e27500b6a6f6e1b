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

// Switches select the behaviour of Entra ID where its public documentation leaves it open. The zero value selects the
// stricter or the newer behaviour.
type Switches struct {
	// AcceptReplayedAssertion accepts a client assertion whose id was used before. RFC 7523 allows a server to refuse
	// such an assertion; whether Entra ID does so is not documented.
	AcceptReplayedAssertion bool
	// AcceptAssertionWithoutID accepts a client assertion without a jti claim. Microsoft's page on certificate
	// credentials lists this claim but does not say that it is required.
	AcceptAssertionWithoutID bool
	// RefuseSingleSlashManagement refuses the scope https://management.core.windows.net/.default, because the resource
	// in it lacks the final slash of Azure Resource Manager's identifier.
	RefuseSingleSlashManagement bool
	// TokenTenantErrorName replaces the error name that the token endpoint sends with code 90002. Users have reported
	// both invalid_request (the default) and invalid_tenant.
	TokenTenantErrorName string
	// DescriptionLines writes each part of an error description on its own line, as older answers do.
	DescriptionLines bool
}

// DatabricksResource is the application id of Azure Databricks in every tenant. It is the audience of the access tokens
// that workspaces accept.
const DatabricksResource = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"

// Entra returns the part of Microsoft Entra ID with which an application logs in without a user. It serves the metadata
// of "OpenID Connect on the Microsoft identity platform" and the token endpoint, v2.0 and v1.0, of "OAuth 2.0 client
// credentials flow on the Microsoft identity platform".
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

// entraHeaders sets the headers that every answer of Entra ID has. It embeds the mux because the journal looks up
// routes with the mux's method Handler.
type entraHeaders struct{ *http.ServeMux }

func (h entraHeaders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("x-ms-request-id", uuid.NewString())
	w.Header().Set("x-ms-ests-server", "2.1.0 - EMULATOR")
	h.ServeMux.ServeHTTP(w, r)
}

// requestBase returns the scheme and host that the caller used. It returns http only for a plain request to an address
// of this machine. A transport may redirect login.microsoftonline.com to a server without TLS; the answer must still
// say https, because MSAL compares that address with its authority.
func requestBase(r *http.Request) string {
	host := hostName(r.Host)
	ip := net.ParseIP(host)
	if r.TLS == nil && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

var dnsName = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$`)

// checkTenant returns an error unless the request's path names this tenant. Every endpoint of Entra ID checks this
// first.
func (t *Tenant) checkTenant(r *http.Request) *entraError {
	name := r.PathValue("tenant")
	switch {
	case t.at(r.Host) && (strings.EqualFold(name, t.ID) || strings.EqualFold(name, t.Domain)):
		return nil
	case name == "common", name == "organizations", name == "consumers":
		// common, organizations and consumers mean the tenant of the user. An application that logs in has no user.
		return complain(entraNoTenant, "No tenant-identifying information found in either the request or implied "+
			"by any provided credentials.")
	}
	if _, err := uuid.Parse(name); err != nil && !dnsName.MatchString(name) {
		return complain(entraTenantSyntax, "Specified tenant identifier '%s' is neither a valid DNS name, nor a "+
			"valid external domain.", name)
	}
	return complain(entraTenantNotFound, "Tenant '%s' not found. Check to make sure you have the correct tenant ID "+
		"and are signing into the correct cloud. Check with your subscription administrator, this may happen if "+
		"there are no active subscriptions for the tenant.", name)
}

// forEveryTenant reports whether name means the tenant of whoever signs in. Metadata exists under such a name, but
// every token comes from one tenant, so the issuer in that metadata is a template.
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
	// The metadata names the tenant by its id, even if the request named it by its domain.
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

// instanceDiscovery answers whether an authority belongs to Microsoft. It accepts the logins of the clouds and the host
// that the request was sent to.
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
	t.refuseLogin(w, r, complain(entraOnlyPost, "The endpoint only accepts POST requests. Received a %s request.",
		r.Method))
}

// token serves both versions of the token endpoint. In v2.0 the request has a scope and the answer contains numbers; in
// v1.0 the request has a resource and the answer contains strings.
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
	// The answer has no scope: MSAL treats a requested scope that is missing from the answer's scope as declined.
	entraJSON(w, http.StatusOK, map[string]any{
		"token_type":     "Bearer",
		"expires_in":     seconds,
		"ext_expires_in": seconds,
		"access_token":   raw,
	})
}

// authenticate returns the application that sends the request, and how it proved its identity. It checks in the order
// in which Entra ID does: first the grant type, then the application, and last the secret or assertion.
func (t *Tenant) authenticate(w http.ResponseWriter, r *http.Request) (app *App, provedBy string, e *entraError) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return nil, "", complain(entraInvalidInput, "Invalid input received from the user.")
	}
	// PostForm contains no query parameters, and is empty if the body is not a form.
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
		// RFC 6749 section 2.3.1: the client id and the secret are form-encoded inside the header.
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
		return nil, "", complain(entraNoCredential, "The request body must contain the following parameter: "+
			"'client_assertion' or 'client_secret'.")
	case assertion != "" && secret != "":
		// RFC 6749 section 2.3: a request must not use more than one way of authenticating.
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

// assertionAudiences returns the addresses of the requested token endpoint, which a client assertion may name as its
// audience: one with the tenant's id and one with its domain.
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

// resourceOfScope returns the resource that a v2.0 scope names. The scope must contain one resource with the suffix
// /.default, and may contain the OpenID scopes that MSAL always adds.
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

// resourceOf returns the resource in its usual spelling, or an error if it does not exist in the cloud that host
// belongs to. parameter is the name of the request parameter, for the error.
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

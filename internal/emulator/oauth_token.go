package emulator

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// The workspace's own token endpoint: RFC 6749 (client credentials), RFC 8693 (token exchange), RFC 7523 (JWT bearer)
// and RFC 9396 (authorization details). It follows learn.microsoft.com/azure/databricks/dev-tools/auth/oauth-m2m,
// …/oauth-federation-exchange and …/machine-learning/model-serving/query-route-optimization. The only client secrets
// that it accepts are OAuth secrets of Databricks.

const (
	oidcRoot          = "/oidc/"
	allScopes         = "all-apis"
	grantCredentials  = "client_credentials"
	grantExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantJWTBearer    = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	subjectTypeJWT    = "urn:ietf:params:oauth:token-type:jwt"
	oauthTokenSeconds = 3600
	maxTokenForm      = 1 << 20
)

// oauthRefusal returns an error answer in the form of RFC 6749 section 5.2. The code is the value of the field error.
func oauthRefusal(status int, code, description string) *apiError {
	return &apiError{status: status, code: code, message: description}
}

func invalidClient() *apiError {
	return oauthRefusal(http.StatusUnauthorized, "invalid_client", "Client authentication failed")
}

func writeOAuthError(rw http.ResponseWriter, e *apiError) {
	writeOAuth(rw, e.status, map[string]string{"error": e.code, "error_description": e.message})
}

func writeOAuth(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body)
}

// oauthFault writes a declared fault as an error of the token endpoint.
func oauthFault(f Fault) (string, []byte) {
	body, _ := json.Marshal(map[string]string{"error": f.Code, "error_description": f.Message})
	return "application/json", body
}

func (w *Workspace) oidcRoutes(mux *http.ServeMux) {
	metadata := func(rw http.ResponseWriter, r *http.Request) {
		if w.Switches().OAuthMissing {
			missing := noSuchAPI(r.Method, r.URL.Path)
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(missing.status)
			_, _ = rw.Write(standardErrorBody(missing.code, missing.message, uuid.NewString()))
			return
		}
		base := requestBase(r) + "/oidc"
		writeOAuth(rw, http.StatusOK, map[string]any{
			"issuer":                                w.oauthIssuer(),
			"authorization_endpoint":                base + "/v1/authorize",
			"token_endpoint":                        base + "/v1/token",
			"jwks_uri":                              base + "/jwks.json",
			"grant_types_supported":                 []string{grantCredentials, "authorization_code", "refresh_token"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "none"},
			"scopes_supported":                      []string{allScopes, "sql", "openid", "profile", "email", "offline_access"},
		})
	}
	mux.HandleFunc("GET "+oidcRoot+".well-known/oauth-authorization-server", metadata)
	mux.HandleFunc("GET "+oidcRoot+".well-known/openid-configuration", metadata)
	mux.HandleFunc("GET "+oidcRoot+"jwks.json", func(rw http.ResponseWriter, _ *http.Request) {
		key, id := w.oauthKey()
		writeOAuth(rw, http.StatusOK, map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("POST "+oidcRoot+"v1/token", w.oauthToken)
}

// tokenRequest is one request to the token endpoint. It is handled while the workspace's mutex is held.
type tokenRequest struct {
	w    *Workspace
	r    *http.Request
	form url.Values
	now  time.Time

	who     *principal
	scopes  []string // the scopes of the credential; empty means all
	details []authorizationDetail
	seconds int64
}

func (w *Workspace) oauthToken(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxTokenForm)
	formErr := r.ParseForm()
	t := &tokenRequest{w: w, r: r, form: r.PostForm, now: w.tenant.Clock.Now(), seconds: oauthTokenSeconds}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &call{w: w, rw: rw, r: r, now: t.now}
	if err := c.checkNetwork(); err != nil {
		c.fail(err)
		return
	}
	if formErr != nil || w.switches.OAuthMissing {
		writeOAuthError(rw, w.malformedTokenRequest("the request is not a form"))
		return
	}
	answer, refusal := t.answer()
	if refusal != nil {
		writeOAuthError(rw, refusal)
		return
	}
	noteCaller(r, t.who.name())
	writeOAuth(rw, http.StatusOK, answer)
}

func (w *Workspace) malformedTokenRequest(what string) *apiError {
	return w.switches.OAuthMalformed.or(http.StatusBadRequest, "invalid_request", "Malformed request: {}", what)
}

func (t *tokenRequest) answer() (map[string]any, *apiError) {
	for name, values := range t.form {
		if len(values) != 1 { // RFC 6749 section 3.2: parameters must not be repeated
			return nil, t.w.malformedTokenRequest(name + " is given twice")
		}
	}
	var refusal *apiError
	switch grant := t.form.Get("grant_type"); grant {
	case grantCredentials:
		refusal = t.byCredentials()
	case grantExchange:
		refusal = t.byExchange()
	case grantJWTBearer:
		refusal = t.byOwnToken()
	default:
		refusal = oauthRefusal(http.StatusBadRequest, "unsupported_grant_type", "Grant type is not supported: "+grant)
	}
	if refusal != nil {
		return nil, refusal
	}
	scopes, refusal := t.grantedScopes()
	if refusal != nil {
		return nil, refusal
	}
	if refusal := t.readDetails(); refusal != nil {
		return nil, refusal
	}
	token := t.w.signOAuth(t.who, scopes, t.details, t.now, t.seconds)
	answer := map[string]any{"access_token": token, "scope": strings.Join(scopes, " "), "token_type": "Bearer",
		"expires_in": t.seconds}
	if t.form.Get("grant_type") == grantExchange {
		answer["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
	}
	return answer, nil
}

// byCredentials logs a client in with an OAuth secret. The client id and the secret come from the header or from the
// body, but not from both (RFC 6749 section 2.3).
func (t *tokenRequest) byCredentials() *apiError {
	id, secret, basic := t.r.BasicAuth()
	if basic {
		var errID, errSecret error
		id, errID = url.QueryUnescape(id)
		secret, errSecret = url.QueryUnescape(secret)
		if errID != nil || errSecret != nil || t.form.Has("client_secret") || t.form.Has("client_id") &&
			!strings.EqualFold(t.form.Get("client_id"), id) {
			return t.w.malformedTokenRequest("the client is named twice")
		}
	} else {
		id, secret = t.form.Get("client_id"), t.form.Get("client_secret")
	}
	digest := secretDigest(secret)
	for _, s := range t.w.oauthSecrets {
		if !strings.EqualFold(s.owner, id) || subtle.ConstantTimeCompare([]byte(s.digest), []byte(digest)) != 1 {
			continue
		}
		if !s.usable(t.now, t.w.switches.OAuthSecretDelay) {
			break
		}
		t.scopes = s.scopes
		return t.as(s.ownerID, id)
	}
	return invalidClient()
}

// as sets the principal that the token is issued to. It returns an error unless the principal is an active member of
// the workspace.
func (t *tokenRequest) as(scimID, applicationID string) *apiError {
	p := t.w.byID(scimID)
	if p == nil && t.w.switches.OAuthTokensForStrangers {
		p = t.w.account[strings.ToLower(applicationID)]
	}
	if p == nil || !p.active && !t.w.switches.OAuthTokensForInactive {
		return invalidClient()
	}
	t.who = p
	return nil
}

// byOwnToken exchanges a token of the caller for one that is limited to authorization details, as databricks-sdk-go
// does in httpclient/oauth_token.go.
func (t *tokenRequest) byOwnToken() *apiError {
	raw := t.form.Get("assertion")
	if raw == "" || !t.form.Has("authorization_details") {
		return t.w.malformedTokenRequest("assertion and authorization_details are needed")
	}
	if claims, err := t.w.tenant.VerifyAccessToken(raw); err == nil {
		if !t.w.switches.EntraAssertions {
			return oauthRefusal(http.StatusBadRequest, "invalid_request", "io.jsonwebtoken.IncorrectClaimException: "+
				"Expected aud claim to be: "+t.w.id+", but was: "+claims.Audience+".")
		}
		if p := t.w.findServicePrincipal(claims.AppID); p != nil && claims.Audience == DatabricksResource &&
			claims.ExpiresAt.After(t.now) {
			return t.as(p.id, p.applicationID)
		}
		return invalidClient()
	}
	claims, err := t.w.verifyOAuth(raw)
	if err != nil || !claims.expires.After(t.now) || len(claims.details) > 0 {
		return oauthRefusal(http.StatusBadRequest, "invalid_grant", "The assertion is not a valid token of "+
			"this workspace")
	}
	p := t.w.findServicePrincipal(claims.subject)
	if p == nil {
		return invalidClient()
	}
	t.scopes = claims.scopes
	return t.as(p.id, p.applicationID)
}

// grantedScopes returns the requested scopes, or an error if the credential lacks one of them. Without requested scopes
// it returns those of the credential or, if the credential has none, all-apis.
func (t *tokenRequest) grantedScopes() ([]string, *apiError) {
	asked := slices.Compact(slices.Sorted(slices.Values(strings.Fields(t.form.Get("scope")))))
	if len(asked) == 0 {
		asked = t.scopes
	}
	if len(asked) == 0 {
		return []string{allScopes}, nil
	}
	var lacking []string
	for _, scope := range asked {
		if len(t.scopes) > 0 && !slices.Contains(t.scopes, scope) && !slices.Contains(t.scopes, allScopes) {
			lacking = append(lacking, scope)
		}
	}
	if len(lacking) > 0 {
		return nil, oauthRefusal(http.StatusForbidden, "access_denied",
			"Scopes '"+strings.Join(lacking, " ")+"' are not assigned to the client "+t.who.applicationID)
	}
	return asked, nil
}

// An authorizationDetail names one object and the actions that a token allows on it.
type authorizationDetail struct {
	Type       string   `json:"type"`
	ObjectType string   `json:"object_type"`
	ObjectPath string   `json:"object_path"`
	Actions    []string `json:"actions"`
}

// actionLevel maps an action of an authorization detail to the permission level that it needs on the serving endpoint.
var actionLevel = map[string]string{"query_inference_endpoint": levelQuery, "manage_inference_endpoint": levelManage}

// readDetails reads the requested authorization details, and returns an error unless the access lists now allow all of
// them to the caller.
func (t *tokenRequest) readDetails() *apiError {
	text := t.form.Get("authorization_details")
	if text == "" {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&t.details); err != nil || len(t.details) == 0 {
		return t.w.malformedTokenRequest("authorization_details")
	}
	refused := oauthRefusal(http.StatusUnauthorized, "invalid_authorization_details", "User is not authorized to "+
		"the requested authorizations")
	for _, d := range t.details {
		if d.Type != "workspace_permission" || d.ObjectType != "serving-endpoints" || len(d.Actions) == 0 {
			return t.w.malformedTokenRequest("authorization_details")
		}
		object, found := strings.CutPrefix(d.ObjectPath, "/")
		if !found {
			return t.w.malformedTokenRequest("authorization_details")
		}
		list := t.w.lists[object]
		for _, action := range d.Actions {
			level := actionLevel[action]
			if level == "" {
				return t.w.malformedTokenRequest("authorization_details")
			}
			if list == nil || list.deleted || levelRank[t.w.honouredLevel(list, t.who, t.now)] < levelRank[level] {
				return refused
			}
		}
	}
	return nil
}

// oauthClaims are the claims of an OAuth token of the workspace that its APIs check.
type oauthClaims struct {
	subject string
	scopes  []string
	details []authorizationDetail
	expires time.Time
}

func (w *Workspace) oauthIssuer() string { return "https://" + publicHostName(w.id) + "/oidc" }

// signOAuth returns a new OAuth token of the workspace. Its claims are those that users of the service have published.
func (w *Workspace) signOAuth(
	p *principal, scopes []string, details []authorizationDetail, now time.Time, seconds int64,
) string {
	claims := jwt.MapClaims{
		"iss": w.oauthIssuer(), "aud": w.id, "sub": p.applicationID, "client_id": p.applicationID, "scope": strings.Join(scopes, " "),
		"iat": now.Unix(), "exp": now.Unix() + seconds, "jti": uuid.NewString(),
	}
	if len(details) > 0 {
		claims["authorization_details"] = details
	}
	key, id := w.oauthKey()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"], token.Header["typ"] = id, "at+jwt"
	raw, err := token.SignedString(key)
	if err != nil {
		panic("emulator: signing a token: " + err.Error())
	}
	return raw
}

// isOAuthToken reports whether a token names a workspace's OAuth endpoint as its issuer. It does not check the
// signature.
func isOAuthToken(raw string) bool {
	var claims jwt.RegisteredClaims
	_, _, err := jwt.NewParser().ParseUnverified(raw, &claims)
	return err == nil && strings.HasSuffix(claims.Issuer, "/oidc")
}

// verifyOAuth returns the claims of a token that this workspace signed, or an error. It does not check the token's
// dates.
func (w *Workspace) verifyOAuth(raw string) (*oauthClaims, error) {
	var claims struct {
		jwt.RegisteredClaims
		Scope   string                `json:"scope"`
		Details []authorizationDetail `json:"authorization_details"`
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithoutClaimsValidation())
	key, _ := w.oauthKey()
	if _, err := parser.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) {
		return &key.PublicKey, nil
	}); err != nil {
		return nil, err
	}
	if claims.Issuer != w.oauthIssuer() || !slices.Contains(claims.Audience, w.id) || claims.ExpiresAt == nil {
		return nil, jwt.ErrTokenInvalidClaims
	}
	return &oauthClaims{subject: claims.Subject, scopes: strings.Fields(claims.Scope), details: claims.Details,
		expires: claims.ExpiresAt.UTC()}, nil
}

// newOAuthKey generates the key with which a workspace signs its OAuth tokens, and returns it with its id. A workspace
// generates it at the first use, because most workspaces in tests need no such key.
func (t *Tenant) newOAuthKey() (*rsa.PrivateKey, string) {
	key, err := t.newKey(tokenKeyBits)
	if err != nil {
		panic("emulator: generating a workspace's signing key: " + err.Error())
	}
	digest := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	return key, hex.EncodeToString(digest[:])
}

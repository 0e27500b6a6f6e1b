package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// A workspace issues OAuth tokens of its own: to a service principal for its Databricks OAuth secret, and in exchange
// for a token of another issuer that a federation policy trusts. Entra ID has no part in either (learn.microsoft.com,
// Azure Databricks documentation, "Authorize service principal access with OAuth" and "OAuth token federation").

// AllAPIs is the scope of a Databricks OAuth token without limits. ModelServing is the scope of a token that can only
// call serving endpoints.
const (
	AllAPIs      = "all-apis"
	ModelServing = "model-serving"
)

const (
	grantExchange  = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	subjectTypeJWT = "urn:ietf:params:oauth:token-type:jwt"
	// maxEndpointTokens is the maximum number of cached tokens for single endpoints.
	maxEndpointTokens = 1000
)

// tokenEndpoint is the OAuth token endpoint of a workspace.
type tokenEndpoint struct {
	http *http.Client
	// host returns the address of the workspace. If the address is not configured, host may make requests to find it.
	host func(context.Context) (string, error)
}

// tokenPath is the path of the token endpoint of a workspace. It is the same in all known workspaces.
const tokenPath = "/oidc/v1/token"

// TokenURL returns the URL of a workspace's token endpoint. host is the address of the workspace.
func TokenURL(host string) string { return strings.TrimRight(host, "/") + tokenPath }

func (o *opening) tokenEndpoint(s Settings) (*tokenEndpoint, error) {
	find := o.options.Workspace
	if s.Host.IsSet() {
		find = func(context.Context) (string, error) { return workspaceBase(s.Host.Value) }
	}
	if find == nil {
		return nil, errorAt(s.Host.attributeOr("host"), "Databricks login without a workspace",
			"A login by Databricks OAuth gets its token from the workspace, so host (or DBXACCESS_HOST, "+
				"DATABRICKS_HOST) must be set. azure_workspace_resource_id alone is not enough, because "+
				"only a login at Microsoft Entra ID can look up the address.")
	}
	return &tokenEndpoint{http: o.http, host: find}, nil
}

// workspaceBase returns the setting host as a URL that consists of scheme and host alone. The host is in lower case.
func workspaceBase(host string) (string, error) {
	host = strings.TrimSpace(host)
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	u, err := url.Parse(host)
	if err != nil || u.Host == "" {
		return "", errorAt("host", "Invalid workspace address", "host is not the address of a workspace.")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// get requests a token with one request to the token endpoint. more are additional form parameters of the request.
func (e *tokenEndpoint) get(
	ctx context.Context, clientID, secret string, scopes []string, more url.Values,
) (Token, error) {
	host, err := e.host(ctx)
	if err != nil {
		return Token{}, err
	}
	config := clientcredentials.Config{
		ClientID:       clientID,
		ClientSecret:   secret,
		TokenURL:       TokenURL(host),
		Scopes:         scopes,
		EndpointParams: more,
		AuthStyle:      oauth2.AuthStyleInHeader,
	}
	if secret == "" {
		config.AuthStyle = oauth2.AuthStyleInParams // sends the client id as a parameter, without a secret
	}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, e.http))
	if err != nil {
		return Token{}, err
	}
	if !strings.EqualFold(token.Type(), "Bearer") {
		return Token{}, errNoToken
	}
	web.Conceal(token.AccessToken)
	return Token{Value: token.AccessToken, ExpiresAt: token.Expiry}, nil
}

// tokenKeeper gets tokens and caches each token until shortly before the token expires. The keys of the cache are
// authorization details (RFC 9396); "" is the key of the token without details.
type tokenKeeper struct {
	get func(ctx context.Context, details string) (Token, error)

	mu     sync.Mutex
	tokens map[string]Token
}

func (k *tokenKeeper) token(ctx context.Context, details string) (Token, error) {
	k.mu.Lock()
	t, ok := k.tokens[details]
	k.mu.Unlock()
	if ok && (t.ExpiresAt.IsZero() || time.Until(t.ExpiresAt) > freshness) {
		return t, nil
	}
	t, err := k.get(ctx, details)
	if err != nil {
		return Token{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tokens == nil || len(k.tokens) >= maxEndpointTokens {
		k.tokens = map[string]Token{}
	}
	k.tokens[details] = t
	return t, nil
}

func (k *tokenKeeper) forget(details string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.tokens, details)
}

// openDatabricksOAuth opens a login at the workspace with a client id and a Databricks OAuth secret.
func openDatabricksOAuth(o *opening, s Settings) (finisher, error) {
	o.login.Source = s.DatabricksClientSecret.Source()
	attribute := s.DatabricksClientSecret.attributeOr("databricks_client_secret")
	secret := strings.TrimSpace(s.DatabricksClientSecret.Value)
	id := strings.TrimSpace(s.DatabricksClientID.Value)
	if w := notDatabricksSecret(secret, s.DatabricksClientSecret.Source(), id); w != nil {
		w.Attribute = attribute
		o.login.Warnings = append(o.login.Warnings, *w)
	}
	endpoint, err := o.tokenEndpoint(s)
	if err != nil {
		return nil, err
	}
	scopes := []string{AllAPIs}
	if s.DatabricksScopes.IsSet() {
		scopes = strings.Fields(s.DatabricksScopes.Value)
	}
	return func(s Settings, _ *vaultContent) (*session, error) {
		return o.logInToWorkspace(s, attribute, nil, func(ctx context.Context, details string) (Token, error) {
			more := url.Values{}
			if details != "" {
				more.Set("authorization_details", details)
			}
			return endpoint.get(ctx, id, secret, scopes, more)
		})
	}, nil
}

// openDatabricksOIDC opens a login that exchanges an OIDC token of another issuer for a token of the workspace.
func openDatabricksOIDC(o *opening, s Settings) (finisher, error) {
	endpoint, err := o.tokenEndpoint(s)
	if err != nil {
		return nil, err
	}
	if o.audience = strings.TrimSpace(s.DatabricksOIDCAudience.Value); o.audience == "" {
		host, err := endpoint.host(context.Background()) // makes no request if the address is configured
		if err != nil {
			return nil, err
		}
		o.audience = TokenURL(host)
	}
	source, err := o.assertion(s, false)
	if err != nil {
		return nil, err
	}
	o.login.Source = source.setting.Source()
	id := strings.TrimSpace(s.DatabricksClientID.Value)
	fetch, last := rememberClaims(source)
	return func(s Settings, _ *vaultContent) (*session, error) {
		var plain *tokenKeeper
		get := func(ctx context.Context, details string) (Token, error) {
			if details != "" {
				// The request that exchanges a token of another issuer cannot contain authorization details. So the
				// workspace's token from that exchange is exchanged again, for a token with these details.
				for try := 1; ; try++ {
					own, err := plain.token(ctx, "")
					if err != nil {
						return Token{}, err
					}
					token, err := endpoint.get(ctx, "", "", nil, url.Values{
						"grant_type":            {grantJWTBearer},
						"assertion":             {own.Value},
						"authorization_details": {details},
					})
					refusal, refused := errors.AsType[*oauth2.RetrieveError](err)
					if !refused || refusal.ErrorCode != "invalid_grant" {
						return token, err
					}
					plain.forget("") // the workspace refuses this token, although it has not expired
					if try == 2 {
						return Token{}, err
					}
				}
			}
			token, err := fetch(ctx)
			if err != nil {
				return Token{}, err
			}
			return endpoint.get(ctx, id, "", []string{AllAPIs}, url.Values{
				"grant_type":         {grantExchange},
				"subject_token":      {token},
				"subject_token_type": {subjectTypeJWT},
			})
		}
		plain = &tokenKeeper{get: get}
		return o.logInToWorkspace(s, source.setting.attributeOr("use_databricks_oidc"), last, get)
	}, nil
}

// logInToWorkspace returns the session of a login at the workspace. get requests a token with authorization details; ""
// means none. federated returns the claims of the last OIDC token; it is nil if the login uses no OIDC token.
func (o *opening) logInToWorkspace(
	s Settings, attribute string, federated func() *federatedClaims, get func(context.Context, string) (Token, error),
) (*session, error) {
	identity := o.identity(s)
	explain := oauthExplainer{
		explainer:       o.explainer(s, identity),
		hostAttribute:   s.Host.attributeOr("host"),
		clientAttribute: s.DatabricksClientID.attributeOr("databricks_client_id"),
		secret:          strings.TrimSpace(s.DatabricksClientSecret.Value),
	}
	explain.credential, explain.federated = attribute, federated
	explain.serviceName = "The workspace"
	keeper := &tokenKeeper{get: get}
	a := &acquirer{
		try: func(ctx context.Context, details string, fresh bool) (Token, error) {
			if fresh {
				keeper.forget(details)
			}
			return keeper.token(ctx, details)
		},
		inspect:      inspectOAuth,
		explain:      func(f failure, _ string) *Error { return explain.failure(f) },
		interrupted:  explain.interrupted,
		retryTimeout: o.options.RetryTimeout,
		tryTimeout:   limitOf(o.http),
	}
	return &session{
		Identity: identity,
		acquire: func(ctx context.Context, scope string) (Token, error) {
			if scope != DatabricksScope {
				return Token{}, errorAt(attribute, "Login by Databricks OAuth cannot get a token of Entra ID",
					"This operation needs a token of Microsoft Entra ID for a service other than Databricks. A "+
						"login by Databricks OAuth cannot get such a token, because it has no identity in "+
						"Entra ID. Log in with a client certificate or another kind of login at Entra ID.")
			}
			return a.token(ctx, "")
		},
		forget:              func(_, token string) { a.forget("", token) },
		endpointToken:       a.token,
		forgetEndpointToken: keeper.forget,
	}, nil
}

// EndpointToken returns a Databricks OAuth token for one route-optimized endpoint. details are the authorization
// details of the endpoint. Errors are *[Error]. For a login at Entra ID or with a token, errors.Is finds
// [ErrNoDetails]. If the identity may not query the endpoint, errors.Is finds [ErrDetailsRefused].
func (l *Login) EndpointToken(ctx context.Context, details string) (Token, error) {
	s, err := l.session(ctx)
	if err != nil {
		return Token{}, err
	}
	if s.endpointToken == nil {
		return Token{}, errorAt("", "Login cannot get a token for a route-optimized endpoint",
			"A route-optimized endpoint accepts only Databricks OAuth tokens that are issued for that endpoint. The "+
				"login (%s from %s) cannot get such a token. Set a client id and an OAuth secret of Databricks "+
				"(dbxaccess_service_principal_oauth_secret), or set the provider's login to databricks_oauth or "+
				"databricks_oidc.", l.Kind, l.Source).withCause(ErrNoDetails)
	}
	return s.endpointToken(ctx, details)
}

// ForgetEndpointToken removes the cached token for these authorization details, so that the next [Login.EndpointToken]
// requests a new token. Only a new token has the identity's current permissions.
func (l *Login) ForgetEndpointToken(details string) {
	if s := l.ready.Load(); s != nil && s.forgetEndpointToken != nil {
		s.forgetEndpointToken(details)
	}
}

// HasEndpointTokens reports whether [Login.EndpointToken] works with a login of this kind.
func (k Kind) HasEndpointTokens() bool { return k == KindDatabricksOAuth || k == KindDatabricksOIDC }

// notDatabricksSecret returns a warning if secret does not look like a Databricks OAuth secret, else nil. It is not an
// error, because the form of these secrets is not documented.
func notDatabricksSecret(secret, source, clientID string) *Warning {
	if databricksSecret().MatchString(secret) {
		return nil
	}
	return &Warning{
		Summary: "OAuth secret does not look like a Databricks secret: " + clientID,
		Detail: fmt.Sprintf("The value of %s does not begin with \"dose\", as OAuth secrets of Databricks "+
			"do. A client secret of Entra ID cannot be used here. To log in with one, set client_secret (or "+
			"ARM_CLIENT_SECRET) and client_id.", source),
	}
}

// checkDatabricksOAuth checks the client id of a login at the workspace, and the OAuth secret if the kind uses one. It
// makes no request.
func (s Settings) checkDatabricksOAuth(kind Kind) error {
	id := s.DatabricksClientID
	if !id.IsSet() {
		return errorAt(id.attributeOr("databricks_client_id"), "Incomplete Databricks login",
			"A login by %s needs the application id of the service principal. Set %s (or DATABRICKS_CLIENT_ID).",
			kind, id.attributeOr("databricks_client_id"))
	}
	if err := CheckClientID(id.Value); err != nil {
		return atSetting(err, id, "databricks_client_id")
	}
	if kind == KindDatabricksOAuth {
		secret := s.DatabricksClientSecret
		return checkDatabricksSecret(strings.TrimSpace(secret.Value), secret.attributeOr("databricks_client_secret"),
			secret.Source())
	}
	return nil
}

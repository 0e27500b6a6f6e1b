package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// Scopes limit what an OAuth token or a personal access token may be used for: docs.databricks.com/api, "API scopes".
// The scope names authentication and model-serving come from recorded answers of the service, to both kinds of token;
// the other names are guesses.

// pathScopes maps the beginning of an API's path to the scope that the API needs. The first match counts.
var pathScopes = []struct{ prefix, scope string }{
	{scimRoot, "scim"},
	{"/api/2.0/token", "authentication"}, // the APIs for the caller's own tokens and for all tokens
	{"/api/2.0/accounts/servicePrincipals/", "authentication"},
	{"/api/2.0/permissions/authorization/", "authentication"},
	{"/api/2.0/permissions/", "access-management"},
	{"/api/2.0/serving-endpoints", "model-serving"},
	{"/serving-endpoints/", "model-serving"},
	{"/api/2.0/clusters/", "clusters"},
	{"/api/2.1/clusters/", "clusters"},
	{"/api/2.0/workspace-conf", "settings"},
}

// checkScope returns an error if a token with these scopes lacks the scope that the API of the request's path needs.
// The error calls the token by its kind.
func (c *call) checkScope(kind string, scopes []string) error {
	if slices.Contains(scopes, allScopes) {
		return nil
	}
	needed := allScopes
	for _, p := range pathScopes {
		if strings.HasPrefix(c.r.URL.Path, p.prefix) {
			needed = p.scope
			break
		}
	}
	if slices.Contains(scopes, needed) {
		return nil
	}
	return c.w.switches.ScopeRefused.or(http.StatusForbidden, "PERMISSION_DENIED",
		"Provided "+kind+" does not have required scopes: {}", needed)
}

// authenticateOAuth finds the service principal that the workspace issued an OAuth token to. It returns an error if the
// token is not valid for this API.
func (c *call) authenticateOAuth(claims *oauthClaims) error {
	switch {
	case !claims.expires.After(c.now):
		return c.w.refuseEntraToken(credentialError{expired: true})
	case len(claims.details) > 0 && !c.w.switches.DetailedTokensEverywhere:
		return unsupportedCredential() // valid only at the addresses of the endpoints that it names
	}
	who := c.w.findServicePrincipal(claims.subject)
	if who == nil || !who.active {
		return c.w.refuseStranger()
	}
	c.who, c.oauth = who, claims
	return c.checkScope("OAuth token", claims.scopes)
}

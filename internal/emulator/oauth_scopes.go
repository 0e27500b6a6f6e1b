package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// What an OAuth token may be used for: docs.databricks.com/api, "API scopes". Of their names, authentication and
// model-serving are recorded; the others are guesses.

// pathScopes are the scopes of the APIs, by how their paths begin.
var pathScopes = []struct{ prefix, scope string }{
	{scimRoot, "scim"},
	{"/api/2.0/token", "authentication"}, // of one's own and of everybody
	{"/api/2.0/accounts/servicePrincipals/", "authentication"},
	{"/api/2.0/permissions/authorization/", "authentication"},
	{"/api/2.0/permissions/", "access-management"},
	{"/api/2.0/serving-endpoints", "model-serving"},
	{"/serving-endpoints/", "model-serving"},
	{"/api/2.0/clusters/", "clusters"},
	{"/api/2.1/clusters/", "clusters"},
	{"/api/2.0/workspace-conf", "settings"},
}

// checkScope refuses an OAuth token that is not for the API of the path.
func (c *call) checkScope() error {
	if c.oauth == nil || slices.Contains(c.oauth.scopes, allScopes) {
		return nil
	}
	needed := allScopes
	for _, p := range pathScopes {
		if strings.HasPrefix(c.r.URL.Path, p.prefix) {
			needed = p.scope
			break
		}
	}
	if slices.Contains(c.oauth.scopes, needed) {
		return nil
	}
	return c.w.switches.ScopeRefused.or(http.StatusForbidden, "PERMISSION_DENIED", "Provided OAuth token does not have required scopes: {}", needed)
}

// authenticateOAuth finds the member behind a token of the workspace.
func (c *call) authenticateOAuth(claims *oauthClaims) error {
	switch {
	case !claims.expires.After(c.now):
		return c.w.refuseEntraToken(credentialError{expired: true})
	case len(claims.details) > 0 && !c.w.switches.DetailedTokensEverywhere:
		return unsupportedCredential() // it is for the endpoints it names, at their own addresses
	}
	who := c.w.findServicePrincipal(claims.subject)
	if who == nil || !who.active {
		return c.w.refuseStranger()
	}
	c.who, c.oauth = who, claims
	return c.checkScope()
}

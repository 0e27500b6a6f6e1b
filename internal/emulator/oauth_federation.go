package emulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Federation policies of service principals: learn.microsoft.com/azure/databricks/dev-tools/auth/oauth-federation-policy. The
// API for them is one of the account; here they are set by hand.

// federationPolicy says which external tokens a service principal may log in with. All parts are compared as they are.
type federationPolicy struct{ issuer, subject, audience string }

// AddFederationPolicy lets a service principal of the workspace log in with tokens of an [OIDCIssuer]. An empty
// audience is the account's id, as it is for a policy that names none.
func (w *Workspace) AddFederationPolicy(applicationID, issuer, subject, audience string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if audience == "" {
		audience = w.accountID
	}
	p := w.mustFind(applicationID)
	w.federation[p.id] = append(w.federation[p.id], federationPolicy{issuer, subject, audience})
}

// byExchange turns a token of another issuer into one of the workspace.
func (t *tokenRequest) byExchange() *apiError {
	raw, id := t.form.Get("subject_token"), t.form.Get("client_id")
	if raw == "" || t.form.Get("subject_token_type") != subjectTypeJWT {
		return t.w.malformedTokenRequest("subject_token and its type are needed")
	}
	refused := t.w.switches.FederationRefused.or(http.StatusUnauthorized, "invalid_grant", "Invalid credentials", id)
	// Without a client id it would be a policy for the whole account, which there is none of.
	p := t.w.findServicePrincipal(id)
	if p == nil {
		return refused
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(raw, &claims); err != nil || len(claims.Audience) != 1 || claims.ExpiresAt == nil {
		return refused
	}
	if !slices.Contains(t.w.federation[p.id], federationPolicy{claims.Issuer, claims.Subject, claims.Audience[0]}) {
		return refused
	}
	issuer := t.w.tenant.issuerAt(claims.Issuer)
	if issuer == nil {
		return refused
	}
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "ES256"}), jwt.WithoutClaimsValidation()).Parse(raw, func(token *jwt.Token) (any, error) {
		kid, _ := token.Header["kid"].(string)
		if key := issuer.publicKey(kid); key != nil {
			return key, nil
		}
		return nil, jwt.ErrTokenUnverifiable
	})
	if err != nil || checkAssertionTimes(claims, t.now) != nil {
		return refused
	}
	// The token lives no longer than the one it was exchanged for.
	t.seconds = min(t.seconds, int64(claims.ExpiresAt.Sub(t.now).Seconds()))
	return t.as(p.id, strings.ToLower(id))
}

package emulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Federation policies of service principals are described on
// learn.microsoft.com/azure/databricks/dev-tools/auth/oauth-federation-policy. Databricks manages them with an API of
// the account; in the emulator a test adds them with [Workspace.AddFederationPolicy].

// A federationPolicy says which tokens of an external issuer a service principal may log in with. Issuer, subject and
// audience are compared case-sensitively.
type federationPolicy struct{ issuer, subject, audience string }

// AddFederationPolicy lets a service principal of the workspace log in with tokens of an [OIDCIssuer]. An empty
// audience means the account's id, which is the default of a real policy.
func (w *Workspace) AddFederationPolicy(applicationID, issuer, subject, audience string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if audience == "" {
		audience = w.accountID
	}
	p := w.mustFind(applicationID)
	w.federation[p.id] = append(w.federation[p.id], federationPolicy{issuer, subject, audience})
}

// byExchange logs a service principal in with a token of an external issuer (RFC 8693). The workspace then issues its
// own token.
func (t *tokenRequest) byExchange() *apiError {
	raw, id := t.form.Get("subject_token"), t.form.Get("client_id")
	if raw == "" || t.form.Get("subject_token_type") != subjectTypeJWT {
		return t.w.malformedTokenRequest("subject_token and its type are needed")
	}
	refused := t.w.switches.FederationRefused.or(http.StatusUnauthorized, "invalid_grant", "Invalid credentials", id)
	// A request without a client id needs a policy of the whole account. The emulator has no such policies.
	p := t.w.findServicePrincipal(id)
	if p == nil {
		return refused
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(raw, &claims); err != nil || len(claims.Audience) != 1 ||
		claims.ExpiresAt == nil {
		return refused
	}
	if !slices.Contains(t.w.federation[p.id], federationPolicy{claims.Issuer, claims.Subject, claims.Audience[0]}) {
		return refused
	}
	issuer := t.w.tenant.issuerAt(claims.Issuer)
	if issuer == nil {
		return refused
	}
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "ES256"}), jwt.WithoutClaimsValidation()).Parse(raw,
		func(token *jwt.Token) (any, error) {
			kid, _ := token.Header["kid"].(string)
			if key := issuer.publicKey(kid); key != nil {
				return key, nil
			}
			return nil, jwt.ErrTokenUnverifiable
		})
	if err != nil || checkAssertionTimes(claims, t.now) != nil {
		return refused
	}
	// The issued token expires no later than the external token.
	t.seconds = min(t.seconds, int64(claims.ExpiresAt.Sub(t.now).Seconds()))
	return t.as(p.id, strings.ToLower(id))
}

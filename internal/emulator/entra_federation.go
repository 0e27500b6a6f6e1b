package emulator

import (
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// federatedCredential says which external tokens an application may log in with: "Overview of federated identity
// credentials in Microsoft Entra ID". All three are compared as they are, case included.
type federatedCredential struct{ issuer, subject, audience string }

// AddFederatedCredential lets the application log in with tokens that an external issuer signed for that subject and
// audience. The usual audience is api://AzureADTokenExchange.
func (a *App) AddFederatedCredential(issuer, subject, audience string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.federated = append(a.federated, federatedCredential{issuer, subject, audience})
}

// RemoveFederatedCredentials removes all of them.
func (a *App) RemoveFederatedCredentials() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.federated = nil
}

// verifyFederated judges a client assertion that somebody else signed, per
// "Workload identity federation": first who trusts it, then what it is worth. Its
// times are judged by the tenant's clock, because an issuer of the emulator's own
// dated it.
func (t *Tenant) verifyFederated(app *App, raw string, claims jwt.RegisteredClaims) *entraError {
	if complaint := app.trusts(claims); complaint != nil {
		return complaint
	}
	issuer := t.issuerAt(claims.Issuer)
	if issuer == nil {
		return complain(entraIssuerUnreachable, "Request to External OIDC endpoint failed. %s", claims.Issuer)
	}
	keyKnown := false
	verifier := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithoutClaimsValidation())
	_, err := verifier.Parse(raw, func(token *jwt.Token) (any, error) {
		kid, _ := token.Header["kid"].(string)
		key := issuer.publicKey(kid)
		if key == nil {
			return nil, jwt.ErrTokenUnverifiable
		}
		keyKnown = true
		return key, nil
	})
	switch {
	case err != nil && !keyKnown:
		return complain(entraBadSignature, "Assertion failed signature validation. [Reason - The key was not found.]")
	case err != nil:
		return complain(entraBadSignature, "Assertion failed signature validation. [Reason - The provided signature value did not match the expected signature value.]")
	}
	if claims.ExpiresAt == nil {
		return malformedAssertion("The 'exp' claim is missing.")
	}
	return checkAssertionTimes(claims, t.Clock.Now())
}

// trusts looks for a credential that matches, and complains about the first part
// that none has.
func (a *App) trusts(claims jwt.RegisteredClaims) *entraError {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.federated) == 0 {
		return complain(entraNoFederation, "The client '%s'(%s) has no configured federated identity credentials.", a.ClientID, a.Name)
	}
	const help = "Check your federated identity credential Subject, Audience and Issuer against the presented " +
		"assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
	var audience string
	if len(claims.Audience) > 0 {
		audience = claims.Audience[0]
	}
	left := a.federated
	for _, part := range []struct {
		code        int
		name, value string
		of          func(federatedCredential) string
	}{
		{entraFederatedIssuer, "issuer", claims.Issuer, func(f federatedCredential) string { return f.issuer }},
		{entraFederatedAudience, "audience", audience, func(f federatedCredential) string { return f.audience }},
		{entraFederatedSubject, "subject", claims.Subject, func(f federatedCredential) string { return f.subject }},
	} {
		left = slices.DeleteFunc(slices.Clone(left), func(f federatedCredential) bool { return part.of(f) != part.value })
		if len(left) == 0 {
			return complain(part.code, "No matching federated identity record found for presented assertion %s '%s'. %s", part.name, part.value, help)
		}
	}
	return nil
}

// checkAssertionTimes holds an assertion against its own dates, which a caller's
// watch may have written.
func checkAssertionTimes(claims jwt.RegisteredClaims, now time.Time) *entraError {
	early := claims.NotBefore != nil && now.Add(assertionLeeway).Before(claims.NotBefore.Time)
	if !early && now.Add(-assertionLeeway).Before(claims.ExpiresAt.Time) {
		return nil
	}
	from := "(unspecified)"
	if claims.NotBefore != nil {
		from = entraTime(claims.NotBefore.Time)
	}
	return complain(entraAssertionTime, "Client assertion is not within its valid time range. Current time: %s, "+
		"assertion valid from %s, expiry time of assertion %s.", entraTime(now), from, entraTime(claims.ExpiresAt.Time))
}

package emulator

import (
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A federatedCredential says which tokens of an external issuer an application may log in with, as in "Overview of
// federated identity credentials in Microsoft Entra ID". Issuer, subject and audience are compared case-sensitively.
type federatedCredential struct{ issuer, subject, audience string }

// AddFederatedCredential lets the application log in with tokens that the external issuer signed for this subject and
// this audience. The usual audience is api://AzureADTokenExchange.
func (a *App) AddFederatedCredential(issuer, subject, audience string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.federated = append(a.federated, federatedCredential{issuer, subject, audience})
}

// RemoveFederatedCredentials removes all federated credentials of the application.
func (a *App) RemoveFederatedCredentials() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.federated = nil
}

// verifyFederated checks a client assertion that an external issuer signed, as in "Workload identity federation". It
// first looks for a federated credential that matches, then checks the signature and the times. It compares the times
// with the tenant's clock, because the issuer is part of the emulator and uses that clock.
func (t *Tenant) verifyFederated(app *App, raw string, claims jwt.RegisteredClaims) *entraError {
	if complaint := app.trusts(claims); complaint != nil {
		return complaint
	}
	issuer := t.issuerAt(claims.Issuer)
	if issuer == nil {
		return complain(entraIssuerUnreachable, "Request to External OIDC endpoint failed. %s", claims.Issuer)
	}
	keyKnown := false
	verifier := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithoutClaimsValidation())
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
		return complain(entraBadSignature, "Assertion failed signature validation. [Reason - The provided "+
			"signature value did not match the expected signature value.]")
	}
	if claims.ExpiresAt == nil {
		return malformedAssertion("The 'exp' claim is missing.")
	}
	return checkAssertionTimes(claims, t.Clock.Now())
}

// trusts returns nil if a federated credential of the application matches the claims. Otherwise its error names the
// first of issuer, audience and subject for which no credential is left.
func (a *App) trusts(claims jwt.RegisteredClaims) *entraError {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.federated) == 0 {
		return complain(entraNoFederation, "The client '%s'(%s) has no configured federated identity credentials.",
			a.ClientID, a.Name)
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
		left = slices.DeleteFunc(slices.Clone(left), func(f federatedCredential) bool {
			return part.of(f) != part.value
		})
		if len(left) == 0 {
			return complain(part.code, "No matching federated identity record found for presented assertion %s "+
				"'%s'. %s", part.name, part.value, help)
		}
	}
	return nil
}

// checkAssertionTimes returns an error if now is outside the times of an assertion. It allows [assertionLeeway] on both
// sides, because the caller may have written the times by its own clock.
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

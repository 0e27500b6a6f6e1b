package emulator

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// assertionType is the only value of client_assertion_type that RFC 7523 section 2.2 defines.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionLeeway is how far the caller's clock may differ from real time. Microsoft's own token validation allows five
// minutes by default.
const assertionLeeway = 5 * time.Minute

// verifyAssertion checks a client assertion by the rules of "Microsoft identity platform application authentication
// certificate credentials" and of RFC 7523 section 3: first the format, then the key, the signature and the claims.
//
// verifyAssertion compares the times of the assertion and of the certificate with real time, not with the tenant's
// clock: the caller wrote them, and cannot know that a test moved the clock.
func (t *Tenant) verifyAssertion(app *App, raw string, audiences []string) *entraError {
	now := time.Now()
	var claims jwt.RegisteredClaims
	token, _, err := jwt.NewParser().ParseUnverified(raw, &claims)
	if err != nil {
		return malformedAssertion("The token cannot be read.")
	}
	if strings.HasPrefix(claims.Issuer, "https://") {
		// An issuer with an https address is an external one. It signed with a key for which the application has no
		// certificate.
		return t.verifyFederated(app, raw, claims)
	}
	if complaint := checkAssertionHeader(token); complaint != nil {
		return complaint
	}

	cert, complaint := app.certificateOf(token)
	if complaint != nil {
		return complaint
	}
	if now.After(cert.NotAfter) {
		return badKey("Client assertion contains an invalid signature.", "The key used is expired.", cert, app)
	}
	if now.Before(cert.NotBefore) {
		return badKey("Client assertion contains an invalid signature.", "The key used is not yet valid.", cert, app)
	}
	verifier := jwt.NewParser(jwt.WithValidMethods(assertionMethods), jwt.WithoutClaimsValidation())
	if _, err := verifier.Parse(raw, func(*jwt.Token) (any, error) { return cert.PublicKey, nil }); err != nil {
		return badKey("Client assertion contains an invalid signature.",
			"The provided signature value did not match the expected signature value.", cert, app)
	}
	return t.checkAssertionClaims(app, claims, audiences, now)
}

// assertionMethods are the signature algorithms that Microsoft's page on certificate credentials lists. Older clients,
// and clients that also work with AD FS, use RS256.
var assertionMethods = []string{jwt.SigningMethodPS256.Alg(), jwt.SigningMethodRS256.Alg()}

func checkAssertionHeader(token *jwt.Token) *entraError {
	if typ, _ := token.Header["typ"].(string); !strings.EqualFold(typ, "JWT") {
		return malformedAssertion("The header's 'typ' is not 'JWT'.")
	}
	if !slices.Contains(assertionMethods, token.Method.Alg()) {
		return malformedAssertion("The header's 'alg' '%s' is not supported.", token.Method.Alg())
	}
	if _, critical := token.Header["crit"]; critical {
		// RFC 7515 section 4.1.11: a token with a critical extension that the reader does not understand is invalid.
		return malformedAssertion("The header names critical extensions that are not supported.")
	}
	return nil
}

// certificateOf returns the registered certificate that the header of a client assertion names. If the header names it
// in several ways, the strongest digest decides: x5t#S256, then x5t, then kid. RFC 7515 defines kid as an opaque hint,
// and only some clients put a thumbprint in it.
func (a *App) certificateOf(token *jwt.Token) (*x509.Certificate, *entraError) {
	var named [][]byte
	digest := func(c *x509.Certificate) []byte { sum := sha1.Sum(c.Raw); return sum[:] }
	if header, ok := token.Header["x5t#S256"].(string); ok {
		named = decodeThumbprint(header)
		digest = func(c *x509.Certificate) []byte { sum := sha256.Sum256(c.Raw); return sum[:] }
	} else if header, ok := token.Header["x5t"].(string); ok {
		named = decodeThumbprint(header)
	} else if header, ok := token.Header["kid"].(string); ok {
		named = decodeThumbprint(header)
		if raw, err := hex.DecodeString(header); err == nil {
			named = append(named, raw)
		}
	} else {
		return nil, malformedAssertion("No certificate thumbprint specified in token header.")
	}
	if len(named) == 0 {
		return nil, malformedAssertion("The certificate thumbprint in the token header cannot be read.")
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	for _, cert := range a.certificates {
		if slices.ContainsFunc(named, func(n []byte) bool { return bytes.Equal(n, digest(cert)) }) {
			return cert, nil
		}
	}
	return nil, complain(entraAssertionKey, "The certificate with identifier used to sign the client assertion is "+
		"not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '%X', "+
		"Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id "+
		"'%s'.]", named[0], a.ClientID)
}

// decodeThumbprint decodes base64 in both alphabets, with or without padding. Microsoft's documentation requires
// base64url, but Microsoft's own Go client sends the standard alphabet with padding.
func decodeThumbprint(s string) [][]byte {
	s = strings.TrimRight(s, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if raw, err := encoding.DecodeString(s); err == nil && len(raw) > 0 {
			return [][]byte{raw}
		}
	}
	return nil
}

func (t *Tenant) checkAssertionClaims(
	app *App, claims jwt.RegisteredClaims, audiences []string, now time.Time,
) *entraError {
	if !slices.ContainsFunc(claims.Audience, func(aud string) bool { return slices.Contains(audiences, aud) }) {
		return complain(entraAssertionAudience, "Client assertion audience claim does not match Realm issuer.")
	}
	if !strings.EqualFold(claims.Issuer, app.ClientID) {
		return complain(entraAssertionIssuer, "Client assertion application identifier doesn't match "+
			"'client_id' parameter.")
	}
	if claims.Subject != claims.Issuer {
		return complain(entraSubjectNotIssuer, "Subject must match the issuer claim in the client assertion.")
	}
	if claims.ExpiresAt == nil {
		return malformedAssertion("The 'exp' claim is missing.")
	}
	if complaint := checkAssertionTimes(claims, now); complaint != nil {
		return complaint
	}
	if claims.ID == "" {
		if t.Switches().AcceptAssertionWithoutID {
			return nil
		}
		return malformedAssertion("The 'jti' claim is missing.")
	}
	if !t.Switches().AcceptReplayedAssertion && t.replayed(app, claims, now) {
		return complain(entraBadSignature, "The client assertion has been used before.")
	}
	return nil
}

// replayed records the id of a client assertion, and reports whether it was recorded before. It deletes an id as soon
// as the assertion is too old to be accepted.
func (t *Tenant) replayed(app *App, claims jwt.RegisteredClaims, now time.Time) bool {
	id := strings.ToLower(app.ClientID) + " " + claims.ID
	t.mu.Lock()
	defer t.mu.Unlock()
	for seen, until := range t.replays {
		if now.After(until) {
			delete(t.replays, seen)
		}
	}
	_, seen := t.replays[id]
	if !seen {
		t.replays[id] = claims.ExpiresAt.Add(assertionLeeway)
	}
	return seen
}

func malformedAssertion(format string, args ...any) *entraError {
	return complain(entraMalformedAssertion, "JWT token is invalid or malformed. %s", fmt.Sprintf(format, args...))
}

func badKey(summary, reason string, cert *x509.Certificate, app *App) *entraError {
	thumbprint := sha1.Sum(cert.Raw)
	const layout = "01/02/2006 15:04:05"
	return complain(entraAssertionKey, "%s [Reason - %s, Thumbprint of key used by client: '%X', Found key "+
		"'Start=%s, End=%s', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see "+
		"configured keys for app Id '%s'.]",
		summary, reason, thumbprint, cert.NotBefore.UTC().Format(layout), cert.NotAfter.UTC().Format(layout),
		app.ClientID)
}

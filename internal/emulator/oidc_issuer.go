package emulator

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// An OIDCIssuer is an identity provider outside the tenant, such as GitHub, Azure DevOps and every Kubernetes cluster
// have one: OpenID Connect Discovery 1.0 and RFC 7517. [App.AddFederatedCredential] lets an application trust it.
type OIDCIssuer struct {
	url     string
	tenant  *Tenant
	handler http.Handler

	mu    sync.Mutex
	key   *rsa.PrivateKey
	keyID string
}

// NewOIDCIssuer creates an issuer with this https URL as its name. Through [Tenant.Proxy], its metadata can be read at
// this URL.
func (t *Tenant) NewOIDCIssuer(address string) *OIDCIssuer {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		panic(fmt.Sprintf("emulator: %q is no issuer, which is an https URL", address))
	}
	i := &OIDCIssuer{url: address, tenant: t}
	i.RotateKey()
	mux := http.NewServeMux()
	base := strings.TrimSuffix(u.Path, "/")
	mux.HandleFunc("GET "+base+"/.well-known/openid-configuration", i.metadata)
	mux.HandleFunc("GET "+base+"/.well-known/jwks", i.keys)
	i.handler = t.instrument("issuer", func(f Fault) (string, []byte) {
		return "text/plain; charset=utf-8", []byte(f.Message)
	}, routeMux{mux})
	t.serveOutside(address, i)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.issuers[address] = i
	return i
}

// issuerAt returns the issuer with exactly this URL, or nil if there is none.
func (t *Tenant) issuerAt(address string) *OIDCIssuer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.issuers[address]
}

// URL returns the issuer's name, which is the iss claim of its tokens.
func (i *OIDCIssuer) URL() string { return i.url }

// ServeHTTP serves the issuer's metadata and its public keys.
func (i *OIDCIssuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.handler.ServeHTTP(w, r) }

// RotateKey replaces the issuer's signing key. Tokens that the old key signed are no longer valid.
func (i *OIDCIssuer) RotateKey() {
	key, err := i.tenant.newKey(tokenKeyBits)
	if err != nil {
		panic(fmt.Sprintf("emulator: generating an issuer's key: %v", err))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.keyID = key, uuid.NewString()
}

// Token returns a new token with this subject and this audience. Its times follow the tenant's clock.
func (i *OIDCIssuer) Token(subject, audience string, lifetime time.Duration) string {
	now := i.tenant.Clock.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": i.url, "sub": subject, "aud": audience, "jti": uuid.NewString(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(lifetime).Unix(),
	})
	token.Header["kid"] = i.keyID
	raw, err := token.SignedString(i.key)
	if err != nil {
		panic(fmt.Sprintf("emulator: signing a token: %v", err))
	}
	return raw
}

// publicKey returns the issuer's public key if it has this id, otherwise nil.
func (i *OIDCIssuer) publicKey(id string) *rsa.PublicKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	if id != i.keyID {
		return nil
	}
	return &i.key.PublicKey
}

func (i *OIDCIssuer) metadata(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"issuer":                                i.url,
		"jwks_uri":                              strings.TrimSuffix(i.url, "/") + "/.well-known/jwks",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (i *OIDCIssuer) keys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	key, id := i.key.PublicKey, i.keyID
	i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}})
}

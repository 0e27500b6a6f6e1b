package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// ErrNotOurToken is the error for text that is not an access token signed by this tenant.
var ErrNotOurToken = errors.New("not an access token of this tenant")

// TenantOptions describe a new tenant. An empty ID or Domain is replaced by a generated one.
type TenantOptions struct {
	ID     string
	Domain string
	// Cloud is the only cloud in which the tenant exists, for example [ChinaCloud]; the logins of other clouds do not
	// find the tenant. If Cloud is empty, the tenant exists in all clouds at once, which no real tenant does.
	Cloud string
	// NewKey returns an RSA key of the given length, which signs tokens or belongs to a client certificate. Generating a
	// key takes longer than most tests, so a test with many tenants may return existing keys. If NewKey is nil, keys are
	// generated.
	NewKey func(bits int) (*rsa.PrivateKey, error)
}

// A Tenant is one Entra ID directory, together with what its services share. Its objects (application, service
// principal, object id) are those of "Application and service principal objects in Microsoft Entra ID" of the Microsoft
// identity platform.
type Tenant struct {
	ID           string
	Domain       string
	Clock        *Clock
	Faults       *Faults
	Journal      *Journal
	Latency      *Latency
	newKey       func(bits int) (*rsa.PrivateKey, error)
	signingKey   *rsa.PrivateKey
	signingKeyID string
	ca           *authority
	cloud        *cloud // nil means every cloud

	tokens accessTokens

	mu            sync.Mutex
	switches      Switches
	apps          map[string]*App // by client id in lower case
	tokenLifetime time.Duration
	replays       map[string]time.Time // by application and assertion id: until when a used assertion is remembered
	vaults        map[string]*Vault    // by name in lower case
	workspaces    []*Workspace
	published     map[string]*publication // by resource id in lower case
	outsiders     []outsideService
	issuers       map[string]*OIDCIssuer // by URL
	identities    managedIdentities
}

// NewTenant creates a tenant without applications.
func NewTenant(opts TenantOptions) *Tenant {
	if opts.ID == "" {
		opts.ID = uuid.NewString()
	}
	if opts.Domain == "" {
		opts.Domain = "contoso-" + opts.ID[:min(8, len(opts.ID))] + ".example"
	}
	if opts.Cloud != "" && cloudNamed(opts.Cloud) == nil {
		panic(fmt.Sprintf("emulator: there is no cloud %q", opts.Cloud))
	}
	if opts.NewKey == nil {
		opts.NewKey = generateKey
	}
	key, err := opts.NewKey(tokenKeyBits)
	if err != nil {
		panic(fmt.Sprintf("emulator: generating the tenant's signing key: %v", err))
	}
	keyDigest := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	return &Tenant{
		ID:            opts.ID,
		Domain:        opts.Domain,
		Clock:         &Clock{},
		Faults:        &Faults{},
		Journal:       &Journal{},
		Latency:       &Latency{},
		newKey:        opts.NewKey,
		signingKey:    key,
		signingKeyID:  base64.RawURLEncoding.EncodeToString(keyDigest[:20]),
		ca:            newAuthority(),
		cloud:         cloudNamed(opts.Cloud),
		apps:          map[string]*App{},
		tokenLifetime: defaultTokenLifetime,
		replays:       map[string]time.Time{},
		tokens:        accessTokens{revoked: map[string]bool{}, uses: -1},
		vaults:        map[string]*Vault{},
		published:     map[string]*publication{},
		issuers:       map[string]*OIDCIssuer{},
	}
}

// Switches returns the current switches of Entra ID.
func (t *Tenant) Switches() Switches {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.switches
}

// SetSwitches replaces all switches of Entra ID.
func (t *Tenant) SetSwitches(s Switches) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.switches = s
}

// defaultTokenLifetime is one second less than an hour, as in the answers of Entra ID without a token lifetime policy.
const defaultTokenLifetime = 3599 * time.Second

// SetTokenLifetime sets the lifetime of access tokens that are issued later, and so their expires_in. MSAL uses a
// cached token only while it remains valid for more than five minutes.
func (t *Tenant) SetTokenLifetime(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokenLifetime = d
}

// An App is an application registration and its service principal in the tenant.
type App struct {
	// ClientID is the application id.
	ClientID string
	// ObjectID is the object id of the service principal. It is the oid claim of the application's tokens.
	ObjectID string
	Name     string

	clock        *Clock
	mu           sync.Mutex
	disabled     bool
	secrets      []appSecret
	certificates []*x509.Certificate
	federated    []federatedCredential
}

type appSecret struct {
	value   string
	expires time.Time
}

// RegisterApp registers an application with a generated client id.
func (t *Tenant) RegisterApp(name string) *App {
	return t.RegisterAppWithID(name, uuid.NewString())
}

// RegisterAppWithID registers an application with this client id. It replaces an existing application with the same id.
func (t *Tenant) RegisterAppWithID(name, clientID string) *App {
	app := &App{ClientID: clientID, ObjectID: uuid.NewString(), Name: name, clock: t.Clock}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apps[strings.ToLower(clientID)] = app
	return app
}

// RemoveApp deletes an application. Access tokens that it already has stay valid, as in Entra ID.
func (t *Tenant) RemoveApp(clientID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.apps, strings.ToLower(clientID))
}

// App returns the application with this client id, which is compared case-insensitively.
func (t *Tenant) App(clientID string) (*App, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	app, ok := t.apps[strings.ToLower(clientID)]
	return app, ok
}

// AddSecret adds a client secret to the application, and returns its value. The secret expires after lifetime by the
// tenant's clock.
func (a *App) AddSecret(lifetime time.Duration) (value string) {
	raw := make([]byte, 30)
	_, _ = rand.Read(raw) // the documentation of crypto/rand says that Read never fails
	value = base64.RawURLEncoding.EncodeToString(raw)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets = append(a.secrets, appSecret{value: value, expires: a.clock.Now().Add(lifetime)})
	return value
}

// RemoveSecrets removes all client secrets of the application.
func (a *App) RemoveSecrets() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets = nil
}

// AddCertificate registers a certificate on the application, without its private key.
func (a *App) AddCertificate(cert *x509.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certificates = append(a.certificates, cert)
}

// RemoveCertificate removes one certificate from the application, as after a rotation.
func (a *App) RemoveCertificate(cert *x509.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certificates = slices.DeleteFunc(a.certificates, cert.Equal)
}

// RemoveCertificates removes all certificates of the application.
func (a *App) RemoveCertificates() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certificates = nil
}

// SetDisabled disables or enables logins of the application.
func (a *App) SetDisabled(disabled bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.disabled = disabled
}

// AccessClaims are the claims of an access token that a resource checks.
type AccessClaims struct {
	Audience  string
	AppID     string
	ObjectID  string
	TenantID  string
	Issuer    string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// The values of the appidacr claim, which says how the application proved its identity.
const (
	provedBySecret      = "1"
	provedByCertificate = "2"
)

// issuer returns the iss claim of the tenant's access tokens. It has the v1.0 form, because the resource determines the
// version of a token, not the token endpoint.
func (t *Tenant) issuer() string { return "https://sts.windows.net/" + t.ID + "/" }

// issue signs an access token whose dates follow the tenant's clock. The claims are those of "Access token claims
// reference" of the Microsoft identity platform in the v1.0 form, which Azure Databricks receives. They are a map
// because a single audience must be a string in these tokens, not an array.
func (t *Tenant) issue(app *App, audience, provedBy string, lifetime time.Duration) (string, error) {
	now, id := t.Clock.Now(), uuid.NewString()
	t.tokens.add(id)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"aud":      audience,
		"iss":      t.issuer(),
		"iat":      now.Unix(),
		"nbf":      now.Unix(),
		"exp":      now.Add(lifetime).Unix(),
		"appid":    app.ClientID,
		"appidacr": provedBy,
		"idp":      t.issuer(),
		"idtyp":    "app",
		"oid":      app.ObjectID,
		"sub":      app.ObjectID,
		"tid":      t.ID,
		"uti":      id,
		"ver":      "1.0",
	})
	token.Header["kid"] = t.signingKeyID
	return token.SignedString(t.signingKey)
}

// IssueAccessToken signs an access token without a login, so that a test can have a token that is expired or is meant
// for another resource.
func (t *Tenant) IssueAccessToken(clientID, audience string, lifetime time.Duration) (string, error) {
	app, ok := t.App(clientID)
	if !ok {
		return "", fmt.Errorf("application %q is not registered in the tenant", clientID)
	}
	return t.issue(app, audience, provedBySecret, lifetime)
}

// VerifyAccessToken returns the claims of an access token that the tenant signed. It returns [ErrNotOurToken] for any
// other text and for a revoked token. It checks neither the audience nor the dates, because each resource answers those
// in its own way.
func (t *Tenant) VerifyAccessToken(raw string) (AccessClaims, error) {
	var claims struct {
		jwt.RegisteredClaims
		AppID    string `json:"appid"`
		ObjectID string `json:"oid"`
		TenantID string `json:"tid"`
		UTI      string `json:"uti"`
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) {
		return &t.signingKey.PublicKey, nil
	})
	if err != nil {
		return AccessClaims{}, fmt.Errorf("%w: %w", ErrNotOurToken, err)
	}
	if len(claims.Audience) != 1 || claims.IssuedAt == nil || claims.ExpiresAt == nil {
		return AccessClaims{}, fmt.Errorf("%w: claims are missing", ErrNotOurToken)
	}
	if !t.tokens.use(claims.UTI) {
		return AccessClaims{}, fmt.Errorf("%w any more: it was revoked", ErrNotOurToken)
	}
	return AccessClaims{
		Audience:  claims.Audience[0],
		AppID:     claims.AppID,
		ObjectID:  claims.ObjectID,
		TenantID:  claims.TenantID,
		Issuer:    claims.Issuer,
		IssuedAt:  claims.IssuedAt.UTC(),
		ExpiresAt: claims.ExpiresAt.UTC(),
	}, nil
}

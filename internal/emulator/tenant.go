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

// ErrNotOurToken is the error for a string that is not an access token which this tenant signed.
var ErrNotOurToken = errors.New("not an access token of this tenant")

// TenantOptions name a tenant; what is empty is made up.
type TenantOptions struct {
	ID     string
	Domain string
	// Cloud is the one cloud the tenant exists in, for example [ChinaCloud]; the
	// logins of the others do not find it. Empty is every cloud at once, which no
	// real tenant is.
	Cloud string
	// NewKey makes the RSA keys that sign tokens and are behind client certificates.
	// Generating one takes longer than most tests: a test with many tenants may give
	// keys that it has. Nil generates them.
	NewKey func() (*rsa.PrivateKey, error)
}

// A Tenant is one Entra ID directory and what the services over it share.
// The object model (application, service principal, object id) is that of the
// Microsoft identity platform page "Application and service principal objects in
// Microsoft Entra ID".
type Tenant struct {
	ID           string
	Domain       string
	Clock        *Clock
	Faults       *Faults
	Journal      *Journal
	Latency      *Latency
	newKey       func() (*rsa.PrivateKey, error)
	signingKey   *rsa.PrivateKey
	signingKeyID string
	ca           *authority
	cloud        *cloud // nil for every cloud

	tokens accessTokens

	mu            sync.Mutex
	switches      Switches
	apps          map[string]*App // by lower-case client id
	tokenLifetime time.Duration
	replays       map[string]time.Time // assertion ids seen, and when they may be forgotten
	vaults        map[string]*Vault    // by lower-case name
	workspaces    []*Workspace
	published     map[string]*publication // by lower-case resource id
	outsiders     []outsideService
	issuers       map[string]*OIDCIssuer // by URL
	identities    managedIdentities
}

// NewTenant makes a tenant with no applications.
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
	key, err := opts.NewKey()
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

func generateKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// Switches are those of Entra ID now.
func (t *Tenant) Switches() Switches {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.switches
}

// SetSwitches changes all switches of Entra ID at once.
func (t *Tenant) SetSwitches(s Switches) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.switches = s
}

// defaultTokenLifetime is one second under an hour, as Entra ID answers when no
// token lifetime policy applies.
const defaultTokenLifetime = 3599 * time.Second

// SetTokenLifetime sets the lifetime of the access tokens issued from now on, and so their expires_in. MSAL keeps a
// token only while more than five minutes remain.
func (t *Tenant) SetTokenLifetime(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokenLifetime = d
}

// An App is an application registration together with its service principal in
// the tenant.
type App struct {
	// ClientID is the application id.
	ClientID string
	// ObjectID is the object id of the service principal, the oid claim of its tokens.
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

// RegisterApp registers an application under a new client id.
func (t *Tenant) RegisterApp(name string) *App {
	return t.RegisterAppWithID(name, uuid.NewString())
}

// RegisterAppWithID registers an application under a chosen client id, replacing
// one of the same id.
func (t *Tenant) RegisterAppWithID(name, clientID string) *App {
	app := &App{ClientID: clientID, ObjectID: uuid.NewString(), Name: name, clock: t.Clock}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apps[strings.ToLower(clientID)] = app
	return app
}

// RemoveApp deletes an application; tokens it already holds stay valid, as they
// do in Entra ID.
func (t *Tenant) RemoveApp(clientID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.apps, strings.ToLower(clientID))
}

// App finds an application by its client id, whatever the case.
func (t *Tenant) App(clientID string) (*App, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	app, ok := t.apps[strings.ToLower(clientID)]
	return app, ok
}

// AddSecret adds a client secret that lives that long by the tenant's clock.
func (a *App) AddSecret(lifetime time.Duration) (value string) {
	raw := make([]byte, 30)
	_, _ = rand.Read(raw) // never fails, by its documentation
	value = base64.RawURLEncoding.EncodeToString(raw)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets = append(a.secrets, appSecret{value: value, expires: a.clock.Now().Add(lifetime)})
	return value
}

// RemoveSecrets removes all client secrets.
func (a *App) RemoveSecrets() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets = nil
}

// AddCertificate registers the public half of a certificate.
func (a *App) AddCertificate(cert *x509.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certificates = append(a.certificates, cert)
}

// RemoveCertificate removes one certificate, as after it was rotated.
func (a *App) RemoveCertificate(cert *x509.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certificates = slices.DeleteFunc(a.certificates, cert.Equal)
}

// RemoveCertificates removes all certificates.
func (a *App) RemoveCertificates() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certificates = nil
}

// SetDisabled disables or enables sign-in for the application.
func (a *App) SetDisabled(disabled bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.disabled = disabled
}

// AccessClaims are the claims of an access token that a resource judges.
type AccessClaims struct {
	Audience  string
	AppID     string
	ObjectID  string
	TenantID  string
	Issuer    string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// The appidacr claim says how the application proved itself.
const (
	provedBySecret      = "1"
	provedByCertificate = "2"
)

// The services over this tenant know it as the issuer by this name, which is the
// v1.0 one: the token version follows the resource, not the endpoint that was
// asked.
func (t *Tenant) issuer() string { return "https://sts.windows.net/" + t.ID + "/" }

// issue signs an access token, valid by the tenant's clock, with the claims of "Access token claims reference" of the
// Microsoft identity platform in the v1.0 form that Azure Databricks' resource is given. Claims are a map because a
// lone audience is a string in these tokens, never an array.
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

// IssueAccessToken signs a token without a login, so that a test can hold one
// that is expired or meant for another resource.
func (t *Tenant) IssueAccessToken(clientID, audience string, lifetime time.Duration) (string, error) {
	app, ok := t.App(clientID)
	if !ok {
		return "", fmt.Errorf("application %q is not registered in the tenant", clientID)
	}
	return t.issue(app, audience, provedBySecret, lifetime)
}

// VerifyAccessToken checks that the tenant signed a token and reads it. It judges
// neither audience nor dates: what a resource answers to those is its own affair.
// Any other string is [ErrNotOurToken].
func (t *Tenant) VerifyAccessToken(raw string) (AccessClaims, error) {
	var claims struct {
		jwt.RegisteredClaims
		AppID    string `json:"appid"`
		ObjectID string `json:"oid"`
		TenantID string `json:"tid"`
		UTI      string `json:"uti"`
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) { return &t.signingKey.PublicKey, nil })
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

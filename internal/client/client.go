// Package client calls one Azure Databricks workspace. It defines how a call is sent, paced, timed and repeated, what
// the errors of a call mean, and the few reads that several resources share.
//
// The Databricks SDK sends the calls. Three parts of it are replaced. Its configuration loaders and its host discovery
// are off, so that only the provider block, and the variables that the provider block names, decide who logs in where.
// Its credentials are replaced, because it has no certificate login. Its rule for retries is replaced, because the SDK
// sends a POST again after a lost answer, which would leave a second token that nobody knows.
package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/databricks/databricks-sdk-go/client"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/config/credentials"
	"github.com/databricks/databricks-sdk-go/httpclient"
	"github.com/databricks/databricks-sdk-go/useragent"
	"golang.org/x/mod/semver"
	"golang.org/x/sync/semaphore"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// Config has the settings of a [Client].
type Config struct {
	// Host is the workspace's URL without a path, as https://adb-….azuredatabricks.net. If empty, ResourceID finds it.
	Host string
	// ResourceID is the workspace's id in Azure Resource Manager. It may be empty if Host is set.
	ResourceID string
	// AdminLogin adds a second token to each call, for Azure Resource Manager, and the ResourceID. With these, a caller
	// that is Contributor of the workspace's Azure resource becomes an admin of the workspace.
	AdminLogin bool
	// WorkspaceID is sent with each call if it is set. A host that serves several workspaces needs it.
	WorkspaceID string
	// Login is the identity that makes the calls.
	Login *auth.Login
	// Open returns a login with other settings. Where these are not set, it uses the provider's tenant, authority and
	// network. It sends no request.
	Open func(auth.Settings) (*auth.Login, error)
	// Vault returns the Key Vault at an address. Login is the identity that calls the vault. Vault sends no request.
	Vault func(auth.Setting) (*auth.Vault, error)
	// Transport sends the requests; see [NewTransport].
	Transport http.RoundTripper
	// AttemptTimeout bounds one attempt of a call, without the time that the call waits for its turn.
	AttemptTimeout time.Duration
	// RetryTimeout bounds all attempts of one call.
	RetryTimeout time.Duration
	// RateLimit is the largest number of calls per second; 0 means no limit.
	RateLimit int
	// Ephemeral holds the tokens that live no longer than the run. If it is nil, the client makes its own.
	Ephemeral *EphemeralTokens
}

// Client calls one workspace as one identity.
type Client struct {
	// Login is the identity that makes the calls.
	Login *auth.Login

	own       bool // whether Login is the provider's own login, not that of a token's owner
	cfg       Config
	sdk       *client.DatabricksClient
	transport *transport
	run       *run

	self         Cache[Identity]
	principals   principalCache
	lists        principalLists
	groups       perKey[Cache[Group]] // by name
	endpoints    Directory[string]    // name → id
	tokens       Cache[TokenList]
	oauthSecrets perKey[Cache[OAuthSecretList]] // by SCIM id of the service principal
	kept         sync.Map                       // type → the value that [PerClient] returns
}

var productOnce sync.Once

// Product sets the provider's name and version in the User-Agent of every call. The SDK keeps them for the whole
// process, and only the first call of Product counts.
func Product(version string) {
	version = strings.TrimPrefix(version, "v")
	if !semver.IsValid("v" + version) { // the SDK panics at an invalid version, such as that of an unreleased build
		version = "0.0.0"
	}
	productOnce.Do(func() { useragent.WithProduct("dbxaccess", version) })
}

// New returns a client for one workspace and one identity. It sends no request.
func New(cfg Config) (*Client, error) {
	return newClient(cfg, nil, true)
}

// LogIn returns a client for the same workspace with another identity. Both clients share throttle and limits, because
// the workspace counts their calls together. Equal settings return the same client, so that one access token serves all
// its callers. LogIn sends no request.
func (c *Client) LogIn(s auth.Settings) (*Client, error) {
	return c.run.clients.get(identityOf(s), func() (*Client, error) {
		login, err := c.cfg.Open(s)
		if err != nil {
			return nil, err
		}
		cfg := c.cfg
		cfg.Login = login
		return newClient(cfg, c, false)
	})
}

// newClient returns a client that shares transport and run with other. If other is nil, the client has its own.
func newClient(cfg Config, other *Client, own bool) (*Client, error) {
	silenceSDK()
	if cfg.Ephemeral == nil {
		cfg.Ephemeral = &EphemeralTokens{}
	}
	c := &Client{Login: cfg.Login, own: own, cfg: cfg}
	if other != nil {
		c.transport, c.run = other.transport, other.run
	} else {
		c.run = &run{shared: newSharedObjects()}
		c.transport = newTransport(cfg, c.run.writes.note)
	}
	c.principals.list, c.endpoints.list = c.everyPrincipal, c.endpointIDs
	c.tokens.writes = &c.run.writes.tokens
	c.lists.follow(&c.run.writes.principals)
	sdkConfig := &config.Config{
		Host:          cmp.Or(cfg.Host, unknownHost), // the transport sets the right host
		WorkspaceID:   cfg.WorkspaceID,
		Credentials:   strategy{cfg, own, &bearer{}},
		HTTPTransport: c.transport,
		// The transport has its own time limits and pace. The SDK's limits only have to be wider than these.
		HTTPTimeoutSeconds:  int((24 * time.Hour).Seconds()),
		RateLimitPerSecond:  1_000_000,
		RetryTimeoutSeconds: max(1, int(cfg.RetryTimeout.Seconds())),
		Loaders:             []config.Loader{noLoader{}},
		HostMetadataResolver: func(context.Context, string) (*config.HostMetadata, error) {
			return nil, nil
		},
	}
	httpConfig, err := config.HTTPClientConfigFromConfig(sdkConfig)
	if err != nil {
		return nil, fmt.Errorf("configuring the workspace client: %w", err)
	}
	httpConfig.ErrorMapper = mapper(cfg.Login)
	httpConfig.ErrorRetriable = repeatable
	httpConfig.TransientErrors = nil
	if c.sdk, err = client.NewWithClient(sdkConfig, httpclient.NewApiClient(httpConfig)); err != nil {
		return nil, fmt.Errorf("configuring the workspace client: %w", err)
	}
	return c, nil
}

// unknownHost is the placeholder for a host that is not known yet. Its domain is reserved and never resolves.
const unknownHost = "https://unknown.invalid"

// NotReady returns a client whose calls all fail with err. It is for a provider whose configuration is not known yet,
// which is an error only when something is requested.
func NotReady(err error) *Client {
	open := func(auth.Settings) (*auth.Login, error) { return nil, err }
	vault := func(auth.Setting) (*auth.Vault, error) { return nil, err }
	cfg := Config{Host: unknownHost, Login: auth.Unready(err), Open: open, Vault: vault}
	c, buildErr := newClient(cfg, nil, true)
	if buildErr != nil {
		panic(buildErr) // newClient gets constants only, so no setting of a user can make it fail
	}
	return c
}

// Ready reports whether the provider's configuration is known, so that calls can be made; see [NotReady].
func (c *Client) Ready() bool { return c.cfg.Host != unknownHost }

// Lock waits until nobody else in this process holds the lock of that name, and returns the function that releases it.
// It returns an error if ctx ends. The permissions API has no version to compare, so writers of one list must wait for
// each other.
func (c *Client) Lock(ctx context.Context, object string) (unlock func(), err error) {
	l, _ := c.run.locks.LoadOrStore(object, semaphore.NewWeighted(1))
	lock := l.(*semaphore.Weighted)
	if err := lock.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { lock.Release(1) }, nil
}

// strategy passes the login to the SDK. The SDK calls it at every attempt, so a long apply uses a renewed token.
type strategy struct {
	cfg    Config
	own    bool // whether it is the provider's own login, not that of a token's owner
	bearer *bearer
}

func (s strategy) Name() string {
	return cmp.Or(string(s.cfg.Login.Kind), "none")
}

func (s strategy) Configure(context.Context, *config.Config) (credentials.CredentialsProvider, error) {
	return credentials.CredentialsProviderFn(func(r *http.Request) error {
		*r = *r.WithContext(context.WithValue(r.Context(), callerKey{}, s))
		return s.sign(r)
	}), nil
}

func (s strategy) sign(r *http.Request) error {
	token, err := s.token(r.Context(), auth.DatabricksScope)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token.Value)
	if !s.own || !s.cfg.AdminLogin {
		return nil
	}
	management, err := s.token(r.Context(), s.cfg.Login.ManagementScope())
	if err != nil {
		return err
	}
	r.Header.Set("X-Databricks-Azure-SP-Management-Token", management.Value)
	r.Header.Set("X-Databricks-Azure-Workspace-Resource-Id", s.cfg.ResourceID)
	return nil
}

// Token returns an access token of the client's identity for a scope.
func (c *Client) Token(ctx context.Context, scope string) (auth.Token, error) {
	return strategy{cfg: c.cfg, own: c.own}.token(ctx, scope)
}

// token returns an access token for a scope. It removes the attribute from errors of the provider's own login. That
// attribute is in the provider block, but the error appears at a resource, which may have an attribute of the same
// name.
func (s strategy) token(ctx context.Context, scope string) (auth.Token, error) {
	token, err := s.cfg.Login.AccessToken(ctx, scope)
	login, ok := errors.AsType[*auth.Error](err)
	if !s.own || !ok {
		return token, err
	}
	elsewhere := *login
	elsewhere.Attribute = ""
	return auth.Token{}, &elsewhere
}

// noLoader replaces the loaders by which the SDK would read ~/.databrickscfg and DATABRICKS_* variables.
type noLoader struct{}

func (noLoader) Name() string                   { return "dbxaccess" }
func (noLoader) Configure(*config.Config) error { return nil }

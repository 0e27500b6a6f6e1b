package auth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// defaultRetryTimeout is the time limit of one token request with all its retries, if the options set none.
const defaultRetryTimeout = 5 * time.Minute

// Options are what a login needs besides its [Settings].
type Options struct {
	// Transport sends all requests, with the rules of [web.NewClient]; nil means a transport of [web.NewTransport].
	Transport http.RoundTripper
	// AttemptTimeout is the time limit of one request; 0 means 30 seconds for one attempt to get a token.
	AttemptTimeout time.Duration
	// RetryTimeout is the time limit of one token request with all its retries; 0 means 5 minutes.
	RetryTimeout time.Duration
	// Now returns the current time, to be compared with the dates of certificates; nil means time.Now.
	Now func() time.Time
	// LookupEnv reads the AZURE_* variables of a pod in Azure Kubernetes Service, those of the identity that reads a
	// vault, and those of the system that runs a pipeline; nil means [os.LookupEnv].
	LookupEnv func(string) (string, bool)
	// Workspace returns the address of the workspace, for a login at the workspace whose settings have no host. It is
	// called when a token is requested, and may make requests. It is nil if the address cannot be found.
	Workspace func(context.Context) (string, error)
	// VaultLogin is the login that reads the vault if the settings contain [KeyVaultSettings.ByProvider].
	VaultLogin *Login
}

// Login is a chosen and checked credential. It is safe for concurrent use.
type Login struct {
	Kind Kind
	// Source says where the credential was configured, in the form of [Setting.Source].
	Source string
	// Cloud is the name of the Azure cloud: public, usgovernment or china.
	Cloud string
	// ResourceManager is the address of Azure Resource Manager, without a slash at its end.
	ResourceManager string
	// Warnings are the warnings for the user that arose when the login was opened.
	Warnings []Warning
	// Ignored are the configured credentials that are not used, because another credential takes precedence.
	Ignored []Setting

	cloud cloud
	// privateCloud is true if authority_host names a private cloud.
	privateCloud bool
	// known is the part of the identity that is known without a request.
	known Identity
	// ready is the session. It is nil as long as some settings of the login are not known. finish gets these settings
	// and returns the session.
	ready   atomic.Pointer[session]
	warned  atomic.Bool
	finish  func(context.Context) (*session, error)
	flights flights[*session]
}

// Identity is the identity of a login. If the credential is stored in a vault, the identity is complete only after the
// vault was read, which the first [Login.AccessToken] does.
type Identity struct {
	// TenantID and ClientID are empty for a login with a Databricks token. For a managed identity or the Azure CLI they
	// are empty if the settings do not name them.
	TenantID, ClientID string
	// Authority is the URL that issues the tokens, including the tenant. It is empty if another program than this
	// package requests the tokens.
	Authority string
	// Certificate is the client certificate; nil if the login uses no certificate.
	Certificate *certificate.Certificate
	// Vault is the host of the Key Vault that holds the credential. CertificateVersion is the version of the
	// certificate in that vault.
	Vault, CertificateVersion string
}

// session is a login that is ready to get tokens.
type session struct {
	Identity
	acquire tokenFunc
	// endpointToken returns a token for a single endpoint, by the authorization details of the endpoint; nil if this
	// kind of login cannot get such tokens.
	endpointToken tokenFunc
	// forgetEndpointToken removes a cached token that endpointToken returned; nil if endpointToken is nil.
	forgetEndpointToken func(details string)
	// forget makes the next call of acquire log in again; nil if the login is a fixed token.
	forget func(scope, token string)
	// warnings are the warnings about the content of a vault.
	warnings []Warning
}

// TakeWarnings returns the warnings that arose after configuration, when the login was read from a vault. It returns
// them only once. [Login.Warnings] has the warnings that arose at configuration.
func (l *Login) TakeWarnings() []Warning {
	ready := l.ready.Load()
	if ready == nil || len(ready.warnings) == 0 || !l.warned.CompareAndSwap(false, true) {
		return nil
	}
	return ready.warnings
}

type tokenFunc func(ctx context.Context, scope string) (Token, error)

// Format writes the kind, the source and the client id of the login, whatever the verb.
func (l *Login) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f,
		strings.TrimSpace(fmt.Sprintf("%s login from %s %s", l.Kind, l.Source, l.Identity().ClientID)))
}

// Format writes the client id and the tenant id, whatever the verb.
func (i Identity) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, strings.TrimSpace(fmt.Sprintf("client %s in tenant %s", i.ClientID, i.TenantID)))
}

// opening is a login while it is being opened.
type opening struct {
	login   *Login
	options Options
	cloud   cloud
	http    *http.Client
	// audience is the audience to request for an OIDC token of another issuer; "" means the audience that Entra ID
	// expects.
	audience string
}

// env returns the value of an environment variable; "" if it is not set.
func (o *opening) env(name string) string {
	value, _ := o.options.LookupEnv(name)
	return value
}

// finisher completes a login and returns its session. s holds all settings, with the tenant id and the client id. read
// is what the login has read from Key Vault; nil if it reads nothing there.
type finisher func(s Settings, read *vaultContent) (*session, error)

// Open chooses a login ([Settings.Choose]), reads its files, and makes all checks that need no request. Errors are
// *[Error].
func Open(s Settings, o Options) (*Login, error) {
	s.conceal()
	chosen, err := s.choose()
	if err != nil {
		return nil, err
	}
	if o.RetryTimeout <= 0 {
		o.RetryTimeout = defaultRetryTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	opening := &opening{
		login:   &Login{Kind: chosen.kind, Ignored: chosen.ignored},
		options: o,
		http:    web.NewClient(o.Transport, o.AttemptTimeout),
	}
	if err := opening.open(s, chosen); err != nil {
		return nil, err
	}
	return opening.login, nil
}

// Unready returns a login whose settings are not known yet. Every call of [Login.AccessToken] returns err.
func Unready(err error) *Login {
	return &Login{finish: func(context.Context) (*session, error) { return nil, err }}
}

func (o *opening) open(s Settings, chosen decision) error {
	l := o.login
	var err error
	if o.cloud, err = s.cloud(); err != nil {
		return err
	}
	l.Cloud, l.cloud, l.privateCloud = o.cloud.name, o.cloud, s.AuthorityHost.IsSet()
	if l.ResourceManager, err = resourceManagerBase(s.ResourceManagerEndpoint.Value,
		o.cloud.resourceManager); err != nil {
		return atSetting(err, s.ResourceManagerEndpoint, "resource_manager_endpoint")
	}
	if s, err = o.complete(s, chosen); err != nil {
		return err
	}
	finish, err := chosen.open(o, s)
	if err != nil {
		return err
	}
	if chosen.vault == nil {
		ready, err := finish(s, nil)
		if err != nil {
			return err
		}
		l.ready.Store(ready)
		return nil
	}

	v, err := o.vault(s, *chosen.vault)
	if err != nil {
		return err
	}
	certificate := l.known.Certificate
	l.known = o.identity(s)
	l.known.Certificate, l.known.Vault = certificate, v.host
	l.finish = func(ctx context.Context) (*session, error) {
		read, err := v.read(ctx)
		if err != nil {
			return nil, err
		}
		complete, err := v.complete(s, read)
		if err != nil {
			return nil, err
		}
		return finish(complete, read)
	}
	return nil
}

// identity returns the identity of the login, as far as the settings contain it.
func (o *opening) identity(s Settings) Identity {
	i := Identity{TenantID: strings.TrimSpace(s.TenantID.Value), ClientID: strings.TrimSpace(s.ClientID.Value)}
	switch o.login.Kind {
	case KindToken:
		return Identity{}
	case KindDatabricksOAuth, KindDatabricksOIDC:
		return Identity{ClientID: strings.TrimSpace(s.DatabricksClientID.Value)}
	case KindCLI: // only the Azure CLI knows its account
		return Identity{TenantID: i.TenantID}
	case KindMSI: // the tenant of a managed identity is that of the machine
		return Identity{ClientID: i.ClientID}
	}
	if base, err := authorityBase(s.AuthorityHost.Value, o.cloud.authority); err == nil && i.TenantID != "" {
		i.Authority = base + "/" + i.TenantID
	}
	return i
}

// session returns the session of the login. The first call that succeeds reads the missing settings, and later calls
// return the same session. A failure is not cached, because a permission on the vault may be granted while an apply
// waits.
func (l *Login) session(ctx context.Context) (*session, error) {
	if ready := l.ready.Load(); ready != nil {
		return ready, nil
	}
	return l.flights.do(ctx, "", func(ctx context.Context) (*session, bool, error) {
		if ready := l.ready.Load(); ready != nil {
			return ready, false, nil
		}
		ready, err := l.finish(ctx)
		if err != nil {
			return nil, ctx.Err() != nil, err
		}
		l.ready.Store(ready)
		tflog.Info(ctx, "login read from Key Vault", l.Describe())
		return ready, false, nil
	}, func(why error) error {
		return errorAt("", "Login was interrupted",
			"The operation ended before the provider had read the login from Key Vault.").withCause(why)
	})
}

// AccessToken returns a token for the scope ("<resource>/.default"), from the cache or from the source of the login. It
// retries temporary failures within [Options.RetryTimeout], but never longer than ctx allows. Concurrent callers with
// the same scope share one request and its result. Errors are *[Error]; errors.Is finds context and network errors as
// their causes.
//
// A login of [KindToken] has a single token, which is for Databricks only. It returns an error for any other scope. So
// does a login at the workspace.
func (l *Login) AccessToken(ctx context.Context, scope string) (Token, error) {
	s, err := l.session(ctx)
	if err != nil {
		return Token{}, err
	}
	return s.acquire(ctx, scope)
}

// Forget makes the next [Login.AccessToken] for the scope log in again instead of returning token, because a service
// refused token. It does nothing if another token was returned since. It also does nothing for a login of [KindToken],
// which has no other token.
func (l *Login) Forget(scope, token string) {
	if ready := l.ready.Load(); ready != nil && ready.forget != nil {
		ready.forget(scope, token)
	}
}

// ManagementScope returns the scope of a token for Azure Resource Manager. The double slash in it is intended, because
// the audience ends with a slash.
func (l *Login) ManagementScope() string { return l.cloud.management + "/.default" }

// IsWorkspaceHost reports whether host is the host of a workspace in the login's cloud. Hosts that another service
// returned must be checked with this function. Configured hosts need no such check.
func (l *Login) IsWorkspaceHost(host string) bool {
	name, ok := strings.CutSuffix(strings.ToLower(host), l.cloud.workspaceDomain)
	return ok && workspaceName().MatchString(name)
}

// ServingDomain returns the part after ".serving" in the host names of route-optimized endpoints in the login's cloud.
func (l *Login) ServingDomain() string { return l.cloud.workspaceDomain }

// IsServingHost reports whether host is the host of the route-optimized endpoint with this id, in the login's cloud.
func (l *Login) IsServingHost(host, id string) bool {
	name, ok := strings.CutSuffix(strings.ToLower(host), ".serving"+l.cloud.workspaceDomain)
	own, rest, _ := strings.Cut(name, ".")
	return ok && id != "" && own == strings.ToLower(id) && (rest == "" || workspaceName().MatchString(rest))
}

// KeyVaultScope returns the scope of a token for Azure Key Vault.
func (l *Login) KeyVaultScope() string {
	return "https://" + strings.TrimPrefix(l.cloud.vaultDomain, ".") + "/.default"
}

// Identity returns the identity of the login, as far as it is known at the time of the call.
func (l *Login) Identity() Identity {
	if ready := l.ready.Load(); ready != nil {
		return ready.Identity
	}
	return l.known
}

// Describe returns the identity and the kind of the login as fields for the log, as far as they are known at the time
// of the call. The fields contain no secret.
func (l *Login) Describe() map[string]any {
	i := l.Identity()
	d := map[string]any{"kind": string(l.Kind), "source": l.Source}
	for key, value := range map[string]string{
		"cloud": l.Cloud, "tenant_id": i.TenantID, "client_id": i.ClientID, "authority": i.Authority,
		"key_vault": i.Vault, "certificate_version": i.CertificateVersion,
	} {
		if value != "" {
			d[key] = value
		}
	}
	if c := i.Certificate; c != nil {
		d["certificate_subject"] = c.Subject
		d["certificate_thumbprint_sha1"] = c.ThumbprintSHA1
		d["certificate_thumbprint_sha256"] = c.ThumbprintSHA256
		d["certificate_not_after"] = c.NotAfter.Format(time.RFC3339)
	}
	return d
}

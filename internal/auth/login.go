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

// defaultRetryTimeout bounds all tries of one token request.
const defaultRetryTimeout = 5 * time.Minute

// Options are what a login needs besides settings.
type Options struct {
	// Transport carries all requests, which keep the rules of [web.NewClient]; nil
	// for one of [web.NewTransport].
	Transport http.RoundTripper
	// AttemptTimeout bounds one request; 0 for 30 seconds for one try.
	AttemptTimeout time.Duration
	// RetryTimeout bounds all tries of one token request; 0 for 5 minutes.
	RetryTimeout time.Duration
	// Now is the clock for the dates of certificates; nil for time.Now.
	Now func() time.Time
	// LookupEnv reads the AZURE_* variables of a pod in Azure Kubernetes Service and
	// of the identity that reads a vault; nil for [os.LookupEnv].
	LookupEnv func(string) (string, bool)
	// Workspace returns the address of the workspace, for a login at the workspace whose settings have no host. It may
	// make requests, and is called when a token is requested; nil where the address cannot be found.
	Workspace func(context.Context) (string, error)
	// VaultLogin reads the vault of a login whose settings say
	// [KeyVaultSettings.ByProvider].
	VaultLogin *Login
}

// Login is a chosen and checked credential. It is safe for concurrent use.
type Login struct {
	Kind Kind
	// Source is where the credential was configured, as in [Setting.Source].
	Source string
	// Cloud is public, usgovernment or china.
	Cloud string
	// ResourceManager is the address of Azure Resource Manager, without a slash at
	// its end.
	ResourceManager string
	// Warnings are warnings for the user at configuration.
	Warnings []Warning
	// Ignored are credentials that are configured but overridden.
	Ignored []Setting

	cloud cloud
	// ownCloud is whether authority_host names a private cloud.
	ownCloud bool
	// known is the identity as far as it is known without a request.
	known Identity
	// ready is the session, nil until all its settings are known. As long as it is nil, finish finds them out and
	// returns the session.
	ready   atomic.Pointer[session]
	warned  atomic.Bool
	finish  func(context.Context) (*session, error)
	flights flights[*session]
}

// Identity is the identity of a login. Where the credential is stored in a vault, it is
// complete only after the vault was read, which the first [Login.AccessToken] does.
type Identity struct {
	// TenantID and ClientID are empty for a token, and for a managed identity or
	// the Azure CLI where configuration does not name them.
	TenantID, ClientID string
	// Authority is the URL that issues the tokens, with the tenant; empty when another
	// program than this package requests them.
	Authority string
	// Certificate is nil unless the login uses one.
	Certificate *certificate.Certificate
	// Vault is the host of the Key Vault that holds the credential, and CertificateVersion the version of the
	// certificate there.
	Vault, CertificateVersion string
}

// session is a login that is ready to get tokens.
type session struct {
	Identity
	acquire tokenFunc
	// detailed returns a token for a single endpoint, by authorization details; nil where the login cannot get one.
	detailed tokenFunc
	// forgetDetailed drops a token of detailed.
	forgetDetailed func(details string)
	// forget makes the next acquire log in again; nil where there is no login.
	forget func(scope, token string)
	// warnings are about the content of a vault.
	warnings []Warning
}

// TakeWarnings returns, once, the warnings that arose after configuration, when the login
// was read from a vault. [Login.Warnings] has the rest.
func (l *Login) TakeWarnings() []Warning {
	ready := l.ready.Load()
	if ready == nil || len(ready.warnings) == 0 || !l.warned.CompareAndSwap(false, true) {
		return nil
	}
	return ready.warnings
}

type tokenFunc func(ctx context.Context, scope string) (Token, error)

// Format writes kind, source and client id, whatever the verb.
func (l *Login) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(
		f,
		strings.TrimSpace(fmt.Sprintf("%s login from %s %s", l.Kind, l.Source, l.Identity().ClientID)),
	)
}

// Format writes the ids, whatever the verb.
func (i Identity) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, strings.TrimSpace(fmt.Sprintf("client %s in tenant %s", i.ClientID, i.TenantID)))
}

// opening is a login that is being opened.
type opening struct {
	login   *Login
	options Options
	cloud   cloud
	http    *http.Client
	// audience is the audience to request for a token of another issuer; empty means the one that Entra ID expects.
	audience string
}

// finisher returns the session when all is known: s has the ids, read the content of the
// vault (nil for none).
type finisher func(s Settings, read *vaultContent) (*session, error)

// Open chooses a login ([Settings.Choose]), reads its files and checks all that can be
// checked without a request; it makes none. Errors are *[Error].
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

// Unready returns a login that is not known yet: every [Login.AccessToken] fails with err.
func Unready(err error) *Login {
	return &Login{finish: func(context.Context) (*session, error) { return nil, err }}
}

func (o *opening) open(s Settings, chosen decision) error {
	l := o.login
	var err error
	if o.cloud, err = s.cloud(); err != nil {
		return err
	}
	l.Cloud, l.cloud, l.ownCloud = o.cloud.name, o.cloud, s.AuthorityHost.IsSet()
	if l.ResourceManager, err = resourceManagerBase(s.ResourceManagerEndpoint.Value, o.cloud.resourceManager); err != nil {
		return at(err, s.ResourceManagerEndpoint, "resource_manager_endpoint")
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

// identity returns the identity as far as the settings contain it.
func (o *opening) identity(s Settings) Identity {
	i := Identity{TenantID: strings.TrimSpace(s.TenantID.Value), ClientID: strings.TrimSpace(s.ClientID.Value)}
	switch o.login.Kind {
	case KindToken:
		return Identity{}
	case KindDatabricksOAuth, KindDatabricksOIDC:
		return Identity{ClientID: strings.TrimSpace(s.DatabricksClientID.Value)}
	case KindCLI: // only the CLI knows the account
		return Identity{TenantID: i.TenantID}
	case KindMSI: // its tenant is that of the machine
		return Identity{ClientID: i.ClientID}
	}
	if base, err := authorityBase(s.AuthorityHost.Value, o.cloud.authority); err == nil && i.TenantID != "" {
		i.Authority = base + "/" + i.TenantID
	}
	return i
}

// session completes the login, once. It does not cache a failure, because a permission on
// the vault may be granted while an apply waits.
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
		return &Error{
			Summary: "Login was interrupted",
			Err:     why,
			Detail:  "The operation ended before the login had been read from Key Vault.",
		}
	})
}

// AccessToken returns a token for the scope ("<resource>/.default"), from the cache or
// from the source of the login. It retries temporary failures within
// [Options.RetryTimeout] and never longer than ctx. Concurrent callers with one
// scope share one request and its outcome. Errors are *[Error]; errors.Is finds
// context and network causes.
//
// A login of [KindToken] has one token, which is for Databricks only, and returns an error
// for any other scope. So does a login at the workspace.
func (l *Login) AccessToken(ctx context.Context, scope string) (Token, error) {
	s, err := l.session(ctx)
	if err != nil {
		return Token{}, err
	}
	return s.acquire(ctx, scope)
}

// Forget makes the next [Login.AccessToken] log in again instead of returning that token,
// because a service refused it. It does nothing when another token was returned since, and
// nothing for a Databricks token, because there is no other.
func (l *Login) Forget(scope, token string) {
	if ready := l.ready.Load(); ready != nil && ready.forget != nil {
		ready.forget(scope, token)
	}
}

// ManagementScope is the scope of a token for Azure Resource Manager. Its double
// slash is no mistake: the audience ends with one.
func (l *Login) ManagementScope() string { return l.cloud.management + "/.default" }

// IsWorkspaceHost reports whether a host is that of a workspace in the login's cloud. Hosts that another service
// returned must be checked with it; configured hosts need no such check.
func (l *Login) IsWorkspaceHost(host string) bool {
	name, ok := strings.CutSuffix(strings.ToLower(host), l.cloud.workspaceDomain)
	return ok && workspaceName().MatchString(name)
}

// ServingDomain returns the end of the host names of route-optimized endpoints in the login's cloud, after ".serving".
func (l *Login) ServingDomain() string { return l.cloud.workspaceDomain }

// IsServingHost reports whether a host is that of the route-optimized endpoint with that id in the login's cloud.
func (l *Login) IsServingHost(host, id string) bool {
	name, ok := strings.CutSuffix(strings.ToLower(host), ".serving"+l.cloud.workspaceDomain)
	own, rest, _ := strings.Cut(name, ".")
	return ok && id != "" && own == strings.ToLower(id) && (rest == "" || workspaceName().MatchString(rest))
}

// KeyVaultScope is the scope of a token for Azure Key Vault.
func (l *Login) KeyVaultScope() string {
	return "https://" + strings.TrimPrefix(l.cloud.vaultDomain, ".") + "/.default"
}

// Identity returns the identity of the login, as far as it is known by now.
func (l *Login) Identity() Identity {
	if ready := l.ready.Load(); ready != nil {
		return ready.Identity
	}
	return l.known
}

// Describe returns the fields of a log line: identity and kind of login, as far as known
// by now, without any secret.
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

// Package provider implements the provider block of dbxaccess: its schema, how its attributes combine with environment
// variables, and the list of services.
package provider

import (
	"cmp"
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// New returns a function that creates the provider. lookupEnv reads an environment variable, as [os.LookupEnv] does.
func New(version string, lookupEnv func(string) (string, bool)) func() provider.Provider {
	factory, _ := NewProcess(version, lookupEnv)
	return factory
}

// NewProcess is [New] for a process that serves nothing else. Call end after the server has ended: it revokes the
// tokens of ephemeral resources that Terraform did not close. Terraform does not close an ephemeral resource when
// something that uses it fails. end takes no longer than Terraform lets an ending process live, and returns the ids of
// the tokens that it could not revoke, with the reasons.
func NewProcess(
	version string,
	lookupEnv func(string) (string, bool),
) (factory func() provider.Provider, end func() map[string]error) {
	client.Product(version)
	opened := &client.EphemeralTokens{}
	factory = func() provider.Provider {
		return &dbxaccess{version: version, lookupEnv: lookupEnv, opened: opened}
	}
	return factory, func() map[string]error { return opened.RevokeAll(lastMoments) }
}

// lastMoments limits how long the process may take to end: Terraform kills it two seconds after closing the connection.
const lastMoments = 1500 * time.Millisecond

type dbxaccess struct {
	version   string
	lookupEnv func(string) (string, bool)
	opened    *client.EphemeralTokens
	logins    logins
}

var (
	_ provider.Provider                       = &dbxaccess{}
	_ provider.ProviderWithActions            = &dbxaccess{}
	_ provider.ProviderWithEphemeralResources = &dbxaccess{}
	_ provider.ProviderWithFunctions          = &dbxaccess{}
	_ provider.ProviderWithListResources      = &dbxaccess{}
	_ provider.ProviderWithValidateConfig     = &dbxaccess{}
)

func (p *dbxaccess) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "dbxaccess"
	resp.Version = p.version
}

// ValidateConfig reports the errors that the provider block alone shows, such as two kinds of credential. Terraform
// calls it before any plan, and it sends no request.
func (p *dbxaccess) ValidateConfig(
	ctx context.Context,
	req provider.ValidateConfigRequest,
	resp *provider.ValidateConfigResponse,
) {
	if b, ok := decode(ctx, req.Config, &resp.Diagnostics); ok {
		fwkit.Failed(&resp.Diagnostics, b.conflict(), "Cannot use the provider block", "provider dbxaccess")
	}
}

// Configure creates the login and the client. It reads certificate files and sends no request: a plan that reads
// nothing from the workspace needs no Entra ID, and Terraform configures providers more often than it uses them.
func (p *dbxaccess) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	b, ok := decode(ctx, req.Config, &resp.Diagnostics)
	if !ok {
		return
	}
	if unknown := b.unknown(); unknown != "" {
		// The value is known only after another resource is created. That becomes an error only when a request must be
		// sent.
		c := client.NotReady(
			&auth.Error{
				Summary: "Provider is not configured yet",
				Detail: unknown + " in the provider block has a value that is known only after apply, so the " +
					"provider cannot call the workspace yet. First apply the resources that this value depends on " +
					"(terraform apply -target=…), or write a value that is known at plan.",
			},
		)
		handOut(c, resp)
		return
	}
	c, warnings, err := p.connect(ctx, b.resolve(p.lookupEnv))
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot configure the provider", "provider dbxaccess") {
		return
	}
	for _, w := range warnings {
		resp.Diagnostics.AddWarning(w.Summary, w.Detail)
	}
	handOut(c, resp)
}

// handOut passes the client to the resources, data sources, ephemeral resources, list resources and actions.
func handOut(c *client.Client, resp *provider.ConfigureResponse) {
	resp.ResourceData, resp.DataSourceData, resp.EphemeralResourceData, resp.ListResourceData, resp.ActionData = c, c, c, c, c
}

// connect returns the client for a configuration, and the warnings about its login.
func (p *dbxaccess) connect(ctx context.Context, cfg config) (*client.Client, []auth.Warning, error) {
	login, options, err := cfg.openLogin(p.lookupEnv)
	if err != nil {
		return nil, nil, err
	}
	if !login.Kind.Entra() && (cfg.AdminLogin || cfg.Host == "") {
		return nil, nil, &auth.Error{
			Summary: "Login cannot be used for the workspace's Azure resource",
			Detail: "azure_workspace_admin_login, and azure_workspace_resource_id without host, need a token of " +
				"Entra ID. The provider's login cannot get one, because it comes " +
				"from " + login.Source + ". Set host and remove " +
				"azure_workspace_admin_login, or log in at Entra ID.",
		}
	}
	for _, ignored := range login.Ignored {
		tflog.Info(ctx, "a credential in the environment is ignored, because the provider block sets another kind of "+
			"login",
			map[string]any{"ignored": ignored.Source(), "used": login.Source})
	}
	p.logins.add(login)
	described := login.Describe()
	described["host"] = cmp.Or(cfg.Host, cfg.ResourceID)
	tflog.Info(ctx, "login", described)

	var c *client.Client
	c, err = client.New(client.Config{
		Host:        cfg.Host,
		ResourceID:  cfg.ResourceID,
		AdminLogin:  cfg.AdminLogin,
		WorkspaceID: cfg.WorkspaceID,
		Login:       login,
		Transport:   options.Transport,
		Open: func(s auth.Settings) (*auth.Login, error) {
			another := options
			another.VaultLogin = login
			another.Workspace = func(ctx context.Context) (string, error) { return c.FindHost(ctx) }
			opened, err := auth.Open(cfg.completeLogin(s), another)
			if err == nil {
				p.logins.add(opened)
			}
			return opened, err
		},
		Vault:          func(uri auth.Setting) (*auth.Vault, error) { return auth.OpenVault(login, uri, options) },
		AttemptTimeout: cfg.HTTPTimeout, RetryTimeout: cfg.RetryTimeout, RateLimit: cfg.RateLimit,
		Ephemeral: p.opened,
	})
	return c, login.Warnings, err
}

// openLogin creates the login of a configuration. It sends no request.
func (c config) openLogin(lookupEnv func(string) (string, bool)) (*auth.Login, auth.Options, error) {
	if len(c.problems) > 0 {
		return nil, auth.Options{}, c.problems[0]
	}
	transport, err := client.NewTransport(c.CACertificatePath)
	if err != nil {
		return nil, auth.Options{}, err
	}
	options := auth.Options{
		Transport:      transport,
		AttemptTimeout: c.HTTPTimeout,
		RetryTimeout:   c.RetryTimeout,
		LookupEnv:      lookupEnv,
	}
	login, err := auth.Open(c.Login, options)
	return login, options, err
}

const (
	defaultHTTPTimeout  = time.Minute
	defaultRetryTimeout = 5 * time.Minute
)

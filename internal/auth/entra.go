package auth

import (
	"context"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

// noRegion is what MSAL takes for "no region, whatever MSAL_FORCE_REGION says".
// The variable would turn the login host into another one behind the back of who
// set authority_host.
const noRegion = "DisableMsalForceRegion"

// proof is what an application shows Entra ID for itself.
type proof struct {
	credential confidential.Credential
	// attribute is pointed at when it is refused.
	attribute string
	// certificate and vault say what it is, federated what the last federated
	// token said of itself; each may be nil.
	certificate *certificate.Certificate
	vault       *vaultFacts
	federated   func() *federatedClaims
	// connection is the service connection of Azure Pipelines that the token is of.
	connection string
}

// logIn makes the session of an application that shows Entra ID a proof.
func (o *opening) logIn(s Settings, p proof) (*session, error) {
	identity := o.identity(s)
	identity.Certificate = p.certificate
	if p.vault != nil {
		identity.Vault, identity.CertificateVersion = p.vault.host, p.vault.version
	}
	options := []confidential.Option{
		confidential.WithHTTPClient(o.tokenClient()),
		confidential.WithInstanceDiscovery(!s.DisableInstanceDiscovery && !s.AuthorityHost.IsSet()),
		confidential.WithAzureRegion(noRegion),
	}
	if s.SendChain {
		options = append(options, confidential.WithX5C())
	}
	newClient := func() (confidential.Client, error) {
		return confidential.New(identity.Authority, identity.ClientID, p.credential, options...)
	}
	client, err := newClient()
	if err != nil {
		return nil, clientError(p.attribute)
	}
	// A client keeps its tokens and has no way to drop one. So a scope of which one was
	// refused gets a client of its own, and the tokens of the others stay.
	var replaced sync.Map // scope → confidential.Client
	explain := o.explainer(s, identity)
	explain.credential = p.attribute
	explain.vault, explain.federated, explain.connection = p.vault, p.federated, p.connection
	explain.clientSource = s.ClientID.Source()
	a := &acquirer{
		try: func(ctx context.Context, scope string, fresh bool) (Token, error) {
			client := client
			if fresh {
				another, err := newClient()
				if err != nil {
					return Token{}, err
				}
				replaced.Store(scope, another)
			}
			if another, ok := replaced.Load(scope); ok {
				client = another.(confidential.Client)
			}
			result, err := client.AcquireTokenByCredential(ctx, []string{scope})
			if err != nil {
				return Token{}, err
			}
			return Token{Value: result.AccessToken, ExpiresAt: result.ExpiresOn}, nil
		},
		inspect:      inspect,
		explain:      explain.failure,
		interrupted:  explain.interrupted,
		retryTimeout: o.options.RetryTimeout,
		tryTimeout:   limitOf(o.http),
	}
	return &session{Identity: identity, acquire: a.token, forget: a.forget}, nil
}

// explainer speaks for a login of these settings.
func (o *opening) explainer(s Settings, identity Identity) explainer {
	return explainer{
		kind:          o.login.Kind,
		source:        o.login.Source,
		identity:      identity,
		cloud:         o.cloud,
		tenant:        s.TenantID.named("tenant_id"),
		client:        s.ClientID.named("client_id"),
		authorityHost: s.AuthorityHost.named("authority_host"),
		now:           o.options.Now,
	}
}

// clientError is for what MSAL refuses although the checks before passed. Its
// words are dropped: nothing says that they quote no secret.
func clientError(attribute string) error {
	return &Error{
		Attribute: attribute,
		Summary:   "Cannot set up the Azure login",
		Detail: "The login library refuses these settings, although they passed every check of the provider. " +
			"Please report this, with the settings but without secrets.",
	}
}

package auth

import (
	"context"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

// noRegion makes MSAL use no region, even if the variable MSAL_FORCE_REGION is set. With a region, MSAL would replace
// the login host that authority_host sets.
const noRegion = "DisableMsalForceRegion"

// clientCredential is the credential with which an application authenticates at Entra ID.
type clientCredential struct {
	credential confidential.Credential
	// attribute is the attribute that the error points at if Entra ID refuses the credential.
	attribute string
	// certificate, vault and federated describe the credential; each may be nil. federated returns the claims of the last
	// federated token.
	certificate *certificate.Certificate
	vault       *vaultFacts
	federated   func() *federatedClaims
	// connection is the service connection of Azure Pipelines that the federated token belongs to; "" if there is none.
	connection string
}

// logIn returns the session of an application that authenticates at Entra ID with the credential in p.
func (o *opening) logIn(s Settings, p clientCredential) (*session, error) {
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
	// An MSAL client caches its tokens and cannot remove a single token. So a scope whose token a service refused gets
	// a client of its own, and the cached tokens of the other scopes stay.
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

// explainer returns the explainer for errors of a login with these settings.
func (o *opening) explainer(s Settings, identity Identity) explainer {
	return explainer{
		kind:          o.login.Kind,
		source:        o.login.Source,
		identity:      identity,
		cloud:         o.cloud,
		tenant:        s.TenantID.attributeOr("tenant_id"),
		client:        s.ClientID.attributeOr("client_id"),
		authorityHost: s.AuthorityHost.attributeOr("authority_host"),
		now:           o.options.Now,
	}
}

// clientError returns the error for settings that the login library rejects although all checks of this package passed.
// The error does not contain the library's own text, because that text may quote a secret.
func clientError(attribute string) error {
	return errorAt(attribute, "Cannot set up the Azure login",
		"The login library rejects these settings, although they passed every check of the provider. Please report "+
			"this to the provider's maintainers, with the settings but without secrets.")
}

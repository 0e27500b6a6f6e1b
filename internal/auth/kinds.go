package auth

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

func openToken(o *opening, s Settings) (finisher, error) {
	o.login.Source = s.Token.Source()
	token := Token{Value: strings.TrimSpace(s.Token.Value)}
	attribute := s.Token.named("token")
	acquire := func(_ context.Context, scope string) (Token, error) {
		if scope != DatabricksScope {
			return Token{}, &Error{
				Attribute: attribute,
				Summary:   "A Databricks token opens Databricks only",
				Detail:    "This needs a token of Microsoft Entra ID for another service. Log in with a client certificate or a client secret instead.",
			}
		}
		return token, nil
	}
	return func(Settings, *vaultContent) (*session, error) { return &session{acquire: acquire}, nil }, nil
}

func openSecret(o *opening, s Settings) (finisher, error) {
	o.login.Source = s.ClientSecret.Source()
	attribute := s.ClientSecret.named("client_secret")
	secret := strings.TrimSpace(s.ClientSecret.Value)
	if w := secretIDWarning(secret, s.ClientSecret.Source(), s.ClientID.Value); w != nil {
		w.Attribute = attribute
		o.login.Warnings = append(o.login.Warnings, *w)
	}
	return func(s Settings, read *vaultContent) (*session, error) {
		return o.logInWithSecret(s, secret, attribute, nil)
	}, nil
}

func (o *opening) logInWithSecret(s Settings, secret, attribute string, vault *vaultFacts) (*session, error) {
	credential, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		return nil, clientError(attribute)
	}
	return o.logIn(s, proof{credential: credential, attribute: attribute, secrets: []string{secret}, vault: vault})
}

// secretIDWarning is for who copied the secret's ID, which is a UUID, in place of
// its value, which never is.
func secretIDWarning(secret, source, clientID string) *Warning {
	if !uuidSyntax().MatchString(secret) {
		return nil
	}
	return &Warning{
		Summary: "Client secret looks like the secret's ID, not its value: " + strings.TrimSpace(clientID),
		Detail: fmt.Sprintf("The value of %s is shaped like a UUID. Certificates & secrets shows two columns; the one needed is Value, which is shown only once, when the secret is made.",
			source),
	}
}

func openCertificate(o *opening, s Settings) (finisher, error) {
	credential, c, warnings, err := s.loadCertificate()
	if err != nil {
		return nil, err
	}
	attribute := credential.named("client_certificate")
	o.login.Source, o.login.Warnings = credential.Source(), warnings
	o.login.known.Certificate = c
	soon, err := o.checkDates(c, attribute)
	if err != nil {
		return nil, err
	}
	if soon != nil {
		o.login.Warnings = append(o.login.Warnings, *soon)
	}
	return func(s Settings, _ *vaultContent) (*session, error) {
		return o.logInWithCertificate(s, c, attribute, nil)
	}, nil
}

func (o *opening) logInWithCertificate(s Settings, c *certificate.Certificate, attribute string, vault *vaultFacts) (*session, error) {
	if t := s.CertificateThumbprint; t.IsSet() {
		if err := checkThumbprint(c, t.Value, t.named("client_certificate_thumbprint")); err != nil {
			return nil, err
		}
	}
	credential, err := confidential.NewCredFromCert(c.Chain, c.Key)
	if err != nil {
		return nil, clientError(attribute)
	}
	return o.logIn(s, proof{
		credential: credential, attribute: attribute, certificate: c, vault: vault,
		secrets: []string{s.CertificatePassword.Value},
	})
}

func openOIDC(o *opening, s Settings) (finisher, error) {
	source, err := o.assertion(s, false)
	if err != nil {
		return nil, err
	}
	o.login.Source = source.setting.Source()
	return func(s Settings, _ *vaultContent) (*session, error) {
		credential, federated := federate(source)
		return o.logIn(s, proof{
			credential: credential, attribute: source.setting.named("use_oidc"), secrets: source.secrets, federated: federated,
		})
	}, nil
}

// federate makes a credential of a source of tokens. MSAL asks for one at each
// token request, and never twice for one.
func federate(source assertionSource) (confidential.Credential, func() *federatedClaims) {
	fetch, last := remembering(source)
	return confidential.NewCredFromAssertionCallback(func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) {
		return fetch(ctx)
	}), last
}

// remembering keeps what the last token said of itself.
func remembering(source assertionSource) (fetch func(context.Context) (string, error), last func() *federatedClaims) {
	var claims atomic.Pointer[federatedClaims]
	return func(ctx context.Context) (string, error) {
		token, err := source.fetch(ctx)
		if err == nil {
			claims.Store(readFederated(token))
		}
		return token, err
	}, claims.Load
}

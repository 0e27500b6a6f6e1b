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
	attribute := s.Token.attributeOr("token")
	acquire := func(_ context.Context, scope string) (Token, error) {
		if scope != DatabricksScope {
			return Token{}, errorAt(attribute, "Login with a Databricks token cannot get a token of Entra ID",
				"This operation needs a token of Microsoft Entra ID for a service other than Databricks. A login "+
					"with a Databricks token cannot get one. Log in with a client certificate or a client "+
					"secret instead.")
		}
		return token, nil
	}
	return func(Settings, *vaultContent) (*session, error) { return &session{acquire: acquire}, nil }, nil
}

func openSecret(o *opening, s Settings) (finisher, error) {
	o.login.Source = s.ClientSecret.Source()
	attribute := s.ClientSecret.attributeOr("client_secret")
	secret := strings.TrimSpace(s.ClientSecret.Value)
	if err := checkClientSecret(secret, attribute, s.ClientSecret.Source()); err != nil {
		return nil, err
	}
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
	return o.logIn(s, clientCredential{credential: credential, attribute: attribute, vault: vault})
}

// secretIDWarning returns a warning if a client secret looks like the id of the secret, which is a UUID, else nil. The
// value of a client secret is never a UUID.
func secretIDWarning(secret, source, clientID string) *Warning {
	if !isUUID(secret) {
		return nil
	}
	return &Warning{
		Summary: "Client secret looks like the secret's ID, not its value: " + strings.TrimSpace(clientID),
		Detail: fmt.Sprintf("The value of %s has the form of a UUID. The page Certificates & secrets has two "+
			"columns, Secret ID and Value. Use the Value, which is shown only once, when the secret is created.",
			source),
	}
}

// checkClientSecret returns an error at attribute if value cannot be a client secret of Entra ID by its form. source
// says where the value was configured. The error does not quote the value.
func checkClientSecret(value, attribute, source string) error {
	const instead = "Use the Value of a client secret, from the application's page under App registrations > " +
		"Certificates & secrets, or log in with a client certificate."
	if shape := certificate.Placeholder(value); shape != "" {
		return errorAt(attribute, "Client secret is a variable that was not replaced",
			"%s is %s, a variable that the pipeline did not replace. Check its name and scope; in Azure Pipelines a "+
				"secret variable reaches a script through env only.", source, shape)
	}
	if databricksSecret().MatchString(value) {
		return errorAt(attribute, "Client secret is one of Databricks",
			"%s is an OAuth secret of Databricks, but this login is at Microsoft Entra ID. %s", source, instead)
	}
	if databricksToken().MatchString(value) {
		return errorAt(attribute, "Client secret is a Databricks token",
			"%s is a personal access token of Databricks, but this login is at Microsoft Entra ID. %s To log in "+
				"with a personal access token, set it in token (or DATABRICKS_TOKEN).", source, instead)
	}
	return nil
}

// databricksSecret matches a Databricks OAuth secret. databricksToken matches a personal access token of Databricks.
var (
	databricksSecret = pattern(`^dose[0-9a-f]{32,}$`)
	databricksToken  = pattern(`^dapi[0-9a-f]{32}(-[0-9]+)?$`)
)

func openCertificate(o *opening, s Settings) (finisher, error) {
	credential, c, warnings, err := s.loadCertificate()
	if err != nil {
		return nil, err
	}
	attribute := credential.attributeOr("client_certificate")
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

func (o *opening) logInWithCertificate(
	s Settings, c *certificate.Certificate, attribute string, vault *vaultFacts,
) (*session, error) {
	if t := s.CertificateThumbprint; t.IsSet() {
		if err := checkThumbprint(c, t.Value, t.attributeOr("client_certificate_thumbprint")); err != nil {
			return nil, err
		}
	}
	credential, err := confidential.NewCredFromCert(c.Chain, c.Key)
	if err != nil {
		return nil, clientError(attribute)
	}
	return o.logIn(s, clientCredential{
		credential: credential, attribute: attribute, certificate: c, vault: vault,
	})
}

func openOIDC(o *opening, s Settings) (finisher, error) {
	source, err := o.assertion(s, false)
	if err != nil {
		return nil, err
	}
	o.login.Source = source.setting.Source()
	connection := ""
	if source.setting == s.ADOServiceConnectionID {
		connection = strings.TrimSpace(source.setting.Value)
		if w := o.otherServiceConnection(s); w != nil {
			o.login.Warnings = append(o.login.Warnings, *w)
		}
	}
	return func(s Settings, _ *vaultContent) (*session, error) {
		fetch, last := rememberClaims(source)
		// MSAL calls the function for each token request, because a federated token expires after minutes.
		credential := confidential.NewCredFromAssertionCallback(
			func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) { return fetch(ctx) },
		)
		return o.logIn(s, clientCredential{
			credential: credential,
			attribute:  source.setting.attributeOr("use_oidc"),
			federated:  last,
			connection: connection,
		})
	}, nil
}

// rememberClaims returns a function that gets an OIDC token from source and stores the token's claims, and a function
// that returns the claims of the last token.
func rememberClaims(
	source assertionSource,
) (fetch func(context.Context) (string, error), last func() *federatedClaims) {
	var claims atomic.Pointer[federatedClaims]
	return func(ctx context.Context) (string, error) {
		token, err := source.fetch(ctx)
		if err == nil {
			claims.Store(readFederated(token))
		}
		return token, err
	}, claims.Load
}

package auth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// vaultReader is the identity that reads the vault. The setting auth selects the identity by name. Only auth =
// "default" tries several identities, because such a chain hides why the intended identity failed.
type vaultReader struct {
	auth string
	// own is the provider's own login if that login reads the vault; auth is "" then.
	own *Login
	tokenCache
	// explain turns a refusal of Entra ID into an error for the user, and knows the identity that reads the vault.
	explain explainer
	// noToken is the error of the last failure to get a federated token. It is stored here because azidentity keeps
	// only the text of an error.
	noToken atomic.Pointer[Error]
	// acceptedToken is the last token that the vault accepted.
	acceptedToken atomic.Pointer[string]
}

func (r *vaultReader) accepted(token string) {
	if accepted := r.acceptedToken.Load(); accepted == nil || *accepted != token {
		r.acceptedToken.Store(&token)
	}
}

// refused makes the provider's own login request a new token if the vault refuses a token that it accepted before. It
// does nothing for other identities, because they read a vault only once.
func (r *vaultReader) refused(token string) {
	accepted := r.acceptedToken.Load()
	if r.own == nil || accepted == nil || token == "" || *accepted != token {
		return
	}
	r.own.Forget(r.own.KeyVaultScope(), token)
	r.drop()
}

// describe returns a name for the identity that reads the vault, as the subject of a sentence.
func (r *vaultReader) describe() string {
	if r.own != nil {
		return "The provider's identity"
	}
	return fmt.Sprintf("The identity of auth = %q", r.auth)
}

// readerError is the failure of the identity that reads the vault to get a token. No request with a token was sent to
// the vault.
type readerError struct{ cause error }

func (e *readerError) Error() string { return e.cause.Error() }

func (e *readerError) Unwrap() error { return e.cause }

// GetToken implements azcore.TokenCredential for the vault's client. Errors are *[readerError].
func (r *vaultReader) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := r.tokenCache.GetToken(ctx, o)
	if err != nil {
		return azcore.AccessToken{}, &readerError{err}
	}
	return token, nil
}

// vaultReader returns the identity that reads the vault. It uses the AZURE_* variables. From the settings of the
// Databricks login it uses only the cloud and the source of OIDC tokens.
func (o *opening) vaultReader(s Settings, k KeyVaultSettings) (*vaultReader, error) {
	host, err := authorityBase(s.AuthorityHost.Value, o.cloud.authority)
	if err != nil {
		return nil, atSetting(err, s.AuthorityHost, "authority_host")
	}
	r := &vaultReader{auth: strings.TrimSpace(k.Auth.Value)}
	r.explain = o.explainer(s, Identity{})
	r.explain.client = k.AuthClientID.Attribute
	r.explain.kind, r.explain.source = Kind("key_vault.auth = "+r.auth), k.Auth.Source()
	options := azcore.ClientOptions{
		Transport: o.tokenClient(),
		Cloud:     azcloud.Configuration{ActiveDirectoryAuthorityHost: host},
		Retry:     o.vaultRetry(new(atomic.Int64)),
	}
	private := s.DisableInstanceDiscovery || s.AuthorityHost.IsSet()
	switch r.auth {
	case "cli":
		r.limit = o.cliLimit()
		r.inner, err = azidentity.NewAzureCLICredential(nil)
	case "msi":
		m := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		// Outside of Azure there is no managed identity endpoint, so the wait for an answer is limited to a few
		// seconds.
		m.Retry = policy.RetryOptions{MaxRetries: 3, RetryDelay: time.Second, TryTimeout: firstMSITry / 2}
		if id := strings.TrimSpace(k.AuthClientID.Value); id != "" {
			m.ID = azidentity.ClientID(id)
			r.explain.identity.ClientID = id
		}
		r.inner, err = azidentity.NewManagedIdentityCredential(m)
	case "oidc":
		return r, o.federatedReader(r, s, k, options, private)
	case "environment":
		return r, o.environmentReader(r, k, options, private)
	default:
		r.limit = o.cliLimit() // DefaultAzureCredential may start the Azure CLI
		r.inner, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: private,
		})
		concealAzureSecrets(os.LookupEnv)
	}
	if err != nil {
		return nil, readerIncomplete(k, "%s.", clean(err.Error()))
	}
	return r, nil
}

func concealAzureSecrets(lookupEnv func(string) (string, bool)) {
	for _, name := range []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD"} {
		value, _ := lookupEnv(name)
		web.Conceal(value)
	}
}

func readerIncomplete(k KeyVaultSettings, format string, args ...any) *Error {
	return errorAt(k.Auth.Attribute, "Key Vault identity is incomplete", format, args...)
}

// readerIDs sets the tenant id and the client id of the identity from AZURE_TENANT_ID and AZURE_CLIENT_ID. It returns
// an error if either is missing or invalid.
func (o *opening) readerIDs(r *vaultReader, k KeyVaultSettings, authority string) error {
	for _, id := range []struct {
		name  string
		field *string
		check func(string) error
	}{
		{envTenantID, &r.explain.identity.TenantID, CheckTenantID},
		{envClientID, &r.explain.identity.ClientID, CheckClientID},
	} {
		value := o.env(id.name)
		if *id.field = strings.TrimSpace(value); *id.field == "" {
			return readerIncomplete(k, "auth = %q reads the vault as the application that AZURE_TENANT_ID and "+
				"AZURE_CLIENT_ID name, and %s is not set. The ARM_* variables are for the login to Databricks only; "+
				"the identity that reads the vault does not use them.", r.auth, id.name)
		}
		if err := id.check(*id.field); err != nil {
			return atSetting(err, Setting{Attribute: k.Auth.Attribute, Env: id.name}, k.Auth.Attribute)
		}
	}
	r.explain.identity.Authority = authority + "/" + r.explain.identity.TenantID
	return nil
}

// otherTenants returns the tenants besides its own that the identity may log in to, because the vault may be in one of
// them. They are the tenants in AZURE_ADDITIONALLY_ALLOWED_TENANTS, if it is set. Otherwise, if the identity's tenant
// is a domain, they are all tenants ("*"), because the vault names its tenant by UUID, which cannot be compared with a
// domain.
func (o *opening) otherTenants(r *vaultReader) []string {
	if listed := o.env("AZURE_ADDITIONALLY_ALLOWED_TENANTS"); listed != "" {
		return strings.Split(listed, ";")
	}
	if !isUUID(r.explain.identity.TenantID) {
		return []string{"*"}
	}
	return nil
}

// federatedReader makes r log in as an application with a federated credential.
func (o *opening) federatedReader(
	r *vaultReader, s Settings, k KeyVaultSettings, options azcore.ClientOptions, private bool,
) error {
	if err := o.readerIDs(r, k, options.Cloud.ActiveDirectoryAuthorityHost); err != nil {
		return err
	}
	source, err := o.assertion(s, true)
	if err != nil {
		return err
	}
	fetch, last := rememberClaims(source)
	r.explain.federated = last
	tenant, client := r.explain.identity.TenantID, r.explain.identity.ClientID
	r.inner, err = azidentity.NewClientAssertionCredential(tenant, client, r.withRetries(fetch),
		&azidentity.ClientAssertionCredentialOptions{
			ClientOptions: options, AdditionallyAllowedTenants: o.otherTenants(r), DisableInstanceDiscovery: private,
		})
	if err != nil {
		return clientError(k.Auth.Attribute)
	}
	return nil
}

// environmentReader makes r log in as the application that the AZURE_* variables describe. This package reads the
// variables itself, because azidentity does not open the PFX files that OpenSSL 3 writes.
func (o *opening) environmentReader(
	r *vaultReader, k KeyVaultSettings, options azcore.ClientOptions, private bool,
) error {
	if err := o.readerIDs(r, k, options.Cloud.ActiveDirectoryAuthorityHost); err != nil {
		return err
	}
	tenant, client := r.explain.identity.TenantID, r.explain.identity.ClientID
	concealAzureSecrets(o.options.LookupEnv)
	if secret := strings.TrimSpace(o.env("AZURE_CLIENT_SECRET")); secret != "" {
		var err error
		r.explain.source = "AZURE_CLIENT_SECRET in the environment"
		r.inner, err = azidentity.NewClientSecretCredential(tenant, client, secret,
			&azidentity.ClientSecretCredentialOptions{
				ClientOptions: options, AdditionallyAllowedTenants: o.otherTenants(r),
				DisableInstanceDiscovery: private,
			})
		if err != nil {
			return clientError(k.Auth.Attribute)
		}
		return nil
	}
	variable := func(name string) Setting { return Setting{Value: o.env(name), Attribute: k.Auth.Attribute, Env: name} }
	path, password := variable("AZURE_CLIENT_CERTIFICATE_PATH"), variable("AZURE_CLIENT_CERTIFICATE_PASSWORD")
	if !path.IsSet() {
		return readerIncomplete(k, "auth = \"environment\" reads the vault as the application of AZURE_CLIENT_ID, "+
			"but neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set.")
	}
	r.explain.source = path.Source()
	_, c, warnings, err := Settings{CertificatePath: path, CertificatePassword: password}.loadCertificate()
	var soon *Warning
	if err == nil {
		soon, err = o.checkDates(c, k.Auth.Attribute)
	}
	if err != nil {
		return atSetting(err, path, k.Auth.Attribute)
	}
	if o.login.Warnings = append(o.login.Warnings, warnings...); soon != nil {
		o.login.Warnings = append(o.login.Warnings, *soon)
	}
	r.explain.identity.Certificate = c
	r.inner, err = azidentity.NewClientCertificateCredential(tenant, client, c.Chain, c.Key,
		&azidentity.ClientCertificateCredentialOptions{
			ClientOptions: options, AdditionallyAllowedTenants: o.otherTenants(r), DisableInstanceDiscovery: private,
			SendCertificateChain: Setting{Value: o.env("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")}.on(),
		})
	if err != nil {
		return clientError(k.Auth.Attribute)
	}
	return nil
}

// withRetries returns a function that calls fetch up to four times, as long as the failure to get a federated token is
// temporary. azidentity retries only its own requests.
func (r *vaultReader) withRetries(fetch func(context.Context) (string, error)) func(context.Context) (string, error) {
	const tries = 4
	return func(ctx context.Context) (string, error) {
		r.noToken.Store(nil)
		for try := 1; ; try++ {
			token, err := fetch(ctx)
			failed, ours := errors.AsType[*assertionError](err)
			if !ours {
				return token, err
			}
			if !failed.transient || try == tries {
				r.noToken.Store(failed.report)
				return "", err
			}
			if err := web.Pause(ctx, max(backoff(try), failed.retryAfter)); err != nil {
				return "", err
			}
		}
	}
}

package auth

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// OpenVault returns the vault at the address uri. All requests to the vault use the identity of login. OpenVault makes
// no request.
func OpenVault(login *Login, uri Setting, o Options) (*Vault, error) {
	if !login.Kind.Entra() {
		return nil, tokenOpensNoVault(login, uri)
	}
	// If authority_host is set, the cloud is a private cloud, whose vaults are in a domain of their own.
	if err := checkVaultURI(uri.Value, login.cloud, login.privateCloud); err != nil {
		return nil, atSetting(err, uri, "vault_uri")
	}
	if o.RetryTimeout <= 0 {
		o.RetryTimeout = defaultRetryTimeout
	}
	opening := &opening{
		login:   login,
		options: o,
		cloud:   login.cloud,
		http:    web.NewClient(o.Transport, o.AttemptTimeout),
	}
	v, err := opening.vaultAs(ownReader(login), KeyVaultSettings{VaultURI: uri})
	if err != nil {
		return nil, err
	}
	return &Vault{v}, nil
}

func tokenOpensNoVault(login *Login, uri Setting) error {
	return errorAt(uri.Attribute, "A Databricks login cannot use Key Vault",
		"Key Vault needs a token of Microsoft Entra ID, and the provider's login (%s) cannot get one. Configure the "+
			"provider with a client certificate or another login at Microsoft Entra ID.", login.Source)
}

// vaultAs returns the vault that k names, for requests with the identity of reader. It makes no request.
func (o *opening) vaultAs(reader *vaultReader, k KeyVaultSettings) (*vault, error) {
	address, err := url.Parse(strings.TrimSpace(k.VaultURI.Value))
	if err != nil {
		return nil, atSetting(&Error{Summary: "Invalid vault URI", Detail: "The address of the vault is not a URL."},
			k.VaultURI, "key_vault.vault_uri")
	}
	v := &vault{
		settings: k,
		host:     strings.ToLower(address.Host),
		timeout:  o.options.RetryTimeout,
		reader:   reader,
	}
	// The Azure library asks the vault which login host and which resource the vault trusts. It continues only if the
	// vault's host is within the domain of that resource.
	v.client, err = azsecrets.NewClient("https://"+v.host, reader, &azsecrets.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: vaultClient{o.http, reader}, Retry: o.vaultRetry(&v.lastStatus)},
	})
	if err != nil {
		return nil, clientError(v.settings.VaultURI.Attribute)
	}
	return v, nil
}

// ownReader returns a reader of vaults with the identity of login.
func ownReader(login *Login) *vaultReader {
	r := &vaultReader{own: login}
	r.inner = loginCredential{login}
	r.explain = explainer{
		kind:     login.Kind,
		source:   login.Source,
		identity: login.Identity(),
		cloud:    login.cloud,
		now:      time.Now,
	}
	return r
}

// loginCredential is a login in the form that the Azure libraries accept. It always requests a token for the login's
// own Key Vault scope, because a vault in another cloud would ask for another scope.
type loginCredential struct{ login *Login }

func (c loginCredential) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.login.AccessToken(ctx, c.login.KeyVaultScope())
	if refusal, ok := errors.AsType[*Error](err); ok {
		// The attribute of the error is in the provider block, but the error appears at a resource, so the attribute is
		// removed.
		elsewhere := *refusal
		elsewhere.Attribute = ""
		return azcore.AccessToken{}, &elsewhere
	}
	return azcore.AccessToken{Token: token.Value, ExpiresOn: token.ExpiresAt}, err
}

package auth

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// Settings are all settings of a login. A setting that is not configured is zero, or has
// only an Attribute. A switch is a Setting of "true" or "false", because its precedence
// depends on where it was set.
type Settings struct {
	// AuthType is the [Kind] to use, whatever else is configured.
	AuthType Setting

	// TenantID is a directory's UUID or one of its domains.
	TenantID Setting
	// ClientID is the application (client) id; with a managed identity, that of a
	// user-assigned one. ClientIDFilePath is a file that holds it.
	ClientID         Setting
	ClientIDFilePath Setting

	// Certificate is PEM text, or base64 of a PFX, PEM or DER file.
	Certificate Setting
	// CertificatePath is a PFX or PEM file; the content decides which.
	CertificatePath Setting
	// CertificatePassword opens a PFX or an encrypted PKCS#8 key.
	CertificatePassword Setting
	// CertificateThumbprint is the SHA-1 or SHA-256 the certificate must have, in
	// hexadecimal.
	CertificateThumbprint Setting

	// ClientSecretFilePath is a file that holds the secret.
	ClientSecret         Setting
	ClientSecretFilePath Setting

	// KeyVault is the vault that holds the credential or ids; nil for none.
	KeyVault *KeyVaultSettings

	// UseOIDC logs in with a token of another issuer (workload identity
	// federation). UseAKSWorkloadIdentity does so with the variables that Azure
	// Kubernetes Service sets in a pod: AZURE_CLIENT_ID, AZURE_TENANT_ID and
	// AZURE_FEDERATED_TOKEN_FILE.
	UseOIDC                Setting
	UseAKSWorkloadIdentity Setting
	// OIDCToken is the token itself; OIDCTokenFilePath is a file that holds it and
	// is read again at each login.
	OIDCToken         Setting
	OIDCTokenFilePath Setting
	// OIDCRequestURL and OIDCRequestToken are the address at which GitHub Actions and
	// Azure Pipelines issue tokens, and the token that authorizes the request.
	OIDCRequestURL   Setting
	OIDCRequestToken Setting
	// ADOServiceConnectionID is the service connection of Azure Pipelines to get a
	// token for.
	ADOServiceConnectionID Setting

	// UseMSI logs in as a managed identity of the machine, UseCLI as the account
	// of the Azure CLI.
	UseMSI Setting
	UseCLI Setting

	// DatabricksClientID and DatabricksClientSecret log in at the workspace that Host names: the application id of a
	// service principal, and its Databricks OAuth secret. DatabricksScopes are the scopes of the tokens,
	// separated by spaces; unset is [AllAPIs].
	DatabricksClientID     Setting
	DatabricksClientSecret Setting
	DatabricksScopes       Setting
	// UseDatabricksOIDC logs in at the workspace with a token of another issuer, from the same sources as UseOIDC.
	// DatabricksOIDCAudience is the audience of that token; unset means the workspace's token endpoint.
	UseDatabricksOIDC      Setting
	DatabricksOIDCAudience Setting

	// Token is a Databricks token that is used as it is.
	Token Setting

	// Environment is the cloud: public, usgovernment or china. When it is not set, Host, the
	// workspace's address, decides. A login at the workspace calls that host.
	Environment Setting
	Host        Setting
	// AuthorityHost is the login host, https; unset means that of the cloud.
	AuthorityHost Setting
	// ResourceManagerEndpoint is the address of Azure Resource Manager, https; unset
	// means that of the cloud.
	ResourceManagerEndpoint Setting

	// SendChain puts the certificate chain into the assertion (x5c), which trust
	// by subject name and issuer needs.
	SendChain bool
	// DisableInstanceDiscovery keeps MSAL from asking login.microsoftonline.com
	// about the authority host. Setting AuthorityHost implies it.
	DisableInstanceDiscovery bool
}

// KeyVaultSettings are the vault, the secrets to read from it, and the identity that reads.
type KeyVaultSettings struct {
	VaultURI Setting
	// Auth is the identity that reads: cli, msi, oidc, environment or default.
	Auth Setting
	// AuthClientID is the user-assigned managed identity of Auth msi.
	AuthClientID Setting
	// ByProvider reads as [Options.VaultLogin]; Auth is not used then.
	ByProvider bool

	// CertificateName is a certificate object, or a secret with a PFX in base64 or
	// PEM text as its value. CertificateVersion is empty for the newest.
	CertificateName    Setting
	CertificateVersion Setting
	// The rest are names of secrets.
	CertificatePasswordSecretName Setting
	ClientIDSecretName            Setting
	TenantIDSecretName            Setting
	ThumbprintSecretName          Setting
	ClientSecretName              Setting
}

// Format writes which kind of login is meant, whatever the verb.
func (s Settings) Format(f fmt.State, _ rune) {
	choice, err := s.Choose()
	if err != nil {
		_, _ = io.WriteString(f, "settings that choose no login")
		return
	}
	_, _ = io.WriteString(f, "settings of a "+string(choice.Kind)+" login")
}

// conceal registers the secrets of the settings, so that no text shows them. A value that
// is also configured as an id is no secret.
func (s Settings) conceal() {
	for _, secret := range []Setting{s.Certificate, s.CertificatePassword, s.ClientSecret, s.OIDCToken, s.OIDCRequestToken, s.Token, s.DatabricksClientSecret} {
		if secret.Value != s.ClientID.Value && secret.Value != s.TenantID.Value {
			web.Conceal(secret.Value)
		}
	}
}

// on reports whether a switch is set to true; checkSwitches has refused values that are
// neither true nor false.
func (s Setting) on() bool {
	on, err := strconv.ParseBool(strings.TrimSpace(s.Value))
	return err == nil && on
}

// whenOn is the switch if it is on, else nothing.
func (s Setting) whenOn() Setting {
	if s.on() {
		return s
	}
	return Setting{Attribute: s.Attribute}
}

// prefer returns the setting with precedence of two settings for one value: the one in HCL,
// else the first.
func prefer(first, second Setting) (better Setting, equalRank bool) {
	switch {
	case !second.IsSet():
		return first, false
	case !first.IsSet() || second.inHCL() && !first.inHCL():
		return second, false
	case first.inHCL() && !second.inHCL():
		return first, false
	}
	return first, true
}

// checkSwitches returns an error for a switch that is neither true nor false.
func (s Settings) checkSwitches() error {
	for _, w := range []struct {
		Setting
		name string
	}{
		{s.UseOIDC, "use_oidc"},
		{s.UseAKSWorkloadIdentity, "use_aks_workload_identity"},
		{s.UseMSI, "use_msi"},
		{s.UseCLI, "use_cli"},
		{s.UseDatabricksOIDC, "use_databricks_oidc"},
	} {
		if _, err := strconv.ParseBool(strings.TrimSpace(w.Value)); w.IsSet() && err != nil {
			return at(
				&Error{Summary: "Invalid switch", Detail: fmt.Sprintf("%s is true or false.", w.named(w.name))},
				w.Setting,
				w.name,
			)
		}
	}
	return nil
}

package auth

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// Settings are all settings of a login. A setting that is not configured is zero, or has only an Attribute. A switch is
// a Setting of "true" or "false", because its precedence depends on where it was set.
type Settings struct {
	// AuthType is the [Kind] to use, whatever else is configured.
	AuthType Setting

	// TenantID is the UUID of the directory (tenant), or one of its domains.
	TenantID Setting
	// ClientID is the application (client) id or, for a managed identity, the client id of a user-assigned identity.
	// ClientIDFilePath is the path of a file that holds the id.
	ClientID         Setting
	ClientIDFilePath Setting

	// Certificate is PEM text, or base64 of a PFX, PEM or DER file.
	Certificate Setting
	// CertificatePath is the path of a PFX or PEM file. The content of the file decides which of the two it is.
	CertificatePath Setting
	// CertificatePassword is the password of a PFX or of an encrypted PKCS#8 key.
	CertificatePassword Setting
	// CertificateThumbprint is the SHA-1 or SHA-256 thumbprint that the certificate must have, in hexadecimal.
	CertificateThumbprint Setting

	// ClientSecret is the client secret. ClientSecretFilePath is the path of a file that holds the secret.
	ClientSecret         Setting
	ClientSecretFilePath Setting

	// KeyVault has the settings of the vault that holds the credential or ids; nil if the login uses no vault.
	KeyVault *KeyVaultSettings

	// UseOIDC selects a login with an OIDC token of another issuer (workload identity federation).
	// UseAKSWorkloadIdentity selects such a login with the variables that Azure Kubernetes Service sets in a pod:
	// AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE.
	UseOIDC                Setting
	UseAKSWorkloadIdentity Setting
	// OIDCToken is the OIDC token itself. OIDCTokenFilePath is the path of a file that holds the token. The file is
	// read again at each login.
	OIDCToken         Setting
	OIDCTokenFilePath Setting
	// OIDCRequestURL is the address at which GitHub Actions and Azure Pipelines issue OIDC tokens. OIDCRequestToken is
	// the token that authorizes a request to this address.
	OIDCRequestURL   Setting
	OIDCRequestToken Setting
	// ADOServiceConnectionID is the id of the service connection of Azure Pipelines for which an OIDC token is
	// requested.
	ADOServiceConnectionID Setting

	// UseMSI selects a login as a managed identity of the machine. UseCLI selects a login as the account of the Azure
	// CLI.
	UseMSI Setting
	UseCLI Setting

	// DatabricksClientID is the application id of a service principal, and DatabricksClientSecret is its Databricks
	// OAuth secret. They log in at the workspace that Host names. DatabricksScopes are the scopes of the tokens,
	// separated by spaces; unset means [AllAPIs].
	DatabricksClientID     Setting
	DatabricksClientSecret Setting
	DatabricksScopes       Setting
	// UseDatabricksOIDC selects a login at the workspace with an OIDC token of another issuer. The sources of the OIDC
	// token are the same as for UseOIDC. DatabricksOIDCAudience is the audience of the OIDC token; unset means the URL
	// of the workspace's token endpoint.
	UseDatabricksOIDC      Setting
	DatabricksOIDCAudience Setting

	// Token is a Databricks token that is sent to Databricks unchanged.
	Token Setting

	// Environment is the name of the cloud: public, usgovernment or china. Host is the address of the workspace. If
	// Environment is not set, Host decides the cloud. A login at the workspace sends its requests to Host.
	Environment Setting
	Host        Setting
	// AuthorityHost is the https address of the login host; unset means the login host of the cloud.
	AuthorityHost Setting
	// ResourceManagerEndpoint is the https address of Azure Resource Manager; unset means the address in the cloud.
	ResourceManagerEndpoint Setting

	// SendChain puts the certificate chain into the client assertion (x5c). An application that trusts certificates by
	// subject name needs the chain.
	SendChain bool
	// DisableInstanceDiscovery keeps MSAL from asking login.microsoftonline.com about the authority host. Setting
	// AuthorityHost has the same effect.
	DisableInstanceDiscovery bool
}

// KeyVaultSettings are the address of the vault, the names of the secrets to read from it, and the identity that reads
// it. Each setting that the configuration can have names its attribute, also if it has no value.
type KeyVaultSettings struct {
	VaultURI Setting
	// Auth selects the identity that reads the vault: cli, msi, oidc, environment or default.
	Auth Setting
	// AuthClientID is the client id of a user-assigned managed identity that reads the vault, if Auth is msi.
	AuthClientID Setting
	// ByProvider makes [Options.VaultLogin] read the vault. Auth is not used then.
	ByProvider bool

	// CertificateName is the name of a certificate in the vault, or of a secret whose value is a PFX in base64 or PEM
	// text. CertificateVersion is the version to read; empty means the newest version.
	CertificateName    Setting
	CertificateVersion Setting
	// The following settings are names of secrets in the vault.
	CertificatePasswordSecretName Setting
	ClientIDSecretName            Setting
	TenantIDSecretName            Setting
	ThumbprintSecretName          Setting
	ClientSecretName              Setting
}

// Format writes which kind of login the settings select, whatever the verb.
func (s Settings) Format(f fmt.State, _ rune) {
	choice, err := s.Choose()
	if err != nil {
		_, _ = io.WriteString(f, "settings that choose no login")
		return
	}
	_, _ = io.WriteString(f, "settings of a "+string(choice.Kind)+" login")
}

// conceal registers the secrets of the settings, so that no text shows them. A value that is also configured as the
// client id or the tenant id is not registered, because it is no secret.
func (s Settings) conceal() {
	for _, secret := range []Setting{
		s.Certificate, s.CertificatePassword, s.ClientSecret, s.OIDCToken, s.OIDCRequestToken, s.Token,
		s.DatabricksClientSecret,
	} {
		if secret.Value != s.ClientID.Value && secret.Value != s.TenantID.Value {
			web.Conceal(secret.Value)
		}
	}
}

// on reports whether a switch is set to true. A value that is neither true nor false counts as false, but checkSwitches
// has returned an error for such a value before.
func (s Setting) on() bool {
	on, _ := strconv.ParseBool(strings.TrimSpace(s.Value))
	return on
}

// whenOn returns the switch if it is on, else a setting without a value.
func (s Setting) whenOn() Setting {
	if s.on() {
		return s
	}
	return Setting{Attribute: s.Attribute}
}

// prefer returns which of two settings for the same value takes precedence. A setting that has a value comes before one
// that has none, and HCL comes before the environment. If both have equal rank, prefer returns first and true.
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

// loginSwitch is a setting of "true" or "false", with the name of its attribute and the kind of login that it turns on;
// "" if several switches turn on that kind.
type loginSwitch struct {
	Setting
	name string
	kind Kind
}

func (s Settings) switches() []loginSwitch {
	return []loginSwitch{
		{s.UseOIDC, "use_oidc", KindOIDC},
		{s.UseAKSWorkloadIdentity, "use_aks_workload_identity", ""},
		{s.UseMSI, "use_msi", KindMSI},
		{s.UseCLI, "use_cli", KindCLI},
		{s.UseDatabricksOIDC, "use_databricks_oidc", KindDatabricksOIDC},
	}
}

// checkSwitches returns an error for a switch that is neither true nor false.
func (s Settings) checkSwitches() error {
	for _, w := range s.switches() {
		if _, err := strconv.ParseBool(strings.TrimSpace(w.Value)); w.IsSet() && err != nil {
			invalid := errorAt("", "Invalid switch", "%s must be true or false.", w.attributeOr(w.name))
			return atSetting(invalid, w.Setting, w.name)
		}
	}
	return nil
}

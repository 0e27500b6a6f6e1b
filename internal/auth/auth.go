// Package auth logs in: it chooses a login from the settings, loads and checks a client certificate, and gets access
// tokens from Microsoft Entra ID or from a Databricks workspace.
//
// A login has three separate steps. [Settings.Choose] decides which credential is used, from the values of the settings
// alone, so that a table of cases can test it. [Open] reads and checks files and makes no request. So a wrong
// certificate is an error at configuration, and a plan that needs no token does not call Entra ID. [Login.AccessToken]
// makes the first request: to Azure Key Vault, once, if the credential is stored there, and then to Entra ID.
//
// A login can use two identities, which are configured separately. The identity that calls Databricks is configured by
// [Settings], which a provider fills from ARM_* variables and its own variables. The identity that reads the vault is
// chosen by [KeyVaultSettings.Auth], and is configured by AZURE_* variables, a managed identity or the Azure CLI.
//
// Package certificate parses the certificates, because the Microsoft libraries do not open the PKCS#12 files that
// OpenSSL 3 writes, and report an encrypted PEM key as missing. MSAL implements the protocol itself: client assertion,
// discovery and token cache. This package adds what MSAL leaves to its caller: a single request at a time per scope,
// retries, and errors that a person can act on.
//
// A secret is only passed from [Setting.Value] to the library that logs in. No type of this package prints a secret,
// whichever verb formats the value, and no error quotes a secret or the content of a certificate file.
package auth

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// DatabricksScope is the scope of a token for Azure Databricks. The application id in it is the same in the public, US
// Government and China clouds (Microsoft, "Get Microsoft Entra ID tokens for service principals", Azure Databricks
// documentation).
const DatabricksScope = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"

// Setting is one value of a login, and where the value was configured. It formats as its source, never as its value.
type Setting struct {
	Value string
	// Attribute is the dotted path in HCL: "client_secret", "owner.client_secret_wo". It is also set if the value came
	// from the environment, because diagnostics point at this attribute.
	Attribute string
	// Env is the environment variable that the value came from; "" means that the value came from HCL.
	Env string
}

// IsSet reports whether the setting has a value. A blank value does not count, because an unset variable of a pipeline
// often arrives as an empty or blank string.
func (s Setting) IsSet() bool { return strings.TrimSpace(s.Value) != "" }

// Source returns where the value was configured: "client_secret", or "ARM_CLIENT_SECRET in the environment".
func (s Setting) Source() string {
	if s.Env != "" {
		return s.Env + " in the environment"
	}
	return s.Attribute
}

// Format writes where the value was configured and never the value, whatever the verb.
func (s Setting) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, cmp.Or(s.Source(), "(not set)"))
}

// LogValue returns the text that Format writes.
func (s Setting) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// MarshalJSON returns the text that Format writes, as a JSON string, so that a structured log does not hold the value.
func (s Setting) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(s)) }

// attributeOr returns the attribute of the setting, or fallback if the setting has no attribute.
func (s Setting) attributeOr(fallback string) string { return cmp.Or(s.Attribute, fallback) }

func (s Setting) inHCL() bool { return s.IsSet() && s.Env == "" }

// Kind is a kind of credential.
type Kind string

// The kinds of credential. If the environment has credentials of several kinds, the kind that is first in this list is
// used.
const (
	KindCertificate  Kind = "certificate"
	KindKeyVault     Kind = "key_vault"
	KindClientSecret Kind = "client_secret"
	KindOIDC         Kind = "oidc"
	KindMSI          Kind = "msi"
	KindCLI          Kind = "cli"
	// KindDatabricksOAuth and KindDatabricksOIDC log in at the workspace, and KindToken is a token of the workspace.
	// Entra ID has no part in these three kinds.
	KindDatabricksOAuth Kind = "databricks_oauth"
	KindDatabricksOIDC  Kind = "databricks_oidc"
	KindToken           Kind = "token"
)

// Entra reports whether a login of this kind is a login at Microsoft Entra ID, which also issues tokens for services
// other than Databricks.
func (k Kind) Entra() bool {
	return k != KindDatabricksOAuth && k != KindDatabricksOIDC && k != KindToken
}

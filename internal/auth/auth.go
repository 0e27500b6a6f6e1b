// Package auth logs in: it chooses a login from what was configured, loads and
// checks a client certificate, and gets access tokens from Microsoft Entra ID.
//
// The three steps are apart on purpose. [Settings.Choose] is pure: which
// credential wins is decided from values alone and is tested as a table. [Open]
// reads and checks files and makes no request, so that a wrong certificate is an
// error at configuration, and a plan that needs no token does not call Entra ID.
// [Login.AccessToken] makes the first request: to Azure Key Vault, once, when the
// credential is stored there, then to Entra ID.
//
// Two identities can take part and never mix. The one that calls Databricks is
// configured by this package's [Settings], which a provider fills from ARM_* and its own
// variables. The one that reads the vault is chosen by [KeyVaultSettings.Auth] and
// is configured by AZURE_* variables, a managed identity or the Azure CLI.
//
// Certificates are parsed by the package certificate below and not by the Microsoft
// libraries: those do not open the PKCS#12 files that OpenSSL 3 writes, and take an
// encrypted PEM key for a missing one. The protocol itself (client assertion, discovery, token cache) is
// MSAL's; this package adds what MSAL leaves to its caller, which is one request
// at a time per scope, retries, and errors a person can act on.
//
// Secrets go one way: from [Setting.Value] to MSAL. No type of this
// package prints one, whichever verb formats it, and no error quotes the
// content of a certificate file or a secret.
package auth

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// DatabricksScope is the scope of a token for Azure Databricks. The application
// id is the same in the public, US Government and China clouds (Microsoft, "Get
// Microsoft Entra ID tokens for service principals", Azure Databricks
// documentation).
const DatabricksScope = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"

// Setting is one value a login may use, and where it was written. It formats as
// its source, never as its value.
type Setting struct {
	Value string
	// Attribute is the dotted path in HCL: "client_secret",
	// "owner.client_secret_wo". It is kept when the value came from the
	// environment: that is the attribute a diagnostic points at.
	Attribute string
	// Env is the environment variable the value came from; "" means HCL.
	Env string
}

// IsSet reports whether there is a value; blank ones do not count, because an
// unset variable of a pipeline often arrives as an empty or blank string.
func (s Setting) IsSet() bool { return strings.TrimSpace(s.Value) != "" }

// Source names where the value was written: "client_secret", or
// "ARM_CLIENT_SECRET in the environment".
func (s Setting) Source() string {
	if s.Env != "" {
		return s.Env + " in the environment"
	}
	return s.Attribute
}

// Format writes where the value was configured and never the value, whatever the verb.
func (s Setting) Format(f fmt.State, _ rune) {
	source := s.Source()
	if source == "" {
		source = "(not set)"
	}
	_, _ = io.WriteString(f, source)
}

// LogValue is the text that Format writes.
func (s Setting) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// MarshalJSON writes the text that Format writes, so that a structured log does not hold the value.
func (s Setting) MarshalJSON() ([]byte, error) { return jsonString(fmt.Sprint(s)) }

// named returns the attribute, or fallback where the setting has none.
func (s Setting) named(fallback string) string {
	if s.Attribute != "" {
		return s.Attribute
	}
	return fallback
}

func (s Setting) inHCL() bool { return s.IsSet() && s.Env == "" }

// Kind is a kind of credential.
type Kind string

// The kinds, in the order in which the environment decides among them.
const (
	KindCertificate  Kind = "certificate"
	KindKeyVault     Kind = "key_vault"
	KindClientSecret Kind = "client_secret"
	KindOIDC         Kind = "oidc"
	KindMSI          Kind = "msi"
	KindCLI          Kind = "cli"
	// The next two log in at the workspace, and the last is a token of the workspace. Entra ID knows none of them.
	KindDatabricksOAuth Kind = "databricks_oauth"
	KindDatabricksOIDC  Kind = "databricks_oidc"
	KindToken           Kind = "token"
)

// Entra reports whether this is a login at Microsoft Entra ID, which issues tokens for other services too.
func (k Kind) Entra() bool {
	return k != KindDatabricksOAuth && k != KindDatabricksOIDC && k != KindToken
}

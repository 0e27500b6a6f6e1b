package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// vaultRole is the built-in role that may read secrets ("Azure built-in roles for Key Vault data plane operations"). A
// role that may only read certificates is not enough, because the private key of a certificate is stored as a secret of
// the same name.
const vaultRole = "Key Vault Secrets User"

const summaryVaultUnavailable = "Key Vault is unavailable"

// vaultSummaries are the summaries of the errors that every operation on a secret can have.
type vaultSummaries struct{ stranger, otherService, firewall, token string }

const (
	summaryNoVaultAnswer = "Key Vault returned no usable answer"
	summaryNoVault       = "No Key Vault at the vault's address"
	summaryFirewallRead  = "Key Vault firewall blocks the read"
	summaryReaderToken   = "Key Vault does not accept the identity's token"
)

// vaultRefusal is an error response of Key Vault ("Authentication, requests and responses" of the Key Vault REST API);
// zero if the vault did not answer.
type vaultRefusal struct {
	status               int
	code, inner, message string
}

func readRefusal(r *azcore.ResponseError) vaultRefusal {
	var body struct {
		Error struct {
			Message string
			Inner   struct{ Code string } `json:"innererror"`
		}
	}
	if payload, err := runtime.Payload(r.RawResponse); err == nil {
		_ = json.Unmarshal(payload, &body)
	}
	return vaultRefusal{r.StatusCode, r.ErrorCode, body.Error.Inner.Code, body.Error.Message}
}

// text returns the vault's own text for a message.
func (r vaultRefusal) text() string {
	code := r.code
	if r.inner != "" && r.inner != code {
		code += " (" + r.inner + ")"
	}
	return clean(code + " " + r.message)
}

// explain returns the error for a secret that could not be read from the vault. name is the setting that names the
// secret.
func (v *vault) explain(name Setting, err error) *Error {
	secret := strings.TrimSpace(name.Value)
	summaries := vaultSummaries{summaryNoVaultAnswer, summaryNoVault, summaryFirewallRead, summaryReaderToken}
	return v.explainFailure(name.Attribute, secret, err, summaries, func(out *Error, r vaultRefusal) string {
		return v.explainRefusedRead(out, secret, r)
	})
}

// explainFailure returns the error for a request about a secret that failed. attribute names the secret. refused fills
// in the error for a refusal that depends on the operation, and returns its hint.
func (v *vault) explainFailure(
	attribute, secret string, err error, summaries vaultSummaries, refused func(*Error, vaultRefusal) string,
) *Error {
	if failed, ok := errors.AsType[*readerError](err); ok {
		return v.explainReader(failed.cause)
	}
	out, address := &Error{Attribute: attribute}, v.settings.VaultURI.Attribute
	var hint string
	var r vaultRefusal
	response, answered := errors.AsType[*azcore.ResponseError](err)
	unusable, stranger := errors.AsType[web.Unusable](err)
	if answered {
		r = readRefusal(response)
		unusable, stranger = refusedByStranger(response)
	}
	switch {
	case stranger:
		out.Summary, out.Attribute, out.Err = summaries.stranger, address, unusable
		hint = clean(unusableText(unusable))
	case r.inner == "ForbiddenByConnection":
		out.Summary, out.Attribute = summaries.firewall, address
		hint = fmt.Sprintf("Key Vault %s does not accept connections from the public network. An address in its "+
			"firewall does not help. Run Terraform where a private endpoint of the vault can be reached.", v.host)
	case r.inner == "ForbiddenByFirewall":
		out.Summary, out.Attribute = summaries.firewall, address
		hint = fmt.Sprintf("The network rules of Key Vault %s do not allow this machine. Add the address of this "+
			"machine to the vault's firewall, or run Terraform where a private endpoint of the vault can be reached.",
			v.host)
	case r.status == http.StatusUnauthorized:
		out.Summary, out.Attribute = summaries.token, v.readerAttribute()
		hint = fmt.Sprintf("%s logged in, but Key Vault %s does not accept its token. The identity is most likely "+
			"in another tenant than the vault.", v.reader.describe(), v.host)
	case r.status == http.StatusTooManyRequests || r.status >= 500:
		out.Summary = summaryVaultUnavailable
		hint = fmt.Sprintf("Key Vault %s answered with status %d after several attempts. The cause is usually "+
			"temporary: run Terraform again later.", v.host, r.status)
	case answered:
		hint = refused(out, r)
	case strings.Contains(err.Error(), "challenge resource"),
		strings.Contains(err.Error(), "WWW-Authenticate"),
		strings.Contains(err.Error(), "invalid challenge"):
		out.Summary, out.Attribute = summaries.otherService, address
		hint = fmt.Sprintf("The server at %s asks for a login to a service other than Key Vault, so no token was "+
			"sent. Check vault_uri and environment. A proxy may also have answered instead of the vault.", v.host)
	default:
		hint = v.explainNetwork(out, err)
	}
	parts := []string{hint}
	if text := r.text(); text != "" {
		parts = append(parts, "Key Vault said: "+text)
	}
	out.Detail = strings.Join(append(parts, v.facts(secret, response)), "\n\n")
	return out
}

// explainRefusedRead fills in the error for a refused read of a secret, and returns its hint.
func (v *vault) explainRefusedRead(out *Error, secret string, r vaultRefusal) (hint string) {
	switch {
	case r.status == http.StatusNotFound:
		out.Summary = "Key Vault secret not found"
		hint = fmt.Sprintf("Key Vault %s has no secret or certificate %s.", v.host, secret)
		if version := strings.TrimSpace(v.settings.CertificateVersion.Value); version != "" &&
			out.Attribute == v.settings.CertificateName.Attribute {
			hint = fmt.Sprintf("Key Vault %s has no version %s of %s.", v.host, version, secret)
		}
		return hint + " Check the name. A deleted secret can often be recovered; to list deleted secrets, run: az " +
			"keyvault secret list-deleted. A secret that is being recovered can be read again after some seconds."
	case r.inner == "SecretDisabled" || strings.Contains(strings.ToLower(r.message), "disabled"):
		out.Summary = "Key Vault secret is disabled"
		return fmt.Sprintf("Secret %s in Key Vault %s, or its newest version, is disabled, not yet valid or "+
			"expired. Enable it, or select another version.", secret, v.host)
	case r.status == http.StatusForbidden:
		out.Summary, out.Attribute = "Key Vault refuses the read", v.readerAttribute()
		hint = fmt.Sprintf("%s may not read secret %s. This identity needs the role %q on Key Vault %s. A new role "+
			"assignment takes some minutes to take effect. ", v.reader.describe(), secret, vaultRole, v.host)
		if r.inner == "AccessDenied" {
			hint = fmt.Sprintf("%s may not read secret %s. Key Vault %s uses access policies: give the identity "+
				"the secret permission get. With Azure RBAC, the identity needs the role %q instead. ",
				v.reader.describe(), secret, v.host, vaultRole)
		}
		return hint + "The private key of a certificate is read as the secret of the same name, so a right to " +
			"certificates alone is not enough."
	}
	out.Summary = "Key Vault refused the request"
	return fmt.Sprintf("Key Vault %s answered with status %d.", v.host, r.status)
}

// explainNetwork fills in the error for a request that the vault did not answer, and returns its hint.
func (v *vault) explainNetwork(out *Error, err error) (hint string) {
	f := inspect(err, false)
	status := v.lastStatus.Load()
	if isTimeout(err) && status != 0 {
		out.Summary = summaryVaultUnavailable
		return fmt.Sprintf("Key Vault %s answered with status %d until the time limit of the operation. The cause "+
			"is usually temporary: run Terraform again later.", v.host, status)
	}
	out.Attribute, out.Err = v.settings.VaultURI.Attribute, f.cause
	switch f.contact {
	case contactNoHost:
		out.Summary = "Key Vault not found"
		hint = fmt.Sprintf("The host name %s cannot be resolved: the vault does not exist, was deleted, or has a "+
			"private DNS zone that this machine does not use. Check vault_uri. Behind a proxy, set HTTPS_PROXY.",
			v.host)
	case contactProxy:
		out.Summary = "Key Vault not found"
		hint = fmt.Sprintf("The proxy that HTTPS_PROXY names did not connect to %s: the vault does not exist, or "+
			"the proxy forbids the connection. Check vault_uri, the proxy and NO_PROXY.", v.host)
	case contactUntrusted:
		out.Summary = "Key Vault is not trusted"
		hint = fmt.Sprintf("The TLS certificate of %s is not trusted on this machine. If a proxy inspects traffic, "+
			"set ca_certificate_path or SSL_CERT_FILE to a PEM file with the proxy's certificate authority.", v.host)
	case contactHandshake:
		out.Summary = "Key Vault refuses the TLS connection"
		hint = fmt.Sprintf("%s ended the TLS handshake, so nothing was sent. Usually a proxy or a firewall does "+
			"that, because it requires a client certificate or another version of TLS. Check HTTPS_PROXY, NO_PROXY "+
			"and vault_uri.", v.host)
	default:
		out.Summary = "Key Vault does not answer"
		hint = fmt.Sprintf("%s did not answer. Check vault_uri, the network and firewalls. Behind a proxy, set "+
			"HTTPS_PROXY.", v.host)
	}
	if f.cause != nil {
		hint += "\n\nThe network error: " + clean(networkText(f.cause))
	}
	return hint
}

// readerAttribute returns the attribute that selects the identity that reads the vault.
func (v *vault) readerAttribute() string {
	if v.reader.own != nil {
		return v.settings.VaultURI.Attribute
	}
	return v.settings.Auth.Attribute
}

// facts returns the lines below an explanation: the vault, the secret, the identity that reads the vault, and the
// request id.
func (v *vault) facts(secret string, refusal *azcore.ResponseError) string {
	identity := fmt.Sprintf("auth = %q (%s)", v.reader.auth, v.settings.Auth.Source())
	if v.reader.own != nil {
		identity = "the provider's own login"
	}
	lines := []string{"Key Vault: " + v.host, "Secret: " + secret, "Identity: " + identity}
	if id := v.reader.explain.identity.ClientID; id != "" {
		lines = append(lines, "Client ID of the identity: "+id)
	}
	if id := v.reader.explain.identity.TenantID; id != "" {
		lines = append(lines, "Tenant of the identity: "+id)
	}
	if refusal != nil && refusal.RawResponse != nil {
		if id := refusal.RawResponse.Header.Get("X-Ms-Request-Id"); id != "" {
			lines = append(lines, "Request ID: "+clean(id))
		}
	}
	return strings.Join(lines, "\n")
}

// explainReader returns the error for an identity that could not log in to read the vault, so that no secret was
// requested.
func (v *vault) explainReader(err error) *Error {
	r := v.reader
	before := fmt.Sprintf("The login is stored in Key Vault %s, and the identity that reads the vault (auth = %q) "+
		"cannot log in. ", v.host, r.auth)
	if r.own != nil {
		before = fmt.Sprintf("The provider reads Key Vault %s with its own identity, which cannot log in. ", v.host)
	}
	failed, ok := errors.AsType[*Error](err)
	if !ok {
		failed = r.noToken.Load()
	}
	if failed == nil {
		failed = r.explainLogin(err)
		failed.Attribute = v.readerAttribute()
	}
	out := *failed
	out.Summary, out.Detail = "Key Vault identity cannot log in", before+failed.Detail
	return &out
}

// explainLogin returns the error for the Azure library's error of a failed login.
func (r *vaultReader) explainLogin(err error) *Error {
	e := r.explain
	failed, answered := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if answered = answered && failed.RawResponse != nil; answered {
		// The Azure library has read the body and keeps a copy of it. Here the copy becomes the body, to be read again.
		if body, err := runtime.Payload(failed.RawResponse); err == nil {
			failed.RawResponse.Body = io.NopCloser(bytes.NewReader(body))
		}
	}
	switch r.auth {
	case "msi":
		e.serviceName = "The managed identity endpoint"
		if answered {
			return e.managedIdentity(inspectMSIAnswer(failed.RawResponse), "")
		}
		return e.managedIdentity(withoutDefaultIdentity(err), "")
	case "cli":
		e.serviceName = "Azure CLI"
		return e.azureCLI(inspectCLI(err, false), "")
	case "default":
		return &Error{Detail: e.detail("None of the identities that DefaultAzureCredential tries is available. Select "+
			"one with auth = \"cli\", \"msi\", \"oidc\" or \"environment\".", answer{}) +
			"\n\nThe error of the Azure library: " + clean(strings.TrimSpace(err.Error()))}
	}
	f := inspect(err, false)
	f.tries = 1
	if answered {
		f = inspectAnswer(failed.RawResponse)
		f.tries = 4
	} else if f.contact == contactUnclear {
		return &Error{Detail: e.detail("The error of the Azure library: "+clean(err.Error()), answer{})}
	}
	return e.failure(f, "")
}

// withoutDefaultIdentity turns the refusal of a managed identity endpoint into a failure, for a request that selected
// no identity. The Azure library keeps the endpoint's response, which has status 400, only as text in its error.
func withoutDefaultIdentity(err error) failure {
	_, body, answered := strings.Cut(err.Error(), "The endpoint responded with ")
	f := failure{status: http.StatusBadRequest}
	if !answered || json.NewDecoder(strings.NewReader(body)).Decode(&f.answer) != nil {
		return failure{contact: contactLost, cause: networkCause(err)}
	}
	return f
}

package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// vaultOfficer is the built-in role that may write secrets, list their versions and disable a version ("Azure built-in
// roles for Key Vault data plane operations").
const vaultOfficer = "Key Vault Secrets Officer"

// vaultUse is an operation on a secret: the verb that names it in messages, and the secret permission that it needs.
type vaultUse struct{ verb, permission string }

var (
	toList   = vaultUse{"list the versions of", "list"}
	toWrite  = vaultUse{"write", "set"}
	toChange = vaultUse{"change", "set"}
)

// explainUse returns the error for a failed operation on a secret, at the attribute that names the vault.
func (v *Vault) explainUse(use vaultUse, secret string, err error) *Error {
	if failed, ok := errors.AsType[*readerError](err); ok {
		return v.explainReader(failed.cause)
	}
	out := &Error{Attribute: v.settings.VaultURI.Attribute}
	var hint, said string
	refusal, answered := errors.AsType[*azcore.ResponseError](err)
	unusable, stranger := errors.AsType[web.Unusable](err)
	switch {
	case answered:
		said = v.explainRefusedUse(out, &hint, use, secret, refusal)
	case stranger:
		out.Summary, out.Err = summaryStranger, unusable
		hint = clean(unusableText(unusable))
	case strings.Contains(err.Error(), "challenge resource"),
		strings.Contains(err.Error(), "WWW-Authenticate"),
		strings.Contains(err.Error(), "invalid challenge"):
		out.Summary = "Another service answers for Key Vault"
		hint = fmt.Sprintf("The server at %s asks for a login to a service other than Key Vault, so no token was "+
			"sent. Check vault_uri and environment. A proxy may also have answered instead of the vault.", v.host)
	default:
		v.explainNetwork(out, &hint, err)
	}
	parts := []string{hint}
	if said != "" {
		parts = append(parts, "Key Vault said: "+said)
	}
	out.Detail = strings.Join(append(parts, v.facts(secret, refusal)), "\n\n")
	return out
}

// explainRefusedUse fills in the error and its hint for an error response of the vault. said is the vault's own text.
func (v *Vault) explainRefusedUse(
	out *Error, hint *string, use vaultUse, secret string, refusal *azcore.ResponseError,
) (said string) {
	var answer vaultAnswer
	if body, err := runtime.Payload(refusal.RawResponse); err == nil {
		_ = json.Unmarshal(body, &answer)
	}
	code, inner := refusal.ErrorCode, answer.Error.Inner.Code
	stranger := refusedByStranger(refusal)
	switch {
	case refusal.StatusCode == http.StatusNotFound && code == codeNoSecret:
		out.Summary, out.Err = summaryNoSecret, ErrNoSecret
		*hint = v.hasNo(secret)
	case inner == "ObjectIsBeingDeleted" || inner == "ObjectIsBeingRecovered":
		out.Summary, out.Err = "Key Vault secret is being deleted or recovered", ErrInTransition
		*hint = fmt.Sprintf("Key Vault %s is deleting or recovering secret %s, and accepts no change of it until "+
			"that is done. Run Terraform again in a minute.", v.host, secret)
	case stranger != nil:
		out.Summary, out.Err = summaryStranger, stranger
		*hint = clean(unusableText(stranger))
	case refusal.StatusCode == http.StatusConflict:
		out.Summary = "Key Vault secret is deleted but not purged"
		*hint = v.recovery(secret)
	case inner == "ForbiddenByFirewall" || inner == "ForbiddenByConnection":
		out.Summary = "Key Vault firewall blocks the provider"
		*hint = fmt.Sprintf("The network rules of Key Vault %s do not allow this machine. Add the address of this "+
			"machine to the vault's firewall, or run Terraform where a private endpoint of the vault can be reached.",
			v.host)
	case refusal.StatusCode == http.StatusForbidden && (inner == "ForbiddenByRbac" || inner == "AccessDenied"):
		out.Summary, out.Err = "Key Vault refuses the provider", ErrMayNot
		*hint = fmt.Sprintf("The provider's identity may not %s secret %s. This identity needs the role %q on Key "+
			"Vault %s. A new role assignment takes some minutes to take effect.",
			use.verb, secret, vaultOfficer, v.host)
		if inner == "AccessDenied" {
			*hint = fmt.Sprintf("The provider's identity may not %s secret %s. Key Vault %s uses access policies: "+
				"give the identity the secret permissions list and set. With Azure RBAC, the identity needs the "+
				"role %q instead. The refused call needs the permission %s.",
				use.verb, secret, v.host, vaultOfficer, use.permission)
		}
	case refusal.StatusCode == http.StatusForbidden:
		out.Summary = "Key Vault forbids the change"
		*hint = fmt.Sprintf("Key Vault %s does not allow the provider to %s secret %s. The secret may belong to a "+
			"certificate of the same name; choose another name for the secret.", v.host, use.verb, secret)
	case refusal.StatusCode == http.StatusUnauthorized:
		out.Summary = "Key Vault does not accept the provider's token"
		*hint = fmt.Sprintf("The provider's identity logged in, but Key Vault %s does not accept its token. The "+
			"identity is most likely in another tenant than the vault.", v.host)
	case refusal.StatusCode == http.StatusTooManyRequests || refusal.StatusCode >= 500:
		out.Summary = summaryVaultUnavailable
		*hint = fmt.Sprintf("Key Vault %s answered with status %d after several attempts. The cause is usually "+
			"temporary: run Terraform again later.", v.host, refusal.StatusCode)
	default:
		out.Summary = "Key Vault refuses the secret"
		*hint = fmt.Sprintf("Key Vault %s answered with status %d. Check the name, the content type and the tags of "+
			"secret %s.", v.host, refusal.StatusCode, secret)
	}
	if inner != "" && inner != code {
		code += " (" + inner + ")"
	}
	return clean(code + " " + answer.Error.Message)
}

const (
	summaryNoSecret = "Key Vault has no such secret"
	summaryStranger = "Answer is not one of Key Vault"
	// codeNoSecret is the vault's own error code for a missing secret. A proxy's page with the same status has no such
	// code, and does not prove that the secret is missing.
	codeNoSecret = "SecretNotFound"
)

// refusedByStranger returns an error for an error response without an error code of the vault, because a proxy may have
// sent it. It returns nil for a response that may be temporary (status 429 or 5xx) or that asks for a login (status
// 401), because these need no code.
func refusedByStranger(refusal *azcore.ResponseError) error {
	if refusal.ErrorCode != "" || refusal.StatusCode == http.StatusUnauthorized ||
		refusal.StatusCode == http.StatusTooManyRequests ||
		refusal.StatusCode >= 500 {
		return nil
	}
	body, _ := runtime.Payload(refusal.RawResponse)
	if err := web.Check(refusal.RawResponse, body, web.Object); err != nil {
		return err
	}
	return web.Mismatch(refusal.RawResponse, "JSON without the code of an error")
}

func (v *Vault) hasNo(secret string) string {
	return fmt.Sprintf("Key Vault %s has no secret %s, or the secret does not have the requested version.",
		v.host, secret)
}

// Deleted returns the error for a secret name that cannot be used, because a deleted secret of that name can still be
// recovered.
func (v *Vault) Deleted(secret string) error {
	return &Error{
		Attribute: v.settings.VaultURI.Attribute,
		Summary:   "Key Vault secret is deleted but not purged",
		Detail:    v.recovery(secret),
	}
}

func (v *vault) recovery(secret string) string {
	vault, _, _ := strings.Cut(v.host, ".")
	return fmt.Sprintf("Secret %s in Key Vault %s was deleted and can still be recovered. Its name cannot be used "+
		"before it is recovered or purged. To recover the secret, run: az keyvault secret recover --vault-name %s "+
		"--name %s. If nobody needs the secret any more and the vault allows purging, run: az keyvault secret purge "+
		"--vault-name %s --name %s. Or choose another name.", secret, v.host, vault, secret, vault, secret)
}

package auth

import (
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
	summaries := vaultSummaries{summaryStranger, summaryOtherService, summaryFirewall, summaryToken}
	return v.explainFailure(v.settings.VaultURI.Attribute, secret, err, summaries,
		func(out *Error, r vaultRefusal) string { return v.explainRefusedUse(out, use, secret, r) })
}

// explainRefusedUse fills in the error for a refused operation on a secret, and returns its hint.
func (v *Vault) explainRefusedUse(out *Error, use vaultUse, secret string, r vaultRefusal) (hint string) {
	switch {
	case r.status == http.StatusNotFound && r.code == codeNoSecret:
		out.Summary, out.Err = summaryNoSecret, ErrNoSecret
		return v.noSecretText(secret)
	case r.inner == "ObjectIsBeingDeleted" || r.inner == "ObjectIsBeingRecovered":
		out.Summary, out.Err = "Key Vault secret is being deleted or recovered", ErrInTransition
		return fmt.Sprintf("Key Vault %s is deleting or recovering secret %s, and accepts no change of it until that "+
			"is done. Run Terraform again in a minute.", v.host, secret)
	case r.status == http.StatusConflict:
		out.Summary = "Key Vault secret is deleted but not purged"
		return v.recovery(secret)
	case r.status == http.StatusForbidden && r.inner == "AccessDenied":
		out.Summary, out.Err = summaryMayNot, ErrNotPermitted
		return fmt.Sprintf("The provider's identity may not %s secret %s. Key Vault %s uses access policies: give the "+
			"identity the secret permissions list and set. With Azure RBAC, the identity needs the role %q instead. "+
			"The refused call needs the permission %s.", use.verb, secret, v.host, vaultOfficer, use.permission)
	case r.status == http.StatusForbidden && r.inner == "ForbiddenByRbac":
		out.Summary, out.Err = summaryMayNot, ErrNotPermitted
		return fmt.Sprintf("The provider's identity may not %s secret %s. This identity needs the role %q on Key "+
			"Vault %s. A new role assignment takes some minutes to take effect.",
			use.verb, secret, vaultOfficer, v.host)
	case r.status == http.StatusForbidden:
		out.Summary = "Key Vault forbids the change"
		return fmt.Sprintf("Key Vault %s does not allow the provider to %s secret %s. The secret may belong to a "+
			"certificate of the same name; choose another name for the secret.", v.host, use.verb, secret)
	}
	out.Summary = "Key Vault refuses the secret"
	return fmt.Sprintf("Key Vault %s answered with status %d. Check the name, the content type and the tags of secret "+
		"%s.", v.host, r.status, secret)
}

const (
	summaryNoSecret     = "Key Vault has no such secret"
	summaryStranger     = "Answer is not one of Key Vault"
	summaryOtherService = "Another service answers for Key Vault"
	summaryFirewall     = "Key Vault firewall blocks the provider"
	summaryToken        = "Key Vault does not accept the provider's token"
	summaryMayNot       = "Key Vault refuses the provider"
	// codeNoSecret is the vault's own error code for a missing secret. A proxy's page with the same status has no such
	// code, and does not prove that the secret is missing.
	codeNoSecret = "SecretNotFound"
)

// refusedByStranger returns an error for an error response without an error code of the vault, because a proxy may have
// sent it. ok is false for a response that may be temporary (status 429 or 5xx) or that asks for a login (status 401),
// because these need no code.
func refusedByStranger(refusal *azcore.ResponseError) (_ web.Unusable, ok bool) {
	if refusal.ErrorCode != "" || refusal.StatusCode == http.StatusUnauthorized ||
		refusal.StatusCode == http.StatusTooManyRequests || refusal.StatusCode >= 500 {
		return nil, false
	}
	body, _ := runtime.Payload(refusal.RawResponse)
	err := web.Check(refusal.RawResponse, body, web.Object)
	if err == nil {
		err = web.Mismatch(refusal.RawResponse, "JSON without the code of an error")
	}
	return errors.AsType[web.Unusable](err)
}

func (v *Vault) noSecretText(secret string) string {
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

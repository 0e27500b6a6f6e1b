package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// ReadSecret returns the value of the newest version of a secret, for a data source that uses the value at once and
// does not store it. White space around the value is removed, because a token that was stored from a file ends with a
// line end. ReadSecret makes one request, and one more at the first use of a vault.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret
func (v *Vault) ReadSecret(ctx context.Context, name Setting) (string, error) {
	limited, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	secret := strings.TrimSpace(name.Value)
	answer, err := v.client.GetSecret(limited, secret, "", nil)
	if err == nil {
		err = v.about(asked{method: http.MethodGet, folder: "/secrets/", secret: secret}, answer.ID)
	}
	if ctx.Err() != nil {
		return "", &Error{
			Summary: "Reading of Key Vault was interrupted",
			Err:     ctx.Err(),
			Detail: fmt.Sprintf("The operation ended before the provider had read secret %s from Key Vault %s.",
				secret, v.host),
		}
	}
	if err != nil {
		return "", v.explain(name, err)
	}
	var value string
	if answer.Value != nil {
		value = strings.TrimSpace(*answer.Value)
		web.Conceal(value)
	}
	if value == "" {
		return "", errorAt(name.Attribute, "Key Vault secret is empty",
			"Secret %s in Key Vault %s has an empty value.",
			secret, v.host)
	}
	return value, nil
}

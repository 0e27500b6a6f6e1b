package auth

import (
	"context"
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
	value, _, err := v.get(limited, secret, "")
	if ctx.Err() != nil {
		return "", errorAt("", "Reading of Key Vault was interrupted",
			"The operation ended before the provider had read secret %s from Key Vault %s.", secret, v.host,
		).withCause(ctx.Err())
	}
	if err != nil {
		return "", v.explain(name, err)
	}
	value = strings.TrimSpace(value)
	web.Conceal(value)
	if value == "" {
		return "", errorAt(name.Attribute, "Key Vault secret is empty",
			"Secret %s in Key Vault %s has an empty value.", secret, v.host)
	}
	return value, nil
}

// Package entratoken is the ephemeral resource dbxaccess_entra_token, the bearer token with which the provider itself
// logs in, and the function jwt_claims, which reads the claims of such a token.
package entratoken

import (
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewEphemeralResource returns the ephemeral resource dbxaccess_entra_token.
func NewEphemeralResource() ephemeral.EphemeralResource {
	return &tokenEphemeral{fwkit.EphemeralResource{Name: "entra_token"}}
}

// NewFunction returns the function jwt_claims.
func NewFunction() function.Function { return jwtClaims{} }

// Package entratoken is the ephemeral resource dbxaccess_entra_token, the bearer token with which the provider itself
// logs in, and the function jwt_claims, which reads the claims of such a token.
package entratoken

import (
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
)

// EphemeralResources returns the ephemeral resources that this package adds to the provider.
func EphemeralResources() []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return &tokenEphemeral{} }}
}

// Functions returns the functions that this package adds to the provider.
func Functions() []func() function.Function {
	return []func() function.Function{func() function.Function { return jwtClaims{} }}
}

// Package oauthtoken is the ephemeral resource dbxaccess_oauth_token, an access token by Databricks OAuth, also one for
// a single route-optimized endpoint.
package oauthtoken

import "github.com/hashicorp/terraform-plugin-framework/ephemeral"

// EphemeralResources are what this package adds to the provider.
func EphemeralResources() []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return &tokenEphemeral{} }}
}

// Package oauthtoken implements the ephemeral resource dbxaccess_oauth_token: an access token from Databricks OAuth,
// for the workspace or for a single route-optimized endpoint.
package oauthtoken

import "github.com/hashicorp/terraform-plugin-framework/ephemeral"

// EphemeralResources returns the ephemeral resources that this package adds to the provider.
func EphemeralResources() []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return &tokenEphemeral{} }}
}

// Package oauthtoken implements the ephemeral resource dbxaccess_oauth_token: an access token from Databricks OAuth,
// for the workspace or for a single route-optimized endpoint.
package oauthtoken

import (
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewEphemeralResource returns the ephemeral resource dbxaccess_oauth_token.
func NewEphemeralResource() ephemeral.EphemeralResource {
	return &tokenEphemeral{fwkit.EphemeralResource{Name: "oauth_token"}}
}

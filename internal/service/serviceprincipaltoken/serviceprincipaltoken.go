// Package serviceprincipaltoken implements the resource dbxaccess_service_principal_token, a personal access token that
// belongs to a service principal. It also implements the ephemeral resource of that name, such a token for the duration
// of one run.
//
// Azure has no way to create a token for somebody else. So the provider logs in as the owner, with the owner's own
// credential, while it creates the token. A refresh needs no such login, because a workspace admin can list all tokens.
//
// A token is rotated in place: the provider creates the new token, applications switch to it, and then the provider
// revokes the old token. Only Read decides whether a rotation is due. It uses the service's clock, and stores its
// verdict in private state. The plan follows that verdict and sends no request. See package rotation.
package serviceprincipaltoken

import (
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewResource returns the resource dbxaccess_service_principal_token.
func NewResource() resource.Resource {
	return &tokenResource{fwkit.Resource{
		Name: "service_principal_token",
		Identity: map[string]identityschema.Attribute{
			"token_id": fwkit.IdentityAttribute(
				"Id of the token, 64 hexadecimal digits; not its value. Each rotation changes it.",
			),
		},
		MutableIdentity: true, // a rotation changes the id
	}}
}

// NewListResource returns the list resource dbxaccess_service_principal_token, which `terraform query` uses.
func NewListResource() list.ListResource {
	return fwkit.NewListResource("service_principal_token", querySchema, queryTokens)
}

// NewEphemeralResource returns the ephemeral resource dbxaccess_service_principal_token.
func NewEphemeralResource() ephemeral.EphemeralResource {
	return &tokenEphemeral{fwkit.EphemeralResource{Name: "service_principal_token"}}
}

// NewAction returns the action dbxaccess_sweep_stray_tokens.
func NewAction() action.Action {
	return &sweepAction{fwkit.Action{Name: "sweep_stray_tokens"}}
}

// Package serviceprincipaloauthsecret implements the resource dbxaccess_service_principal_oauth_secret, an OAuth client
// secret of a service principal. With such a secret an application gets access tokens at the workspace.
//
// A workspace admin creates the secret, without a login as the service principal. The service allows five secrets per
// principal, and gives them no name and no comment. So the provider lists the secrets before it creates one, and
// deletes only the secrets that it has created.
//
// Secrets are rotated in place, as tokens are. See package rotation.
package serviceprincipaloauthsecret

import (
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewResource returns the resource dbxaccess_service_principal_oauth_secret.
func NewResource() resource.Resource {
	return &secretResource{fwkit.Resource{
		Name: "service_principal_oauth_secret",
		Identity: map[string]identityschema.Attribute{
			"application_id": fwkit.IdentityAttribute("Application (client) id of the service principal."),
			"secret_id":      fwkit.IdentityAttribute("Id of the secret; not its value. Each rotation changes it."),
		},
		MutableIdentity: true, // a rotation changes the id
	}}
}

// NewListResource returns the list resource dbxaccess_service_principal_oauth_secret, which `terraform query` uses.
func NewListResource() list.ListResource {
	return fwkit.NewListResource("service_principal_oauth_secret", querySchema, querySecrets)
}

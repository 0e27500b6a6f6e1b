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
)

// Resources returns the managed resources that this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &secretResource{} }}
}

// ListResources returns the list resources of this package, which terraform query uses.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &secretList{} }}
}

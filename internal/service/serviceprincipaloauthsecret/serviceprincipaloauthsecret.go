// Package serviceprincipaloauthsecret is the resource dbxaccess_service_principal_oauth_secret, an OAuth client secret
// of a service principal, with which an application gets access tokens at the workspace.
//
// A workspace admin creates it, with no login as the service principal. The service allows five for each principal and
// gives them no name and no comment, so the provider lists them before it creates one, and deletes no other than its
// own.
//
// It is rotated in place, as tokens are: see package rotation.
package serviceprincipaloauthsecret

import (
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &secretResource{} }}
}

// ListResources are what `terraform query` can find.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &secretList{} }}
}

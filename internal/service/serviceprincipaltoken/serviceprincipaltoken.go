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
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources returns the managed resources that this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &tokenResource{} }}
}

// ListResources returns the list resources of this package, which terraform query uses.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &tokenList{} }}
}

// Actions returns the actions that this package adds to the provider.
func Actions() []func() action.Action {
	return []func() action.Action{func() action.Action { return &sweepAction{} }}
}

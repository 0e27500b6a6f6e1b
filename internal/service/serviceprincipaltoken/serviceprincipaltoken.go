// Package serviceprincipaltoken is the resource dbxaccess_service_principal_token, a personal access token that belongs
// to a service principal, and the ephemeral resource of that name, such a token for the time of one run.
//
// Azure has no way to make a token for somebody else, so the provider logs in as the owner, with the owner's own
// credential, for as long as minting takes. Refreshing needs no such login: an admin's list of all tokens is enough.
//
// A token is rotated in place: new token, consumers, then the old one. Only Read decides whether it is time, by the
// service's clock, and leaves its verdict in private state; planning follows that and sends no request. See package
// rotation.
package serviceprincipaltoken

import (
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &tokenResource{} }}
}

// ListResources are what `terraform query` can find.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &tokenList{} }}
}

// Actions are what this package adds to the provider.
func Actions() []func() action.Action {
	return []func() action.Action{func() action.Action { return &sweepAction{} }}
}

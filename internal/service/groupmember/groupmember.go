// Package groupmember is the resource dbxaccess_group_member: a service principal's direct membership of one group of
// the workspace. It leaves the other members of the group as they are.
package groupmember

import (
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources returns the resources that this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &memberResource{} }}
}

// ListResources returns the list resources, which `terraform query` uses, that this package adds to the provider.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &memberList{} }}
}

// Package groupmember is the resource dbxaccess_group_member: a service principal's direct membership of one group of
// the workspace, whoever else is in it.
package groupmember

import (
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &memberResource{} }}
}

// ListResources are what `terraform query` can find.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &memberList{} }}
}

// Package servingendpointpermission is the resource dbxaccess_serving_endpoint_permission: one principal's grant on one
// model-serving endpoint. It never changes anybody else's grant.
package servingendpointpermission

import (
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources returns the resources that this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &permissionResource{} }}
}

// ListResources returns the list resources, which `terraform query` uses, that this package adds to the provider.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &permissionList{} }}
}

// Package servingendpointpermissionsexclusive is the resource dbxaccess_serving_endpoint_permissions_exclusive: the
// complete direct access list of one model-serving endpoint. The plan shows every grant that an apply will revoke.
package servingendpointpermissionsexclusive

import "github.com/hashicorp/terraform-plugin-framework/resource"

// Resources returns the resources that this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &exclusiveResource{} }}
}

// Package servingendpointpermissionsexclusive is the resource dbxaccess_serving_endpoint_permissions_exclusive: the
// whole direct access list of one model-serving endpoint. What it takes from somebody stands in the plan before.
package servingendpointpermissionsexclusive

import "github.com/hashicorp/terraform-plugin-framework/resource"

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &exclusiveResource{} }}
}

// Package tokenpermission is the resource dbxaccess_token_permission: the right of one principal to use personal access
// tokens in the workspace.
package tokenpermission

import "github.com/hashicorp/terraform-plugin-framework/resource"

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &permissionResource{} }}
}

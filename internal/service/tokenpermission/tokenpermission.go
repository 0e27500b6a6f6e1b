// Package tokenpermission is who may use personal access tokens in the workspace: the resource
// dbxaccess_token_permission for the right of one principal, and the data source dbxaccess_token_permissions for all of
// them.
package tokenpermission

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &permissionResource{} }}
}

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &permissionsDataSource{} }}
}

// ListResources are what `terraform query` can find.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &permissionList{} }}
}

// Package tokenpermission controls who may use personal access tokens in the workspace: the resource
// dbxaccess_token_permission is the right of one principal, and the data source dbxaccess_token_permissions lists all
// principals that have the right.
package tokenpermission

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources returns the resources that this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &permissionResource{} }}
}

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &permissionsDataSource{} }}
}

// ListResources returns the list resources, which `terraform query` uses, that this package adds to the provider.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &permissionList{} }}
}

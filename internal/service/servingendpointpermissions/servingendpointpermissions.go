// Package servingendpointpermissions is the data source dbxaccess_serving_endpoint_permissions: the access list of one
// model-serving endpoint, with direct grants apart from inherited ones.
package servingendpointpermissions

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &permissionsDataSource{} }}
}

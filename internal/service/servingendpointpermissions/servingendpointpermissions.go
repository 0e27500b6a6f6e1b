// Package servingendpointpermissions is the data source dbxaccess_serving_endpoint_permissions: the access list of one
// model-serving endpoint, with direct and inherited grants shown separately.
package servingendpointpermissions

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &permissionsDataSource{} }}
}

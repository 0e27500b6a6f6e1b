// Package servingendpointaccess is the data source dbxaccess_serving_endpoint_access: all people and applications that
// may use one model-serving endpoint, including those that may through groups and nested groups.
package servingendpointaccess

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &accessDataSource{} }}
}

// Package servingendpoint is the data source dbxaccess_serving_endpoint, which finds one model-serving endpoint by its
// name, and the data source dbxaccess_serving_endpoints, which lists the endpoints that match.
package servingendpoint

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{
		func() datasource.DataSource { return &endpointDataSource{} },
		func() datasource.DataSource { return &endpointsDataSource{} },
	}
}

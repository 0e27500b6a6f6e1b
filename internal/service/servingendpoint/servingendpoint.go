// Package servingendpoint is the data source dbxaccess_serving_endpoint, one model-serving endpoint found by its name,
// and dbxaccess_serving_endpoints, those that match.
package servingendpoint

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{
		func() datasource.DataSource { return &endpointDataSource{} },
		func() datasource.DataSource { return &endpointsDataSource{} },
	}
}

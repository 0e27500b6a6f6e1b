// Package servingendpointquery is the data source dbxaccess_serving_endpoint_query: it scores an endpoint, as the
// provider or with a token, to prove in the same run that access works.
package servingendpointquery

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &queryDataSource{} }}
}

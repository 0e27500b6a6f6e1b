// Package servingendpointquery is the data source dbxaccess_serving_endpoint_query: it queries a model-serving
// endpoint, as the provider or with another credential, to prove in the same run that access works.
package servingendpointquery

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &queryDataSource{} }}
}

// Package servingendpointaccess is the data source dbxaccess_serving_endpoint_access: who may use one model-serving
// endpoint in effect, with the groups in its access list followed down to the people and applications in them.
package servingendpointaccess

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &accessDataSource{} }}
}

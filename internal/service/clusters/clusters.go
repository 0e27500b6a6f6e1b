// Package clusters is the data source dbxaccess_clusters: the clusters that the provider's identity sees, which any
// login may ask for and which therefore proves a new one.
package clusters

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &clustersDataSource{} }}
}

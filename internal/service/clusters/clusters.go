// Package clusters is the data source dbxaccess_clusters, which lists the clusters that the provider's identity can
// see. Every identity may send this request, so an answer proves that a new login works.
package clusters

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &clustersDataSource{} }}
}

// Package clusters is the data source dbxaccess_clusters, which lists the clusters that the provider's identity can
// see. Every identity may send this request, so an answer proves that a new login works.
package clusters

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewDataSource returns the data source dbxaccess_clusters.
func NewDataSource() datasource.DataSource {
	return fwkit.NewDataSource("clusters", clustersSchema, readClusters)
}

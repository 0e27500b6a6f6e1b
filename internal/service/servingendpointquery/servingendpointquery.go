// Package servingendpointquery is the data source dbxaccess_serving_endpoint_query: it queries a model-serving
// endpoint, as the provider or with another credential, to prove in the same run that access works.
package servingendpointquery

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewDataSource returns the data source dbxaccess_serving_endpoint_query.
func NewDataSource() datasource.DataSource {
	return queryDataSource{fwkit.NewDataSource("serving_endpoint_query", querySchema, readQuery)}
}

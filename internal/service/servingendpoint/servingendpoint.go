// Package servingendpoint is the data source dbxaccess_serving_endpoint, which finds one model-serving endpoint by its
// name, and the data source dbxaccess_serving_endpoints, which lists the endpoints that match.
package servingendpoint

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewDataSource returns the data source dbxaccess_serving_endpoint.
func NewDataSource() datasource.DataSource {
	return fwkit.NewDataSource("serving_endpoint", endpointSchema, readEndpoint)
}

// NewListDataSource returns the data source dbxaccess_serving_endpoints.
func NewListDataSource() datasource.DataSource {
	return fwkit.NewDataSource("serving_endpoints", endpointsSchema, readEndpoints)
}

// Package servingendpointaccess is the data source dbxaccess_serving_endpoint_access: all people and applications that
// may use one model-serving endpoint, including those that may through groups and nested groups.
package servingendpointaccess

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewDataSource returns the data source dbxaccess_serving_endpoint_access.
func NewDataSource() datasource.DataSource {
	return fwkit.NewDataSource("serving_endpoint_access", accessSchema, readAccess)
}

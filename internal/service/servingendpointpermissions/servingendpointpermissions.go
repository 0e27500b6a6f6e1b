// Package servingendpointpermissions is the data source dbxaccess_serving_endpoint_permissions: the access list of one
// model-serving endpoint, with direct and inherited grants shown separately.
package servingendpointpermissions

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewDataSource returns the data source dbxaccess_serving_endpoint_permissions.
func NewDataSource() datasource.DataSource {
	return fwkit.NewDataSource("serving_endpoint_permissions", permissionsSchema, readPermissions)
}

package servingendpointpermissions

import (
	"context"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// readPermissions reads the access list of the endpoint of that name, and the id it belongs to. Two requests; for many
// endpoints the names are found in one list.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/getpermissions
func readPermissions(ctx context.Context, c *client.Client, endpoint string) (id string, list acl.List, err error) {
	if id, err = c.EndpointID(ctx, endpoint, client.Lately); err != nil {
		return "", nil, err
	}
	list, err = acl.Read(ctx, c, acl.Endpoint(id), client.Lately)
	return id, list, err
}

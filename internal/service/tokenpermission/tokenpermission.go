// Package tokenpermission controls who may use personal access tokens in the workspace: the resource
// dbxaccess_token_permission is the right of one principal, and the data source dbxaccess_token_permissions lists all
// principals that have the right.
package tokenpermission

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewResource returns the resource dbxaccess_token_permission.
func NewResource() resource.Resource {
	return &permissionResource{fwkit.Resource{
		Name:     "token_permission",
		Identity: fwkit.IdentityPrincipal(map[string]identityschema.Attribute{}),
	}}
}

// NewListResource returns the list resource dbxaccess_token_permission, which `terraform query` uses.
func NewListResource() list.ListResource {
	return fwkit.NewListResource("token_permission", querySchema, queryRights)
}

// NewDataSource returns the data source dbxaccess_token_permissions.
func NewDataSource() datasource.DataSource {
	return fwkit.NewDataSource("token_permissions", permissionsSchema, readPermissions)
}

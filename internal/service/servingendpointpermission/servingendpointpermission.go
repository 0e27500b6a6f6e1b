// Package servingendpointpermission is the resource dbxaccess_serving_endpoint_permission: one principal's grant on one
// model-serving endpoint. It never changes anybody else's grant.
package servingendpointpermission

import (
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewResource returns the resource dbxaccess_serving_endpoint_permission.
func NewResource() resource.Resource {
	return &permissionResource{fwkit.Resource{
		Name: "serving_endpoint_permission",
		Identity: fwkit.IdentityPrincipal(map[string]identityschema.Attribute{
			"endpoint_name": fwkit.IdentityAttribute("Name of the serving endpoint, case-sensitive."),
		}),
	}}
}

// NewListResource returns the list resource dbxaccess_serving_endpoint_permission, which `terraform query` uses.
func NewListResource() list.ListResource {
	return fwkit.NewListResource("serving_endpoint_permission", querySchema, queryGrants)
}

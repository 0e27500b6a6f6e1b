// Package servingendpointpermissionsexclusive is the resource dbxaccess_serving_endpoint_permissions_exclusive: the
// complete direct access list of one model-serving endpoint. The plan shows every grant that an apply will revoke.
package servingendpointpermissionsexclusive

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewResource returns the resource dbxaccess_serving_endpoint_permissions_exclusive.
func NewResource() resource.Resource {
	return &exclusiveResource{fwkit.Resource{
		Name: "serving_endpoint_permissions_exclusive",
		Identity: map[string]identityschema.Attribute{
			"endpoint_name": fwkit.IdentityAttribute("Name of the serving endpoint, case-sensitive."),
		},
	}}
}

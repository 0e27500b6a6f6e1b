// Package groupmember is the resource dbxaccess_group_member: a service principal's direct membership of one group of
// the workspace. It leaves the other members of the group as they are.
package groupmember

import (
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewResource returns the resource dbxaccess_group_member.
func NewResource() resource.Resource {
	return &memberResource{fwkit.Resource{
		Name: "group_member",
		Identity: map[string]identityschema.Attribute{
			"group_name":     fwkit.IdentityAttribute("Name of the group."),
			"application_id": fwkit.IdentityAttribute("Application (client) id of the service principal, a UUID."),
		},
	}}
}

// NewListResource returns the list resource dbxaccess_group_member, which `terraform query` uses.
func NewListResource() list.ListResource {
	return fwkit.NewListResource("group_member", querySchema, queryMembers)
}

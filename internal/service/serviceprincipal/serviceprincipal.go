// Package serviceprincipal is the resource dbxaccess_service_principal: a service principal in the workspace, either an
// application of Entra ID or one that Databricks itself creates. The data sources dbxaccess_service_principal and
// dbxaccess_service_principals find existing ones. The action dbxaccess_revoke_credentials revokes all credentials of
// one service principal.
package serviceprincipal

import (
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewResource returns the resource dbxaccess_service_principal.
func NewResource() resource.Resource {
	return &principalResource{fwkit.Resource{
		Name: "service_principal",
		Identity: map[string]identityschema.Attribute{
			"application_id": fwkit.IdentityAttribute("Application (client) id, a UUID."),
		},
	}}
}

// NewListResource returns the list resource dbxaccess_service_principal, which `terraform query` uses.
func NewListResource() list.ListResource {
	return fwkit.NewListResource("service_principal", querySchema, queryPrincipals)
}

// NewDataSource returns the data source dbxaccess_service_principal.
func NewDataSource() datasource.DataSource {
	return principalDataSource{fwkit.NewDataSource("service_principal", principalSchema, readPrincipal)}
}

// NewListDataSource returns the data source dbxaccess_service_principals.
func NewListDataSource() datasource.DataSource {
	return fwkit.NewDataSource("service_principals", principalsSchema, readPrincipals)
}

// NewAction returns the action dbxaccess_revoke_credentials.
func NewAction() action.Action {
	return &revokeAction{fwkit.Action{Name: "revoke_credentials"}}
}

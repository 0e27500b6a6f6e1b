// Package serviceprincipal is the resource dbxaccess_service_principal: a service principal in the workspace, either an
// application of Entra ID or one that Databricks itself creates. The data sources dbxaccess_service_principal and
// dbxaccess_service_principals find existing ones. The action dbxaccess_revoke_credentials ends the credentials of one.
package serviceprincipal

import (
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &servicePrincipalResource{} }}
}

// ListResources are what `terraform query` can find.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &servicePrincipalList{} }}
}

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{
		func() datasource.DataSource { return &servicePrincipalDataSource{} },
		func() datasource.DataSource { return &servicePrincipalsDataSource{} },
	}
}

// Actions are what this package adds to the provider.
func Actions() []func() action.Action {
	return []func() action.Action{func() action.Action { return &revokeAction{} }}
}

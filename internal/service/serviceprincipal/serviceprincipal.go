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
)

// Resources returns the resources that this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &servicePrincipalResource{} }}
}

// ListResources returns the list resources, which `terraform query` uses, that this package adds to the provider.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &servicePrincipalList{} }}
}

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{
		func() datasource.DataSource { return &servicePrincipalDataSource{} },
		func() datasource.DataSource { return &servicePrincipalsDataSource{} },
	}
}

// Actions returns the actions that this package adds to the provider.
func Actions() []func() action.Action {
	return []func() action.Action{func() action.Action { return &revokeAction{} }}
}

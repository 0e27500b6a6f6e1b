// Package serviceprincipal is the resource dbxaccess_service_principal: a service principal in the workspace, either an
// application of Entra ID or one that Databricks makes itself.
package serviceprincipal

import "github.com/hashicorp/terraform-plugin-framework/resource"

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &servicePrincipalResource{} }}
}

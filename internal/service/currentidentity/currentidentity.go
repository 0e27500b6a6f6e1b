// Package currentidentity is the data source dbxaccess_current_identity: who the provider is logged in as, by what, and
// until when.
package currentidentity

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &identityDataSource{} }}
}

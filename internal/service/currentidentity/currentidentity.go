// Package currentidentity is the data source dbxaccess_current_identity: who the provider is logged in as, and by which
// login. It holds nothing that changes from run to run.
package currentidentity

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &identityDataSource{} }}
}

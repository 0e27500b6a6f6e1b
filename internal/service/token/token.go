// Package token is the data source dbxaccess_tokens: every personal access token of the workspace, whose it is, how old
// it is and when it expires. No token's value is shown.
package token

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources are what this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &tokensDataSource{} }}
}

// Package token implements the data source dbxaccess_tokens. It lists every personal access token of the workspace,
// with its owner, age and expiry. It never shows the value of a token.
package token

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &tokensDataSource{} }}
}

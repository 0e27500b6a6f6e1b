// Package oauthsecret implements the data source dbxaccess_oauth_secrets: the OAuth secrets of service principals, for
// audits.
package oauthsecret

import "github.com/hashicorp/terraform-plugin-framework/datasource"

// DataSources returns the data sources that this package adds to the provider.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &secretsDataSource{} }}
}

// Package oauthsecret implements the data source dbxaccess_oauth_secrets: the OAuth secrets of service principals, for
// audits.
package oauthsecret

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewDataSource returns the data source dbxaccess_oauth_secrets.
func NewDataSource() datasource.DataSource {
	return fwkit.NewDataSource("oauth_secrets", secretsSchema, readSecrets)
}

// Package token implements the data source dbxaccess_tokens. It lists every personal access token of the workspace,
// with its owner, age and expiry. It never shows the value of a token.
package token

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewDataSource returns the data source dbxaccess_tokens.
func NewDataSource() datasource.DataSource {
	return fwkit.NewDataSource("tokens", tokensSchema, readTokens)
}

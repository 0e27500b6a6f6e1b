// Package currentidentity is the data source dbxaccess_current_identity: who the provider is logged in as, and by which
// login. It holds nothing that changes from run to run.
package currentidentity

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// NewDataSource returns the data source dbxaccess_current_identity.
func NewDataSource() datasource.DataSource {
	return fwkit.NewDataSource("current_identity", identitySchema, readIdentity)
}

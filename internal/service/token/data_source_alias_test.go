package token_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// The data source lists a token that another provider of the same configuration has just created. A list that was read
// before that is not used.
func TestTokenOfAnotherAlias(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, fmt.Sprintf(`
provider "dbxaccess" {}
provider "dbxaccess" {
  alias = "other"
}
resource "terraform_data" "gate" {}
data "dbxaccess_tokens" "before" {
  application_id = terraform_data.gate.id == "" ? "" : %[1]q # read in the apply
}
resource "dbxaccess_service_principal_token" "this" {
  provider = dbxaccess.other
  comment  = "new"
  owner = {
    application_id        = %[1]q
    use_provider_identity = length(data.dbxaccess_tokens.before.tokens) < 100
  }
}
data "dbxaccess_tokens" "after" {
  application_id = dbxaccess_service_principal_token.this.id == "" ? "" : %[1]q
}
output "comments" {
  value = data.dbxaccess_tokens.after.tokens[*].comment
}
`, w.Deployer.ClientID))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	if shown := cli.MustRun(t, 0, "output", "-json", "comments").Stdout; strings.TrimSpace(shown) != `["new"]` {
		t.Errorf("listed %s", shown)
	}
	cli.MustRun(t, 0, "destroy", "-auto-approve")
}

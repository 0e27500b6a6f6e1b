package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// In one apply, a service principal that Databricks creates gets access, a secret and an answer from two endpoints; the
// route-optimized one answers at its own address. A second plan is empty, and a destroy leaves nothing.
func TestOAuthStory(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Proxied()
	w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "entra")
	story := func(name, application string) string {
		hcl := fmt.Sprintf("resource \"dbxaccess_service_principal_oauth_secret\" %q {\n  application_id = %s\n}\n",
			name, application)
		for _, endpoint := range []string{"iris", "fast"} {
			hcl += fmt.Sprintf(`
resource "dbxaccess_serving_endpoint_permission" "%[1]s_%[2]s" {
  endpoint_name          = %[2]q
  service_principal_name = %[3]s
}
data "dbxaccess_serving_endpoint_query" "%[1]s_%[2]s" {
  endpoint_name = %[2]q
  request       = jsonencode({ dataframe_records = [{ sepal_length = 5.1, sepal_width = 3.5, petal_length = 1.4, petal_width = 0.2 }] })
  query_as      = "oauth_secret"
  client_id     = dbxaccess_service_principal_oauth_secret.%[1]s.client_id
  client_secret = dbxaccess_service_principal_oauth_secret.%[1]s.secret_value
  depends_on    = [dbxaccess_serving_endpoint_permission.%[1]s_%[2]s]
}
output "%[1]s_%[2]s" {
  value = data.dbxaccess_serving_endpoint_query.%[1]s_%[2]s.status
}
`, name, endpoint, application)
		}
		return hcl
	}
	c := w.CLI(t, "resource \"dbxaccess_service_principal\" \"managed\" {\n  display_name = \"managed\"\n}\n"+
		story("managed", "dbxaccess_service_principal.managed.application_id")+story("entra",
		fmt.Sprintf("%q", w.ScoringApp.ClientID)))
	c.MustRun(t, 0, "apply", "-auto-approve")
	for _, output := range []string{"managed_iris", "managed_fast", "entra_iris", "entra_fast"} {
		if got := strings.TrimSpace(c.MustRun(t, 0, "output", output).Stdout); got != "200" {
			t.Errorf("%s: %s", output, got)
		}
	}
	if n := w.Count("serving", "POST", "/invocations"); n != 2 {
		t.Errorf("%d calls at the address of the route-optimized endpoint", n)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if left := w.Workspace.Snapshot().OAuthSecrets; len(left) > 0 {
		t.Errorf("left after a destroy: %+v", left)
	}
}

// A route-optimized endpoint refuses a service principal at its own address before the grant, and again after the grant
// is removed.
func TestRouteOptimizedRefusal(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Proxied()
	w.Workspace.CreateRouteOptimizedEndpoint("fast", w.PersonName)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	_, secret := w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
	c := w.CLI(t, fmt.Sprintf(`
variable "secret" {
  sensitive = true
}
data "dbxaccess_serving_endpoint_query" "fast" {
  endpoint_name = "fast"
  request       = jsonencode({ dataframe_records = [{ sepal_length = 5.1, sepal_width = 3.5, petal_length = 1.4, petal_width = 0.2 }] })
  query_as      = "oauth_secret"
  client_id     = %q
  client_secret = var.secret
  expect_denied = true
}
`, w.ScoringApp.ClientID))
	c.Env["TF_VAR_secret"] = secret
	c.MustRun(t, 0, "plan")
	w.Workspace.SetGrant("fast", w.ScoringApp.ClientID, "CAN_QUERY")
	if r := c.MustRun(t, 1, "plan"); !strings.Contains(r.Stderr, "fast") || strings.Contains(r.Stderr, secret) {
		t.Errorf("a granted principal is not refused, and the error says:\n%s", r.Stderr)
	}
	w.Workspace.RemoveGrant("fast", w.ScoringApp.ClientID)
	c.MustRun(t, 0, "plan")
}

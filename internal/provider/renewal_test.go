package provider_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Access tokens that expire during an apply cost one more login, and no grant fails.
func TestAccessTokensExpireDuringApply(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	const grants = 50
	for i := range grants {
		w.Workspace.AddServicePrincipal(fmt.Sprintf("00000000-0000-4000-8000-%012d", i), fmt.Sprint("app ", i))
	}
	w.Tenant.RevokeAccessTokens(2) // all grants together take three requests or more
	before := w.Count("entra", "POST", "/")
	var all sync.WaitGroup
	for i := range grants {
		all.Go(func() {
			if _, errors := p.Apply(t, "dbxaccess_serving_endpoint_permission", acctest.Object{}, map[string]any{
				"endpoint_name": "iris", "service_principal_name": fmt.Sprintf("00000000-0000-4000-8000-%012d", i),
			}); errors != "" {
				t.Error(errors)
			}
		})
	}
	all.Wait()
	if n := w.Count("entra", "POST", "/") - before; n != 2 {
		t.Errorf("%d logins", n)
	}
}

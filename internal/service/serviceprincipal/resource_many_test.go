package serviceprincipal_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// If there are more than a few principals, one list serves the refresh and the check before each creation. Each
// creation is one request.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	for kind, attribute := range map[string]string{"Entra": "application_id", "Databricks": "display_name"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			var values []string
			for range 12 {
				values = append(values, uuid.NewString())
			}
			c := w.CLI(t, fmt.Sprintf("resource \"dbxaccess_service_principal\" \"many\" {\n  for_each = "+
				"toset([\"%s\"])\n  %s = each.key\n}\n", strings.Join(values, `", "`), attribute))
			asked := func() map[string]int {
				count := map[string]int{}
				for _, e := range w.Tenant.Journal.Entries() {
					if e.Service == "workspace" {
						count[e.Method+" "+strings.TrimPrefix(e.Route, "/api/2.0/preview/scim/v2")]++
					}
				}
				w.Tenant.Journal.Reset()
				return count
			}
			w.Tenant.Journal.Reset()
			c.MustRun(t, 0, "apply", "-auto-approve")
			if got, want := asked(), (map[string]int{"GET /ServicePrincipals": 3,
				"POST /ServicePrincipals": 12}); !maps.Equal(got, want) {
				t.Errorf("creating asked %v, not %v", got, want)
			}
			c.MustRun(t, 0, "plan", "-detailed-exitcode")
			if got, want := asked(), (map[string]int{"GET /ServicePrincipals/{id}": 2,
				"GET /ServicePrincipals": 1}); !maps.Equal(got, want) {
				t.Errorf("a plan with nothing to do asked %v, not %v", got, want)
			}
			// A principal that is missing in the list is looked up by itself before the provider reports it as removed.
			// Within a minute after its creation the provider would wait for it.
			w.Tenant.Clock.Advance(2 * time.Minute)
			gone := members(w)[5].ApplicationID
			w.Workspace.RemovePrincipal(gone)
			if r := c.MustRun(t, 2, "plan", "-detailed-exitcode"); strings.Count(r.Stdout, "will be created") != 1 {
				t.Errorf("planned %s", r.Stdout)
			}
			c.MustRun(t, 0, "destroy", "-auto-approve")
			if left := members(w); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

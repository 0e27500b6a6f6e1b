package servingendpointaccess_test

import (
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// Whichever request gets an invalid answer: the data source fails, or says what it does not know. It never shows a part
// of the principals as if they were all.
func TestInvalidAnswers(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/api/2.0/serving-endpoints/iris", "/api/2.0/permissions/serving-endpoints/*",
		"/api/2.0/preview/scim/v2/Groups", "/api/2.0/preview/scim/v2/ServicePrincipals",
		"/api/2.0/preview/scim/v2/Users",
	} {
		for name, body := range map[string]string{"object": "{}", "null": "null",
			"page": "<!doctype html><html></html>"} {
			t.Run(strings.ReplaceAll(strings.Trim(path, "/*"), "/", "_")+" "+name, func(t *testing.T) {
				t.Parallel()
				w := acctest.New(t)
				botany(w)
				contentType := "application/json"
				if name == "page" {
					contentType = "text/html"
				}
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: path, Times: -1,
					Status: 200, Body: body, ContentType: contentType})
				cli := w.Commands(t, of("iris")+"output \"complete\" {\n  value = length("+address+
					".unexpanded_groups) == 0\n}\n")
				if r := cli.Run(t, "apply", "-auto-approve"); r.Code == 0 &&
					strings.TrimSpace(cli.MustRun(t, 0, "output", "complete").Stdout) == "true" {
					t.Errorf("it says that this is all:\n%s", r.Stdout)
				}
			})
		}
	}
}

package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Each module passes its own tests with the shipped mocks, without a request.
func TestModulesTestThemselves(t *testing.T) {
	t.Parallel()
	needsMocks(t)
	for _, module := range []string{"endpoint-access", "access-watch"} {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			c := w.CLI(t, "")
			for name := range w.Env { // leaves no credentials
				delete(w.Env, name)
			}
			// The folders are laid out as in the repository, so that the path of the mocks is right.
			root := t.TempDir()
			c.Dir = filepath.Join(root, "examples", "modules", module)
			for to, from := range map[string]string{c.Dir: "../../examples/modules/" + module,
				filepath.Join(root, "mocks"): mocks} {
				if err := os.CopyFS(to, os.DirFS(from)); err != nil {
					t.Fatal(err)
				}
			}
			c.MustRun(t, 0, "test").MustSay(t, "0 failed")
			if n := w.Count("", "", ""); n != 0 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}

// The watching module allows exactly what the other module grants.
func TestEndpointAccessModule(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.AddGroup("analysts")
	w.Workspace.RemoveGrant("iris", w.PersonName)
	path, err := filepath.Abs("../../examples/modules")
	if err != nil {
		t.Fatal(err)
	}
	c := w.CLI(t, fmt.Sprintf(`
module "access" {
  source    = "%[1]s/endpoint-access"
  endpoints = { iris = { "service_principal_name=%[2]s" = "CAN_QUERY", "group_name=analysts" = "CAN_VIEW" } }
}
module "watch" {
  source     = "%[1]s/access-watch"
  endpoints  = module.access.grants
}
`, path, w.ScoringApp.ClientID))
	c.MustRun(t, 0, "get")
	c.MustRun(t, 0, "apply", "-auto-approve")
	if grants := w.Workspace.Grants("iris"); len(grants) != 2 || grants[w.ScoringApp.ClientID] != "CAN_QUERY" ||
		grants["analysts"] != "CAN_VIEW" {
		t.Errorf("%v", grants)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	w.Workspace.SetGrant("iris", w.PersonName, "CAN_QUERY")
	c.MustRun(t, 1, "plan").MustSay(t, w.PersonName)
}

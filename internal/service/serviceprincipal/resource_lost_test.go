package serviceprincipal_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// kinds maps the two kinds of service principal to configurations.
var kinds = map[string]func(*acctest.World) string{
	"Entra":      func(w *acctest.World) string { return entra(w, `display_name = "a"`) },
	"Databricks": func(*acctest.World) string { return hcl(`display_name = "a"`) },
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for kind, config := range kinds {
		for name, test := range map[string]struct {
			fault emulator.Fault
			posts int
		}{
			"done and dropped": {emulator.Fault{Drop: "after"}, 1},
			"done and 503":     {emulator.Fault{Status: 503, WorkDone: true, Message: "try later"}, 1},
			"dropped before":   {emulator.Fault{Drop: "before"}, 2},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				w := acctest.New(t)
				before := w.Workspace.Snapshot()
				// Another principal with that name existed before, and is not ours.
				w.Workspace.AddServicePrincipal("", "a")
				test.fault.Service, test.fault.Method, test.fault.Path = "workspace", "POST", all
				w.Tenant.Faults.Add(test.fault)
				w.Test(t,
					resource.TestStep{Config: config(w), Check: func(s *terraform.State) error {
						found := members(w)
						if len(found) != 2 {
							t.Errorf("want one more principal, the workspace holds %+v", found)
						}
						id := s.RootModule().Resources[address].Primary.Attributes["application_id"]
						for _, sp := range found {
							if sp.ApplicationID != id {
								w.Workspace.RemovePrincipal(sp.ApplicationID)
							}
						}
						if posts := w.Count("workspace", "POST", route); posts != test.posts {
							t.Errorf("%d POST, want %d", posts, test.posts)
						}
						return nil
					}},
					resource.TestStep{Config: config(w), ConfigPlanChecks: acctest.NoChange()},
				)
				checkUnchanged(t, w, before)
			})
		}
	}
}

// SCIM may show only later what a request with a lost answer created, so an absent principal is no reason to create a
// second one.
func TestLostAnswerAndStaleReads(t *testing.T) {
	t.Parallel()
	for kind, config := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			before := w.Workspace.Snapshot()
			w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMStaleFor: 30 * time.Second})
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: all, Drop: "after"})
			// The first reads find nothing. With an application id, the second attempt shows that the principal exists.
			go acctest.When(func() bool {
				return w.Count("workspace", "GET", route) >= 4
			}, func() { w.Tenant.Clock.Advance(time.Minute) })
			w.Test(t,
				resource.TestStep{Config: config(w), Check: func(*terraform.State) error {
					member(t, w)
					return nil
				}},
				resource.TestStep{Config: config(w), ConfigPlanChecks: acctest.NoChange()},
			)
			checkUnchanged(t, w, before)
		})
	}
}

// If the service loses every answer, the provider neither retries for ever nor retries without a pause.
func TestEveryAnswerLost(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "4"
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: all, Status: 503, Times: -1,
		Message: "down for maintenance"})
	w.Test(t, resource.TestStep{
		Config:      entra(w, `display_name = "a"`),
		ExpectError: regexp.MustCompile(`(?s)Cannot create service principal.*503.*down for\s+maintenance`),
	})
	if posts := w.Count("workspace", "POST", route); posts < 2 || posts > 3 {
		t.Errorf("%d POST within the retry timeout of 4 s, want 2 or 3", posts)
	}
	if left := members(w); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// The read after a lost answer can fail as well. Then it is not known what was created, and the next apply says what to
// do.
func TestLostAnswerAndLookFails(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: all, Drop: "after"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: all, After: 1, Status: 500,
		Message: "broken"})
	w.Test(t,
		resource.TestStep{Config: entra(w),
			ExpectError: regexp.MustCompile(
				`(?s)Cannot create service principal.*got\s+no\s+answer.*may\s+have\s+been\s+created.*broken.*import\s+it`)},
		resource.TestStep{Config: entra(w),
			ExpectError: regexp.MustCompile(`(?s)already\s+in\s+this\s+workspace.*terraform\s+import.*adopt_existing`)},
		resource.TestStep{Config: entra(w, `adopt_existing = true`, `on_destroy = "delete"`)},
	)
	if left := members(w); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// The state holds the created principal even if the timeout passed before its creation was known.
func TestLostAnswerAndOutOfTime(t *testing.T) {
	t.Parallel()
	for kind, config := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			hcl := strings.Replace(config(w), "\n}", "\ntimeouts = { create = \"4s\" }\n}", 1)
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: all, Drop: "after"})
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: all, After: 1,
				Delay: 6 * time.Second})
			w.Test(t,
				resource.TestStep{Config: hcl, Check: holds(w, "a", true)},
				resource.TestStep{Config: hcl, ConfigPlanChecks: acctest.NoChange()},
			)
			if left := members(w); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

// Several principals with one name are created at once, and one answer is lost: each resource ends with its own
// principal.
func TestLostAnswerAmongPrincipalsOfOneName(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: all, Drop: "after"})
	w.TestCLI(t, resource.TestStep{
		Config: `resource "dbxaccess_service_principal" "app" {
			count        = 3
			display_name = "twin"
		}`,
		Check: func(s *terraform.State) error {
			ids := map[string]bool{}
			for _, r := range s.RootModule().Resources {
				ids[r.Primary.ID] = true
			}
			if found := members(w); len(found) != 3 || len(ids) != 3 {
				t.Errorf("the state knows %d, the workspace holds %+v", len(ids), found)
			}
			return nil
		},
	})
}

// A change is sent again after a lost answer. The effect of the first request must not make the second one fail.
func TestLostAnswerOfChange(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	first := entra(w, `display_name = "a"`, `entitlements = ["workspace-access"]`)
	second := entra(w, `display_name = "b"`, `entitlements = []`)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: one, Drop: "after"})
	w.Test(t,
		resource.TestStep{Config: first},
		resource.TestStep{Config: second, Check: holds(w, "b", true)},
		resource.TestStep{Config: second, ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestLostAnswerOfDelete(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "DELETE", Path: one, Drop: "after"})
	w.Test(t, resource.TestStep{Config: entra(w)})
	if left := members(w); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

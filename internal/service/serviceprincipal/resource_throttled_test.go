package serviceprincipal_test

import (
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// After the first refusal for too many requests, in either form, the provider slows down many creations at once, and
// none fails.
func TestTwoHundredAtOnce(t *testing.T) {
	t.Parallel()
	for name, as500 := range map[string]bool{"429": false, "REQUEST_LIMIT_EXCEEDED": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMWrites: 20, SCIMWritesWithin: time.Second, SCIMLimitAs500: as500})
			cli := w.CLI(t, `resource "dbxaccess_service_principal" "app" {
				count        = 200
				display_name = "app-${count.index}"
			}`)
			cli.Env["TF_LOG"] = "info"
			// A single call is repeated for no longer than this, and all calls together take much longer.
			cli.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "3"
			cli.MustRun(t, 0, "apply", "-auto-approve", "-parallelism=200").MustSay(t, "200 added", "waiting: the service asks for fewer calls")
			if made := members(w); len(made) != 200 {
				t.Errorf("%d service principals", len(made))
			}
			made, refused := 0, 0
			for _, e := range w.Tenant.Journal.Entries() {
				if e.Method == "POST" && e.Path == all {
					if e.Status == 201 {
						made++
					} else {
						refused++
					}
				}
			}
			if made != 200 || refused == 0 || refused > 400 {
				t.Errorf("%d were made and %d refused", made, refused)
			}
			t.Logf("%d refusals", refused)
		})
	}
}

package serviceprincipal_test

import (
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// After the first refusal for too many requests, in either form, the provider slows down many creations at once, and
// none fails.
func TestHundredAtOnce(t *testing.T) {
	t.Parallel()
	for name, as500 := range map[string]bool{"429": false, "REQUEST_LIMIT_EXCEEDED": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			// Longer than the test, so that only nextWindow opens the next window. A hundred windows last less than a
			// token, which would otherwise expire between two calls.
			const window = 30 * time.Second
			w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMWrites: 10, SCIMWritesWithin: window,
				SCIMLimitAs500: as500})
			nextWindow(t, w, window)
			cli := w.CLI(t, `resource "dbxaccess_service_principal" "app" {
				count        = 100
				display_name = "app-${count.index}"
			}`)
			cli.Env["TF_LOG"] = "info"
			cli.MustRun(t, 0, "apply", "-auto-approve", "-parallelism=100").MustSay(t, "100 added",
				"waiting: the service asks for fewer calls")
			if made := members(w); len(made) != 100 {
				t.Errorf("%d service principals", len(made))
			}
			if made, refused := creations(w); made != 100 || refused == 0 {
				t.Errorf("%d were made and %d refused", made, refused)
			}
		})
	}
}

// nextWindow lets the workspace accept writes again whenever it has refused one, until the test ends. So the number of
// refusals does not depend on the speed of the machine.
func nextWindow(t *testing.T, w *acctest.World, window time.Duration) {
	go func() {
		for seen := 0; t.Context().Err() == nil; time.Sleep(10 * time.Millisecond) {
			if _, refused := creations(w); refused > seen {
				seen = refused
				w.Tenant.Clock.Advance(window)
			}
		}
	}()
}

// creations counts the requests to create a service principal that the workspace accepted, and those that it refused.
func creations(w *acctest.World) (made, refused int) {
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Method == "POST" && e.Path == all {
			if e.Status == 201 {
				made++
			} else {
				refused++
			}
		}
	}
	return made, refused
}

//go:build unix

package serviceprincipaltoken_test

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	// aliased calls the workspace as whom the ephemeral token belongs to.
	aliased = `
provider "dbxaccess" {
  alias = "app"
  token = ephemeral.dbxaccess_service_principal_token.this.token_value
}
data "dbxaccess_current_identity" "app" {
  provider = dbxaccess.app
}
`
	// forbidden is what the application may not do.
	forbidden = `
resource "dbxaccess_serving_endpoint_permission" "forbidden" {
  provider      = dbxaccess.app
  endpoint_name = "iris"
  user_name     = "ada@example.com"
}
`
)

// none demands that the owner has no live token, after at least so many were made: where nothing changes, OpenTofu opens
// in the plan alone.
func none(t *testing.T, w *acctest.World, made int) {
	t.Helper()
	if n := w.Count("workspace", "POST", create); n < made {
		t.Errorf("%d tokens were made", n)
	}
	if left := live(w, w.ScoringApp.ClientID); len(left) > 0 {
		t.Errorf("left on the server: %+v", left)
	}
}

func TestEphemeralIsDeadAfterAGoodRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CLI(t, openedBySecret(w)+aliased).MustRun(t, 0, "apply", "-auto-approve")
	none(t, w, 1)
}

// Terraform does not close what something failed that used it.
func TestEphemeralIsDeadAfterAFailedApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.CLI(t, openedBySecret(w)+aliased+forbidden).MustRun(t, 1, "apply", "-auto-approve")
	if !strings.Contains(r.Stderr, "Cannot grant access to serving endpoint") {
		t.Errorf("%s", r.Stderr)
	}
	none(t, w, 2)
}

func TestEphemeralIsDeadAfterAFailedPrecondition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.CLI(t, openedBySecret(w)+aliased+`
data "dbxaccess_serving_endpoint" "iris" {
  provider = dbxaccess.app
  name     = "iris"
  lifecycle {
    precondition {
      condition     = data.dbxaccess_current_identity.app.application_id == "somebody else"
      error_message = "It is not who it should be."
    }
  }
}
`).MustRun(t, 1, "plan")
	if !strings.Contains(r.Stderr, "It is not who it should be") {
		t.Errorf("%s", r.Stderr)
	}
	none(t, w, 1)
}

// Somebody presses Ctrl-C, or the machine goes down: Terraform and the provider get the signal both.
func TestEphemeralIsDeadAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"interrupt": syscall.SIGINT, "termination": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			// The grant hangs in the apply, when the token of the apply is open.
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: "/api/2.0/serving-endpoints/iris", Times: -1, Delay: time.Hour})
			cmd := w.CLI(t, openedBySecret(w)+aliased+forbidden).Command(t, "apply", "-auto-approve")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(func() bool { return len(w.Tenant.Faults.Unmet()) == 0 })
			if n := len(live(w, w.ScoringApp.ClientID)); n != 1 {
				t.Errorf("%d tokens are open when the signal comes", n)
			}
			if err := syscall.Kill(-cmd.Process.Pid, signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil { // without the signal it would wait for an hour
				t.Errorf("the apply went well: %s", &out)
			}
			eventually(func() bool { return len(live(w, w.ScoringApp.ClientID)) == 0 }) // Terraform does not wait for who dies of a signal
			none(t, w, 2)
		})
	}
}

// Terraform is killed and closes nothing: the provider sees that its parent has ended, revokes the token and ends too.
func TestEphemeralIsDeadAfterTerraformIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: "/api/2.0/serving-endpoints/iris", Times: -1, Delay: time.Hour})
	cmd := w.CLI(t, openedBySecret(w)+aliased+forbidden).Command(t, "apply", "-auto-approve")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(func() bool { return len(w.Tenant.Faults.Unmet()) == 0 })
	if n := len(live(w, w.ScoringApp.ClientID)); n != 1 {
		t.Errorf("%d tokens are open when Terraform is killed", n)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	group := func() error { return syscall.Kill(-cmd.Process.Pid, 0) }
	eventually(func() bool { return errors.Is(group(), syscall.ESRCH) })
	if err := group(); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the provider has not ended: %v", err)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	none(t, w, 2)
}

// eventually looks for up to a minute.
func eventually(happened func() bool) {
	for deadline := time.Now().Add(time.Minute); !happened() && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}

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
	// aliased is a provider block with the ephemeral token, and a data source that calls the workspace with that token.
	aliased = `
provider "dbxaccess" {
  alias = "app"
  token = ephemeral.dbxaccess_service_principal_token.this.token_value
}
data "dbxaccess_current_identity" "app" {
  provider = dbxaccess.app
}
`
	// forbidden is a grant that the application has no right to create, so that the apply fails.
	forbidden = `
resource "dbxaccess_serving_endpoint_permission" "forbidden" {
  provider      = dbxaccess.app
  endpoint_name = "iris"
  user_name     = "ada@example.com"
}
`
)

// checkNoLiveToken checks that the owner has no live token after at least made tokens were created. The number may be
// larger: Terraform opens a token in plan and apply, and OpenTofu only in the plan if nothing changes.
func checkNoLiveToken(t *testing.T, w *acctest.World, made int) {
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
	checkNoLiveToken(t, w, 1)
}

// Terraform does not close an ephemeral resource if something that used it has failed.
func TestEphemeralIsDeadAfterAFailedApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.CLI(t, openedBySecret(w)+aliased+forbidden).MustRun(t, 1, "apply", "-auto-approve")
	if !strings.Contains(r.Stderr, "Cannot grant access to serving endpoint") {
		t.Errorf("%s", r.Stderr)
	}
	checkNoLiveToken(t, w, 2)
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
	checkNoLiveToken(t, w, 1)
}

// If somebody presses Ctrl-C, or the machine shuts down, both Terraform and the provider get the signal.
func TestEphemeralIsDeadAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"interrupt": syscall.SIGINT, "termination": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			// The request for the grant hangs during the apply, while the token that the apply has opened is live.
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET",
				Path: "/api/2.0/serving-endpoints/iris", Times: -1, Delay: time.Hour})
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
			if err := cmd.Wait(); err == nil { // without the signal the apply would wait for an hour
				t.Errorf("the apply went well: %s", &out)
			}
			// Terraform does not wait for a provider that a signal ends.
			eventually(func() bool { return len(live(w, w.ScoringApp.ClientID)) == 0 })
			checkNoLiveToken(t, w, 2)
		})
	}
}

// If Terraform is killed, it closes nothing. The provider sees that its parent process has ended, revokes the token and
// ends.
func TestEphemeralIsDeadAfterTerraformIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: "/api/2.0/serving-endpoints/iris",
		Times: -1, Delay: time.Hour})
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
	_ = cmd.Wait() // the error is that Terraform was killed
	group := func() error { return syscall.Kill(-cmd.Process.Pid, 0) }
	eventually(func() bool { return errors.Is(group(), syscall.ESRCH) })
	if err := group(); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the provider has not ended: %v", err)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	checkNoLiveToken(t, w, 2)
}

// eventually waits until happened returns true, but no longer than a minute.
func eventually(happened func() bool) {
	for deadline := time.Now().Add(time.Minute); !happened() && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}

package serviceprincipaltoken_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// killed starts an apply, and kills Terraform and the provider without a chance to clean up as soon as when returns
// true.
func killed(t *testing.T, c *acctest.CLI, when func() bool) {
	t.Helper()
	cmd := c.Command(t, "apply", "-auto-approve")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for !when() {
		select {
		case err := <-ended:
			t.Fatalf("the apply ended by itself: %v", err)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
}

// A run that is killed after it created the token and before it stored the value leaves one live token whose value
// nobody knows. Its comment has the marker. The next run does not revoke it. A run two days later revokes it and adds a
// warning.
func TestKilledBetweenCreationAndVault(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", emulator.Fault{After: 1, Delay: time.Minute}))
	c := w.CLI(t, bySecret(w, `comment = "c"`, secret(), "overlap_seconds = 0"))
	killed(t, c, func() bool { // after the request has reached the vault, which then does not store the value later
		return len(live(w, w.ScoringApp.ClientID)) == 1 && len(w.Tenant.Faults.Unmet()) == 0
	})
	stray := live(w, w.ScoringApp.ClientID)[0]
	if !strings.HasPrefix(stray.Comment, "c [dbxaccess:") || len(v.Versions("scoring")) != 0 {
		t.Fatalf("%+v", stray)
	}
	w.Tenant.Faults.Clear() // a request of the killed run may or may not have triggered the fault

	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 2 {
		t.Errorf("%+v", tokens)
	}
	w.Tenant.Clock.Advance(6 * time.Minute)
	w.Workspace.AgeToken(stray.ID, 3*day)
	rewrite(t, c, "overlap_seconds = 0", "overlap_seconds = 0\n  rotation_triggers = { a = 1 }")
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "Warning: Token of an interrupted run was revoked: token "+
		stray.ID[:12]+" of service principal "+w.ScoringApp.ClientID+" (c)", stray.ID)
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID == stray.ID ||
		tokens[0].Comment != "c" {
		t.Errorf("%+v", tokens)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// If a run is killed during a rotation, the next run does that rotation again. It does not revoke the token that the
// killed run created.
func TestKilledRotation(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	c := w.CLI(t, bySecret(w, `comment = "c"`, secret(), "overlap_seconds = 0", nineHours))
	c.MustRun(t, 0, "apply", "-auto-approve")
	id := live(w, w.ScoringApp.ClientID)[0].ID
	w.Tenant.Clock.Advance(7 * time.Hour)
	w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", emulator.Fault{After: 1, Delay: time.Minute}))
	killed(t, c, func() bool { // after the request has reached the vault, which then does not store the value later
		return len(live(w, w.ScoringApp.ClientID)) == 2 && len(w.Tenant.Faults.Unmet()) == 0
	})
	w.Tenant.Faults.Clear()
	stray := live(w, w.ScoringApp.ClientID)[1].ID
	w.Tenant.Clock.Advance(6 * time.Minute)
	c.MustRun(t, 0, "apply", "-auto-approve")
	tokens := live(w, w.ScoringApp.ClientID)
	if len(tokens) != 2 || tokens[0].ID != stray || tokens[1].ID == id || enabled(v, "scoring") != "1" {
		t.Errorf("%+v, %s", tokens, enabled(v, "scoring"))
	}
	w.Workspace.RevokeToken(stray)
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// A marker does not help if a run is killed after it removed the marker and before Terraform has saved its state. Each
// such kill leaves exactly one token. That token has the comment of the resource and lives until it expires.
func TestKilledBeforeTheStateIsSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(fault("PATCH", update, emulator.Fault{Drop: "after", Times: -1}))
	c := w.CLI(t, bySecret(w, `comment = "c"`))
	killed(t, c, func() bool {
		return slices.ContainsFunc(live(w, w.ScoringApp.ClientID), func(token emulator.TokenState) bool {
			return token.Comment == "c"
		})
	})
	w.Tenant.Faults.Clear()
	lost := live(w, w.ScoringApp.ClientID)
	w.Tenant.Clock.Advance(6 * time.Minute)
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	tokens := live(w, w.ScoringApp.ClientID)
	if len(lost) != 1 || len(tokens) != 2 || tokens[0].ID != lost[0].ID || tokens[0].Comment != "c" {
		t.Errorf("%+v, then %+v", lost, tokens)
	}
	w.Workspace.RevokeToken(lost[0].ID)
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// If the answer to a revocation is lost, the token was revoked all the same.
func TestLostAnswerAtRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rotated := rotation(w, bySecret(w, "overlap_seconds = 0", "rotation_triggers = { a = 1 }"), "trigger", 1)
	rotated.PreConfig = func() { w.Tenant.Faults.Add(fault("DELETE", managed1, emulator.Fault{Drop: "after"})) }
	w.Test(t, resource.TestStep{Config: bySecret(w, "overlap_seconds = 0")}, rotated)
}

package serviceprincipaltoken_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// killed runs an apply and kills Terraform and the provider, with no chance to clean up, once the condition holds.
func killed(t *testing.T, c *acctest.CLI, when func() bool) {
	t.Helper()
	cmd := c.Command("apply", "-auto-approve")
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

// A run that is killed between making the token and storing its value leaves one live token that nobody knows, with the marker
// in its comment. The next run leaves it alone while its maker may still be at work, and a run after that revokes it.
func TestKilledBetweenMintAndVault(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", emulator.Fault{After: 1, Delay: time.Minute}))
	c := w.CLI(t, bySecret(w, `comment = "c"`, secret(), "overlap_seconds = 0"))
	killed(t, c, func() bool { return len(live(w, w.ScoringApp.ClientID)) == 1 })
	stray := live(w, w.ScoringApp.ClientID)[0]
	if !strings.HasPrefix(stray.Comment, "c [dbxaccess:") || len(v.Versions("scoring")) != 0 {
		t.Fatalf("%+v", stray)
	}
	w.Tenant.Faults.Clear() // a request of the killed run may or may not have met it

	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 2 {
		t.Errorf("%+v", tokens)
	}
	w.Tenant.Clock.Advance(6 * time.Minute)
	rewrite(t, c, "overlap_seconds = 0", "overlap_seconds = 0\n  rotation_triggers = { a = 1 }")
	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID == stray.ID || tokens[0].Comment != "c" {
		t.Errorf("%+v", tokens)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// The same at a rotation: the next run after the deadline does what the killed one was about to do.
func TestKilledRotation(t *testing.T) {
	t.Parallel()
	w, v, secret := newVaultWorld(t)
	c := w.CLI(t, bySecret(w, `comment = "c"`, secret(), "overlap_seconds = 0"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	id := live(w, w.ScoringApp.ClientID)[0].ID
	w.Tenant.Clock.Advance(61 * day)
	w.Tenant.Faults.Add(vaultFault("PUT", "/secrets/scoring", emulator.Fault{After: 1, Delay: time.Minute}))
	killed(t, c, func() bool { return len(live(w, w.ScoringApp.ClientID)) == 2 })
	w.Tenant.Faults.Clear()
	w.Tenant.Clock.Advance(6 * time.Minute)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID == id || enabled(v, "scoring") != "1" {
		t.Errorf("%+v, %s", tokens, enabled(v, "scoring"))
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// What no marker can help against: a run that is killed after the marker was removed and before Terraform has saved its state.
// That leaves one token for each such kill, no more; it has the comment of the resource and lives until it expires.
func TestKilledBeforeTheStateIsSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(fault("PATCH", update, emulator.Fault{Drop: "after", Times: -1}))
	c := w.CLI(t, bySecret(w, `comment = "c"`))
	killed(t, c, func() bool {
		return slices.ContainsFunc(live(w, w.ScoringApp.ClientID), func(token emulator.TokenState) bool { return token.Comment == "c" })
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

// Only what carries a marker, is over its time, was never used and belongs to the owner is swept.
func TestSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	application := w.ScoringApp.ClientID
	now := w.Tenant.Clock.Now()
	mint := func(owner, comment string) string {
		id, _ := w.Workspace.MintToken(owner, comment, day)
		return id
	}
	over := client.Mark("x", now.Add(-time.Second))
	stray := mint(application, over)
	used := mint(application, over)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{LastUsedDelay: -1})
	w.Workspace.UseToken(used)
	kept := []string{used, mint(application, client.Mark("x", now.Add(time.Hour))), mint(application, "x"), mint(w.Deployer.ClientID, over), mint(w.PersonName, over)}
	check := func(*terraform.State) error {
		var ids []string
		for _, token := range w.Workspace.Snapshot().Tokens {
			ids = append(ids, token.ID)
		}
		if slices.Contains(ids, stray) {
			t.Error("the stray is left")
		}
		for i, id := range kept {
			if !slices.Contains(ids, id) {
				t.Errorf("token %d was swept", i)
			}
		}
		return nil
	}
	w.Test(t, resource.TestStep{Config: bySecret(w), Check: resource.ComposeTestCheckFunc(check, func(*terraform.State) error {
		asked(t, w, 1, "workspace", "POST", revoke) // nobody else's was even tried
		return nil
	})})
	// Who may not see all tokens asks for the owner's own.
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	stray = mint(application, over)
	kept = slices.Delete(kept, 0, 1) // the owner's own list does not tell that it was used
	w.Workspace.RevokeToken(used)
	c := w.CLI(t, bySecret(w))
	c.MustRun(t, 0, "apply", "-auto-approve")
	_ = check(nil)
	w.Workspace.AddToGroup("admins", w.Deployer.ClientID)
	c.MustRun(t, 0, "destroy", "-auto-approve")
	for _, id := range kept {
		w.Workspace.RevokeToken(id)
	}
}

// A revocation of which the answer is lost was done all the same.
func TestLostAnswerAtRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rotated := rotation(w, bySecret(w, "overlap_seconds = 0", "rotation_triggers = { a = 1 }"), "trigger", 1)
	rotated.PreConfig = func() { w.Tenant.Faults.Add(fault("DELETE", managed1, emulator.Fault{Drop: "after"})) }
	w.Test(t, resource.TestStep{Config: bySecret(w, "overlap_seconds = 0")}, rotated)
}

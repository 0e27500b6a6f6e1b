package serviceprincipal_test

import (
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const deletesTokens = "Warning: Deletes every token of service principal "

// Somebody deactivates a principal by hand, and the configuration sets active = false later: then its tokens are
// deleted, as with a deactivation by Terraform.
func TestDeactivatedByOthersThenConfiguredInactive(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string]bool{"seen by an apply": true, "never refreshed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			start := w.Commands
			if seen { // -refresh-only needs a CLI
				start = w.CLI
			}
			cli := start(t, entra(w, `display_name = "a"`))
			cli.MustRun(t, 0, "apply", "-auto-approve")
			mint(w, w.ScoringApp.ClientID, "one", "two")
			w.Workspace.SetActive(w.ScoringApp.ClientID, false)
			last := `display_name = "a"`
			if seen {
				cli.MustRun(t, 0, "plan", "-detailed-exitcode") // active is not managed, so the tokens stay
				cli.MustRun(t, 0, "apply", "-refresh-only", "-auto-approve")
				last = `display_name = "b"`
				cli.Rewrite(t, entra(w, last))
				cli.MustRun(t, 0, "apply", "-auto-approve")
				wantTokens(t, w, "one", "two")
			}
			cli.Rewrite(t, entra(w, last, `active = false`))
			cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, deletesTokens+w.ScoringApp.ClientID,
				"1 to change")
			cli.MustRun(t, 0, "apply", "-auto-approve")
			wantTokens(t, w)
			if r := cli.MustRun(t, 0, "plan", "-detailed-exitcode"); strings.Contains(r.Stdout, deletesTokens) {
				t.Error("it is done, and promised again")
			}
		})
	}
}

// Tokens stay if the configuration says so. Whether they are deleted may be known only during the apply.
func TestDeactivatedByOthersKeepsTokens(t *testing.T) {
	t.Parallel()
	later := `active = terraform_data.later.output.active
		delete_tokens_when_inactive = terraform_data.later.output.delete`
	for name, c := range map[string]struct {
		written, rest string
		left          []string
	}{
		"they stay":   {"active = false\ndelete_tokens_when_inactive = false", "", []string{"one"}},
		"written out": {"active = false\ndelete_tokens_when_inactive = true", "", nil},
		"known after apply: inactive, delete tokens": {later, "resource \"terraform_data\" \"later\" {\n  input = { active = false, delete = true }\n}\n", nil},
		"known after apply: inactive, keep tokens":   {later, "resource \"terraform_data\" \"later\" {\n  input = { active = false, delete = false }\n}\n", []string{"one"}},
		"known after apply: active":                  {later, "resource \"terraform_data\" \"later\" {\n  input = { active = true, delete = true }\n}\n", []string{"one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			start := w.Commands
			if c.rest != "" { // terraform_data needs a CLI
				start = w.CLI
			}
			cli := start(t, entra(w))
			cli.MustRun(t, 0, "apply", "-auto-approve")
			mint(w, w.ScoringApp.ClientID, "one")
			w.Workspace.SetActive(w.ScoringApp.ClientID, false)
			cli.Rewrite(t, entra(w, c.written)+c.rest)
			cli.MustRun(t, 0, "apply", "-auto-approve")
			wantTokens(t, w, c.left...)
			cli.MustRun(t, 0, "plan", "-detailed-exitcode")
		})
	}
}

// A principal that was inactive when it was adopted counts as deactivated by others, too.
func TestAdoptedInactiveThenConfiguredInactive(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	another(w)
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	mint(w, w.ScoringApp.ClientID, "by hand")
	adopt := []string{`adopt_existing = true`, `on_destroy = "retain"`}
	cli := w.Commands(t, entra(w, adopt...))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	wantTokens(t, w, "by hand")
	cli.Rewrite(t, entra(w, append(adopt, `active = false`)...))
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, deletesTokens, "1 changed")
	wantTokens(t, w)
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
}

// If an apply ends after the deactivation and before the tokens are deleted, the next apply deletes them.
func TestApplyInterruptedAfterDeactivation(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.Commands(t, entra(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	mint(w, w.ScoringApp.ClientID, "one")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: one, Status: 500, WorkDone: true,
		Message: "broken"})
	cli.Rewrite(t, entra(w, `active = false`))
	cli.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Cannot change service principal", "broken")
	wantTokens(t, w, "one")
	cli.MustRun(t, 0, "apply", "-auto-approve")
	wantTokens(t, w)
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
}

// A principal that was reactivated in the meantime is deactivated by the apply as usual.
func TestDeactivatedByOthersThenReactivated(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, entra(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	for _, active := range []bool{false, true} {
		w.Workspace.SetActive(w.ScoringApp.ClientID, active)
		cli.MustRun(t, 0, "apply", "-refresh-only", "-auto-approve")
	}
	mint(w, w.ScoringApp.ClientID, "one")
	cli.Rewrite(t, entra(w, `active = false`))
	if r := cli.MustRun(t, 0, "apply", "-auto-approve"); strings.Contains(r.Stdout, deletesTokens) {
		t.Error("what others had done was undone, and is remembered")
	}
	wantTokens(t, w)
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
}

package serviceprincipal_test

import (
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// A new application id replaces the principal in the state. If that principal is the provider's own identity, the plan
// fails before anything is applied. With on_destroy = "retain" the principal stays, so the plan succeeds.
func TestOwnIdentityReplaced(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	is := func(id, onDestroy string, lines string) string {
		return hcl(`application_id = "`+id+`"`, `adopt_existing = true`, `on_destroy = "`+onDestroy+`"`, lines)
	}
	cli := w.Commands(t, is(w.Deployer.ClientID, "delete", ""))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.Rewrite(t, is(w.ScoringApp.ClientID, "delete", ""))
	cli.MustRun(t, 1, "plan").MustSay(t, "The plan would lock the provider out", w.Deployer.ClientID, "logged in as")
	cli.Rewrite(t, is(w.Deployer.ClientID, "retain", ""))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.Rewrite(t, is(w.ScoringApp.ClientID, "delete", "active = false"))
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "1 added, 0 changed, 1 destroyed")
	for _, sp := range w.Workspace.Snapshot().ServicePrincipals {
		if sp.Active != (sp.ApplicationID == w.Deployer.ClientID) {
			t.Errorf("%+v", sp)
		}
	}
}

package groupmember_test

import "testing"

// A replacement would remove the provider's own admin rights as a removal does, and the plan refuses it.
func TestReplacementOfOwnAdminRightsIsRefused(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	self := w.Deployer.ClientID
	cli := w.Commands(t, hcl("admins", self))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	for _, config := range []string{hcl("scorers", self), hcl("admins", w.ScoringApp.ClientID)} {
		cli.Rewrite(t, config)
		cli.MustRun(t, 1, "plan").MustSay(t, "The plan would take the provider's own rights away", self, "logged in as")
	}
	wantMembers(t, w, "admins", self, w.PersonName)
	wantMembers(t, w, "scorers", w.PersonName)
}

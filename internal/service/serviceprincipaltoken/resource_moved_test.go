package serviceprincipaltoken_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const (
	theirs = "resource \"databricks_token\" \"this\" {\n  comment = \"theirs\"\n  lifetime_seconds = 7776000\n}\n"
	moved  = "moved {\n  from = databricks_token.this\n  to   = " + address + "\n}\n"
)

// withOfficialToken returns a Terraform directory in which the official provider has created a token of that owner.
func withOfficialToken(t *testing.T, w *acctest.World, hcl, owner string) *acctest.CLI {
	t.Helper()
	c := w.CLI(t, acctest.OfficialSource+hcl)
	acctest.ServeOfficial(t, c, w.OfficialToken(owner))
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Journal.Reset()
	return c
}

// checkNothingWritten checks that nothing was written in the workspace and that the owner did not log in.
func checkNothingWritten(t *testing.T, w *acctest.World) {
	t.Helper()
	for _, method := range []string{"POST", "PATCH", "PUT", "DELETE"} {
		asked(t, w, 0, "workspace", method, "")
	}
	if n := loginsBy(w, w.ScoringApp.ClientID); n != 0 {
		t.Errorf("the owner logged in %d times", n)
	}
}

// A token is moved from the official provider with its value. It is neither replaced nor rotated. The next plan is
// empty, or an update that sends no write.
func TestMovedFromOfficialProvider(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config  func(*testing.T, *acctest.World) string
		changed string
	}{
		"as it is": {func(_ *testing.T, w *acctest.World) string { return bySecret(w, `comment = "theirs"`) }, "0 changed"},
		"with a credential file and triggers": {func(t *testing.T, w *acctest.World) string {
			return byPath(t, w, `comment = "theirs"`, `rotation_triggers = { a = 1 }`)
		}, "1 changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := withOfficialToken(t, w, theirs, w.ScoringApp.ClientID)
			made, ours := live(w, w.ScoringApp.ClientID)[0], tc.config(t, w)
			c.Rewrite(t, ours+moved)
			c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "0 added, "+tc.changed+", 0 destroyed")
			asked(t, w, 1, "workspace", "", "")
			checkNothingWritten(t, w)
			c.Rewrite(t, ours) // the moved block is no longer needed
			c.MustRun(t, 0, "plan", "-detailed-exitcode")
			if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0] != made {
				t.Errorf("made %+v, live %+v", made, tokens)
			}
			value, _ := c.Attributes(t, address)["token_value"].(string)
			if sum := sha256.Sum256([]byte(value)); hex.EncodeToString(sum[:]) != made.ID || len(c.Managed(t)) != 1 {
				t.Errorf("the value in state is not that of token %s, or the old address stands: %q",
					made.ID, c.Managed(t))
			}
			c.MustRun(t, 0, "destroy", "-auto-approve")
		})
	}
}

// A provider that is no admin sees only its own tokens. It can adopt a token that the official provider created as the
// same identity.
func TestMovedTokenOfTheProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
	c := withOfficialToken(t, w, theirs, w.Deployer.ClientID)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	c.Rewrite(t, byProvider(w, `comment = "theirs"`)+moved)
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "0 added, 0 changed, 0 destroyed")
	checkNothingWritten(t, w)
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// A provider that is no admin cannot see the token of another identity. So that token stays in the state, and the
// refresh fails.
func TestMovedTokenOfAnotherIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
	id, _ := w.Workspace.MintToken(w.Deployer.ClientID, "its own", day)
	c := withOfficialToken(t, w, theirs, w.ScoringApp.ClientID)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	c.Rewrite(t, bySecret(w, `comment = "theirs"`)+moved)
	c.MustRun(t, 1, "plan").MustSay(t, "Cannot read token", "not among the tokens of the provider's identity")
	checkNothingWritten(t, w)
	w.Workspace.AddToGroup("admins", w.Deployer.ClientID)
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "0 added, 0 changed, 0 destroyed")
	c.MustRun(t, 0, "destroy", "-auto-approve")
	w.Workspace.RevokeToken(id)
}

// A moved token with another lifetime is rotated in place, as after an import. A moved token that no longer exists is
// created again.
func TestMovedAndChanged(t *testing.T) {
	t.Parallel()
	t.Run("for ever", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := withOfficialToken(t, w, strings.Replace(theirs, "lifetime_seconds = 7776000", "", 1),
			w.ScoringApp.ClientID)
		c.Rewrite(t, bySecret(w, `comment = "theirs"`)+moved)
		c.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, `+ rotation_reason = "lifetime"`,
			"0 to add, 1 to change, 0 to destroy")
		checkNothingWritten(t, w)
		c.MustRun(t, 0, "destroy", "-auto-approve")
	})
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := withOfficialToken(t, w, theirs, w.ScoringApp.ClientID)
		w.Workspace.RevokeToken(live(w, w.ScoringApp.ClientID)[0].ID)
		c.Rewrite(t, bySecret(w)+moved)
		c.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "Token moved from the official provider is gone",
			"1 to add, 0 to change, 0 to destroy")
	})
}

func TestMovedRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := withOfficialToken(t, w, theirs, w.PersonName)
	c.Rewrite(t, bySecret(w)+moved)
	c.MustRun(t, 1, "plan").MustSay(t, "Token belongs to a person", w.PersonName)
	w.Tenant.Journal.Reset()
	c.MustRun(t, 1, "plan", "-refresh=false").MustSay(t, "State moved from the official provider was not refreshed",
		"-refresh=false")
	asked(t, w, 0, "workspace", "", "")

	other := withOfficialToken(t, w, strings.Replace(theirs, "}\n", "  provider_config {\n    workspace_id = "+
		"\"42\"\n  }\n}\n", 1), w.PersonName)
	other.Rewrite(t, bySecret(w)+moved)
	other.MustRun(t, 1, "plan").MustSay(t, "Wrong workspace", "42", w.Workspace.ID())
}

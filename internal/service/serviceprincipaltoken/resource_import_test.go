package serviceprincipaltoken_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func importBlock(id string) string {
	return fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", address, id)
}

// A token that somebody created is imported without a change. The next plan is empty, or an update that sends no write
// and does not log in as the owner. It is never a replacement, because that would revoke a token in use.
func TestImport(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		days   int // lifetime of the token
		config func(*testing.T, *acctest.World) string
		action plancheck.ResourceActionType
	}{
		"as it is": {90, func(_ *testing.T, w *acctest.World) string { return bySecret(w, `comment = "theirs"`) }, plancheck.ResourceActionNoop},
		"with triggers": {90, func(_ *testing.T, w *acctest.World) string {
			return bySecret(w, `comment = "theirs"`, `rotation_triggers = { a = 1 }`)
		}, plancheck.ResourceActionUpdate},
		"with a credential file": {90, func(t *testing.T, w *acctest.World) string { return byPath(t, w, `comment = "theirs"`) }, plancheck.ResourceActionUpdate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "theirs", time.Duration(tc.days)*day)
			config := tc.config(t, w)
			w.Test(t,
				resource.TestStep{
					PreConfig: w.Tenant.Journal.Reset, Config: importBlock(id) + config,
					ConfigPlanChecks: acctest.Planned(address, tc.action),
					ConfigStateChecks: []statecheck.StateCheck{
						has("id", knownvalue.StringExact(id)), has("token_value",
							knownvalue.Null()), has("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
						has("lifetime_seconds", knownvalue.Int64Exact(7776000)),
						statecheck.ExpectKnownValue(address, tfjsonpath.New("owner").AtMapKey("application_id"),
							knownvalue.StringExact(w.ScoringApp.ClientID)),
					},
					Check: resource.ComposeTestCheckFunc(one(w, w.ScoringApp.ClientID, "theirs"),
						func(*terraform.State) error {
							for _, method := range []string{"POST", "PATCH", "PUT", "DELETE"} {
								asked(t, w, 0, "workspace", method, "")
							}
							if n := loginsBy(w, w.ScoringApp.ClientID); n != 0 {
								t.Errorf("the owner logged in %d times", n)
							}
							return nil
						}),
				},
				resource.TestStep{Config: config,
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
			)
		})
	}
}

// An imported token is rotated if the configuration sets another lifetime than the token has. Applications can use the
// imported token until the overlap ends.
func TestImportOfAnotherLifetime(t *testing.T) {
	t.Parallel()
	for name, days := range map[string]int{"shorter": 30, "for ever": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "theirs", time.Duration(days)*day)
			w.Test(t, resource.TestStep{
				Config: importBlock(id) + bySecret(w, `comment = "theirs"`), ConfigPlanChecks: acctest.Planned(address,
					plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{
					has("rotation_reason", knownvalue.StringExact("lifetime")), has("previous_token_id",
						knownvalue.StringExact(id)),
				},
				Check: func(*terraform.State) error {
					if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 2 {
						t.Errorf("%+v", tokens)
					}
					return nil
				},
			})
		})
	}
}

func TestImportRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	notebook := w.Workspace.Snapshot().Tokens[0].ID
	short, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "short", day)
	w.Tenant.Clock.Advance(2 * day)
	step := func(id, want string) resource.TestStep {
		return resource.TestStep{Config: importBlock(id) + bySecret(w), PlanOnly: true,
			ExpectError: acctest.Words(want)}
	}
	denied := step(notebook, `Cannot import token.*Add the provider's identity to the group "admins"`)
	denied.PreConfig = func() { w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID) }
	w.Test(t,
		step("0123", `No such token to import.*no live token with the id "0123"`),
		step(short, "No such token to import"), // the token has expired
		step(notebook, "Token belongs to a person.*"+w.PersonName),
		denied,
	)
}

package serviceprincipaltoken_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func fault(method, path string, f emulator.Fault) emulator.Fault {
	f.Service, f.Method, f.Path = "workspace", method, path
	return f
}

var denied = emulator.Fault{Status: 403, Code: "PERMISSION_DENIED", Message: "not you"}

// The service shows the value of a token only once. If that answer is lost, the provider finds the token by the marker
// in its comment and revokes it before the next try. So exactly one token is left.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault emulator.Fault
		stray int
	}{
		"dropped after the work":  {emulator.Fault{Drop: "after"}, 1},
		"dropped before the work": {emulator.Fault{Drop: "before"}, 0},
		"503, and the work done":  {emulator.Fault{Status: 503, WorkDone: true}, 1},
		"503":                     {emulator.Fault{Status: 503}, 0},
		"throttled":               {emulator.Fault{Status: 429, RetryAfter: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			// A token with the same comment that somebody else has created must not be revoked.
			neighbor, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "c", day)
			w.Tenant.Faults.Add(fault("POST", create, tc.fault))
			w.Test(t, resource.TestStep{
				Config: bySecret(w, `comment = "c"`),
				Check: resource.ComposeTestCheckFunc(func(*terraform.State) error {
					asked(t, w, 2, "workspace", "POST", create)
					asked(t, w, 2*tc.stray, "workspace", "POST", revoke)
					if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 2 {
						return fmt.Errorf("not two live tokens, ours and the neighbor: %+v", tokens)
					}
					w.Workspace.RevokeToken(neighbor)
					return nil
				}, one(w, w.ScoringApp.ClientID, "c"), fits),
			})
		})
	}
}

// If every try to create a token fails, the provider gives up with an error, and no token is left.
func TestCreateKeepsFailing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault emulator.Fault
		tries int
	}{
		"503 every time":                     {emulator.Fault{Status: 503, WorkDone: true, Times: -1}, 2},
		"500, which does not pass by itself": {emulator.Fault{Status: 500, Code: "INTERNAL_ERROR", Message: "oops", WorkDone: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "2"
			w.Tenant.Faults.Add(fault("POST", create, tc.fault))
			w.Test(t, resource.TestStep{Config: bySecret(w), ExpectError: acctest.Words("Cannot create token.*POST " +
				create)})
			asked(t, w, tc.tries, "workspace", "POST", create)
			asked(t, w, 2*tc.tries, "workspace", "POST", revoke)
		})
	}
}

// The service may still be working on a request whose answer was lost when the provider reads the owner's list. So the
// provider reads the list once more after the next try, whether or not that try succeeds.
func TestLostAnswerWorkedOnLate(t *testing.T) {
	t.Parallel()
	// Times is 2, because after {} the list is read once more.
	unseen := emulator.Fault{Status: 200, Body: "{}", ContentType: "application/json", Times: 2}
	lose := func(t *testing.T) *acctest.World {
		w := newWorld(t)
		w.Tenant.Faults.Add(fault("POST", create, emulator.Fault{Drop: "after"}))
		w.Tenant.Faults.Add(fault("GET", "/api/2.0/token/list", unseen))
		return w
	}
	t.Run("made by the next try", func(t *testing.T) {
		t.Parallel()
		w := lose(t)
		w.Test(t, resource.TestStep{Config: bySecret(w, `comment = "c"`),
			Check: resource.ComposeTestCheckFunc(one(w, w.ScoringApp.ClientID, "c"), fits)})
	})
	t.Run("refused at the next try", func(t *testing.T) {
		t.Parallel()
		w := lose(t) // newWorld checks that no token of the first try is left
		w.Tenant.Faults.Add(fault("POST", create, denied))
		w.Test(t, resource.TestStep{Config: bySecret(w, `comment = "c"`),
			ExpectError: acctest.Words("may not use personal access tokens")})
	})
	t.Run("made, and the list not readable", func(t *testing.T) {
		t.Parallel()
		w := lose(t)
		w.Tenant.Faults.Add(fault("GET", "/api/2.0/token/list", denied))
		w.Test(t, resource.TestStep{
			// The new token is kept and not tainted, so the plan after the apply is empty.
			Config: bySecret(w, `comment = "c"`),
			Check: func(state *terraform.State) error {
				for _, token := range live(w, w.ScoringApp.ClientID) {
					if strings.HasPrefix(token.Comment, "c [dbxaccess:") { // the token that the warning names
						w.Workspace.RevokeToken(token.ID)
						return one(w, w.ScoringApp.ClientID, "c")(state)
					}
				}
				return fmt.Errorf("no stray: %+v", live(w, w.ScoringApp.ClientID))
			},
		})
	})
}

// If the search for a token fails too, the error says that a token may exist, and how to find it.
func TestLostAnswerAndFailedSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(fault("POST", create, emulator.Fault{Drop: "after"}))
	w.Tenant.Faults.Add(fault("GET", "/api/2.0/token/list", denied))
	w.Test(t, resource.TestStep{
		Config: bySecret(w, `comment = "c"`),
		ExpectError: acctest.Words(
			`may have created a token.*could not look for it: .*not you.*"c \[dbxaccess:[0-9a-f-]+ until [0-9TZ:-]+\]"`),
	})
	tokens := live(w, w.ScoringApp.ClientID)
	if len(tokens) != 1 || !strings.HasPrefix(tokens[0].Comment, "c [dbxaccess:") {
		t.Fatalf("%+v", tokens)
	}
	w.Workspace.RevokeToken(tokens[0].ID)
}

// A refresh that fails is an error and leaves the state as it is. The token is neither tainted nor forgotten.
func TestCreatedThenReadFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	same := statecheck.CompareValue(compare.ValuesSame())
	config := bySecret(w)
	kept := func() resource.TestStep {
		return resource.TestStep{
			Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID())},
		}
	}
	w.Test(t,
		resource.TestStep{Config: config,
			ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID())}},
		resource.TestStep{
			PreConfig: func() {
				w.Tenant.Faults.Add(fault("GET", managed, emulator.Fault{Status: 500, Code: "INTERNAL_ERROR",
					Message: "oops"}))
			},
			Config: config, ExpectError: acctest.Words("Cannot read token.*500 INTERNAL_ERROR: oops"),
		},
		kept(),
		resource.TestStep{ // an HTML page is not an answer of the service and must not count as "not found"
			PreConfig: func() {
				w.Tenant.Faults.Add(fault("GET", managed, emulator.Fault{Status: 404, HTML: true}))
			},
			Config: config, ExpectError: acctest.Words("Cannot read token"),
		},
		kept(),
	)
}

// Only admins see the tokens of others, and the error says so.
func TestDeployerIsNoAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	same := statecheck.CompareValue(compare.ValuesSame())
	config := bySecret(w)
	w.Test(t,
		resource.TestStep{Config: config, ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID())}},
		resource.TestStep{
			PreConfig: func() { w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID) },
			Config:    config, ExpectError: acctest.Words(
				`Cannot read token.*PERMISSION_DENIED.*Add the provider's identity to the group "admins"`),
		},
		resource.TestStep{
			PreConfig: func() { w.Workspace.AddToGroup("admins", w.Deployer.ClientID) },
			Config:    config, ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID())},
		},
	)
}

// A provider that owns the token itself needs no admin rights for any operation.
func TestProviderIdentityIsNoAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
	w.Test(t,
		resource.TestStep{Config: byProvider(w, `comment = "first"`), Check: one(w, w.Deployer.ClientID, "first")},
		resource.TestStep{Config: byProvider(w, `comment = "second"`), Check: one(w, w.Deployer.ClientID, "second")},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true,
			ImportStateVerifyIgnore: []string{"token_value"}},
	)
	asked(t, w, 2, "workspace", "POST", revoke)
	asked(t, w, 0, "workspace", "DELETE", managed)
}

func TestUpdateIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	same := statecheck.CompareValue(compare.ValuesSame())
	after := bySecret(w, `comment = "after"`)
	w.Test(t,
		resource.TestStep{Config: bySecret(w, `comment = "before"`),
			ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID())}},
		resource.TestStep{
			PreConfig: func() { w.Tenant.Faults.Add(fault("PATCH", update, denied)) },
			Config:    after, ExpectError: acctest.Words("Cannot change token.*not you.*The owner may not use " +
				"personal access tokens"),
		},
		resource.TestStep{
			Config:      strings.Replace(after, w.Secret(w.ScoringSecret), w.Secret("wrong-secret-value"), 1),
			ExpectError: acctest.Words("Client secret is wrong.*AADSTS7000215"),
		},
		resource.TestStep{
			Config: after, ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			Check:             one(w, w.ScoringApp.ClientID, "after"),
			ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID())},
		},
	)
}

// A destroy revokes the token as the owner if the owner can log in without the configuration, and otherwise as an
// admin.
func TestDestroyRevokesAsOwnerOrAdmin(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config         func(*testing.T, *acctest.World) string
		owner, managed int
	}{
		"the owner, by a file":     {func(t *testing.T, w *acctest.World) string { return byPath(t, w) }, 1, 0},
		"the provider's identity":  {func(_ *testing.T, w *acctest.World) string { return byProvider(w) }, 1, 0},
		"an admin, after a secret": {func(_ *testing.T, w *acctest.World) string { return bySecret(w) }, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Test(t, resource.TestStep{Config: tc.config(t, w)})
			asked(t, w, 2*tc.owner, "workspace", "POST", revoke)
			asked(t, w, tc.managed, "workspace", "DELETE", managed)
		})
	}
}

// If the owner's certificate file no longer exists, a destroy revokes the token as an admin.
func TestDestroyFallsBackToTheAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := byPath(t, w)
	w.Test(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				if err := os.Remove(w.Dir + "/scoring.pem"); err != nil {
					t.Fatal(err)
				}
			},
			Config: config, Destroy: true,
		},
	)
	asked(t, w, 0, "workspace", "POST", revoke)
	asked(t, w, 1, "workspace", "DELETE", managed)
}

// If nobody may revoke the token, a destroy fails with an error that says that the token is live. The state is kept for
// the next try.
func TestDestroyIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config func(*testing.T, *acctest.World) string
		faults func(*acctest.World)
		want   string
	}{
		"as an admin": {func(_ *testing.T, w *acctest.World) string { return bySecret(w) }, func(w *acctest.World) {
			w.Tenant.Faults.Add(fault("DELETE", managed1, denied))
		}, "Cannot revoke token.*not you.*The token is still valid.*Only a workspace admin may"},
		"as owner and as an admin": {func(t *testing.T, w *acctest.World) string { return byPath(t, w) }, func(w *acctest.World) {
			w.Tenant.Faults.Add(fault("POST", revoke, emulator.Fault{Status: 403, Code: "PERMISSION_DENIED",
				Message: "nor you"}))
			w.Tenant.Faults.Add(fault("DELETE", managed1, denied))
		}, "Cannot revoke token.*not you.*The token is still valid.*Only a workspace admin may.*nor you"},
		"Entra refuses the owner": {func(t *testing.T, w *acctest.World) string { return byPath(t, w) }, func(w *acctest.World) {
			w.ScoringApp.RemoveCertificates()
			w.Tenant.Faults.Add(fault("DELETE", managed1, denied))
		}, "Cannot revoke token.*not you.*The token is still valid.*Only a workspace admin may.*not registered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			config := tc.config(t, w)
			w.Test(t,
				resource.TestStep{Config: config},
				resource.TestStep{PreConfig: func() {
					tc.faults(w)
				}, Config: config, Destroy: true, ExpectError: acctest.Words(tc.want)},
				resource.TestStep{
					Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
					Check: one(w, w.ScoringApp.ClientID, ""),
				},
			)
		})
	}
}

// The service creates the token, but the answer cannot be read: it is the page of a proxy, or half an answer. It may
// contain the token's value, so no message shows it. The token, whose value nobody knows, is revoked at once.
func TestAnswerIsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Commands(t, bySecret(w, `comment = "c"`))
	c.Env["TF_LOG"] = "trace"
	for _, body := range []string{`{"token_value":"dapi00112233445566778899aabbccddeeff","token_info":{`, `{}`,
		`<html>Please log in</html>`} {
		w.Tenant.Faults.Add(fault("POST", create, emulator.Fault{Status: 200, WorkDone: true, Body: body,
			ContentType: "application/json"}))
		r := c.MustRun(t, 1, "apply", "-auto-approve")
		if strings.Contains(r.Stdout+r.Stderr, "dapi") || !acctest.Words("Cannot create token.*shows no token of "+
			"this attempt").MatchString(strings.ReplaceAll(r.Stderr, "│", "")) {
			t.Errorf("%s: %s", body, r.Stderr)
		}
		if tokens := live(w, w.ScoringApp.ClientID); len(tokens) > 0 {
			t.Errorf("%s: %+v", body, tokens)
		}
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

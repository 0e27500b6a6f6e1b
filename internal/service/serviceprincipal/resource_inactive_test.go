package serviceprincipal_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const tokens = "/api/2.0/token-management/tokens"

// mint creates tokens for an owner, and returns their ids.
func mint(w *acctest.World, owner string, comments ...string) (ids []string) {
	for _, c := range comments {
		id, _ := w.Workspace.MintToken(owner, c, 24*time.Hour)
		ids = append(ids, id)
	}
	return ids
}

// tokensOf returns the comments of an owner's tokens.
func tokensOf(w *acctest.World, owner string) (comments []string) {
	for _, t := range w.Workspace.Snapshot().Tokens {
		if t.Owner == owner {
			comments = append(comments, t.Comment)
		}
	}
	slices.Sort(comments)
	return comments
}

func wantTokens(t *testing.T, w *acctest.World, comments ...string) {
	t.Helper()
	if got := tokensOf(w, w.ScoringApp.ClientID); !slices.Equal(got, comments) {
		t.Errorf("its tokens are %q, want %q", got, comments)
	}
	if others := tokensOf(w, w.PersonName); len(others) != 1 {
		t.Errorf("somebody else's tokens are %q", others)
	}
}

// asked returns the requests except logins, with ids replaced by ID.
func asked(w *acctest.World, id string) (lines []string) {
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "workspace" {
			line := strings.Replace(e.Method+" "+e.Path, all+"/"+id, all+"/ID", 1)
			if strings.HasPrefix(e.Path, tokens+"/") {
				line = e.Method + " " + tokens + "/ID"
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func TestDeactivatingDeletesTokens(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, entra(w, `display_name = "a"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	id := w.ScoringApp.ClientID
	mint(w, id, "one", "two")

	// Neither a rename nor a deactivation by others deletes a token.
	cli.Rewrite(t, entra(w, `display_name = "b"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.SetActive(id, false)
	cli.Rewrite(t, entra(w, `display_name = "c"`))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	wantTokens(t, w, "one", "two")
	w.Workspace.SetActive(id, true)
	cli.MustRun(t, 0, "apply", "-refresh-only", "-auto-approve")

	cli.Rewrite(t, entra(w, `display_name = "c"`, `active = false`))
	w.Tenant.Journal.Reset()
	cli.MustRun(t, 0, "apply", "-auto-approve", "-refresh=false")
	const whose = "GET /api/2.0/preview/scim/v2/Me"
	want := []string{whose, "PATCH " + all + "/ID", "GET " + all + "/ID", "GET " + tokens,
		"DELETE " + tokens + "/ID", "GET " + tokens + "/ID", "DELETE " + tokens + "/ID", "GET " + tokens + "/ID",
		"GET /api/2.0/accounts/servicePrincipals/" + member(t, w).ID + "/credentials/secrets"}
	if got := asked(w, member(t, w).ID); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
	wantTokens(t, w)
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
}

func TestDeactivatingLeavesTokens(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	keeping := entra(w, `active = false`, `delete_tokens_when_inactive = false`)
	w.Test(t,
		resource.TestStep{Config: entra(w, `delete_tokens_when_inactive = false`), Check: func(*terraform.State) error {
			mint(w, w.ScoringApp.ClientID, "one")
			return nil
		}},
		resource.TestStep{Config: keeping, Check: func(*terraform.State) error {
			wantTokens(t, w, "one")
			return nil
		}},
		resource.TestStep{Config: keeping, ConfigPlanChecks: acctest.NoChange()},
		// Without active in the configuration the principal counts as deactivated by others, and the tokens stay.
		resource.TestStep{Config: entra(w), ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			Check: func(*terraform.State) error {
				wantTokens(t, w, "one")
				return nil
			}},
		resource.TestStep{Config: keeping},
		// The configuration may ask for the deletion later.
		resource.TestStep{Config: entra(w, `active = false`), ConfigPlanChecks: acctest.Planned(address,
			plancheck.ResourceActionUpdate), Check: func(*terraform.State) error {
			wantTokens(t, w)
			return nil
		}},
		resource.TestStep{Config: entra(w, `active = false`), ConfigPlanChecks: acctest.NoChange()},
	)
}

// The error names a token that could not be deleted. The other tokens are deleted, and the next apply deletes the
// remaining one.
func TestUndeletedTokenIsNamed(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.Commands(t, entra(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	ids := mint(w, w.ScoringApp.ClientID, "one", "two", "three")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "DELETE", Path: tokens + "/" + ids[1], Status: 500,
		Code: "INTERNAL_ERROR", Message: "broken"})
	cli.Rewrite(t, entra(w, `active = false`))
	cli.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Cannot delete the tokens of the deactivated service "+
		"principal", w.ScoringApp.ClientID, `1 token of the service principal could not be deleted (`+ids[1]+` "two")`,
		"broken", "Apply again")
	wantTokens(t, w, "two")
	if sp := member(t, w); sp.Active {
		t.Error("it is not deactivated")
	}
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "delete_tokens_when_inactive = false -> true")
	cli.MustRun(t, 0, "apply", "-auto-approve")
	wantTokens(t, w)
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
}

// The service may refuse the list of tokens, or ignore the filter and list everybody's: then tokens of others must
// stay.
func TestTokenListFails(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.Commands(t, entra(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	mint(w, w.ScoringApp.ClientID, "one")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: tokens, Status: 403,
		Code: "PERMISSION_DENIED", Message: "admins only"})
	cli.Rewrite(t, entra(w, `active = false`))
	cli.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Cannot delete the tokens of the deactivated service "+
		"principal", "admins only", "could not list the tokens of the service principal", "Only a workspace admin may")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: tokens, Status: 200,
		ContentType: "application/json",
		Body: `{"token_infos":[{"token_id":"` + w.Workspace.Snapshot().Tokens[0].ID +
			`","created_by_id":17,"owner_id":17,"comment":"of another"}]}`})
	before := len(w.Workspace.Snapshot().Tokens)
	cli.MustRun(t, 0, "apply", "-auto-approve")
	if after := len(w.Workspace.Snapshot().Tokens); after != before {
		t.Errorf("%d tokens of %d are left", after, before)
	}
}

// An adopted principal keeps no token either, and it is not adopted while a token is left.
func TestAdoptInactive(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	another(w)
	ids := mint(w, w.ScoringApp.ClientID, "by hand")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "DELETE", Path: tokens + "/" + ids[0], Status: 500,
		Message: "broken"})
	config := entra(w, `active = false`, `adopt_existing = true`, `on_destroy = "retain"`)
	w.Test(t,
		resource.TestStep{Config: config,
			ExpectError: acctest.Words(`Cannot delete the tokens of the adopted service principal.*by hand`)},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate),
			Check: func(*terraform.State) error {
				wantTokens(t, w)
				return nil
			}},
		resource.TestStep{Config: config, ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestDeactivateOnDestroy(t *testing.T) {
	t.Parallel()
	for setting, left := range map[string][]string{"true": nil, "false": {"one"}} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			cli := w.Commands(t, entra(w, `on_destroy = "deactivate"`, `delete_tokens_when_inactive = `+setting))
			cli.MustRun(t, 0, "apply", "-auto-approve")
			ids := mint(w, w.ScoringApp.ClientID, "one")
			if left == nil {
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "DELETE", Path: tokens + "/" + ids[0],
					Status: 500, Message: "broken"})
				cli.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, "Cannot delete the tokens of the service "+
					"principal deactivated on destroy", ids[0], "broken")
			}
			cli.MustRun(t, 0, "destroy", "-auto-approve")
			wantTokens(t, w, left...)
			if sp := member(t, w); sp.Active {
				t.Error("it is not deactivated")
			}
		})
	}
}

// The provider refuses to end its own identity: in the plan if the login names that identity, otherwise in the apply.
func TestOwnIdentity(t *testing.T) {
	t.Parallel()
	for login, refusal := range map[string][2]string{
		"certificate": {"The plan would lock the provider out", "The plan would lock the provider out"},
		"token":       {"Refused to deactivate the provider's own identity", "Refused to delete or deactivate the provider's own identity"},
	} {
		t.Run(login, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			self := func(lines ...string) string {
				return hcl(append([]string{`application_id = "` + w.Deployer.ClientID + `"`, `adopt_existing = true`},
					lines...)...)
			}
			if login == "token" {
				_, value := w.Workspace.MintToken(w.Deployer.ClientID, "own", time.Hour)
				w.Env = map[string]string{"DBXACCESS_HOST": w.Env["DBXACCESS_HOST"], "DATABRICKS_TOKEN": value,
					"DBXACCESS_CA_CERTIFICATE_PATH": w.Env["DBXACCESS_CA_CERTIFICATE_PATH"]}
			}
			// Adopting the own identity as deactivated is refused in either case, before the first write.
			cli := w.Commands(t, self(`active = false`, `on_destroy = "delete"`))
			cli.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Refused to deactivate the provider's own identity",
				"Nothing was changed")

			for _, onDestroy := range []string{"delete", "deactivate"} {
				cli.Rewrite(t, self(`on_destroy = "`+onDestroy+`"`))
				cli.MustRun(t, 0, "apply", "-auto-approve")
				cli.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, refusal[1], w.Deployer.ClientID,
					"logged in as", `on_destroy = "retain"`)
				cli.Rewrite(t, self(`on_destroy = "`+onDestroy+`"`, `active = false`))
				cli.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, refusal[0], w.Deployer.ClientID)
			}
			for _, sp := range w.Workspace.Snapshot().ServicePrincipals {
				if sp.ApplicationID == w.Deployer.ClientID && !sp.Active {
					t.Error("the provider has locked itself out")
				}
			}
			cli.Rewrite(t, self(`on_destroy = "retain"`))
			cli.MustRun(t, 0, "apply", "-auto-approve")
			cli.MustRun(t, 0, "destroy", "-auto-approve")
		})
	}
}

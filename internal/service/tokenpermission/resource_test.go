package tokenpermission_test

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	tfconfig "github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const (
	address = "dbxaccess_token_permission.x"
	list    = "/api/2.0/permissions/authorization/tokens"
	object  = "authorization/tokens"

	user     = "bob@example.com"
	group    = "data scientists"
	neighbor = "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"
)

// newWorld returns a world in which the application is in the workspace and others may use tokens already.
func newWorld(t *testing.T) *acctest.World {
	t.Helper()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "iris-scoring")
	w.Workspace.AddServicePrincipal(neighbor, "neighbor")
	w.Workspace.AddUser(user, "Bob")
	w.Workspace.AddGroup(group)
	w.Workspace.SetGrant(object, neighbor, "CAN_USE")
	w.Workspace.MintToken(neighbor, "neighbor's", time.Hour)
	return w
}

func hcl(lines ...string) string {
	return "resource \"dbxaccess_token_permission\" \"x\" {\n" + strings.Join(lines, "\n") + "\n}\n"
}

func attr(name, value string) string { return name + ` = "` + value + `"` }

func toApp(w *acctest.World, lines ...string) string {
	return hcl(append([]string{attr("service_principal_name", w.ScoringApp.ClientID)}, lines...)...)
}

func importBlock(id string) string {
	return "import {\n  to = " + address + "\n  id = \"" + id + "\"\n}\n"
}

// grantsOfOthers returns the grants that exist before a test, and that no test may change.
func grantsOfOthers() map[string]string {
	return map[string]string{"admins": "CAN_MANAGE", neighbor: "CAN_USE"}
}

// holds returns a check of the direct grants that the workspace really holds: those of others, and CAN_USE for the
// given principals.
func holds(t *testing.T, w *acctest.World, principals ...string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		t.Helper()
		want := grantsOfOthers()
		for _, p := range principals {
			want[p] = "CAN_USE"
		}
		if got := w.Workspace.Grants(object); !maps.Equal(got, want) {
			t.Errorf("the workspace holds %v, want %v", got, want)
		}
		return nil
	}
}

// checkUnchanged checks that the workspace is as it was at the start.
func checkUnchanged(t *testing.T, w *acctest.World, before any) {
	t.Helper()
	if after := w.Workspace.Snapshot(); !reflect.DeepEqual(any(after), before) {
		t.Errorf("the workspace is not as before:\n%+v\n%+v", before, after)
	}
}

func has(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), check)
}

func TestBasic(t *testing.T) {
	t.Parallel()
	for attribute, test := range map[string]struct {
		name        func(*acctest.World) string
		displayName knownvalue.Check
	}{
		"service_principal_name": {func(w *acctest.World) string { return w.ScoringApp.ClientID }, knownvalue.StringExact("iris-scoring")},
		"user_name":              {func(*acctest.World) string { return user }, knownvalue.StringExact("Bob")},
		"group_name":             {func(*acctest.World) string { return group }, knownvalue.Null()},
	} {
		t.Run(attribute, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.Workspace.Snapshot()
			name := test.name(w)
			config := hcl(attr(attribute, name))
			imported := func(id string) resource.TestStep {
				return resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true,
					ImportStateId: id}
			}
			steps := []resource.TestStep{
				{
					Config: config,
					ConfigStateChecks: []statecheck.StateCheck{
						has("id", knownvalue.StringExact(name)),
						has(attribute, knownvalue.StringExact(name)),
						has("display_name", test.displayName),
						has("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
					},
					Check: holds(t, w, name),
				},
				{Config: config, ConfigPlanChecks: acctest.NoChange()},
				imported(name),
				imported(attribute + "=" + name),
			}
			if attribute != "group_name" {
				steps = append(steps, imported(strings.ToUpper(name)),
					resource.TestStep{Config: hcl(attr(attribute, strings.ToUpper(name))),
						ConfigPlanChecks: acctest.NoChange()})
			}
			w.Test(t, steps...)
			if attribute == "service_principal_name" {
				checkUnchanged(t, w, before)
				w.TestCLI(t, steps[0], imported(name))
			}
			checkUnchanged(t, w, before)
		})
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant(object, w.ScoringApp.ClientID, "CAN_USE")
	upper := strings.ToUpper(w.ScoringApp.ClientID)
	w.Test(t,
		resource.TestStep{Config: hcl(attr("service_principal_name", upper)) + importBlock(upper),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionNoop)},
		// Attributes that only the configuration knows cause one update in place, which sends no request apart from the
		// refreshes.
		resource.TestStep{
			PreConfig:        w.Tenant.Journal.Reset,
			Config:           toApp(w, `timeouts = { delete = "1m" }`),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionUpdate),
			Check: func(*terraform.State) error {
				for _, e := range w.Tenant.Journal.Entries() {
					if e.Service == "workspace" && (e.Method != "GET" || e.Path != list) {
						t.Errorf("the update asked %s %s", e.Method, e.Path)
					}
				}
				return nil
			},
		},
	)
	holds(t, w)(nil)
}

// Plans and applies the example of the documentation.
func TestExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.Workspace.Snapshot()
	text, err := os.ReadFile("../../../examples/resources/dbxaccess_token_permission/resource.tf")
	if err != nil {
		t.Fatal(err)
	}
	w.Test(t, resource.TestStep{
		Config:          string(text),
		ConfigVariables: tfconfig.Variables{"application_id": tfconfig.StringVariable(w.ScoringApp.ClientID)},
		Check:           holds(t, w, w.ScoringApp.ClientID),
	})
	checkUnchanged(t, w, before)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Test(t,
		resource.TestStep{Config: toApp(w)},
		resource.TestStep{
			Config:           hcl(attr("group_name", group)),
			ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check:            holds(t, w, group),
			ConfigStateChecks: []statecheck.StateCheck{has("id", knownvalue.StringExact(group)),
				has("display_name", knownvalue.Null())},
		},
	)
}

// Revoking the right deletes the principal's tokens, and nobody else's.
func TestDestroyDeletesTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.Workspace.Snapshot()
	var live string
	w.Test(t, resource.TestStep{Config: toApp(w), Check: func(*terraform.State) error {
		live, _ = w.Workspace.MintToken(w.ScoringApp.ClientID, "scoring", time.Hour)
		return nil
	}})
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.ID == live {
			t.Errorf("the token lives on: %+v", token)
		}
	}
	checkUnchanged(t, w, before) // including the tokens of the neighbour and of Ada
}

// Several resources write to one list at once, and none undoes another's write.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.Workspace.Snapshot()
	w.Test(t, resource.TestStep{
		Config: toApp(w) + strings.Replace(hcl(attr("user_name", user)), `"x"`, `"y"`,
			1) + strings.Replace(hcl(attr("group_name", group)), `"x"`, `"z"`, 1),
		Check: holds(t, w, w.ScoringApp.ClientID, user, group),
	})
	checkUnchanged(t, w, before)
}

func TestRequestCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cli := w.Commands(t, toApp(w))
	// This request finds out the workspace before a write to an object of a known workspace.
	const whose = "GET /api/2.0/preview/scim/v2/Me"
	step := func(operation string, want []string, args ...string) {
		t.Helper()
		w.Tenant.Journal.Reset()
		cli.MustRun(t, 0, args...)
		var got []string
		for _, e := range w.Tenant.Journal.Entries() {
			if e.Service == "workspace" {
				got = append(got, e.Method+" "+e.Path)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s asks %q, want %q", operation, got, want)
		}
	}
	step("create", []string{"GET " + list, "PATCH " + list, "GET " + list}, "apply", "-auto-approve")
	step("refresh", []string{"GET " + list}, "plan", "-detailed-exitcode")
	step("delete", []string{whose, "GET " + list, "PUT " + list, "GET " + list}, "destroy", "-auto-approve",
		"-refresh=false")
	holds(t, w)(nil)
}

// The plan warns whenever the right is revoked, and only then.
func TestWarnings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.ScoringApp.ClientID
	const warning = "Warning: Live tokens will be deleted"
	cli := w.CLI(t, toApp(w))
	silent := func(code int, args ...string) {
		t.Helper()
		if text := cli.MustRun(t, code, args...).Text(); strings.Contains(text, warning) {
			t.Errorf("%v warns:\n%s", args, text)
		}
	}
	silent(0, "apply", "-auto-approve")
	silent(0, "plan", "-detailed-exitcode")
	cli.Rewrite(t, hcl(attr("service_principal_name", strings.ToUpper(id)), `timeouts = { read = "1m" }`))
	silent(2, "plan", "-detailed-exitcode")

	cli.MustRun(t, 0, "plan", "-destroy").MustSay(t, warning+": "+id, "service_principal_name="+id+" (iris-scoring)")
	cli.Rewrite(t, "")
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, warning+": "+id, "At that moment")
	cli.Rewrite(t, hcl(attr("user_name", user)))
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, "must be replaced", warning+": "+id)
	// The new principal is known only during the apply.
	cli.Rewrite(t, "resource \"terraform_data\" \"who\" {\n  input = \""+user+"\"\n}\n"+
		hcl("user_name = terraform_data.who.output"))
	cli.MustRun(t, 2, "plan", "-detailed-exitcode").MustSay(t, warning+": "+id)
	cli.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, warning+": "+id)
	holds(t, w, user)(nil)
	cli.MustRun(t, 0, "destroy", "-auto-approve").MustSay(t, warning+": "+user, "user_name="+user+" (Bob)")
	holds(t, w)(nil)
}

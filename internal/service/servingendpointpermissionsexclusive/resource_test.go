package servingendpointpermissionsexclusive_test

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	tf "github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func is(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

// on returns a step's check that runs a check of the server.
func on(check func()) resource.TestCheckFunc {
	return func(*tf.State) error {
		check()
		return nil
	}
}

func holding(pairs ...string) knownvalue.Check {
	m := map[string]knownvalue.Check{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = knownvalue.StringExact(pairs[i+1])
	}
	return knownvalue.MapExact(m)
}

func TestBasic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.usualList(list("groups", team, "CAN_VIEW"))
	w.TestCLI(t,
		resource.TestStep{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				is("id", knownvalue.StringExact("iris")),
				is("endpoint_name", knownvalue.StringExact("iris")),
				is("endpoint_id", knownvalue.StringExact(w.EndpointID)),
				is("service_principals", holding(w.app, "CAN_QUERY")),
				is("users", holding(ada, "CAN_MANAGE")),
				is("groups", holding(team, "CAN_VIEW")),
				is("ignore_principals", knownvalue.Null()),
				is("on_unlisted", knownvalue.StringExact("remove")),
				is("removed_on_create", knownvalue.ListExact(nil)),
				is("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
				is("timeouts", knownvalue.Null()),
			},
			Check: on(func() { w.holds(t, levels{ada: "CAN_MANAGE", w.app: "CAN_QUERY", team: "CAN_VIEW"}) }),
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: "iris", ImportStateVerify: true},
	)
	w.holds(t, levels{})
}

// Applies the example of the documentation as it is printed.
func TestExample(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddGroup("analysts")
	text, err := os.ReadFile("../../../examples/resources/dbxaccess_serving_endpoint_permissions_exclusive/resource.tf")
	if err != nil {
		t.Fatal(err)
	}
	w.Test(t, resource.TestStep{
		Config:          string(text),
		ConfigVariables: config.Variables{"application_id": config.StringVariable(w.ScoringApp.ClientID)},
		Check: on(func() {
			want := levels{ada: "CAN_MANAGE", "analysts": "CAN_VIEW", w.ScoringApp.ClientID: "CAN_QUERY"}
			if got := w.Workspace.Grants("iris"); !maps.Equal(got, want) {
				t.Errorf("direct grants on the server:\n got %v\nwant %v", got, want)
			}
		}),
	})
	if got := w.Workspace.Grants("iris"); !maps.Equal(got, levels{ada: "CAN_MANAGE"}) {
		t.Errorf("left on the server: %v", got)
	}
}

// A configuration that equals the existing list has an empty plan after an import, whatever the case of its keys. One
// with more attributes causes an update in place without a request.
func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", w.app, "CAN_QUERY")
	w.Workspace.SetGrant("iris", team, "CAN_VIEW")
	block := "import {\n  to = " + address + "\n  id = \"iris\"\n}\n"
	usual := hcl(list("service_principals", strings.ToUpper(w.app), "CAN_QUERY"), list("users", "Ada@Example.com",
		"CAN_MANAGE"), list("groups", team, "CAN_VIEW"))
	c := w.cli(t, block+usual)
	c.MustRun(t, 0, "plan").MustSay(t, "1 to import, 0 to add, 0 to change, 0 to destroy")
	c.apply(t)
	c.plan(t, 0)

	c.Rewrite(t, strings.Replace(usual, "}\n}", "}\n  on_unlisted = \"warn\"\n  timeouts = { create = \"5m\" }\n}", 1))
	c.plan(t, 2).MustSay(t, "will be updated in-place", `~ on_unlisted = "remove" -> "warn"`)
	c.MustRun(t, 0, "plan", "-out=p")
	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "apply", "p")
	w.wantAsked(t)
	c.plan(t, 0)
	w.holds(t, levels{ada: "CAN_MANAGE", w.app: "CAN_QUERY", team: "CAN_VIEW"})
	// The apply makes these grants ones that a destroy removes.
	c.destroy(t)
	w.holds(t, levels{})
}

// Somebody else created the grants of a list that was imported and never applied, so a destroy removes none of them.
func TestDestroyAfterImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cli(t, hcl(list("users", ada, "CAN_MANAGE")))
	c.MustRun(t, 0, "import", address, "iris")
	c.plan(t, 0)
	c.destroy(t).MustSay(t, "Nothing was removed from the access list of serving endpoint: iris",
		"the access list was imported")
	w.holds(t, levels{ada: "CAN_MANAGE"})
}

func TestImportRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	c := w.cli(t, w.usualList())
	for id, words := range map[string][]string{
		"iris/" + ada: {"Import id of an access list is malformed", "endpoint's name alone"},
		"nowhere":     {"Cannot import the access list of serving endpoint", `no serving endpoint named "nowhere"`},
		"llama":       {"Cannot import the access list of serving endpoint", "foundation-model"},
	} {
		c.MustRun(t, 1, "import", address, id).MustSay(t, words...)
	}
}

// A destroy removes the grants that this resource applied, and nothing else.
func TestDestroyBesideForeignGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.terraform(t, w.usualList())
	c.apply(t)
	w.Workspace.SetGrant("iris", bob, "CAN_MANAGE")
	w.Workspace.SetGrant("iris", neighbor, "CAN_QUERY")
	c.destroy(t)
	w.holds(t, levels{bob: "CAN_MANAGE", neighbor: "CAN_QUERY"})
}

// A grant that was created by hand and listed afterwards left nothing to apply, so a destroy leaves it, with a warning.
// There is no warning about ignored principals.
func TestDestroyWarnsOfRemainingGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", neighbor, "CAN_QUERY")
	ignore := `ignore_principals = ["service_principal_name=` + neighbor + `"]`
	c := w.terraform(t, w.usualList(ignore))
	c.apply(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c.Rewrite(t, hcl(list("service_principals", w.app, "CAN_QUERY"), list("users", ada, "CAN_MANAGE", bob, "CAN_VIEW"),
		ignore))
	c.plan(t, 0)
	c.apply(t)
	said := c.destroy(t)
	said.MustSay(t, "Grants were left on serving endpoint: iris", "user_name=bob@example.com (Bob) CAN_VIEW")
	said.MustNotSay(t, "(neighbor)")
	w.holds(t, levels{bob: "CAN_VIEW", neighbor: "CAN_QUERY"})
}

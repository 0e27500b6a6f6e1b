package serviceprincipal_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// lookup returns HCL of the data source with one attribute.
func lookup(attribute, value string) string {
	return "data \"dbxaccess_service_principal\" \"x\" {\n  " + attribute + " = " + quoted(value) + "\n}\n"
}

// quoted returns a string as an HCL literal.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(s) + `"`
}

func found(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("data.dbxaccess_service_principal.x", tfjsonpath.New(attribute), value)
}

func names(values ...string) knownvalue.Check {
	var checks []knownvalue.Check
	for _, v := range values {
		checks = append(checks, knownvalue.StringExact(v))
	}
	return knownvalue.SetExact(checks)
}

func TestLookup(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	app := w.ScoringApp.ClientID
	id := w.Workspace.AddServicePrincipal(app, "iris-scoring")
	w.Workspace.AddServicePrincipal("", "iris-scoring-2")
	w.Workspace.AddServicePrincipal("", "Iris-Scoring") // another principal, whose name differs only in case
	w.Workspace.SetEntitlements(app, "workspace-access", "allow-cluster-create")
	w.Workspace.AddGroup("botany")
	w.Workspace.AddGroup("science")
	w.Workspace.AddToGroup("science", "botany")
	w.Workspace.AddToGroup("botany", app)
	w.Workspace.SetActive(app, false)
	for attribute, value := range map[string]string{"application_id": app, "display_name": "iris-scoring", "id": id} {
		w.Tenant.Journal.Reset()
		w.Test(t, resource.TestStep{
			Config: lookup(attribute, value),
			ConfigStateChecks: []statecheck.StateCheck{
				found("id", knownvalue.StringExact(id)),
				found("application_id", knownvalue.StringExact(app)),
				found("display_name", knownvalue.StringExact("iris-scoring")),
				found("external_id", knownvalue.Null()),
				found("active", knownvalue.Bool(false)),
				found("entitlements", names("allow-cluster-create", "workspace-access")),
				found("groups", names("botany")), // only the direct group
				found("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
			},
		})
		walks := w.Count("entra", "POST", "/token") // Terraform logs in once per walk of its graph
		if all := w.Count("workspace", "", ""); walks == 0 || all != walks {
			t.Errorf("by %s: %d requests in %d walks, want one in each", attribute, all, walks)
		}
	}
	// A configured value keeps its spelling, so that it can be compared.
	w.Test(t, resource.TestStep{
		Config: lookup("application_id", strings.ToUpper(app)),
		ConfigStateChecks: []statecheck.StateCheck{found("application_id",
			knownvalue.StringExact(strings.ToUpper(app))), found("id", knownvalue.StringExact(id))},
	})
	// The sets are empty, not null, so that a loop over them works.
	w.Test(t, resource.TestStep{
		Config:            lookup("display_name", "iris-scoring-2"),
		ConfigStateChecks: []statecheck.StateCheck{found("groups", names()), found("entitlements", names())},
	})
}

func TestLookupTwoOfOneName(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "etl")
	other := "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"
	id := w.Workspace.AddServicePrincipal(other, "etl")
	for _, both := range [][]string{{other, id}, {w.ScoringApp.ClientID}} {
		w.Test(t, resource.TestStep{
			Config: lookup("display_name", "etl"),
			ExpectError: acctest.Says(append([]string{"Cannot find service principal",
				"2 service principals have this name"}, append(both, "Write the application_id")...)...),
		})
	}
	w.Test(t, resource.TestStep{Config: lookup("application_id", other),
		ConfigStateChecks: []statecheck.StateCheck{found("id", knownvalue.StringExact(id))}})
}

// Quotes and backslashes are ordinary characters of a name.
func TestLookupQuoted(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	for _, name := range []string{`say "hi"`, `c:\models\`, `" or displayName co "`, `it's ${x}`} {
		w.Workspace.AddServicePrincipal("", name)
		w.Test(t, resource.TestStep{Config: lookup("display_name", name),
			ConfigStateChecks: []statecheck.StateCheck{found("display_name", knownvalue.StringExact(name))}})
	}
}

func TestLookupNotFound(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal("", "Iris")
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetExternalID(w.ScoringApp.ClientID, w.ScoringApp.ObjectID)
	const summary = "Cannot find service principal"
	w.Test(t,
		resource.TestStep{Config: lookup("application_id", w.ScoringApp.ObjectID), ExpectError: acctest.Says(summary,
			"application_id", "this workspace has no such service principal", "The value is the object id of this "+
				"service principal: application id "+w.ScoringApp.ClientID, "not the object id")},
		resource.TestStep{Config: lookup("display_name", "iris"), ExpectError: acctest.Says(summary, "display_name",
			"this workspace has no such service principal", `There is "Iris"`, "case-sensitive")},
		resource.TestStep{Config: lookup("display_name", "rose"), ExpectError: acctest.Says(summary, "display_name",
			"this workspace has no such service principal", "dbxaccess_service_principals")},
		resource.TestStep{Config: lookup("id", "4711"), ExpectError: acctest.Says(summary, "id", "404",
			"A SCIM id is valid in one workspace only")},
	)
}

// The service shows an identity that is no admin only some attributes. Hidden attributes are null, because "none" and
// "hidden" must not look the same.
func TestLookupNotAdmin(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Test(t, resource.TestStep{
		Config: lookup("display_name", "deployer"),
		ConfigStateChecks: []statecheck.StateCheck{
			found("application_id", knownvalue.StringExact(w.Deployer.ClientID)),
			found("active", knownvalue.Null()), found("entitlements", knownvalue.Null()), found("groups",
				knownvalue.Null()),
		},
	})
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{ServicePrincipalsAdminOnly: true})
	for attribute, value := range map[string]string{"application_id": w.Deployer.ClientID, "display_name": "deployer",
		"id": "4711"} {
		w.Test(t, resource.TestStep{Config: lookup(attribute, value),
			ExpectError: acctest.Says("Cannot find service principal", "only accessible by admins",
				"Only a workspace admin may")})
	}
}

func TestLookupBadInput(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	var steps []resource.TestStep
	for config, want := range map[string]*regexp.Regexp{
		`data "dbxaccess_service_principal" "x" {}`:                                             acctest.Says("application_id", "display_name"),
		"data \"dbxaccess_service_principal\" \"x\" {\n  display_name = \"a\"\n  id = \"1\"\n}": acctest.Says("application_id", "display_name"),
		lookup("application_id",
			"iris-scoring"): acctest.Says("Not an application id", "looks like a display name"),
		lookup("id", w.ScoringApp.ClientID): acctest.Says("id", "write a UUID in application_id"),
		lookup("display_name", ""):          acctest.Says("display_name"),
		"data \"dbxaccess_service_principals\" \"x\" {\n  filter = \"a\"\n  display_name_prefix = \"b\"\n}": acctest.Says("filter"),
		"data \"dbxaccess_service_principals\" \"x\" {\n  display_name_contains = \"\"\n}":                  acctest.Says("display_name_contains"),
	} {
		steps = append(steps, resource.TestStep{Config: config, PlanOnly: true, ExpectError: want})
	}
	w.Test(t, steps...)
	if n := w.Count("", "", ""); n != 0 {
		t.Errorf("%d requests were made: %v", n, w.Tenant.Journal.Entries())
	}
}

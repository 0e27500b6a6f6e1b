package serviceprincipal_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// listing returns HCL of the data source with these lines, and an output of the listed names.
func listing(lines ...string) string {
	return "data \"dbxaccess_service_principals\" \"x\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n" +
		"output \"names\" {\n  value = [for sp in data.dbxaccess_service_principals.x.service_principals : sp.display_name]\n}\n"
}

func listedNames(names ...string) statecheck.StateCheck {
	checks := []knownvalue.Check{}
	for _, n := range names {
		checks = append(checks, knownvalue.StringExact(n))
	}
	return statecheck.ExpectKnownOutputValue("names", knownvalue.ListExact(checks))
}

func TestList(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	for _, name := range []string{"etl-daily", "etl-hourly", "ETL-weekly", `say "hi" \o/`} {
		w.Workspace.AddServicePrincipal("", name)
	}
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "report")
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	w.Test(t,
		resource.TestStep{Config: listing(), ConfigStateChecks: []statecheck.StateCheck{listedNames("ETL-weekly",
			"deployer", "etl-daily", "etl-hourly", "report", `say "hi" \o/`)}},
		resource.TestStep{Config: listing(`display_name_prefix = "etl-"`),
			ConfigStateChecks: []statecheck.StateCheck{listedNames("ETL-weekly", "etl-daily", "etl-hourly")}},
		resource.TestStep{Config: listing(`display_name_contains = "LY"`),
			ConfigStateChecks: []statecheck.StateCheck{listedNames("ETL-weekly", "etl-daily", "etl-hourly")}},
		resource.TestStep{Config: listing(`display_name_prefix = "etl-"`, `display_name_contains = "week"`),
			ConfigStateChecks: []statecheck.StateCheck{listedNames("ETL-weekly")}},
		resource.TestStep{Config: listing(`active = false`),
			ConfigStateChecks: []statecheck.StateCheck{listedNames("report")}},
		resource.TestStep{Config: listing(`active = true`, `display_name_contains = "r"`),
			ConfigStateChecks: []statecheck.StateCheck{listedNames("deployer", "etl-hourly")}},
		resource.TestStep{Config: listing(`filter = "displayName sw \"etl-\" and displayName ne \"etl-daily\""`),
			ConfigStateChecks: []statecheck.StateCheck{listedNames("ETL-weekly", "etl-hourly")}},
		resource.TestStep{Config: listing(`display_name_contains = "\" or displayName co \"e"`),
			ConfigStateChecks: []statecheck.StateCheck{listedNames()}},
		resource.TestStep{Config: listing(`display_name_contains = "\"hi\" \\"`),
			ConfigStateChecks: []statecheck.StateCheck{listedNames(`say "hi" \o/`)}},
	)
	walks := w.Count("entra", "POST", "/token")
	if all := w.Count("workspace", "", ""); walks == 0 || all != walks {
		t.Errorf("%d requests in %d walks, want one in each", all, walks)
	}
}

func TestListRow(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	app := w.ScoringApp.ClientID
	id := w.Workspace.AddServicePrincipal(app, "iris-scoring")
	w.Workspace.SetEntitlements(app, "workspace-access")
	w.Test(t, resource.TestStep{
		Config: listing(`display_name_prefix = "iris"`) + "output \"row\" {\n  value = " +
			"data.dbxaccess_service_principals.x.service_principals[0]\n}\n",
		ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("row",
			knownvalue.ObjectExact(map[string]knownvalue.Check{
				"id": knownvalue.StringExact(id), "application_id": knownvalue.StringExact(app), "display_name": knownvalue.StringExact("iris-scoring"),
				"external_id": knownvalue.Null(), "active": knownvalue.Bool(true), "entitlements": names("workspace-access"),
			}))},
	})
}

func TestListRefusals(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	const summary = "Cannot list service principals"
	w.Test(t,
		resource.TestStep{Config: listing(`filter = "displayName like \"x\""`), ExpectError: acctest.Says(summary,
			"filter", "400", "refused the filter", "operators eq, ne, co, sw")},
		// The error contains the service's own words.
		resource.TestStep{Config: listing(`filter = "displayName co ''"`), ExpectError: acctest.Says(summary, "filter",
			"500", "Index 1 out of bounds", "refused the filter")},
	)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: all, Status: 503,
		Code: "TEMPORARILY_UNAVAILABLE"})
	w.Test(t, resource.TestStep{Config: listing(), ConfigStateChecks: []statecheck.StateCheck{listedNames("deployer")}})

	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Test(t,
		resource.TestStep{Config: listing(), ConfigStateChecks: []statecheck.StateCheck{listedNames("deployer")}},
		resource.TestStep{Config: listing("active = true"), ExpectError: acctest.Says(summary, "active",
			"does not report which service principals are active", "Only a workspace admin may see that")},
	)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{ServicePrincipalsAdminOnly: true})
	w.Test(t, resource.TestStep{Config: listing(), ExpectError: acctest.Says(summary, "only accessible by admins",
		"Only a workspace admin may")})
}

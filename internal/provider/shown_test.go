package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const (
	grantType     = "dbxaccess_serving_endpoint_permission"
	rightType     = "dbxaccess_token_permission"
	listType      = "dbxaccess_serving_endpoint_permissions_exclusive"
	memberType    = "dbxaccess_group_member"
	principalType = "dbxaccess_service_principal"
	tokenType     = "dbxaccess_service_principal_token"
)

// An apply renames a principal and leaves its grants as they are. The grants show the new name, so that the next plan
// is empty, outputs included.
func TestGrantsShowTheNewName(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	config := func(name string) string {
		return fmt.Sprintf(`
resource "dbxaccess_service_principal" "app" {
  application_id = %q
  display_name   = %q
}
resource "dbxaccess_serving_endpoint_permission" "app" {
  endpoint_name          = "iris"
  service_principal_name = dbxaccess_service_principal.app.application_id
}
resource "dbxaccess_token_permission" "app" {
  service_principal_name = dbxaccess_service_principal.app.application_id
}
output "names" {
  value = [dbxaccess_serving_endpoint_permission.app.display_name, dbxaccess_token_permission.app.display_name]
}
`, w.ScoringApp.ClientID, name)
	}
	cli := w.CLI(t, config("old"))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.Rewrite(t, config("new"))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	if shown := cli.MustRun(t, 0, "output", "-json", "names").Stdout; strings.TrimSpace(shown) != `["new","new"]` {
		t.Errorf("outputs: %s", shown)
	}
}

// After a shift of an index an address refers to another principal. Neither the plan nor a warning shows that principal
// under the earlier one's name.
func TestShiftedIndexShowsNoEarlierName(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	first, second := uuid.NewString(), uuid.NewString()
	w.Workspace.AddServicePrincipal(first, "neighbour")
	w.Workspace.AddServicePrincipal(second, "meant")
	p := w.Protocol(t)
	for typeName, config := range map[string]map[string]any{grantType: {"endpoint_name": "iris"}, rightType: {}} {
		with := func(id string) map[string]any { config["service_principal_name"] = id; return config }
		o := p.MustApply(t, typeName, acctest.Object{}, with(first))
		if typeName == grantType { // causes a warning in the plan of a grant
			p.MustPlan(t, listType, acctest.Object{}, map[string]any{"endpoint_name": "iris",
				"users": map[string]any{w.PersonName: "CAN_MANAGE"}})
		}
		plan := p.MustPlan(t, typeName, o, with(second))
		if !slices.Equal(plan.Replace, []string{"service_principal_name"}) ||
			plan.State["display_name"] != acctest.Unknown {
			t.Errorf("%s: plans %v, replaces for %v", typeName, plan.State, plan.Replace)
		}
		if typeName == grantType && (!strings.Contains(plan.Warnings, "are both managed") ||
			strings.Contains(plan.Warnings, second+" (neighbour)")) {
			t.Errorf("%s: warns: %s", typeName, plan.Warnings)
		}
		if o = p.MustApply(t, typeName, o, with(second)); o.State["display_name"] != "meant" {
			t.Errorf("%s: shows %v", typeName, o.State["display_name"])
		}
	}
}

// The id of an endpoint is hexadecimal: upper and lower case mean the same, at the creation and later.
func TestEndpointIDInUpperCase(t *testing.T) {
	t.Parallel()
	for typeName, config := range map[string]map[string]any{
		grantType: {"user_name": "bob@example.com"},
		listType:  {"users": map[string]any{"bob@example.com": "CAN_VIEW", "ada@example.com": "CAN_MANAGE"}},
	} {
		t.Run(typeName, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Workspace.AddUser("bob@example.com", "Bob")
			config["endpoint_name"] = "iris"
			lower, upper := w.EndpointID, strings.ToUpper(w.EndpointID)
			for _, ids := range [][2]string{{upper, lower}, {lower, upper}} {
				p := w.Protocol(t)
				config["endpoint_id"] = ids[0]
				o := p.MustApply(t, typeName, acctest.Object{}, config)
				for _, id := range []string{ids[0], ids[1]} {
					config["endpoint_id"] = id
					if plan := p.MustPlan(t, typeName, w.Protocol(t).MustRefresh(t, typeName, o),
						config); len(plan.Changed) > 0 || plan.Warnings != "" {
						t.Errorf("%s after %s: plans %v, warns: %s", id, ids[0], plan.Changed, plan.Warnings)
					}
				}
				// The destroy is a run of its own, because a run keeps what it has created.
				w.Protocol(t).MustApply(t, typeName, o, nil)
				if left := w.Workspace.Grants("iris")["bob@example.com"]; left != "" {
					t.Errorf("left %s", left)
				}
				w.Workspace.SetGrant("iris", w.PersonName, "CAN_MANAGE")
			}
		})
	}
}

// The error about a surplus attribute points at that attribute, and names the attribute that it contradicts.
func TestSurplusPrincipal(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	for name, c := range map[string]struct{ lines, says string }{
		"two":  {`user_name = "ada@example.com"` + "\n  group_name = \"team\"", `8: group_name = "team" group_name and user_name are both set`},
		"none": {"", "Grant names no principal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cli := w.CLI(t, "resource \"dbxaccess_token_permission\" \"x\" {\n  "+c.lines+"\n}\n")
			cli.MustRun(t, 1, "plan").MustSay(t, c.says)
		})
	}
}

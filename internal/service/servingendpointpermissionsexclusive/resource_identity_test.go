package servingendpointpermissionsexclusive_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const typeName = "dbxaccess_serving_endpoint_permissions_exclusive"

// A list keeps its resource identity, whatever operation runs on it. An import by the identity equals an import by the
// id.
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, want := w.Protocol(t), map[string]any{"endpoint_name": "iris", "workspace_id": w.Workspace.ID()}
	config := map[string]any{"endpoint_name": "iris", "users": map[string]any{ada: "CAN_MANAGE"}}
	made := p.MustApply(t, typeName, acctest.Object{}, config)
	acctest.Same(t, "made", made.Identity, want)
	for what, given := range map[string]map[string]any{"whole": want, "without workspace": {"endpoint_name": "iris"}} {
		got := p.MustImport(t, typeName, "", given)
		acctest.Same(t, what, got.State, made.State)
		acctest.Same(t, what, got.Identity, want)
	}
	acctest.Same(t, "imported by id", p.MustImport(t, typeName, "iris", nil).Identity, want)
	for refused, given := range map[string]map[string]any{
		"Wrong workspace": {"endpoint_name": "iris", "workspace_id": "1"},
		"malformed":       {"endpoint_name": ""},
		`"elsewhere"`:     {"endpoint_name": "elsewhere"},
	} {
		if _, errors := p.Import(t, typeName, "", given); !strings.Contains(errors, refused) {
			t.Errorf("%v: %q, want %q", given, errors, refused)
		}
	}

	// One update sends requests, the other none. Each also runs on a state without an identity.
	for _, known := range []map[string]any{want, nil} {
		made.Identity = known
		config["users"].(map[string]any)[bob] = "CAN_VIEW"
		acctest.Same(t, "updated", p.MustApply(t, typeName, made, config).Identity, want)
		delete(config["users"].(map[string]any), bob)
		config["timeouts"] = map[string]any{"read": "1m"}
		acctest.Same(t, "updated without a request", p.MustApply(t, typeName, made, config).Identity, want)
	}
	made.Identity = nil
	acctest.Same(t, "refreshed", p.MustRefresh(t, typeName, made).Identity, want)

	w.Tenant.Clock.Advance(time.Hour)
	w.Workspace.DeleteEndpoint("iris")
	p = w.Protocol(t) // a new process without cached reads
	p.MustBeGone(t, typeName, made, want)
}

// A list that could not be read back has its identity all the same.
func TestIdentityUnread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made, want := acctest.Object{}, map[string]any{"endpoint_name": "iris", "workspace_id": w.Workspace.ID()}
	for i, level := range []string{"CAN_VIEW", "CAN_QUERY"} {
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Status: 200,
			WorkDone: true, Body: "{}", ContentType: "application/json"})
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 2 - i,
			Status: 500, Code: "INTERNAL_ERROR"})
		made = p.MustApply(t, typeName, made, map[string]any{"endpoint_name": "iris",
			"users": map[string]any{ada: "CAN_MANAGE", bob: level}})
		acctest.Same(t, level, made.Identity, want)
		made.Identity = nil
	}
	w.holds(t, levels{ada: "CAN_MANAGE", bob: "CAN_QUERY"})
}

// Imports by identity through the real Terraform CLI, if it is new enough.
func TestImportByIdentityBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{Config: w.usualList(), ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectIdentity(address,
					map[string]knownvalue.Check{"endpoint_name": knownvalue.StringExact("iris"),
						"workspace_id": knownvalue.StringExact(w.Workspace.ID())}),
			}},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity, ImportPlanChecks: resource.ImportPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop)},
			}},
		},
	})
}

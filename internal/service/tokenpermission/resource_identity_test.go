package tokenpermission_test

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

const typeName = "dbxaccess_token_permission"

func identity(w *acctest.World, kind, name string) map[string]any {
	m := map[string]any{"service_principal_name": nil, "user_name": nil, "group_name": nil,
		"workspace_id": w.Workspace.ID()}
	m[kind] = name
	return m
}

// A right keeps its resource identity, whatever operation runs on it. An import by the identity equals an import by the
// id.
func TestIdentity(t *testing.T) {
	t.Parallel()
	for kind, name := range map[string]string{"service_principal_name": "", "user_name": user, "group_name": group} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if name == "" {
				name = w.ScoringApp.ClientID
			}
			p, want := w.Protocol(t), identity(w, kind, name)
			config := map[string]any{kind: name}
			right := p.MustApply(t, typeName, acctest.Object{}, config)
			acctest.Same(t, "made", right.Identity, want)
			for what, given := range map[string]map[string]any{"whole": want, "without workspace": {kind: name}} {
				got := p.MustImport(t, typeName, "", given)
				acctest.Same(t, what, got.State, right.State)
				acctest.Same(t, what, got.Identity, want)
			}
			acctest.Same(t, "imported by id", p.MustImport(t, typeName, name, nil).Identity, want)

			right.Identity = nil // as in a state of a Terraform version without identities
			config["timeouts"] = map[string]any{"read": "1m"}
			acctest.Same(t, "updated", p.MustApply(t, typeName, right, config).Identity, want)
			acctest.Same(t, "refreshed", p.MustRefresh(t, typeName, right).Identity, want)

			w.Tenant.Clock.Advance(time.Hour)
			w.Workspace.RemoveGrant(object, name)
			p = w.Protocol(t) // a new process without cached reads
			p.MustBeGone(t, typeName, right, want)
		})
	}
}

// A grant that could not be read back has its identity all the same.
func TestIdentityUnread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: list, Status: 200, WorkDone: true,
		Body: "{}", ContentType: "application/json"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: list, After: 1, Status: 500,
		Code: "INTERNAL_ERROR"})
	made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, map[string]any{"user_name": user})
	acctest.Same(t, "made", made.Identity, identity(w, "user_name", user))
}

func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	acctest.Same(t, "in another case", p.MustImport(t, typeName, "", identity(w, "service_principal_name",
		strings.ToUpper(neighbor))).Identity, identity(w, "service_principal_name", neighbor))
	for want, given := range map[string]map[string]any{
		"Wrong workspace":                                          {"service_principal_name": neighbor, "workspace_id": "1"},
		"does not name a principal":                                {"workspace_id": w.Workspace.ID()},
		"An identity names exactly one principal":                  {"service_principal_name": neighbor, "group_name": group},
		"Import id does not match exactly one right to use tokens": {"group_name": neighbor},
	} {
		if _, errors := p.Import(t, typeName, "", given); !strings.Contains(errors, want) {
			t.Errorf("%v: %q, want %q", given, errors, want)
		}
	}
}

// Imports by identity through the real Terraform CLI, if it is new enough.
func TestImportByIdentityBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{Config: toApp(w), ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
					"service_principal_name": knownvalue.StringExact(w.ScoringApp.ClientID),
					"user_name":              knownvalue.Null(), "group_name": knownvalue.Null(), "workspace_id": knownvalue.StringExact(w.Workspace.ID()),
				}),
			}},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity, ImportPlanChecks: resource.ImportPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop)},
			}},
		},
	})
}

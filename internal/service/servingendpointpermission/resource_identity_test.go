package servingendpointpermission_test

import (
	"maps"
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

const typeName = "dbxaccess_serving_endpoint_permission"

// identity returns the identity of a grant on an endpoint for one principal of that kind.
func (w *world) identity(endpoint, kind, name string) map[string]any {
	m := map[string]any{"endpoint_name": endpoint, "service_principal_name": nil, "user_name": nil, "group_name": nil,
		"workspace_id": w.Workspace.ID()}
	m[kind] = name
	return m
}

// A grant keeps its resource identity, whatever operation runs on it. An import by the identity equals an import by the
// id.
func TestIdentity(t *testing.T) {
	t.Parallel()
	for kind, name := range map[string]string{"service_principal_name": "", "user_name": "eve@example.com",
		"group_name": group} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.AddUser("eve@example.com", "Eve")
			if name == "" {
				name = w.app
			}
			p, want := w.Protocol(t), w.identity("iris", kind, name)
			config := map[string]any{"endpoint_name": "iris", kind: name}
			made := p.MustApply(t, typeName, acctest.Object{}, config)
			acctest.Same(t, "made", made.Identity, want)

			without := maps.Clone(want)
			delete(without, "workspace_id")
			for what, given := range map[string]map[string]any{"whole": want, "without workspace": without} {
				got := p.MustImport(t, typeName, "", given)
				acctest.Same(t, what, got.State, made.State)
				acctest.Same(t, what, got.Identity, want)
			}
			acctest.Same(t, "imported by id", p.MustImport(t, typeName, "iris/"+name, nil).Identity, want)

			// One update sends requests, the other none. Each also runs on a state without an identity.
			for _, line := range []map[string]any{{"permission_level": "CAN_MANAGE"}, {"overwrite_existing": true}} {
				maps.Copy(config, line)
				for _, known := range []map[string]any{want, nil} {
					made.Identity = known
					acctest.Same(t, "updated", p.MustApply(t, typeName, made, config).Identity, want)
				}
				made = p.MustImport(t, typeName, "iris/"+name, nil)
			}
			made.Identity = nil
			acctest.Same(t, "refreshed", p.MustRefresh(t, typeName, made).Identity, want)

			// A missing grant, then a missing endpoint, is no error, with an identity and without.
			for _, remove := range []func(){func() { w.Workspace.RemoveGrant("iris", name) }, func() { w.Workspace.DeleteEndpoint("iris") }} {
				w.Tenant.Clock.Advance(time.Hour)
				remove()
				p = w.Protocol(t) // a new process without cached reads
				p.MustBeGone(t, typeName, made, want)
			}
		})
	}
}

// A re-created endpoint has another id, and the grant on it has the same identity.
func TestIdentityOfRecreatedEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, map[string]any{"endpoint_name": "iris",
		"service_principal_name": w.app})
	w.Workspace.DeleteEndpoint("iris")
	id := w.Workspace.CreateEndpoint("iris", person)
	w.Workspace.SetGrant("iris", w.app, "CAN_QUERY")
	p = w.Protocol(t)
	if read := p.MustRefresh(t, typeName, made); read.State["endpoint_id"] != id {
		t.Errorf("%v", read.State)
	} else {
		acctest.Same(t, "refreshed", read.Identity, made.Identity)
	}
}

// A grant that could not be read back has its identity all the same.
func TestIdentityUnread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	config := map[string]any{"endpoint_name": "iris", "service_principal_name": w.app}
	made := acctest.Object{}
	for after, level := range []string{"CAN_VIEW", "CAN_MANAGE"} {
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Status: 200,
			WorkDone: true, Body: "{}", ContentType: "application/json"})
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 1 - after,
			Status: 500, Code: "INTERNAL_ERROR"})
		config["permission_level"] = level
		made = p.MustApply(t, typeName, made, config)
		acctest.Same(t, level, made.Identity, w.identity("iris", "service_principal_name", w.app))
		made.Identity = nil
	}
	w.holds(t, with(w.app, "CAN_MANAGE"))
}

func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	acctest.Same(t, "in another case", p.MustImport(t, typeName, "", w.identity("iris", "user_name",
		strings.ToUpper(user))).Identity, w.identity("iris", "user_name", user))
	for want, given := range map[string]map[string]any{
		"Wrong workspace": {"endpoint_name": "iris", "user_name": user, "workspace_id": "1"},
		`"iris/" does not have the form ENDPOINT/PRINCIPAL`: {"endpoint_name": "iris"},
		"An identity names exactly one principal":           {"endpoint_name": "iris", "user_name": user, "group_name": group},
		"No such grant to import":                           {"endpoint_name": "iris", "group_name": user},
		`no serving endpoint named "elsewhere"`:             {"endpoint_name": "elsewhere", "user_name": user},
		"Import id of a serving endpoint grant is ma":       {"endpoint_name": "", "user_name": user},
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
			{Config: w.toApp(), ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
					"endpoint_name": knownvalue.StringExact("iris"), "service_principal_name": knownvalue.StringExact(w.app),
					"user_name": knownvalue.Null(), "group_name": knownvalue.Null(), "workspace_id": knownvalue.StringExact(w.Workspace.ID()),
				}),
			}},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity, ImportPlanChecks: resource.ImportPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop)},
			}},
		},
	})
}

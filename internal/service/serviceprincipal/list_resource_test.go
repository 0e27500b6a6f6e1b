package serviceprincipal_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const typeName = "dbxaccess_service_principal"

func identity(w *acctest.World, applicationID string) map[string]any {
	return map[string]any{"application_id": applicationID, "workspace_id": w.Workspace.ID()}
}

func sameIdentity(t *testing.T, got, want map[string]any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("identity %v, want %v", got, want)
	}
}

// A service principal keeps its resource identity, whatever operation runs on it.
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	config := map[string]any{"application_id": w.ScoringApp.ClientID, "display_name": "a"}
	made, errors := p.Apply(t, typeName, acctest.Object{}, config)
	if errors != "" {
		t.Fatal(errors)
	}
	sameIdentity(t, made.Identity, identity(w, w.ScoringApp.ClientID))
	read, errors := p.Refresh(t, typeName, made)
	if errors != "" {
		t.Fatal(errors)
	}
	sameIdentity(t, read.Identity, made.Identity)
	config["display_name"] = "b"
	changed, errors := p.Apply(t, typeName, read, config)
	if errors != "" {
		t.Fatal(errors)
	}
	sameIdentity(t, changed.Identity, made.Identity)
	if sp := member(t, w); sp.DisplayName != "b" || changed.State["display_name"] != "b" {
		t.Errorf("%+v, %v", sp, changed.State)
	}
	// The state may come from a Terraform version without resource identities.
	changed.Identity = nil
	p = w.Protocol(t) // a new process, because one process shares its reads
	read, errors = p.Refresh(t, typeName, changed)
	if errors != "" {
		t.Fatal(errors)
	}
	sameIdentity(t, read.Identity, made.Identity)
	// A removed principal is no error, with an identity and without.
	w.Tenant.Clock.Advance(2 * time.Minute)
	w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)
	p = w.Protocol(t) // a new process without cached reads
	p.MustBeGone(t, typeName, changed, made.Identity)
}

func TestIdentityOfDatabricksManaged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	made, errors := p.Apply(t, typeName, acctest.Object{}, map[string]any{"display_name": "a"})
	if errors != "" {
		t.Fatal(errors)
	}
	sameIdentity(t, made.Identity, identity(w, member(t, w).ApplicationID))
	if _, errors := w.Protocol(t).Apply(t, typeName, made, nil); errors != "" || len(members(w)) != 0 { // another run
		t.Errorf("%s, %+v", errors, members(w))
	}
}

func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	id := w.ScoringApp.ClientID
	scimID := w.Workspace.AddServicePrincipal(id, "scoring")
	for name, given := range map[string]map[string]any{
		"whole":             identity(w, id),
		"without":           {"application_id": id},
		"in another case":   {"application_id": strings.ToUpper(id)},
		"in another case 2": identity(w, strings.ToUpper(id)),
	} {
		got, errors := p.Import(t, typeName, "", given)
		if errors != "" {
			t.Errorf("%s: %s", name, errors)
			continue
		}
		sameIdentity(t, got.Identity, identity(w, id))
		if got.State["id"] != scimID || got.State["display_name"] != "scoring" || got.State["on_destroy"] != "delete" ||
			got.State["delete_tokens_when_inactive"] != true {
			t.Errorf("%s: %v", name, got.State)
		}
	}
	for _, byID := range []string{id, scimID, strings.ToUpper(id)} {
		got, errors := p.Import(t, typeName, byID, nil)
		if errors != "" || got.State["id"] != scimID {
			t.Errorf("%s: %v, %s", byID, got.State, errors)
		}
		sameIdentity(t, got.Identity, identity(w, id))
	}
	for want, given := range map[string]map[string]any{
		"Wrong workspace":                               {"application_id": id, "workspace_id": "1"},
		"Cannot import service principal":               {"application_id": "11111111-2222-3333-4444-555555555555"},
		"Import id of a service principal is malformed": {"application_id": "scoring"},
	} {
		if _, errors := p.Import(t, typeName, "", given); !strings.Contains(errors, want) {
			t.Errorf("%v: %q, want %q", given, errors, want)
		}
	}
}

func TestQueryProtocol(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, `etl "é" \ 1`)
	w.Workspace.SetEntitlements(w.ScoringApp.ClientID, "workspace-access")
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	w.Workspace.AddServicePrincipal("", "ETL 2")
	w.Workspace.AddServicePrincipal("", "other")
	p := w.Protocol(t)
	for name, test := range map[string]struct {
		config map[string]any
		limit  int64
		want   []string
	}{
		"all":      {nil, 0, []string{"ETL 2", `etl "é" \ 1`, "other"}},
		"and own":  {map[string]any{"include_own_identity": true}, 0, []string{"ETL 2", "deployer", `etl "é" \ 1`, "other"}},
		"active":   {map[string]any{"active": true}, 0, []string{"ETL 2", "other"}},
		"two":      {nil, 2, []string{"ETL 2", `etl "é" \ 1`}},
		"prefix":   {map[string]any{"display_name_prefix": "etl"}, 0, []string{"ETL 2", `etl "é" \ 1`}},
		"contains": {map[string]any{"display_name_contains": `"é" \`}, 0, []string{`etl "é" \ 1`}},
		"filter":   {map[string]any{"filter": `displayName sw "etl" and displayName co "2"`}, 0, []string{"ETL 2"}},
		"inactive": {map[string]any{"active": false}, 0, []string{`etl "é" \ 1`}},
		"none":     {map[string]any{"display_name_prefix": "nobody"}, 0, nil},
	} {
		var got []string
		for found := range p.Stream(t, typeName, test.config, true, test.limit) {
			if found.Errors != "" {
				t.Errorf("%s: %s", name, found.Errors)
				continue
			}
			got = append(got, found.DisplayName)
			sameIdentity(t, found.Identity, identity(w, found.State["application_id"].(string)))
			if found.DisplayName == `etl "é" \ 1` && (found.State["active"] != false ||
				fmt.Sprint(found.State["entitlements"]) != "[workspace-access]") {
				t.Errorf("%v", found.State)
			}
			// A listed principal can be imported, and its state is then as listed. But a generated configuration must
			// delete nothing when somebody removes a block.
			if found.State["on_destroy"] != "retain" {
				t.Errorf("%s: %v on destroy", found.DisplayName, found.State["on_destroy"])
			}
			found.State["on_destroy"] = "delete"
			imported, errors := p.Import(t, typeName, "", found.Identity)
			if errors != "" || fmt.Sprint(imported.State) != fmt.Sprint(found.State) {
				t.Errorf("%s: imported %v, listed %v, %s", found.DisplayName, imported.State, found.State, errors)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	for found := range p.Stream(t, typeName, nil, false, 1) {
		if found.State != nil {
			t.Error("nobody asked for the resource")
		}
	}
}

func TestQueryFails(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	p := w.Protocol(t)
	for want, config := range map[string]map[string]any{
		"Cannot query service principals":  {"filter": "displayName is etl"},
		"cannot be specified when":         {"filter": `displayName co "a"`, "display_name_prefix": "b"},
		"string length must be at least 1": {"display_name_prefix": ""},
	} {
		found := slices.Collect(p.Stream(t, typeName, config, false, 0))
		if len(found) != 1 || !strings.Contains(found[0].Errors, want) {
			t.Errorf("%v: %+v, want %q", config, found, want)
		}
	}
	// A query that fails half way shows the earlier results.
	for range 600 {
		w.Workspace.AddServicePrincipal("", "")
	}
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: all, After: 1, Status: 500,
		Message: "page two is broken"})
	found := slices.Collect(p.Stream(t, typeName, map[string]any{"include_own_identity": true}, false, 0))
	if len(found) != 501 || !strings.Contains(found[500].Errors, "page two is broken") {
		t.Errorf("%d results, last %+v", len(found), found[len(found)-1])
	}
}

// A query shows ten thousand principals as they arrive: the first one after one page.
func TestQueryStreams(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	const many = 10_000
	for range many {
		w.Workspace.AddServicePrincipal("", "")
	}
	p := w.Protocol(t)
	pages := func() int { return w.Count("workspace", "GET", route) }
	count := 0
	for found := range p.Stream(t, typeName, nil, false, 0) {
		if found.Errors != "" {
			t.Fatal(found.Errors)
		}
		if count++; count == 1 && pages() != 1 {
			t.Errorf("%d requests before the first result", pages())
		}
	}
	if count != many || pages() != many/500+1 {
		t.Errorf("%d results of %d requests", count, pages())
	}
	w.Tenant.Journal.Reset()
	for range p.Stream(t, typeName, nil, false, 0) {
		break // a caller that stops causes no further requests
	}
	if pages() != 1 {
		t.Errorf("%d requests for one result", pages())
	}
}

// Imports by identity through the real Terraform CLI, if it is new enough.
func TestImportByIdentityBlock(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{Config: entra(w, `display_name = "a"`), ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectIdentity(address,
					map[string]knownvalue.Check{"application_id": knownvalue.StringExact(w.ScoringApp.ClientID),
						"workspace_id": knownvalue.StringExact(w.Workspace.ID())}),
			}},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity, ImportPlanChecks: resource.ImportPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop)},
			}},
		},
	})
}

func TestQueryCLI(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	example, err := os.ReadFile(
		"../../../examples/list-resources/dbxaccess_service_principal/list-resource.tfquery.hcl")
	if err != nil {
		t.Fatal(err)
	}
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "etl-1")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		Steps: []resource.TestStep{acctest.BeforeQuery(), {
			Query:  true,
			Config: "provider \"dbxaccess\" {}\n" + string(example),
			QueryResultChecks: []querycheck.QueryResultCheck{
				querycheck.ExpectLength("dbxaccess_service_principal.etl", 1),
				querycheck.ExpectIdentity("dbxaccess_service_principal.etl", map[string]knownvalue.Check{
					"application_id": knownvalue.StringExact(w.ScoringApp.ClientID), "workspace_id": knownvalue.StringExact(w.Workspace.ID()),
				}),
			},
		}},
	})
}

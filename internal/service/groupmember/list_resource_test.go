package groupmember_test

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
)

const typeName = "dbxaccess_group_member"

func identity(w *acctest.World, group, applicationID string) map[string]any {
	return map[string]any{"group_name": group, "application_id": applicationID, "workspace_id": w.Workspace.ID()}
}

func same(t *testing.T, got, want map[string]any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	w, principalID, groupID := start(t)
	p := w.Protocol(t)
	app := w.ScoringApp.ClientID
	made, errors := p.Apply(t, typeName, acctest.Object{}, map[string]any{"group_name": "scorers",
		"application_id": app})
	if errors != "" {
		t.Fatal(errors)
	}
	same(t, made.Identity, identity(w, "scorers", app))
	for _, given := range []map[string]any{identity(w, "scorers", app),
		{"group_name": "scorers", "application_id": app}} {
		got, errors := p.Import(t, typeName, "", given)
		if errors != "" {
			t.Fatal(errors)
		}
		same(t, got.State, made.State)
		same(t, got.Identity, made.Identity)
		if got.State["group_id"] != groupID || got.State["service_principal_id"] != principalID {
			t.Errorf("%v", got.State)
		}
	}
	for want, given := range map[string]map[string]any{
		"Wrong workspace":      {"group_name": "scorers", "application_id": app, "workspace_id": "1"},
		"not a direct member":  {"group_name": "admins", "application_id": app},
		"malformed":            {"group_name": "scorers", "application_id": "scoring"},
		"no group \"nobodys\"": {"group_name": "nobodys", "application_id": app},
	} {
		if _, errors := p.Import(t, typeName, "", given); !strings.Contains(errors, want) {
			t.Errorf("%v: %q, want %q", given, errors, want)
		}
	}
	made.Identity = nil // as in a state of a Terraform version without identities
	read, errors := p.Refresh(t, typeName, made)
	if errors != "" {
		t.Fatal(errors)
	}
	same(t, read.Identity, identity(w, "scorers", app))
	w.Tenant.Clock.Advance(time.Hour)
	w.Workspace.RemovePrincipal("scorers")
	p = w.Protocol(t) // a new process without cached reads
	p.MustBeGone(t, typeName, made, made.Identity)
}

func TestList(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	app := w.ScoringApp.ClientID
	w.Workspace.AddToGroup("scorers", app)
	w.Workspace.AddToGroup("scorers", w.Deployer.ClientID)
	w.Workspace.AddGroup("inner")
	w.Workspace.AddToGroup("inner", app)
	w.Workspace.AddToGroup("scorers", "inner")
	w.Workspace.AddAccountGroup("everywhere", app)
	w.Workspace.AddToGroup("admins", app)
	for group, test := range map[string]struct {
		config map[string]any
		want   []string
	}{
		"scorers":         {map[string]any{"group_name": "scorers"}, []string{"scorers/scoring"}},
		"scorers and own": {map[string]any{"group_name": "scorers", "include_own_identity": true}, []string{"scorers/deployer", "scorers/scoring"}},
		"inner":           {map[string]any{"group_name": "inner"}, []string{"inner/scoring"}},
		"admins":          {map[string]any{"group_name": "admins"}, []string{"admins/scoring"}},
		"unfiltered":      {nil, []string{"inner/scoring", "scorers/scoring"}},
		"built-in groups": {map[string]any{"include_built_in_groups": true}, []string{"admins/scoring", "inner/scoring", "scorers/scoring"}},
		"all": {map[string]any{"include_built_in_groups": true, "include_own_identity": true},
			[]string{"admins/deployer", "admins/scoring", "inner/scoring", "scorers/deployer", "scorers/scoring"}},
	} {
		p := w.Protocol(t)
		w.Tenant.Journal.Reset()
		var got []string
		found := slices.Collect(p.Stream(t, typeName, test.config, true, 0))
		if n := len(asked(w)); n != 2 {
			t.Errorf("%q: %d requests, want 2", group, n)
		}
		for _, f := range found {
			if f.Errors != "" {
				t.Fatal(f.Errors)
			}
			got = append(got, f.DisplayName)
			imported, errors := p.Import(t, typeName, "", f.Identity)
			if errors != "" {
				t.Fatal(errors)
			}
			same(t, imported.State, f.State)
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", group, got, test.want)
		}
	}
	p := w.Protocol(t)
	if found := slices.Collect(p.Stream(t, typeName, nil, false, 1)); len(found) != 1 {
		t.Errorf("%d of at most 1", len(found))
	}
	for group, want := range map[string]string{"nobodys": `no group "nobodys"`,
		"everywhere": "group belongs to the Databricks account"} {
		found := slices.Collect(p.Stream(t, typeName, map[string]any{"group_name": group}, false, 0))
		if len(found) != 1 || !strings.Contains(found[0].Errors, "Cannot query group members") ||
			!strings.Contains(found[0].Errors, want) {
			t.Errorf("%s: %+v", group, found)
		}
	}
}

// Imports by identity through the real Terraform CLI, if it is new enough.
func TestImportByIdentityBlock(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{Config: hcl("scorers", w.ScoringApp.ClientID), ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
					"group_name": knownvalue.StringExact("scorers"), "application_id": knownvalue.StringExact(w.ScoringApp.ClientID), "workspace_id": knownvalue.StringExact(w.Workspace.ID()),
				}),
			}},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity, ImportPlanChecks: resource.ImportPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop)},
			}},
		},
	})
}

func TestQueryCLI(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	w.Workspace.AddToGroup("scorers", w.ScoringApp.ClientID)
	example, err := os.ReadFile("../../../examples/list-resources/dbxaccess_group_member/list-resource.tfquery.hcl")
	if err != nil {
		t.Fatal(err)
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		Steps: []resource.TestStep{acctest.BeforeQuery(), {
			Query: true, Config: "provider \"dbxaccess\" {}\n" + string(example),
			QueryResultChecks: []querycheck.QueryResultCheck{
				querycheck.ExpectLength("dbxaccess_group_member.scorers",
					1), querycheck.ExpectLength("dbxaccess_group_member.admins", 1),
			},
		}},
	})
}

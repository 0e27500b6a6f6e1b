package tokenpermission_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, principal := range []string{user, group, "users", w.Deployer.ClientID} {
		w.Workspace.SetGrant(object, principal, "CAN_USE")
	}
	own, builtIn := map[string]any{"include_own_identity": true}, map[string]any{"include_built_in_groups": true}
	for name, test := range map[string]struct {
		config map[string]any
		limit  int64
		want   []string
	}{
		"unfiltered":      {nil, 0, []string{"neighbor", "Bob", group}},
		"two":             {nil, 2, []string{"neighbor", "Bob"}},
		"own":             {own, 0, []string{"deployer", "neighbor", "Bob", group}},
		"built-in groups": {builtIn, 0, []string{"neighbor", "Bob", group, "users"}},
		"not, in words":   {map[string]any{"include_own_identity": false, "include_built_in_groups": false}, 0, []string{"neighbor", "Bob", group}},
	} {
		p := w.Protocol(t)
		w.Tenant.Journal.Reset()
		results := slices.Collect(p.Stream(t, typeName, test.config, true, test.limit))
		if n := w.Count("workspace", "", ""); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
		var got []string
		for _, found := range results {
			got = append(got, found.DisplayName)
			// A listed right can be imported, and its state is then as listed.
			imported := p.MustImport(t, typeName, "", found.Identity)
			acctest.Same(t, found.DisplayName, imported.State, found.State)
			acctest.Same(t, found.DisplayName, imported.Identity, found.Identity)
		}
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	for found := range w.Protocol(t).Stream(t, typeName, nil, false, 0) {
		if found.State != nil {
			t.Error("nobody asked for the resource")
		}
	}
}

func TestQueryBeforeTheFirstToken(t *testing.T) {
	t.Parallel()
	w, _ := noTokenYet(t)
	if found := slices.Collect(w.Protocol(t).Stream(t, typeName, nil, true, 0)); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestQueryDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	found := slices.Collect(w.Protocol(t).Stream(t, typeName, nil, false, 0))
	if said := fmt.Sprint(found); len(found) != 1 || !strings.Contains(said, "Cannot query who may use tokens") ||
		!strings.Contains(said, "Only a workspace admin") {
		t.Errorf("%+v", found)
	}
}

// Queries through the real Terraform CLI, if it is new enough.
func TestQueryCLI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	example, err := os.ReadFile("../../../examples/list-resources/dbxaccess_token_permission/list-resource.tfquery.hcl")
	if err != nil {
		t.Fatal(err)
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		Steps: []resource.TestStep{acctest.BeforeQuery(), {
			Query: true, Config: "provider \"dbxaccess\" {}\n" + string(example),
			QueryResultChecks: []querycheck.QueryResultCheck{querycheck.ExpectLength(
				"dbxaccess_token_permission.all", 1)},
		}},
	})
}

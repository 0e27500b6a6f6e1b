package servingendpointpermission_test

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
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// lists counts the requests that read endpoints, and those that read access lists.
func (w *world) lists() (endpoints, lists int) {
	return w.Count("workspace", "GET", "serving-endpoints") - w.Count("workspace", "GET", "permissions"),
		w.Count("workspace", "GET", "permissions")
}

func TestQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	w.Workspace.CreateEndpoint("rose", person)
	w.Workspace.SetGrant("rose", group, "CAN_QUERY")
	w.Workspace.SetGrant("rose", "admins", "CAN_MANAGE") // changes nothing, and no resource can manage it
	w.Workspace.SetGrant("rose", "users", "CAN_VIEW")
	w.Workspace.SetGrant("rose", w.Deployer.ClientID, "CAN_MANAGE")
	iris := []string{"iris/neighbor CAN_QUERY", "iris/Ada CAN_MANAGE", "iris/Bob CAN_VIEW"}
	rose := []string{"rose/data scientists CAN_QUERY", "rose/Ada CAN_MANAGE"}
	own, builtIn := map[string]any{"include_own_identity": true}, map[string]any{"include_built_in_groups": true}
	for name, test := range map[string]struct {
		config           map[string]any
		limit            int64
		want             []string
		endpoints, lists int
	}{
		"one":                       {map[string]any{"endpoint_name": "iris"}, 0, iris, 1, 1},
		"two of one":                {map[string]any{"endpoint_name": "iris"}, 2, iris[:2], 1, 1},
		"all":                       {nil, 0, slices.Concat(iris, rose), 1, 2},
		"as many as all":            {nil, 5, slices.Concat(iris, rose), 1, 2},
		"one of all":                {nil, 1, iris[:1], 1, 1},
		"built-in groups":           {builtIn, 0, slices.Concat(iris, rose[:1], []string{"rose/users CAN_VIEW"}, rose[1:]), 1, 2},
		"own":                       {own, 0, slices.Concat(iris, rose[:1], []string{"rose/deployer CAN_MANAGE"}, rose[1:]), 1, 2},
		"a filter asks for neither": {map[string]any{"endpoint_name": "rose"}, 0, rose, 1, 1},
	} {
		p, config := w.Protocol(t), test.config
		var got []string
		for found := range p.Stream(t, typeName, config, true, test.limit) {
			if found.Errors+found.Warnings != "" {
				t.Errorf("%s: %s%s", name, found.Errors, found.Warnings)
				continue
			}
			got = append(got, found.DisplayName)
			// A listed grant can be imported, and its state is then as listed.
			imported, errors := p.Import(t, typeName, "", found.Identity)
			if errors != "" || fmt.Sprint(imported.State) != fmt.Sprint(found.State) ||
				fmt.Sprint(imported.Identity) != fmt.Sprint(found.Identity) {
				t.Errorf("%s: imported %v, listed %v, %s", found.DisplayName, imported, found, errors)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		p = w.Protocol(t)
		w.Tenant.Journal.Reset()
		for found := range p.Stream(t, typeName, config, false, test.limit) {
			if found.State != nil {
				t.Errorf("%s: nobody asked for the resource", name)
			}
		}
		if endpoints, lists := w.lists(); endpoints != test.endpoints || lists != test.lists {
			t.Errorf("%s: %d requests for endpoints and %d for lists, want %d and %d", name, endpoints, lists,
				test.endpoints, test.lists)
		}
	}
}

// A caller who may see only some access lists gets a warning that names the others. An endpoint that is deleted during
// the query is no error.
func TestQueryWarnsOfUnreadableAccessLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateEndpoint("aster", person)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_MANAGE")
	w.Workspace.SetGrant("aster", w.Deployer.ClientID, "CAN_VIEW")
	p, own := w.Protocol(t), map[string]any{"include_own_identity": true}
	found := slices.Collect(p.Stream(t, typeName, own, false, 0))
	if n := len(found); n != 5 || !strings.Contains(found[n-1].Warnings, "aster") ||
		strings.Contains(found[n-1].Warnings, "iris") || found[n-1].Identity != nil {
		t.Errorf("%+v", found)
	}
	if found = slices.Collect(p.Stream(t, typeName, own, false, 4)); len(found) != 4 || found[3].Warnings != "" {
		t.Errorf("%+v", found) // at the limit Terraform reads no further results
	}
	w.Workspace.DeleteEndpoint("aster")
	w.Workspace.CreateEndpoint("rose", person)
	w.Workspace.SetGrant("rose", w.Deployer.ClientID, "CAN_VIEW")
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{DeletedListGone: true})
	seen := 0
	for range w.Protocol(t).Stream(t, typeName, own, false, 0) {
		if seen++; seen == 1 {
			w.Workspace.DeleteEndpoint("rose")
		}
	}
	if seen != 4 {
		t.Errorf("%d results, want the 4 on iris and no warning", seen)
	}
}

func TestQueryFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	p := w.Protocol(t)
	for endpoint, want := range map[string]string{
		"elsewhere": `no serving endpoint named "elsewhere"`,
		"llama":     "foundation-model",
		"":          "endpoint_name",
	} {
		found := slices.Collect(p.Stream(t, typeName, map[string]any{"endpoint_name": endpoint}, false, 0))
		if len(found) != 1 || !strings.Contains(found[0].Errors, want) {
			t.Errorf("%q: %+v", endpoint, found)
		}
	}
	// A query that fails half way shows the earlier results.
	w.Workspace.CreateEndpoint("rose", person)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 1, Status: 500,
		Message: "list two is broken"})
	found := slices.Collect(w.Protocol(t).Stream(t, typeName, nil, false, 0))
	if n := len(found); n < 2 || found[0].Errors != "" || !strings.Contains(found[n-1].Errors, "list two is broken") ||
		!strings.Contains(found[n-1].Errors, "Cannot query access to serving endpoints") {
		t.Errorf("%+v", found)
	}
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_VIEW")
	found = slices.Collect(w.Protocol(t).Stream(t, typeName, map[string]any{"endpoint_name": "iris"}, false, 0))
	if len(found) != 1 || !strings.Contains(found[0].Errors, "needs CAN_MANAGE on this endpoint") {
		t.Errorf("%+v", found)
	}
}

// A query shows grants on a thousand endpoints as they arrive: the first of them after two requests.
func TestQueryStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 1000
	for i := range many {
		w.Workspace.CreateEndpoint(fmt.Sprintf("model-%d", i), person)
	}
	p := w.Protocol(t)
	w.Tenant.Journal.Reset()
	for found := range p.Stream(t, typeName, nil, false, 0) {
		if endpoints, lists := w.lists(); found.Errors != "" || endpoints != 1 || lists != 1 {
			t.Errorf("%d and %d requests before the first result, %s", endpoints, lists, found.Errors)
		}
		break // a caller that stops causes no further requests
	}
	if endpoints, lists := w.lists(); endpoints != 1 || lists != 1 {
		t.Errorf("%d and %d requests for one result", endpoints, lists)
	}
	count := 0
	for found := range p.Stream(t, typeName, nil, false, 0) {
		if found.Errors != "" {
			t.Fatal(found.Errors)
		}
		count++
	}
	if endpoints, lists := w.lists(); count != many+3 || endpoints != 2 || lists != many+1 {
		t.Errorf("%d results of %d and %d requests", count, endpoints, lists)
	}
}

// Queries through the real Terraform CLI, if it is new enough.
func TestQueryCLI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.CreateEndpoint("forecast", person)
	example, err := os.ReadFile(
		"../../../examples/list-resources/dbxaccess_serving_endpoint_permission/list-resource.tfquery.hcl")
	if err != nil {
		t.Fatal(err)
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		Steps: []resource.TestStep{acctest.BeforeQuery(), {
			Query: true, Config: "provider \"dbxaccess\" {}\n" + string(example),
			QueryResultChecks: []querycheck.QueryResultCheck{
				querycheck.ExpectLength("dbxaccess_serving_endpoint_permission.iris", 3),
				querycheck.ExpectLength("dbxaccess_serving_endpoint_permission.forecast", 1),
			},
		}},
	})
}

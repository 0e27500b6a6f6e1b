package servingendpointpermission_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// apps adds n service principals to the workspace, and returns their application ids.
func (w *world) apps(n int) []string {
	var ids []string
	for range n {
		id := w.Tenant.RegisterApp("x").ClientID
		w.Workspace.AddServicePrincipal(id, "")
		ids = append(ids, id)
	}
	return ids
}

// block returns HCL that grants CAN_QUERY on the endpoint to each of the applications.
func block(endpoint string, apps []string) string {
	return fmt.Sprintf(`resource "dbxaccess_serving_endpoint_permission" "many" {
  for_each               = toset(["%s"])
  endpoint_name          = %q
  service_principal_name = each.key
}
`, strings.Join(apps, `", "`), endpoint)
}

// asked counts the requests by route since its last call.
func (w *world) asked() map[string]int {
	count := map[string]int{}
	for _, e := range w.Tenant.Journal.Entries() {
		count[e.Service+" "+e.Method+" "+e.Route]++
	}
	w.Tenant.Journal.Reset()
	return count
}

const (
	entraDiscovery = "entra GET /{tenant}/v2.0/.well-known/openid-configuration"
	entraToken     = "entra POST /{tenant}/oauth2/v2.0/token"
	readName       = "workspace GET /api/2.0/serving-endpoints/{name}"
	listNames      = "workspace GET /api/2.0/serving-endpoints"
	readList       = "workspace GET /api/2.0/permissions/serving-endpoints/{id}"
	patchList      = "workspace PATCH /api/2.0/permissions/serving-endpoints/{id}"
)

// A refresh of thirty grants on one endpoint costs as much as that of one grant. Writes that wait for another write are
// sent together.
func TestManyOnOneEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.CLI(t, block("iris", w.apps(30)))
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath,
		Delay: 100 * time.Millisecond, Times: 29})
	w.asked()
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Faults.Clear()
	asked := w.asked()
	// The list is read once before the writes, and once after the last of them.
	if asked[readName] != 1 || asked[readList] != 2 || asked[patchList] > 15 {
		t.Errorf("creating 30 grants asked %v", asked)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	if got, want := w.asked(), (map[string]int{entraDiscovery: 1, entraToken: 1, readName: 1,
		readList: 1}); !maps.Equal(got, want) {
		t.Errorf("a plan with nothing to do asked\n%v, not\n%v", got, want)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
	w.holds(t, grantsOfOthers())
}

// There is a grant on each of twelve endpoints: the names of two endpoints are looked up one by one, and those of the
// others with one list.
func TestManyEndpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("e%d", i))
		w.Workspace.CreateEndpoint(names[i], "")
	}
	c := w.CLI(t, fmt.Sprintf(`resource "dbxaccess_serving_endpoint_permission" "many" {
  for_each = toset(["%s"])
  endpoint_name = each.key
  service_principal_name = %q
}
`, strings.Join(names, `", "`), w.app))
	w.asked()
	c.MustRun(t, 0, "apply", "-auto-approve")
	want := map[string]int{entraDiscovery: 1, entraToken: 1, readName: 2, listNames: 1, readList: 12, patchList: 12}
	if got := w.asked(); !maps.Equal(got, want) {
		t.Errorf("creating asked\n%v, not\n%v", got, want)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	delete(want, patchList)
	if got := w.asked(); !maps.Equal(got, want) {
		t.Errorf("a plan with nothing to do asked\n%v, not\n%v", got, want)
	}
	for _, name := range names {
		if got := w.Workspace.Grants(name)[w.app]; got != "CAN_QUERY" {
			t.Errorf("%s: %q", name, got)
		}
	}
	// An endpoint that is missing in the list is looked up by itself before the provider reports it as deleted.
	w.Workspace.DeleteEndpoint("e3")
	if r := c.MustRun(t, 2, "plan", "-detailed-exitcode"); !strings.Contains(r.Stdout,
		"Serving endpoint is gone: e3") || strings.Count(r.Stdout, "will be created") != 1 {
		t.Errorf("planned %s", r.Stdout)
	}
}

// Two configurations manage different principals on one endpoint without conflict.
func TestTwoConfigurations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.apps(1)[0]
	one, two := w.Commands(t, w.toApp()), w.Commands(t, hcl(attr("service_principal_name", other),
		attr("permission_level", "CAN_VIEW")))
	one.MustRun(t, 0, "apply", "-auto-approve")
	two.MustRun(t, 0, "apply", "-auto-approve")
	both := with(w.app, "CAN_QUERY")
	both[other] = "CAN_VIEW"
	w.holds(t, both)
	one.MustRun(t, 0, "plan", "-detailed-exitcode")
	two.MustRun(t, 0, "plan", "-detailed-exitcode")

	one.MustRun(t, 0, "destroy", "-auto-approve")
	w.holds(t, with(other, "CAN_VIEW"))
	two.MustRun(t, 0, "plan", "-detailed-exitcode")
	two.MustRun(t, 0, "destroy", "-auto-approve")
	w.holds(t, grantsOfOthers())
}

// Two processes create and destroy grants on one endpoint at once. The API has no version to compare, so one process
// undoes what the other writes between its read and its write. Each process checks for that and writes again: no grant
// is lost, none comes back, and grants of others survive.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sides := [2]struct {
		*acctest.CLI
		after []string
	}{}
	want := grantsOfOthers()
	for i := range sides {
		before := w.apps(3)
		sides[i].CLI = w.CLI(t, block("iris", before))
		sides[i].after = w.apps(3)
		sides[i].MustRun(t, 0, "apply", "-auto-approve")
		for _, app := range sides[i].after {
			want[app] = "CAN_QUERY"
		}
	}
	// Each write is delayed, so that the two processes overlap.
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: listPath, Delay: 30 * time.Millisecond, Times: -1})
	together := func(code int, args ...string) {
		t.Helper()
		var both sync.WaitGroup
		for _, side := range sides {
			both.Go(func() { side.MustRun(t, code, args...) })
		}
		both.Wait()
	}
	for i := range sides {
		sides[i].Rewrite(t, block("iris", sides[i].after))
	}
	together(0, "apply", "-auto-approve")
	w.holds(t, want)
	together(0, "plan", "-detailed-exitcode")
	together(0, "destroy", "-auto-approve")
	w.holds(t, grantsOfOthers())
}

// A nightly plan after drift ends with exit code 2 and shows what will be done. One apply corrects the drift, and the
// next plan is empty.
func TestDriftByExitCode(t *testing.T) {
	t.Parallel()
	for name, drift := range map[string]struct {
		happens func(*world)
		shows   string
	}{
		"removed": {func(w *world) { w.Workspace.RemoveGrant("iris", w.app) }, "will be created"},
		"raised":  {func(w *world) { w.Workspace.SetGrant("iris", w.app, "CAN_MANAGE") }, `"CAN_MANAGE" -> "CAN_QUERY"`},
		"lowered": {func(w *world) { w.Workspace.SetGrant("iris", w.app, "CAN_VIEW") }, `"CAN_VIEW" -> "CAN_QUERY"`},
		"endpoint re-created": {func(w *world) {
			w.Workspace.DeleteEndpoint("iris")
			w.Workspace.CreateEndpoint("iris", person)
		}, "Serving endpoint was re-created under its name: iris"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.Commands(t, w.toApp())
			c.MustRun(t, 0, "apply", "-auto-approve")
			drift.happens(w)
			if r := c.MustRun(t, 2, "plan", "-detailed-exitcode"); !strings.Contains(r.Stdout, drift.shows) {
				t.Errorf("the plan does not say %q:\n%s", drift.shows, r.Stdout)
			}
			c.MustRun(t, 0, "apply", "-auto-approve")
			c.MustRun(t, 0, "plan", "-detailed-exitcode")
			if got := w.Workspace.Grants("iris")[w.app]; got != "CAN_QUERY" {
				t.Errorf("it holds %q after the apply", got)
			}
		})
	}
}

// The provider waits for a principal that was just created, and logs the wait.
func TestPrincipalNotVisibleYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{AccessPlaneDelay: 5 * time.Minute})
	go func() { // after two refusals the minutes have passed
		for w.Count("workspace", "PATCH", "/permissions/") < 2 {
			time.Sleep(10 * time.Millisecond)
		}
		w.Tenant.Clock.Advance(6 * time.Minute)
	}()
	c := w.CLI(t, `
resource "dbxaccess_service_principal" "new" {
  display_name = "new"
}

resource "dbxaccess_serving_endpoint_permission" "x" {
  endpoint_name          = "iris"
  service_principal_name = dbxaccess_service_principal.new.application_id
}
`)
	c.Env["TF_LOG_PROVIDER"] = "info"
	if r := c.MustRun(t, 0, "apply", "-auto-approve"); !strings.Contains(r.Stderr, "waiting until access lists "+
		"accept a new principal") {
		t.Error("no progress is reported")
	}
	w.Tenant.Clock.Advance(-6 * time.Minute)
	if len(w.Workspace.Grants("iris")) != len(grantsOfOthers())+1 {
		t.Errorf("granted %v", w.Workspace.Grants("iris"))
	}
}

package provider_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	manyPrincipals = 10_000 // the limit of an account
	manyEndpoints  = 1_000  // the limit of a workspace
)

// TestLargestWorkspace reads the largest possible workspace: every page of the lists is read, and the provider keeps
// little in memory afterwards. It runs alone, because all tests of the process share one heap.
func TestLargestWorkspace(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds: runs without -short")
	}
	w := acctest.New(t)
	w.Workspace.AddGroup("everyone")
	w.Workspace.SetGrant("iris", "everyone", "CAN_QUERY")
	for i := range manyPrincipals {
		// The ids differ in the first digit already.
		app := fmt.Sprintf("%08x-0000-4000-8000-%012d", uint32(i)*2654435761, i)
		w.Workspace.AddServicePrincipal(app, fmt.Sprintf("application %05d", i))
		w.Workspace.SetEntitlements(app, "workspace-access")
		w.Workspace.AddToGroup("everyone", app)
	}
	for i := range manyEndpoints - 1 {
		w.Workspace.CreateEndpoint(fmt.Sprintf("endpoint-%04d", i), "")
	}
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMPageSize: 1000})

	for name, c := range map[string]struct {
		typeName string
		config   map[string]any
		check    func(t *testing.T, state map[string]any)
		route    string
		requests int
	}{
		"service principals": {
			"dbxaccess_service_principals", map[string]any{"display_name_prefix": "application "},
			func(t *testing.T, state map[string]any) {
				found := objects(t, state, "service_principals", manyPrincipals)
				ids := map[any]bool{}
				for _, principal := range found {
					ids[principal["application_id"]] = true
				}
				if len(ids) != manyPrincipals || found[manyPrincipals-1]["display_name"] != "application 09999" {
					t.Errorf("%d ids, the last is %v", len(ids), found[manyPrincipals-1])
				}
			}, "/ServicePrincipals", 10,
		},
		"endpoints": {
			"dbxaccess_serving_endpoints", map[string]any{}, func(t *testing.T, state map[string]any) {
				if last := objects(t, state, "endpoints", manyEndpoints)[manyEndpoints-1]; last["name"] != "iris" {
					t.Errorf("the last is %v", last)
				}
			}, "/serving-endpoints", 1,
		},
		"access": {
			"dbxaccess_serving_endpoint_access", map[string]any{"endpoint_name": "iris"},
			func(t *testing.T, state map[string]any) {
				objects(t, state, "principals", manyPrincipals+2) // and the deployer and an admin
				objects(t, state, "unexpanded_groups", 0)
			}, "/ServicePrincipals", 11,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.Protocol(t)
			w.Tenant.Journal.Reset()
			before := liveHeap()
			state, _, errors := p.Read(t, c.typeName, c.config)
			if errors != "" {
				t.Fatal(errors)
			}
			c.check(t, state)
			clear(state) // the state is Terraform's now
			kept := liveHeap() - before
			t.Logf("%d KB", kept>>10)
			if kept > mostLiveHeap {
				t.Errorf("the provider keeps %d MB in memory, want at most %d", kept>>20, mostLiveHeap>>20)
			}
			runtime.KeepAlive(p)
			if n := w.Count("workspace", "GET", c.route); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
		})
	}
}

// objects returns the objects of a list, and fails unless there are want of them.
func objects(t *testing.T, state map[string]any, name string, want int) (found []map[string]any) {
	t.Helper()
	list, _ := state[name].([]any)
	if len(list) != want {
		t.Fatalf("%d %s, want %d", len(list), name, want)
	}
	for _, one := range list {
		object, _ := one.(map[string]any)
		found = append(found, object)
	}
	return found
}

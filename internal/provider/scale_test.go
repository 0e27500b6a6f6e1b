package provider_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	manyPrincipals = 10_000 // the limit of an account
	manyEndpoints  = 1_000  // the limit of a workspace
	mostMemory     = 150 << 20
)

// The largest workspace there can be: lists page right, and the provider stays small.
func TestLargestWorkspace(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes some seconds: runs without -short")
	}
	w := acctest.New(t)
	w.Workspace.AddGroup("everyone")
	w.Workspace.SetGrant("iris", "everyone", "CAN_QUERY")
	for i := range manyPrincipals {
		app := fmt.Sprintf("%08x-0000-4000-8000-%012d", uint32(i)*2654435761, i) // ids that differ from the first digit on
		w.Workspace.AddServicePrincipal(app, fmt.Sprintf("application %05d", i))
		w.Workspace.SetEntitlements(app, "workspace-access")
		w.Workspace.AddToGroup("everyone", app)
	}
	for i := range manyEndpoints - 1 {
		w.Workspace.CreateEndpoint(fmt.Sprintf("endpoint-%04d", i), "")
	}
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMPageSize: 1000})

	for name, c := range map[string]struct {
		hcl, want string
		route     string
		requests  int
	}{
		"service principals": {
			`data "dbxaccess_service_principals" "x" {
			  display_name_prefix = "application "
			}
			output "x" {
			  value = [length(data.dbxaccess_service_principals.x.service_principals), length(toset(data.dbxaccess_service_principals.x.service_principals[*].application_id)), data.dbxaccess_service_principals.x.service_principals[9999].display_name]
			}`, `[10000,10000,"application 09999"]`, "/ServicePrincipals", 10,
		},
		"endpoints": {
			`data "dbxaccess_serving_endpoints" "x" {}
			output "x" {
			  value = [length(data.dbxaccess_serving_endpoints.x.endpoints), data.dbxaccess_serving_endpoints.x.endpoints[999].name]
			}`, `[1000,"iris"]`, "/serving-endpoints", 1,
		},
		"access": {
			`data "dbxaccess_serving_endpoint_access" "x" {
			  endpoint_name = "iris"
			}
			output "x" {
			  value = [length(data.dbxaccess_serving_endpoint_access.x.principals), length(data.dbxaccess_serving_endpoint_access.x.unexpanded_groups)]
			}`, `[10002,0]`, "/ServicePrincipals", 11,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cli := w.CLI(t, "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"+c.hcl)
			w.Tenant.Journal.Reset()
			began := time.Now()
			peak := peakOfProvider(t, cli, "apply", "-auto-approve")
			spent := time.Since(began)
			if n := w.Count("workspace", "GET", c.route); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			if got := strings.TrimSpace(cli.MustRun(t, 0, "output", "-json", "x").Stdout); got != c.want {
				t.Errorf("found %s, want %s", got, c.want)
			}
			t.Logf("%d MB in %s", peak>>20, spent.Round(time.Millisecond))
			if peak > mostMemory {
				t.Errorf("the provider took %d MB, want at most %d", peak>>20, mostMemory>>20)
			}
		})
	}
}

// peakOfProvider runs a command and gives the largest resident size that any process of the provider had in it.
func peakOfProvider(t *testing.T, cli *acctest.CLI, args ...string) (peak int) {
	t.Helper()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc to see how large a process is")
	}
	cmd := cli.Command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if peak == 0 {
				t.Fatal("no process of the provider was seen")
			}
			return peak
		case <-time.After(5 * time.Millisecond):
			for _, pid := range childrenOf(cmd.Process.Pid) {
				peak = max(peak, peakOf(pid))
			}
		}
	}
}

func childrenOf(parent int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	var pids []int
	for _, name := range lists {
		text, _ := os.ReadFile(name) // the process may end meanwhile
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// peakOf is the peak resident size of a process in bytes; 0 when it is gone or is not the provider.
func peakOf(pid int) int {
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || filepath.Base(exe) != "terraform-provider-dbxaccess" {
		return 0
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.Atoi(fields[0])
	return kilobytes << 10
}

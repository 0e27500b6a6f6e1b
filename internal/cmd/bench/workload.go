package main

import (
	"fmt"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A subject is the provider, or Terraform itself, whose work is measured.
type subject string

const (
	builtin subject = "terraform_data" // Terraform itself: no other process
	empty   subject = "empty provider" // our schema over the framework, and no request
	ours    subject = "dbxaccess"
	// profiled is ours, which writes profiles; it is not compared with anything.
	profiled subject = "profiled"
)

var subjects = []subject{builtin, empty, ours}

// A workload is N of something, described by one resource type.
type workload struct {
	name     string // on the command line
	title    string
	resource string
	// attributes are names and HCL expressions; %s is the number of the instance, an expression too.
	attributes [][2]string
	// whole marks one resource that holds all N in a map of that name.
	whole string
	// texts are what the state says of the i-th instance and of no other; fill makes a workspace hold all n, and gives
	// more of such texts. Both are there where the state of many instances can be grown from that of a few.
	texts func(i int) []string
	fill  func(w *world, n int) (texts func(i int) []string, err error)
}

const application = `format("00000000-0000-4000-8000-%%012d", %s)` // one of the emulator's crowd

// newApplicationID and newDisplayName are of the i-th service principal that a run adds.
func newApplicationID(i int) string { return fmt.Sprintf("10000000-0000-4000-8000-%012d", i) }
func newDisplayName(i int) string   { return fmt.Sprintf("scoring app %d", i) }

// blocks is how many resource blocks a workload has, as real configurations are made of several; a single for_each over
// all would measure Terraform, which evaluates it again for each instance.
const blocks = 10

var workloads = []workload{
	{
		name: "principals", title: "N service principals", resource: "dbxaccess_service_principal",
		attributes: [][2]string{
			{"application_id", `format("10000000-0000-4000-8000-%%012d", %s)`},
			{"display_name", `format("scoring app %%d", %s)`},
		},
		texts: func(i int) []string { return []string{newApplicationID(i), quoted(newDisplayName(i))} },
		fill:  fillPrincipals,
	},
	{
		name: "grants", title: "N grants on one endpoint", resource: "dbxaccess_serving_endpoint_permission",
		attributes: [][2]string{
			{"endpoint_name", quoted(emulator.CrowdEndpoint(0))},
			{"service_principal_name", application},
			{"permission_level", `"CAN_QUERY"`},
		},
		texts: func(i int) []string {
			return []string{emulator.CrowdApplicationID(i), quoted(fmt.Sprintf("crowd %d", i))}
		},
		fill: fillGrants,
	},
	{
		name: "list", title: "One whole list of N", resource: "dbxaccess_serving_endpoint_permissions_exclusive",
		attributes: [][2]string{
			{"endpoint_name", quoted(emulator.CrowdEndpoint(0))},
			{"users", `{ "ada@example.com" = "CAN_MANAGE" }`}, // who made the endpoint stays
		},
		whole: "service_principals",
	},
	{
		name: "endpoints", title: "One grant on each of N endpoints", resource: "dbxaccess_serving_endpoint_permission",
		attributes: [][2]string{
			{"endpoint_name", `format("crowd-%%d", %s)`},
			{"service_principal_name", quoted(emulator.CrowdApplicationID(0))},
			{"permission_level", `"CAN_QUERY"`},
		},
	},
}

func quoted(s string) string { return `"` + s + `"` }

// instances is how many resource instances the workload has at size n.
func (w workload) instances(n int) int {
	if w.whole != "" {
		return 1
	}
	return n
}

// config is the workload in HCL for one subject.
func (w workload) config(s subject, n int) string {
	var hcl strings.Builder
	if s != builtin {
		hcl.WriteString("terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n")
	}
	count, each := 1, n
	if n >= blocks && w.whole == "" {
		count, each = blocks, n/blocks
	}
	for b := range count {
		resource, indent := w.resource, "  "
		if s == builtin {
			resource, indent = "terraform_data", "    "
		}
		fmt.Fprintf(&hcl, "resource %q \"b%d\" {\n", resource, b)
		if w.whole == "" {
			fmt.Fprintf(&hcl, "  count = %d\n", each)
		}
		if s == builtin {
			hcl.WriteString("  input = {\n")
		}
		for _, a := range w.attributes {
			expression := a[1]
			if strings.Contains(expression, "%s") {
				expression = fmt.Sprintf(expression, fmt.Sprintf("%d + count.index", b*each))
			}
			fmt.Fprintf(&hcl, "%s%s = %s\n", indent, a[0], expression)
		}
		if w.whole != "" {
			fmt.Fprintf(&hcl, "%s%s = {\n", indent, w.whole)
			for i := range n {
				fmt.Fprintf(&hcl, "%s  %q = \"CAN_QUERY\"\n", indent, emulator.CrowdApplicationID(i))
			}
			fmt.Fprintf(&hcl, "%s}\n", indent)
		}
		if s == builtin {
			hcl.WriteString("  }\n")
		}
		hcl.WriteString("}\n")
	}
	return hcl.String()
}

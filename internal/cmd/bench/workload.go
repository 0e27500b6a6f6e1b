package main

import (
	"fmt"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A subject is what a measurement measures: a provider, or Terraform itself.
type subject string

const (
	builtin subject = "terraform_data" // Terraform itself, without a provider process
	empty   subject = "empty provider" // a provider with the same schema that makes no requests
	ours    subject = "dbxaccess"
	// profiled is this provider with code that writes profiles. It is not compared with other subjects.
	profiled subject = "profiled"
)

var subjects = []subject{builtin, empty, ours}

// A workload is a configuration with N objects of one resource type.
type workload struct {
	name     string // the value for the flag -workloads
	title    string
	resource string
	// attributes are pairs of an attribute's name and its HCL expression. In the expression, %s stands for another
	// expression, the number of the instance.
	attributes [][2]string
	// whole is the name of a map attribute that holds all N objects, for a workload that has only one resource.
	whole string
	// texts returns texts that the state contains for the i-th instance and for no other. fill makes the emulated
	// workspace hold all n objects and returns a function for more such texts. Both are set if a large state can be
	// made from copies of a few instances.
	texts func(i int) []string
	fill  func(w *world, n int) (texts func(i int) []string, err error)
}

// the application id of a service principal that the emulator's flag -crowd adds
const application = `format("00000000-0000-4000-8000-%%012d", %s)`

// newApplicationID returns the application id of the i-th service principal that a run adds, and newDisplayName its
// name.
func newApplicationID(i int) string { return fmt.Sprintf("10000000-0000-4000-8000-%012d", i) }
func newDisplayName(i int) string   { return fmt.Sprintf("scoring app %d", i) }

// blocks is the number of resource blocks of a workload, because real configurations have several. A single for_each
// over all objects would mainly measure Terraform, which evaluates the for_each expression again for each instance.
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
			{"users", `{ "ada@example.com" = "CAN_MANAGE" }`}, // the person who created the endpoint must keep access
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

// instances returns the number of resource instances of the workload at size n.
func (w workload) instances(n int) int {
	if w.whole != "" {
		return 1
	}
	return n
}

// config returns the workload's Terraform configuration for one subject.
func (w workload) config(s subject, n int) string {
	var hcl strings.Builder
	if s != builtin {
		hcl.WriteString("terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" " +
			"}\n  }\n}\n")
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

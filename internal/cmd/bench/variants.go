package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A variant is the measurement of a plan of grants under another setting of the garbage collector, or with for_each
// written in another way.
type variant struct {
	Title  string `json:"title"`
	Phase  phase  `json:"phase"`
	N      int    `json:"n"`
	Sample sample `json:"sample"`
}

// collectors holds the measured values of the variable GOGC. The empty value leaves the choice to the provider.
var collectors = []string{"", "100", "150", "300", "600"}

// variants measures each setting of the garbage collector and each way to write for_each once.
func (b *bench) variants(n int) ([]variant, error) {
	measured, err := b.underCollectors(n)
	if err != nil {
		return nil, err
	}
	for _, way := range []struct{ title, hcl string }{
		{"for_each over an expression in the resource", eachInResource(n)},
		{"for_each over a local", eachInLocal(n)},
	} {
		x, err := b.preview(way.hcl, n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", way.title, err)
		}
		measured = append(measured, variant{way.title, preview, n, x})
	}
	return measured, nil
}

// underCollectors measures the plan without changes under each setting of the garbage collector.
func (b *bench) underCollectors(n int) (measured []variant, err error) {
	grants, err := workloadOf("grants")
	if err != nil {
		return nil, err
	}
	r := &run{b: b, subject: ours, instances: n}
	defer func() { err = errors.Join(err, r.end()) }()
	if err := r.begin(grants, n, 0, true); err != nil {
		return nil, err
	}
	for _, percent := range collectors {
		title := "GOGC not set"
		if r.env = nil; percent != "" {
			title, r.env = "GOGC="+percent, []string{"GOGC=" + percent}
		}
		fmt.Fprintf(b.progress, "%s, N = %d\n", title, n)
		x, err := r.measure(noop)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", title, err)
		}
		measured = append(measured, variant{title, noop, n, x})
	}
	return measured, nil
}

// preview measures the plan that creates n grants, with the given configuration.
func (b *bench) preview(hcl string, n int) (x sample, err error) {
	grants, err := workloadOf("grants")
	if err != nil {
		return sample{}, err
	}
	r := &run{b: b, subject: ours, instances: n}
	defer func() { err = errors.Join(err, r.end()) }()
	if err := r.begin(grants, n, 0, false); err != nil {
		return sample{}, err
	}
	if err := r.layOut(hcl); err != nil {
		return sample{}, err
	}
	fmt.Fprintf(b.progress, "Two ways to write for_each, N = %d\n", n)
	return r.measure(preview)
}

// eachExpression returns an HCL expression for a map from n names to n application ids.
func eachExpression(n int) string {
	return fmt.Sprintf(`{ for i in range(%d) : format("app-%%d", i) => format("00000000-0000-4000-8000-%%012d", i) }`, n)
}

func eachInResource(n int) string { return eachOver(eachExpression(n)) }

func eachInLocal(n int) string {
	return fmt.Sprintf("locals {\n  grants = %s\n}\n%s", eachExpression(n), eachOver("local.grants"))
}

func eachOver(expression string) string {
	return fmt.Sprintf(`terraform {
  required_providers {
    dbxaccess = { source = "dbxaccess/dbxaccess" }
  }
}
resource "dbxaccess_serving_endpoint_permission" "all" {
  for_each               = %s
  endpoint_name          = %q
  service_principal_name = each.value
  permission_level       = "CAN_QUERY"
}
`, expression, emulator.CrowdEndpoint(0))
}

// variantsTable writes the table of the variants.
func variantsTable(measured []variant, out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nN grants on one endpoint\tphase\tN\twall\tprovider\tprovider\t")
	for _, v := range measured {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.2f s\t%.2f s\t%.0f MB\t\n", v.Title, v.Phase, v.N, v.Sample.Wall,
			v.Sample.Provider, float64(v.Sample.ProviderPeak)/1e6)
	}
	return t.Flush()
}

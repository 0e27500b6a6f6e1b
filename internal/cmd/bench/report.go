package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The documentation takes the results from these paths, which are relative to the repository's root.
const (
	publishedResults = "internal/cmd/bench/results"
	publishedChart   = "templates/guides/images/performance.svg"
)

// A report holds all measurements, and the machine and the versions that were measured.
type report struct {
	Date     string `json:"date"`
	System   string `json:"system"`
	CPUs     int    `json:"cpus"`
	CLI      string `json:"cli"`
	Provider string `json:"provider"`
	Rows     []row  `json:"rows"`
	// Starts are the times from the start of a provider until its handshake with Terraform, in seconds.
	Starts map[subject]float64 `json:"start_seconds"`
	// Started is how often each provider was started for that.
	Started int `json:"started"`
	// Variants are measurements of other settings, each made once.
	Variants []variant `json:"variants,omitempty"`
}

func (b *bench) newReport() (report, error) {
	cmd := exec.CommandContext(b.ctx, b.cli, "version")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "CHECKPOINT_DISABLE=1"}
	version, err := cmd.Output()
	if err != nil {
		return report{}, fmt.Errorf("%s version: %w", b.cli, err)
	}
	cli, _, _ := strings.Cut(string(version), "\n")
	// Without a Git repository the provider's version is unknown, but the measurements are still useful.
	revision, err := exec.CommandContext(b.ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		revision = []byte("unknown")
	}
	return report{
		Date: time.Now().UTC().Format(time.DateOnly), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPUs: runtime.NumCPU(),
		CLI:  cli, Provider: strings.TrimSpace(string(revision)), Started: b.options.starts,
	}, nil
}

// write prints the requests and the table. It also writes the table, all numbers and the chart into the folder dir and,
// if publish is set, into the folders of the documentation.
func (r report) write(dir string, publish bool, out io.Writer) error {
	var table strings.Builder
	if err := r.table(&table); err != nil {
		return err
	}
	r.routes(out)
	fmt.Fprintf(out, "\n%s", table.String())
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	files := map[string][]byte{
		filepath.Join(dir, "table.txt"):    []byte(table.String()),
		filepath.Join(dir, "results.json"): data,
		filepath.Join(dir, "chart.svg"):    r.chart(),
	}
	if publish {
		files[filepath.Join(publishedResults, "table.txt")] = []byte(table.String())
		files[filepath.Join(publishedResults, "results.json")] = data
		files[publishedChart] = r.chart()
	}
	for name, content := range files {
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, content, 0o644))
	}
	return err
}

// table writes the table of all measurements, with an explanation of its columns.
func (r report) table(out io.Writer) error {
	fmt.Fprintf(out, "%s, dbxaccess %s, %s, %d CPUs, %s\n\n", r.CLI, r.Provider, r.System, r.CPUs, r.Date)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tN\t ms\tphase\trequests\twall\t× terraform_data\t× empty\tCPU\tprovider\t× "+
		"empty\tpeak\tprovider\tlive\truns\t")
	for i, x := range r.Rows {
		if len(x.Samples[ours]) == 0 {
			continue
		}
		title := ""
		if i == 0 || x.Workload != r.Rows[i-1].Workload || x.N != r.Rows[i-1].N {
			title = titleOf(x.Workload)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%.0f\t%.2f s\t%s\t%s\t%.2f s\t%.2f s\t%s\t%.0f MB\t%.0f MB\t%s\t%d\t\n", title,
			x.N, x.Milliseconds, x.Phase, x.median(ours, requests), x.median(ours, wall),
			times(x.ratio(builtin, wall)), times(x.ratio(empty, wall)), x.median(ours, cpu),
			x.median(ours, providerCPU), times(x.ratio(empty, providerCPU)),
			x.median(ours, peak)/1e6, x.median(ours, providerPeak)/1e6, liveOf(x), len(x.Samples[ours]))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Variants) > 0 {
		if err := variantsTable(r.Variants, out); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\nStart until the handshake: %.3f s, of the empty provider %.3f s (median of %d)\n",
		r.Starts[ours], r.Starts[empty], r.Started)
	_, err := fmt.Fprint(out, `
ms is the latency of each request. Numbers are medians; × compares with a neighbour in time, first wall time with
terraform_data and with the empty provider, then the providers' CPU time. CPU and peak memory are those of Terraform
with its providers, then of the providers alone. Live is what the provider still holds at its end after a collection.
Runs is how often it was measured: what takes Terraform minutes only once. The two floors make no requests, so they are
measured without latency only, and up to 1000 instances.
`)
	return err
}

// routes writes, for each row, the number of requests per route.
func (r report) routes(out io.Writer) {
	for _, x := range r.Rows {
		if len(x.Samples[ours]) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s, N = %d, %d ms, %s\n", titleOf(x.Workload), x.N, x.Milliseconds, x.Phase)
		asked := x.Samples[ours][0].Requests
		for _, route := range slices.Sorted(maps.Keys(asked)) {
			fmt.Fprintf(out, "  %6d  %s\n", asked[route], route)
		}
	}
}

func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

// liveOf returns the memory that the provider still held after its last garbage collection. Only the first repetition
// measures it.
func liveOf(x row) string {
	if size := x.Samples[ours][0].Live; size > 0 {
		return fmt.Sprintf("%.1f MB", float64(size)/1e6)
	}
	return "-"
}

func titleOf(name string) string {
	w, err := workloadOf(name)
	if err != nil {
		return name
	}
	return w.title
}

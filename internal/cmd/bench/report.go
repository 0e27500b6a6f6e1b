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

// Where the documentation takes the results from, from the repository's root.
const (
	publishedResults = "internal/cmd/bench/results"
	publishedChart   = "templates/guides/images/performance.svg"
)

// A report is all that was measured, and on what.
type report struct {
	Date     string   `json:"date"`
	System   string   `json:"system"`
	CPUs     int      `json:"cpus"`
	CLI      string   `json:"cli"`
	Provider string   `json:"provider"`
	Rows     []row    `json:"rows"`
	Skipped  []string `json:"skipped,omitempty"`
}

func (b *bench) newReport() (report, error) {
	cmd := exec.CommandContext(b.ctx, b.cli, "version")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "CHECKPOINT_DISABLE=1"}
	version, err := cmd.Output()
	if err != nil {
		return report{}, fmt.Errorf("%s version: %w", b.cli, err)
	}
	cli, _, _ := strings.Cut(string(version), "\n")
	// Outside a checkout nobody knows the version, and that is no reason not to measure.
	revision, err := exec.CommandContext(b.ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		revision = []byte("unknown")
	}
	return report{
		Date: time.Now().UTC().Format(time.DateOnly), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(),
		CLI: cli, Provider: strings.TrimSpace(string(revision)),
	}, nil
}

// write prints the table and puts it, the numbers and the chart into the folder.
func (r report) write(dir string, publish bool, out io.Writer) error {
	var table strings.Builder
	if err := r.table(&table); err != nil {
		return err
	}
	fmt.Fprint(out, table.String())
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

// table shows every row, and below it where the requests went.
func (r report) table(out io.Writer) error {
	fmt.Fprintf(out, "%s, dbxaccess %s, %s, %d CPUs, %s\n", r.CLI, r.Provider, r.System, r.CPUs, r.Date)
	for i, x := range r.Rows {
		title := fmt.Sprintf("%s, N = %d, %d ms", titleOf(x.Workload), x.N, x.Milliseconds)
		if i == 0 || x.Phase == phases[0] {
			fmt.Fprintf(out, "\n%s\n", title)
			if err := tableOf(out, r.Rows[i:min(i+len(phases), len(r.Rows))]); err != nil {
				return err
			}
		}
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(out, "\nNot measured: %s\n", s)
	}
	_, err := fmt.Fprintln(out, "\nMedians. × compares wall time with a neighbour in time. CPU and peak are those of the CLI and its providers, and of the providers alone.")
	return err
}

func tableOf(out io.Writer, rows []row) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\trequests\twall\t× terraform_data\t× empty provider\tCPU\tprovider's\t× empty provider's\tpeak\tprovider's\tmeasured\t")
	for _, x := range rows {
		if len(x.Samples[ours]) == 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.2f s\t%s\t%s\t%.2f s\t%.2f s\t%s\t%.0f MB\t%.0f MB\t%d ×\t\n", x.Phase, x.median(ours, requests), x.median(ours, wall),
			times(x.ratio(builtin, wall)), times(x.ratio(empty, wall)),
			x.median(ours, cpu), x.median(ours, providerCPU), times(x.ratio(empty, providerCPU)),
			x.median(ours, peak)/1e6, x.median(ours, providerPeak)/1e6, len(x.Samples[ours]))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, x := range rows {
		if len(x.Samples[ours]) == 0 {
			continue
		}
		asked := x.Samples[ours][0].Requests
		for _, route := range slices.Sorted(maps.Keys(asked)) {
			fmt.Fprintf(out, "  %-10s %6d  %s\n", x.Phase, asked[route], route)
		}
	}
	return nil
}

func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

func titleOf(name string) string {
	for _, w := range workloads {
		if w.name == name {
			return w.title
		}
	}
	return name
}

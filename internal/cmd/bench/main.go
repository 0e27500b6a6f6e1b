// Command bench measures the cost of a configuration with many service principals and grants: requests, time, CPU and
// memory. It runs the real provider under the real Terraform or OpenTofu against the emulator. In the same minutes it
// measures two lower bounds for comparison: Terraform's own terraform_data, and an empty provider with the same schema.
// Run it in the root of the repository.
//
// It prints a table and writes table.txt, results.json and chart.svg into the folder -out. With -publish it also writes
// them where the documentation takes them from.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/cmd/local"
)

const module = "github.com/dbxaccess/terraform-provider-dbxaccess"

// options says what to measure.
type options struct {
	sizes     []int
	latencies []time.Duration
	workloads []workload
	subjects  []subject
	// repeat is how often short measurements are repeated; see [bench.schedule].
	repeat int
	// plans is how often the plan without changes is measured. If it is set, the other phases are measured only if the
	// plan needs them; 0 measures all phases.
	plans int
	// variants also measures settings of the garbage collector and ways to write for_each.
	variants bool
	// profile keeps CPU and heap profiles of each plan without changes.
	profile bool
	// starts is how often each provider is started, to measure how long that takes.
	starts int
	// bin is the folder of the programs, and out is the folder of the results. built says that the programs are built.
	bin, out string
	built    bool
	// plain builds the programs without the flags of a release, so that the build reuses the packages that other builds
	// and tests have compiled.
	plain bool
}

func main() {
	o := options{starts: 21}
	sizes := flag.String("n", "1,100,1000,10000", "sizes; above 1000 only the plan without changes, from a grown state")
	latencies := flag.String("latency", "0s,50ms", "latencies of every request")
	names := flag.String("workloads", "all", "any of "+strings.Join(workloadNames(), ", "))
	floors := flag.Bool("floors", true, "measure terraform_data and the empty provider too")
	flag.IntVar(&o.repeat, "repeat", 3, "repetitions of what takes little time")
	flag.IntVar(&o.plans, "plans", 0, "measure the plan without changes that often, and little else")
	flag.StringVar(&o.out, "out", filepath.Join("bin", "bench"), "folder for the results")
	flag.BoolVar(&o.profile, "profile", false, "keep CPU and heap profiles of the plans without changes")
	flag.BoolVar(&o.variants, "variants", false, "measure settings of the garbage collector and ways to write "+
		"for_each too")
	publish := flag.Bool("publish", false, "renew what the documentation shows, which has the variants")
	flag.Parse()
	o.bin, o.variants = o.out, o.variants || *publish
	// After an interrupt, the program still stops the processes that it started.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := o.parse(*sizes, *latencies, *names)
	if err == nil {
		if o.subjects = []subject{ours}; *floors {
			o.subjects = subjects
		}
		var r report
		if r, err = measure(ctx, o, os.Stderr); err == nil {
			err = r.write(o.out, *publish, os.Stdout)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nbench failed: %v\n", err)
		os.Exit(1)
	}
}

func workloadNames() []string {
	var names []string
	for _, w := range workloads {
		names = append(names, w.name)
	}
	return names
}

func workloadOf(name string) (workload, error) {
	i := slices.Index(workloadNames(), name)
	if i < 0 {
		return workload{}, fmt.Errorf("%q is none of %s", name, strings.Join(workloadNames(), ", "))
	}
	return workloads[i], nil
}

func (o *options) parse(sizes, latencies, names string) error {
	for s := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > blocks && n%blocks != 0 {
			return fmt.Errorf("-n: %q is neither a number up to %d nor a multiple of it", s, blocks)
		}
		o.sizes = append(o.sizes, n)
	}
	for s := range strings.SplitSeq(latencies, ",") {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 || d%time.Millisecond != 0 {
			return fmt.Errorf("-latency: %q is no number of milliseconds, such as 50ms", s)
		}
		o.latencies = append(o.latencies, d)
	}
	if names == "all" {
		o.workloads = workloads
		return nil
	}
	for name := range strings.SplitSeq(names, ",") {
		w, err := workloadOf(name)
		if err != nil {
			return fmt.Errorf("-workloads: %w", err)
		}
		o.workloads = append(o.workloads, w)
	}
	return nil
}

// bench holds what all measurements share.
type bench struct {
	ctx      context.Context
	options  options
	dir      string // temporary files
	cli      string
	registry string
	emulator string // the path of the emulator's binary
	progress io.Writer
}

// folder returns the folder that holds the subject's provider and the meter that runs it.
func (b *bench) folder(s subject) string {
	return filepath.Join(b.options.bin, strings.ReplaceAll(string(s), " ", "-"))
}

func measure(ctx context.Context, o options, progress io.Writer) (r report, err error) {
	b := &bench{ctx: ctx, options: o, progress: progress}
	if b.options.bin, err = filepath.Abs(o.bin); err != nil {
		return r, err
	}
	if b.cli, b.registry, err = local.Terraform(); err != nil {
		return r, err
	}
	if b.dir, err = os.MkdirTemp("", "dbxaccess-bench-"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.emulator = filepath.Join(b.options.bin, "emulator")
	if !o.built {
		if err := b.build(); err != nil {
			return r, err
		}
	}
	if r, err = b.newReport(); err != nil {
		return r, err
	}
	if r.Starts, err = b.coldStarts(); err != nil {
		return r, err
	}
	for i, latency := range o.latencies {
		for _, n := range o.sizes {
			for _, w := range o.workloads {
				if n > mostApplied && (i > 0 || w.fill == nil && w.whole == "") {
					continue
				}
				rows, err := b.workload(w, n, latency)
				if err != nil {
					return r, fmt.Errorf("%s, N = %d, %s: %w", w.title, n, latency, err)
				}
				r.Rows = append(r.Rows, rows...)
			}
		}
	}
	if o.variants {
		if r.Variants, err = b.variants(mostApplied); err != nil {
			return r, err
		}
	}
	return r, nil
}

// build builds the programs with a single command, and links each to the paths at which it is run. If nothing changed,
// this takes little time, because Go reuses its results.
func (b *bench) build() error {
	fmt.Fprintln(b.progress, "Building.")
	const plugin = "terraform-provider-dbxaccess"
	programs := filepath.Join(b.options.bin, "programs")
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return err
	}
	args, env := []string{"build", "-o", programs}, os.Environ()
	if !b.options.plain {
		args, env = append(args, "-trimpath"), append(env, "CGO_ENABLED=0")
	}
	cmd := exec.CommandContext(b.ctx, "go", append(args, module, module+"/internal/cmd/emulator",
		module+"/internal/cmd/bench/profiled", module+"/internal/cmd/bench/empty", module+"/internal/cmd/bench/meter")...)
	cmd.Env = env
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	for path, program := range map[string]string{
		b.emulator: "emulator",
		filepath.Join(b.folder(ours), "provider"):  plugin,
		filepath.Join(b.folder(profiled), plugin):  "profiled",
		filepath.Join(b.folder(empty), "provider"): "empty",
		filepath.Join(b.folder(ours), plugin):      "meter",
		filepath.Join(b.folder(empty), plugin):     "meter",
	} {
		err := os.Remove(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err = errors.Join(err, os.Link(filepath.Join(programs, program), path)); err != nil {
			return err
		}
	}
	return nil
}

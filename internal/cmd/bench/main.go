// Command bench measures what a configuration of many service principals and grants costs: requests, time, CPU and memory
// of the real provider under the real CLI against the emulator. Each number stands beside two floors measured in the same
// minutes: Terraform's own terraform_data, and an empty provider with the same schema. Run it in the
// root of the repository.
//
// It prints a table and writes table.txt, results.json and chart.svg into the folder -out; with -publish also to where the
// documentation takes them from.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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

// options are what to measure.
type options struct {
	sizes     []int
	latencies []time.Duration
	workloads []workload
	subjects  []subject
	// repeat is how often each phase is measured without latency; with latency, where waiting outweighs what the machine
	// does, once. More than a thousand instances are measured once too, and at the first latency only; a destroy of more than
	// a hundred as well: they take Terraform longer than all the rest.
	repeat int
	// profile keeps the profiles of each plan without changes.
	profile bool
	// bin keeps what was built, out is for the results.
	bin, out string
}

func main() {
	var o options
	sizes := flag.String("n", "1,100,1000,10000", "sizes; above 1000 only the plan without changes, from a grown state")
	latencies := flag.String("latency", "0s,50ms", "latencies of every request")
	names := flag.String("workloads", "all", "any of "+strings.Join(workloadNames(), ", "))
	floors := flag.Bool("floors", true, "measure terraform_data and the empty provider too")
	flag.IntVar(&o.repeat, "repeat", 3, "repetitions at latency 0")
	flag.StringVar(&o.out, "out", filepath.Join("bin", "bench"), "folder for the results")
	flag.BoolVar(&o.profile, "profile", false, "keep CPU and heap profiles of the plans without changes")
	publish := flag.Bool("publish", false, "renew what the documentation shows")
	flag.Parse()
	o.bin = o.out
	// Interrupted, it still stops what it started.
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
	for name := range strings.SplitSeq(names, ",") {
		i := slices.Index(workloadNames(), name)
		switch {
		case name == "all":
			o.workloads = workloads
		case i < 0:
			return fmt.Errorf("-workloads: %q is none of %s", name, strings.Join(workloadNames(), ", "))
		default:
			o.workloads = append(o.workloads, workloads[i])
		}
	}
	return nil
}

// bench is what all measurements share.
type bench struct {
	ctx      context.Context
	options  options
	dir      string // scratch
	cli      string
	registry string
	emulator string // binary
	progress io.Writer
}

// folder holds the subject's provider, behind the meter.
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
	if err := b.build(); err != nil {
		return r, err
	}
	if r, err = b.newReport(); err != nil {
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
	return r, nil
}

// build makes the binaries; where nothing changed, Go sees that and it takes no time.
func (b *bench) build() error {
	fmt.Fprintln(b.progress, "Building.")
	b.emulator = filepath.Join(b.options.bin, "emulator")
	const plugin = "terraform-provider-dbxaccess"
	for out, pkg := range map[string]string{
		b.emulator: module + "/internal/cmd/emulator",
		filepath.Join(b.folder(ours), "provider"):  module,
		filepath.Join(b.folder(profiled), plugin):  module + "/internal/cmd/bench/profiled",
		filepath.Join(b.folder(empty), "provider"): module + "/internal/cmd/bench/empty",
		filepath.Join(b.folder(ours), plugin):      module + "/internal/cmd/bench/meter",
		filepath.Join(b.folder(empty), plugin):     module + "/internal/cmd/bench/meter",
	} {
		cmd := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
		}
	}
	return nil
}

// workload measures all phases, the subjects taking turns.
func (b *bench) workload(w workload, n int, latency time.Duration) ([]row, error) {
	phases := w.phases(n)
	rows := make([]row, len(phases))
	for i, p := range phases {
		rows[i] = row{Workload: w.name, N: n, Milliseconds: latency.Milliseconds(), Phase: p, Samples: map[subject][]sample{}}
	}
	repeat := b.options.repeat
	if latency > 0 || n > mostApplied {
		repeat = 1
	}
	for i := range repeat {
		for _, s := range b.options.subjects {
			fmt.Fprintf(b.progress, "%s, N = %d, %s, %d of %d, %s:", w.title, n, latency, i+1, repeat, s)
			samples, err := b.once(w, s, n, latency, i == 0)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s, err)
			}
			for j := range samples {
				fmt.Fprintf(b.progress, " %s %.2f s", phases[j], samples[j].Wall)
				rows[j].Samples[s] = append(rows[j].Samples[s], samples[j])
			}
			fmt.Fprintln(b.progress)
		}
	}
	return rows, nil
}

// once takes one subject through the phases, in a folder and a world of its own. The first repetition has all of them.
func (b *bench) once(w workload, s subject, n int, latency time.Duration, first bool) (samples []sample, err error) {
	r := &run{b: b, subject: s, instances: w.instances(n)}
	if r.dir, err = os.MkdirTemp(b.dir, "run-"); err != nil {
		return nil, err
	}
	if s == ours {
		if r.world, err = b.newWorld(r.dir, n, latency); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, r.world.Stop()) }()
	}
	if w.grown(n) {
		err = r.grow(w, n)
	} else {
		err = r.layOut(w.config(s, n))
	}
	if err != nil {
		return nil, err
	}
	for _, p := range w.phases(n) {
		if p == destroy && !first && n > 100 {
			break
		}
		x, err := r.measure(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		if p == noop && s == ours && first {
			if x.Live, err = r.live(w, n, latency); err != nil {
				return nil, fmt.Errorf("%s with profiles: %w", p, err)
			}
		}
		samples = append(samples, x)
	}
	return samples, nil
}

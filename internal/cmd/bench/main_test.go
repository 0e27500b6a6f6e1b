package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/cmd/local"
)

// built builds the programs once for all tests. It returns their folder, which keeps them between test runs, so that
// unchanged programs are not linked again.
var built = sync.OnceValues(func() (string, error) {
	bin, err := filepath.Abs(filepath.Join("..", "..", "..", "bin", "test", "bench"))
	if err != nil {
		return "", err
	}
	b := &bench{ctx: context.Background(), options: options{bin: bin, plain: true}, emulator: filepath.Join(bin, "emulator"),
		progress: io.Discard}
	return bin, b.build()
})

// measured measures with the built programs, and starts each provider once.
func measured(t *testing.T, o options) (report, options) {
	t.Helper()
	var err error
	if o.bin, err = built(); err != nil {
		t.Fatal(err)
	}
	o.built, o.starts = true, 1
	r, err := measure(t.Context(), o, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return r, o
}

func find(t *testing.T, r report, workload string, n int, p phase) row {
	t.Helper()
	for _, x := range r.Rows {
		if x.Workload == workload && x.N == n && x.Phase == p {
			return x
		}
	}
	t.Fatalf("no row of %s, N = %d, %s", workload, n, p)
	return row{}
}

// TestBench runs the workloads at a small size, except the first one, which TestFloors runs. It checks that all phases
// succeed and that the samples are complete.
func TestBench(t *testing.T) {
	r, o := measured(t, options{sizes: []int{10}, latencies: []time.Duration{0}, workloads: workloads[1:],
		subjects: []subject{ours}, repeat: 1})
	if len(r.Rows) != len(o.workloads)*len(phases) {
		t.Errorf("%d rows", len(r.Rows))
	}
	checkSamples(t, r)
}

// checkSamples checks the first sample of this provider in each row: it has a login among its requests, which are
// counted by route, and CPU times and memory that are possible.
func checkSamples(t *testing.T, r report) {
	t.Helper()
	for _, x := range r.Rows {
		s := x.Samples[ours][0]
		if s.Requests["entra POST /{tenant}/oauth2/v2.0/token"] == 0 {
			t.Errorf("%s, N = %d, %s: no login among %v", x.Workload, x.N, x.Phase, s.Requests)
		}
		if s.Wall <= 0 || s.Provider <= 0 || s.Provider >= s.CPU || s.ProviderPeak < 10e6 || s.ProviderPeak > s.Peak ||
			s.Peak > 1e9 {
			t.Errorf("%s, N = %d, %s: %+v", x.Workload, x.N, x.Phase, s)
		}
	}
}

// TestSchedule checks what the schedule measures for different sizes and latencies.
func TestSchedule(t *testing.T) {
	grants, err := workloadOf("grants")
	if err != nil {
		t.Fatal(err)
	}
	none, some := time.Duration(0), time.Millisecond
	planned := []phase{noop}
	for _, tc := range []struct {
		n       int
		latency time.Duration
		plans   int
		want    schedule
	}{
		{100, none, 0, schedule{phases: phases, subjects: subjects, lives: 3, plans: 1}},
		{100, some, 0, schedule{phases: phases, subjects: []subject{ours}, lives: 1, plans: 1}},
		{1000, none, 0, schedule{phases: phases, subjects: subjects, lives: 1, plans: 3}},
		{1000, some, 0, schedule{phases: []phase{create, noop}, subjects: []subject{ours}, lives: 1, plans: 1}},
		{10000, none, 0, schedule{phases: planned, subjects: []subject{ours}, lives: 1, plans: 1, grown: true}},
		{1000, none, 9, schedule{phases: planned, subjects: subjects, lives: 1, plans: 9, grown: true}},
		{1, none, 9, schedule{phases: []phase{create, noop}, subjects: subjects, lives: 1, plans: 9}},
	} {
		b := &bench{options: options{latencies: []time.Duration{none, some}, subjects: subjects, repeat: 3,
			plans: tc.plans}}
		if got := b.schedule(grants, tc.n, tc.latency); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%d instances, %s, -plans %d: %+v, want %+v", tc.n, tc.latency, tc.plans, got, tc.want)
		}
	}
}

// TestPlansOfCopiedStates checks that plans from a copied state are empty and that the variants succeed. A command
// with an unexpected result is an error of the measurement. The variants copy the state of grants, so that only the
// state of principals is copied before them.
func TestPlansOfCopiedStates(t *testing.T) {
	r, o := measured(t, options{sizes: []int{20}, latencies: []time.Duration{0}, workloads: workloads[:1],
		subjects: []subject{ours}, plans: 2})
	if x := find(t, r, "principals", 20, noop); len(x.Samples[ours]) != 2 || x.Samples[ours][0].Live == 0 {
		t.Errorf("%+v", x.Samples)
	}
	b := &bench{ctx: t.Context(), options: o, dir: t.TempDir(), progress: t.Output(),
		emulator: filepath.Join(o.bin, "emulator")}
	var err error
	if b.cli, b.registry, err = local.Terraform(); err != nil {
		t.Fatal(err)
	}
	all := collectors
	t.Cleanup(func() { collectors = all })
	collectors = []string{"", "600"}
	if r.Variants, err = b.variants(20); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := r.table(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GOGC not set", "GOGC=600", "for_each over a local"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, &table)
		}
	}
}

// TestFloors checks that the empty provider and terraform_data create the same resources without sending requests, and
// that the results of this provider are compared with theirs. It also checks that requests are counted for each phase
// alone, so that fewer instances do not send more requests.
func TestFloors(t *testing.T) {
	r, o := measured(t, options{sizes: []int{10}, latencies: []time.Duration{time.Millisecond},
		workloads: workloads[:1], subjects: subjects, repeat: 5})
	for _, p := range phases {
		x := find(t, r, "principals", 10, p)
		for _, s := range subjects {
			if len(x.Samples[s]) != 1 { // with a latency, each phase is measured once
				t.Fatalf("%s: %d samples of %s", p, len(x.Samples[s]), s)
			}
		}
		floor, none := x.Samples[empty][0], x.Samples[builtin][0]
		if len(floor.Requests) != 0 || floor.Provider == 0 || floor.CPU <= none.CPU || none.Provider != 0 {
			t.Errorf("%s: %+v, %+v", p, floor, none)
		}
		if x.ratio(empty, cpu) == 0 || x.ratio(builtin, wall) == 0 {
			t.Errorf("%s: nothing to compare with in %+v", p, x)
		}
	}
	checkSamples(t, r)
	for p, want := range map[phase]int{create: 10, noop: 0, destroy: 0} {
		sent := find(t, r, "principals", 10, p).Samples[ours][0].Requests
		if sent["workspace POST /api/2.0/preview/scim/v2/ServicePrincipals"] != want {
			t.Errorf("%s: %d creations of service principals are counted as %v", p, want, sent)
		}
	}
	o.sizes, o.subjects = []int{1}, []subject{ours}
	one, _ := measured(t, o)
	checkSamples(t, one)
	for _, p := range phases {
		few := find(t, one, "principals", 1, p).Samples[ours][0].Requests
		if total(few) > total(find(t, r, "principals", 10, p).Samples[ours][0].Requests) {
			t.Errorf("%s: one asks for more than ten: %v", p, few)
		}
	}
	dir := t.TempDir()
	var out bytes.Buffer
	if err := r.write(dir, false, &out); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(dir, "table.txt"))
	if err != nil || !strings.HasSuffix(out.String(), string(table)) ||
		!strings.Contains(string(table), "N service principals") ||
		!strings.Contains(out.String(), "N service principals, N = 10, 1 ms, create\n") {
		t.Errorf("%v\n%s", err, &out)
	}
	if _, err := os.Stat(filepath.Join(dir, "results.json")); err != nil {
		t.Error(err)
	}
}

func TestRatiosArePaired(t *testing.T) {
	x := row{Samples: map[subject][]sample{
		ours:    {{Wall: 2}, {Wall: 40}, {Wall: 3}},
		builtin: {{Wall: 1}, {Wall: 10}, {Wall: 1}},
		empty:   {{Wall: 4}},
	}}
	for _, tc := range []struct {
		name      string
		got, want float64
	}{
		{"of the machine's bad minute too", x.ratio(builtin, wall), 3},
		{"of what was measured", x.ratio(empty, wall), 0.5},
		{"median", x.median(ours, wall), 3},
		{"of nothing", x.ratio("nobody", wall), 0},
		{"median of two", median([]float64{3, 1}), 2},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, tc.got, tc.want)
		}
	}
}

func TestChart(t *testing.T) {
	at := func(n int, ms int64, p phase, seconds float64) row {
		return row{Workload: "grants", N: n, Milliseconds: ms, Phase: p, Samples: map[subject][]sample{
			ours: {{Wall: seconds, Requests: map[string]int{"a": 4, "b": 2}}}, builtin: {{Wall: 1}}, empty: {{Wall: 1}},
		}}
	}
	svg := report{Rows: []row{at(1, 0, noop, 8), at(1000, 0, create, 9), at(1000, 0, noop, 2.5),
		at(1000, 50, noop, 7)}}.chart()
	for decoder := xml.NewDecoder(bytes.NewReader(svg)); ; {
		_, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
	}
	if text := string(svg); !strings.Contains(text, "N = 1000, 0 ms") ||
		!strings.Contains(text, "2.50 s, 6 requests") || strings.Contains(text, "8.00") ||
		strings.Contains(text, "9.00") || strings.Contains(text, "7.00") {
		t.Errorf("%s", text)
	}
}

func TestParse(t *testing.T) {
	var o options
	if err := o.parse("1,1000", "0s,50ms", "grants,list"); err != nil || len(o.sizes) != 2 ||
		o.latencies[1] != 50*time.Millisecond || len(o.workloads) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range [][3]string{
		{"0", "0s", "all"},
		{"15", "0s", "all"}, // 15 is not a multiple of the number of blocks
		{"x", "0s", "all"},
		{"1", "50", "all"},
		{"1", "-1s", "all"},
		{"1", "1us", "all"},
		{"1", "0s", "everything"},
	} {
		if err := new(options).parse(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// quick is the largest number of instances that are created and destroyed more than once. Terraform takes minutes for
// more instances.
const quick = 100

// A schedule says which phases and subjects of a workload are measured, and how often.
type schedule struct {
	phases   []phase
	subjects []subject
	lives    int  // how often the whole sequence of phases runs
	plans    int  // how often each life measures the plan without changes
	grown    bool // the state is copied from that of a few instances
}

// schedule limits the total time of the measurements:
//
//   - Short measurements are repeated, unless requests have a latency, which outweighs other activity of the machine.
//   - For more than a hundred instances, only the plan is repeated.
//   - Only the first latency is measured with all subjects, because the other subjects make no requests. At later
//     latencies, the destruction of more than a hundred instances is not measured.
//   - Above mostApplied instances only this provider is measured, because Terraform alone takes minutes for a plan of
//     another subject.
func (b *bench) schedule(w workload, n int, latency time.Duration) schedule {
	o := b.options
	first := latency == o.latencies[0]
	s := schedule{phases: phases, subjects: o.subjects, lives: o.repeat, plans: 1}
	s.grown = w.fill != nil && n > blocks && (n > mostApplied || o.plans > 0)
	if latency > 0 {
		s.lives = 1
	}
	if !first {
		s.subjects = []subject{ours}
	}
	if n > quick {
		s.lives, s.plans = 1, s.lives
		if !first {
			s.phases = []phase{create, noop}
		}
	}
	if n > mostApplied {
		s.subjects, s.plans = []subject{ours}, 1
	}
	if o.plans > 0 {
		s.lives, s.plans, s.phases = 1, o.plans, []phase{create, noop}
	}
	if s.grown {
		s.phases = []phase{noop}
	}
	return s
}

// workload measures all scheduled phases of one workload.
func (b *bench) workload(w workload, n int, latency time.Duration) ([]row, error) {
	s := b.schedule(w, n, latency)
	rows := make([]row, len(s.phases))
	for i, p := range s.phases {
		rows[i] = row{Workload: w.name, N: n, Milliseconds: latency.Milliseconds(), Phase: p,
			Samples: map[subject][]sample{}}
	}
	for i := range s.lives {
		if err := b.life(w, n, latency, s, rows, i == 0); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// life measures the phases for all subjects, each with its own folder and its own emulator. The subjects take turns in
// every phase, so that other activity of the machine affects all of them.
func (b *bench) life(w workload, n int, latency time.Duration, s schedule, rows []row, first bool) (err error) {
	var runs []*run
	defer func() {
		for _, r := range runs {
			err = errors.Join(err, r.end())
		}
	}()
	for _, subject := range s.subjects {
		r := &run{b: b, subject: subject, instances: w.instances(n)}
		runs = append(runs, r)
		if err := r.begin(w, n, latency, s.grown); err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
	}
	for i, p := range s.phases {
		turns := 1
		if p == noop {
			turns = s.plans
		}
		for range turns {
			if err := b.turn(runs, &rows[i]); err != nil {
				return err
			}
		}
		if p != noop || !first {
			continue
		}
		// The last run is that of this provider.
		if rows[i].Samples[ours][0].Live, err = runs[len(runs)-1].live(w, n, latency); err != nil {
			return fmt.Errorf("%s with profiles: %w", p, err)
		}
	}
	return nil
}

// turn measures one phase once per subject.
func (b *bench) turn(runs []*run, into *row) error {
	fmt.Fprintf(b.progress, "%s, N = %d, %d ms, %s:", titleOf(into.Workload), into.N, into.Milliseconds, into.Phase)
	for _, r := range runs {
		x, err := r.measure(into.Phase)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", r.subject, into.Phase, err)
		}
		fmt.Fprintf(b.progress, " %s %.2f s", r.subject, x.Wall)
		into.Samples[r.subject] = append(into.Samples[r.subject], x)
	}
	fmt.Fprintln(b.progress)
	return nil
}

// begin writes the configuration into a new folder and starts the emulator for this provider. If grown is set, it also
// fills the state with copies of a few instances.
func (r *run) begin(w workload, n int, latency time.Duration, grown bool) (err error) {
	if r.dir, err = os.MkdirTemp(r.b.dir, "run-"); err != nil {
		return err
	}
	if r.subject == ours {
		if r.world, err = r.b.newWorld(r.dir, n, latency); err != nil {
			return err
		}
	}
	if grown {
		return r.grow(w, n)
	}
	return r.layOut(w.config(r.subject, n))
}

// end stops the run's emulator, if the run has one.
func (r *run) end() error {
	if r.world == nil {
		return nil
	}
	return r.world.Stop()
}

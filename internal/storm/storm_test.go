// Package storm has no code: its tests let the provider live through storms. A storm is a random sequence of changed
// configurations, changes by other actors, faults of the services and interrupted commands, with two stacks on one
// workspace. Then everything works again, each stack is applied once, and all must be as declared.
package storm_test

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// One command at a time, in an order that is the same whenever the storm is: what fails can be drawn smaller.
func TestStorms(t *testing.T) { check(t, stormsOf(false)) }

// Both stacks at once, and everything of a command at once.
func TestStormsAtOnce(t *testing.T) { check(t, stormsOf(true)) }

func check(t *testing.T, drawn *rapid.Generator[storm]) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := drawn.Draw(r, "storm")
		if found := survive(t, s); len(found) > 0 {
			r.Fatalf("%s\n%s", strings.Join(found, "\n"), s)
		}
	})
}

// survive lets a storm happen in a bubble, where the clock jumps while everybody waits, and gives what was wrong after it.
func survive(t *testing.T, s storm) (found []string) {
	defer func() {
		if left := recover(); left != nil && found == nil { // goroutines that are left, which were found before
			panic(left)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, acctest.NewInMemory(t), s.Certificate)
		for _, stack := range w.stacks {
			w.stops = append(w.stops, w.Answer(t, w.certificate, host(stack.vault)+":443", stack.gate()))
		}
		var log bytes.Buffer
		if s.Traced {
			w.log = &lines{to: &log}
		}
		w.guarded(func() { w.live(s) })
		for _, stop := range w.stops {
			stop()
		}
		// Whatever still waits gives up. The Databricks SDK keeps a goroutine for a day where a request could not be signed.
		time.Sleep(25 * time.Hour)
		for _, left := range goroutines() {
			w.wrong("a goroutine is left: %s", left)
		}
		w.search("the log", log.String())
		total.add(&w.met)
		found = w.found
	})
	return found
}

// live is the storm, and what is demanded after it.
func (w *world) live(s storm) {
	w.met.storms.Add(1)
	for _, step := range s.Steps {
		w.take(step)
	}
	w.settle()
	w.check()
	if s.Destroy {
		for _, stack := range w.stacks {
			stack.written, stack.want = configuration{}, nil
		}
		w.settle()
		w.check()
	}
}

// guarded keeps a panic as something wrong: it would end the bubble with goroutines in it, or vanish in a server.
func (w *world) guarded(do func()) {
	defer func() {
		if r := recover(); r != nil {
			w.wrong("panic: %v\n%s", r, debug.Stack())
		}
	}()
	do()
}

// goroutines are the stacks of the others in this bubble.
func goroutines() []string {
	stacks := make([]byte, 4<<20)
	all := strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n")
	_, bubble, _ := strings.Cut(strings.SplitN(all[0], "\n", 2)[0], "synctest bubble ")
	return slices.DeleteFunc(all[1:], func(stack string) bool {
		_, other, _ := strings.Cut(strings.SplitN(stack, "\n", 2)[0], "synctest bubble ")
		return other != bubble || strings.Contains(stack, "synctest.Run(") || strings.Contains(stack, "testingSynctestTest(")
	})
}

// take takes one step.
func (w *world) take(s step) {
	w.met.steps.Add(1)
	switch {
	case s.Write != nil:
		stack := w.stacks[s.Write.Stack]
		stack.written = s.Write.configuration
		stack.want = s.Write.resources(stack)
	case s.Drift != nil:
		w.drift(*s.Drift)
	case s.Fault != nil:
		w.Tenant.Faults.Add(*s.Fault)
		w.faults = append(w.faults, s)
	case s.Pass != 0:
		time.Sleep(s.Pass)
	}
	w.Tenant.Latency.Set(s.Latency)
	defer w.Tenant.Latency.Set(0)
	var all sync.WaitGroup
	for _, r := range s.Run {
		c := w.command(w.stacks[r.Stack], r)
		all.Go(c.run)
	}
	all.Wait()
	if len(s.Run) > 0 {
		w.countFaults()
		w.Tenant.Faults.Clear()
	}
}

// wrong keeps what is not as it must be.
func (w *world) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, fmt.Sprintf(format, args...))
}

// lines is a log that many goroutines write to.
type lines struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

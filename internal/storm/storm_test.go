// Package storm contains only tests, which run the provider through storms. A storm is a random sequence of changed
// configurations, changes by other actors, faults of the services and interrupted commands, with two stacks on one
// workspace. After a storm all services work again, each stack is applied once, and the workspace must be as declared.
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

// TestStorms runs storms with one command at a time. The order of operations depends only on the storm, so a failing
// storm can be reduced to a smaller one.
func TestStorms(t *testing.T) { check(t, stormsOf(false)) }

// TestStormsAtOnce runs storms in which commands on both stacks, and the operations of each command, run at the same
// time.
func TestStormsAtOnce(t *testing.T) { check(t, stormsOf(true)) }

func check(t *testing.T, drawn *rapid.Generator[storm]) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := drawn.Draw(r, "storm")
		if found := runStorm(t, s); len(found) > 0 {
			r.Fatalf("%s\n%s", strings.Join(found, "\n"), s)
		}
	})
}

// runStorm runs a storm in a synctest bubble, where the clock jumps ahead when every goroutine waits. It returns
// descriptions of what was wrong.
func runStorm(t *testing.T, s storm) (found []string) {
	defer func() {
		// the panic reports goroutines that still run, which may have been found already
		if left := recover(); left != nil && found == nil {
			panic(left)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, acctest.NewInMemory(t), s.Certificate)
		for _, stack := range w.stacks {
			w.stops = append(w.stops, w.Answer(t, w.certificate, host(stack.vault)+":443", stack.interceptVault()))
		}
		var log bytes.Buffer
		if s.Traced {
			w.log = &lines{to: &log}
		}
		w.guarded(func() { w.runAndCheck(s) })
		for _, stop := range w.stops {
			stop()
		}
		// This is long enough for every waiting goroutine to give up. The Databricks SDK keeps a goroutine for a day if
		// a request could not be signed.
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

// runAndCheck runs the storm and then checks its results.
func (w *world) runAndCheck(s storm) {
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

// guarded records a panic as an error. Otherwise the panic would end the bubble while goroutines still run in it, or a
// server would hide the panic.
func (w *world) guarded(do func()) {
	defer func() {
		if r := recover(); r != nil {
			w.wrong("panic: %v\n%s", r, debug.Stack())
		}
	}()
	do()
}

// goroutines returns the stack traces of the other goroutines in this synctest bubble.
func goroutines() []string {
	stacks := make([]byte, 4<<20)
	all := strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n")
	_, bubble, _ := strings.Cut(strings.SplitN(all[0], "\n", 2)[0], "synctest bubble ")
	return slices.DeleteFunc(all[1:], func(stack string) bool {
		_, other, _ := strings.Cut(strings.SplitN(stack, "\n", 2)[0], "synctest bubble ")
		return other != bubble || strings.Contains(stack, "synctest.Run(") ||
			strings.Contains(stack, "testingSynctestTest(")
	})
}

// take runs one step of a storm.
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

// wrong records an error, which fails the test at the end of the storm.
func (w *world) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, fmt.Sprintf(format, args...))
}

// lines is a log to which several goroutines can write.
type lines struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

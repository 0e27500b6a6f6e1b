package storm_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// counts holds what happened in one or more storms. Memory is in kilobytes.
type counts struct {
	storms, steps, commands, operations, requests, orphans, orphansOfKills, reported, imported, lost, leaked, memory atomic.Int64
	drifts                                                                                                           int

	mu     sync.Mutex
	faults map[string]int // the number of faults that a request met, by kind
	events map[string]int
}

func (c *counts) event(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events == nil {
		c.events = map[string]int{}
	}
	c.events[what]++
}

func (c *counts) fault(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.faults == nil {
		c.faults = map[string]int{}
	}
	c.faults[kind]++
}

// total holds the counts of all storms of this run.
var total counts

// add adds the counts of one storm.
func (c *counts) add(other *counts) {
	for _, both := range [][2]*atomic.Int64{
		{&c.storms, &other.storms}, {&c.steps, &other.steps}, {&c.commands, &other.commands}, {&c.operations, &other.operations}, {&c.requests, &other.requests},
		{&c.orphans, &other.orphans}, {&c.orphansOfKills, &other.orphansOfKills}, {&c.reported, &other.reported}, {&c.imported, &other.imported}, {&c.lost, &other.lost}, {&c.leaked, &other.leaked},
	} {
		both[0].Add(both[1].Load())
	}
	c.memory.Store(max(c.memory.Load(), other.memory.Load()))
	c.mu.Lock()
	c.drifts += other.drifts
	c.mu.Unlock()
	for kind, n := range other.faults {
		for range n {
			c.fault(kind)
		}
	}
	for what, n := range other.events {
		for range n {
			c.event(what)
		}
	}
}

// table returns the counts as text. A line without a number is a heading.
func (c *counts) table() string {
	var b strings.Builder
	row := func(what string, n int64) { fmt.Fprintf(&b, "%-82s %9d\n", what, n) }
	each := func(heading string, all map[string]int) {
		fmt.Fprintf(&b, "%s\n", heading)
		for _, what := range slices.Sorted(maps.Keys(all)) {
			row("  "+what, int64(all[what]))
		}
	}
	row("storms", c.storms.Load())
	row("commands of Terraform", c.commands.Load())
	row("operations on resources", c.operations.Load())
	row("requests to the services", c.requests.Load())
	each("faults that a request met", c.faults)
	each("events in the middle of a command", c.events)
	row("changes by other actors", int64(c.drifts))
	row("made by a killed or failed run, and imported as its error said", c.imported.Load())
	row("made by a killed run, and left: outside of the state", c.orphansOfKills.Load())
	row("possibly made, as an error said, and left", c.reported.Load())
	row("orphans: left outside of the state by a run that was not killed, and unnamed", c.orphans.Load())
	row("lost: what others hold, or what is declared, and is gone", c.lost.Load())
	row("leaked: secrets in an output, a log, a plan or a state", c.leaked.Load())
	if most := c.memory.Load(); most > 0 { // only real provider processes are measured
		row("largest provider, in MB", most>>10)
	}
	return b.String()
}

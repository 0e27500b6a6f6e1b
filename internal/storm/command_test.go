package storm_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// held is a resource in a state.
type held struct {
	acctest.Object
	Type    string
	Needs   []string
	Tainted bool
}

// command is one Terraform command on a stack, as the provider sees it. One provider process refreshes and plans every
// resource. Another process applies the plans, and plans each resource again before that.
type command struct {
	w        *world
	s        *stack
	parallel bool
	events   []event

	requests atomic.Int64
	process  *process // the provider process that is running

	mu      sync.Mutex
	stopped bool // no new operation may begin
	killed  bool // Terraform was killed, so the command's state is not saved
	errors  []string
	said    []string // the texts of errors and warnings
	applied []string // the addresses of resources that the provider was asked to apply
	failed  map[string]bool
	state   map[string]held
}

func (w *world) command(s *stack, r run) *command {
	w.met.commands.Add(1)
	return &command{w: w, s: s, parallel: r.Parallel, events: r.Events, failed: map[string]bool{},
		state: map[string]held{}}
}

// triggerEvents triggers the events that the storm planned for a request, before or after the service does the work.
func (c *command) triggerEvents(n int, after bool) {
	for _, e := range c.events {
		if e.Request != n || e.After != after {
			continue
		}
		switch e.What {
		case otherActor:
			if e.Drift.writesLists() {
				continue
			}
			c.w.guarded(func() { c.w.drift(e.Drift) })
		case clockJump:
			c.w.Tenant.Clock.Advance(e.Clock)
		case interrupt:
			c.stop()
			c.process.caller.try(func() { c.process.Stop(c.process.caller) })
		default:
			c.mu.Lock()
			c.stopped, c.killed = true, c.killed || e.What != killProvider
			c.mu.Unlock()
			c.process.end()
		}
		c.w.met.event(e.What)
	}
}

func (c *command) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
}

func (c *command) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// unknown holds texts of errors that the provider reports when it cannot know whether the service has done the work.
var unknown = []string{
	"The provider does not know whether the change was made",
	"The service principal may have been created anyway",
	"may have created a token whose value nobody has",
	"may have created a secret whose value nobody has",
	"creates one later",
	"If a secret appears later",
}

func (c *command) recordOutput(address, errors string, warnings ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range append(warnings, errors) {
		if text != "" {
			c.said = append(c.said, text)
		}
	}
	for _, phrase := range unknown {
		if strings.Contains(errors, phrase) {
			c.s.reported[address] = true
		}
	}
	if errors != "" {
		c.errors = append(c.errors, address+": "+errors)
		c.failed[address] = true
	}
}

// each calls do for every address, at the same time if the command is parallel. It begins no new call once the command
// is stopped.
func (c *command) each(addresses []string, do func(address string)) {
	var all sync.WaitGroup
	for _, address := range addresses {
		if c.over() {
			break
		}
		one := func() { c.process.caller.try(func() { do(address) }) }
		if c.parallel {
			all.Go(one)
		} else {
			one()
		}
	}
	all.Wait()
}

// refresh reads every resource in the state.
func (c *command) refresh() {
	c.each(slices.Sorted(maps.Keys(c.s.state)), func(address string) {
		h := c.s.state[address]
		now, errors := c.process.Refresh(c.process.caller, h.Type, h.Object)
		c.recordOutput(address, errors, now.Warnings)
		if errors == "" && now.State != nil {
			h.Object = now
			c.mu.Lock()
			defer c.mu.Unlock()
			c.state[address] = h
		}
	})
}

// plan plans each resource in the configuration, and the removal of each resource that is only in the state. It does
// not change the state.
func (c *command) plan(want []resource) map[string]acctest.Plan {
	plans := map[string]acctest.Plan{}
	configs := map[string]resource{}
	var addresses []string
	for _, r := range want {
		configs[r.address()] = r
		addresses = append(addresses, r.address())
	}
	for _, address := range slices.Sorted(maps.Keys(c.state)) {
		if _, stays := configs[address]; !stays {
			addresses = append(addresses, address)
		}
	}
	c.each(addresses, func(address string) {
		c.mu.Lock()
		h := c.state[address]
		c.mu.Unlock()
		r, stays := configs[address]
		if !stays {
			r = resource{Type: h.Type}
		}
		if h.Tainted && stays {
			h.Object = acctest.Object{}
		}
		plan, errors := c.process.Plan(c.process.caller, r.Type, h.Object, r.Config)
		c.recordOutput(address, errors, plan.Warnings)
		c.mu.Lock()
		defer c.mu.Unlock()
		plans[address] = plan
	})
	return plans
}

// run runs the command, a `terraform apply`, and records a panic as an error.
func (c *command) run() { c.w.guarded(c.apply) }

func (c *command) apply() {
	want := c.s.want
	c.process = c.start()
	c.refresh()
	var plans map[string]acctest.Plan
	if len(c.errors) == 0 && !c.over() {
		plans = c.plan(want)
	}
	c.process.end()
	if len(c.errors) > 0 || c.over() || c.broken() {
		c.finish(false)
		return
	}
	c.process = c.start()
	c.destroy(want, plans)
	// Resources are applied level by level, so that resources that do not depend on each other may be applied at the
	// same time.
	done := map[string]bool{}
	for len(done) < len(want) {
		var ready []string
		for _, r := range want {
			if !done[r.address()] && !slices.ContainsFunc(r.Needs, func(n string) bool { return !done[n] }) {
				ready = append(ready, r.address())
			}
		}
		c.each(ready, func(address string) {
			i := slices.IndexFunc(want, func(r resource) bool { return r.address() == address })
			c.applyOne(want[i], plans[address])
		})
		for _, address := range ready {
			done[address] = true
		}
	}
	c.process.end()
	c.finish(true)
}

// broken records the faults that the calls found in the provider's answers, and reports whether there are any. It
// ignores the faults of a killed process.
func (c *command) broken() bool {
	failed := c.process.caller.failed
	if len(failed) == 0 || c.process.dead.Load() && c.over() {
		return false
	}
	c.w.wrong("a call found: %s", strings.Join(failed, "; "))
	return true
}

// destroy destroys the resources that the configuration no longer contains. A resource that depends on another one is
// destroyed first.
func (c *command) destroy(want []resource, plans map[string]acctest.Plan) {
	left := map[string]bool{}
	for address := range c.state {
		left[address] = !slices.ContainsFunc(want, func(r resource) bool { return r.address() == address })
	}
	for {
		var ready []string
		for _, address := range slices.Sorted(maps.Keys(left)) {
			needed := func(other string) bool {
				return slices.Contains(c.state[other].Needs, address) && (left[other] || c.failed[other])
			}
			if left[address] && !slices.ContainsFunc(slices.Collect(maps.Keys(c.state)), needed) {
				ready = append(ready, address)
			}
		}
		if len(ready) == 0 || c.over() {
			return
		}
		c.each(ready, func(address string) {
			c.operate(address, c.state[address], plans[address], nil)
		})
		for _, address := range ready {
			left[address] = false
		}
	}
}

// applyOne creates, updates or replaces one resource, as the first plan says.
func (c *command) applyOne(r resource, first acctest.Plan) {
	address := r.address()
	c.mu.Lock()
	h, unmet := c.state[address], slices.ContainsFunc(r.Needs, func(n string) bool { return c.failed[n] })
	if unmet {
		c.failed[address] = true
	}
	c.mu.Unlock()
	if unmet || !h.Tainted && len(first.Changed) == 0 {
		return
	}
	h.Type, h.Needs = r.Type, r.Needs
	if h.Tainted || len(first.Replace) > 0 {
		destroyed := h
		destroyed.Tainted = false
		plan, errors := c.process.Plan(c.process.caller, r.Type, h.Object, nil)
		c.recordOutput(address, errors, plan.Warnings)
		if errors != "" || !c.operate(address, destroyed, plan, nil) || c.over() {
			return
		}
		h.Object, h.Tainted = acctest.Object{}, false
	}
	plan, errors := c.process.Plan(c.process.caller, r.Type, h.Object, r.Config)
	if errors == "" && len(first.Replace) == 0 && !agrees(first.State, plan.State) {
		errors = fmt.Sprintf("Provider produced inconsistent final plan: %v, then %v", first.State, plan.State)
	}
	c.recordOutput(address, errors, plan.Warnings)
	if errors == "" && !c.over() {
		c.operate(address, h, plan, r.Config)
	}
}

// operate makes the provider apply one plan and saves the result in the command's state, as Terraform does. It reports
// whether the apply succeeded.
func (c *command) operate(address string, h held, plan acctest.Plan, config map[string]any) (ok bool) {
	p := c.process
	c.mu.Lock()
	c.applied = append(c.applied, address)
	c.mu.Unlock()
	c.w.met.operations.Add(1)
	now, errors := p.ApplyPlan(p.caller, plan, config)
	if p.dead.Load() {
		// The answer of a killed process never arrives.
		c.recordOutput(address, "the provider did not answer")
		return false
	}
	c.recordOutput(address, errors, now.Warnings)
	created := h.State == nil
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case now.State == nil && (errors == "" || created):
		delete(c.state, address)
	case now.State == nil:
	default:
		h.Object, h.Tainted = now, created && errors != ""
		c.state[address] = h
	}
	return errors == ""
}

// finish saves the command's state, unless Terraform was killed.
func (c *command) finish(applied bool) {
	c.broken()
	c.mu.Lock()
	defer c.mu.Unlock()
	dead := slices.ContainsFunc(c.events, func(e event) bool {
		return slices.Contains([]string{killProvider, killTerraform, killBoth}, e.What)
	}) && c.stopped
	if dead {
		for _, address := range c.applied {
			c.s.lost[address] = true
		}
	}
	if applied && !c.killed {
		c.s.state = c.state
	}
	c.w.checkForSecrets(c)
}

// agrees reports whether a second plan has all the known values of the first plan.
func agrees(first, second any) bool {
	if first == any(acctest.Unknown) {
		return true
	}
	was, ok := first.(map[string]any)
	if !ok {
		return reflect.DeepEqual(first, second)
	}
	is, ok := second.(map[string]any)
	if !ok {
		return false
	}
	for name, value := range was {
		if !agrees(value, is[name]) {
			return false
		}
	}
	return true
}

package acctest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/zclconf/go-cty/cty"
)

type planOptions struct {
	refresh, destroy bool
	only             bool // refresh the state without planning a change
}

// planned is the result of a plan, such as Terraform saves in a plan file.
type planned struct {
	run     *run
	config  *configuration
	destroy bool
	prior   *state // the state after the refresh
	outputs map[string]cty.Value

	mu      sync.Mutex
	changes map[string]*change
	values  map[string]cty.Value // the values of the resources and data sources by address, as expressions see them
}

// change is the planned change of one resource or data source.
type change struct {
	address, typeName string
	data              bool
	actions           tfjson.Actions
	before, after     map[string]any
	deletion          Plan
}

func (r *run) plan(c *configuration, o planOptions) (*planned, error) {
	plan := &planned{
		run: r, config: c, destroy: o.destroy, prior: r.state.clone(), outputs: map[string]cty.Value{},
		changes: map[string]*change{}, values: map[string]cty.Value{},
	}
	p := open(r.t, r.serve(), r.provider)
	p.located, p.warned = true, r.warned
	if err := r.validate(p, c); err != nil {
		return nil, err
	}
	if len(c.blocks) > 0 || len(r.state.managed()) > 0 {
		if err := r.configure(p, c); err != nil {
			return nil, err
		}
	}
	nodes := slices.Compact(slices.Sorted(slices.Values(append(c.addresses(), plan.prior.managed()...))))
	if o.destroy {
		nodes = plan.prior.managed()
	}
	err := walk(nodes, c.needs, func(address string) error { return plan.visit(p, address, o) })
	if err != nil {
		return nil, err
	}
	if !o.destroy {
		plan.outputs, err = c.evaluateOutputs(plan.values)
	}
	return plan, err
}

func (c *configuration) needs(address string) []string {
	if b := c.blocks[address]; b != nil {
		return b.needs
	}
	return nil
}

// allNeeds returns the addresses of all blocks on which a block depends, directly or through other blocks.
func (c *configuration) allNeeds(address string) (all []string) {
	for next := c.needs(address); len(next) > 0; next = next[1:] {
		if !slices.Contains(all, next[0]) {
			all = append(all, next[0])
			next = append(next, c.needs(next[0])...)
		}
	}
	return all
}

// validate validates the configuration of every block. All references to other blocks and to variables have unknown
// values, because nothing is planned yet.
func (r *run) validate(p *Protocol, c *configuration) error {
	nothing := map[string]cty.Value{}
	for address, b := range c.blocks {
		schema := p.schema(b)
		if schema == nil {
			//nolint:staticcheck // Terraform's words
			return fmt.Errorf("Error: Invalid resource type: The provider does not support resource type %q.",
				b.typeName)
		}
		nothing[address] = cty.UnknownVal(ctyType(schema.ValueType()))
	}
	scope := c.scope(nothing)
	given := map[string]cty.Value{}
	for name, value := range c.variables {
		given[name] = cty.UnknownVal(value.Type()).WithMarks(value.Marks())
	}
	scope.Variables["var"] = cty.ObjectVal(given)
	var found []error
	for _, address := range c.addresses() {
		b := c.blocks[address]
		if slices.Contains(b.needs, address) {
			//nolint:staticcheck // Terraform's words
			found = append(found, fmt.Errorf("Error: Self-referential block: Configuration for %s may not refer to "+
				"itself.", address))
			continue
		}
		values, err := evaluate(p.schema(b), b.attributes, scope, true)
		if err != nil {
			found = append(found, err)
			continue
		}
		found = append(found, failure(p.validate(r.t, b.typeName, b.data, values), address))
	}
	return errors.Join(found...)
}

// configure configures the provider with the attributes of the provider block.
func (r *run) configure(p *Protocol, c *configuration) error {
	values, err := evaluate(p.schemas.Provider, c.provider, c.scope(nil), false)
	if err != nil {
		return err
	}
	return failure(p.configure(r.t, values), "provider")
}

// failure returns an error about an object with the given text, or nil if the text is empty.
func failure(words, of string) error {
	if words == "" {
		return nil
	}
	return fmt.Errorf("Error: %s\n\n  with %s", words, of) //nolint:staticcheck // Terraform's words
}

// walk calls visit for every node after the nodes that it depends on, for at most ten nodes at the same time. A node is
// skipped if a node that it depends on failed. walk returns an error if the dependencies form a cycle.
func walk(nodes []string, needs func(string) []string, visit func(string) error) error {
	done, failed := map[string]chan struct{}{}, map[string]*error{}
	for _, node := range nodes {
		done[node], failed[node] = make(chan struct{}), new(error)
	}
	if members := cycle(nodes, needs); len(members) > 0 {
		return fmt.Errorf("Error: Cycle: %s", strings.Join(members, ", ")) //nolint:staticcheck // Terraform's words
	}
	errBefore := errors.New("what it needs failed")
	atOnce := make(chan struct{}, 10)
	var group sync.WaitGroup
	for _, node := range nodes {
		group.Go(func() {
			defer close(done[node])
			*failed[node] = errBefore // remains set if visit ends the goroutine
			for _, needed := range needs(node) {
				if ended, ok := done[needed]; ok && needed != node {
					<-ended
					if *failed[needed] != nil {
						return
					}
				}
			}
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			*failed[node] = visit(node)
		})
	}
	group.Wait()
	var found []error
	for _, node := range nodes {
		if err := *failed[node]; err != nil && !errors.Is(err, errBefore) {
			found = append(found, err)
		}
	}
	if len(found) == 0 {
		for _, err := range failed {
			if *err != nil {
				return *err
			}
		}
	}
	return errors.Join(found...)
}

// cycle returns the nodes that cannot be visited: those that depend on themselves through other nodes, and those that
// depend on such nodes. The result is empty if every node can be visited after the nodes that it depends on.
func cycle(nodes []string, needs func(string) []string) []string {
	left := slices.Clone(nodes)
	for {
		waiting := slices.DeleteFunc(slices.Clone(left), func(node string) bool {
			return !slices.ContainsFunc(needs(node), func(needed string) bool {
				return needed != node && slices.Contains(left, needed)
			})
		})
		if len(waiting) == len(left) {
			return left
		}
		left = waiting
	}
}

// visit refreshes and plans one resource, or reads one data source.
func (plan *planned) visit(p *Protocol, address string, o planOptions) error {
	t := plan.run.t
	b := plan.config.blocks[address]
	if b != nil && b.data {
		return plan.read(p, b)
	}
	plan.mu.Lock()
	prior := plan.prior.instances[address]
	plan.mu.Unlock()
	if prior != nil && o.refresh {
		now, words := p.Refresh(t, prior.typeName, prior.Object)
		if words != "" {
			return failure(words, address)
		}
		plan.mu.Lock()
		prior.Object = now
		if now.State == nil {
			delete(plan.prior.instances, address)
			prior = nil
		}
		plan.mu.Unlock()
	}
	if o.only {
		return nil
	}
	if b == nil || o.destroy {
		return plan.remove(p, address, prior)
	}
	if prior == nil && plan.config.imports[address] != nil {
		var err error
		if prior, err = plan.imported(p, b); err != nil {
			return err
		}
	}
	return plan.write(p, b, prior)
}

func (plan *planned) remove(p *Protocol, address string, prior *instance) error {
	if prior == nil {
		return nil
	}
	deletion, words := p.Plan(plan.run.t, prior.typeName, prior.Object, nil)
	if words != "" {
		return failure(words, address)
	}
	plan.add(&change{address: address, typeName: prior.typeName, actions: tfjson.Actions{tfjson.ActionDelete},
		before: prior.State, deletion: deletion}, cty.NilVal)
	return nil
}

func (plan *planned) write(p *Protocol, b *block, prior *instance) error {
	t := plan.run.t
	values, err := plan.evaluate(p, b)
	if err != nil {
		return err
	}
	was, tainted := Object{}, prior != nil && prior.tainted
	if prior != nil && !tainted {
		was = prior.Object
	}
	next, words := p.Plan(t, b.typeName, was, values)
	if words != "" {
		return failure(words, b.address)
	}
	ch := &change{address: b.address, typeName: b.typeName}
	if prior != nil {
		ch.before = prior.State
	}
	switch {
	case tainted || len(next.Replace) > 0:
		ch.actions = tfjson.Actions{tfjson.ActionDelete, tfjson.ActionCreate}
		ch.deletion = p.deletion(t, b.typeName, prior.Object)
		if !tainted {
			if next, words = p.Plan(t, b.typeName, Object{}, values); words != "" {
				return failure(words, b.address)
			}
		}
	case prior == nil:
		ch.actions = tfjson.Actions{tfjson.ActionCreate}
	case len(next.Changed) == 0:
		ch.actions = tfjson.Actions{tfjson.ActionNoop}
	default:
		ch.actions = tfjson.Actions{tfjson.ActionUpdate}
	}
	ch.after = next.State
	plan.add(ch, inScope(p.schema(b), next.State))
	return nil
}

// read reads a data source. If its configuration is not fully known, or a block in its depends_on has a pending change,
// read plans that the apply reads the data source.
func (plan *planned) read(p *Protocol, b *block) error {
	values, err := plan.evaluate(p, b)
	if err != nil {
		return err
	}
	if !known(values) || plan.pending(b.waits) {
		after := maps.Clone(values)
		for _, a := range p.schema(b).Block.Attributes {
			if a.Computed && after[a.Name] == nil {
				after[a.Name] = Unknown
			}
		}
		plan.add(&change{address: b.address, typeName: b.typeName, data: true,
			actions: tfjson.Actions{tfjson.ActionRead}, after: after}, inScope(p.schema(b), after))
		return nil
	}
	state, _, words := p.Read(plan.run.t, b.typeName, values)
	if words != "" {
		return failure(words, b.address)
	}
	plan.mu.Lock()
	defer plan.mu.Unlock()
	plan.prior.instances[b.address] = &instance{Object: Object{State: state}, typeName: b.typeName, data: true}
	plan.values[b.address] = inScope(p.schema(b), state)
	return nil
}

func (plan *planned) evaluate(p *Protocol, b *block) (map[string]any, error) {
	plan.mu.Lock()
	scope := plan.config.scope(plan.values)
	plan.mu.Unlock()
	return evaluate(p.schema(b), b.attributes, scope, true)
}

// pending reports whether the plan changes one of the given blocks.
func (plan *planned) pending(addresses []string) bool {
	plan.mu.Lock()
	defer plan.mu.Unlock()
	return slices.ContainsFunc(addresses, func(address string) bool {
		ch := plan.changes[address]
		return ch != nil && !ch.actions.NoOp()
	})
}

func (plan *planned) add(ch *change, value cty.Value) {
	plan.mu.Lock()
	defer plan.mu.Unlock()
	plan.changes[ch.address] = ch
	if value != cty.NilVal {
		plan.values[ch.address] = value
	}
}

// known reports whether a value contains no part that is known only after the apply.
func known(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			if !known(member) {
				return false
			}
		}
		return true
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { return !known(element) })
	default:
		return v != any(Unknown)
	}
}

func (c *configuration) evaluateOutputs(values map[string]cty.Value) (map[string]cty.Value, error) {
	outputs, scope := map[string]cty.Value{}, c.scope(values)
	for name, attributes := range c.outputs {
		value, diagnostics := attributes["value"].Expr.Value(scope)
		if diagnostics.HasErrors() {
			return nil, diagnostics
		}
		value, marks := value.UnmarkDeep()
		if _, brief := marks[ephemeral]; brief {
			//nolint:staticcheck // Terraform's words
			return nil, fmt.Errorf("Error: Ephemeral value not allowed: output %q", name)
		}
		if len(marks) > 0 && attributes["sensitive"] == nil {
			//nolint:staticcheck // Terraform's words
			return nil, fmt.Errorf("Error: Output refers to sensitive values: output %q", name)
		}
		outputs[name] = value
	}
	return outputs, nil
}

// empty reports whether an apply of the plan would change nothing.
func (plan *planned) empty() bool { return plan.String() == "" }

// String lists the changes of the plan, including changes of outputs. It returns an empty string if there are none.
func (plan *planned) String() string {
	var lines []string
	for _, address := range slices.Sorted(maps.Keys(plan.changes)) {
		if ch := plan.changes[address]; !ch.actions.NoOp() {
			lines = append(lines, fmt.Sprintf("%s: %v\n  %v\n  %v", address, ch.actions, ch.before, ch.after))
		}
	}
	for name, ch := range plan.outputChanges() {
		if !ch.Actions.NoOp() {
			lines = append(lines, fmt.Sprintf("output %s: %v", name, ch.Actions))
		}
	}
	return strings.Join(lines, "\n")
}

func (plan *planned) outputChanges() map[string]*tfjson.Change {
	changes := map[string]*tfjson.Change{}
	for name, value := range plan.outputs {
		old, had := plan.run.state.outputs[name]
		ch := &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionUpdate}, After: toJSON(fromCty(value)),
			AfterUnknown: unknown(fromCty(value))}
		switch {
		case had && value.IsWhollyKnown() && value.RawEquals(old), !had && value.IsKnown() && value.IsNull():
			ch.Actions = tfjson.Actions{tfjson.ActionNoop}
		case !had:
			ch.Actions = tfjson.Actions{tfjson.ActionCreate}
		}
		changes[name] = ch
	}
	for name := range plan.run.state.outputs {
		if _, stays := plan.outputs[name]; !stays {
			changes[name] = &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionDelete}}
		}
	}
	return changes
}

// json returns the plan as terraform show -json would print it.
func (plan *planned) json() *tfjson.Plan {
	out := &tfjson.Plan{OutputChanges: plan.outputChanges(), PriorState: plan.prior.json()}
	for _, address := range slices.Sorted(maps.Keys(plan.changes)) {
		ch := plan.changes[address]
		mode, name := tfjson.ManagedResourceMode, strings.TrimPrefix(address, ch.typeName+".")
		if ch.data {
			mode, name = tfjson.DataResourceMode, strings.TrimPrefix(address, "data."+ch.typeName+".")
		}
		out.ResourceChanges = append(out.ResourceChanges, &tfjson.ResourceChange{
			Address: address, Mode: mode, Type: ch.typeName, Name: name,
			Change: &tfjson.Change{Actions: ch.actions, Before: toJSON(ch.before), After: toJSON(ch.after),
				AfterUnknown: unknown(ch.after)},
		})
	}
	return out
}

package acctest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/zclconf/go-cty/cty"
)

// destroying is the prefix that marks a node of the apply graph as the destruction of an object. The rest of the node's
// name is the object's address.
const destroying = "destroy "

// applying holds the data of one running apply.
type applying struct {
	plan *planned
	p    *Protocol

	mu     sync.Mutex
	values map[string]cty.Value
}

// apply applies a plan. The state contains every change that succeeded, even if a later change failed.
func (r *run) apply(plan *planned) error {
	was := r.state
	r.state = plan.prior
	p := open(r.t, r.serve(), r.provider)
	p.located, p.warned = true, r.warned
	a := &applying{plan: plan, p: p, values: map[string]cty.Value{}}
	var nodes []string
	for address, ch := range plan.changes {
		if ch.deletes() {
			nodes = append(nodes, destroying+address)
		}
		if ch.writes() || ch.data {
			nodes = append(nodes, address)
		}
	}
	slices.Sort(nodes)
	for address, i := range r.state.instances {
		if b := plan.config.blocks[address]; b != nil {
			a.values[address] = inScope(p.schema(b), i.State)
		}
	}
	if len(nodes) > 0 {
		if err := r.configure(p, plan.config); err != nil {
			return err
		}
	}
	needs := func(node string) []string { return a.needs(was, node) }
	if err := walk(nodes, needs, a.visit); err != nil {
		return err
	}
	r.state.outputs = map[string]cty.Value{}
	if plan.destroy {
		r.state.instances = map[string]*instance{}
		return nil
	}
	for address, i := range r.state.instances { // remove data sources that the configuration no longer has
		if i.data && plan.config.blocks[address] == nil {
			delete(r.state.instances, address)
		}
	}
	outputs, err := plan.config.evaluateOutputs(a.values)
	if err == nil {
		r.state.outputs = outputs
	}
	return err
}

func (ch *change) deletes() bool { return ch.actions.Delete() || ch.actions.Replace() }

func (ch *change) writes() bool {
	return ch.actions.Create() || ch.actions.Update() || ch.actions.Replace()
}

// needs returns the nodes that must be finished before the given node. An object is written after every object that its
// configuration refers to, and after the destruction of every object that it depended on before. An object is destroyed
// before the objects that it depends on are destroyed.
func (a *applying) needs(was *state, node string) (needed []string) {
	address, destroys := strings.CutPrefix(node, destroying)
	if !destroys {
		needed = append(slices.Clone(a.plan.config.needs(address)), destroying+address)
		if i := was.instances[address]; i != nil {
			for _, other := range i.needs {
				needed = append(needed, destroying+other)
			}
		}
		return needed
	}
	for other, i := range was.instances {
		if slices.Contains(i.needs, address) {
			needed = append(needed, destroying+other)
		}
	}
	return needed
}

func (a *applying) visit(node string) error {
	if address, destroys := strings.CutPrefix(node, destroying); destroys {
		return a.destroy(a.plan.changes[address])
	}
	b := a.plan.config.blocks[node]
	a.mu.Lock()
	scope := a.plan.config.scope(a.values)
	a.mu.Unlock()
	values, err := evaluate(a.p.schema(b), b.attributes, scope, true)
	if err != nil {
		return err
	}
	if b.data {
		state, _, words := a.p.Read(a.plan.run.t, b.typeName, values)
		if words != "" {
			return failure(words, node)
		}
		a.keep(b, &instance{Object: Object{State: state}, typeName: b.typeName, data: true})
		return nil
	}
	return a.write(b, values)
}

func (a *applying) destroy(ch *change) error {
	left, words := a.p.ApplyPlan(a.plan.run.t, ch.deletion, nil)
	a.mu.Lock()
	defer a.mu.Unlock()
	instances := a.plan.run.state.instances
	switch {
	case words == "":
		delete(instances, ch.address)
	case left.State != nil:
		instances[ch.address].Object = left
	}
	return failure(words, ch.address)
}

// write creates or updates an object. Like Terraform, it first plans the object once more, because all values are known
// now. It returns an error if this final plan contradicts the first plan.
func (a *applying) write(b *block, values map[string]any) error {
	t := a.plan.run.t
	a.mu.Lock()
	prior := a.plan.run.state.instances[b.address]
	a.mu.Unlock()
	was := Object{}
	if prior != nil {
		was = prior.Object
	}
	next, words := a.p.Plan(t, b.typeName, was, values)
	if words != "" {
		return failure(words, b.address)
	}
	if differs := contradicts(a.plan.changes[b.address].after, next.State); differs != "" || len(next.Replace) > 0 {
		//nolint:staticcheck // Terraform's words
		return fmt.Errorf("Error: Provider produced inconsistent final plan: %s: %s; replaces %v", b.address,
			differs, next.Replace)
	}
	made, words := a.p.ApplyPlan(t, next, values)
	if made.State != nil {
		a.keep(b, &instance{Object: made, typeName: b.typeName, tainted: words != "" &&
			prior == nil, needs: a.plan.config.allNeeds(b.address)})
	}
	return failure(words, b.address)
}

func (a *applying) keep(b *block, i *instance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan.run.state.instances[b.address] = i
	a.values[b.address] = inScope(a.p.schema(b), i.State)
}

// contradicts returns the name of an attribute whose value was known in the first plan and differs in the second plan.
// It returns an empty string if there is no such attribute.
func contradicts(before, now map[string]any) string {
	for name, value := range before {
		if inner, ok := value.(map[string]any); ok {
			other, ok := now[name].(map[string]any)
			if !ok || len(other) != len(inner) {
				return name
			}
			if found := contradicts(inner, other); found != "" {
				return name + "." + found
			}
			continue
		}
		if known(value) && fmt.Sprint(toJSON(value)) != fmt.Sprint(toJSON(now[name])) {
			return name
		}
	}
	return ""
}

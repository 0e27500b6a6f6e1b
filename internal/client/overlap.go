package client

import (
	"errors"
	"slices"
	"strings"
	"sync"
)

// ErrKept is the error of a removal of something that another address keeps in this run.
var ErrKept = errors.New("this run keeps it")

// Thing is one thing that a resource manages, in the one spelling under which the service compares it: what two
// addresses of a configuration share has equal Things.
type Thing struct {
	Kind string `json:"kind"` // such as grant
	In   string `json:"in"`   // the access list or the group; empty for a principal
	Who  string `json:"who"`
}

// Membership is one principal's place in a group, each by SCIM id or, where a plan does not know those, by name.
func Membership(group, member string) Thing {
	return Thing{"membership", group, strings.ToLower(member)}
}

// Principal is the service principal of that application id.
func Principal(applicationID string) Thing {
	return Thing{"service principal", "", strings.ToLower(applicationID)}
}

// overlap is what one run does with things that several addresses may share. Terraform sees the addresses and not that
// two of them mean one thing, so it destroys at one address what it creates or keeps at another, in whatever order.
type overlap struct {
	mu       sync.Mutex
	kept     map[Thing]int // how many operations of this run keep it
	keeping  map[Thing][]Address
	removing map[Thing][]Address
	warned   map[Thing]bool // what a plan has warned about
}

// Address is what a plan does with a thing at one address.
type Address struct {
	Resource string // type of the resource
	As       string // what the thing is there, where it can be several things: a permission level
}

func overlapOf(c *Client) *overlap {
	o := &c.run.overlap
	o.mu.Lock()
	if o.kept == nil {
		o.kept, o.keeping, o.removing, o.warned = map[Thing]int{}, map[Thing][]Address{}, map[Thing][]Address{}, map[Thing]bool{}
	}
	return o
}

// Keep notes that this run creates these things, adopts them or finds them as declared. Call it before the first
// request about them: a removal that runs at the same time then either sees the note, or is over before the creation
// looks. undo removes the note, for a creation that failed.
func (c *Client) Keep(things ...Thing) (undo func()) {
	o := overlapOf(c)
	defer o.mu.Unlock()
	for _, t := range things {
		o.kept[t]++
	}
	return sync.OnceFunc(func() {
		defer overlapOf(c).mu.Unlock()
		for _, t := range things {
			o.kept[t]--
		}
	})
}

// Keeps reports whether this run keeps the thing. A removal must call it where no creation can come in between: in the
// queue of writers to the list, or under the lock that writers share.
func (c *Client) Keeps(t Thing) bool {
	o := overlapOf(c)
	defer o.mu.Unlock()
	return o.kept[t] > 0
}

// Placed is a thing at one address of a plan.
type Placed struct {
	Thing
	Address
}

// Pair is a thing that a plan removes at one address and has at another.
type Pair struct {
	Placed
	Other Address
}

// PlanToKeep notes that these exist at one address after the apply, and returns those that another address removes, as
// far as that is planned already. It returns each once: Terraform plans a replacement twice, and one warning is enough
// for a whole list that is removed.
func (c *Client) PlanToKeep(all ...Placed) []Pair {
	o := overlapOf(c)
	defer o.mu.Unlock()
	var fresh []Pair
	for _, p := range o.pairs(all, o.keeping, o.removing) {
		if !o.warned[subject(p, p.Other)] {
			fresh = append(fresh, p)
		}
	}
	for _, p := range fresh {
		o.warned[subject(p, p.Other)] = true
	}
	return fresh
}

// subject is what one warning is about: a thing, or all that one kind of resource removes where another kind has it.
func subject(p Pair, removed Address) Thing {
	if p.Other.Resource == p.Resource {
		return p.Thing
	}
	return Thing{Kind: removed.Resource, In: p.In}
}

// PlanToRemove records that the plan removes these things at their addresses. It returns those that another address
// will have after the apply, as far as that address is planned already.
func (c *Client) PlanToRemove(all ...Placed) []Pair {
	o := overlapOf(c)
	defer o.mu.Unlock()
	found := o.pairs(all, o.removing, o.keeping)
	for _, p := range found {
		o.warned[subject(p, p.Address)] = true
	}
	return found
}

// pairs are none while things are applied: then Terraform plans once more what it is about to do, and the removal
// itself sees what is kept.
func (o *overlap) pairs(all []Placed, mine, others map[Thing][]Address) []Pair {
	var found []Pair
	for _, p := range all {
		if o.kept[p.Thing] > 0 {
			continue
		}
		if !slices.Contains(mine[p.Thing], p.Address) {
			mine[p.Thing] = append(mine[p.Thing], p.Address)
		}
		other := others[p.Thing]
		if len(other) == 0 {
			continue
		}
		like := max(0, slices.IndexFunc(other, func(a Address) bool { return a.Resource == p.Resource }))
		found = append(found, Pair{p, other[like]})
	}
	return found
}

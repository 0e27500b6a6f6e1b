package client

import (
	"errors"
	"slices"
	"strings"
	"sync"
)

// ErrKept is the error when an object is not removed, because another resource address in this run keeps the object.
var ErrKept = errors.New("this run keeps it")

// Thing identifies something that a resource manages, in the one spelling by which the service compares it. If two
// resource addresses of a configuration manage the same thing, their Things are equal.
type Thing struct {
	Kind string `json:"kind"` // such as grant
	In   string `json:"in"`   // the access list or the group; empty for a service principal
	Who  string `json:"who"`
}

// Membership returns the Thing for a principal's membership in a group. Both are SCIM ids, or names if a plan does not
// know the ids.
func Membership(group, member string) Thing {
	return Thing{"membership", group, strings.ToLower(member)}
}

// Principal returns the Thing for the service principal with that application id.
func Principal(applicationID string) Thing {
	return Thing{"service principal", "", strings.ToLower(applicationID)}
}

// overlap records what one run does with things that several resource addresses may share. Terraform does not see that
// two addresses mean one thing. So it may destroy at one address what it creates or keeps at another, in any order.
type overlap struct {
	mu       sync.Mutex
	kept     map[Thing]int // how many operations of this run keep the thing
	keeping  map[Thing][]Address
	removing map[Thing][]Address
	warned   map[Thing]bool // subjects that a plan has warned about
}

// Address says what a plan does with a thing at one resource address.
type Address struct {
	Resource string // type of the resource
	As       string // what the thing is at this address, if it can be several things: a permission level
}

func newOverlap() *overlap {
	return &overlap{
		kept:     map[Thing]int{},
		keeping:  map[Thing][]Address{},
		removing: map[Thing][]Address{},
		warned:   map[Thing]bool{},
	}
}

// Keep records that this run creates these things, adopts them, or finds them as declared. Call it before the first
// request about them. A removal that runs at the same time then either sees the record, or ends before the creation
// reads the things. undo removes the record, if the creation failed.
func (c *Client) Keep(things ...Thing) (undo func()) {
	o := c.run.overlap
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range things {
		o.kept[t]++
	}
	return sync.OnceFunc(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, t := range things {
			o.kept[t]--
		}
	})
}

// Keeps reports whether this run keeps the thing. A removal must call it where no creation can come in between: in the
// queue of writers to the access list, or under the lock that the writers share.
func (c *Client) Keeps(t Thing) bool {
	o := c.run.overlap
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept[t] > 0
}

// Placed is a thing together with what a plan does with it at one resource address.
type Placed struct {
	Thing
	Address
}

// Pair is a thing that a plan removes at one resource address and keeps or creates at another address.
type Pair struct {
	Placed
	Other Address
}

// PlanToKeep records that these things exist at their resource addresses after the apply. It returns those that the
// plan removes at another address, as far as that removal is planned already. It returns nothing that a plan has
// already warned about: Terraform plans a replacement twice, and one warning is enough for a whole list that is
// removed.
func (c *Client) PlanToKeep(all ...Placed) []Pair {
	o := c.run.overlap
	o.mu.Lock()
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

// subject returns what one warning is about. It is a thing, or all that one type of resource removes from a list where
// another type of resource has a thing.
func subject(p Pair, removed Address) Thing {
	if p.Other.Resource == p.Resource {
		return p.Thing
	}
	return Thing{Kind: removed.Resource, In: p.In}
}

// PlanToRemove records that the plan removes these things at their resource addresses. It returns those that another
// address has after the apply, as far as that address is planned already.
func (c *Client) PlanToRemove(all ...Placed) []Pair {
	o := c.run.overlap
	o.mu.Lock()
	defer o.mu.Unlock()
	found := o.pairs(all, o.removing, o.keeping)
	for _, p := range found {
		o.warned[subject(p, p.Address)] = true
	}
	return found
}

// pairs records all things in mine, and returns those that others has, too. It ignores a thing that this run already
// keeps: this happens only during an apply, when Terraform plans each change once more, and then the removal itself
// checks what is kept.
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

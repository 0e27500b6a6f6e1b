package client

import (
	"errors"
	"slices"
	"strings"
	"sync"
)

// ErrKept is the error when an object is not removed, because another resource address in this run keeps the object.
var ErrKept = errors.New("this run keeps it")

// ObjectKey identifies an object that a resource manages, such as a grant, by the spelling in which the service
// compares it. If two resource addresses of a configuration manage the same object, their keys are equal.
type ObjectKey struct {
	Kind string `json:"kind"` // such as grant
	In   string `json:"in"`   // the access list or the group; empty for a service principal
	Who  string `json:"who"`
}

// Membership returns the key of a principal's membership in a group. Both are SCIM ids, or names if a plan does not
// know the ids.
func Membership(group, member string) ObjectKey {
	return ObjectKey{"membership", group, strings.ToLower(member)}
}

// Principal returns the key of the service principal with that application id.
func Principal(applicationID string) ObjectKey {
	return ObjectKey{"service principal", "", strings.ToLower(applicationID)}
}

// sharedObjects records what one run does with objects that several resource addresses may manage. Terraform does not
// see that two addresses manage the same object. So it may destroy the object at one address, and create or keep it at
// another, in any order.
type sharedObjects struct {
	mu       sync.Mutex
	kept     map[ObjectKey]int // how many operations of this run keep the object
	keeping  map[ObjectKey][]Address
	removing map[ObjectKey][]Address
	warned   map[ObjectKey]bool // what a plan has warned about; see [warningKey]
}

// Address says what a plan does with an object at one resource address.
type Address struct {
	Resource string // type of the resource
	As       string // what the object is at this address, if it can be several objects: a permission level
}

func newSharedObjects() *sharedObjects {
	return &sharedObjects{
		kept:     map[ObjectKey]int{},
		keeping:  map[ObjectKey][]Address{},
		removing: map[ObjectKey][]Address{},
		warned:   map[ObjectKey]bool{},
	}
}

// Keep records that this run creates these objects, adopts them, or finds them as configured. Call it before the first
// request about them. A removal that runs at the same time then either sees the record, or ends before the creation
// reads the objects. undo removes the record, if the creation failed.
func (c *Client) Keep(objects ...ObjectKey) (undo func()) {
	o := c.run.shared
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range objects {
		o.kept[t]++
	}
	return sync.OnceFunc(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, t := range objects {
			o.kept[t]--
		}
	})
}

// Keeps reports whether this run keeps the object. A removal must call it where no creation can come in between: in the
// queue of writers to the access list, or under the lock that the writers share.
func (c *Client) Keeps(t ObjectKey) bool {
	o := c.run.shared
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept[t] > 0
}

// PlannedObject is an object together with what a plan does with it at one resource address.
type PlannedObject struct {
	ObjectKey
	Address
}

// Overlap is an object that a plan removes at one resource address and keeps or creates at another address.
type Overlap struct {
	PlannedObject
	Other Address
}

// PlanToKeep records that the state has these objects at their resource addresses after the apply. It returns the
// objects that the plan removes at another address, as far as that removal is already planned. It leaves out objects
// that a plan has already warned about: Terraform plans a replacement twice, and one warning is enough for a whole list
// that is removed.
func (c *Client) PlanToKeep(all ...PlannedObject) []Overlap {
	o := c.run.shared
	o.mu.Lock()
	defer o.mu.Unlock()
	var fresh []Overlap
	for _, p := range o.pairs(all, o.keeping, o.removing) {
		if !o.warned[warningKey(p, p.Other)] {
			fresh = append(fresh, p)
		}
	}
	for _, p := range fresh {
		o.warned[warningKey(p, p.Other)] = true
	}
	return fresh
}

// warningKey returns the key under which a warning is shown only once. If both resources have the same type, it is the
// key of their common object. Otherwise all objects of one list that resources of the removed type manage share a key.
func warningKey(p Overlap, removed Address) ObjectKey {
	if p.Other.Resource == p.Resource {
		return p.ObjectKey
	}
	return ObjectKey{Kind: removed.Resource, In: p.In}
}

// PlanToRemove records that the plan removes these objects at their resource addresses. It returns the objects that the
// state has at another address after the apply, as far as that address is already planned.
func (c *Client) PlanToRemove(all ...PlannedObject) []Overlap {
	o := c.run.shared
	o.mu.Lock()
	defer o.mu.Unlock()
	found := o.pairs(all, o.removing, o.keeping)
	for _, p := range found {
		o.warned[warningKey(p, p.Address)] = true
	}
	return found
}

// pairs records all objects in mine, and returns those that are in others, too. It ignores an object that this run
// already keeps. That happens only during an apply, when Terraform plans each change once more. The removal itself then
// checks which objects are kept.
func (o *sharedObjects) pairs(all []PlannedObject, mine, others map[ObjectKey][]Address) []Overlap {
	var found []Overlap
	for _, p := range all {
		if o.kept[p.ObjectKey] > 0 {
			continue
		}
		if !slices.Contains(mine[p.ObjectKey], p.Address) {
			mine[p.ObjectKey] = append(mine[p.ObjectKey], p.Address)
		}
		other := others[p.ObjectKey]
		if len(other) == 0 {
			continue
		}
		like := max(0, slices.IndexFunc(other, func(a Address) bool { return a.Resource == p.Resource }))
		found = append(found, Overlap{p, other[like]})
	}
	return found
}

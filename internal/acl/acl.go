// Package acl is the core of the product: the access list of one object as a value, and the few operations that change
// the grant of one principal without changing any other.
//
// The permissions API upserts (PATCH) and replaces (PUT), but cannot remove one principal and has no version to
// compare. A removal is therefore a read, followed at once by a replacement that keeps every other grant of that
// read. It undoes what another run writes between these two requests. So each run reads the list again a moment after
// its write, and writes again those of its changes that were undone; see recheck.go.
//
// https://docs.databricks.com/api/azure/workspace/permissions
package acl

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Kind is the kind of a principal, in the API's words.
type Kind string

// The kinds of principal.
const (
	ServicePrincipal Kind = "service_principal_name"
	User             Kind = "user_name"
	Group            Kind = "group_name"
)

// Principal is a user, group or service principal that can hold a permission.
type Principal struct {
	Kind Kind
	Name string // application id, e-mail or group name
}

func (p Principal) String() string { return string(p.Kind) + "=" + p.Name }

// Same compares two principals as the service does: application ids and user names without case, group names exactly.
func (p Principal) Same(q Principal) bool { return p.Key() == q.Key() }

// Key returns the principal in the spelling by which the service compares it: equal principals have equal keys, so a
// key can index a map.
func (p Principal) Key() Principal {
	if p.Kind != Group {
		p.Name = strings.ToLower(p.Name)
	}
	return p
}

// Level is a permission level, such as CAN_QUERY.
type Level string

// The levels of a serving endpoint, each including the one before, and the one of personal access tokens.
const (
	CanView   Level = "CAN_VIEW"
	CanQuery  Level = "CAN_QUERY"
	CanManage Level = "CAN_MANAGE"
	CanUse    Level = "CAN_USE"
)

// Object is something with an access list.
type Object struct {
	Type string // as in the API's path: serving-endpoints, authorization
	ID   string
}

func (o Object) String() string { return o.Type + "/" + o.ID }

// Endpoint is the object of a serving endpoint, by its system id, never its name.
func Endpoint(id string) Object { return Object{Type: "serving-endpoints", ID: id} }

// Tokens is the object whose access list controls who may use personal access tokens.
var Tokens = Object{Type: "authorization", ID: "tokens"}

// Place identifies a principal's entry in a list, for the register of what a run keeps. list is an [Object], or the
// name of an endpoint whose id a plan does not know.
func Place(list string, p Principal) client.Thing {
	return client.Thing{Kind: "grant", In: list, Who: p.Key().String()}
}

// Entry is one principal's levels in a list. A list has one entry for each principal.
type Entry struct {
	Principal
	DisplayName string  // empty for groups
	Direct      Level   // held on the object itself; empty when only inherited
	Inherited   []Level // held through a parent object, in the order of the answer
}

// Described returns the principal with its display name, where it has one.
func (e Entry) Described() string { return Describe(e.Principal, e.DisplayName) }

// Describe names a principal for a person: an id says little without the display name.
func Describe(p Principal, displayName string) string {
	if displayName == "" || strings.EqualFold(displayName, p.Name) {
		return p.String()
	}
	return p.String() + " (" + displayName + ")"
}

// List is the access list of one object. Its order has no meaning: the service shuffles it.
type List []Entry

// Find returns the principal's entry.
func (l List) Find(p Principal) (Entry, bool) {
	for _, e := range l {
		if e.Same(p) {
			return e, true
		}
	}
	return Entry{}, false
}

// Direct returns the entries of that name that hold a level directly. An empty kind means any kind.
func (l List) Direct(kind Kind, name string) List {
	var found List
	for _, e := range l {
		if e.Direct != "" && (kind == "" || kind == e.Kind) && e.Same(Principal{e.Kind, name}) {
			found = append(found, e)
		}
	}
	return found
}

// without returns the list without the principals.
func (l List) without(ps ...Principal) List {
	drop := make(map[Principal]bool, len(ps))
	for _, p := range ps {
		drop[p.Key()] = true
	}
	return slices.DeleteFunc(slices.Clone(l), func(e Entry) bool { return drop[e.Key()] })
}

// direct returns the levels held directly, by principal.
func (l List) direct() map[Principal]Level {
	levels := make(map[Principal]Level, len(l))
	for _, e := range l {
		if e.Direct != "" {
			levels[e.Key()] = e.Direct
		}
	}
	return levels
}

// lost returns the direct grants whose principals are not in left, without their level.
func (l List) lost(left map[Principal]Level) List {
	var lost List
	for _, e := range l {
		if _, stays := left[e.Key()]; e.Direct != "" && !stays {
			lost = append(lost, Entry{Principal: e.Principal})
		}
	}
	return lost
}

// beyond returns the direct grants that are not in was.
func (l List) beyond(was map[Principal]Level) List {
	var changed List
	for _, e := range l {
		if e.Direct != "" && was[e.Key()] != e.Direct {
			changed = append(changed, Entry{Principal: e.Principal, Direct: e.Direct})
		}
	}
	return changed
}

// view is a list with an index: a thousand grants on one object are a thousand lookups.
type view struct {
	list List
	at   map[Principal]int
	read time.Time
}

// newView returns an empty list, read at this moment. most is its capacity.
func newView(most int) view {
	return view{list: make(List, 0, most), at: make(map[Principal]int, most), read: time.Now()}
}

// add returns the principal's index, and appends the principal where it is new.
func (v *view) add(p Principal, displayName string) int {
	key := p.Key()
	i, ok := v.at[key]
	if !ok {
		i = len(v.list)
		v.at[key] = i
		v.list = append(v.list, Entry{Principal: p, DisplayName: displayName})
	}
	return i
}

func (v view) find(p Principal) (Entry, bool) {
	i, ok := v.at[p.Key()]
	if !ok {
		return Entry{}, false
	}
	return v.list[i], true
}

// showsAll reports whether the view has each of the grants as a direct one with the same level.
func (v view) showsAll(grants List) bool {
	return !slices.ContainsFunc(
		grants,
		func(e Entry) bool { held, _ := v.find(e.Principal); return held.Direct != e.Direct },
	)
}

// String is for error messages: every direct grant, sorted.
func (l List) String() string {
	var lines []string
	for _, e := range l {
		if e.Direct != "" {
			lines = append(lines, fmt.Sprintf("%s %s", e.Described(), e.Direct))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

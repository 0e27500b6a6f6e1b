// Package acl reads and writes the access lists of Databricks objects. It changes the grant of one principal without
// changing the grants of others.
//
// The permissions API can upsert grants (PATCH) and replace the whole list (PUT). It cannot remove one principal, and
// has no version to compare. To remove a grant, a run therefore reads the list, and at once replaces it by one that
// keeps every other grant of that read. This undoes what another run writes between these two requests. So each run
// reads the list again a moment after its write, and writes again those of its changes that were undone; see
// recheck.go.
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

// Same reports whether the service takes two principals for the same. It compares application ids and user names
// without case, and group names exactly.
func (p Principal) Same(q Principal) bool { return p.Key() == q.Key() }

// Key returns the principal in the spelling by which the service compares principals. Equal principals have equal keys,
// so a key can index a map.
func (p Principal) Key() Principal {
	if p.Kind != Group {
		p.Name = strings.ToLower(p.Name)
	}
	return p
}

// Level is a permission level, such as CAN_QUERY.
type Level string

// CanView, CanQuery and CanManage are the levels of a serving endpoint; each includes the level before it. CanUse is
// the level of personal access tokens.
const (
	CanView   Level = "CAN_VIEW"
	CanQuery  Level = "CAN_QUERY"
	CanManage Level = "CAN_MANAGE"
	CanUse    Level = "CAN_USE"
)

// Object identifies something in the workspace that has an access list.
type Object struct {
	Type string // as in the API's path: serving-endpoints or authorization
	ID   string
}

func (o Object) String() string { return o.Type + "/" + o.ID }

// Endpoint returns the object of the serving endpoint with that system id. The endpoint's name cannot be used here.
func Endpoint(id string) Object { return Object{Type: "serving-endpoints", ID: id} }

// Tokens is the object whose access list controls who may use personal access tokens.
var Tokens = Object{Type: "authorization", ID: "tokens"}

// GrantKey returns the key of a principal's grant in an access list, for [client.Client.Keep]. list is an [Object] as
// text, or the name of an endpoint whose id a plan does not know.
func GrantKey(list string, p Principal) client.ObjectKey {
	return client.ObjectKey{Kind: "grant", In: list, Who: p.Key().String()}
}

// Entry holds the levels of one principal in an access list. A list has one entry per principal.
type Entry struct {
	Principal
	DisplayName string  // empty for groups
	Direct      Level   // the level on the object itself; empty if all levels are inherited
	Inherited   []Level // the levels held through a parent object, in the order of the answer
}

// Described returns the principal for a message, with its display name if it has one.
func (e Entry) Described() string { return Describe(e.Principal, e.DisplayName) }

// Describe returns a principal for a message, with its display name unless that is empty or equal to the name.
func Describe(p Principal, displayName string) string {
	if displayName == "" || strings.EqualFold(displayName, p.Name) {
		return p.String()
	}
	return p.String() + " (" + displayName + ")"
}

// List is the access list of one object. The order of its entries has no meaning: the service shuffles them.
type List []Entry

// Find returns the principal's entry in the list, and whether there is one.
func (l List) Find(p Principal) (Entry, bool) {
	for _, e := range l {
		if e.Same(p) {
			return e, true
		}
	}
	return Entry{}, false
}

func (l List) has(p Principal) bool {
	_, found := l.Find(p)
	return found
}

// Direct returns the entries of that kind and name that hold a level directly. An empty kind means any kind.
func (l List) Direct(kind Kind, name string) List {
	var found List
	for _, e := range l {
		if e.Direct != "" && (kind == "" || kind == e.Kind) && e.Same(Principal{e.Kind, name}) {
			found = append(found, e)
		}
	}
	return found
}

// without returns a copy of the list without the entries of these principals.
func (l List) without(ps ...Principal) List {
	drop := make(map[Principal]bool, len(ps))
	for _, p := range ps {
		drop[p.Key()] = true
	}
	return slices.DeleteFunc(slices.Clone(l), func(e Entry) bool { return drop[e.Key()] })
}

// directLevels returns the level that each principal holds directly, by the principal's key.
func (l List) directLevels() map[Principal]Level {
	levels := make(map[Principal]Level, len(l))
	for _, e := range l {
		if e.Direct != "" {
			levels[e.Key()] = e.Direct
		}
	}
	return levels
}

// removedIn returns an entry without a level for each principal that holds a direct level in l and has none in after.
func (l List) removedIn(after map[Principal]Level) List {
	var lost List
	for _, e := range l {
		if _, stays := after[e.Key()]; e.Direct != "" && !stays {
			lost = append(lost, Entry{Principal: e.Principal})
		}
	}
	return lost
}

// changedFrom returns the direct grants in l that are missing, or have another level, in before.
func (l List) changedFrom(before map[Principal]Level) List {
	var changed List
	for _, e := range l {
		if e.Direct != "" && before[e.Key()] != e.Direct {
			changed = append(changed, Entry{Principal: e.Principal, Direct: e.Direct})
		}
	}
	return changed
}

// view is an access list with an index by principal, so that a thousand grants on one object are a thousand lookups.
type view struct {
	list List
	at   map[Principal]int
	read time.Time
}

// newView returns an empty view with capacity for most entries, and with the present as its time of reading.
func newView(most int) view {
	return view{list: make(List, 0, most), at: make(map[Principal]int, most), read: time.Now()}
}

// add returns the index of the principal's entry, and appends an entry if the principal has none.
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

// showsAll reports whether each principal in grants holds exactly the direct level that its entry in grants has. An
// entry without a level demands that its principal holds no direct level.
func (v view) showsAll(grants List) bool {
	return !slices.ContainsFunc(grants, func(e Entry) bool {
		held, _ := v.find(e.Principal)
		return held.Direct != e.Direct
	})
}

// String returns every direct grant of the list, sorted, for error messages.
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

package acl

import (
	"cmp"
	"context"
	"slices"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Held is one permission level that a principal holds.
type Held struct {
	Principal
	DisplayName string
	Level       Level
	Inherited   bool // held through a parent object, so it cannot be changed on the object itself
}

// kinds is the order of the kinds of principal in the result of [List.Levels].
var kinds = []Kind{ServicePrincipal, User, Group}

// Levels returns each level that a principal holds, sorted by kind and name, because the service shuffles its answers.
// A principal that holds one level directly and another by inheritance appears twice.
func (l List) Levels() []Held {
	var held []Held
	for _, e := range l {
		if e.Direct != "" {
			held = append(held, Held{e.Principal, e.DisplayName, e.Direct, false})
		}
		for _, level := range slices.Sorted(slices.Values(e.Inherited)) {
			held = append(held, Held{e.Principal, e.DisplayName, level, true})
		}
	}
	slices.SortStableFunc(held, func(a, b Held) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return held
}

// Search says which grants a search finds besides those of ordinary principals. The zero value leaves out the grants of
// the provider's own identity and of built-in groups. Importing those by accident can lead to removing the permissions
// of the provider itself, or of all users.
type Search struct {
	Self    bool // also find the identity that the provider is logged in as
	BuiltIn bool // also find groups that the service creates, see [client.IsBuiltInGroup]
}

// Finds reports whether the search finds the grants of that principal. No request if the configuration of the login
// names its identity; otherwise one, shared by all callers in this run.
func (s Search) Finds(ctx context.Context, c *client.Client, p Principal) (bool, error) {
	if p.Kind == Group {
		return s.BuiltIn || !client.IsBuiltInGroup(p.Name), nil
	}
	if s.Self {
		return true, nil
	}
	self, err := c.IsSelf(ctx, p.Name)
	return !self, err
}

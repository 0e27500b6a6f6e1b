package acl

import (
	"slices"
	"strings"
	"sync"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// managed are the endpoints whose access lists this run manages, exclusively or one principal at a time. Both on one
// endpoint undo each other's changes at every apply, and only the provider can see both.
type managed struct {
	mu     sync.Mutex
	lists  map[string]map[Principal]bool // by endpoint name: the ignored principals of an exclusive list
	grants map[string]map[Principal]bool // by endpoint name: the principals of single grants
}

func managedOf(c *client.Client) *managed {
	m := client.Of[managed](c)
	m.mu.Lock()
	if m.lists == nil {
		m.lists, m.grants = map[string]map[Principal]bool{}, map[string]map[Principal]bool{}
	}
	return m
}

// ManageList notes that the list of the endpoint is managed exclusively, except for the ignored principals. It returns
// the principals that the same run manages by single grants.
func ManageList(c *client.Client, endpoint string, ignored []Principal) (conflicts []Principal) {
	m := managedOf(c)
	defer m.mu.Unlock()
	others := map[Principal]bool{}
	for _, p := range ignored {
		others[p.Key()] = true
	}
	m.lists[endpoint] = others
	for p := range m.grants[endpoint] {
		if !others[p] {
			conflicts = append(conflicts, p)
		}
	}
	slices.SortFunc(conflicts, func(p, q Principal) int { return strings.Compare(p.String(), q.String()) })
	return conflicts
}

// ManageGrant notes that the principal's grant on the endpoint is managed, and reports whether the same run manages the
// list exclusively and does not ignore that principal.
func ManageGrant(c *client.Client, endpoint string, p Principal) (conflict bool) {
	m := managedOf(c)
	defer m.mu.Unlock()
	if m.grants[endpoint] == nil {
		m.grants[endpoint] = map[Principal]bool{}
	}
	m.grants[endpoint][p.Key()] = true
	ignored, managed := m.lists[endpoint]
	return managed && !ignored[p.Key()]
}

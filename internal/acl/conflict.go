package acl

import (
	"slices"
	"strings"
	"sync"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// managed records the endpoints whose access lists this run manages, either as a whole list or one principal at a time.
// If a configuration does both for one endpoint, the two undo each other's changes at every apply. Only the provider
// can see both.
type managed struct {
	mu     sync.Mutex
	lists  map[string]map[Principal]bool // endpoint name → principals that the endpoint's exclusive list ignores
	grants map[string]map[Principal]bool // endpoint name → principals of single grants on the endpoint
}

func managedOf(c *client.Client) *managed {
	m := client.PerClient[managed](c)
	m.mu.Lock()
	if m.lists == nil {
		m.lists, m.grants = map[string]map[Principal]bool{}, map[string]map[Principal]bool{}
	}
	return m
}

// ManageList records that the run manages the access list of the endpoint as a whole, except for the ignored
// principals. It returns the other principals whose single grants on the endpoint the same run manages.
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

// ManageGrant records that the run manages the principal's grant on the endpoint. It reports a conflict if the same run
// manages the endpoint's access list as a whole and does not ignore the principal.
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

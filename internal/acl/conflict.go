package acl

import (
	"slices"
	"strings"
	"sync"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// claims are the endpoints whose lists this run manages, as a whole or one principal at a time. Both at once undo each
// other's work at every apply, and only the provider sees both.
type claims struct {
	mu    sync.Mutex
	whole map[string]map[Principal]bool // endpoint name → principals that are left to others
	ones  map[string]map[Principal]bool
}

func claimsOf(c *client.Client) *claims {
	cl := client.Of[claims](c)
	cl.mu.Lock()
	if cl.whole == nil {
		cl.whole, cl.ones = map[string]map[Principal]bool{}, map[string]map[Principal]bool{}
	}
	return cl
}

// ClaimWhole notes that the whole list of the endpoint is managed, but for the ignored principals, and gives those that
// the same run manages one at a time.
func ClaimWhole(c *client.Client, endpoint string, ignored []Principal) (singly []Principal) {
	cl := claimsOf(c)
	defer cl.mu.Unlock()
	left := map[Principal]bool{}
	for _, p := range ignored {
		left[p.Key()] = true
	}
	cl.whole[endpoint] = left
	for p := range cl.ones[endpoint] {
		if !left[p] {
			singly = append(singly, p)
		}
	}
	slices.SortFunc(singly, func(p, q Principal) int { return strings.Compare(p.String(), q.String()) })
	return singly
}

// ClaimOne notes that the principal's place in the list of the endpoint is managed, and reports whether the same run
// manages the whole list without leaving that principal out.
func ClaimOne(c *client.Client, endpoint string, p Principal) (whole bool) {
	cl := claimsOf(c)
	defer cl.mu.Unlock()
	if cl.ones[endpoint] == nil {
		cl.ones[endpoint] = map[Principal]bool{}
	}
	cl.ones[endpoint][p.Key()] = true
	left, claimed := cl.whole[endpoint]
	return claimed && !left[p.Key()]
}

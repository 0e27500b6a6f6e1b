package acl_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// rounds is how often two runs meet in each row of the table: go test ./internal/acl -run TestTwoRuns -v -rounds 40.
var rounds = flag.Int("rounds", 4, "how often two runs meet on one access list")

// atOnce is how many rounds run at the same time, each on its own list. More rounds would wait for each other instead
// of the service.
const atOnce = 10

// meeting is an access list that two runs change at the same time. old has one principal per run with a grant on the
// list; new has one principal per run that the run may grant.
type meeting struct {
	*world
	name     string
	list     acl.Object
	old, new [2]acl.Principal
	clients  [2]*client.Client // one per run, as if each were a process
}

func (m meeting) revoke(t *testing.T, c *client.Client, p acl.Principal) error {
	return acl.Revoke(t.Context(), c, m.list, p)
}

func (m meeting) grant(t *testing.T, c *client.Client, p acl.Principal) error {
	_, _, err := acl.Grant(t.Context(), c, m.list, p, acl.CanQuery, false)
	return err
}

// replace writes the list as the exclusive resource does: comes gets a grant, goes loses its grant, and all others
// stay.
func (m meeting) replace(t *testing.T, c *client.Client, comes, goes acl.Principal) error {
	_, _, err := acl.Replace(t.Context(), c, m.list, nil, func(now acl.List) (acl.List, any, error) {
		next := acl.List{{Principal: comes, Direct: acl.CanQuery}}
		for _, e := range now {
			if !e.Same(goes) && !e.Same(comes) {
				next = append(next, e)
			}
		}
		return next, nil, nil
	})
	return err
}

// TestTwoRuns has two runs, with a client each, change one access list at the same time, each for its own principals.
// The service has no version to compare when it replaces a list. The test checks that no grant of a run is lost, that
// no revoked grant comes back, and that neither run fails.
func TestTwoRuns(t *testing.T) {
	kinds := []struct {
		name string
		runs [2]func(*testing.T, meeting, *client.Client) error
		want func(meeting) []acl.Principal // who holds CAN_QUERY afterwards, besides the unchanged grants
	}{
		{"destroy and destroy", [2]func(*testing.T, meeting, *client.Client) error{
			func(t *testing.T, m meeting, c *client.Client) error { return m.revoke(t, c, m.old[0]) },
			func(t *testing.T, m meeting, c *client.Client) error { return m.revoke(t, c, m.old[1]) },
		}, func(meeting) []acl.Principal { return nil }},
		{"destroy and create", [2]func(*testing.T, meeting, *client.Client) error{
			func(t *testing.T, m meeting, c *client.Client) error { return m.revoke(t, c, m.old[0]) },
			func(t *testing.T, m meeting, c *client.Client) error { return m.grant(t, c, m.new[1]) },
		}, func(m meeting) []acl.Principal { return []acl.Principal{m.old[1], m.new[1]} }},
		{"create and create", [2]func(*testing.T, meeting, *client.Client) error{
			func(t *testing.T, m meeting, c *client.Client) error { return m.grant(t, c, m.new[0]) },
			func(t *testing.T, m meeting, c *client.Client) error { return m.grant(t, c, m.new[1]) },
		}, func(m meeting) []acl.Principal { return []acl.Principal{m.old[0], m.old[1], m.new[0], m.new[1]} }},
		{"list and create", [2]func(*testing.T, meeting, *client.Client) error{
			func(t *testing.T, m meeting, c *client.Client) error { return m.replace(t, c, m.new[0], m.old[0]) },
			func(t *testing.T, m meeting, c *client.Client) error { return m.grant(t, c, m.new[1]) },
		}, func(m meeting) []acl.Principal { return []acl.Principal{m.old[1], m.new[0], m.new[1]} }},
		{"list and destroy", [2]func(*testing.T, meeting, *client.Client) error{
			func(t *testing.T, m meeting, c *client.Client) error { return m.replace(t, c, m.new[0], m.old[0]) },
			func(t *testing.T, m meeting, c *client.Client) error { return m.revoke(t, c, m.old[1]) },
		}, func(m meeting) []acl.Principal { return []acl.Principal{m.new[0]} }},
	}
	services := []struct {
		name    string
		latency time.Duration
		put     time.Duration // extra time of a replacement, so that one run may check before the other's PUT
	}{{"0 ms", 0, 0}, {"40 ms", 40 * time.Millisecond, 0}, {"slow replacement", 0, 60 * time.Millisecond}}
	for _, service := range services {
		t.Run(service.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var meetings []meeting
			for i := range *rounds * len(kinds) {
				meetings = append(meetings, w.meeting(t, fmt.Sprintf("list-%d", i)))
			}
			w.Tenant.Latency.Set(service.latency)
			if service.put > 0 {
				w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PUT", Path: listPath,
					Delay: service.put, Times: -1})
			}
			slots := make(chan struct{}, atOnce)
			var all sync.WaitGroup
			good := make([]atomic.Int32, len(kinds))
			for i, m := range meetings {
				kind := kinds[i%len(kinds)]
				slots <- struct{}{}
				all.Go(func() {
					defer func() { <-slots }()
					var both sync.WaitGroup
					for i, run := range kind.runs {
						both.Go(func() {
							time.Sleep(time.Duration(
								rand.Int64N(int64(service.latency+service.put)/2 + int64(time.Millisecond))))
							if err := run(t, m, m.clients[i]); err != nil {
								t.Errorf("%s, run %d: %v", kind.name, i, err)
							}
						})
					}
					both.Wait()
					want := map[string]string{person: "CAN_MANAGE", app: "CAN_QUERY"}
					for _, p := range kind.want(m) {
						want[p.Name] = "CAN_QUERY"
					}
					if got := m.Workspace.Grants(m.name); maps.Equal(got, want) {
						good[i%len(kinds)].Add(1)
					} else {
						t.Errorf("%s: a grant was lost or came back: %v, want %v", kind.name, got, want)
					}
				})
			}
			all.Wait()
			for i, kind := range kinds {
				t.Logf("%s: %d of %d", kind.name, good[i].Load(), *rounds)
			}
			t.Logf("%.1f requests to the list in each round",
				float64(w.Count("workspace", "", "/permissions/"))/float64(len(meetings)))
		})
	}
}

// meeting creates an endpoint with a grant for each of the two runs, and logs in a client for each run.
func (w *world) meeting(t *testing.T, name string) meeting {
	m := meeting{world: w, name: name, list: acl.Endpoint(w.Workspace.CreateEndpoint(name, person))}
	w.Workspace.SetGrant(name, app, "CAN_QUERY")
	ps := w.newcomers(4)
	m.old, m.new = [2]acl.Principal(ps[:2]), [2]acl.Principal(ps[2:])
	for _, p := range m.old {
		w.Workspace.SetGrant(name, p.Name, "CAN_QUERY")
	}
	for i := range m.clients {
		m.clients[i] = w.newClient(t)
		if _, err := acl.Read(t.Context(), m.clients[i], w.endpoint, client.AnyAge); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

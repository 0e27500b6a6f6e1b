package groupmember_test

import (
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Two runs change the members of one group at once. The service adds and removes single members, so neither run undoes
// the other's change, and no further read is necessary.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	const kind, rounds = "dbxaccess_group_member", 40
	apps := [2]string{w.ScoringApp.ClientID, w.Tenant.RegisterApp("other").ClientID}
	w.Workspace.AddServicePrincipal(apps[1], "other")
	var held [2]acctest.Object
	for round := range rounds {
		w.Tenant.Latency.Set(time.Duration(round%2) * 20 * time.Millisecond)
		var both sync.WaitGroup
		for i := range apps {
			p := w.Protocol(t) // each run is a process of its own
			config := map[string]any{"group_name": "scorers", "application_id": apps[i]}
			// Both add, then one removes while the other adds, then both remove.
			if add := [3][2]bool{{true, true}, {false, true}, {false, false}}[round%3][i]; !add {
				config = nil
			}
			if (config == nil) == (held[i].State == nil) {
				continue // the membership is already as wanted
			}
			both.Go(func() {
				o, errors := p.Apply(t, kind, held[i], config)
				if errors != "" {
					t.Errorf("round %d, run %d: %s", round, i, errors)
				}
				held[i] = o
				if config == nil {
					held[i] = acctest.Object{}
				}
			})
		}
		both.Wait()
		want := []string{w.PersonName}
		for i, o := range held {
			if o.State != nil {
				want = append(want, apps[i])
			}
		}
		wantMembers(t, w, "scorers", want...)
	}
}

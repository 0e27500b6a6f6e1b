package acl_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// hang makes one request of that method take half a minute, after so many have passed.
func (w *world) hang(method string, after int) {
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath, After: after, Delay: 30 * time.Second})
}

// nextGrant demands that a grant does not wait for the hanging request of those who have given up.
func (w *world) nextGrant(t *testing.T, p acl.Principal) {
	t.Helper()
	began := time.Now()
	if _, _, err := acl.Grant(t.Context(), w.client, w.endpoint, p, acl.CanQuery, false); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited > 10*time.Second {
		t.Errorf("the next grant waited %s", waited)
	}
}

// stopAfter gives a context that ends once that many reads of the list are answered and what follows them is under way.
func (w *world) stopAfter(t *testing.T, reads int) context.Context {
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for w.Count("workspace", "GET", "/permissions/") < reads {
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		stop()
	}()
	return ctx
}

// Two grants go together: one stands already and is answered at once, the other one's write hangs until its caller gives
// up. Then nobody waits any more, and the write is stopped.
func TestLastWaiterOfABatchGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps := w.newcomers(3)
	w.Workspace.SetGrant("iris", ps[1].Name, "CAN_QUERY")
	w.slow("PATCH")
	w.hang("PATCH", 1) // the slow one is not counted
	stopped := w.stopAfter(t, 2)
	failed := together(ps, func(p acl.Principal) error {
		ctx := t.Context()
		if p == ps[2] {
			ctx = stopped
		}
		if p != ps[0] {
			w.underWay()
		}
		_, _, err := acl.Grant(ctx, w.client, w.endpoint, p, acl.CanQuery, false)
		return err
	})
	if len(failed) != 1 || !errors.Is(failed[ps[2].Name], context.Canceled) {
		t.Errorf("failed: %v", failed)
	}
	w.nextGrant(t, w.app)
}

// Whoever reads the list next does not wait for the read of those who have given up.
func TestReaderGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hang("GET", 0)
	stopped := w.stopAfter(t, 0)
	if _, _, err := acl.Grant(stopped, w.client, w.endpoint, w.newcomers(1)[0], acl.CanQuery, false); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	w.nextGrant(t, w.app)
}

// What a change found belongs to the write that is under way. Who has given up on it does not read what is still being
// written: run this with -race.
func TestChangeOfWhoGaveUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stopped, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	_, found, err := acl.Replace(stopped, w.client, w.endpoint, nil, func(l acl.List) (acl.List, *int, error) {
		defer close(ended)
		stop()
		time.Sleep(4 * time.Second) // longer than who has given up waits
		n := len(l)
		return l, &n, nil
	})
	if !errors.Is(err, context.Canceled) || found != nil {
		t.Errorf("found %v, error %v", found, err)
	}
	<-ended
}

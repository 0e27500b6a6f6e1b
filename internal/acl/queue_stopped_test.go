package acl_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// hang delays one request with that method by half a minute, after the given number of other requests.
func (w *world) hang(method string, after int) {
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath, After: after, Delay: 30 * time.Second})
}

// nextGrant checks that a grant does not wait for the hanging request of callers that have given up.
func (w *world) nextGrant(t *testing.T, p acl.Principal) {
	t.Helper()
	began := time.Now()
	if _, _, err := acl.Grant(t.Context(), w.client, w.endpoint, p, acl.CanQuery, false); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited > 3*time.Second {
		t.Errorf("the next grant waited %s", waited)
	}
}

// stopAfter returns a context that ends when that many reads of the list are answered and the next request is under
// way.
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

// TestLastWaiterOfABatchGivesUp writes two grants together. One exists already and returns at once; the write of the
// other hangs until its caller gives up. The test checks that the write is cancelled then, because nobody waits for it.
func TestLastWaiterOfABatchGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps := w.newcomers(3)
	w.Workspace.SetGrant("iris", ps[1].Name, "CAN_QUERY")
	w.slow("PATCH")
	w.hang("PATCH", 1) // the request that slow delays does not count
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

// TestReaderGivesUp checks that the next reader of a list does not wait for the read of a caller that has given up.
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

// TestChangeOfWhoGaveUp checks that a caller that has given up does not read what the change function is still writing.
// Only -race shows a failure.
func TestChangeOfWhoGaveUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stopped, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	_, found, err := acl.Replace(stopped, w.client, w.endpoint, nil, func(l acl.List) (acl.List, *int, error) {
		defer close(ended)
		stop()
		time.Sleep(4 * time.Second) // longer than a cancelled caller waits
		n := len(l)
		return l, &n, nil
	})
	if !errors.Is(err, context.Canceled) || found != nil {
		t.Errorf("found %v, error %v", found, err)
	}
	<-ended
}

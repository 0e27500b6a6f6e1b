package acl_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// delayRequest delays one request with that method by half a minute, after the given number of other requests.
func (w *world) delayRequest(method string, after int) {
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath, After: after,
		Delay: 30 * time.Second})
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

// TestWriteIsCancelledWhenNoCallerWaits writes two grants together. One exists already and returns at once; the write
// of the other hangs until its caller gives up. The test checks that the write is cancelled then, because nobody waits
// for it.
func TestWriteIsCancelledWhenNoCallerWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps := w.newcomers(3)
	w.Workspace.SetGrant("iris", ps[1].Name, "CAN_QUERY")
	w.slow("PATCH")
	w.delayRequest("PATCH", 1) // the request that slow delays does not count
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

// TestReaderDoesNotWaitForCancelledCaller checks that the next reader of a list does not wait for the read of a caller
// that has given up.
func TestReaderDoesNotWaitForCancelledCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delayRequest("GET", 0)
	stopped := w.stopAfter(t, 0)
	_, _, err := acl.Grant(stopped, w.client, w.endpoint, w.newcomers(1)[0], acl.CanQuery, false)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	w.nextGrant(t, w.app)
}

// TestCancelledCallerSharesNoVariables checks that a caller that has given up does not read what the change function is
// still writing. Only -race shows a failure.
func TestCancelledCallerSharesNoVariables(t *testing.T) {
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

// TestStoppedWriteIsNotTriedAgain checks that a write which fails is not tried again if all its callers were stopped
// while it was under way. It is tried again while one of the callers still waits.
func TestStoppedWriteIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"throttled": {Status: 429, RetryAfter: 1}, "unavailable": {Status: 503, Code: "TEMPORARILY_UNAVAILABLE"}, "answer lost": {Drop: "before"},
	} {
		for method, write := range map[string]func(w *world, ctx context.Context, p acl.Principal) error{
			"PATCH": func(w *world, ctx context.Context, p acl.Principal) error {
				_, _, err := acl.Grant(ctx, w.client, w.endpoint, p, acl.CanQuery, false)
				return err
			},
			"PUT": func(w *world, ctx context.Context, p acl.Principal) error {
				return acl.Revoke(ctx, w.client, w.endpoint, p)
			},
		} {
			for _, waits := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s, another caller waits %t", name, method, waits), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					ps := w.newcomers(2) // their writes go together
					if method == "PUT" {
						w.Workspace.SetGrant("iris", ps[0].Name, "CAN_QUERY")
						w.Workspace.SetGrant("iris", ps[1].Name, "CAN_QUERY")
					}
					ctx, stop := context.WithCancel(t.Context())
					contexts := map[acl.Principal]context.Context{ps[0]: ctx, ps[1]: ctx}
					if waits {
						contexts[ps[1]] = t.Context()
					}
					failed := w.held(t, fault, method, stop, ps, func(p acl.Principal) error {
						return write(w, contexts[p], p)
					})
					w.nextGrant(t, w.app) // it is written when nothing of the others is under way any more
					if n := w.Count("workspace", method, "/permissions/"); !waits &&
						n != map[string]int{"PATCH": 3, "PUT": 1}[method] {
						t.Errorf("%d writes", n)
					}
					if !waits && len(failed) != 2 || waits && failed[ps[1].Name] != nil {
						t.Error(failed)
					}
				})
			}
		}
	}
}

// held runs write for all principals together, while the first write of that method for them fails by the fault after
// stop was called. It returns the errors by name.
func (w *world) held(
	t *testing.T, fault emulator.Fault, method string, stop func(), ps []acl.Principal, write func(acl.Principal) error,
) map[string]error {
	t.Helper()
	// The writes queue behind another grant, whose read is slow, so that they leave together.
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, Delay: time.Second})
	first := make(chan error, 1)
	go func() {
		_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, w.newcomers(1)[0], acl.CanQuery, false)
		first <- err
	}()
	w.met()
	fault.Service, fault.Method, fault.Path, fault.Delay = "workspace", method, listPath, 200*time.Millisecond
	if method == "PATCH" {
		fault.After = 1 // the write of the first grant
	}
	w.Tenant.Faults.Add(fault)
	go func() {
		w.met()
		stop()
	}()
	failed := together(ps, write)
	if err := <-first; err != nil {
		t.Error(err)
	}
	return failed
}

// met waits until each fault has met a request.
func (w *world) met() {
	for len(w.Tenant.Faults.Unmet()) > 0 {
		time.Sleep(time.Millisecond)
	}
}

// TestStoppedBeforeTheQueue checks that a caller which was stopped before it queues an operation writes nothing.
func TestStoppedBeforeTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanQuery, true); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	next := w.newcomers(1)[0]
	w.nextGrant(t, next)
	w.holds(t, with(next, acl.CanQuery))
}

// TestStoppedWriteThatWasDone checks that a write which was done, although its answer was lost after the caller was
// stopped, is reported as done. A grant that is not recorded in the state is never removed.
func TestStoppedWriteThatWasDone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method string
		write  func(w *world, ctx context.Context) error
		want   func(w *world) map[string]string
	}{
		"grant": {"PATCH", func(w *world, ctx context.Context) error {
			_, wrote, err := acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanManage, true)
			if err == nil && !wrote {
				err = errors.New("says that it did not write")
			}
			return err
		}, func(w *world) map[string]string { return with(w.app, acl.CanManage) }},
		"revoke": {"PUT", func(w *world, ctx context.Context) error {
			return acl.Revoke(ctx, w.client, w.endpoint, w.app)
		}, func(*world) map[string]string { return grantsOfOthers() }},
		"replace": {"PUT", func(w *world, ctx context.Context) error {
			_, _, err := acl.Replace(ctx, w.client, w.endpoint, nil, func(l acl.List) (acl.List, any, error) {
				return slices.DeleteFunc(l, func(e acl.Entry) bool { return e.Same(w.app) }), nil, nil
			})
			return err
		}, func(*world) map[string]string { return grantsOfOthers() }},
	} {
		for _, status := range []int{500, 503, 0} {
			t.Run(fmt.Sprintf("%s %d", name, status), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
				fault := emulator.Fault{Service: "workspace", Method: tc.method, Path: listPath,
					Delay: 200 * time.Millisecond, Drop: "after"}
				if status != 0 {
					fault.Drop, fault.Status, fault.WorkDone = "", status, true
				}
				w.Tenant.Faults.Add(fault)
				ctx, stop := context.WithCancel(t.Context())
				go func() {
					w.met()
					stop()
				}()
				if err := tc.write(w, ctx); err != nil {
					t.Error(err)
				}
				w.holds(t, tc.want(w))
			})
		}
	}
}

package acl_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// newcomers returns n new service principals without a grant.
func (w *world) newcomers(n int) []acl.Principal {
	var all []acl.Principal
	for range n {
		p := sp(w.Tenant.RegisterApp("x").ClientID)
		w.Workspace.AddServicePrincipal(p.Name, "")
		all = append(all, p)
	}
	return all
}

// together runs f for all principals at the same time, and returns the errors by name.
func together(ps []acl.Principal, f func(acl.Principal) error) map[string]error {
	var mu sync.Mutex
	var group sync.WaitGroup
	failed := map[string]error{}
	for _, p := range ps {
		group.Go(func() {
			if err := f(p); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[p.Name] = err
			}
		})
	}
	group.Wait()
	return failed
}

// slow delays one write for so long that other operations queue behind it, and then answers with status 503.
func (w *world) slow(method string) {
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath,
		Delay: 300 * time.Millisecond, WorkDone: true, Times: 1, Status: 503, Code: "TEMPORARILY_UNAVAILABLE"})
}

// underWay waits until a write of another operation is under way, so that later operations are queued and written
// together.
func (w *world) underWay() {
	for w.Count("workspace", "GET", "/permissions/") == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
}

// TestQueuedGrantsAreWrittenTogether checks that operations which queue behind a write are then written together.
func TestQueuedGrantsAreWrittenTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps := w.newcomers(20)
	w.slow("PATCH")
	grant := func(p acl.Principal) error {
		_, wrote, err := acl.Grant(t.Context(), w.client, w.endpoint, p, acl.CanQuery, false)
		if err == nil && !wrote {
			err = errors.New("says that it did not write")
		}
		return err
	}
	if failed := together(ps, grant); len(failed) > 0 {
		t.Error(failed)
	}
	want := grantsOfOthers()
	for _, p := range ps {
		want[p.Name] = "CAN_QUERY"
	}
	w.holds(t, want)
	// One read for all grants, the first write, the same write again after its 503, and one write for the other grants.
	if asked := strings.Fields(w.asked()); len(asked) > 5 {
		t.Errorf("20 grants asked %q", asked)
	}

	w.slow("GET")
	if failed := together(ps, func(p acl.Principal) error {
		return acl.Revoke(t.Context(), w.client, w.endpoint, p)
	}); len(failed) > 0 {
		t.Error(failed)
	}
	w.holds(t, grantsOfOthers())
	if asked := strings.Fields(w.asked()); len(asked) > 7 {
		t.Errorf("20 revocations asked %q", asked)
	}
}

// TestOneOfABatchFails checks that a grant which the service refuses fails alone, and that the grants written with it
// are made.
func TestOneOfABatchFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps := w.newcomers(8)
	stranger := sp("11111111-2222-3333-4444-555555555555")
	w.slow("PATCH")
	failed := together(append(ps, stranger), func(p acl.Principal) error {
		if p != ps[0] {
			w.underWay()
		}
		_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, p, acl.CanQuery, false)
		return err
	})
	if len(failed) != 1 || !errors.Is(failed[stranger.Name], client.ErrNotFound) {
		t.Errorf("failed: %v", failed)
	}
	want := grantsOfOthers()
	for _, p := range ps {
		want[p.Name] = "CAN_QUERY"
	}
	w.holds(t, want)
}

// TestOneGrantOfABatchHasHigherLevel checks that a principal with a higher level makes its own grant fail and no other.
func TestOneGrantOfABatchHasHigherLevel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps := w.newcomers(3)
	w.Workspace.SetGrant("iris", ps[1].Name, "CAN_MANAGE")
	w.slow("GET")
	failed := together(ps, func(p acl.Principal) error {
		_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, p, acl.CanQuery, false)
		return err
	})
	var held *acl.HeldError
	if len(failed) != 1 || !errors.As(failed[ps[1].Name], &held) {
		t.Errorf("failed: %v", failed)
	}
}

// TestReadsAreShared checks that many refreshes of one list send one request, and that the answer to a write saves the
// next read.
func TestReadsAreShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	find := func(p acl.Principal) error {
		_, _, err := acl.Find(t.Context(), w.client, w.endpoint, p)
		return err
	}
	if failed := together([]acl.Principal{user(bob), user(person), sp(app), group(team), w.app},
		find); len(failed) > 0 {
		t.Error(failed)
	}
	w.wantAsked(t, "GET")
	for _, p := range w.newcomers(3) {
		if _, _, err := acl.Grant(t.Context(), w.client, w.endpoint, p, acl.CanView, false); err != nil {
			t.Fatal(err)
		}
	}
	w.wantAsked(t, "PATCH GET PATCH GET PATCH GET")
	if e, found, err := acl.Find(t.Context(), w.client, w.endpoint, w.app); err != nil || found {
		t.Errorf("%v %t %v", e, found, err)
	}
	w.wantAsked(t, "")
}

// TestPartialAnswerToUpsert checks that an answer to an upsert which shows only what was written is not taken for the
// whole list.
func TestPartialAnswerToUpsert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{PatchShowsPart: true})
	if _, _, err := acl.Grant(t.Context(), w.client, w.endpoint, w.app, acl.CanQuery, false); err != nil {
		t.Fatal(err)
	}
	if e, found, err := acl.Find(t.Context(), w.client, w.endpoint, user(bob)); err != nil || !found ||
		e.Direct != acl.CanView {
		t.Errorf("%+v %t %v", e, found, err)
	}
	w.wantAsked(t, "GET PATCH GET") // the answer shows the grant; the last read, a check, shows the whole list
}

// TestCancelledCallerLeavesTheQueue checks that a caller which is cancelled before its write begins leaves the queue,
// and that the other callers get their grants.
func TestCancelledCallerLeavesTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps := w.newcomers(3)
	w.slow("PATCH")
	stopped, stop := context.WithCancel(t.Context())
	contexts := map[string]context.Context{ps[0].Name: t.Context(), ps[1].Name: stopped, ps[2].Name: t.Context()}
	time.AfterFunc(200*time.Millisecond, stop)
	failed := together(ps, func(p acl.Principal) error {
		if p != ps[0] {
			w.underWay()
		}
		_, _, err := acl.Grant(contexts[p.Name], w.client, w.endpoint, p, acl.CanQuery, false)
		return err
	})
	if len(failed) != 1 || !errors.Is(failed[ps[1].Name], context.Canceled) {
		t.Errorf("failed: %v", failed)
	}
	want := grantsOfOthers()
	want[ps[0].Name], want[ps[2].Name] = "CAN_QUERY", "CAN_QUERY"
	w.holds(t, want)
}

// TestListIsReadAgainBeforeReplacementIsRepeated checks that the list is read again before a failed replacement is
// repeated, because somebody else may have received a grant in between.
func TestListIsReadAgainBeforeReplacementIsRepeated(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"throttled":   {Status: 429, Code: "REQUEST_LIMIT_EXCEEDED", RetryAfter: 1},
		"unavailable": {Status: 503, Code: "TEMPORARILY_UNAVAILABLE"},
		"answer lost": {Drop: "before"},
		"conflict":    {Status: 409, Code: "ABORTED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
			late := w.newcomers(1)[0]
			fault.Service, fault.Method, fault.Path = "workspace", "PUT", listPath
			w.Tenant.Faults.Add(fault)
			go func() {
				for w.Count("workspace", "PUT", "") == 0 {
					time.Sleep(5 * time.Millisecond)
				}
				w.Workspace.SetGrant("iris", late.Name, "CAN_QUERY")
			}()
			if err := acl.Revoke(t.Context(), w.client, w.endpoint, w.app); err != nil {
				t.Fatal(err)
			}
			w.holds(t, with(late, acl.CanQuery))
			w.wantAsked(t, "GET PUT GET PUT GET GET") // two checks, because somebody else wrote
		})
	}
}

// replace calls acl.Replace with a change function that returns nothing but the list.
func (w *world) replace(t *testing.T, object acl.Object, change func(acl.List) (acl.List, error)) (acl.List, error) {
	list, _, err := acl.Replace(t.Context(), w.client, object, nil, func(l acl.List) (acl.List, any, error) {
		next, err := change(l)
		return next, nil, err
	})
	return list, err
}

func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	add := func(l acl.List) (acl.List, error) {
		return append(l, acl.Entry{Principal: w.app, Direct: acl.CanQuery}), nil
	}
	list, err := w.replace(t, w.endpoint, add)
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := list.Find(w.app); e.Direct != acl.CanQuery || e.DisplayName != "iris-scoring" {
		t.Errorf("answered %+v", e)
	}
	w.holds(t, with(w.app, acl.CanQuery))
	w.wantAsked(t, "GET PATCH GET") // an upsert, because nobody loses a grant

	only := func(acl.List) (acl.List, error) {
		return acl.List{{Principal: user(person), Direct: acl.CanManage},
			{Principal: user(bob), Direct: acl.CanQuery}}, nil
	}
	if _, err = w.replace(t, w.endpoint, only); err != nil {
		t.Fatal(err)
	}
	w.holds(t, map[string]string{person: "CAN_MANAGE", bob: "CAN_QUERY"})
	w.wantAsked(t, "GET PUT GET")

	same := func(l acl.List) (acl.List, error) { return l, nil }
	if _, err = w.replace(t, w.endpoint, same); err != nil {
		t.Fatal(err)
	}
	w.wantAsked(t, "GET")

	no := errors.New("no")
	if _, err = w.replace(t, w.endpoint, func(acl.List) (acl.List, error) { return nil, no }); !errors.Is(err, no) {
		t.Errorf("error %v", err)
	}
	w.wantAsked(t, "GET")
}

// TestReplaceAfterIncompleteUpsert checks that a replacement follows an upsert that does not lower a level, and that a
// read follows an upsert whose answer shows only a part.
func TestReplaceAfterIncompleteUpsert(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		switches emulator.WorkspaceSwitches
		asked    string
	}{
		"only raises": {emulator.WorkspaceSwitches{PatchNeverLowers: true}, "GET PATCH PUT GET"},
		"shows part":  {emulator.WorkspaceSwitches{PatchShowsPart: true}, "GET PATCH GET GET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(c.switches)
			list, err := w.replace(t, w.endpoint, func(l acl.List) (acl.List, error) {
				for i := range l {
					if l[i].Same(sp(app)) {
						l[i].Direct = acl.CanView
					}
				}
				return l, nil
			})
			if err != nil || len(list) != 5 {
				t.Errorf("%v, %v", list, err)
			}
			want := grantsOfOthers()
			want[app] = "CAN_VIEW"
			w.holds(t, want)
			w.wantAsked(t, c.asked)
		})
	}
}

// TestTokensKeepTheirAdmins checks that the access list of tokens keeps the grant of admins, whatever change returns.
func TestTokensKeepTheirAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("authorization/tokens", w.app.Name, "CAN_USE")
	if _, err := w.replace(t, acl.Tokens, func(acl.List) (acl.List, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	if got := w.Workspace.Grants("authorization/tokens"); !maps.Equal(got, map[string]string{"admins": "CAN_MANAGE"}) {
		t.Errorf("left %v", got)
	}
}

// TestNewPrincipalIsWaitedFor checks that a grant waits for a new principal, which reaches access lists late. It does
// not wait for a principal that the workspace does not know either, nor after any other refusal.
func TestNewPrincipalIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddServicePrincipal("22222222-2222-3333-4444-555555555555", "late")
	late := sp("22222222-2222-3333-4444-555555555555")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Times: 2, Status: 404,
		Code:    "RESOURCE_DOES_NOT_EXIST",
		Message: "Principal: ServicePrincipalName(" + late.Name + ") does not exist"})
	began := time.Now()
	if _, _, err := acl.Grant(t.Context(), w.client, w.endpoint, late, acl.CanQuery, false); err != nil {
		t.Fatal(err)
	}
	w.holds(t, with(late, acl.CanQuery))
	if n := w.Count("workspace", "GET", "ServicePrincipals"); n != 1 {
		t.Errorf("the directory was asked %d times", n)
	}
	if time.Since(began) < 3*time.Second {
		t.Error("did not wait")
	}

	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Times: -1, Status: 400,
		Code:    "BAD_REQUEST",
		Message: "Principal: ServicePrincipalName(" + w.app.Name + ") does not exist"})
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	_, _, err := acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanQuery, false)
	var advice *client.Advice
	if !errors.Is(err, client.ErrInvalid) || !errors.As(err, &advice) ||
		!strings.Contains(advice.Next, "access lists still do not") {
		t.Errorf("out of time: %v", err)
	}
}

// TestStoppedDuringTheWrite checks that a caller which is cancelled during its write still gets the result. Otherwise
// the grant would be in no state.
func TestStoppedDuringTheWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath,
		Delay: 700 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		w.underWay()
		stop()
	}()
	if _, wrote, err := acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanQuery, false); err != nil || !wrote {
		t.Errorf("wrote %t, %v", wrote, err)
	}
	w.holds(t, with(w.app, acl.CanQuery))
}

// TestReplacementKeepsGrantsThatTheUpsertShowed checks that a replacement after an upsert keeps a grant that somebody
// else received between the first read and the upsert. The answer to the upsert, or the read after it, shows that
// grant.
func TestReplacementKeepsGrantsThatTheUpsertShowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		switches emulator.WorkspaceSwitches
		asked    string
	}{
		"in its answer":        {emulator.WorkspaceSwitches{PatchNeverLowers: true}, "GET PATCH PUT GET GET"},
		"in the read after it": {emulator.WorkspaceSwitches{PatchNeverLowers: true, PatchShowsPart: true}, "GET PATCH GET PUT GET GET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(c.switches)
			late, seen := w.newcomers(1)[0], 0
			_, err := w.replace(t, w.endpoint, func(l acl.List) (acl.List, error) {
				if seen++; seen == 1 {
					w.Workspace.SetGrant("iris", late.Name, "CAN_QUERY")
				}
				for i := range l {
					if l[i].Same(sp(app)) {
						l[i].Direct = acl.CanView
					}
				}
				return l, nil
			})
			if err != nil {
				t.Error(err)
			}
			want := with(late, acl.CanQuery)
			want[app] = "CAN_VIEW"
			w.holds(t, want)
			w.wantAsked(t, c.asked)
		})
	}
}

// TestPartialAnswerToReplacement checks that an answer to a replacement which shows less than the list is not
// taken for the whole list.
func TestPartialAnswerToReplacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PUT", Path: listPath, Status: 200, WorkDone: true,
		Body: "{}", ContentType: "application/json"})
	if err := acl.Revoke(t.Context(), w.client, w.endpoint, w.app); err != nil {
		t.Fatal(err)
	}
	if e, found, err := acl.Find(t.Context(), w.client, w.endpoint, user(bob)); err != nil || !found ||
		e.Direct != acl.CanView {
		t.Errorf("%+v %t %v", e, found, err)
	}
	w.wantAsked(t, "GET PUT GET GET")
}

// TestGrantsMissingAfterWrite checks that each of several grants which were written together, and which the list does
// not show, has an error with its own principal.
func TestGrantsMissingAfterWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps := w.newcomers(3)
	w.slow("PATCH")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, After: 1, Status: 200,
		Body: "{}", ContentType: "application/json"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PUT", Path: listPath, Status: 200, Body: "{}",
		ContentType: "application/json"})
	failed := together(ps, func(p acl.Principal) error {
		if p != ps[0] {
			w.underWay()
		}
		_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, p, acl.CanQuery, false)
		return err
	})
	for _, p := range ps[1:] {
		if err := failed[p.Name]; err == nil || !strings.Contains(err.Error(), p.Name) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if len(failed) != 2 {
		t.Errorf("failed: %v", failed)
	}
}

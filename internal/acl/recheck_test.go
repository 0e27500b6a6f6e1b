package acl_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// afterWrite calls undo after each of the next writes, as many times as given.
func (w *world) afterWrite(t *testing.T, times int, undo func()) {
	t.Helper()
	go func() {
		for seen := 0; seen < times && t.Context().Err() == nil; time.Sleep(2 * time.Millisecond) {
			if w.Count("workspace", "PATCH", "/permissions/")+w.Count("workspace", "PUT", "/permissions/") > seen {
				seen++
				undo()
			}
		}
	}()
}

// TestUndoneChangeIsWrittenAgain checks that a change which another run undid is written again, and that the list is
// then read once more.
func TestUndoneChangeIsWrittenAgain(t *testing.T) {
	t.Parallel()
	t.Run("grant", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.afterWrite(t, 1, func() { w.Workspace.RemoveGrant("iris", w.app.Name) })
		if _, wrote, err := acl.Grant(t.Context(), w.client, w.endpoint, w.app, acl.CanQuery, false); err != nil ||
			!wrote {
			t.Errorf("wrote %t, %v", wrote, err)
		}
		w.holds(t, with(w.app, acl.CanQuery))
		w.wantAsked(t, "GET PATCH GET PATCH GET GET")
	})
	t.Run("revocation", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
		w.afterWrite(t, 1, func() { w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY") })
		if err := acl.Revoke(t.Context(), w.client, w.endpoint, w.app); err != nil {
			t.Error(err)
		}
		w.holds(t, grantsOfOthers())
		w.wantAsked(t, "GET PUT GET PUT GET GET")
	})
	t.Run("right to use tokens", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetGrant("authorization/tokens", bob, "CAN_USE")
		w.afterWrite(t, 1, func() { w.Workspace.RemoveGrant("authorization/tokens", w.app.Name) })
		if _, _, err := acl.Grant(t.Context(), w.client, acl.Tokens, w.app, acl.CanUse, false); err != nil {
			t.Error(err)
		}
		if held := w.Workspace.Grants("authorization/tokens")[w.app.Name]; held != "CAN_USE" {
			t.Errorf("holds %q", held)
		}
	})
}

// TestChangeThatIsUndoneAgainAndAgain checks that a run gives up if somebody undoes every write, with an error that
// names the principal.
func TestChangeThatIsUndoneAgainAndAgain(t *testing.T) {
	t.Parallel()
	t.Run("grant", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.afterWrite(t, 5, func() { w.Workspace.RemoveGrant("iris", w.app.Name) })
		_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, w.app, acl.CanQuery, false)
		if err == nil || !strings.Contains(err.Error(), w.app.String()+" was granted CAN_QUERY, and no longer has it") {
			t.Errorf("error %v", err)
		}
		w.holds(t, grantsOfOthers())
	})
	t.Run("revocation", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
		w.afterWrite(t, 5, func() { w.Workspace.SetGrant("iris", w.app.Name, "CAN_MANAGE") })
		err := acl.Revoke(t.Context(), w.client, w.endpoint, w.app)
		var advice *client.Advice
		if err == nil || !strings.Contains(err.Error(), "(iris-scoring) was revoked, and the principal has "+
			"CAN_MANAGE again") || !errors.As(err, &advice) {
			t.Errorf("error %v", err)
		}
		w.holds(t, with(w.app, acl.CanManage))
	})
}

// TestListWithoutForeignGrantsIsNotReadAgain checks that a list without grants of others is not read again after a
// write. Only a run that removes a grant replaces the list, and there is no such grant.
func TestListWithoutForeignGrantsIsNotReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := acl.Endpoint(w.Workspace.CreateEndpoint("own", w.Deployer.ClientID)) // the creator may manage the endpoint
	for _, p := range w.newcomers(2) {
		if _, _, err := acl.Grant(t.Context(), w.client, list, p, acl.CanQuery, false); err != nil {
			t.Fatal(err)
		}
	}
	w.wantAsked(t, "GET PATCH PATCH")
	w.Workspace.SetGrant("own", bob, "CAN_VIEW")
	if _, _, err := acl.Grant(t.Context(), w.client, list, w.app, acl.CanQuery, false); err != nil {
		t.Fatal(err)
	}
	w.wantAsked(t, "PATCH GET GET") // the answer shows a new grant of somebody else
}

// TestRevocationOfOwnRightSucceeds checks that a revocation succeeds if the caller may not read the list afterwards,
// because the caller has lost its own right to manage it.
func TestRevocationOfOwnRightSucceeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 1, Status: 403,
		Code: "PERMISSION_DENIED"})
	if err := acl.Revoke(t.Context(), w.client, w.endpoint, w.app); err != nil {
		t.Error(err)
	}
	w.holds(t, grantsOfOthers())
}

// TestStoppedBeforeTheListIsReadAgain checks that a caller which is cancelled before the list is read again learns that
// the write is done.
func TestStoppedBeforeTheListIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 1,
		Delay: 30 * time.Second})
	ctx, stop := context.WithCancel(t.Context())
	w.afterWrite(t, 1, func() { time.AfterFunc(400*time.Millisecond, stop) })
	began := time.Now()
	if _, wrote, err := acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanQuery, false); err != nil || !wrote {
		t.Errorf("wrote %t, %v", wrote, err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	w.holds(t, with(w.app, acl.CanQuery))
	w.nextGrant(t, w.newcomers(1)[0])
}

// TestRevokedGrantThatIsAdopted checks that a grant stays which this run revoked, another run brought back, and this
// run then adopted.
func TestRevokedGrantThatIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
	adopted := make(chan error, 1)
	w.afterWrite(t, 1, func() {
		w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
		w.client.Keep(acl.GrantKey(w.endpoint.String(), w.app))
		_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, w.app, acl.CanQuery, false)
		adopted <- err
	})
	if err := acl.Revoke(t.Context(), w.client, w.endpoint, w.app); err != nil {
		t.Error(err)
	}
	if err := <-adopted; err != nil {
		t.Error(err)
	}
	w.holds(t, with(w.app, acl.CanQuery))
}

// TestRunningOperationWaitsForChecksOfReturnedOnes checks that an operation returns before its list is read again if
// another operation is running. That operation waits for the check, and reports a change that was undone.
func TestRunningOperationWaitsForChecksOfReturnedOnes(t *testing.T) {
	t.Parallel()
	for name, undone := range map[string]int{"holds": 0, "undone once": 1, "undone always": 6} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.Workspace.CreateEndpoint("other", person)
			slow := "/api/2.0/permissions/serving-endpoints/" + id
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: slow,
				Delay: 700 * time.Millisecond})
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 2,
				Delay: 300 * time.Millisecond})
			last := make(chan error, 1)
			go func() {
				_, _, err := acl.Grant(t.Context(), w.client, acl.Endpoint(id), w.app, acl.CanQuery, false)
				last <- err
			}()
			for w.Count("workspace", "GET", "/permissions/") == 0 {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(20 * time.Millisecond)
			w.afterWrite(t, undone, func() { w.Workspace.RemoveGrant("iris", w.app.Name) })
			if _, wrote, err := acl.Grant(t.Context(), w.client, w.endpoint, w.app, acl.CanQuery, false); err != nil ||
				!wrote {
				t.Errorf("wrote %t, %v", wrote, err)
			}
			if n := w.Count("workspace", "GET", "/permissions/"); n != 2 { // one of each list, before the write
				t.Errorf("%d reads when the first was answered", n)
			}
			err := <-last
			var unverified *client.UnverifiedError
			if undone == 6 { // undoes every write, and counts the one to the other list
				if !errors.As(err, &unverified) || !strings.Contains(err.Error(), w.app.String()) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Error(err)
			}
			w.holds(t, with(w.app, acl.CanQuery))
		})
	}
}

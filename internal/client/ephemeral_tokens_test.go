package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const revokeOwn = "/api/2.0/token/delete"

// opening returns the client of a provider, its ephemeral tokens, and the ids of n open tokens of another owner.
func opening(
	t *testing.T, w *workspace, n int, more ...func(*client.Config),
) (provider *client.Client, opened *client.EphemeralTokens, ids []string) {
	t.Helper()
	opened = &client.EphemeralTokens{}
	provider = w.as(t, w.PersonToken, append(more, func(cfg *client.Config) {
		cfg.Ephemeral = opened
		cfg.RetryTimeout = time.Minute
	})...)
	_, value := w.Workspace.MintToken(w.Deployer.ClientID, "login of the owner", time.Hour)
	owner, err := provider.LogIn(tokenLogin(value))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		made := provider.BeginEphemeralToken(owner)
		id, _ := w.Workspace.MintToken(w.Deployer.ClientID, fmt.Sprintf("open %d", i), time.Hour)
		made(id)
		ids = append(ids, id)
	}
	return provider, opened, ids
}

// countTokens counts the owner's tokens on the server, without the token that the owner logs in with.
func countTokens(w *workspace) int {
	n := 0
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.Owner == w.Deployer.ClientID && token.Comment != "login of the owner" {
			n++
		}
	}
	return n
}

// TestEndWithoutOpenTokens checks that End returns at once and sends no request if no token is open, as in nearly every
// run.
func TestEndWithoutOpenTokens(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	provider, opened, ids := opening(t, w, 1)
	if err := provider.CloseToken(t.Context(), ids[0]); err != nil || countTokens(w) != 0 {
		t.Fatalf("%v, %d left", err, countTokens(w))
	}
	provider.BeginEphemeralToken(provider)("") // no token was created
	w.Tenant.Journal.Reset()
	began := time.Now()
	if failed := opened.RevokeAll(time.Minute); len(failed) > 0 || time.Since(began) > time.Second ||
		len(w.Tenant.Journal.Entries()) > 0 {
		t.Errorf("%v after %s, with the requests %+v", failed, time.Since(began), w.Tenant.Journal.Entries())
	}
}

// gathering is a transport that holds back every revocation until all of them are under way.
type gathering struct {
	next  http.RoundTripper
	all   chan struct{}
	still atomic.Int32
}

func (g *gathering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == revokeOwn {
		if g.still.Add(-1) == 0 {
			close(g.all)
		}
		select {
		case <-g.all:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return g.next.RoundTrip(r)
}

// TestEndRevokesInParallel checks that End revokes in parallel: each revocation waits for the other nine, so a sequence
// of them would reach the limit.
func TestEndRevokesInParallel(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	const n = 10
	_, opened, _ := opening(t, w, n, func(cfg *client.Config) {
		g := &gathering{next: cfg.Transport, all: make(chan struct{})}
		g.still.Store(n)
		cfg.Transport = g
	})
	w.Tenant.Journal.Reset()
	if failed := opened.RevokeAll(time.Minute); len(failed) > 0 || countTokens(w) != 0 {
		t.Errorf("%v, %d left", failed, countTokens(w))
	}
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Path != revokeOwn || e.Caller != w.Deployer.ClientID {
			t.Errorf("%s %s by %s", e.Method, e.Path, e.Caller)
		}
	}
}

// TestEndStopsAtItsTimeLimit checks that End returns at its limit when the service hangs, because Terraform kills a
// process that lingers.
func TestEndStopsAtItsTimeLimit(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	_, opened, ids := opening(t, w, 3)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: revokeOwn, Times: -1, Delay: time.Hour})
	began := time.Now()
	failed := opened.RevokeAll(2 * time.Second) // long enough for the requests to leave a busy machine
	if took := time.Since(began); took > 4*time.Second || len(failed) != 3 || failed[ids[2]] == nil {
		t.Errorf("%v after %s", failed, took)
	}
}

// TestEndWaitsForUnfinishedCreation checks that End waits for a token that is being created.
func TestEndWaitsForUnfinishedCreation(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	provider, opened, _ := opening(t, w, 0)
	made := provider.BeginEphemeralToken(provider)
	done := make(chan map[string]error)
	go func() { done <- opened.RevokeAll(5 * time.Second) }()
	before := len(w.Workspace.Snapshot().Tokens)
	id, _ := w.Workspace.MintToken(w.PersonName, "late", time.Hour)
	select {
	case <-done:
		t.Fatal("it did not wait")
	case <-time.After(200 * time.Millisecond):
	}
	made(id)
	if failed := <-done; len(failed) > 0 || len(w.Workspace.Snapshot().Tokens) != before {
		t.Errorf("%v: %+v", failed, w.Workspace.Snapshot().Tokens)
	}
}

// TestEndRevokesDespiteUnfinishedCreation checks that a token whose creation never ends does not use up the time for
// the others.
func TestEndRevokesDespiteUnfinishedCreation(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	provider, opened, _ := opening(t, w, 2)
	provider.BeginEphemeralToken(provider)
	if failed := opened.RevokeAll(4 * time.Second); len(failed) > 0 || countTokens(w) != 0 {
		t.Errorf("%v, %d left", failed, countTokens(w))
	}
}

// TestCloseByAnAdmin checks that the provider's identity revokes a token if the owner is refused. The same run may have
// deactivated the owner.
func TestCloseByAnAdmin(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	provider, _, ids := opening(t, w, 1)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: revokeOwn, Status: 403, Code: "403",
		Message: "Invalid access token."})
	if err := provider.CloseToken(t.Context(), ids[0]); err != nil || countTokens(w) != 0 {
		t.Errorf("%v, %d left", err, countTokens(w))
	}
	if err := provider.CloseToken(t.Context(), ids[0]); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// TestCloseTokenOfAnotherProcess checks that an admin revokes a token that another process opened, because the owner's
// login is not available.
func TestCloseTokenOfAnotherProcess(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	id, _ := w.Workspace.MintToken(w.Deployer.ClientID, "of another process", time.Hour)
	if err := w.as(t, w.PersonToken).CloseToken(t.Context(), id); err != nil || countTokens(w) != 0 {
		t.Errorf("%v, %d left", err, countTokens(w))
	}
}

func TestCloseFailsAndEndTriesAgain(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	provider, opened, ids := opening(t, w, 1)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: revokeOwn, Status: 403, Code: "PERMISSION_DENIED"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: managed + "/*", Status: 403,
		Code: "PERMISSION_DENIED"})
	err := provider.CloseToken(t.Context(), ids[0])
	if !errors.Is(err, client.ErrPermissionDenied) || countTokens(w) != 1 {
		t.Fatalf("%v, %d left", err, countTokens(w))
	}
	if failed := opened.RevokeAll(time.Second); len(failed) > 0 || countTokens(w) != 0 {
		t.Errorf("%v, %d left", failed, countTokens(w))
	}
}

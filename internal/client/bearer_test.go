package client_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// asDeployer returns a client that logs in with a client secret, so that it can log in again.
func (w *workspace) asDeployer(t *testing.T) *client.Client {
	t.Helper()
	c, err := w.as(t, w.PersonToken, func(cfg *client.Config) {
		cfg.RetryTimeout = 10 * time.Second
	}).LogIn(auth.Settings{
		ClientID:     auth.Setting{Value: w.Deployer.ClientID, Attribute: "client_id"},
		ClientSecret: auth.Setting{Value: w.DeployerSecret, Attribute: "client_secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *workspace) logins() int { return w.Tenant.Journal.Count("entra", "POST", "/") }

// TestRefusedTokenIsRenewedOnce checks that a token may end early after the workspace has accepted it. All calls that
// are refused then share one new login, and succeed.
func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.asDeployer(t)
	if _, err := c.Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.logins(); n != 1 {
		t.Fatalf("%d logins", n)
	}
	w.Tenant.RevokeAccessTokens(10)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if _, _, err := c.CreateToken(t.Context(), "x", time.Hour, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.logins(); n != 2 {
		t.Errorf("%d logins", n)
	}
	if list, err := c.OwnTokens(t.Context()); err != nil || len(list.Tokens) != 40 {
		t.Errorf("%d tokens, %v", len(list.Tokens), err)
	}
	// A second refusal later in a long run is handled in the same way.
	w.Tenant.RevokeAccessTokens(0)
	if _, err := c.OwnTokens(t.Context()); err != nil || w.logins() != 3 {
		t.Errorf("%v, %d logins", err, w.logins())
	}
}

// TestRefusedCallerLogsInOnceMore checks that a caller which is always refused logs in once more, however many calls it
// makes. If the workspace has never accepted the caller, it does not log in again at all.
func TestRefusedCallerLogsInOnceMore(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"after it was let in": true, "from the start": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			c := w.asDeployer(t)
			if before {
				if _, err := c.Me(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Status: http.StatusUnauthorized,
				Message: "not any more", Times: -1})
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if _, err := c.OwnTokens(t.Context()); !errors.Is(err, client.ErrUnauthenticated) {
						t.Errorf("%v", err)
					}
				})
			}
			all.Wait()
			if _, err := c.OwnTokens(t.Context()); !errors.Is(err, client.ErrUnauthenticated) {
				t.Errorf("%v", err)
			}
			want := 1
			if before {
				want = 2
			}
			if n := w.logins(); n != want {
				t.Errorf("%d logins, not %d", n, want)
			}
		})
	}
}

// TestCallWithoutRetryIsNotRepeatedAfterNewLogin checks that a call with Once is not sent again after a new login:
// its caller must first read again.
func TestCallWithoutRetryIsNotRepeatedAfterNewLogin(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.asDeployer(t)
	if _, err := c.Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Tenant.RevokeAccessTokens(0)
	w.Tenant.Journal.Reset()
	began := time.Now()
	err := c.Call(client.WithoutRetry(t.Context()), http.MethodPut, "/api/2.0/permissions/serving-endpoints/"+
		w.EndpointID, nil, map[string]any{"access_control_list": []any{}}, nil)
	if !errors.Is(err, client.ErrUnauthenticated) || w.Tenant.Journal.Count("workspace", "PUT", "/") != 1 ||
		w.logins() != 1 {
		t.Errorf("%v, %d requests, %d logins", err, w.Tenant.Journal.Count("workspace", "PUT", "/"), w.logins())
	}
	if !c.Again(t.Context(), err, began, 1) {
		t.Error("the caller is not to try again")
	}
}

package client_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const managed = "/api/2.0/token-management/tokens"

func TestWorkspaceTokensAreListedOnce(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	id, _ := w.Workspace.MintToken(w.Deployer.ClientID, "pipeline", time.Hour)
	c := w.as(t, w.PersonToken)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			list, err := c.WorkspaceTokens(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			found, ok := list.ByID(id)
			if !ok || found.Creator != w.Deployer.ClientID || found.OwnerID == "" || found.Comment != "pipeline" ||
				found.ExpiresAt.Sub(found.CreatedAt) != time.Hour {
				t.Errorf("%t %+v", ok, found)
			}
		})
	}
	all.Wait()
	if n := w.Tenant.Journal.Count("workspace", "GET", managed); n != 1 {
		t.Errorf("%d lists", n)
	}
}

// TestWritesMakeTheTokenListOutOfDate checks that the shared list of tokens is read again after a write that may
// create, change or revoke a token, whichever identity of this process makes the write. After other writes it is not.
func TestWritesMakeTheTokenListOutOfDate(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	id, _ := w.Workspace.MintToken(w.Deployer.ClientID, "pipeline", time.Hour)
	principal := w.Workspace.AddServicePrincipal("0c6a9f5e-0d0b-4f3f-8a55-6f5ad3a4c1a1", "scoring")
	c := w.as(t, w.PersonToken)
	other, err := c.LogIn(tokenLogin(w.PersonToken))
	if err != nil {
		t.Fatal(err)
	}
	patch := client.NewSCIMPatch(client.SCIMOperation{Op: "replace", Path: "displayName", Value: "scorer"})
	principals := "/api/2.0/preview/scim/v2/ServicePrincipals/" + principal
	reads := 0
	for _, write := range []struct {
		name  string
		reads int // of tokens: the list, and the revoked token to check that it is gone
		do    func(context.Context) error
	}{
		{"nothing", 1, func(context.Context) error { return nil }},
		{"a rename", 0, func(ctx context.Context) error {
			return other.Call(ctx, http.MethodPatch, principals, nil, patch, nil)
		}},
		{"a new token", 1, func(ctx context.Context) error {
			_, _, err := other.CreateToken(ctx, "", time.Hour, nil)
			return err
		}},
		{"a revoked token", 2, func(ctx context.Context) error { return other.RevokeAnyToken(ctx, id) }},
		{"a deleted principal", 1, func(ctx context.Context) error {
			return other.Call(ctx, http.MethodDelete, principals, nil, nil, nil)
		}},
	} {
		if err := write.do(t.Context()); err != nil {
			t.Fatalf("%s: %v", write.name, err)
		}
		if _, err := c.WorkspaceTokens(t.Context()); err != nil {
			t.Fatalf("%s: %v", write.name, err)
		}
		reads += write.reads
		if n := w.Tenant.Journal.Count("workspace", "GET", managed); n != reads {
			t.Errorf("%s: %d reads, expected %d", write.name, n, reads)
		}
	}
}

// TestExpiredTokenCountsAsAbsent checks that the service's clock, here a year ahead, decides whether a token has
// expired.
func TestExpiredTokenCountsAsAbsent(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	short, _ := w.Workspace.MintToken(w.Deployer.ClientID, "short", time.Hour)
	forever, _ := w.Workspace.MintToken(w.PersonName, "forever", 0)
	w.Tenant.Clock.Advance(24 * time.Hour)
	list, err := w.as(t, w.PersonToken).WorkspaceTokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := list.ByID(short); ok {
		t.Error("an expired token is found")
	}
	if found, ok := list.ByID(forever); !ok || !found.ExpiresAt.IsZero() {
		t.Errorf("a token without an end: %t %+v", ok, found)
	}
	if _, ok := list.ByID("nothing"); ok {
		t.Error("a token that never was is found")
	}
}

func TestOwnTokens(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Workspace.MintToken(w.Deployer.ClientID, "somebody else's", time.Hour)
	list, err := w.as(t, w.PersonToken).OwnTokens(t.Context())
	if err != nil || len(list.Tokens) != 1 || list.Tokens[0].Comment != "notebook" || list.Tokens[0].Creator != "" {
		t.Errorf("%+v, %v", list.Tokens, err)
	}
	if n := len(w.Tenant.Journal.Entries()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.as(t, w.PersonToken)
	own, _ := w.Workspace.MintToken(w.PersonName, "own", time.Hour)
	foreign, _ := w.Workspace.MintToken(w.Deployer.ClientID, "foreign", time.Hour)
	if _, err := c.WorkspaceTokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time the token is already gone
		if err := c.RevokeOwnToken(t.Context(), own); err != nil {
			t.Error(err)
		}
		if err := c.RevokeAnyToken(t.Context(), foreign); err != nil {
			t.Error(err)
		}
	}
	list, err := c.WorkspaceTokens(t.Context())
	if err != nil || len(list.Tokens) != 1 {
		t.Errorf("the list was kept, or a token is left: %+v, %v", list.Tokens, err)
	}
	if n := len(w.Workspace.Snapshot().Tokens); n != 1 {
		t.Errorf("%d tokens are left on the server", n)
	}
}

// TestRevokeIsRepeated checks that a revocation is sent again after a lost answer. It is a POST that is safe to repeat.
func TestRevokeIsRepeated(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	own, _ := w.Workspace.MintToken(w.PersonName, "own", time.Hour)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: "/api/2.0/token/delete",
		Drop: "after"})
	c := w.as(t, w.PersonToken, func(cfg *client.Config) { cfg.RetryTimeout = 5 * time.Second })
	if err := c.RevokeOwnToken(t.Context(), own); err != nil ||
		w.Tenant.Journal.Count("workspace", "POST", "/token/delete") != 2 {
		t.Errorf("%v, %d requests", err, w.Tenant.Journal.Count("workspace", "POST", "/token/delete"))
	}
}

func TestForeignTokensNeedAnAdmin(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Workspace.SetGrant("authorization/tokens", w.PersonName, "CAN_USE")
	w.Workspace.RemoveFromGroup("admins", w.PersonName)
	foreign, _ := w.Workspace.MintToken(w.Deployer.ClientID, "foreign", time.Hour)
	c := w.as(t, w.PersonToken)
	if _, err := c.WorkspaceTokens(t.Context()); !errors.Is(err, client.ErrPermissionDenied) {
		t.Errorf("%v", err)
	}
	if err := c.RevokeAnyToken(t.Context(), foreign); !errors.Is(err, client.ErrPermissionDenied) {
		t.Errorf("%v", err)
	}
	if len(w.Workspace.Snapshot().Tokens) != 2 {
		t.Error("a token was revoked without the right to")
	}
}

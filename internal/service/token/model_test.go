package token

import (
	"slices"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

const app = "0b1d5a6e-8d0f-4c6c-9a62-0d1f6f6f5a01"

func TestLiving(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	list := client.TokenList{Now: now, Tokens: []client.TokenInfo{
		{ID: "new", Creator: app, OwnerID: "1", CreatorID: "1", CreatedAt: now, ExpiresAt: now.Add(time.Second)},
		{ID: "just over", Creator: app, OwnerID: "1", CreatorID: "1", ExpiresAt: now},
		{ID: "old", Creator: "ada@example.com", OwnerID: "2", CreatorID: "2", CreatedAt: now.Add(-time.Hour)},
		{ID: "for another", Creator: "ada@example.com", OwnerID: "1", CreatorID: "2", CreatedAt: now.Add(time.Hour)},
		{ID: "for nobody known", Creator: "ada@example.com", OwnerID: "3", CreatorID: "2", CreatedAt: now.Add(time.Hour)},
	}}
	for _, want := range []struct {
		owner string
		ids   []string
	}{
		{"", []string{"old", "new", "for another", "for nobody known"}},
		{app, []string{"new", "for another", "for nobody known"}},
		{"0B1D5A6E-8D0F-4C6C-9A62-0D1F6F6F5A01", []string{"new", "for another", "for nobody known"}},
		{"ADA@example.com", []string{"old", "for nobody known"}},
		{"eve@example.com", []string{"for nobody known"}},
	} {
		var ids []string
		for _, found := range slices.DeleteFunc(living(list), isForeign(want.owner)) {
			ids = append(ids, found.ID)
		}
		if !slices.Equal(ids, want.ids) {
			t.Errorf("%q: %q, want %q", want.owner, ids, want.ids)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{app: servicePrincipal, "ada@example.com": user, "": ""} {
		if got := kindOf(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

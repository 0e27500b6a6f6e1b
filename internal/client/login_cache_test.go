package client

import (
	"errors"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// TestLogInIsShared checks that equal credentials share one login, and that an error is not kept.
func TestLogInIsShared(t *testing.T) {
	t.Parallel()
	opened, fail := 0, false
	c, err := New(Config{Host: "https://adb-42.test", Login: &auth.Login{Kind: auth.KindCLI},
		Open: func(auth.Settings) (*auth.Login, error) {
			if opened++; fail {
				return nil, errors.New("not yet")
			}
			return &auth.Login{}, nil
		}, Vault: func(auth.Setting) (*auth.Vault, error) { opened++; return &auth.Vault{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	settings := func(secret, vault string) auth.Settings {
		s := auth.Settings{ClientSecret: auth.Setting{Value: secret, Attribute: "owner.client_secret_wo"}}
		if vault != "" {
			s.KeyVault = &auth.KeyVaultSettings{VaultURI: auth.Setting{Value: vault}}
		}
		return s
	}
	logIn := func(s auth.Settings) *Client {
		t.Helper()
		as, err := c.LogIn(s)
		if err != nil {
			t.Fatal(err)
		}
		return as
	}
	first := logIn(settings("a", ""))
	if logIn(settings("a", "")) != first || logIn(settings("b", "")) == first {
		t.Error("not shared by credential")
	}
	if again, err := first.LogIn(settings("a", "")); again != first || err != nil {
		t.Error("not shared among identities")
	}
	if kept := logIn(settings("", "https://v")); logIn(settings("", "https://v")) != kept ||
		logIn(settings("", "https://w")) == kept {
		t.Error("not shared by vault")
	}
	if opened != 4 {
		t.Errorf("%d logins were opened", opened)
	}
	fail = true
	if _, err := c.LogIn(settings("c", "")); err == nil {
		t.Error("no error")
	}
	fail = false
	logIn(settings("c", ""))

	opened = 0
	for _, uri := range []string{"https://kv.vault.azure.net/", "https://KV.vault.azure.net",
		"https://kv2.vault.azure.net/"} {
		if _, err := c.Vault(auth.Setting{Value: uri}); err != nil {
			t.Error(err)
		}
	}
	if opened != 2 {
		t.Errorf("%d vaults were opened", opened)
	}
	if !c.FirstTime("x") || first.FirstTime("x") || !c.FirstTime("y") {
		t.Error("not once for each name")
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	list := TokenList{Tokens: []TokenInfo{{Creator: "app-1", CreatorID: "1", OwnerID: "1"},
		{Creator: "app-2", CreatorID: "2", OwnerID: "2"}}}
	for _, tc := range []struct {
		token TokenInfo
		owner string
		yes   bool
		who   string
	}{
		{TokenInfo{Creator: "app-1", CreatorID: "1", OwnerID: "1"}, "APP-1", true, "app-1"},
		{TokenInfo{Creator: "app-1", CreatorID: "1", OwnerID: "1"}, "app-2", false, "app-1"},
		{TokenInfo{Creator: "app-1", CreatorID: "1", OwnerID: "2"}, "app-1", false, "app-2"},
		{TokenInfo{Creator: "app-1", CreatorID: "1", OwnerID: "2"}, "app-2", true, "app-2"},
		{TokenInfo{Creator: "app-1", CreatorID: "1", OwnerID: "3"}, "app-1", false, "the principal with the id 3"},
		{TokenInfo{Creator: "app-1", CreatorID: "1", OwnerID: "3"}, "app-3", true, ""}, // nothing shows another owner
		{TokenInfo{Creator: "app-1", CreatorID: "1"}, "app-1", true, "app-1"},
		{TokenInfo{}, "app-1", true, ""}, // from an owner's own list
	} {
		if yes, who := list.OwnedBy(tc.token, tc.owner); yes != tc.yes || who != tc.who {
			t.Errorf("%+v of %s: %t, %q", tc.token, tc.owner, yes, who)
		}
	}
}

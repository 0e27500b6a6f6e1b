package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestSCIMString(t *testing.T) {
	for value, want := range map[string]string{
		`iris`:           `"iris"`,
		`say "hi"`:       `"say \"hi\""`,
		`c:\models`:      `"c:\\models"`,
		`\"`:             `"\\\""`,
		`it's`:           `"it's"`,
		`") or id pr or`: `"\") or id pr or"`,
		``:               `""`,
	} {
		if got := client.SCIMString(value); got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
}

// TestSCIMStringFinds checks that a filter finds exactly the principal that it names, whatever quotes and backslashes
// are in the name.
func TestSCIMStringFinds(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	names := []string{`plain`, `say "hi"`, `c:\models`, `\`, `it's`, `") or (id pr`, `a\"b`}
	for _, name := range names {
		w.Workspace.AddServicePrincipal("", name)
	}
	c := w.as(t, w.PersonToken)
	for _, name := range names {
		found, err := c.FindServicePrincipals(t.Context(), "displayName eq "+client.SCIMString(name))
		if err != nil || len(found) != 1 || found[0].DisplayName != name {
			t.Errorf("%s: found %+v, %v", name, found, err)
		}
	}
}

// TestListsAreOneRequest checks that a list which fits on one page takes one request, because the service returns the
// total.
func TestListsAreOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Workspace.AddGroup("botany")
	w.Workspace.AddToGroup("botany", w.Deployer.ClientID)
	c := w.as(t, w.PersonToken)
	for name, list := range map[string]func() (int, error){
		"service principals": func() (int, error) { l, err := c.ServicePrincipals(t.Context(), ""); return len(l), err },
		"users":              func() (int, error) { l, err := c.Users(t.Context(), ""); return len(l), err },
		"groups":             func() (int, error) { l, err := c.Groups(t.Context()); return len(l) - 2, err },
	} {
		w.Tenant.Journal.Reset()
		if n, err := list(); err != nil || n != 1 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if n := len(w.Tenant.Journal.Entries()); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
	sp, err := c.FindServicePrincipals(t.Context(), `applicationId eq "`+w.Deployer.ClientID+`"`)
	if err != nil || len(sp) != 1 || len(sp[0].Groups) != 2 || sp[0].Groups[0].Name != "admins" ||
		sp[0].Groups[1].Name != "botany" || !sp[0].IsActive() {
		t.Errorf("%+v, %v", sp, err)
	}
}

// TestListsAreShared checks that callers share whole lists, and that a caller after a write of this process sees that
// write.
func TestListsAreShared(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.as(t, w.PersonToken)
	count := func() (principals, users, groups int) {
		sp, err1 := c.AllServicePrincipals(t.Context())
		u, err2 := c.AllUsers(t.Context())
		g, err3 := c.AllGroups(t.Context())
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		return len(sp), len(u), len(g)
	}
	for range 3 {
		if sp, u, g := count(); sp != 1 || u != 1 || g != 2 {
			t.Errorf("%d service principals, %d users, %d groups", sp, u, g)
		}
	}
	if n := len(w.Tenant.Journal.Entries()); n != 3 {
		t.Errorf("%d requests for three lists", n)
	}
	const collection = "/api/2.0/preview/scim/v2/ServicePrincipals"
	if err := c.Call(t.Context(), http.MethodPost, collection, nil, map[string]string{"displayName": "late"},
		nil); err != nil {
		t.Fatal(err)
	}
	if sp, _, _ := count(); sp != 2 {
		t.Errorf("%d service principals after one was made", sp)
	}
	late, err := c.ServicePrincipals(t.Context(), `displayName eq "late"`)
	if err != nil || len(late) != 1 {
		t.Fatalf("%v, %v", late, err)
	}
	if err := c.Call(t.Context(), http.MethodDelete, collection+"/"+late[0].ID, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if sp, _, _ := count(); sp != 1 {
		t.Errorf("%d service principals after it was deleted", sp)
	}
}

// pages returns a client of a server that serves a SCIM list of n objects in pages of its own size, whatever size is
// requested.
func pages(t *testing.T, n, size int, total bool, ignoresStart bool) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		start := 1
		if _, err := fmt.Sscan(r.URL.Query().Get("startIndex"), &start); err != nil || ignoresStart {
			start = 1
		}
		var resources []string
		for i := start; i <= n && i < start+size; i++ {
			resources = append(resources, fmt.Sprintf(`{"id":"%d","displayName":"sp %d"}`, i, i))
		}
		rw.Header().Set("Content-Type", "application/scim+json")
		count := ""
		if total {
			count = fmt.Sprintf(`"totalResults":%d,`, n)
		}
		fmt.Fprintf(rw, `{%s"startIndex":%d,"Resources":[%s]}`, count, start, strings.Join(resources, ","))
	}))
	t.Cleanup(server.Close)
	login, err := auth.Open(tokenLogin("dapi00"), auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{Host: server.URL, Login: login, Transport: http.DefaultTransport,
		AttemptTimeout: time.Minute, RetryTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestListsPage(t *testing.T) {
	t.Parallel()
	for name, total := range map[string]bool{"with totalResults": true, "without": false} {
		all, err := pages(t, 25, 10, total, false).ServicePrincipals(t.Context(), "")
		if err != nil || len(all) != 25 || all[0].ID != "1" || all[24].ID != "25" || all[0].Active != nil {
			t.Errorf("%s: %d, %v", name, len(all), err)
		}
	}
	if all, err := pages(t, 25, 10, true, true).ServicePrincipals(t.Context(), ""); err == nil {
		t.Errorf("a service that does not page gave a list of %d", len(all))
	}
	if all, err := pages(t, 0, 10, true, false).ServicePrincipals(t.Context(), ""); err != nil || len(all) != 0 {
		t.Errorf("an empty list: %v, %v", all, err)
	}
}

// TestRefusedListsAreShared checks that a list which the service refuses to show is requested once per run.
func TestRefusedListsAreShared(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{ServicePrincipalsAdminOnly: true})
	w.Workspace.SetGrant("authorization/tokens", w.PersonName, "CAN_USE")
	w.Workspace.RemoveFromGroup("admins", w.PersonName)
	c := w.as(t, w.PersonToken)
	for range 3 {
		_, err1 := c.AllServicePrincipals(t.Context())
		_, err2 := c.AllGroups(t.Context())
		if !errors.Is(err1, client.ErrPermissionDenied) || !errors.Is(err2, client.ErrPermissionDenied) {
			t.Errorf("%v; %v", err1, err2)
		}
	}
	if n := len(w.Tenant.Journal.Entries()); n != 2 {
		t.Errorf("%d requests for two lists", n)
	}
}

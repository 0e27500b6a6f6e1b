package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestJournal(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, _ := counter(tenant)
	tenant.Clock.Advance(24 * time.Hour)
	tenant.Faults.Add(Fault{Service: "workspace", Path: "/things/b", Status: 503})
	for _, path := range []string{"/things/a?x=1", "/things/b", "/nothing"} {
		w := ask(handler, "GET", path)
		date, err := http.ParseTime(w.Header().Get("Date"))
		if err != nil || time.Until(date) < 23*time.Hour {
			t.Errorf("Date %q, %v", w.Header().Get("Date"), err)
		}
		if _, err := uuid.Parse(w.Header().Get("X-Request-Id")); err != nil {
			t.Error(err)
		}
	}
	want := []Entry{
		{Service: "workspace", Method: "GET", Route: "/things/{name}", Path: "/things/a", Query: "x=1", Status: 201, Caller: "somebody"},
		{Service: "workspace", Method: "GET", Route: "/things/{name}", Path: "/things/b", Status: 503},
		{Service: "workspace", Method: "GET", Path: "/nothing", Status: 404},
	}
	got := tenant.Journal.Entries()
	if len(got) != len(want) {
		t.Fatalf("journal %+v", got)
	}
	for i := range want {
		if time.Until(got[i].Time) < 23*time.Hour {
			t.Errorf("entry %d is at %s", i, got[i].Time)
		}
		got[i].Time = time.Time{}
		if got[i] != want[i] {
			t.Errorf("entry %d: %+v, want %+v", i, got[i], want[i])
		}
	}

	for _, tc := range []struct {
		service, method, route string
		want                   int
	}{
		{"workspace", "GET", "/things/{name}", 2},
		{"", "", "", 3},
		{"entra", "", "", 0},
		{"workspace", "POST", "", 0},
		{"", "", "/nothing", 0},
	} {
		if n := tenant.Journal.Count(tc.service, tc.method, tc.route); n != tc.want {
			t.Errorf("Count(%q, %q, %q) = %d, want %d", tc.service, tc.method, tc.route, n, tc.want)
		}
	}
	tenant.Journal.Reset()
	if n := tenant.Journal.Count("", "", ""); n != 0 {
		t.Errorf("%d entries after a reset", n)
	}
}

func TestJournalHoldsNoSecret(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app := tenant.RegisterApp("deployer")
	secret := app.AddSecret(time.Hour)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {secret},
		"scope": {databricksScope}}
	w := postForm(tenant.Entra(), "/"+tenant.ID+"/oauth2/v2.0/token", form, http.Header{"X-Secret": {secret}})
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	if journal := fmt.Sprintf("%+v", tenant.Journal.Entries()); strings.Contains(journal, secret) ||
		!strings.Contains(journal, app.ClientID) {
		t.Error(journal)
	}
}

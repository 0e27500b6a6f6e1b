package emulator

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestControl(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	control := tenant.Control()
	service, _ := counter(tenant)
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		control.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}

	w := ask("POST", "/clock", `{"advance_seconds":3600}`)
	var clock struct {
		Now           time.Time `json:"now"`
		OffsetSeconds int64     `json:"offset_seconds"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &clock); err != nil || clock.OffsetSeconds != 3600 ||
		time.Until(clock.Now) < 59*time.Minute {
		t.Errorf("clock %s, %v", w.Body, err)
	}
	if tenant.Clock.Offset() != time.Hour {
		t.Errorf("offset %s", tenant.Clock.Offset())
	}

	declared := `{"service":"workspace","method":"GET","path":"/things/*","after":1,"times":2,"status":503,"code":"C","message":"m","retry_after_seconds":1,"delay_milliseconds":1,"work_done":true,"header":{"Date":"x"}}`
	if w = ask("POST", "/faults", declared); w.Code != 201 || strings.TrimSpace(w.Body.String()) != `{"id":1}` {
		t.Errorf("declared: %d %s", w.Code, w.Body)
	}
	if w = ask("GET", "/faults", ""); strings.TrimSpace(w.Body.String()) != `{"unmet":[`+declared+`]}` {
		t.Errorf("unmet: %s", w.Body)
	}
	for _, body := range []string{`{"service":"entra","status":302,"location":"/login"}`,
		`{"service":"entra","status":200,"empty":true}`, `{"service":"entra","truncate":true}`} {
		if w = ask("POST", "/faults", body); w.Code != 201 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
		if w = ask("GET", "/faults", ""); !strings.Contains(w.Body.String(), body) {
			t.Errorf("unmet: %s", w.Body)
		}
	}
	ask("DELETE", "/faults", "")
	ask("POST", "/faults", declared)
	for _, want := range []int{201, 503, 503, 201} {
		r := httptest.NewRecorder()
		service.ServeHTTP(r, httptest.NewRequest("GET", "/things/a", nil))
		if r.Code != want {
			t.Errorf("status %d, want %d", r.Code, want)
		}
	}
	if w = ask("GET", "/faults", ""); strings.TrimSpace(w.Body.String()) != `{"unmet":[]}` {
		t.Errorf("unmet: %s", w.Body)
	}

	var entries []Entry
	if err := json.Unmarshal(ask("GET", "/journal", "").Body.Bytes(), &entries); err != nil || len(entries) != 4 ||
		entries[1].Status != 503 {
		t.Errorf("journal %+v, %v", entries, err)
	}
	if w = ask("DELETE", "/journal", ""); w.Code != 204 || len(tenant.Journal.Entries()) != 0 {
		t.Errorf("%d, %d entries left", w.Code, len(tenant.Journal.Entries()))
	}
	ask("POST", "/faults", `{"service":"entra","status":500}`)
	if w = ask("DELETE", "/faults", ""); w.Code != 204 || len(tenant.Faults.Unmet()) != 0 {
		t.Errorf("%d, %d faults left", w.Code, len(tenant.Faults.Unmet()))
	}
}

func TestControlIsStrict(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	control := tenant.Control()
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/", "", 404},
		{"GET", "/unknown", "", 404},
		{"PUT", "/clock", `{"advance_seconds":1}`, 405},
		{"POST", "/journal", "", 405},
		{"POST", "/clock", `{}`, 400},
		{"POST", "/clock", `{"seconds":1}`, 400},
		{"POST", "/clock", `{"advance_seconds":"1"}`, 400},
		{"POST", "/clock", `{"advance_seconds":9223372036854775807}`, 400},
		{"POST", "/clock", `{"advance_seconds":1}{}`, 400},
		{"POST", "/faults", `{"service":"entra","status":500,"retries":3}`, 400},
		{"POST", "/faults", `{"service":"entra"}`, 400},
		{"POST", "/faults", `{"service":"graph","status":500}`, 400},
		{"POST", "/faults", `{"service":"entra","status":500,"path":"/[a"}`, 400},
		{"POST", "/faults", `not json`, 400},
	} {
		w := httptest.NewRecorder()
		control.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body)))
		if w.Code != tc.status {
			t.Errorf("%s %s %s: %d %s, want %d", tc.method, tc.path, tc.body, w.Code, w.Body, tc.status)
		}
	}
	if tenant.Clock.Offset() != 0 || len(tenant.Faults.Unmet()) != 0 {
		t.Error("a refused request had an effect")
	}
}

func TestControlOfSwitches(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	workspace, vault := tenant.NewWorkspace(WorkspaceOptions{ID: "42"}), tenant.NewVault("kv-ml")
	control := tenant.Control(workspace)
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		control.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}
	for path, body := range map[string]string{
		"/switches":               `{"DescriptionLines":true}`,
		"/workspaces/42/switches": `{"NoTokenUpdates":true,"LastUsedDelay":"36h0m0s","Network":"ip_access_list","TokenQuota":{"Status":429}}`,
		"/vaults/kv-ml/switches":  `{"VersionsRefused":true}`,
	} {
		w := ask("POST", path, body)
		if w.Code != 200 || w.Body.String() != ask("GET", path, "").Body.String() {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if s := tenant.Switches(); !s.DescriptionLines {
		t.Errorf("%+v", s)
	}
	s := workspace.Switches()
	if !s.NoTokenUpdates || s.LastUsedDelay != 36*time.Hour || s.Network != NetworkIPAccessList ||
		s.TokenQuota.Status != 429 {
		t.Errorf("%+v", s)
	}
	if s := vault.Switches(); !s.VersionsRefused {
		t.Errorf("%+v", s)
	}
	// A request that names one switch leaves all other switches as they are.
	ask("POST", "/workspaces/42/switches", `{"Network":""}`)
	if s := workspace.Switches(); s.Network != NetworkOpen || !s.NoTokenUpdates {
		t.Errorf("%+v", s)
	}
	for path, body := range map[string]string{
		"/workspaces/42/switches":  `{"NoSuchSwitch":true,"NoTokenUpdates":false}`,
		"/workspaces/42/switches ": `{"Network":"closed"}`,
		"/workspaces/42/switches?": `{"LastUsedDelay":1,"NoTokenUpdates":false}`,
		"/switches":                `{"DescriptionLines":"yes"}`,
		"/vaults/kv-ml/switches":   `{"RecoveryDelay":"soon"}`,
		"/switches?":               `{}{}`,
	} {
		if w := ask("POST", strings.TrimSpace(path), body); w.Code != 400 {
			t.Errorf("%s %s: %d %s", path, body, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/workspaces/43/switches", "/vaults/kv/switches"} {
		if w := ask("POST", path, `{}`); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
		if w := ask("GET", path, ``); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if s := workspace.Switches(); !s.NoTokenUpdates {
		t.Error("a refused change had an effect")
	}
}

// TestEverySwitchIsControlled checks that every switch can be read and set by another process, and that the allowed
// values of every switch type with a fixed set of values are listed.
func TestEverySwitchIsControlled(t *testing.T) {
	for _, switches := range []any{Switches{}, WorkspaceSwitches{}, VaultSwitches{}} {
		raw, err := json.Marshal(switchesJSON(switches))
		if err != nil {
			t.Fatal(err)
		}
		var shown map[string]json.RawMessage
		if err := json.Unmarshal(raw, &shown); err != nil {
			t.Fatal(err)
		}
		if got, err := changeSwitches(switches, shown); err != nil || !reflect.DeepEqual(got, switches) {
			t.Errorf("%+v, %v", got, err)
		}
		for field := range reflect.TypeOf(switches).Fields() {
			if field.Type.Kind() == reflect.String && field.Type.Name() != "string" && choices[field.Type] == nil {
				t.Errorf("the values of %s are not listed", field.Name)
			}
		}
	}
}

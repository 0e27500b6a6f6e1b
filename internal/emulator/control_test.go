package emulator

import (
	"encoding/json"
	"net/http/httptest"
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
	if err := json.Unmarshal(w.Body.Bytes(), &clock); err != nil || clock.OffsetSeconds != 3600 || time.Until(clock.Now) < 59*time.Minute {
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
	for _, body := range []string{`{"service":"entra","status":302,"location":"/login"}`, `{"service":"entra","status":200,"empty":true}`, `{"service":"entra","truncate":true}`} {
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
	if err := json.Unmarshal(ask("GET", "/journal", "").Body.Bytes(), &entries); err != nil || len(entries) != 4 || entries[1].Status != 503 {
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

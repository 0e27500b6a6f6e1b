package emulator

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLatency(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	service, _ := counter(tenant)
	control := tenant.Control()
	set := func(body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		control.ServeHTTP(w, httptest.NewRequest("POST", "/latency", strings.NewReader(body)))
		return w
	}
	for _, bad := range []string{`{}`, `{"milliseconds":-1}`, `{"milliseconds":60001}`, `{"seconds":1}`} {
		if w := set(bad); w.Code != 400 {
			t.Errorf("%s: %d %s", bad, w.Code, w.Body)
		}
	}
	if w := set(`{"milliseconds":30}`); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"milliseconds":30}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	began := time.Now()
	if w := ask(service, "GET", "/things/a"); w.Code != 201 || time.Since(began) < 30*time.Millisecond {
		t.Errorf("%d after %s", w.Code, time.Since(began))
	}
	set(`{"milliseconds":0}`)
	if w := ask(control, "GET", "/latency"); strings.TrimSpace(w.Body.String()) != `{"milliseconds":0}` ||
		tenant.Latency.Get() != 0 {
		t.Errorf("%s", w.Body)
	}
}

func TestCrowd(t *testing.T) {
	s := NewScenario()
	before := s.Workspace.Snapshot()
	s.Crowd(3)
	after := s.Workspace.Snapshot()
	if len(after.ServicePrincipals) != len(before.ServicePrincipals)+3 ||
		len(after.Endpoints) != len(before.Endpoints)+3 {
		t.Errorf("%+v", after)
	}
	s.Workspace.SetGrant(CrowdEndpoint(2), CrowdApplicationID(0), "CAN_QUERY")
	if got := s.Workspace.Grants(CrowdEndpoint(2)); got[CrowdApplicationID(0)] != "CAN_QUERY" ||
		got[s.PersonName] != "CAN_MANAGE" || len(got) != 2 {
		t.Errorf("%v", got)
	}
}

package emulator_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestClusters(t *testing.T) {
	t.Parallel()
	s := emulator.NewScenario()
	deployerToken, err := s.Tenant.IssueAccessToken(s.Deployer.ClientID, emulator.DatabricksResource, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.Workspace.RemoveFromGroup("admins", s.Deployer.ClientID)
	list := func(token, path string) (int, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		s.Workspace.ServeHTTP(answer, r)
		return answer.Code, answer.Body.String()
	}
	for _, version := range []string{"2.0", "2.1"} {
		if status, body := list(s.PersonToken, "/api/"+version+"/clusters/list"); status != 200 ||
			strings.TrimSpace(body) != "{}" {
			t.Errorf("%s without clusters: %d %s", version, status, body)
		}
	}
	for i := range 25 {
		s.Workspace.AddCluster(fmt.Sprint("cluster ", i), s.PersonName, "TERMINATED")
	}
	s.Workspace.AddCluster("own", s.Deployer.ClientID, "RUNNING")
	for path, want := range map[string]struct {
		token  string
		status int
		rows   int
		next   bool
	}{
		"/api/2.0/clusters/list":                            {s.PersonToken, 200, 26, false},
		"/api/2.1/clusters/list":                            {s.PersonToken, 200, 20, true},
		"/api/2.1/clusters/list?page_token=20":              {s.PersonToken, 200, 6, false},
		"/api/2.1/clusters/list?page_size=100":              {s.PersonToken, 200, 26, false},
		"/api/2.1/clusters/list?page_size=10&page_token=10": {s.PersonToken, 200, 10, true},
		"/api/2.1/clusters/list?page_size=50":               {deployerToken, 200, 1, false},
		"/api/2.1/clusters/list?page_size=101":              {s.PersonToken, 400, 0, false},
		"/api/2.1/clusters/list?page_token=here":            {s.PersonToken, 400, 0, false},
		"/api/2.1/clusters/list?pagesize=1":                 {s.PersonToken, 400, 0, false},
		"/api/2.0/clusters/list?page_size=1":                {s.PersonToken, 400, 0, false},
	} {
		status, body := list(want.token, path)
		if rows := strings.Count(body, "cluster_id"); status != want.status || rows != want.rows ||
			strings.Contains(body, "next_page_token") != want.next {
			t.Errorf("%s: %d with %d rows, want %d with %d: %.200s", path, status, rows, want.status, want.rows, body)
		}
	}
}

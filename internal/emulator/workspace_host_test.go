package emulator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestWorkspaceInAnotherCloud checks that a workspace of a sovereign cloud accepts the management token of that cloud
// and redirects to the login of that cloud.
func TestWorkspaceInAnotherCloud(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	workspace := tenant.NewWorkspace(WorkspaceOptions{})
	workspace.SetHostName("adb-5.5.databricks.azure.us")
	const gov, public = "https://management.core.usgovcloudapi.net/", "https://management.core.windows.net/"
	ask := func(host, management string) int {
		app := tenant.RegisterApp("contributor") // a new one, because a login makes a contributor a member
		workspace.SetAzureResource(armResource, app.ClientID)
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/api/2.0/clusters/list", nil)
		for header, audience := range map[string]string{"Authorization": DatabricksResource,
			"X-Databricks-Azure-SP-Management-Token": management} {
			token, err := tenant.IssueAccessToken(app.ClientID, audience, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(header, map[bool]string{true: "Bearer "}[header == "Authorization"]+token)
		}
		r.Header.Set("X-Databricks-Azure-Workspace-Resource-Id", armResource)
		w := httptest.NewRecorder()
		workspace.ServeHTTP(w, r)
		return w.Code
	}
	for _, tc := range []struct {
		host, management string
		status           int
	}{
		{"adb-5.5.databricks.azure.us", gov, 200},
		{"adb-5.5.databricks.azure.us", public, 403},
		{"adb-5.5.azuredatabricks.net", gov, 403},
		{"adb-5.5.azuredatabricks.net", public, 200},
		{"127.0.0.1:1234", gov, 200},
	} {
		if status := ask(tc.host, tc.management); status != tc.status {
			t.Errorf("%s with a token for %s: %d, want %d", tc.host, tc.management, status, tc.status)
		}
	}

	w := httptest.NewRecorder()
	workspace.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://adb-5.5.databricks.azure.us/aad/auth", nil))
	if to := w.Header().Get("Location"); !strings.HasPrefix(to, "https://login.microsoftonline.us/"+tenant.ID+"/") {
		t.Errorf("sent to %s", to)
	}
	for _, name := range []string{"", "https://adb-5.5.databricks.azure.us", "adb-5.5.databricks.azure.us:443",
		"ADB-5"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken", name)
				}
			}()
			workspace.SetHostName(name)
		}()
	}
}

package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	armSubscription = "/subscriptions/11111111-2222-4333-8444-555555555555"
	armGroup        = armSubscription + "/resourceGroups/ml"
	armResource     = armGroup + "/providers/Microsoft.Databricks/workspaces/prod"
)

func TestARMReadsAWorkspace(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	workspace := tenant.NewWorkspace(WorkspaceOptions{ID: "5678"})
	workspace.SetHostName("adb-5678.7.azuredatabricks.net")
	byClient, byObject, contributor := tenant.RegisterApp("a"), tenant.RegisterApp("b"), tenant.RegisterApp("c")
	tenant.PublishWorkspace(workspace, armResource, byClient.ClientID, byObject.ObjectID)
	workspace.SetAzureResource(armResource, contributor.ClientID)
	client := behindProxy(t, tenant, serveForTest(t, tenant))

	for _, app := range []*App{byClient, byObject, contributor} {
		for host, audience := range map[string]string{
			"management.azure.com":         "https://management.core.windows.net/",
			"management.usgovcloudapi.net": "https://management.core.usgovcloudapi.net/",
			"management.chinacloudapi.cn":  "https://management.core.chinacloudapi.cn",
		} {
			token, err := tenant.IssueAccessToken(app.ClientID, audience, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			// Azure compares resource ids case-insensitively.
			r, err := http.NewRequest(http.MethodGet, "https://"+host+strings.Replace(armResource, "resourceGroups/ml",
				"resourcegroups/ML", 1)+"?api-version=2018-04-01", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			var body struct {
				ID, Name, Type string
				Properties     struct{ WorkspaceURL, WorkspaceID, ProvisioningState string }
			}
			err = json.NewDecoder(resp.Body).Decode(&body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != 200 || body.ID != armResource || body.Name != "prod" ||
				body.Type != "Microsoft.Databricks/workspaces" ||
				body.Properties.WorkspaceURL != "adb-5678.7.azuredatabricks.net" ||
				body.Properties.WorkspaceID != "5678" {
				t.Errorf("%s at %s: %d %+v %v", app.Name, host, resp.StatusCode, body, err)
			}
		}
	}
	if n := tenant.Journal.Count("arm", "GET", "/providers/"); n != 9 {
		t.Errorf("%d requests in the journal", n)
	}
}

func TestARMRefuses(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	workspace := tenant.NewWorkspace(WorkspaceOptions{})
	reader, stranger := tenant.RegisterApp("reader"), tenant.RegisterApp("stranger")
	tenant.PublishWorkspace(workspace, armResource, reader.ClientID)
	other := strings.Replace(armResource, "prod", "secret", 1)
	tenant.PublishWorkspace(tenant.NewWorkspace(WorkspaceOptions{}), other)
	arm := tenant.ARM()
	token := func(app *App, audience string, lifetime time.Duration) string {
		raw, err := tenant.IssueAccessToken(app.ClientID, audience, lifetime)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + raw
	}
	const management = "https://management.core.windows.net/"
	good := token(reader, management, time.Hour)
	foreign := NewTenant(TenantOptions{})
	foreignApp := foreign.RegisterAppWithID("reader", reader.ClientID)
	alien, _ := foreign.IssueAccessToken(foreignApp.ClientID, management, time.Hour)

	for _, tc := range []struct {
		name, method, host, path, authorization string
		status                                  int
		code                                    string
	}{
		{"good", "GET", "management.azure.com", armResource + "?api-version=2024-05-01", good, 200, ""},
		{"no token", "GET", "management.azure.com", armResource, "", 401, "AuthenticationFailed"},
		{"not a bearer", "GET", "management.azure.com", armResource + "?api-version=2024-05-01", "Basic " + good[7:], 401, "InvalidAuthenticationToken"},
		{"rubbish", "GET", "management.azure.com", armResource + "?api-version=2024-05-01", "Bearer x", 401, "InvalidAuthenticationToken"},
		{"another tenant's", "GET", "management.azure.com", armResource + "?api-version=2024-05-01", "Bearer " + alien, 401, "InvalidAuthenticationToken"},
		{"expired", "GET", "management.azure.com", armResource + "?api-version=2024-05-01", token(reader, management, -time.Second), 401, "ExpiredAuthenticationToken"},
		{"wrong audience", "GET", "management.azure.com", armResource + "?api-version=2024-05-01", token(reader, DatabricksResource, time.Hour), 401, "InvalidAuthenticationTokenAudience"},
		{"audience of another cloud", "GET", "management.usgovcloudapi.net", armResource + "?api-version=2024-05-01", good, 401, "InvalidAuthenticationTokenAudience"},
		{"no version", "GET", "management.azure.com", armResource, good, 400, "MissingApiVersionParameter"},
		{"unknown version", "GET", "management.azure.com", armResource + "?api-version=2018-04-02", good, 400, "NoRegisteredProviderFound"},
		{"no right anywhere", "GET", "management.azure.com", armResource + "?api-version=2024-05-01", token(stranger, management, time.Hour), 403, "AuthorizationFailed"},
		{"no right here", "GET", "management.azure.com", other + "?api-version=2024-05-01", good, 403, "AuthorizationFailed"},
		{"other subscription", "GET", "management.azure.com", strings.Replace(armResource, "1111", "2222", 1) + "?api-version=2024-05-01", good, 403, "AuthorizationFailed"},
		{"unknown group", "GET", "management.azure.com", strings.Replace(armResource, "/ml/", "/none/", 1) + "?api-version=2024-05-01", good, 404, "ResourceGroupNotFound"},
		{"unknown name", "GET", "management.azure.com", armResource + "x?api-version=2024-05-01", good, 404, "ResourceNotFound"},
		{"other provider", "GET", "management.azure.com", strings.Replace(armResource, "Microsoft.Databricks", "Microsoft.Web", 1) + "?api-version=2024-05-01", good, 404, "InvalidResourceType"},
		{"write", "PUT", "management.azure.com", armResource + "?api-version=2024-05-01", good, 404, "InvalidResourceType"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, "https://"+tc.host+tc.path, nil)
			if tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			w := httptest.NewRecorder()
			arm.ServeHTTP(w, r)
			var body struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if w.Code != tc.status || body.Error.Code != tc.code || (tc.code != "") != (body.Error.Message != "") {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, tc.status, tc.code)
			}
			if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%d with challenge %q", w.Code, w.Header().Get("WWW-Authenticate"))
			}
		})
	}

	tenant.Faults.Add(Fault{Service: "arm", Status: 429, RetryAfter: 3})
	w := httptest.NewRecorder()
	arm.ServeHTTP(w, httptest.NewRequest("GET", armResource, nil))
	if w.Code != 429 || w.Header().Get("Retry-After") != "3" ||
		!strings.Contains(w.Body.String(), "SubscriptionRequestsThrottled") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestPublishWorkspaceNeedsAResourceID(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	for _, id := range []string{"", "prod", armGroup, armResource + "/", strings.Replace(armResource, "Databricks",
		"Web", 1)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken", id)
				}
			}()
			tenant.PublishWorkspace(tenant.NewWorkspace(WorkspaceOptions{}), id)
		}()
	}
}

// TestARMListsSubscriptions sends the request with which az login asks for the subscriptions that a login may read.
func TestARMListsSubscriptions(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	reader, other := tenant.RegisterApp("a"), tenant.RegisterApp("b")
	tenant.PublishWorkspace(tenant.NewWorkspace(WorkspaceOptions{}), armResource, reader.ClientID)
	tenant.PublishWorkspace(tenant.NewWorkspace(WorkspaceOptions{}), armGroup+
		"/providers/Microsoft.Databricks/workspaces/test", reader.ClientID)
	list := func(app *App, query string) (int, string) {
		token, err := tenant.IssueAccessToken(app.ClientID, "https://management.core.windows.net/", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "https://management.azure.com/subscriptions"+query, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		tenant.ARM().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, tc := range []struct {
		app    *App
		query  string
		status int
		body   string
	}{
		{reader, "?api-version=2022-12-01", 200, `"subscriptionId":"11111111-2222-4333-8444-555555555555"`},
		{reader, "?api-version=2022-12-01", 200, `"count":{"type":"Total","value":1}`},
		{other, "?api-version=2022-12-01", 200, `"value":[]`},
		{reader, "", 400, "MissingApiVersionParameter"},
	} {
		if status, body := list(tc.app, tc.query); status != tc.status || !strings.Contains(body, tc.body) {
			t.Errorf("%s%s: %d %s", tc.app.Name, tc.query, status, body)
		}
	}
}

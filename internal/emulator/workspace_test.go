package emulator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/client"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/config/credentials"
	"github.com/databricks/databricks-sdk-go/service/iam"
)

// A lab is a workspace with an admin, a service principal without rights, and a person who owns an endpoint.
type lab struct {
	*Workspace
	t             *testing.T
	server        *httptest.Server
	admin, member *App
	endpoint      string // id of the endpoint "iris"
}

func newLab(t *testing.T, switches WorkspaceSwitches) *lab {
	t.Helper()
	tenant := NewTenant(TenantOptions{})
	l := &lab{Workspace: tenant.NewWorkspace(WorkspaceOptions{Switches: switches}), t: t,
		admin: tenant.RegisterApp("deployer"), member: tenant.RegisterApp("scorer")}
	l.AddServicePrincipal(l.admin.ClientID, "deployer")
	l.AddToGroup("admins", l.admin.ClientID)
	l.AddServicePrincipal(l.member.ClientID, "scorer")
	l.AddUser("ada@example.com", "Ada")
	l.endpoint = l.CreateEndpoint("iris", "ada@example.com")
	l.server = httptest.NewServer(l.Workspace)
	t.Cleanup(l.server.Close)
	return l
}

func (l *lab) entraToken(app *App) string {
	l.t.Helper()
	token, err := l.tenant.IssueAccessToken(app.ClientID, DatabricksResource, time.Hour)
	if err != nil {
		l.t.Fatal(err)
	}
	return token
}

type bearer string

func (b bearer) Name() string { return "bearer" }

func (b bearer) Configure(context.Context, *config.Config) (credentials.CredentialsProvider, error) {
	return credentials.NewCredentialsProvider(func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+string(b))
		return nil
	}), nil
}

type noLoader struct{}

func (noLoader) Name() string                   { return "none" }
func (noLoader) Configure(*config.Config) error { return nil }

// sdk returns the official client of Databricks with a bearer token of any kind.
func (l *lab) sdk(token string) *client.DatabricksClient {
	l.t.Helper()
	c, err := client.New(&config.Config{
		Host:                 l.server.URL,
		WorkspaceID:          l.ID(),
		Credentials:          bearer(token),
		Loaders:              []config.Loader{noLoader{}},
		HTTPTransport:        l.server.Client().Transport,
		HostMetadataResolver: func(context.Context, string) (*config.HostMetadata, error) { return nil, nil },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

type rawAnswer struct {
	status int
	header http.Header
	body   string
}

// json returns the decoded JSON body of an answer.
func (a rawAnswer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return m
}

func (l *lab) ask(token, method, path, body string) rawAnswer {
	l.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return rawAnswer{w.Code, w.Header(), w.Body.String()}
}

// refused checks that an answer is this error in the standard format of the REST API.
func (l *lab) refused(a rawAnswer, status int, code, message string) {
	l.t.Helper()
	m := map[string]any{}
	_ = json.Unmarshal([]byte(a.body), &m)
	if a.status != status || m["error_code"] != code || m["message"] != message {
		l.t.Errorf("got %d %s\nwant %d %s %s", a.status, a.body, status, code, message)
	}
	if details, _ := m["details"].([]any); len(details) != 1 ||
		details[0].(map[string]any)["request_id"] != a.header.Get("X-Request-Id") {
		l.t.Errorf("details %v do not carry request id %s", m["details"], a.header.Get("X-Request-Id"))
	}
}

// scimRefused checks that an answer is this error in the SCIM format.
func (l *lab) scimRefused(a rawAnswer, status int, scimType, detail string) {
	l.t.Helper()
	m := map[string]any{}
	_ = json.Unmarshal([]byte(a.body), &m)
	gotType, _ := m["scimType"].(string)
	gotDetail, _ := m["detail"].(string)
	if a.status != status || m["status"] != strconv.Itoa(status) || gotType != scimType ||
		!strings.Contains(gotDetail, detail) {
		l.t.Errorf("got %d %s\nwant %d %q %q", a.status, a.body, status, scimType, detail)
	}
}

func TestCredentials(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	issue := func(app *App, audience string, lifetime time.Duration) string {
		token, err := l.tenant.IssueAccessToken(app.ClientID, audience, lifetime)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	stranger := l.tenant.RegisterApp("stranger")
	sleeper := l.tenant.RegisterApp("sleeper")
	l.AddServicePrincipal(sleeper.ClientID, "")
	l.SetActive(sleeper.ClientID, false)
	otherTenant := NewTenant(TenantOptions{})
	foreign, err := otherTenant.IssueAccessToken(otherTenant.RegisterAppWithID("deployer", l.admin.ClientID).ClientID,
		DatabricksResource, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	tokenID, live := l.MintToken(l.admin.ClientID, "", time.Hour)
	_, expired := l.MintToken(l.admin.ClientID, "", time.Nanosecond)
	revokedID, revoked := l.MintToken(l.admin.ClientID, "", time.Hour)
	l.RevokeToken(revokedID)
	_, ofSleeper := l.MintToken(sleeper.ClientID, "", time.Hour)
	l.SetGrant("authorization/tokens", sleeper.ClientID, "CAN_USE")
	_, withoutRight := l.MintToken(l.member.ClientID, "", time.Hour)
	strangerText := "Unauthorized access to workspace: " + l.ID()

	for name, test := range map[string]struct {
		token    string
		switches WorkspaceSwitches
		status   int
		message  string // "" if the request succeeds; begins with "<" if the answer is an HTML page
	}{
		"entra":                     {token: issue(l.admin, DatabricksResource, time.Hour), status: 200},
		"entra for 31 more seconds": {token: issue(l.admin, DatabricksResource, 32*time.Second), status: 200},
		"pat":                       {token: live, status: 200},
		"nothing":                   {status: 401, message: "Credential was not sent or was of an unsupported type for this API."},
		"token id for its value":    {token: tokenID, status: 401, message: "Credential was not sent or was of an unsupported type for this API."},
		"unknown pat":               {token: "dapi0123", status: 403, message: "Invalid access token."},
		"expired pat":               {token: expired, status: 403, message: "Invalid access token."},
		"revoked pat":               {token: revoked, status: 403, message: "Invalid access token."},
		"pat of an inactive owner":  {token: ofSleeper, status: 403, message: "Invalid access token."},
		"pat without CAN_USE":       {token: withoutRight, status: 403, message: "Invalid access token."},
		"pats off":                  {token: live, switches: WorkspaceSwitches{PersonalAccessTokensOff: true}, status: 403, message: "Invalid access token."},
		"entra for 29 more seconds": {token: issue(l.admin, DatabricksResource, 29*time.Second), status: 401, message: "Token is expired"},
		"expired, older":            {token: issue(l.admin, DatabricksResource, 0), switches: WorkspaceSwitches{ExpiredToken: ExpiredTokenForbidden}, status: 403, message: "JWT has expired"},
		"expired, oldest":           {token: issue(l.admin, DatabricksResource, 0), switches: WorkspaceSwitches{ExpiredToken: ExpiredTokenBadRequest}, status: 400, message: "<ExpiredJwtException"},
		"wrong audience":            {token: issue(l.admin, "https://management.core.windows.net/", time.Hour), status: 400, message: "<Expected aud claim to be: 2ff814a6-3304-4ab8-85cb-cd0e6f879c1d, but was: https://management.core.windows.net/."},
		"no member":                 {token: issue(stranger, DatabricksResource, time.Hour), status: 403, message: strangerText},
		"no member, older":          {token: issue(stranger, DatabricksResource, time.Hour), switches: WorkspaceSwitches{NotAMember: NotAMemberPage}, status: 403, message: "<User not authorized."},
		"inactive member":           {token: issue(sleeper, DatabricksResource, time.Hour), status: 403, message: strangerText},
		"signed by another tenant":  {token: foreign, status: 401, message: "Invalid token"},
	} {
		t.Run(name, func(t *testing.T) {
			l.SetSwitches(test.switches)
			defer l.SetSwitches(WorkspaceSwitches{})
			a := l.ask(test.token, "GET", "/api/2.1/clusters/list", "")
			if a.status != test.status {
				t.Fatalf("status %d, want %d: %s", a.status, test.status, a.body)
			}
			page, isPage := strings.CutPrefix(test.message, "<")
			switch {
			case test.message == "":
				if a.body != "{}" || a.header.Get("X-Databricks-Org-Id") != l.ID() {
					t.Errorf("body %s, header %v", a.body, a.header)
				}
			case isPage:
				if !strings.Contains(a.body, page) || !strings.Contains(a.body, "<pre>") ||
					!strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
					t.Errorf("not the page wanted: %s", a.body)
				}
			default:
				m := a.json(t)
				want := test.message + " [ReqId: " + a.header.Get("X-Request-Id") + "]"
				if m["message"] != want || m["error_code"] != float64(test.status) {
					t.Errorf("got %v %v, want %s", m["error_code"], m["message"], want)
				}
				if a.header.Get("X-Databricks-Reason-Phrase") != test.message ||
					a.header.Get("X-Databricks-Org-Id") != "" {
					t.Errorf("headers %v", a.header)
				}
			}
		})
	}
}

func TestLoginByAzureRightsMakesAnAdmin(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	const resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/workspaces/w"
	newcomer := l.tenant.RegisterApp("newcomer")
	token := l.entraToken(newcomer)
	management, err := l.tenant.IssueAccessToken(newcomer.ClientID, "https://management.core.windows.net/", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	call := func(management, resource string) int {
		r := httptest.NewRequest("GET", "/api/2.0/preview/scim/v2/Groups", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("X-Databricks-Azure-SP-Management-Token", management)
		r.Header.Set("X-Databricks-Azure-Workspace-Resource-Id", resource)
		w := httptest.NewRecorder()
		l.ServeHTTP(w, r)
		return w.Code
	}
	l.SetAzureResource(resource)
	if status := call(management, resource); status != 403 {
		t.Errorf("a stranger without Azure rights got %d", status)
	}
	l.SetAzureResource(resource, newcomer.ClientID)
	for name, status := range map[string]int{"no token": call("", resource), "wrong resource": call(management,
		resource+"x"), "wrong audience": call(token, resource)} {
		if status != 403 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status := call(management, resource); status != 200 {
		t.Fatalf("a contributor got %d", status)
	}
	if a := l.ask(token, "GET", "/api/2.0/preview/scim/v2/Groups", ""); a.status != 200 {
		t.Errorf("later, without the headers: %d %s", a.status, a.body)
	}
}

func TestGeneralRefusals(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	l.refused(l.ask(admin, "PATCH", "/api/2.0/permissions/nonsense", ""), 404, "ENDPOINT_NOT_FOUND", "No API found "+
		"for 'PATCH /permissions/nonsense'")
	l.refused(l.ask(admin, "GET", "/api/2.0/permissions/serving-endpoints/", ""), 404, "ENDPOINT_NOT_FOUND",
		"No API found for 'GET /permissions/serving-endpoints/'")
	l.refused(l.ask(admin, "POST", "/serving-endpoints//invocations", "{}"), 404, "ENDPOINT_NOT_FOUND",
		"No API found for 'POST /serving-endpoints//invocations'")
	l.refused(l.ask(admin, "PUT", "/api/2.0/token/create", "{}"), 404, "ENDPOINT_NOT_FOUND",
		"No API found for 'PUT /token/create'")
	l.refused(l.ask(admin, "GET", "/api/2.0/preview/scim/v2/Nobody", ""), 404, "ENDPOINT_NOT_FOUND", "No API found "+
		"for 'GET /preview/scim/v2/Nobody'")
	if a := l.ask("", "GET", "/nowhere", ""); a.status != 401 {
		t.Errorf("unknown route without credential: %d", a.status)
	}
	r := httptest.NewRequest("GET", "/api/2.1/clusters/list", nil)
	r.Header.Set("Authorization", "Bearer "+admin)
	r.Header.Set("X-Databricks-Workspace-Id", "1")
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("another workspace's id was accepted: %d", w.Code)
	}
	a := l.ask("", "GET", "/.well-known/databricks-config", "")
	if m := a.json(t); a.status != 200 || m["workspace_id"] != l.ID() || m["cloud"] != "Azure" {
		t.Errorf("well-known %s", a.body)
	}
	a = l.ask("", "GET", "/aad/auth", "")
	if a.status != 302 || !strings.Contains(a.header.Get("Location"), "/"+l.tenant.ID+"/oauth2/authorize") {
		t.Errorf("aad/auth %d %v", a.status, a.header)
	}
}

func TestWorkspaceFaultsSpeakTheDialectOfThePath(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	l.tenant.Faults.Add(Fault{Service: "workspace", Status: 503, Code: "TEMPORARILY_UNAVAILABLE", Message: "later"})
	a := l.ask(admin, "GET", "/api/2.0/serving-endpoints", "")
	if m := a.json(t); a.status != 503 || m["error_code"] != "TEMPORARILY_UNAVAILABLE" || m["message"] != "later" {
		t.Errorf("standard: %d %s", a.status, a.body)
	}
	l.tenant.Faults.Add(Fault{Service: "workspace", Status: 500, Code: "REQUEST_LIMIT_EXCEEDED", Message: "slow down"})
	a = l.ask(admin, "GET", "/api/2.0/preview/scim/v2/Me", "")
	l.scimRefused(a, 500, "", "REQUEST_LIMIT_EXCEEDED: slow down")

	l.tenant.Journal.Reset()
	l.ask(admin, "GET", "/api/2.0/serving-endpoints/iris", "")
	entry := l.tenant.Journal.Entries()[0]
	if entry.Route != "/api/2.0/serving-endpoints/{name}" || entry.Caller != l.admin.ClientID || entry.Status != 200 {
		t.Errorf("journal %+v", entry)
	}
}

func TestSnapshotIsStableAndHoldsNoSecret(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	_, value := l.MintToken(l.admin.ClientID, "mine", time.Hour)
	l.AddGroup("scorers")
	l.AddToGroup("scorers", l.member.ClientID)
	l.AddToGroup("scorers", "ada@example.com")
	l.SetGrant("iris", "scorers", "CAN_QUERY")
	before := l.Snapshot()
	if !reflect.DeepEqual(before, l.Snapshot()) {
		t.Error("two snapshots of the same differ")
	}
	if grants := before.Endpoints[0].Grants; !reflect.DeepEqual(grants, []string{"group_name=scorers CAN_QUERY",
		"user_name=ada@example.com CAN_MANAGE"}) {
		t.Errorf("grants %v", grants)
	}
	raw, _ := json.Marshal(before)
	if strings.Contains(string(raw), value) {
		t.Error("a token's value is in the snapshot")
	}
	l.RemoveGrant("iris", "scorers")
	if reflect.DeepEqual(before, l.Snapshot()) {
		t.Error("a removed grant does not show")
	}
	for name, misspelt := range map[string]func(){
		"grant":    func() { l.SetGrant("iris", "nobody", "CAN_QUERY") },
		"level":    func() { l.SetGrant("iris", "ada@example.com", "CAN_DANCE") },
		"endpoint": func() { l.DeleteEndpoint("tulip") },
		"token":    func() { l.RevokeToken("0") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a misspelt name passed", name)
				}
			}()
			misspelt()
		}()
	}
}

func TestConcurrentCallers(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{TokenListAlwaysThere: true})
	current := iam.NewCurrentUser(l.sdk(l.entraToken(l.admin)))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := current.Me(context.Background(), iam.MeRequest{}); err != nil {
				t.Error(err)
			}
			l.SetGrant("iris", l.member.ClientID, "CAN_QUERY")
			l.ask(l.entraToken(l.member), "GET", "/api/2.0/serving-endpoints", "")
			l.Snapshot()
			l.SetSwitches(l.Switches())
		})
	}
	group.Wait()
}

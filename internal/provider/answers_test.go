package provider_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// wrongAnswers are bodies that may come in place of the right answer. A proxy, a gateway or a sign-in page sends some
// of them. Others come from a service that fails without saying so.
var wrongAnswers = map[string]emulator.Fault{
	"a page":           {Status: 200, ContentType: "text/html", Body: "<!doctype html><html><head><title>Sign in</title></head></html>"},
	"nothing":          {Status: 200, Empty: true},
	"{}":               {Status: 200, ContentType: "application/json", Body: "{}"},
	"null":             {Status: 200, ContentType: "application/json", Body: "null"},
	"204":              {Status: 204, Empty: true},
	"an error as 200":  {Status: 200, ContentType: "application/json", Body: `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"no such thing"}`},
	"another's answer": {Status: 200, ContentType: "application/json", Body: another},
	"half an answer":   {Truncate: true},
	"another form":     {Status: 200, ContentType: "application/json", Body: `{"status":"ok","items":[1,2]}`},
	"a redirect":       {Status: 302, Location: "https://login.example.com/sso"},
}

// another is an answer that fits every route but describes objects that nobody asked for.
const another = `{"id":"999","applicationId":"00000000-0000-0000-0000-000000000999","displayName":"other","userName":"other","name":"other","active":true,
"object_id":"/serving-endpoints/00000000000000000000000000000999","object_type":"serving-endpoint","access_control_list":[],"token_info":{"token_id":"ff99"},
"totalResults":1,"Resources":[{"id":"999","applicationId":"00000000-0000-0000-0000-000000000999","displayName":"other","userName":"other"}]}`

// believable lists the wrong answers that the provider cannot recognize: {} where the service documents that it leaves
// out an empty list, and a complete list that shows other objects. If something other than the workspace answers {} to
// everything, the request for the current user shows that.
var believable = map[string][]string{
	"data.dbxaccess_serving_endpoints/all":       {"{} /api/2.0/serving-endpoints"},
	"data.dbxaccess_clusters/all":                {"{} /api/2.1/clusters/list"},
	"data.dbxaccess_tokens/all":                  {"{} /api/2.0/token-management/tokens", "another's answer /api/2.0/preview/scim/v2/Users"},
	"data.dbxaccess_tokens/of a user":            {"{} /api/2.0/token-management/tokens"},
	"data.dbxaccess_service_principals/all":      {"another's answer /api/2.0/preview/scim/v2/ServicePrincipals"},
	"data.dbxaccess_serving_endpoint_access/one": {"another's answer /api/2.0/preview/scim/v2/Groups"},
}

// ready returns a world in which every operation can succeed.
func ready(t *testing.T, name string) *acctest.World {
	w := acctest.NewWithSecret(t)
	w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "1"
	w.Workspace.AddGroup("scorers")
	w.Workspace.AddToGroup("scorers", w.PersonName)
	w.Workspace.AddCluster("small", w.Deployer.ClientID, "RUNNING")
	if !strings.HasPrefix(name, aPrincipal+"/") {
		w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
		if strings.Contains(name, aToken+"/") {
			w.Workspace.SetGrant("authorization/tokens", w.ScoringApp.ClientID, "CAN_USE")
		}
	}
	return w
}

// route is the method and path of a request of an operation, with patterns in place of names.
type route struct{ method, path string }

// routesOf returns the requests that the operation sends to the workspace when nothing fails.
func routesOf(t *testing.T, name string, d operation) (routes []route) {
	w := ready(t, name)
	o := prepared(t, w, d)
	w.Tenant.Journal.Reset()
	good := d.do(t, w, w.Protocol(t), o)
	if good.errors != "" && !d.fails {
		t.Fatalf("where all goes well: %s", good.errors)
	}
	if d.done != nil && !d.done(w) {
		t.Fatalf("where all goes well it is not done: %+v", w.Workspace.Snapshot())
	}
	for _, e := range w.Tenant.Journal.Entries() {
		if r := (route{e.Method, e.Route}); e.Service == "workspace" && !slices.Contains(routes, r) {
			routes = append(routes, r)
		}
	}
	return routes
}

func prepared(t *testing.T, w *acctest.World, d operation) acctest.Object {
	if d.prepare == nil {
		return acctest.Object{}
	}
	return d.prepare(t, w, w.Protocol(t))
}

// The provider never reports an operation as done that is not done, whatever replaces the answer to one of its routes,
// and the state stays as it was. The routes come from the journal, so a new request of an operation is tested too.
func TestInvalidAnswersNeverCountAsDone(t *testing.T) {
	t.Parallel()
	all := operations()
	for _, served := range acctest.New(t).Protocol(t).Types() {
		if served != "ephemeral.dbxaccess_entra_token" && !slices.ContainsFunc(slices.Collect(maps.Keys(all)),
			func(name string) bool {
				return strings.HasPrefix(name, served+"/")
			}) {
			t.Errorf("%s has no operation in this test", served)
		}
	}
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range routesOf(t, name, d) {
				s := stage{name: name, operation: d}
				for kind, fault := range wrongAnswers {
					if !slices.Contains(believable[name], kind+" "+r.path) {
						s.try(t, r, kind, fault)
					}
				}
			}
		})
	}
}

// stage is a world in which an operation is about to run. A stage is used again after each attempt that changes
// nothing.
type stage struct {
	name string
	operation
	w      *acctest.World
	o      acctest.Object
	before emulator.Snapshot
	good   string // what a data source reads without a fault
}

func (s *stage) set(t *testing.T) {
	if s.w != nil && reflect.DeepEqual(s.w.Workspace.Snapshot(), s.before) {
		return
	}
	s.w = ready(t, s.name)
	s.o = prepared(t, s.w, s.operation)
	if s.done == nil && s.prepare == nil {
		s.good = fmt.Sprint(s.do(t, s.w, s.w.Protocol(t), s.o).state)
	}
	s.before = s.w.Workspace.Snapshot()
}

// try runs the operation while one route returns a wrong answer.
func (s *stage) try(t *testing.T, r route, kind string, fault emulator.Fault) {
	t.Helper()
	s.set(t)
	w := s.w
	fault.Service, fault.Method, fault.Path, fault.Times = "workspace", r.method, pattern(r.path), -1
	w.Tenant.Faults.Clear()
	w.Tenant.Faults.Add(fault)
	w.Tenant.Journal.Reset()
	stop := advanceClockWhileWaiting(w, r)
	got := s.do(t, w, w.Protocol(t), s.o)
	stop()
	w.Tenant.Faults.Clear()
	where := fmt.Sprintf("%s %s is answered by %s", r.method, r.path, kind)
	switch {
	case got.errors != "" || got.warnings != "":
		// The operation reported an error or a warning. It may have changed the workspace all the same, and says what
		// is not known.
	case s.done != nil:
		if !s.done(w) {
			t.Errorf("%s: reported as done, and the workspace shows\n%+v", where, w.Workspace.Snapshot())
		}
	case s.prepare != nil: // a refresh of an existing object
		if fmt.Sprint(got.state) != fmt.Sprint(s.o.State) {
			t.Errorf("%s: state was\n%v\nand is\n%v", where, s.o.State, got.state)
		}
	case fmt.Sprint(got.state) != s.good: // a data source
		t.Errorf("%s: read as\n%v\nwhere it is\n%v", where, got.state, s.good)
	}
	if got.errors != "" && s.prepare != nil && s.o.State != nil && got.state != nil &&
		got.state["id"] != s.o.State["id"] && !strings.HasPrefix(s.name, aToken+"/rotate") {
		t.Errorf("%s: state has the id %v, and had %v", where, got.state["id"], s.o.State["id"])
	}
	if said := got.errors + got.warnings; strings.Contains(said, "dapi") {
		t.Errorf("%s: a token's value is shown: %s", where, said)
	}
}

// advanceClockWhileWaiting advances the clock while an operation waits for SCIM to show a change that never comes.
func advanceClockWhileWaiting(w *acctest.World, r route) (stop func()) {
	done := make(chan struct{})
	if r.method == "GET" || !strings.Contains(r.path, "/scim/") {
		return func() {}
	}
	go func() {
		for n := 0; n < 3; {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
			}
			if w.Count("workspace", r.method, r.path) > 0 {
				w.Tenant.Clock.Advance(70 * time.Second)
				n++
			}
		}
	}()
	return func() { close(done) }
}

// pattern returns a route in the form of a fault's path.
func pattern(route string) string {
	segments := strings.Split(route, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}

// Through the CLI: the command fails, the error names the page, and the state keeps the object.
func TestPageInPlaceOfADeletion(t *testing.T) {
	t.Parallel()
	w := ready(t, aPrincipal+"/")
	c := w.CLI(t, `resource "dbxaccess_service_principal" "x" { application_id = "`+w.ScoringApp.ClientID+`" }`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	state, held := c.State(t), w.Workspace.Snapshot()
	for _, method := range []string{"DELETE", "GET"} {
		fault := wrongAnswers["a page"]
		fault.Service, fault.Method, fault.Path, fault.Times = "workspace", method, "/api/2.0/preview/scim/v2/ServicePrincipals/*", -1
		w.Tenant.Faults.Clear()
		w.Tenant.Faults.Add(fault)
		c.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, "200", `an HTML page with the title “Sign in”`, method+
			" /api/2.0/preview/scim/v2/ServicePrincipals/", "HTTPS_PROXY")
		if c.State(t) != state {
			t.Errorf("%s: state changed to %s", method, c.State(t))
		}
	}
	if now := w.Workspace.Snapshot(); !reflect.DeepEqual(now, held) {
		t.Errorf("%+v", now)
	}
	w.Tenant.Faults.Clear()
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// A server that answers {} to every request is no workspace: the provider believes nothing that it returns, and changes
// nothing.
func TestServerThatAnswersOnlyEmptyObjects(t *testing.T) {
	t.Parallel()
	for name, d := range operations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage{name: name, operation: d}
			s.set(t)
			s.w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Times: -1, Status: 200,
				ContentType: "application/json", Body: "{}"})
			s.w.Tenant.Journal.Reset()
			stop := advanceClockWhileWaiting(s.w, route{"PATCH", "/scim/"})
			got := s.do(t, s.w, s.w.Protocol(t), s.o)
			stop()
			if got.errors == "" {
				t.Errorf("no error, but the state %v and the warnings %s", got.state, got.warnings)
			}
			if after := s.w.Workspace.Snapshot(); !reflect.DeepEqual(after, s.before) {
				t.Errorf("the workspace was\n%+v\nand is\n%+v", s.before, after)
			}
		})
	}
}

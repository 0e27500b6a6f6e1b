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

// deed is one operation of the provider, such as the creation of a grant.
type deed struct {
	// prepare creates the object without faults; nil if there is nothing to prepare.
	prepare func(t *testing.T, w *acctest.World, p *acctest.Protocol) acctest.Object
	do      func(t *testing.T, w *acctest.World, p *acctest.Protocol, o acctest.Object) outcome
	// done reports whether the workspace shows the intended result; nil if only the state must be unchanged.
	done  func(w *acctest.World) bool
	fails bool // the operation ends in an error even without a fault
}

// outcome is the result of a deed: the state, the warnings and the errors.
type outcome struct {
	state            map[string]any
	warnings, errors string
}

const (
	aPrincipal = "dbxaccess_service_principal"
	aMember    = "dbxaccess_group_member"
	aGrant     = "dbxaccess_serving_endpoint_permission"
	aList      = "dbxaccess_serving_endpoint_permissions_exclusive"
	aRight     = "dbxaccess_token_permission"
	aToken     = "dbxaccess_service_principal_token"
)

func apply(resource string, config func(w *acctest.World) map[string]any) func(*testing.T, *acctest.World, *acctest.Protocol, acctest.Object) outcome {
	return func(t *testing.T, w *acctest.World, p *acctest.Protocol, o acctest.Object) outcome {
		if o.State != nil {
			// Terraform refreshes first, in the same process.
			read, errors := p.Refresh(t, resource, o)
			if errors != "" {
				return outcome{o.State, "", errors}
			}
			if read.State == nil { // Terraform removes the object from the state
				return outcome{nil, read.Warnings, ""}
			}
			o = read
		}
		after, errors := p.Apply(t, resource, o, config(w))
		return outcome{after.State, after.Warnings, errors}
	}
}

// applyAlone returns an apply without a refresh before it, as with -refresh=false.
func applyAlone(resource string, config func(w *acctest.World) map[string]any) func(*testing.T, *acctest.World, *acctest.Protocol, acctest.Object) outcome {
	return func(t *testing.T, w *acctest.World, p *acctest.Protocol, o acctest.Object) outcome {
		after, errors := p.Apply(t, resource, o, config(w))
		return outcome{after.State, after.Warnings, errors}
	}
}

func refresh(resource string) func(*testing.T, *acctest.World, *acctest.Protocol, acctest.Object) outcome {
	return func(t *testing.T, _ *acctest.World, p *acctest.Protocol, o acctest.Object) outcome {
		after, errors := p.Refresh(t, resource, o)
		return outcome{after.State, after.Warnings, errors}
	}
}

func readData(source string, config func(w *acctest.World) map[string]any) deed {
	return deed{do: func(t *testing.T, w *acctest.World, p *acctest.Protocol, _ acctest.Object) outcome {
		state, warnings, errors := p.Read(t, source, config(w))
		return outcome{state, warnings, errors}
	}}
}

// failing returns the deed, marked as one that ends in an error even without a fault.
func (d deed) failing() deed {
	d.fails = true
	return d
}

func made(resource string, config func(w *acctest.World) map[string]any) func(*testing.T, *acctest.World, *acctest.Protocol) acctest.Object {
	return func(t *testing.T, w *acctest.World, p *acctest.Protocol) acctest.Object {
		return p.MustApply(t, resource, acctest.Object{}, config(w))
	}
}

func none(*acctest.World) map[string]any { return nil }

// with returns a configuration with the additional attributes in more.
func with(config func(w *acctest.World) map[string]any, more map[string]any) func(*acctest.World) map[string]any {
	return func(w *acctest.World) map[string]any {
		all := maps.Clone(config(w))
		maps.Copy(all, more)
		return all
	}
}

func member(w *acctest.World) bool {
	for _, g := range w.Workspace.Snapshot().Groups {
		if g.Name == "scorers" {
			return slices.Contains(g.Members, w.ScoringApp.ClientID)
		}
	}
	return false
}

func principal(w *acctest.World) (emulator.ServicePrincipalState, bool) {
	for _, sp := range w.Workspace.Snapshot().ServicePrincipals {
		if sp.ApplicationID == w.ScoringApp.ClientID {
			return sp, true
		}
	}
	return emulator.ServicePrincipalState{}, false
}

// grants returns the scoring app's levels on the endpoint.
func grants(w *acctest.World) string {
	var levels []string
	for _, line := range w.Workspace.Snapshot().Endpoints[0].Grants {
		if level, ok := strings.CutPrefix(line, "service_principal_name="+w.ScoringApp.ClientID+" "); ok {
			levels = append(levels, level)
		}
	}
	return strings.Join(levels, " ")
}

func mayUseTokens(w *acctest.World) bool {
	return slices.Contains(w.Workspace.Snapshot().TokenGrants, "service_principal_name="+w.ScoringApp.ClientID+" CAN_USE")
}

// tokensOf returns the comments of the scoring app's tokens, without the provider's markers.
func tokensOf(w *acctest.World) (comments []string) {
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.Owner == w.ScoringApp.ClientID {
			comment, _, _ := strings.Cut(token.Comment, " [dbxaccess:")
			comments = append(comments, comment)
		}
	}
	return comments
}

// deeds returns all operations that send requests to the workspace.
func deeds() map[string]deed {
	sp := func(w *acctest.World) map[string]any {
		return map[string]any{"application_id": w.ScoringApp.ClientID, "display_name": "scoring", "adopt_existing": true, "on_destroy": "delete"}
	}
	fresh := func(w *acctest.World) map[string]any {
		return map[string]any{"application_id": w.ScoringApp.ClientID, "display_name": "scoring"}
	}
	membership := func(w *acctest.World) map[string]any {
		return map[string]any{"group_name": "scorers", "application_id": w.ScoringApp.ClientID}
	}
	grant := func(w *acctest.World) map[string]any {
		return map[string]any{"endpoint_name": w.EndpointName, "service_principal_name": w.ScoringApp.ClientID}
	}
	list := func(w *acctest.World) map[string]any {
		return map[string]any{"endpoint_name": w.EndpointName, "service_principals": map[string]any{w.ScoringApp.ClientID: "CAN_QUERY"}, "users": map[string]any{w.PersonName: "CAN_MANAGE"}}
	}
	right := func(w *acctest.World) map[string]any {
		return map[string]any{"service_principal_name": w.ScoringApp.ClientID}
	}
	token := func(w *acctest.World) map[string]any {
		return map[string]any{"comment": "first", "owner": map[string]any{"application_id": w.ScoringApp.ClientID, "client_secret_wo": w.ScoringSecret},
			"rotate_before_seconds": 1000, "overlap_seconds": 0}
	}
	endpoint := func(w *acctest.World) map[string]any { return map[string]any{"endpoint_name": w.EndpointName} }
	nothing := func(*acctest.World) map[string]any { return map[string]any{} }
	query := func(more map[string]any) func(*acctest.World) map[string]any {
		return with(func(w *acctest.World) map[string]any {
			return map[string]any{"endpoint_name": w.EndpointName, "request": `{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`, "query_as": "provider"}
		}, more)
	}
	all := map[string]deed{
		aPrincipal + "/create": {do: apply(aPrincipal, fresh), done: func(w *acctest.World) bool { _, ok := principal(w); return ok }},
		aPrincipal + "/adopt": {
			prepare: func(_ *testing.T, w *acctest.World, _ *acctest.Protocol) acctest.Object {
				w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
				return acctest.Object{}
			},
			do:   apply(aPrincipal, with(sp, map[string]any{"active": false})),
			done: func(w *acctest.World) bool { sp, _ := principal(w); return !sp.Active },
		},
		aPrincipal + "/refresh": {prepare: made(aPrincipal, fresh), do: refresh(aPrincipal)},
		aPrincipal + "/deactivate": {
			prepare: func(t *testing.T, w *acctest.World, p *acctest.Protocol) acctest.Object {
				o := made(aPrincipal, fresh)(t, w, p)
				w.Workspace.MintToken(w.ScoringApp.ClientID, "live", time.Hour)
				return o
			},
			do:   applyAlone(aPrincipal, with(fresh, map[string]any{"active": false})),
			done: func(w *acctest.World) bool { sp, _ := principal(w); return !sp.Active && len(tokensOf(w)) == 0 },
		},
		aPrincipal + "/entitle": {
			prepare: made(aPrincipal, fresh), do: applyAlone(aPrincipal, with(fresh, map[string]any{"entitlements": []any{"workspace-access"}})),
			done: func(w *acctest.World) bool { sp, _ := principal(w); return len(sp.Entitlements) == 1 },
		},
		aPrincipal + "/delete": {prepare: made(aPrincipal, fresh), do: applyAlone(aPrincipal, none), done: func(w *acctest.World) bool { _, ok := principal(w); return !ok }},
		aPrincipal + "/destroy by deactivation": {
			prepare: made(aPrincipal, with(fresh, map[string]any{"on_destroy": "deactivate"})), do: applyAlone(aPrincipal, none),
			done: func(w *acctest.World) bool { sp, _ := principal(w); return !sp.Active },
		},
		aPrincipal + "/refresh and delete": {prepare: made(aPrincipal, fresh), do: apply(aPrincipal, none), done: func(w *acctest.World) bool { _, ok := principal(w); return !ok }},

		aMember + "/create":              {do: apply(aMember, membership), done: member},
		aMember + "/refresh":             {prepare: made(aMember, membership), do: refresh(aMember)},
		aMember + "/destroy":             {prepare: made(aMember, membership), do: applyAlone(aMember, none), done: func(w *acctest.World) bool { return !member(w) }},
		aMember + "/refresh and destroy": {prepare: made(aMember, membership), do: apply(aMember, none), done: func(w *acctest.World) bool { return !member(w) }},

		aGrant + "/create":              {do: apply(aGrant, grant), done: func(w *acctest.World) bool { return grants(w) == "CAN_QUERY" }},
		aGrant + "/refresh":             {prepare: made(aGrant, grant), do: refresh(aGrant)},
		aGrant + "/change":              {prepare: made(aGrant, grant), do: applyAlone(aGrant, with(grant, map[string]any{"permission_level": "CAN_MANAGE"})), done: func(w *acctest.World) bool { return grants(w) == "CAN_MANAGE" }},
		aGrant + "/destroy":             {prepare: made(aGrant, grant), do: applyAlone(aGrant, none), done: func(w *acctest.World) bool { return grants(w) == "" }},
		aGrant + "/refresh and destroy": {prepare: made(aGrant, grant), do: apply(aGrant, none), done: func(w *acctest.World) bool { return grants(w) == "" }},

		aList + "/create":              {do: apply(aList, list), done: func(w *acctest.World) bool { return grants(w) == "CAN_QUERY" }},
		aList + "/refresh":             {prepare: made(aList, list), do: refresh(aList)},
		aList + "/change":              {prepare: made(aList, list), do: applyAlone(aList, with(list, map[string]any{"service_principals": map[string]any{}})), done: func(w *acctest.World) bool { return grants(w) == "" }},
		aList + "/destroy":             {prepare: made(aList, list), do: applyAlone(aList, none), done: func(w *acctest.World) bool { return grants(w) == "" }},
		aList + "/refresh and destroy": {prepare: made(aList, list), do: apply(aList, none), done: func(w *acctest.World) bool { return grants(w) == "" }},

		aRight + "/create":              {do: apply(aRight, right), done: mayUseTokens},
		aRight + "/refresh":             {prepare: made(aRight, right), do: refresh(aRight)},
		aRight + "/destroy":             {prepare: made(aRight, right), do: applyAlone(aRight, none), done: func(w *acctest.World) bool { return !mayUseTokens(w) }},
		aRight + "/refresh and destroy": {prepare: made(aRight, right), do: apply(aRight, none), done: func(w *acctest.World) bool { return !mayUseTokens(w) }},

		aToken + "/create":  {do: apply(aToken, token), done: func(w *acctest.World) bool { return reflect.DeepEqual(tokensOf(w), []string{"first"}) }},
		aToken + "/refresh": {prepare: made(aToken, token), do: refresh(aToken)},
		aToken + "/rotate": {
			prepare: made(aToken, token), do: applyAlone(aToken, with(token, map[string]any{"rotation_triggers": map[string]any{"a": "b"}})),
			done: func(w *acctest.World) bool { return len(tokensOf(w)) == 1 },
		},
		aToken + "/destroy":             {prepare: made(aToken, token), do: applyAlone(aToken, none), done: func(w *acctest.World) bool { return len(tokensOf(w)) == 0 }},
		aToken + "/refresh and destroy": {prepare: made(aToken, token), do: apply(aToken, none), done: func(w *acctest.World) bool { return len(tokensOf(w)) == 0 }},
		"ephemeral.dbxaccess_service_principal_token/open and close": {
			do: func(t *testing.T, w *acctest.World, p *acctest.Protocol, _ acctest.Object) outcome {
				o, warnings, errors := p.Open(t, aToken, map[string]any{"owner": map[string]any{"application_id": w.ScoringApp.ClientID, "client_secret": w.ScoringSecret}})
				if errors != "" {
					return outcome{nil, warnings, errors}
				}
				more, errors := p.Close(t, o)
				return outcome{nil, warnings + more, errors}
			},
			done: func(w *acctest.World) bool { return len(tokensOf(w)) == 0 },
		},

		"data.dbxaccess_current_identity/own":             readData("dbxaccess_current_identity", nothing),
		"data.dbxaccess_serving_endpoint/one":             readData("dbxaccess_serving_endpoint", func(w *acctest.World) map[string]any { return map[string]any{"name": w.EndpointName} }),
		"data.dbxaccess_serving_endpoints/all":            readData("dbxaccess_serving_endpoints", nothing),
		"data.dbxaccess_serving_endpoint_permissions/one": readData("dbxaccess_serving_endpoint_permissions", endpoint),
		"data.dbxaccess_serving_endpoint_access/one":      readData("dbxaccess_serving_endpoint_access", endpoint),
		"data.dbxaccess_serving_endpoint_query/answered":  readData("dbxaccess_serving_endpoint_query", query(nil)),
		"data.dbxaccess_serving_endpoint_query/denied":    readData("dbxaccess_serving_endpoint_query", query(map[string]any{"expect_denied": true})).failing(),
		"data.dbxaccess_service_principal/one":            readData("dbxaccess_service_principal", func(w *acctest.World) map[string]any { return map[string]any{"application_id": w.Deployer.ClientID} }),
		"data.dbxaccess_service_principals/all":           readData("dbxaccess_service_principals", nothing),
		"data.dbxaccess_token_permissions/all":            readData("dbxaccess_token_permissions", nothing),
		"data.dbxaccess_tokens/all":                       readData("dbxaccess_tokens", nothing),
		"data.dbxaccess_tokens/of a user":                 readData("dbxaccess_tokens", func(w *acctest.World) map[string]any { return map[string]any{"user_name": w.PersonName} }),
		"data.dbxaccess_clusters/all":                     readData("dbxaccess_clusters", nothing),
	}
	maps.Copy(all, oauthDeeds())
	return all
}

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

// ready returns a world in which every deed can succeed.
func ready(t *testing.T, name string) *acctest.World {
	w := acctest.New(t)
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

// route is the method and path of a request of a deed, with patterns in place of names.
type route struct{ method, path string }

// routesOf returns the requests that the deed sends to the workspace when nothing fails.
func routesOf(t *testing.T, name string, d deed) (routes []route) {
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

func prepared(t *testing.T, w *acctest.World, d deed) acctest.Object {
	if d.prepare == nil {
		return acctest.Object{}
	}
	return d.prepare(t, w, w.Protocol(t))
}

// The provider never reports a deed as done that is not done, whatever replaces the answer to one of its routes, and
// the state stays as it was. The routes come from the journal, so a new request of a deed is tested too.
func TestOnlyAnswersAreBelieved(t *testing.T) {
	t.Parallel()
	all := deeds()
	for _, served := range acctest.New(t).Protocol(t).Types() {
		if served != "ephemeral.dbxaccess_entra_token" && !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(name string) bool { return strings.HasPrefix(name, served+"/") }) {
			t.Errorf("%s has no deed in this test", served)
		}
	}
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range routesOf(t, name, d) {
				s := stage{name: name, deed: d}
				for kind, fault := range wrongAnswers {
					if !slices.Contains(believable[name], kind+" "+r.path) {
						s.try(t, r, kind, fault)
					}
				}
			}
		})
	}
}

// stage is a world in which a deed is about to run. A stage is used again after each attempt that changes nothing.
type stage struct {
	name string
	deed
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
	s.o = prepared(t, s.w, s.deed)
	if s.done == nil && s.prepare == nil {
		s.good = fmt.Sprint(s.do(t, s.w, s.w.Protocol(t), s.o).state)
	}
	s.before = s.w.Workspace.Snapshot()
}

// try runs the deed while one route returns a wrong answer.
func (s *stage) try(t *testing.T, r route, kind string, fault emulator.Fault) {
	t.Helper()
	s.set(t)
	w := s.w
	fault.Service, fault.Method, fault.Path, fault.Times = "workspace", r.method, pattern(r.path), -1
	w.Tenant.Faults.Clear()
	w.Tenant.Faults.Add(fault)
	w.Tenant.Journal.Reset()
	stop := hurry(w, r)
	got := s.do(t, w, w.Protocol(t), s.o)
	stop()
	w.Tenant.Faults.Clear()
	where := fmt.Sprintf("%s %s is answered by %s", r.method, r.path, kind)
	switch {
	case got.errors != "" || got.warnings != "":
		// The deed reported an error or a warning. It may have changed the workspace all the same, and says what is not
		// known.
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
	if got.errors != "" && s.prepare != nil && s.o.State != nil && got.state != nil && got.state["id"] != s.o.State["id"] && !strings.HasPrefix(s.name, aToken+"/rotate") {
		t.Errorf("%s: state has the id %v, and had %v", where, got.state["id"], s.o.State["id"])
	}
	if said := got.errors + got.warnings; strings.Contains(said, "dapi") {
		t.Errorf("%s: a token's value is shown: %s", where, said)
	}
}

// hurry advances the clock while a deed waits for SCIM to show a change that never comes.
func hurry(w *acctest.World, r route) (stop func()) {
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
		c.MustRun(t, 1, "destroy", "-auto-approve").MustSay(t, "200", `an HTML page with the title “Sign in”`, method+" /api/2.0/preview/scim/v2/ServicePrincipals/", "HTTPS_PROXY")
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
func TestAServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	for name, d := range deeds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage{name: name, deed: d}
			s.set(t)
			s.w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Times: -1, Status: 200, ContentType: "application/json", Body: "{}"})
			s.w.Tenant.Journal.Reset()
			stop := hurry(s.w, route{"PATCH", "/scim/"})
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

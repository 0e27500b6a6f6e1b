package acl_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	person   = "ada@example.com" // creator of the endpoint, with CAN_MANAGE
	bob      = "bob@example.com"
	team     = "team"
	listPath = "/api/2.0/permissions/serving-endpoints/*"
)

type world struct {
	*acctest.World
	client   *client.Client
	endpoint acl.Object
	app      acl.Principal
}

// newWorld returns an emulated workspace with some grants on an endpoint, and a client that logs in with the deployer's
// certificate.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: acctest.New(t)}
	w.client = w.newClient(t)
	w.endpoint = acl.Endpoint(w.EndpointID)
	w.app = sp(w.ScoringApp.ClientID)
	w.Workspace.AddServicePrincipal(w.app.Name, "iris-scoring")
	w.Workspace.AddServicePrincipal(app, "neighbor")
	w.Workspace.AddUser(bob, "Bob")
	w.Workspace.AddGroup(team)
	w.Workspace.SetGrant("iris", app, "CAN_QUERY")
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	w.Workspace.SetGrant("iris", team, "CAN_MANAGE")
	return w
}

// newClient returns a client with its own login and its own caches, as another process would have.
func (w *world) newClient(t *testing.T) *client.Client {
	t.Helper()
	transport, err := client.NewTransport(auth.Setting{Value: filepath.Join(w.Dir, "ca.pem")})
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string) auth.Setting { return auth.Setting{Value: w.Env[name], Env: name} }
	login, err := auth.Open(auth.Settings{
		TenantID: set("ARM_TENANT_ID"), ClientID: set("ARM_CLIENT_ID"),
		AuthorityHost:       set("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"),
		CertificatePath:     set("ARM_CLIENT_CERTIFICATE_PATH"),
		CertificatePassword: set("ARM_CLIENT_CERTIFICATE_PASSWORD"),
	}, auth.Options{Transport: transport, AttemptTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{
		Host: w.Env["DBXACCESS_HOST"], Login: login, Transport: transport, AttemptTimeout: time.Minute,
		RetryTimeout: 20 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// grantsOfOthers returns the grants that exist before a test and must still exist after it, whatever the test does.
func grantsOfOthers() map[string]string {
	return map[string]string{person: "CAN_MANAGE", app: "CAN_QUERY", bob: "CAN_VIEW", team: "CAN_MANAGE"}
}

func (w *world) holds(t *testing.T, want map[string]string) {
	t.Helper()
	if got := w.Workspace.Grants("iris"); !maps.Equal(got, want) {
		t.Errorf("direct grants on the server:\n got %v\nwant %v", got, want)
	}
}

// asked returns the methods of the requests to access lists since its last call, in order.
func (w *world) asked() string {
	var methods []string
	for _, e := range w.Tenant.Journal.Entries() {
		if strings.Contains(e.Route, "/permissions/") {
			methods = append(methods, e.Method)
		}
	}
	w.Tenant.Journal.Reset()
	return strings.Join(methods, " ")
}

func (w *world) wantAsked(t *testing.T, want string) {
	t.Helper()
	if got := w.asked(); got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
}

func with(p acl.Principal, level acl.Level) map[string]string {
	grants := grantsOfOthers()
	grants[p.Name] = string(level)
	return grants
}

func TestRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", "admins", "CAN_MANAGE")
	for range 5 { // each answer has another order of rows, and of levels in a row
		list, err := acl.Read(t.Context(), w.client, w.endpoint, client.RecentAge)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 5 {
			t.Errorf("%d entries: %v", len(list), list)
		}
		admins, _ := list.Find(group("admins"))
		if admins.Direct != acl.CanManage || !slices.Equal(admins.Inherited, []acl.Level{acl.CanManage}) {
			t.Errorf("admins hold CAN_MANAGE directly and by inheritance, found %+v", admins)
		}
		if e, _ := list.Find(user(bob)); e.Direct != acl.CanView || e.DisplayName != "Bob" || e.Inherited != nil {
			t.Errorf("found %+v", e)
		}
	}
}

func TestGrant(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)

	entry, _, err := acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanQuery, false)
	if err != nil || entry.Direct != acl.CanQuery || entry.DisplayName != "iris-scoring" {
		t.Fatalf("granted %+v, %v", entry, err)
	}
	w.holds(t, with(w.app, acl.CanQuery))
	w.wantAsked(t, "GET PATCH GET") // the last request checks whether another run undid the grant

	// A grant that exists already is not written again, whatever the case of the application id.
	if _, _, err = acl.Grant(ctx, w.client, w.endpoint, sp(strings.ToUpper(w.app.Name)), acl.CanQuery,
		false); err != nil {
		t.Fatal(err)
	}
	w.wantAsked(t, "GET")

	_, _, err = acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanManage, false)
	var held *acl.HeldError
	if !errors.As(err, &held) || held.Level != acl.CanQuery ||
		!strings.Contains(err.Error(), "(iris-scoring) already has the direct permission level CAN_QUERY") {
		t.Fatalf("error %v, want one that shows the level held", err)
	}
	w.wantAsked(t, "GET")
	w.holds(t, with(w.app, acl.CanQuery))

	if entry, _, err = acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanView, true); err != nil ||
		entry.Direct != acl.CanView {
		t.Fatalf("granted %+v, %v", entry, err)
	}
	w.wantAsked(t, "GET PATCH GET")
	w.holds(t, with(w.app, acl.CanView))
}

// TestInheritedIsNotDirect checks that a level which admins inherit is neither taken for a direct grant nor sent back
// as one.
func TestInheritedIsNotDirect(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	if err := acl.Revoke(ctx, w.client, w.endpoint, group("admins")); err != nil {
		t.Fatal(err)
	}
	w.wantAsked(t, "GET")
	if err := acl.Revoke(ctx, w.client, w.endpoint, user(bob)); err != nil {
		t.Fatal(err)
	}
	want := grantsOfOthers()
	delete(want, bob)
	w.holds(t, want)
	if _, _, err := acl.Grant(ctx, w.client, w.endpoint, group("admins"), acl.CanManage, false); err != nil {
		t.Fatal(err)
	}
	if got := w.Workspace.Grants("iris")["admins"]; got != "CAN_MANAGE" {
		t.Errorf("admins hold %q directly: what they inherit was taken for it", got)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		switches emulator.WorkspaceSwitches
		lower    string
	}{
		"a write lowers": {emulator.WorkspaceSwitches{}, "PATCH GET"},
		// If PATCH only raises a level, the list is read and replaced.
		"a write only raises": {emulator.WorkspaceSwitches{PatchNeverLowers: true}, "PATCH GET PUT GET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(c.switches)
			w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
			for _, step := range []struct {
				level acl.Level
				asked string
			}{{acl.CanManage, "PATCH GET"}, {acl.CanView, c.lower}} {
				entry, err := acl.Change(t.Context(), w.client, w.endpoint, w.app, step.level)
				if err != nil || entry.Direct != step.level {
					t.Fatalf("changed to %+v, %v", entry, err)
				}
				w.wantAsked(t, step.asked)
				w.holds(t, with(w.app, step.level))
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")

	if err := acl.Revoke(ctx, w.client, w.endpoint, sp(strings.ToUpper(w.app.Name))); err != nil {
		t.Fatal(err)
	}
	w.wantAsked(t, "GET PUT GET")
	w.holds(t, grantsOfOthers())

	if err := acl.Revoke(ctx, w.client, w.endpoint, w.app); err != nil { // the grant is already revoked
		t.Fatal(err)
	}
	w.wantAsked(t, "GET")

	if err := acl.Revoke(ctx, w.client, acl.Endpoint(strings.Repeat("0", 32)), w.app); err != nil { // unknown endpoint
		t.Fatal(err)
	}
	w.wantAsked(t, "GET")
}

// TestRevokeTheLastGrant checks that the last grant on a list can be revoked: the list that is written is empty, not
// absent.
func TestRevokeTheLastGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Workspace.CreateEndpoint("lonely", "")
	w.Workspace.SetGrant("lonely", w.app.Name, "CAN_QUERY")
	if err := acl.Revoke(t.Context(), w.client, acl.Endpoint(id), w.app); err != nil {
		t.Fatal(err)
	}
	if left := w.Workspace.Grants("lonely"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestApplicationIDUnderUserName checks that an application id under user_name, where the API accepts it and may show
// it, is treated as a service principal.
func TestApplicationIDUnderUserName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{UserNameEchoed: true})
	if _, err := acl.Change(ctx, w.client, w.endpoint, user(w.app.Name), acl.CanQuery); err == nil {
		t.Fatal("a service principal was found as a user")
	}
	w.holds(t, with(w.app, acl.CanQuery)) // the grant is written in spite of the error
	w.asked()

	if _, _, err := acl.Grant(ctx, w.client, w.endpoint, w.app, acl.CanQuery, false); err != nil {
		t.Fatal(err)
	}
	w.wantAsked(t, "GET")
	if err := acl.Revoke(ctx, w.client, w.endpoint, w.app); err != nil {
		t.Fatal(err)
	}
	w.holds(t, grantsOfOthers())
}

// TestWritersQueue checks that concurrent writers of one list queue. Each reads the list and replaces it, so without a
// queue the last one would bring back the grants that others removed.
func TestWritersQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var held []acl.Principal
	for range 10 {
		p := sp(w.Tenant.RegisterApp("x").ClientID)
		w.Workspace.AddServicePrincipal(p.Name, "")
		w.Workspace.SetGrant("iris", p.Name, "CAN_QUERY")
		held = append(held, p)
	}
	var group sync.WaitGroup
	for i, p := range held {
		group.Go(func() {
			var err error
			if i%2 == 0 {
				err = acl.Revoke(t.Context(), w.client, w.endpoint, p)
			} else {
				_, err = acl.Change(t.Context(), w.client, w.endpoint, p, acl.CanView)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	want := grantsOfOthers()
	for i, p := range held {
		if i%2 != 0 {
			want[p.Name] = "CAN_VIEW"
		}
	}
	w.holds(t, want)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	advice := func(err error) (attribute, next string) {
		var a *client.Advice
		if errors.As(err, &a) {
			return a.Attribute, a.Next
		}
		return "", ""
	}
	t.Run("unknown principal", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, p := range []acl.Principal{sp("11111111-2222-3333-4444-555555555555"), user("nobody@example.com"),
			group("nobody")} {
			_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, p, acl.CanQuery, false)
			attribute, next := advice(err)
			if attribute != string(p.Kind) || !strings.Contains(next, p.Name) || !errors.Is(err, client.ErrNotFound) {
				t.Errorf("%s: %v, at %q: %s", p, err, attribute, next)
			}
		}
		w.holds(t, grantsOfOthers())
	})
	t.Run("denied", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
		for _, object := range []acl.Object{w.endpoint, acl.Tokens} {
			_, _, err := acl.Grant(t.Context(), w.client, object, w.app, acl.CanQuery, false)
			_, next := advice(err)
			right := map[acl.Object]string{w.endpoint: "CAN_MANAGE on this endpoint",
				acl.Tokens: "workspace admin"}[object]
			if !errors.Is(err, client.ErrPermissionDenied) || !strings.Contains(next, right) {
				t.Errorf("%s: %v; %s", object, err, next)
			}
			if err := acl.Revoke(t.Context(), w.client, object, w.app); !errors.Is(err, client.ErrPermissionDenied) {
				t.Errorf("%s: revoked with %v", object, err)
			}
		}
		w.holds(t, grantsOfOthers())
	})
	// A list may still show a principal that was deleted, and the service then refuses any list with this principal in
	// it. The advice must not blame the principal whose grant is to be revoked.
	t.Run("a stale grant of somebody else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Workspace.SetSwitches(emulator.WorkspaceSwitches{StaleGrantsShown: true})
		w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
		w.Workspace.RemovePrincipal(app)
		err := acl.Revoke(t.Context(), w.client, w.endpoint, w.app)
		if attribute, next := advice(err); attribute != "" ||
			!strings.Contains(next, "no longer exists in the workspace") || !strings.Contains(err.Error(), app) {
			t.Errorf("%v, at %q: %s", err, attribute, next)
		}
		w.holds(t, with(w.app, acl.CanQuery))
	})
	// A grant that was accepted, but could not be read back, is not reported as refused.
	t.Run("unverified", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Status: 200,
			WorkDone: true, Body: "{}", ContentType: "application/json"})
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: listPath, After: 1, Status: 500,
			Code: "INTERNAL_ERROR"})
		_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, w.app, acl.CanQuery, false)
		var unverified *client.UnverifiedError
		if !errors.As(err, &unverified) {
			t.Errorf("error %v", err)
		}
		w.holds(t, with(w.app, acl.CanQuery))
	})
	// A grant that the service accepts and does not make is an error.
	t.Run("not done", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, method := range []string{"PATCH", "PUT"} {
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath, Status: 200,
				Body: "{}", ContentType: "application/json"})
		}
		_, _, err := acl.Grant(t.Context(), w.client, w.endpoint, w.app, acl.CanQuery, false)
		if err == nil || !strings.Contains(err.Error(), "its access list does not show the grant") {
			t.Errorf("error %v", err)
		}
		w.wantAsked(t, "GET PATCH GET PUT GET")
	})
}

// TestLostAnswer checks that a lost answer costs one more request and nothing else, because both kinds of write can be
// repeated.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, method := range []string{"PATCH", "PUT"} {
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: listPath, Drop: "after"})
	}
	if _, _, err := acl.Grant(t.Context(), w.client, w.endpoint, w.app, acl.CanQuery, false); err != nil {
		t.Fatal(err)
	}
	w.holds(t, with(w.app, acl.CanQuery))
	if err := acl.Revoke(t.Context(), w.client, w.endpoint, w.app); err != nil {
		t.Fatal(err)
	}
	w.holds(t, grantsOfOthers())
	w.wantAsked(t, "GET PATCH PATCH GET GET PUT GET GET")
}

// TestAnswerWithoutAList checks that an answer without any entry is an error. A real list always has an entry for
// somebody who may manage the object. Such an answer must neither count as a revocation nor be written back.
func TestAnswerWithoutAList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", w.app.Name, "CAN_QUERY")
	before := w.Workspace.Grants("iris")
	body := `{"object_id":"/serving-endpoints/` + w.EndpointID + `","object_type":"serving-endpoint"}`
	empty := func(method string, times int) {
		w.Tenant.Faults.Add(emulator.Fault{
			Service: "workspace", Method: method, Path: listPath, Status: 200, Body: body,
			ContentType: "application/json", Times: times,
		})
	}
	empty("GET", -1)
	list, err := acl.Read(t.Context(), w.newClient(t), w.endpoint, client.AnyAge)
	if !errors.Is(err, client.ErrNotAnAnswer) {
		t.Errorf("%+v, %v", list, err)
	}
	if err := acl.Revoke(t.Context(), w.newClient(t), w.endpoint, w.app); !errors.Is(err, client.ErrNotAnAnswer) {
		t.Errorf("%v", err)
	}
	if now := w.Workspace.Grants("iris"); !maps.Equal(now, before) {
		t.Errorf("%v, not %v", now, before)
	}
	w.Tenant.Faults.Clear()
	empty("PUT", 1) // the answer to a write that was not done
	if err := acl.Revoke(t.Context(), w.newClient(t), w.endpoint, w.app); err == nil &&
		w.Workspace.Grants("iris")[w.app.Name] != "" {
		t.Error("a grant that stands counts as revoked")
	}
}

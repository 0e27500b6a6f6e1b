package servingendpointaccess_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const address = "data.dbxaccess_serving_endpoint_access.x"

func of(endpoint string) string {
	return "data \"dbxaccess_serving_endpoint_access\" \"x\" {\n  endpoint_name = \"" + endpoint +
		"\"\n}\noutput \"who\" {\n  value = " + address + "\n}\n"
}

func is(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

type who struct {
	kind, name, display, level string
	query                      bool
	active                     knownvalue.Check
	via                        []string
}

func (p who) check() knownvalue.Check {
	exact := map[string]knownvalue.Check{
		"principal": knownvalue.StringExact(p.kind + "=" + p.name), "display_name": knownvalue.StringExact(p.display),
		"permission_level": knownvalue.StringExact(p.level), "can_query": knownvalue.Bool(p.query), "active": p.active,
		"service_principal_name": knownvalue.Null(), "user_name": knownvalue.Null(),
	}
	exact[p.kind] = knownvalue.StringExact(p.name)
	var via []knownvalue.Check
	for _, v := range p.via {
		via = append(via, knownvalue.StringExact(v))
	}
	exact["via"] = knownvalue.ListExact(via)
	return knownvalue.ObjectExact(exact)
}

func listed(all ...who) statecheck.StateCheck {
	var checks []knownvalue.Check
	for _, p := range all {
		checks = append(checks, p.check())
	}
	return is("principals", knownvalue.ListExact(checks))
}

// unexpanded returns a check for unexpanded groups, each with name, level and reason.
func unexpanded(groups ...[3]string) statecheck.StateCheck {
	checks := []knownvalue.Check{}
	for _, g := range groups {
		checks = append(checks, knownvalue.ObjectExact(map[string]knownvalue.Check{
			"group_name": knownvalue.StringExact(g[0]), "permission_level": knownvalue.StringExact(g[1]), "reason": knownvalue.StringRegexp(regexp.MustCompile(g[2])),
		}))
	}
	return is("unexpanded_groups", knownvalue.ListExact(checks))
}

const (
	sp   = "service_principal_name"
	user = "user_name"
)

var yes, no = knownvalue.Bool(true), knownvalue.Bool(false)

// botany fills a workspace with nested groups: science contains botany, and botany contains the application and Bob,
// who is deactivated.
func botany(w *acctest.World) (app string) {
	app = w.ScoringApp.ClientID
	w.Workspace.AddServicePrincipal(app, "iris-scoring")
	w.Workspace.AddUser("bob@example.com", "Bob")
	w.Workspace.SetActive("bob@example.com", false)
	w.Workspace.AddGroup("science")
	w.Workspace.AddGroup("botany")
	w.Workspace.AddToGroup("science", "botany")
	w.Workspace.AddToGroup("botany", app)
	w.Workspace.AddToGroup("botany", "bob@example.com")
	w.Workspace.SetGrant("iris", "science", "CAN_QUERY")
	w.Workspace.SetGrant("iris", app, "CAN_VIEW")
	return app
}

func TestBasic(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	app := botany(w)
	all := []who{
		{sp, w.Deployer.ClientID, "deployer", "CAN_MANAGE", true, yes, []string{"admins"}},
		{sp, app, "iris-scoring", "CAN_QUERY", true, yes, []string{"direct", "science > botany"}},
	}
	if w.Deployer.ClientID > app {
		all[0], all[1] = all[1], all[0]
	}
	all = append(all,
		who{user, w.PersonName, "Ada", "CAN_MANAGE", true, yes, []string{"direct", "admins"}},
		who{user, "bob@example.com", "Bob", "CAN_QUERY", false, no, []string{"science > botany"}})
	w.Test(t,
		resource.TestStep{
			Config: of("iris"),
			ConfigStateChecks: []statecheck.StateCheck{
				is("endpoint_id", knownvalue.StringExact(w.EndpointID)),
				is("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
				listed(all...),
				unexpanded(),
			},
		},
		// The service returns its entries in random order; an output must not change with the order.
		resource.TestStep{Config: of("iris"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
	)
}

// The data source sends five requests, however many groups and members there are: for the endpoint's id, the access
// list, all groups, and the two kinds of principal.
func TestRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*acctest.World)
		want    int
	}{
		"admins alone": {func(*acctest.World) {}, 5},
		"nested":       {func(w *acctest.World) { botany(w) }, 5},
		"forty groups of forty": {func(w *acctest.World) {
			for i := range 40 {
				name := fmt.Sprint("group ", i)
				w.Workspace.AddGroup(name)
				app, mail := uuid.NewString(), fmt.Sprintf("user%d@example.com", i)
				w.Workspace.AddServicePrincipal(app, "")
				w.Workspace.AddUser(mail, "")
				w.Workspace.AddToGroup(name, app)
				w.Workspace.AddToGroup(name, mail)
				w.Workspace.SetGrant("iris", name, "CAN_QUERY")
			}
		}, 5},
		"nobody but applications": {func(w *acctest.World) {
			w.Workspace.RemoveGrant("iris", w.PersonName)
			w.Workspace.RemoveFromGroup("admins", w.PersonName)
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			c.prepare(w)
			w.Test(t, resource.TestStep{Config: of("iris"), ConfigStateChecks: []statecheck.StateCheck{unexpanded()}})
			walks := w.Count("workspace", "GET", "/serving-endpoints/{name}") // one per walk of Terraform's graph
			if all := w.Count("workspace", "", ""); walks == 0 || all != c.want*walks {
				t.Errorf("%d requests in %d walks, want %d in each", all, walks, c.want)
			}
		})
	}
}

// Many endpoints share requests: one request per endpoint for its access list, and a few for all names, groups and
// principals.
func TestManyEndpoints(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	botany(w)
	const n = 30
	for i := range n {
		w.Workspace.CreateEndpoint(fmt.Sprint("rose-", i), w.PersonName)
		w.Workspace.SetGrant(fmt.Sprint("rose-", i), "science", "CAN_QUERY")
	}
	w.TestCLI(t, resource.TestStep{
		Config: "data \"dbxaccess_serving_endpoint_access\" \"x\" {\n  count         = 30\n  endpoint_name = " +
			"\"rose-${count.index}\"\n}\n" +
			"output \"holders\" {\n  value = distinct([for a in data.dbxaccess_serving_endpoint_access.x : " +
			"length(a.principals)])\n}\n",
		ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("holders",
			knownvalue.ListExact([]knownvalue.Check{knownvalue.Int64Exact(4)}))},
	})
	walks := w.Count("entra", "POST", "/token") // Terraform logs in once per walk of its graph
	if all := w.Count("workspace", "", ""); walks == 0 || all > (n+10)*walks {
		t.Errorf("%d requests in %d walks, want at most %d in each", all, walks, n+10)
	}
}

// If there are more than a few principals, one list of all principals serves to find them, and none is missing.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddGroup("many")
	w.Workspace.SetGrant("iris", "many", "CAN_QUERY")
	for i := range 60 {
		mail := fmt.Sprintf("user%d@example.com", i)
		w.Workspace.AddUser(mail, "")
		w.Workspace.AddToGroup("many", mail)
		w.Workspace.AddUser(fmt.Sprintf("stranger%d@example.com", i), "")
	}
	w.Test(t, resource.TestStep{
		Config:            of("iris"),
		ConfigStateChecks: []statecheck.StateCheck{is("principals", knownvalue.ListSizeExact(62)), unexpanded()},
	})
}

func TestIncompleteListIsReported(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddUser("eve@example.com", "Eve")
	w.Workspace.AddAccountGroup("analysts", "eve@example.com")
	w.Workspace.AddGroup("science")
	w.Workspace.AddToGroup("science", "analysts")
	w.Workspace.SetGrant("iris", "science", "CAN_QUERY")
	w.Workspace.SetGrant("iris", "users", "CAN_VIEW")
	w.Test(t, resource.TestStep{
		Config: of("iris"),
		ConfigStateChecks: []statecheck.StateCheck{
			unexpanded([3]string{"analysts", "CAN_QUERY", "the group belongs to the account"},
				[3]string{"users", "CAN_VIEW", "everybody"}),
		},
	})
}

// A manager of the endpoint who is no admin sees the access list, but not the members of the groups.
func TestNotAdmin(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{"reduced": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Workspace.SetSwitches(emulator.WorkspaceSwitches{ServicePrincipalsAdminOnly: refused})
			w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
			w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_MANAGE")
			w.Test(t, resource.TestStep{
				Config: of("iris"),
				ConfigStateChecks: []statecheck.StateCheck{
					listed(
						who{sp, w.Deployer.ClientID, "deployer", "CAN_MANAGE", true, knownvalue.Null(),
							[]string{"direct"}},
						who{user, w.PersonName, "Ada", "CAN_MANAGE", true, knownvalue.Null(), []string{"direct"}},
					),
					unexpanded([3]string{"admins", "CAN_MANAGE", "to admins only"}),
				},
			})
		})
	}
}

func TestDenied(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_QUERY")
	w.Test(t, resource.TestStep{
		Config: of("iris"),
		ExpectError: acctest.Says("Cannot find out who may use serving endpoint", "iris:", "403 PERMISSION_DENIED",
			"needs CAN_MANAGE on this endpoint", "workspace admin"),
	})
}

// If a list of principals cannot be read, the data source fails instead of leaving them out.
func TestReadFails(t *testing.T) {
	t.Parallel()
	for _, collection := range []string{"Groups", "ServicePrincipals", "Users"} {
		t.Run(collection, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: "/api/2.0/preview/scim/v2/" +
				collection, Status: 500, Message: "out of order", Times: -1})
			w.Test(t, resource.TestStep{Config: of("iris"), ExpectError: acctest.Says("Cannot find out who may use "+
				"serving endpoint", "500", "out of order")})
		})
	}
}

func TestNoList(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	w.Test(t,
		resource.TestStep{Config: of("Iris"), ExpectError: acctest.Says("Cannot find out who may use serving endpoint",
			"endpoint_name", `no serving endpoint named "Iris"`)},
		resource.TestStep{Config: of("llama"), ExpectError: acctest.Says("Cannot find out who may use serving endpoint",
			"endpoint_name", "by default every member of the workspace may call them")},
	)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t, resource.TestStep{Config: of("https://x/iris"), PlanOnly: true,
		ExpectError: acctest.Says("Not the name of a serving endpoint", "is an address")})
	if n := w.Count("", "", ""); n != 0 {
		t.Errorf("%d requests for a name that cannot be", n)
	}
}

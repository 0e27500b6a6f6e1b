package servingendpointpermissionsexclusive_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// These tests use a world in which the endpoint's creator holds CAN_MANAGE, and others are in the workspace without a
// grant.
const (
	address  = "dbxaccess_serving_endpoint_permissions_exclusive.x"
	listPath = "/api/2.0/permissions/serving-endpoints/*"

	ada      = "ada@example.com" // created the endpoint, so holds CAN_MANAGE
	bob      = "bob@example.com"
	team     = "data scientists"
	neighbor = "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"
)

type world struct {
	*acctest.World
	app string // application id of the scoring application
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: acctest.New(t)}
	w.app = w.ScoringApp.ClientID
	w.Workspace.AddServicePrincipal(w.app, "iris-scoring")
	w.Workspace.AddServicePrincipal(neighbor, "neighbor")
	w.Workspace.AddUser(bob, "Bob")
	w.Workspace.AddGroup(team)
	return w
}

type levels = map[string]string

// holds fails unless the endpoint's direct grants are these and no others.
func (w *world) holds(t *testing.T, want levels) {
	t.Helper()
	if got := w.Workspace.Grants("iris"); !maps.Equal(got, want) {
		t.Errorf("direct grants on the server:\n got %v\nwant %v", got, want)
	}
}

// hcl returns HCL of the resource on the endpoint iris with those lines.
func hcl(lines ...string) string {
	return "resource \"dbxaccess_serving_endpoint_permissions_exclusive\" \"x\" {\n  endpoint_name = \"iris\"\n  " +
		strings.Join(lines, "\n  ") + "\n}\n"
}

// list returns a map attribute in HCL with these pairs.
func list(attribute string, pairs ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s = {", attribute)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, " %q = %q,", pairs[i], pairs[i+1])
	}
	return strings.TrimSuffix(b.String(), ",") + " }"
}

// usualList returns HCL of the list with the endpoint's creator and the application.
func (w *world) usualList(lines ...string) string {
	return hcl(append([]string{list("service_principals", w.app, "CAN_QUERY"), list("users", ada, "CAN_MANAGE")},
		lines...)...)
}

func (w *world) usualGrants() levels { return levels{ada: "CAN_MANAGE", w.app: "CAN_QUERY"} }

// removeAdminRights makes the deployer a manager of the endpoint who is no admin, and returns its application id.
func (w *world) removeAdminRights() string {
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_MANAGE")
	return w.Deployer.ClientID
}

// terraform is the CLI in the world, with a configuration that a test can change.
type terraform struct{ *acctest.CLI }

func (w *world) terraform(t *testing.T, hcl string) terraform {
	t.Helper()
	return terraform{w.Commands(t, hcl)}
}

// cli returns the same as terraform, with the real CLI.
func (w *world) cli(t *testing.T, hcl string) terraform {
	t.Helper()
	return terraform{w.CLI(t, hcl)}
}

func (c terraform) apply(t *testing.T) acctest.Result {
	t.Helper()
	return c.MustRun(t, 0, "apply", "-auto-approve")
}

// plan demands the exit code of a plan: 0 for no changes, 1 for an error, 2 for changes.
func (c terraform) plan(t *testing.T, code int) acctest.Result {
	t.Helper()
	return c.MustRun(t, code, "plan", "-detailed-exitcode")
}

// refused demands that an apply fails.
func (c terraform) refused(t *testing.T, args ...string) acctest.Result {
	t.Helper()
	return c.MustRun(t, 1, append([]string{"apply", "-auto-approve"}, args...)...)
}

func (c terraform) destroy(t *testing.T) acctest.Result {
	t.Helper()
	return c.MustRun(t, 0, "destroy", "-auto-approve")
}

// asked returns all requests since the journal was reset, in order, such as "GET list".
func (w *world) asked() []string {
	var asked []string
	for _, e := range w.Tenant.Journal.Entries() {
		switch {
		case e.Service != "workspace":
			asked = append(asked, "log in")
		case strings.Contains(e.Route, "permissions"):
			asked = append(asked, e.Method+" list")
		case strings.Contains(e.Route, "Me"):
			asked = append(asked, "GET me")
		default:
			asked = append(asked, e.Method+" endpoint")
		}
	}
	w.Tenant.Journal.Reset()
	return asked
}

func (w *world) wantAsked(t *testing.T, want ...string) {
	t.Helper()
	if got := w.asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

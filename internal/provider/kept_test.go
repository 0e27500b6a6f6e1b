package provider_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// keptResources are resources of the five types that give a principal access, tokens or membership, with both ways to
// destroy a service principal. The workspace already holds what they would create.
const keptResources = `
resource "dbxaccess_serving_endpoint_permission" "grant" {
  endpoint_name          = "iris"
  service_principal_name = %[1]q
  LIFECYCLE
}

resource "dbxaccess_serving_endpoint_permissions_exclusive" "list" {
  endpoint_name      = "fresh"
  service_principals = { %[1]q = "CAN_QUERY" }
  users              = { "ada@example.com" = "CAN_MANAGE" }
  LIFECYCLE
}

resource "dbxaccess_token_permission" "token" {
  service_principal_name = %[1]q
  LIFECYCLE
}

resource "dbxaccess_group_member" "member" {
  group_name     = "data scientists"
  application_id = %[1]q
  LIFECYCLE
}

resource "dbxaccess_service_principal" "principal" {
  application_id = %[2]q
  adopt_existing = true
  on_destroy     = "delete"
  LIFECYCLE
}

resource "dbxaccess_service_principal" "deactivated" {
  application_id = %[3]q
  adopt_existing = true
  on_destroy     = "deactivate"
  LIFECYCLE
}
`

var keptAddresses = []string{
	"dbxaccess_serving_endpoint_permission.grant", "dbxaccess_serving_endpoint_permissions_exclusive.list",
	"dbxaccess_token_permission.token",
	"dbxaccess_group_member.member", "dbxaccess_service_principal.principal", "dbxaccess_service_principal.deactivated",
}

const (
	createFirst  = "lifecycle { create_before_destroy = true }"
	destroyFirst = ""
	inherited    = "# from whoever refers to it"
	adopted      = "0d9c1b7e-52a8-4c0e-8f53-6a7d1c2e3f40"
	deactivated  = "5b2f8c1d-7e64-4a39-9d10-c3e8f6a7b921"
)

// keptWorld returns a workspace that holds everything that keptResources describes, and a token of each principal.
func keptWorld(t *testing.T) *acctest.World {
	w := acctest.NewWithSecret(t)
	app := w.ScoringApp.ClientID
	w.Workspace.AddServicePrincipal(app, "iris-scoring")
	w.Workspace.AddServicePrincipal(adopted, "adopted")
	w.Workspace.AddServicePrincipal(deactivated, "deactivated")
	w.Workspace.AddGroup("data scientists")
	w.Workspace.AddToGroup("data scientists", app)
	w.Workspace.CreateEndpoint("fresh", "ada@example.com")
	for _, object := range []string{"iris", "fresh"} {
		w.Workspace.SetGrant(object, app, "CAN_QUERY")
	}
	w.Workspace.SetGrant("authorization/tokens", app, "CAN_USE")
	for _, owner := range []string{app, adopted, deactivated} {
		w.Workspace.MintToken(owner, "in use", 24*time.Hour)
	}
	return w
}

func keptConfig(w *acctest.World, lifecycle string) string {
	hcl := fmt.Sprintf(keptResources, w.ScoringApp.ClientID, adopted, deactivated)
	if lifecycle == inherited {
		for i, a := range keptAddresses {
			hcl += fmt.Sprintf("resource \"terraform_data\" \"reader_%d\" {\n  input = %s.id\n  %s\n}\n", i,
				a, createFirst)
		}
	}
	return strings.ReplaceAll(hcl, "LIFECYCLE", lifecycle)
}

// With create_before_destroy, set on a resource or inherited from one that refers to it, Terraform first creates, which
// adopts the existing object, and then destroys the old instance: the adopted object must stay. In the other order the
// object must exist again, with nothing lost in between.
func TestDestroyLeavesWhatTheRunKeeps(t *testing.T) {
	t.Parallel()
	for _, order := range []string{createFirst, destroyFirst, inherited} {
		t.Run("with "+cmp.Or(order, "the destroy first"), func(t *testing.T) {
			t.Parallel()
			w := keptWorld(t)
			before := w.Workspace.Snapshot()
			c := w.CLI(t, keptConfig(w, order))
			c.MustRun(t, 0, "apply", "-auto-approve")
			same := func(after string) {
				t.Helper()
				if now := w.Workspace.Snapshot(); !reflect.DeepEqual(now, before) {
					t.Errorf("after %s the workspace holds\n%+v\nnot\n%+v", after, now, before)
				}
				c.MustRun(t, 0, "plan", "-detailed-exitcode")
			}
			same("creation")
			args := []string{"apply", "-auto-approve"}
			for _, a := range keptAddresses {
				args = append(args, "-replace="+a)
			}
			said := c.MustRun(t, 0, args...)
			said.MustNotSay(t, "Removed at one address", "Live tokens will be deleted")
			said.MustSay(t, "Not destroyed, because the same run keeps it: service principal "+adopted,
				"Not destroyed, because the same run keeps it: service principal "+deactivated,
				"Not destroyed, because the same run keeps it: the right of service_principal_name="+
					w.ScoringApp.ClientID)
			if order != destroyFirst {
				said.MustSay(t, "Not destroyed, because the same run keeps it: CAN_QUERY on serving endpoint iris",
					"Not destroyed, because the same run keeps it: service principal "+w.ScoringApp.ClientID+
						" in group data scientists",
					"Not destroyed, because the same run keeps it: service_principal_name="+w.ScoringApp.ClientID+
						", user_name=ada@example.com on serving endpoint fresh")
			}
			same("-replace")
			c.MustRun(t, 0, "taint", keptAddresses[0])
			taint(t, c, keptAddresses[1:]...)
			said = c.MustRun(t, 0, "apply", "-auto-approve")
			for _, a := range keptAddresses {
				said.MustSay(t, a+" is tainted, so") // OpenTofu goes on with other words than Terraform
			}
			same("taint")
			c.MustRun(t, 0, "destroy", "-auto-approve")
			if left := w.Workspace.Grants("iris"); len(left) != 1 {
				t.Errorf("destroying everything has left %v", left)
			}
		})
	}
}

// taint marks objects in the state file as tainted, as the command taint does, which takes one object at a time.
func taint(t *testing.T, c *acctest.CLI, addresses ...string) {
	t.Helper()
	var state map[string]any
	must(t, json.Unmarshal([]byte(c.State(t)), &state))
	marked := 0
	for _, one := range state["resources"].([]any) {
		r := one.(map[string]any)
		if slices.Contains(addresses, fmt.Sprint(r["type"], ".", r["name"])) {
			r["instances"].([]any)[0].(map[string]any)["status"] = "tainted"
			marked++
		}
	}
	text, err := json.Marshal(state)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(c.Dir, "terraform.tfstate"), text, 0o600))
	if marked != len(addresses) {
		t.Fatalf("%d of %d objects are in the state", marked, len(addresses))
	}
}

// A changed address without a moved block destroys one resource and creates another, in no fixed order. The plan warns
// of each pair once, and the object exists afterwards. If Terraform destroys before it has planned the creation,
// dependent objects may be lost, and the plan says so.
func TestOtherAddressWithoutMoved(t *testing.T) {
	t.Parallel()
	for _, order := range []string{createFirst, destroyFirst} {
		for _, parallelism := range []string{"-parallelism=1", "-parallelism=10"} {
			t.Run(order+parallelism, func(t *testing.T) {
				t.Parallel()
				w := keptWorld(t)
				before := w.Workspace.Snapshot()
				c := w.CLI(t, keptConfig(w, order))
				c.MustRun(t, 0, "apply", "-auto-approve")
				c.Rewrite(t, regexp.MustCompile(`(resource "\w+" ")`).ReplaceAllString(keptConfig(w, order), "${1}new_"))
				plan := c.MustRun(t, 0, "plan", parallelism, "-out=p")
				for _, object := range []string{"iris/" + w.ScoringApp.ClientID, "fresh", w.ScoringApp.ClientID,
					"data scientists/" + w.ScoringApp.ClientID, "service principal " + adopted,
					"service principal " + deactivated} {
					if n := strings.Count(plan.Stdout, "Warning: Removed at one address and kept at another: "+
						object); n != 1 {
						t.Errorf("the plan warns %d times of %s:\n%s", n, object, plan.Stdout)
					}
				}
				for _, a := range keptAddresses {
					resourceType, _, _ := strings.Cut(a, ".")
					plan.MustSay(t, "from = "+resourceType+".OLD to = "+resourceType+".NEW")
				}
				c.MustRun(t, 0, "apply", parallelism, "p")
				now := w.Workspace.Snapshot()
				if !reflect.DeepEqual(now.Endpoints, before.Endpoints) {
					t.Errorf("the endpoints hold %v, not %v", now.Endpoints, before.Endpoints)
				}
				if !reflect.DeepEqual(now.Groups, before.Groups) {
					t.Errorf("the groups hold %v, not %v", now.Groups, before.Groups)
				}
				if !slices.Contains(now.TokenGrants, "service_principal_name="+w.ScoringApp.ClientID+" CAN_USE") {
					t.Errorf("the right to use tokens is gone: %v", now.TokenGrants)
				}
				// If the creation is planned before the removal, the object is never destroyed.
				if leaves(plan, w.ScoringApp.ClientID) &&
					!slices.ContainsFunc(now.Tokens, func(k emulator.TokenState) bool {
						return k.Owner == w.ScoringApp.ClientID
					}) {
					t.Error("the plan says that the right to use tokens stays, and the tokens are gone")
				}
				for _, application := range []string{adopted, deactivated} {
					was, _ := principalOf(before, application)
					is, found := principalOf(now, application)
					if !found || !is.Active {
						t.Fatalf("the service principal is gone or inactive: %v", now.ServicePrincipals)
					}
					if leaves(plan, "service principal "+application) && !reflect.DeepEqual(is, was) {
						t.Errorf("the plan says that the service principal stays, and it is %v", is)
					}
				}
				c.MustRun(t, 0, "plan", "-detailed-exitcode")
			})
		}
	}
}

// principalOf returns the service principal with that application id, and whether the workspace has it.
func principalOf(s emulator.Snapshot, application string) (emulator.ServicePrincipalState, bool) {
	for _, p := range s.ServicePrincipals {
		if p.ApplicationID == application {
			return p, true
		}
	}
	return emulator.ServicePrincipalState{}, false
}

// leaves reports whether the plan's warning about an object promises that the object stays.
func leaves(plan acctest.Result, object string) bool {
	_, warning, _ := strings.Cut(plan.Text(), "Removed at one address and kept at another: "+object+" ")
	warning, _, _ = strings.Cut(warning, "Warning: ")
	return strings.Contains(warning, "The destroy leaves the object as it is.")
}

// Access that moves from one kind of resource to the other in one apply exists afterwards. The plan names the removed
// block to write, once for a whole list.
func TestOtherKindWithoutRemoved(t *testing.T) {
	t.Parallel()
	singly := func(w *acctest.World, endpoint, lifecycle string) string {
		return strings.NewReplacer("ENDPOINT", endpoint, "LIFECYCLE", lifecycle).Replace(fmt.Sprintf(`
resource "dbxaccess_serving_endpoint_permission" "ENDPOINT_one" {
  endpoint_name          = "ENDPOINT"
  service_principal_name = %q
  LIFECYCLE
}

resource "dbxaccess_serving_endpoint_permission" "ENDPOINT_other" {
  endpoint_name    = "ENDPOINT"
  user_name        = "ada@example.com"
  permission_level = "CAN_MANAGE"
  LIFECYCLE
}
`, w.ScoringApp.ClientID))
	}
	whole := func(w *acctest.World, endpoint, lifecycle string) string {
		return strings.NewReplacer("ENDPOINT", endpoint, "LIFECYCLE", lifecycle).Replace(fmt.Sprintf(`
resource "dbxaccess_serving_endpoint_permissions_exclusive" "ENDPOINT" {
  endpoint_name      = "ENDPOINT"
  service_principals = { %q = "CAN_QUERY" }
  users              = { "ada@example.com" = "CAN_MANAGE" }
  LIFECYCLE
}
`, w.ScoringApp.ClientID))
	}
	both := func(w *acctest.World, endpoint, lifecycle string) string {
		return singly(w, endpoint, lifecycle) + whole(w, endpoint, lifecycle)
	}
	// Each case has an endpoint of its own. All cases share a plan and an apply, because each command takes longer than
	// what a case adds to it.
	cases := map[string]struct {
		before, after func(w *acctest.World, endpoint, lifecycle string) string
		removed       string
		warnings      int
		nextPlan      bool // the list changes nothing, so only its next plan sees the missing grant
	}{
		"list-into-single-grants":           {whole, singly, listType, 1, false},
		"single-grants-into-list":           {singly, whole, grantType, 2, false},
		"grants-are-removed-and-list-stays": {both, whole, grantType, 2, true},
	}
	for _, parallelism := range []string{"-parallelism=1", "-parallelism=10"} {
		for _, order := range []string{createFirst, destroyFirst} {
			t.Run(parallelism+order, func(t *testing.T) {
				t.Parallel()
				w := keptWorld(t)
				first, second := "", ""
				for endpoint, test := range cases {
					w.Workspace.CreateEndpoint(endpoint, "ada@example.com")
					w.Workspace.SetGrant(endpoint, w.ScoringApp.ClientID, "CAN_QUERY")
					first += test.before(w, endpoint, order)
					second += test.after(w, endpoint, order)
				}
				before := w.Workspace.Grants("fresh") // every endpoint of this test has these grants
				c := w.CLI(t, first)
				c.MustRun(t, 0, "apply", "-auto-approve")
				c.Rewrite(t, second)
				plan := c.MustRun(t, 0, "plan", parallelism, "-out=p")
				plan.MustNotSay(t, " moved {")
				for endpoint, test := range cases {
					warnings := warningsOfKept(plan, endpoint)
					// If the list is planned after both single grants, one warning covers the two.
					if n := len(warnings); n < 1 || n > test.warnings {
						t.Errorf("%s: the plan warns %d times:\n%s", endpoint, n, plan.Stdout)
					}
					for _, warning := range warnings {
						if !strings.Contains(warning, "removed { from = "+test.removed+".OLD lifecycle { destroy = false } }") {
							t.Errorf("%s: the plan does not name the removed block: %s", endpoint, warning)
						}
					}
				}
				c.MustRun(t, 0, "apply", parallelism, "p")
				same := func(nextPlan bool) {
					t.Helper()
					for endpoint, test := range cases {
						now := w.Workspace.Grants(endpoint)
						if test.nextPlan == nextPlan && !maps.Equal(now, before) {
							t.Errorf("%s holds %v, not %v", endpoint, now, before)
						}
					}
				}
				same(false)
				said := c.MustRun(t, 0, "apply", "-auto-approve")
				for endpoint, test := range cases {
					planned := regexp.MustCompile(`# \S+\.` + endpoint + `\S* (will|must) be `).FindString(said.Stdout)
					if !test.nextPlan && planned != "" {
						t.Errorf("%s: the next plan is not empty: %s", endpoint, planned)
					}
				}
				same(true)
				c.MustRun(t, 0, "plan", "-detailed-exitcode")
			})
		}
	}
}

// warningsOfKept returns the plan's warnings about an object, or about parts of it, that is removed at one address and
// kept at another.
func warningsOfKept(plan acctest.Result, object string) (warnings []string) {
	const summary = "Warning: Removed at one address and kept at another: "
	for i, text := range strings.Split(plan.Text(), summary) {
		if i > 0 && strings.HasPrefix(text, object) {
			text, _, _ = strings.Cut(text, "Warning: ")
			warnings = append(warnings, text)
		}
	}
	return warnings
}

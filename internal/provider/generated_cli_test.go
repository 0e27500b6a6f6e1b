package provider_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// byHand is a configuration with every resource, written as people write it: short, and without scopes.
const byHand = `
variable "application_id" { type = string }
variable "person" { type = string }
variable "secret" {
  type      = string
  sensitive = true
}

resource "dbxaccess_service_principal" "x" {
  application_id = var.application_id
  display_name   = "scoring"
}

resource "dbxaccess_group_member" "x" {
  group_name     = "team"
  application_id = dbxaccess_service_principal.x.application_id
}

resource "dbxaccess_serving_endpoint_permission" "x" {
  endpoint_name          = "iris"
  service_principal_name = dbxaccess_service_principal.x.application_id
}

resource "dbxaccess_serving_endpoint_permissions_exclusive" "x" {
  endpoint_name      = "rose"
  service_principals = { (dbxaccess_service_principal.x.application_id) = "CAN_QUERY" }
  users              = { (var.person) = "CAN_MANAGE" }
}

resource "dbxaccess_token_permission" "x" {
  service_principal_name = dbxaccess_service_principal.x.application_id
}

resource "dbxaccess_service_principal_token" "x" {
  owner = {
    application_id   = dbxaccess_token_permission.x.service_principal_name
    client_secret_wo = var.secret
  }
}

resource "dbxaccess_service_principal_oauth_secret" "x" {
  application_id = dbxaccess_service_principal.x.application_id
}

output "ids" {
  value = {
    "dbxaccess_service_principal.x"                        = dbxaccess_service_principal.x.application_id
    "dbxaccess_group_member.x"                             = dbxaccess_group_member.x.id
    "dbxaccess_serving_endpoint_permission.x"              = dbxaccess_serving_endpoint_permission.x.id
    "dbxaccess_serving_endpoint_permissions_exclusive.x"   = dbxaccess_serving_endpoint_permissions_exclusive.x.id
    "dbxaccess_token_permission.x"                         = dbxaccess_token_permission.x.id
    "dbxaccess_service_principal_token.x"                  = dbxaccess_service_principal_token.x.id
    "dbxaccess_service_principal_oauth_secret.x"           = "${dbxaccess_service_principal.x.application_id}/${dbxaccess_service_principal_oauth_secret.x.id}"
  }
}
`

const tokenAddress = "dbxaccess_service_principal_token.x"

// credential is what a person adds to a generated configuration, as the page of the resource says.
const credential = `
variable "secret" {
  type      = string
  sensitive = true
}

resource "dbxaccess_service_principal_token" "x" {
  owner = {
    application_id   = %q
    client_secret_wo = var.secret
  }
}
`

// appliedByHand returns a workspace to which a hand-written configuration was applied, the folder of that
// configuration, and the import ids of the created objects by address.
func appliedByHand(t *testing.T) (s *scene, hand *acctest.CLI, ids map[string]string) {
	t.Helper()
	s = newScene(t)
	s.Env["TF_VAR_application_id"], s.Env["TF_VAR_secret"], s.Env["TF_VAR_person"] = s.app, s.secret, s.PersonName
	hand = s.CLI(t, byHand)
	hand.MustRun(t, 0, "apply", "-auto-approve")
	hand.MustRun(t, 0, "plan", "-detailed-exitcode")
	if err := json.Unmarshal([]byte(hand.MustRun(t, 0, "output", "-json", "ids").Stdout), &ids); err != nil {
		t.Fatal(err)
	}
	for _, typeName := range s.Protocol(t).ResourceTypes() {
		if ids[typeName+".x"] == "" {
			t.Errorf("%s is not in the configuration of this test", typeName)
		}
	}
	return s, hand, ids
}

// imports returns import blocks, with the argument provider if Terraform is to generate the resource.
func imports(ids map[string]string, provider string) string {
	text := ""
	for _, to := range slices.Sorted(maps.Keys(ids)) {
		text += fmt.Sprintf("import {\n%s  to = %s\n  id = %q\n}\n", provider, to, ids[to])
	}
	return text
}

func write(t *testing.T, c *acctest.CLI, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, c *acctest.CLI, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(c.Dir, name)); err != nil {
		t.Fatal(err)
	}
}

// The configuration that Terraform generates for an import of every resource can be planned as it is. A person adds
// only the credential of a token's owner. Planning and applying the configuration change nothing.
func TestGeneratedConfiguration(t *testing.T) {
	t.Parallel()
	s, hand, ids := appliedByHand(t)
	others, all := maps.Clone(ids), len(ids)
	delete(others, tokenAddress)
	before := s.Workspace.Snapshot()

	c := s.CLI(t, "")
	write(t, c, "imports.tf", imports(others, "  provider = dbxaccess\n"))
	c.MustRun(t, 0, "plan", "-generate-config-out=generated.tf").MustSay(t,
		fmt.Sprintf("%d to import, 0 to add, 0 to change, 0 to destroy", all-1))
	write(t, c, "imports.tf", imports(others, ""))
	write(t, c, "token.tf", imports(map[string]string{tokenAddress: ids[tokenAddress]}, "  provider = dbxaccess\n"))
	r := c.MustRun(t, 1, "plan", "-generate-config-out=token_generated.tf")
	r.MustSay(t, "Token owner has no credential")
	if n := strings.Count(r.Text(), "Error: "); n != 1 {
		t.Errorf("%d errors, and a credential is all that may be missing: %s", n, r.Text())
	}
	write(t, c, "token.tf", imports(map[string]string{tokenAddress: ids[tokenAddress]}, ""))
	write(t, c, "token_override.tf", strings.SplitN(fmt.Sprintf(credential, s.app), "\n\n", 2)[1])
	write(t, c, "variables.tf", strings.SplitN(credential, "\n\n", 2)[0])
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, fmt.Sprintf("%d imported, 0 added, 0 changed, 0 "+
		"destroyed", all))
	remove(t, c, "imports.tf")
	remove(t, c, "token.tf")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")

	// The objects can also be imported into the hand-written configuration.
	for to := range ids {
		hand.MustRun(t, 0, "state", "rm", to)
	}
	write(t, hand, "imports.tf", imports(ids, ""))
	hand.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, fmt.Sprintf("%d imported, 0 added, 0 changed, 0 "+
		"destroyed", all))
	hand.MustRun(t, 0, "plan", "-detailed-exitcode")
	acctest.Same(t, "the workspace", asObject(s.Workspace.Snapshot()), asObject(before))
}

func asObject(v any) map[string]any { return map[string]any{"": fmt.Sprintf("%+v", v)} }

// The configuration that terraform query generates can be applied too. The apply changes only on_destroy of service
// principals to retain, and only in the state.
func TestGeneratedByQuery(t *testing.T) {
	t.Parallel()
	acctest.NeedsTerraform(t, "1.14.0", "queries")
	s, _, ids := appliedByHand(t)
	before := s.Workspace.Snapshot()
	search := ""
	for _, typeName := range s.Protocol(t).ListTypes() {
		filter := ""
		if typeName == aSecret {
			filter = fmt.Sprintf("\n  config {\n    application_id = %q\n  }\n", s.app)
		}
		search += fmt.Sprintf("list %q \"all\" {\n  provider = dbxaccess\n%s}\n\n", typeName, filter)
	}
	c := s.CLI(t, "")
	c.MustRun(t, 0, "plan") // terraform query alone writes no lock file
	write(t, c, "all.tfquery.hcl", search)
	c.MustRun(t, 0, "query", "-generate-config-out=found.tf")
	found, err := os.ReadFile(filepath.Join(c.Dir, "found.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for to := range ids {
		typeName, _, _ := strings.Cut(to, ".")
		if typeName != aList && !strings.Contains(string(found), fmt.Sprintf("resource %q", typeName)) {
			t.Errorf("no %s was found", typeName)
		}
	}
	hcl := owner.ReplaceAllString(string(found), "owner = {\n    application_id = \"$1\"\n    client_secret_wo = "+
		"var.secret\n  }")
	write(t, c, "found.tf", strings.ReplaceAll(hcl, "  provider = dbxaccess\n", "")+strings.SplitN(credential,
		"\n\n", 2)[0])
	remove(t, c, "all.tfquery.hcl")
	// The resource for an endpoint's whole access list has no list resource; the query finds its entries as single
	// grants.
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "0 added, 1 changed, 0 destroyed")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	retained := func(object acctest.Stored) bool { return object.Attributes["on_destroy"] == "retain" }
	if !slices.ContainsFunc(slices.Collect(maps.Values(c.Objects(t))), retained) {
		t.Error("the service principal is not retained")
	}
	acctest.Same(t, "the workspace", asObject(s.Workspace.Snapshot()), asObject(before))
}

// owner matches the generated block of a token's owner, to which a person adds the credential.
var owner = regexp.MustCompile(`(?s)owner\s+= \{.*?application_id\s+= "([^"]+)".*?\n  \}`)

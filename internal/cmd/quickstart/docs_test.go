package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// page is a page of the documentation whose example the test applies.
type page struct {
	name string
	// adds is true if the example adds an application to the workspace. The test then gives the example an application
	// id that is not in the workspace yet.
	adds bool
}

// The pages of a group are applied as modules of one configuration, because each CLI command takes seconds. The groups
// are applied in this order, and each group is destroyed before the next one is applied.
var (
	// The groups in together are applied while the quick start's example is applied: the application is in the
	// workspace and may use tokens.
	together = [][]page{slices.Concat(
		pages("data-sources", "clusters", "current_identity", "oauth_secrets", "service_principal",
			"service_principals",
			"serving_endpoint", "serving_endpoint_access", "serving_endpoint_permissions", "serving_endpoints",
			"token_permissions", "tokens"),
		pages("ephemeral-resources", "entra_token"),
		pages("functions", "certificate_info", "jwt_claims", "pfx_to_pem"),
		pages("resources", "service_principal_token", "service_principal_oauth_secret"),
		[]page{
			{name: "resources/group_member", adds: true},
			{name: "resources/service_principal", adds: true},
			{name: "resources/serving_endpoint_permission", adds: true},
		},
	), slices.Concat(
		// This group is separate for two reasons. Some of its pages create short-lived tokens, which the page about
		// expiring tokens in the first group would report. And one page writes the same Key Vault secret as a page in
		// the first group.
		pages("ephemeral-resources", "oauth_token", "service_principal_token"),
		pages("data-sources", "serving_endpoint_query"),
		pages("resources", "token_permission"), // its destruction deletes the application's tokens
	)}
	// This example removes all other principals from the endpoint, and adds the application to the workspace itself.
	alone = page{name: "resources/serving_endpoint_permissions_exclusive"}
	// Actions need Terraform 1.14.
	actions = pages("actions", "revoke_credentials", "sweep_stray_tokens")
	// notApplied holds the kinds of pages whose examples cannot be applied, each with the reason.
	notApplied = map[string]string{"list-resources": "terraform query runs lists, in the tests of their services"}
)

func pages(kind string, names ...string) (all []page) {
	for _, name := range names {
		all = append(all, page{name: kind + "/" + name})
	}
	return all
}

// TestDocumentationApplies checks that every example of the documentation, exactly as written, can be applied in the
// workspace of the quick start, and that a second plan is empty.
func TestDocumentationApplies(t *testing.T) {
	d := kept(t)
	everyPageIsThere(t)
	apply := func() {
		d.folder = d.example()
		d.must(t, 0, "apply", "-auto-approve", "-input=false")
	}
	d.folder = d.example()
	write(t, filepath.Join(d.folder, "oauth.tf"), oauth)
	d.must(t, 0, "init", "-input=false")
	apply()
	secret, err := d.output("oauth_secret")
	if err != nil {
		t.Fatal(err)
	}
	d.env["TF_VAR_oauth_secret"] = secret
	for i, group := range together {
		if i > 0 {
			apply() // create again what the previous group has destroyed
		}
		d.applied(t, group)
	}
	d.folder = d.example()
	d.must(t, 0, "destroy", "-auto-approve", "-input=false")
	d.applied(t, []page{alone})
	t.Run("actions", func(t *testing.T) {
		acctest.NeedsTerraform(t, "1.14.0", "actions")
		d.applied(t, actions)
	})
}

// oauth is an OAuth secret that the test adds to the quick start's configuration, because one page needs it.
const oauth = `
resource "dbxaccess_service_principal_oauth_secret" "scoring" {
  application_id   = dbxaccess_service_principal.scoring.application_id
  lifetime_seconds = 30 * 24 * 60 * 60
}
output "oauth_secret" {
  value     = dbxaccess_service_principal_oauth_secret.scoring.secret_value
  sensitive = true
}
`

// everyPageIsThere reports an error for each page that is in no group.
func everyPageIsThere(t *testing.T) {
	t.Helper()
	listed := slices.Concat(append(together, actions, []page{alone})...)
	kinds := []string{"actions", "data-sources", "ephemeral-resources", "functions", "list-resources", "resources"}
	for _, kind := range kinds {
		files, err := filepath.Glob("docs/" + kind + "/*.md")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", kind, err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "docs/"), ".md")
			isListed := slices.ContainsFunc(listed, func(p page) bool { return p.name == name })
			if !isListed && notApplied[kind] == "" {
				t.Errorf("nothing applies the example of %s", name)
			}
		}
	}
}

// kept prepares the quick start as the flag -keep leaves it, with all services under their real host names. The test
// stops the emulator at its end.
func kept(t *testing.T) *demo {
	t.Helper()
	t.Chdir("../../..") // make runs the quick start in the repository's root
	d := &demo{ctx: t.Context(), dir: t.TempDir()}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := d.prepare(); err != nil {
		t.Fatal(err)
	}
	d.env = realNames(d.env)
	return d
}

func (d *demo) must(t *testing.T, code int, args ...string) string {
	t.Helper()
	out, err := d.terraform(code, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// applied applies the examples of a group of pages, demands that a second plan is empty, and destroys the group.
func (d *demo) applied(t *testing.T, group []page) {
	t.Helper()
	d.folder = t.TempDir()
	root := strings.Builder{}
	root.WriteString(source)
	ephemeral := map[string]bool{} // variable → whether a page declares it as ephemeral
	for i, p := range group {
		hcl := p.example(t)
		module := fmt.Sprintf("m%d", i)
		// The file is named after the page, so that an error of the CLI shows which page it is about.
		write(t, filepath.Join(d.folder, module, strings.ReplaceAll(p.name, "/", "_")+".tf"), hcl)
		write(t, filepath.Join(d.folder, module, "versions.tf"), source)
		fmt.Fprintf(&root, "module %q {\n  source = \"./%s\"\n", module, module)
		for _, found := range variable.FindAllStringSubmatch(hcl, -1) {
			name := found[1]
			if p.adds && name == "application_id" {
				fmt.Fprintf(&root, "  %s = %q\n", name, uuid.NewString())
				continue
			}
			if d.env["TF_VAR_"+name] == "" {
				t.Errorf("%s: nothing sets the variable %s", p.name, name)
			}
			fmt.Fprintf(&root, "  %[1]s = var.%[1]s\n", name)
			ephemeral[name] = strings.Contains(found[2], "ephemeral")
		}
		root.WriteString("}\n")
	}
	for name, is := range ephemeral {
		fmt.Fprintf(&root, "variable %q {\n  ephemeral = %t\n}\n", name, is)
	}
	write(t, filepath.Join(d.folder, "main.tf"), root.String())
	d.must(t, 0, "init", "-input=false")
	d.must(t, 0, "apply", "-auto-approve", "-input=false")
	d.must(t, 0, "plan", "-detailed-exitcode", "-input=false")
	d.must(t, 0, "destroy", "-auto-approve", "-input=false", "-refresh=false") // the plan has just refreshed the state
}

const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"

var (
	block    = regexp.MustCompile("(?ms)^```terraform\n(.*?)^```$")
	variable = regexp.MustCompile(`(?s)variable "(\w+)" \{(.*?)\n\}`)
)

// example returns the HCL of the page without import blocks, because these name objects that only a reader has.
func (p page) example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("docs", filepath.FromSlash(p.name)+".md"))
	if err != nil {
		t.Fatal(err)
	}
	var hcl strings.Builder
	for _, found := range block.FindAllSubmatch(text, -1) {
		if !strings.HasPrefix(string(found[1]), "import {") {
			hcl.WriteString(string(found[1]) + "\n")
		}
	}
	if hcl.Len() == 0 {
		t.Fatalf("%s has no example", p.name)
	}
	return hcl.String()
}

func write(t *testing.T, file, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

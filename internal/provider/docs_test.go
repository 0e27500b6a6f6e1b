package provider_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// onePage lists the pages whose blocks build one configuration, step by step. On other pages each block is complete by
// itself.
var onePage = []string{"give-an-application-access.md"}

// foreign lists the arguments that pages set for resources of other providers, from those providers' documentation
// (https://registry.terraform.io/providers/hashicorp/azuread/latest/docs and its like). Pages must set no others.
var foreign = map[string][]string{
	"data azuread_client_config":                                 {},
	"data azurerm_client_config":                                 {},
	"resource azuread_application":                               {"display_name", "owners"},
	"resource azuread_application_registration":                  {"display_name"},
	"resource azuread_application_certificate":                   {"application_id", "type", "encoding", "value", "start_date", "end_date"},
	"resource azuread_application_federated_identity_credential": {"application_id", "display_name", "description", "audiences", "issuer", "subject"},
	"resource azuread_application_password":                      {"application_id", "display_name", "end_date"},
	"resource azuread_service_principal":                         {"client_id", "owners"},
	"resource azurerm_role_assignment":                           {"scope", "role_definition_name", "principal_id", "skip_service_principal_aad_check"},
	"resource azurerm_user_assigned_identity":                    {"name", "location", "resource_group_name"},
	"resource azurerm_key_vault":                                 {"name", "location", "resource_group_name", "tenant_id", "sku_name", "rbac_authorization_enabled"},
	"resource azurerm_key_vault_certificate":                     {"name", "key_vault_id", "certificate", "certificate_policy"},
	"resource databricks_service_principal_federation_policy":    {"service_principal_id", "oidc_policy"},
	"resource databricks_model_serving":                          {"name", "config"},
	"data databricks_service_principal":                          {"application_id"},
}

var fence = regexp.MustCompile("(?ms)^ *```(hcl|terraform)\n(.*?)^ *```$")

// documented returns the HCL of each block that a page shows as complete, and of each page that is one configuration,
// by position. A fragment has the fence "tf" and is left out. List resources have pages of their own, which the tests
// of their services run.
func documented(t *testing.T) map[string]string {
	t.Helper()
	pages := []string{"../../README.md"}
	err := filepath.WalkDir("../../docs", func(path string, entry fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" && filepath.Base(filepath.Dir(path)) != "list-resources" {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.ToSlash(page), "../../")
		for _, at := range fence.FindAllSubmatchIndex(text, -1) {
			where := fmt.Sprintf("%s:%d", name, strings.Count(string(text[:at[0]]), "\n")+1)
			if slices.Contains(onePage, filepath.Base(page)) || strings.HasPrefix(name, "docs/resources/") ||
				strings.HasPrefix(name, "docs/data-sources/") {
				where = name // the examples of a resource's page share a folder and its variables
			}
			blocks[where] += string(text[at[4]:at[5]]) + "\n"
		}
	}
	if len(blocks) < 30 {
		t.Fatalf("only %d blocks found", len(blocks))
	}
	return blocks
}

// module is one block as a Terraform module, with the inputs that its caller must set.
type module struct {
	hcl    string
	inputs []string
}

// asModule removes from HCL what needs another provider or a root module, and adds a variable for each reference to the
// removed parts.
func asModule(t *testing.T, where, text string) module {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(text), where, hcl.InitialPos)
	if diags.HasErrors() {
		t.Errorf("%s: %s", where, diags)
		return module{}
	}
	type span struct {
		from, to int
		by       string
	}
	var cuts []span
	var m module
	declared, added := map[string]bool{}, map[string]bool{}
	cut := func(r hcl.Range, by string) { cuts = append(cuts, span{r.Start.Byte, r.End.Byte, by}) }
	body := file.Body.(*hclsyntax.Body)
	for _, b := range body.Blocks {
		whole := hcl.RangeBetween(b.TypeRange, b.CloseBraceRange)
		kind := b.Type
		if (kind == "resource" || kind == "data") && !strings.HasPrefix(b.Labels[0], "dbxaccess_") &&
			b.Labels[0] != "terraform_data" {
			arguments, known := foreign[kind+" "+b.Labels[0]]
			if !known {
				t.Errorf("%s: %s %s is of another provider and not in the test's table", where, kind, b.Labels[0])
			}
			for name := range b.Body.Attributes {
				if !slices.Contains(arguments, name) && name != "for_each" && name != "count" && name != "depends_on" {
					t.Errorf("%s: %s %s has no argument %s in the test's table", where, kind, b.Labels[0], name)
				}
			}
			cut(whole, "")
			continue
		}
		if strings.Contains(string(whole.SliceBytes([]byte(text))), "action_trigger") {
			cut(whole, "")
			continue
		}
		switch kind {
		case "terraform": // the module has its own terraform block
			cut(whole, "")
			continue
		case "provider":
			// An empty provider block causes a warning in a module.
			if b.Labels[0] != "dbxaccess" || len(b.Body.Attributes)+len(b.Body.Blocks) == 0 {
				cut(whole, "")
				continue
			}
		// The first three are allowed in a root module only, and the test that plans the examples checks them. Actions
		// need Terraform 1.14.
		case "moved", "removed", "import", "action", "module":
			cut(whole, "")
			continue
		case "variable":
			declared[b.Labels[0]] = true
			if b.Body.Attributes["default"] == nil {
				m.inputs = append(m.inputs, b.Labels[0])
			}
		}
		_ = hclsyntax.VisitAll(b.Body, func(n hclsyntax.Node) hcl.Diagnostics {
			expression, ok := n.(*hclsyntax.ScopeTraversalExpr)
			if !ok {
				return nil
			}
			root := expression.Traversal.RootName()
			if root == "data" && len(expression.Traversal) > 1 {
				if second, ok := expression.Traversal[1].(hcl.TraverseAttr); ok {
					root = second.Name
				}
			}
			if regexp.MustCompile(`^(azuread|azurerm|databricks|module$)`).MatchString(root) {
				name := "other_" + regexp.MustCompile(`\W+`).ReplaceAllString(
					string(expression.SrcRange.SliceBytes([]byte(text))), "_")
				cut(expression.SrcRange, "var."+name)
				added[name] = true
			}
			return nil
		})
	}
	slices.SortFunc(cuts, func(a, b span) int { return b.from - a.from })
	m.hcl = text
	for _, c := range cuts {
		m.hcl = m.hcl[:c.from] + c.by + m.hcl[c.to:]
	}
	for name := range added {
		m.hcl += fmt.Sprintf("\nvariable %q {}\n", name)
		m.inputs = append(m.inputs, name)
	}
	for _, found := range regexp.MustCompile(`\bvar\.(\w+)`).FindAllStringSubmatch(m.hcl, -1) {
		if name := found[1]; !declared[name] && !added[name] {
			m.hcl += fmt.Sprintf("\nvariable %q {}\n", name)
			m.inputs, declared[name] = append(m.inputs, name), true
		}
	}
	return m
}

// Applies the page "Give an application access" from top to bottom, as one configuration. What azuread would create
// exists already.
func TestGuideGivesAnApplicationAccess(t *testing.T) {
	t.Parallel()
	const page = "docs/guides/give-an-application-access.md"
	w := acctest.New(t)
	m := asModule(t, page, documented(t)[page])
	c := w.CLI(t, m.hcl)
	for _, input := range m.inputs {
		switch value := "TF_VAR_" + input; {
		case strings.HasSuffix(input, "_client_id"):
			c.Env[value] = w.ScoringApp.ClientID
		case strings.HasSuffix(input, "_value"):
			c.Env[value] = w.ScoringSecret
		default:
			c.Env[value] = "null"
		}
	}
	before := snapshot(t, w)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if out := c.MustRun(t, 0, "output", "-json", "species").Stdout; strings.TrimSpace(out) != `["setosa"]` {
		t.Errorf("the endpoint said %s", out)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if after := snapshot(t, w); before != after {
		t.Errorf("the workspace is not as before:\nbefore %s\nafter  %s", before, after)
	}
}

// Every block of HCL on a page is valid. Each block is a module, and one configuration calls all modules, because one
// run of the CLI takes a second, and a hundred runs take minutes.
func TestDocumentedBlocksAreValid(t *testing.T) {
	t.Parallel()
	const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"
	w := acctest.New(t)
	var root strings.Builder
	root.WriteString(source + "variable \"any\" {}\n")
	c := w.CLI(t, "")
	blocks := documented(t)
	places := make([]string, 0, len(blocks))
	for where := range blocks {
		places = append(places, where)
	}
	slices.Sort(places)
	for i, where := range places {
		m := asModule(t, where, blocks[where])
		folder := filepath.Join(c.Dir, fmt.Sprintf("b%d", i))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		// The file's name shows in the CLI's errors, and so names the page.
		name := strings.NewReplacer("/", "_", ":", "_line_").Replace(where) + ".tf"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(m.hcl+"\n"+source), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&root, "module \"b%d\" {\n  source = \"./b%d\"\n", i, i)
		for _, input := range m.inputs {
			fmt.Fprintf(&root, "  %s = var.any\n", input)
		}
		root.WriteString("}\n")
	}
	if t.Failed() {
		return
	}
	c.Rewrite(t, root.String())
	c.MustRun(t, 0, "get")
	if r := c.Run(t, "validate"); r.Code != 0 {
		t.Errorf("%s\n%s", r.Stdout, r.Stderr)
	}
}

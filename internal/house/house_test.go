// Package house_test checks the rules of this repository that the compiler does not check, such as which package may
// import which, how files are named, and what error messages say. A failed test names the file and the reason.
// .github/CONTRIBUTING.md explains the rules.
package house_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module    = "github.com/dbxaccess/terraform-provider-dbxaccess"
	framework = "github.com/hashicorp/terraform-plugin-framework"
	sdk       = "github.com/databricks/databricks-sdk-go"
	msal      = "github.com/AzureAD/microsoft-authentication-library-for-go"
)

// layers holds the rank of each package of the provider. A package may only import packages with a higher number.
var layers = map[string]int{
	"": 0, "server": 1, "provider": 1, "service": 2, "fwkit": 3, "acl": 3, "rotation": 4, "client": 5, "auth": 6, "web": 7,
}

type source struct {
	name string // the path with slashes, relative to the repository's root
	test bool
	*ast.File
}

// layer returns the first folder of dir below internal. It returns an empty string for the root folder.
func layer(dir string) string {
	rest, _ := strings.CutPrefix(dir, "internal/")
	first, _, _ := strings.Cut(rest, "/")
	return strings.TrimPrefix(first, ".")
}

func (s source) dir() string { return path.Dir(s.name) }

func (s source) product() bool {
	_, ok := layers[layer(s.dir())]
	return ok && !s.test
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			out = append(out, p)
		}
	}
	return out
}

var fset = token.NewFileSet()

func sources(t *testing.T) []source {
	t.Helper()
	root := repoRoot(t)
	var out []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == "bin" || rel == "tools" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") &&
				rel != "." {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, rel, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		out = append(out, source{name: rel, test: strings.HasSuffix(rel, "_test.go"), File: file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestImportsPointOneWay(t *testing.T) {
	for _, s := range sources(t) {
		from := layer(s.dir())
		for _, imported := range s.imports() {
			rest, ours := strings.CutPrefix(imported, module+"/")
			if !ours || s.test {
				continue
			}
			to := layer(rest)
			switch {
			case from == "emulator":
				t.Errorf("%s imports %s: the emulator shares nothing with the provider, or a wrong field would be "+
					"wrong on both sides", s.name, rest)
			case from == "conformance":
				t.Errorf("%s imports %s: a check that shares a type with what it checks proves nothing about it",
					s.name, rest)
			case to == "acctest":
				t.Errorf("%s imports acctest: only tests may", s.name)
			case from == "cmd" || from == "acctest":
			case to == "emulator":
				t.Errorf("%s imports the emulator: only tests, acctest and internal/cmd may", s.name)
			case from == "service" && to == "service":
				t.Errorf("%s imports %s: a service never imports another; move what both need to fwkit, acl or client",
					s.name, rest)
			case s.dir() == rest:
			case !s.product():
				t.Errorf("%s: internal/%s has no place in the order main, provider, service, fwkit and acl, "+
					"rotation, client, auth, web", s.name, from)
			default:
				rank, ok := layers[to]
				if !ok || rank < layers[from] || rank == layers[from] && from != to {
					t.Errorf("%s imports %s: arrows go main, provider, service, fwkit and acl, rotation, client, "+
						"auth, web", s.name, rest)
				}
			}
		}
	}
}

func TestForeignImportsStayWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		var usesFramework, usesSDK bool
		for _, imported := range s.imports() {
			isFramework, isSDK := strings.HasPrefix(imported, framework), within(imported, sdk)
			usesFramework, usesSDK = usesFramework || isFramework, usesSDK || isSDK
			if imported == sdk {
				t.Errorf("%s imports the SDK's root package: it adds 9 MB; import client, config, apierr or "+
					"service/<name>", s.name)
			}
			if s.test {
				continue
			}
			if layer(s.dir()) == "auth" && (isFramework || isSDK) {
				t.Errorf("%s imports %s: auth knows neither Terraform nor Databricks", s.name, imported)
			}
			if layer(s.dir()) != "auth" && within(imported, msal) {
				t.Errorf("%s imports MSAL: a token comes from auth", s.name)
			}
		}
		if usesFramework && usesSDK {
			t.Errorf("%s imports the framework and the SDK: map in model.go, call in api.go", s.name)
		}
	}
}

func within(imported, prefix string) bool {
	return imported == prefix || strings.HasPrefix(imported, prefix+"/")
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			documented[s.dir()] = documented[s.dir()] || s.Doc != nil
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

// TestErrorSummariesAreUnique checks that each error summary is a fixed text that only one place in the code contains,
// because people search for the summary. A summary that is used in several places must be a constant.
func TestErrorSummariesAreUnique(t *testing.T) {
	position := map[string]int{
		"AddError": 0, "NewErrorDiagnostic": 0,
		"AddAttributeError": 1, "NewAttributeErrorDiagnostic": 1,
		"FromOfficial": 1,
		"Failed":       2, // the third argument of fwkit.Failed(&diags, err, summary, object)
	}
	all := sources(t)
	constants := map[string]ast.Expr{} // the values of constants, by folder and name
	for _, s := range all {
		for _, decl := range s.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.CONST {
				continue
			}
			for _, spec := range gen.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
					for i, name := range v.Names {
						constants[s.dir()+" "+name.Name] = v.Values[i]
					}
				}
			}
		}
	}
	first := map[string]token.Pos{}
	for _, s := range all {
		if !s.product() || layer(s.dir()) == "fwkit" { // fwkit receives its summaries from its callers
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			i, ok := position[fun.Sel.Name]
			if !ok || i >= len(call.Args) {
				return true
			}
			summary := call.Args[i]
			switch arg := summary.(type) {
			case *ast.SelectorExpr:
				if arg.Sel.Name == "Summary" {
					return true // that error's own text is checked where it is created
				}
			case *ast.Ident:
				summary = constants[s.dir()+" "+arg.Name]
			}
			literal, ok := summary.(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: the summary of an error is a fixed sentence; what varies belongs in the detail",
					fset.Position(call.Pos()))
				return true
			}
			if at, seen := first[literal.Value]; seen && at != literal.Pos() {
				t.Errorf("%s: the summary %s stands at %s too", fset.Position(literal.Pos()), literal.Value,
					fset.Position(at))
			}
			first[literal.Value] = literal.Pos()
			return true
		})
	}
}

// serviceFile matches the names that files of a service may have. A separate part of api.go, model.go or resource.go
// may have a file of its own, such as api_<part>.go. Code of the service that does not use the framework may also have
// its own file, such as rotation.go.
var serviceFile = regexp.MustCompile(
	`^(schema|model|model_[a-z]+|resource|resource_[a-z]+|rotation|plan|vault|data_source|data_source_list|ephemeral|list_resource|function_[a-z0-9_]+|action_[a-z0-9_]+|api|api_[a-z0-9]+)(_[a-z0-9_]+_test|_test)?\.go$`)

func TestServiceFilesAreNamedAlike(t *testing.T) {
	for _, s := range sources(t) {
		thing, ok := strings.CutPrefix(s.dir(), "internal/service/")
		if !ok {
			continue
		}
		base := path.Base(s.name)
		if strings.Contains(thing, "/") || base != thing+".go" && base != thing+"_test.go" &&
			!serviceFile.MatchString(base) {
			t.Errorf("%s: not a name that every service has; see .github/CONTRIBUTING.md", s.name)
		}
	}
}

// TestProductDoesNotPrint checks that the provider does not print. Terraform uses the standard output for its protocol,
// and printed text would not have its secrets masked.
func TestProductDoesNotPrint(t *testing.T) {
	for _, s := range sources(t) {
		if !s.product() || layer(s.dir()) == "" {
			continue
		}
		if slices.Contains(s.imports(), "log") {
			t.Errorf("%s imports log: use tflog", s.name)
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			fun, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := fun.X.(*ast.Ident); ok && pkg.Name == "fmt" && strings.HasPrefix(fun.Sel.Name, "Print") {
				t.Errorf("%s: prints: use tflog", fset.Position(fun.Pos()))
			}
			return true
		})
	}
}

// projectFiles returns the text files of the project by path: the files that git knows, and new ones that it does not
// ignore. It leaves out go.sum, whose hashes could contain any text.
func projectFiles(t *testing.T) map[string][]byte {
	t.Helper()
	root := repoRoot(t)
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("needs a git checkout, to know which files belong to the project")
	}
	// The folder may belong to another user, as in a container. Git would then refuse to read it.
	list := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached",
		"--others", "--exclude-standard")
	names, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	texts := map[string][]byte{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err == nil && bytes.IndexByte(text, 0) < 0 && path.Base(name) != "go.sum" { // a deleted file has no text
			texts[name] = text
		}
	}
	return texts
}

func TestNoMachinePaths(t *testing.T) {
	// The expressions are split, so that this file passes its own test.
	machine := regexp.MustCompile(`/` + `(root|work)/|/tmp/` + `bash_jobs|\.\./` + `shared\b`)
	for name, text := range projectFiles(t) {
		for i, line := range bytes.Split(text, []byte("\n")) {
			if found := machine.Find(line); found != nil {
				t.Errorf("%s:%d: %q exists on one machine only", name, i+1, found)
			}
		}
	}
}

func repoRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestHTTPClientsComeFromOnePlace checks that only package web creates HTTP clients, because every client must follow
// the same rules: no redirects, https, and a limit on the size of answers.
func TestHTTPClientsComeFromOnePlace(t *testing.T) {
	const why = "an HTTP client comes from web.NewClient, which follows no redirect and bounds each answer"
	calls := []string{"DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"}
	for _, s := range sources(t) {
		if !s.product() || layer(s.dir()) == "web" {
			continue
		}
		pointers := map[ast.Expr]bool{} // *http.Client only names the type of a client that was created elsewhere
		ast.Inspect(s.File, func(n ast.Node) bool {
			if pointer, ok := n.(*ast.StarExpr); ok {
				pointers[pointer.X] = true
			}
			named, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := named.X.(*ast.Ident); !ok || pkg.Name != "http" || pointers[named] {
				return true
			}
			if slices.Contains(calls, named.Sel.Name) || named.Sel.Name == "Client" || named.Sel.Name == "Transport" {
				t.Errorf("%s: http.%s: %s", fset.Position(named.Pos()), named.Sel.Name, why)
			}
			return true
		})
	}
}

// TestPathsAreEscapedInOnePlace checks that only client.PathOf builds the paths of requests, because it escapes each
// segment and leaves out segments that cannot name anything. Package web may escape text for other purposes.
func TestPathsAreEscapedInOnePlace(t *testing.T) {
	for _, s := range sources(t) {
		if !s.product() || s.dir() == "internal/web" || s.name == "internal/client/path.go" {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			if use, ok := n.(*ast.SelectorExpr); ok && (use.Sel.Name == "PathEscape" || use.Sel.Name == "JoinPath") {
				t.Errorf("%s: %s: use client.PathOf", fset.Position(use.Pos()), use.Sel.Name)
			}
			return true
		})
	}
}

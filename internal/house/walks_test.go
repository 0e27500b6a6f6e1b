package house_test

import (
	"go/ast"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var inBackticks = regexp.MustCompile("`([^`]+)`")

// TestWalksNameWhatExists checks that the two walks through the code in .github/CONTRIBUTING.md name only files,
// packages and declarations that exist, because a reader follows them by these names.
func TestWalksNameWhatExists(t *testing.T) {
	files, names := map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		if !s.product() {
			continue
		}
		names[s.File.Name.Name] = true
		for folder := s.name; folder != "."; folder = path.Dir(folder) {
			files[strings.TrimPrefix(s.name, path.Dir(folder)+"/")] = true
		}
		for _, d := range s.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if typ, ok := spec.(*ast.TypeSpec); ok {
						names[typ.Name.Name] = true
					}
				}
			}
		}
	}
	page, err := os.ReadFile("../../.github/CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{"### A certificate, from its file to the bearer token", "### A rotation of a token"} {
		_, walk, found := strings.Cut(string(page), title+"\n")
		walk, _, _ = strings.Cut(walk, "\n#")
		named := inBackticks.FindAllStringSubmatch(walk, -1)
		if !found || len(named) < 10 {
			t.Errorf("%q names %d files and declarations, which is too few for a walk", title, len(named))
		}
		for _, word := range named {
			name := word[1]
			if strings.HasSuffix(name, ".go") && files[name] || names[name[strings.LastIndex(name, ".")+1:]] {
				continue
			}
			t.Errorf("%s: there is no file, package, function or type %s", title, name)
		}
	}
}

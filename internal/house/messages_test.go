package house_test

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// summaryArguments holds, for each function that creates an error or a warning, the index of the argument that is the
// summary.
var summaryArguments = map[string]int{
	"AddError": 0, "NewErrorDiagnostic": 0, "AddWarning": 0, "NewWarningDiagnostic": 0,
	"AddAttributeError": 1, "NewAttributeErrorDiagnostic": 1, "AddAttributeWarning": 1,
	"Failed": 2, "Warn": 2, "FailedRead": 3, "Checked": 0, "FromOfficial": 1, "failPassword": 0, "fail": 0,
	"errorAt": 1,
}

// failsWithSummary reports whether the helper "fail" in a file takes a summary. In two files of the login settings the
// helper takes only a detail.
func failsWithSummary(s source) bool {
	return layer(s.dir()) == "auth" && !strings.HasSuffix(s.name, "/keyvault_settings.go") &&
		!strings.HasSuffix(s.name, "/files.go")
}

// summaries returns the fixed parts of all error and warning summaries of the provider, each with a position in the
// code. If the name of an object ends a summary, the result contains the text before the name.
func summaries(t *testing.T) map[string]token.Pos {
	t.Helper()
	found := map[string]token.Pos{}
	for _, s := range sources(t) {
		if !s.product() {
			continue
		}
		add := func(e ast.Expr) {
			for {
				switch x := e.(type) {
				case *ast.BinaryExpr: // the fixed text is on the left
					e = x.X
					continue
				case *ast.CallExpr: // a call of fmt.Sprintf
					if len(x.Args) == 0 {
						return
					}
					e = x.Args[0]
					continue
				case *ast.BasicLit:
					if x.Kind != token.STRING {
						return
					}
					text, err := strconv.Unquote(x.Value)
					if err != nil {
						t.Fatal(err)
					}
					text, _, _ = strings.Cut(text, "%")
					if text = strings.TrimRight(text, ": ("); text != "" {
						found[text] = x.Pos()
					}
				}
				return
			}
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch fun := n.Fun.(type) {
				case *ast.SelectorExpr:
					name = fun.Sel.Name
				case *ast.Ident:
					name = fun.Name
				}
				i, ok := summaryArguments[name]
				if ok && i < len(n.Args) && (name != "fail" || failsWithSummary(s)) {
					add(n.Args[i])
				}
			case *ast.CompositeLit:
				if selector, ok := n.Type.(*ast.SelectorExpr); ok && selector.Sel.Name == "Definition" {
					return false // the summary of a provider-defined function is not a message
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "summary") {
					add(n.Value)
				}
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					name := ""
					switch to := to.(type) {
					case *ast.SelectorExpr:
						name = to.Sel.Name
					case *ast.Ident:
						name = to.Name
					}
					if strings.EqualFold(name, "summary") && i < len(n.Rhs) {
						add(n.Rhs[i])
					}
				}
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if (strings.HasPrefix(strings.ToLower(name.Name), "summary") ||
						strings.HasPrefix(name.Name, "cannot")) && i < len(n.Values) {
						add(n.Values[i])
					}
				}
			}
			return true
		})
	}
	return found
}

// TestEveryMessageIsExplained checks that the page when-it-fails explains every error and warning of the provider, and
// only messages that the provider can emit.
func TestEveryMessageIsExplained(t *testing.T) {
	const page = "templates/guides/when-it-fails.md.tmpl"
	text, err := os.ReadFile(filepath.Join(repoRoot(t), page))
	if err != nil {
		t.Fatal(err)
	}
	emitted, explained := summaries(t), map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| **") || len(cells) != 3 {
			continue
		}
		for cell := range strings.SplitSeq(strings.TrimPrefix(cells[0], "| "), "<br>") {
			summary := strings.TrimSuffix(strings.Trim(cell, "* "), " …")
			if explained[summary] {
				t.Errorf("%s explains %q twice", page, summary)
			}
			explained[summary] = true
			if _, ok := emitted[summary]; !ok {
				t.Errorf("%s explains %q, which nothing emits", page, summary)
			}
		}
	}
	for _, summary := range slices.Sorted(maps.Keys(emitted)) {
		if !explained[summary] {
			t.Errorf("%s: %s does not explain %q", fset.Position(emitted[summary]), page, summary)
		}
	}
}

// TestLogInPagesNameRealErrors checks that the error summaries on the pages about logins are summaries that the
// provider can emit.
func TestLogInPagesNameRealErrors(t *testing.T) {
	emitted, named := summaries(t), 0
	for page, text := range written(t) {
		if !strings.HasPrefix(page, "templates/guides/log-in-") {
			continue
		}
		for line := range strings.Lines(text) {
			summary, found := strings.CutPrefix(line, "- *")
			summary, _, _ = strings.Cut(summary, "*")
			if _, ok := emitted[summary]; found && !ok {
				t.Errorf("%s names %q, which nothing emits", page, summary)
			}
			if found {
				named++
			}
		}
	}
	if named < 15 {
		t.Errorf("only %d errors found", named)
	}
}

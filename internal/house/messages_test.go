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

// summaryArguments says which argument of a call is the summary of an error or a warning.
var summaryArguments = map[string]int{
	"AddError": 0, "NewErrorDiagnostic": 0, "AddWarning": 0, "NewWarningDiagnostic": 0,
	"AddAttributeError": 1, "NewAttributeErrorDiagnostic": 1, "AddAttributeWarning": 1,
	"Failed": 2, "Warn": 2, "FailedRead": 3, "Checked": 0, "failPassword": 0, "fail": 0,
}

// failsWithSummary is for the helper of that name, which login settings in two files have with a detail alone.
func failsWithSummary(s source) bool {
	return layer(s.dir()) == "auth" && !strings.HasSuffix(s.name, "/keyvault_settings.go") && !strings.HasSuffix(s.name, "/files.go")
}

// summaries are the fixed parts of every summary that the product emits, with the place of one that emits it. Where the
// name of an object ends a summary, the part before it counts.
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
				case *ast.BinaryExpr: // what is fixed comes first
					e = x.X
					continue
				case *ast.CallExpr: // fmt.Sprintf
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
					if _, literal := n.Args[i].(*ast.BasicLit); !literal && name == "fail" && len(n.Args) > 1 {
						i = 1 // of Key Vault, after the setting
					}
					add(n.Args[i])
				}
			case *ast.CompositeLit:
				if selector, ok := n.Type.(*ast.SelectorExpr); ok && selector.Sel.Name == "Definition" {
					return false // of a function
				}
				if n.Type == nil && strings.HasSuffix(s.name, "auth/refusals.go") && len(n.Elts) > 2 {
					add(n.Elts[2])
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
					if (strings.HasPrefix(strings.ToLower(name.Name), "summary") || strings.HasPrefix(name.Name, "cannot")) && i < len(n.Values) {
						add(n.Values[i])
					}
				}
			}
			return true
		})
	}
	return found
}

// Whoever searches for a message finds what it means and what to do, and finds no message that is never emitted.
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

// The pages of logins name the errors that each login may end with, in the words of the error.
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

package provider_test

import (
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// A state in which an attribute was set to null, by hand or by a script, never crashes the provider. If a required
// attribute is missing, refresh, plan and destroy fail with an error that names it. If another attribute is missing, a
// destroy does its work or fails.
func TestDamagedState(t *testing.T) {
	t.Parallel()
	for _, typeName := range acctest.New(t).Protocol(t).ResourceTypes() {
		t.Run(typeName, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			config := s.base(t, typeName)
			if typeName == aToken {
				config["key_vault_secret"] = map[string]any{"vault_uri": s.vault.URL(), "name": "token",
					"tags": map[string]any{"a": "b"}}
			}
			if typeName == aPrincipal {
				config["adopt_existing"], config["on_destroy"] = true, "delete"
			}
			config["timeouts"] = map[string]any{"create": "10m", "read": "10m", "delete": "10m"}
			p := s.Protocol(t)
			stored := p.Stored(typeName)
			if _, ok := stored["timeouts.read"]; !ok {
				config["timeouts"] = map[string]any{"create": "10m", "delete": "10m"}
			}
			good := p.MustApply(t, typeName, acctest.Object{}, config)
			for _, path := range slices.Sorted(maps.Keys(stored)) {
				a := stored[path]
				damaged := p.Damaged(t, typeName, good, path)
				// The endpoint's name is also missing after a move from the official provider; then the provider finds
				// it by the id.
				named := a.Required && !strings.Contains(path, ".") && typeName+"."+path != aList+".endpoint_name"
				attempt := func(step string, do func() string) {
					t.Helper()
					if words := resultOrPanic(do); strings.HasPrefix(words, "panic") {
						t.Errorf("%s without %s: %s", step, path, words)
					} else if named && !strings.Contains(words, "Damaged state: "+path+" is required") {
						t.Errorf("%s without the required %s: %q", step, path, words)
					}
				}
				attempt("refresh", func() string {
					old := damaged
					old.Private = nil // without private state the refresh does not wait for SCIM
					_, errors := p.Refresh(t, typeName, old)
					return errors
				})
				attempt("plan", func() string {
					_, errors := p.Plan(t, typeName, damaged, config)
					return errors
				})
				attempt("destroy", func() string {
					_, errors := p.Apply(t, typeName, damaged, nil)
					return errors
				})
				if !named { // the destroy may have succeeded
					p = s.Protocol(t)
					good = p.MustApply(t, typeName, acctest.Object{}, config)
				}
			}
		})
	}
}

// resultOrPanic returns the result of a step, or the panic with its stack.
func resultOrPanic(do func() string) (words string) {
	defer func() {
		if r := recover(); r != nil {
			stack := string(debug.Stack())
			if _, after, found := strings.Cut(stack, "panic("); found {
				stack = after
			}
			words = fmt.Sprintf("panic: %v\n%s", r, stack[:min(len(stack), 800)])
		}
	}()
	return do()
}

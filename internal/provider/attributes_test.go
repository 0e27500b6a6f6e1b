package provider_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Every attribute that a configuration can set has a row, and every row belongs to an attribute.
func TestEveryAttribute(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.Protocol(t)
	rows := s.rows()
	for _, typeName := range p.ResourceTypes() {
		for path, attribute := range p.Attributes(typeName) {
			name := typeName + "." + path
			_, ok := rows[name]
			switch {
			case ok:
				delete(rows, name)
			case path == "timeouts" || strings.HasPrefix(path, "timeouts."):
			case path == "owner": // its attributes have rows
				continue
			default:
				t.Errorf("%s has no row", name)
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				config := s.base(t, typeName)
				r, ok := s.rows()[name]
				if !ok {
					r = row{a: "10m", b: "11m", absent: changes}
					if path == "timeouts" {
						r.a, r.b = map[string]any{"create": "10m"}, map[string]any{"create": "11m"}
					}
				}
				l := life{scene: s, row: r, typeName: typeName, path: path, attribute: attribute, config: config}
				for at, v := range r.besides {
					set(l.config, at, v)
				}
				l.live(t)
			})
		}
	}
	for name := range rows {
		t.Errorf("there is no %s", name)
	}
}

type life struct {
	*scene
	row
	typeName, path string
	attribute      *tfprotov6.SchemaAttribute
	config         map[string]any
	object         acctest.Object
}

func (l *life) live(t *testing.T) {
	optional := l.attribute.Optional && !strings.HasPrefix(l.absent, "refuses: ")
	if optional {
		l.step(t, "absent at creation", nil, "", true)
	}
	l.step(t, "written", l.a, l.heldA, true)
	if l.b != nil {
		before := maps.Clone(l.config)
		for at, v := range l.along {
			set(l.config, at, v)
		}
		plan := l.step(t, "changed", l.b, l.heldB, false)
		if changed := slices.Contains(plan.Changed, l.top()); changed == l.same || len(plan.Replace) > 0 != l.replaces {
			t.Errorf("changed: the plan changes %v and replaces for %v", plan.Changed, plan.Replace)
		}
		l.config = before
		l.step(t, "changed back", l.a, l.heldA, false)
	}
	if l.attribute.Required {
		return
	}
	if words, refused := strings.CutPrefix(l.absent, "refuses: "); refused {
		l.refused(t, "absent", nil, words)
		return
	}
	l.expect(t, "absent", l.step(t, "absent", nil, l.heldAbsent, false), l.absent)
	if l.emptyValue != nil {
		if words, refused := strings.CutPrefix(l.empty, "refuses: "); refused {
			l.refused(t, "empty", l.emptyValue, words)
		} else {
			l.expect(t, "empty", l.step(t, "empty", l.emptyValue, l.heldEmpty(), false), l.empty)
			// Empty and absent mean the same, so the step back to absent changes nothing.
			l.Tenant.Journal.Reset()
			l.step(t, "absent after empty", nil, l.heldEmpty(), false)
			for _, e := range l.Tenant.Journal.Entries() {
				if e.Service == "workspace" && e.Method != "GET" {
					t.Errorf("absent after empty: it asked %s %s", e.Method, e.Path)
				}
			}
		}
	}
	l.step(t, "written again", l.a, l.heldA, false)
}

// heldEmpty returns what the server holds once the attribute is empty: for entitlements nothing, although an absent
// attribute would leave some.
func (l *life) heldEmpty() string {
	if l.path == "entitlements" {
		return ""
	}
	return l.heldAbsent
}

func (l *life) top() string { top, _, _ := strings.Cut(l.path, "."); return top }

func (l *life) expect(t *testing.T, what string, plan acctest.Plan, want string) {
	t.Helper()
	if changed := len(plan.Changed) > 0; changed != (want == changes) && !l.attribute.WriteOnly {
		t.Errorf("%s: the plan changes %v", what, plan.Changed)
	}
}

// step sets a value, applies, compares the server with held, and demands that the next plan is empty.
func (l *life) step(t *testing.T, what string, value any, held string, first bool) acctest.Plan {
	t.Helper()
	set(l.config, l.path, value)
	run := l.Protocol(t)
	if l.object.State != nil {
		l.object = run.MustRefresh(t, l.typeName, l.object)
	}
	plan, errors := run.Plan(t, l.typeName, l.object, l.config)
	if errors == "" && (len(plan.Changed) > 0 || l.object.State == nil) {
		l.object, errors = run.ApplyPlan(t, plan, l.config)
	}
	if errors != "" {
		t.Fatalf("%s: %s", what, errors)
	}
	if got := ""; l.held != nil && !(first && value == nil) {
		if got = l.held(); got != held {
			t.Errorf("%s: the server has %q, want %q", what, got, held)
		}
	}
	run = l.Protocol(t)
	l.object = run.MustRefresh(t, l.typeName, l.object)
	if l.object.State == nil {
		t.Fatalf("%s: it is gone after that", what)
	}
	if next := run.MustPlan(t, l.typeName, l.object, l.config); len(next.Changed) > 0 {
		t.Fatalf("%s: the next plan changes %v", what, next.Changed)
	}
	return plan
}

func (l *life) refused(t *testing.T, what string, value any, words string) {
	t.Helper()
	set(l.config, l.path, value)
	if _, errors := l.Protocol(t).Plan(t, l.typeName, l.object, l.config); errors == "" ||
		!strings.Contains(errors, words) {
		t.Errorf("%s: it says %q, not %q", what, errors, words)
	}
	set(l.config, l.path, l.a)
}

// set sets a value at a dotted path of a configuration; nil removes it. It copies objects on the path, because they may
// be shared.
func set(config map[string]any, path string, value any) {
	top, rest, nested := strings.Cut(path, ".")
	if !nested {
		if value == nil {
			delete(config, top)
		} else {
			config[top] = value
		}
		return
	}
	inner, _ := config[top].(map[string]any)
	inner = maps.Clone(inner)
	if inner == nil {
		inner = map[string]any{}
	}
	set(inner, rest, value)
	if config[top] = inner; len(inner) == 0 {
		delete(config, top)
	}
}

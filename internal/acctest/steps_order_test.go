package acctest

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// TestStepsNeedCLI checks that [World.Test] rejects features that only a CLI supports, instead of ignoring them.
func TestStepsNeedCLI(t *testing.T) {
	t.Parallel()
	if byCLI() {
		t.Skip("the steps go through a CLI: unset TF_ACC_EVERY_STEP_BY_CLI to test the runner")
	}
	for name, step := range map[string]resource.TestStep{
		"import": {
			Config: one, ImportState: true, ImportStateId: "id of a", ImportStatePersist: true,
			ResourceName: "dbxaccess_thing.a",
		},
		"import by identity": {
			Config: "import {\n  to = dbxaccess_thing.a\n  identity = {\n    name = \"a\"\n  }\n}\n" + one,
		},
		"query":     {Config: one, Query: true},
		"count":     {Config: with("count = 1")},
		"lifecycle": {Config: with("lifecycle {}")},
		"module":    {Config: "module \"m\" {\n  source = \"./m\"\n}\n"},
		"validation": {
			Config: "variable \"v\" {\n  default = 1\n  validation {\n    condition = false\n  }\n}\n",
		},
		"precondition": {
			Config: "output \"o\" {\n  value = 1\n  precondition {\n    condition = false\n  }\n}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := verdict(t, newShelf(), []resource.TestStep{step}); !strings.Contains(got, "TestCLI") {
				t.Errorf("refused by other words: %q", got)
			}
		})
	}
}

// TestStepsOrder checks that an object is created after the objects that it refers to, and destroyed before them.
func TestStepsOrder(t *testing.T) {
	t.Parallel()
	viewed := one + `data "dbxaccess_view" "v" {
  of = dbxaccess_thing.a.id
}
resource "dbxaccess_thing" "b" {
  name = "b"
  note = data.dbxaccess_view.v.seen
}
`
	waits := one + "resource \"dbxaccess_thing\" \"b\" {\n  name = \"b\"\n  depends_on = [dbxaccess_thing.a]\n}\n"
	swap := strings.NewReplacer(`"a"`, `"b"`, `"b"`, `"a"`, "thing.a", "thing.b")
	for name, test := range map[string]struct {
		misbehave func(*shelf)
		steps     []resource.TestStep
		want      []string
	}{
		"by reference": {
			nil,
			[]resource.TestStep{{Config: two}},
			[]string{"create a", "create b", "delete b", "delete a"},
		},
		"by reference, reversed": {
			nil,
			[]resource.TestStep{{Config: swap.Replace(two)}},
			[]string{"create b", "create a", "delete a", "delete b"},
		},
		"by depends_on": {
			nil,
			[]resource.TestStep{{Config: waits}},
			[]string{"create a", "create b", "delete b", "delete a"},
		},
		"through a data source": {
			nil,
			[]resource.TestStep{{Config: viewed}},
			[]string{"create a", "create b", "delete b", "delete a"},
		},
		"through a data source, reversed": {
			nil,
			[]resource.TestStep{{Config: swap.Replace(viewed)}},
			[]string{"create b", "create a", "delete a", "delete b"},
		},
		"removed together": {
			nil,
			[]resource.TestStep{{Config: two}, {Config: noted("c", "n")}},
			[]string{"create a", "create b", "delete b", "delete a", "create c", "delete c"},
		},
		"update after the end of what it named": {nil, []resource.TestStep{{Config: two}, {Config: swap.Replace(one)}},
			[]string{"create a", "create b", "delete a", "update b", "delete b"}},
		"replaced": {
			nil,
			[]resource.TestStep{{Config: noted("a", "n")}, {Config: noted("c", "n")}},
			[]string{"create a", "delete a", "create c", "delete c"},
		},
		"tainted": {
			nil,
			[]resource.TestStep{{Config: one}, {Config: one, Taint: []string{"dbxaccess_thing.a"}}},
			[]string{"create a", "delete a", "create a", "delete a"},
		},
		"tainted by an error after it exists": {func(s *shelf) { s.halfError = "no answer" },
			[]resource.TestStep{{Config: one, ExpectError: regexp.MustCompile("no answer")}, {Config: one}},
			[]string{"create a", "delete a", "create a", "delete a"}},
		"nothing after a failure": {
			func(s *shelf) { s.applyError = "no room" },
			[]resource.TestStep{{Config: two, ExpectError: regexp.MustCompile("no room")}},
			nil,
		},
		"destroyed by a step": {
			nil,
			[]resource.TestStep{{Config: two}, {Config: two, Destroy: true}},
			[]string{"create a", "create b", "delete b", "delete a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf()
			if test.misbehave != nil {
				test.misbehave(s)
			}
			if got := verdict(t, s, test.steps); got != "" {
				t.Errorf("refused: %s", got)
			}
			if !slices.Equal(s.journal, test.want) {
				t.Errorf("%v, want %v", s.journal, test.want)
			}
		})
	}
}

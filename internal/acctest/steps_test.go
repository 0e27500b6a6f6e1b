package acctest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const one = `resource "dbxaccess_thing" "a" {
  name = "a"
}
`

const view = `data "dbxaccess_view" "v" {
  of = "x"
}
`

const two = one + `resource "dbxaccess_thing" "b" {
  name = "b"
  note = dbxaccess_thing.a.id
}
`

// with returns the configuration of one thing with an additional line.
func with(line string) string { return strings.Replace(one, "{\n", "{\n  "+line+"\n", 1) }

// noted returns the configuration of one thing with a note. A change of the name replaces the thing.
func noted(name, note string) string {
	return fmt.Sprintf("resource \"dbxaccess_thing\" \"a\" {\n  name = %q\n  note = %q\n}\n", name, note)
}

// brief returns steps whose configuration has an ephemeral variable.
func brief(hcl string) []resource.TestStep {
	return []resource.TestStep{{
		Config:          "variable \"brief\" {\n  type = string\n  ephemeral = true\n}\n" + hcl,
		ConfigVariables: config.Variables{"brief": config.StringVariable("b")},
	}}
}

// setting returns a hook that sets an attribute to the given value.
func setting(name string, value any) func(values) {
	return func(v values) { v[name] = value }
}

// TestStepsRefuse checks that [World.Test] fails for everything that Terraform and its test framework reject. With
// TF_ACC_EVERY_STEP_BY_CLI, the same table runs with a CLI, which shows that Terraform rejects these cases.
func TestStepsRefuse(t *testing.T) {
	t.Parallel()
	is := func(attribute, want string) []statecheck.StateCheck {
		return []statecheck.StateCheck{
			statecheck.ExpectKnownValue("dbxaccess_thing.a", tfjsonpath.New(attribute), knownvalue.StringExact(want)),
		}
	}
	create := plancheck.ExpectResourceAction("dbxaccess_thing.a", plancheck.ResourceActionCreate)
	update := plancheck.ExpectResourceAction("dbxaccess_thing.a", plancheck.ResourceActionUpdate)
	noop := plancheck.ExpectResourceAction("dbxaccess_thing.a", plancheck.ResourceActionNoop)
	const block = "import {\n  to = dbxaccess_thing.a\n  id = \"id of a\"\n}\n"
	importing := func(id string) resource.TestStep {
		return resource.TestStep{ResourceName: "dbxaccess_thing.a", ImportState: true, ImportStateId: id,
			ImportStateVerify: true}
	}
	fails := func(*terraform.State) error { return errors.New("it is not so") }
	plain := []resource.TestStep{{Config: one}}
	for name, test := range map[string]struct {
		misbehave func(*shelf)
		steps     []resource.TestStep
		want      string // a part of the expected error; empty if there must be no error
	}{
		"nothing": {steps: []resource.TestStep{
			{
				Config:            one,
				ConfigStateChecks: is("id", "id of a"),
				ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{create}},
			},
			{Config: two}, {
				Config:           noted("a", "more"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{update}},
			},
			{Config: noted("a", "more"), PlanOnly: true}, {Config: one, Destroy: true},
		}},

		// Wrong answers of the provider to a plan.
		"plan: not what is configured": {
			func(s *shelf) { s.plan = setting("note", "other") },
			[]resource.TestStep{{Config: noted("a", "n")}},
			"planned as",
		},
		"plan: a value that nobody configured": {
			func(s *shelf) { s.plan = setting("note", "other") },
			plain,
			"planned as",
		},
		"plan: keeps what is no longer configured": {func(s *shelf) {
			s.plan = func(v values) {
				if s.stored("a") {
					v["note"] = "n"
				}
			}
		}, []resource.TestStep{{Config: noted("a", "n")}, {Config: one}}, "planned as"},
		"plan: a value that is only to be written": {
			func(s *shelf) { s.plan = setting("secret", "s") },
			plain,
			"planned as",
		},
		"plan: a secret of the configuration": {
			func(s *shelf) { s.repeat = true },
			[]resource.TestStep{{Config: with(`secret = "s"`)}},
			"planned as",
		},
		"plan: no object": {func(s *shelf) { s.planNothing = true }, plain, "planned as null"},
		"plan: an error": {
			func(s *shelf) { s.planError = "no plan today" },
			plain,
			"no plan today",
		},
		"plan: another one in the apply": {func(s *shelf) {
			s.plan = func(v values) {
				if v["note"] == any("id of a") {
					v["size"] = 7
				} else {
					v["size"] = 6
				}
			}
		}, []resource.TestStep{{Config: two}}, "inconsistent final plan"},
		"plan: replaces only in the apply": {func(s *shelf) { s.replaceFor = "id of c" }, []resource.TestStep{
			{Config: two}, {Config: strings.Replace(two, `name = "a"`, `name = "c"`, 1)},
		}, "inconsistent final plan"},

		// Wrong answers of the provider to an apply.
		"apply: not what was planned": {
			func(s *shelf) { s.apply = setting("note", "other") },
			[]resource.TestStep{{Config: noted("a", "n")}},
			"was planned as",
		},
		"apply: a value planned as null": {
			func(s *shelf) { s.apply = setting("note", "other") },
			plain,
			"was planned as",
		},
		"apply: null for a value": {
			func(s *shelf) { s.apply = setting("note", nil) },
			[]resource.TestStep{{Config: noted("a", "n")}},
			"was planned as",
		},
		"apply: still unknown":           {func(s *shelf) { s.apply = setting("stamp", Unknown) }, plain, "unknown"},
		"apply: a value of another type": {func(s *shelf) { s.mistype = true }, plain, "tring"},
		"apply: no object":               {func(s *shelf) { s.applyNothing = true }, plain, "no object"},
		"apply: an error":                {func(s *shelf) { s.applyError = "no room" }, plain, "no room"},
		"apply: a secret in state": {
			func(s *shelf) { s.apply = setting("secret", "s") },
			plain,
			"was planned as",
		},
		"apply: an object after a deletion": {
			func(s *shelf) { s.undead = true },
			[]resource.TestStep{{Config: two}, {Config: one}},
			"after its deletion",
		},
		"apply: an error at the end": {func(s *shelf) { s.deleteError = "it stays" }, plain, "it stays"},

		// Wrong answers of the provider to a read.
		"read: unknown":  {func(s *shelf) { s.read = setting("stamp", Unknown) }, plain, "unknown"},
		"read: an error": {func(s *shelf) { s.readError = "no answer" }, plain, "no answer"},
		"read: a data source's unknown": {
			func(s *shelf) { s.look = setting("seen", Unknown) },
			[]resource.TestStep{{Config: view}},
			"unknown",
		},

		// Cases in which the plan after the step is not empty as expected.
		"again: a change without a refresh": {func(s *shelf) {
			s.plan = func(v values) {
				if s.stored("a") {
					v["stamp"] = Unknown
				}
			}
		}, plain, "is not empty (refreshed: false)"},
		"again: a change after a refresh": {
			func(s *shelf) { s.read = setting("note", "drift") },
			plain,
			"is not empty (refreshed: true)",
		},
		"again: deleted": {
			func(s *shelf) { s.forget = true },
			plain,
			"is not empty (refreshed: true)",
		},
		"again: empty where a change was expected": {
			nil,
			[]resource.TestStep{{Config: one, ExpectNonEmptyPlan: true}},
			"is empty",
		},
		"again: a plan alone": {
			nil,
			[]resource.TestStep{{Config: one, PlanOnly: true}},
			"is not empty",
		},
		"again: an output": {
			func(s *shelf) { s.look = func(v values) { s.looks++; v["seen"] = fmt.Sprint(s.looks) } },
			[]resource.TestStep{{Config: view + "output \"seen\" {\n  value = data.dbxaccess_view.v.seen\n}\n"}},
			"output seen",
		},

		// Wrong configurations, and similar correct ones.
		"configuration: a required attribute is missing": {
			nil,
			[]resource.TestStep{{Config: strings.Replace(one, "name", "note", 1)}},
			"Missing required argument",
		},
		"configuration: an unknown attribute": {
			nil,
			[]resource.TestStep{{Config: with("colour = 1")}},
			"Unsupported argument",
		},
		// Not Terraform but a provider would reject a value for a computed attribute, and the fake provider does not.
		"configuration: a computed attribute": {nil, []resource.TestStep{{Config: with(`stamp = "s"`)}}, ""},
		"configuration: another type": {
			nil,
			[]resource.TestStep{{Config: with(`size = "big"`)}},
			"Incorrect attribute value type",
		},
		"configuration: another resource type": {
			nil,
			[]resource.TestStep{{Config: strings.Replace(one, "thing", "thong", 1)}},
			"Invalid resource type",
		},
		"configuration: an undeclared name": {
			nil,
			[]resource.TestStep{{Config: noted("a", "${dbxaccess_thing.z.id}")}},
			"z",
		},
		"configuration: refused by the provider": {
			func(s *shelf) { s.invalid = "bad name" },
			plain,
			"bad name",
		},
		"configuration: a secret in an output": {
			nil,
			[]resource.TestStep{{Config: one + "output \"k\" {\n  value = dbxaccess_thing.a.key\n}\n"}},
			"sensitive",
		},
		"configuration: a secret in a sensitive output": {
			nil,
			[]resource.TestStep{
				{Config: one + "output \"k\" {\n  value = dbxaccess_thing.a.key\n  sensitive = true\n}\n"},
			},
			"",
		},
		"configuration: refers to itself": {
			nil,
			[]resource.TestStep{{Config: with("note = dbxaccess_thing.a.id")}},
			"Self-referential block",
		},
		"configuration: refer to each other": {
			nil,
			[]resource.TestStep{{Config: strings.Replace(two, "{\n", "{\n  note = dbxaccess_thing.b.id\n", 1)}},
			"Cycle: dbxaccess_thing.a, dbxaccess_thing.b",
		},
		"configuration: an ephemeral value":                            {nil, brief(with("note = var.brief")), "Invalid use of ephemeral value"},
		"configuration: an ephemeral value that is only to be written": {nil, brief(with("secret = var.brief")), ""},
		"configuration: an ephemeral value in a data source": {
			nil,
			brief("data \"dbxaccess_view\" \"v\" {\n  of = var.brief\n}\n"),
			"Invalid use of ephemeral value",
		},
		"configuration: an ephemeral value in an output": {
			nil,
			brief("output \"o\" {\n  value = var.brief\n}\n"),
			"Ephemeral value not allowed",
		},

		// The checks that a step requests.
		"step: no error": {
			nil,
			[]resource.TestStep{{Config: one, ExpectError: regexp.MustCompile("no room")}},
			"no error",
		},
		"step: a warning": {
			func(s *shelf) { s.warning = "no room" },
			[]resource.TestStep{{Config: one, ExpectError: regexp.MustCompile("no room")}},
			"no error",
		},
		"step: another error": {
			func(s *shelf) { s.applyError = "no right" },
			[]resource.TestStep{{Config: one, ExpectError: regexp.MustCompile("no room")}},
			"does not match",
		},
		"step: that error": {
			func(s *shelf) { s.applyError = "no room" },
			[]resource.TestStep{{Config: one, ExpectError: regexp.MustCompile("no room")}},
			"",
		},
		"step: a check": {nil, []resource.TestStep{{Config: one, Check: fails}}, "it is not so"},
		"step: a check of a destroy": {
			nil,
			[]resource.TestStep{{Config: one}, {Config: one, Destroy: true, Check: fails}},
			"it is not so",
		},
		"step: a check of state": {
			nil,
			[]resource.TestStep{{Config: one, ConfigStateChecks: is("id", "id of b")}},
			"state check",
		},
		"step: a check of the plan": {
			nil,
			[]resource.TestStep{
				{Config: one, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{update}}},
			},
			"plan check",
		},
		"step: a check of the plan after it": {
			nil,
			[]resource.TestStep{{
				Config:           one,
				ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{create}},
			}},
			"plan check",
		},
		"step: a check of the plan after a refresh": {
			nil,
			[]resource.TestStep{{
				Config:           one,
				ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{create}},
			}},
			"plan check",
		},
		"import: what is in state": {nil, []resource.TestStep{{Config: one}, importing("")}, ""},
		"import: nothing": {
			nil,
			[]resource.TestStep{{Config: one, PlanOnly: true, ExpectNonEmptyPlan: true}, importing("id of z")},
			"Cannot import non-existent remote object",
		},
		"import: not what is in state": {
			func(s *shelf) { s.importNote = "other" },
			[]resource.TestStep{{Config: one}, importing("")},
			"differs from state",
		},
		"import: what a step ignores": {func(s *shelf) { s.importNote = "other" }, []resource.TestStep{{Config: one}, func() resource.TestStep {
			step := importing("")
			step.ImportStateVerifyIgnore = []string{"note"}
			return step
		}()}, ""},
		"import: another than in state": {
			func(s *shelf) {
				s.things["id of z"] = values{"name": "z", "id": "id of z", "key": "k", "stamp": "now", "size": 1}
			},
			[]resource.TestStep{{Config: one}, importing("id of z")},
			"no resource",
		},
		"import: a check": {nil, []resource.TestStep{{Config: one}, func() resource.TestStep {
			step := importing("")
			step.ImportStateCheck = func([]*terraform.InstanceState) error { return errors.New("it is not so") }
			return step
		}()}, "it is not so"},
		"import block: nothing to do": {
			func(s *shelf) {
				s.things["id of a"] = values{"name": "a", "id": "id of a", "key": "k", "stamp": "now", "size": 1}
			},
			[]resource.TestStep{{Config: block + one,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{noop}}}},
			"",
		},
		"import block: something to do": {
			func(s *shelf) {
				s.things["id of a"] = values{"name": "a", "id": "id of a", "key": "k", "stamp": "now", "size": 1}
			},
			[]resource.TestStep{{
				Config:           block + noted("a", "n"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{update}},
			}},
			"",
		},
		"import block: nothing there": {nil, []resource.TestStep{{Config: block + one}}, "Cannot import non-existent remote object"},
		"refresh: nothing changed":    {nil, []resource.TestStep{{Config: one}, {RefreshState: true}}, ""},
		"refresh: deleted": {
			// The first step reads the thing once, in its last plan. The second step reads it when it refreshes and in
			// its plan.
			func(s *shelf) { s.read = func(values) { s.looks++; s.forget = s.looks > 1 } },
			[]resource.TestStep{{Config: one}, {RefreshState: true}},
			"not empty",
		},
		"step: taints nothing": {
			nil,
			[]resource.TestStep{{Config: one, Taint: []string{"dbxaccess_thing.z"}}},
			"tainted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf()
			if test.misbehave != nil {
				test.misbehave(s)
			}
			got := verdict(t, s, test.steps)
			switch {
			case test.want == "" && got != "":
				t.Errorf("refused: %s", got)
			case test.want != "" && got == "":
				t.Error("not refused")
			case !byCLI() && !strings.Contains(got, test.want): // a CLI words its errors differently
				t.Errorf("refused by other words than %q: %s", test.want, got)
			}
		})
	}
}

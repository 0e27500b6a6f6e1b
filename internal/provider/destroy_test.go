package provider_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func TestDestroyWhateverFailsThePlan(t *testing.T) {
	t.Parallel()
	var covered []string
	for _, row := range ruinedStates() {
		covered = append(covered, row.types...)
	}
	for _, typeName := range acctest.New(t).Protocol(t).ResourceTypes() {
		if !slices.Contains(covered, typeName) || !slices.Contains(everyType, typeName) {
			t.Errorf("%s: nothing shows that it can be destroyed when its plan fails", typeName)
		}
	}
	for name, row := range ruinedStates() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRuined(t)
			if row.cli {
				r.cli = r.CLI(t, "")
			} else {
				r.cli = r.Commands(t, "")
			}
			config := r.all()
			if row.before != nil {
				config = row.before(r)
			}
			r.cli.Rewrite(t, config)
			if !strings.Contains(config, "moved {") {
				r.cli.MustRun(t, 0, "apply", "-auto-approve")
			}
			if row.spoil != nil {
				row.spoil(r)
			}
			destroy := append([]string{"destroy", "-auto-approve"}, row.destroy...)
			if len(row.says) > 0 {
				said := r.cli.MustRun(t, 1, destroy...)
				said.MustSay(t, row.says...)
				if n := strings.Count(said.Stderr, "Error: "); row.fails > 0 && n != row.fails {
					t.Errorf("%d errors, not %d:\n%s", n, row.fails, said.Stderr)
				}
				row.out(r)
				destroy = append([]string{"destroy", "-auto-approve"}, row.then...)
			}
			r.cli.MustRun(t, 0, destroy...)
			if managed := r.cli.Managed(t); len(managed) > 0 {
				t.Errorf("the state still has %v", managed)
			}
			left := slices.DeleteFunc(r.remaining(), func(thing string) bool {
				return thing == admins || slices.Contains(row.stays, thing)
			})
			if row.before != nil {
				left = slices.DeleteFunc(left, func(thing string) bool { return !row.manages(thing) })
			}
			if len(left) > 0 {
				t.Errorf("the workspace still has %v", left)
			}
		})
	}
}

// manages reports whether the row tests the type of the thing, so that the thing must not be left.
func (row ruin) manages(thing string) bool {
	types := map[string]string{"iris": listType, "right": rightType, "data scientists": memberType,
		"principal": principalType, "token": tokenType}
	return slices.Contains(row.types, types[thing])
}

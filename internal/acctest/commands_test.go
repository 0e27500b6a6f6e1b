package acctest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommandsMatchTheCLI checks that [World.Commands] answers a sequence of commands as the real CLI does: the exit
// code, the counts of changes, the sentences of errors and the objects in the state.
func TestCommandsMatchTheCLI(t *testing.T) {
	t.Parallel()
	counts := regexp.MustCompile(`(?m)^(?:Plan: .*|No changes\.|(?:Apply|Destroy) complete! .*)`)
	change := regexp.MustCompile(`(?m)^ *(# \S+ (?:will|must) be .*|[-+~] \S+ += .*)$`)
	id := regexp.MustCompile(`"[0-9a-f]{15,32}"`) // of the endpoint or the workspace
	grant := func(level, more string) string {
		return fmt.Sprintf("resource \"dbxaccess_serving_endpoint_permission\" \"g\" {\n  endpoint_name = \"ENDPOINT\"\n"+
			"  service_principal_name = \"APPLICATION\"\n  permission_level = %q\n%s}\n", level, more)
	}
	commands := []struct {
		config string // replaces the configuration if it is not empty
		args   string
		code   int
		says   string
	}{
		{grant("CAN_QUERY", ""), "plan -detailed-exitcode", 2, ""},
		{"", "plan -out=first.tfplan", 0, ""},
		{"", "apply first.tfplan", 0, ""},
		{"", "plan -detailed-exitcode", 0, ""},
		{grant("CAN_MANAGE", ""), "plan -detailed-exitcode -refresh=false", 2, ""},
		{"", "apply -auto-approve", 0, ""},
		{grant("CAN_FLY", ""), "plan", 1, "value must be one of"},
		{grant("CAN_MANAGE", "  endpoint_id = \"wrong\"\n"), "apply -auto-approve", 1,
			"endpoint_id is wrong, but the endpoint with this name has the id"},
		{grant("CAN_MANAGE", ""), "plan -destroy -detailed-exitcode", 2, ""},
		{"", "destroy -auto-approve", 0, ""},
		{"", "destroy -auto-approve", 0, ""},
	}
	answer := func(w *World, cli *CLI, config, args, says string, code int) string {
		if config != "" {
			names := strings.NewReplacer("APPLICATION", w.ScoringApp.ClientID, "ENDPOINT", w.EndpointName)
			cli.Rewrite(t, names.Replace(config))
		}
		r := cli.MustRun(t, code, strings.Fields(args)...)
		r.MustSay(t, says)
		lines := append(change.FindAllString(r.Stdout, -1), counts.FindAllString(r.Stdout, -1)...)
		for i := range lines {
			lines[i] = strings.Join(strings.Fields(lines[i]), " ")
		}
		slices.Sort(lines)
		seen := strings.Join(append(lines, cli.Managed(t)...), "\n")
		return id.ReplaceAllString(strings.ReplaceAll(seen, w.ScoringApp.ClientID, "APPLICATION"), "an id")
	}
	one, other := New(t), New(t)
	outside, inside := one.CLI(t, ""), other.Commands(t, "")
	for _, w := range []*World{one, other} {
		w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	}
	for _, c := range commands {
		want := answer(one, outside, c.config, c.args, c.says, c.code)
		if got := answer(other, inside, c.config, c.args, c.says, c.code); got != want {
			t.Errorf("%s: the CLI shows\n%s\nand this process\n%s", c.args, want, got)
		}
	}
}

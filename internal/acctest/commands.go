package acctest

import (
	"fmt"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/config"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/server"
)

// inside runs the commands of a [CLI] in this process.
type inside struct {
	run  *run
	hcl  string
	said *[]string // the warnings of the command that runs
	mu   sync.Mutex
	// saved holds the plans by the name of the file that -out names.
	saved map[string]*planned

	environment func() map[string]string
}

// Commands returns a CLI that runs plan, apply and destroy in this process, in milliseconds, with the code of
// [World.Test]. Its output has the warnings and errors of the provider and each planned change of an attribute, in
// Terraform's words, but no other text of Terraform. Other commands, and a configuration that [World.Test] does not
// support, end the test; use [World.CLI] for them, and for what is about Terraform itself. If the environment variable
// TF_ACC_EVERY_STEP_BY_CLI is set, the real CLI runs the commands.
func (w *World) Commands(t testing.TB, hcl string) *CLI {
	t.Helper()
	c := w.CLI(t, hcl)
	if os.Getenv("TF_ACC_EVERY_STEP_BY_CLI") != "" {
		return c
	}
	c.inside = &inside{hcl: hcl, saved: map[string]*planned{}, run: &run{t: t, provider: &ours, state: newState()},
		environment: c.environment}
	c.inside.run.serve = func() tfprotov6.ProviderServer {
		env := c.environment()
		return server.New(provider.New("0.0.0-test", func(name string) (string, bool) {
			value, ok := env[name]
			return value, ok
		})())
	}
	c.inside.run.warned = func(words string) {
		c.inside.mu.Lock()
		defer c.inside.mu.Unlock()
		*c.inside.said = append(*c.inside.said, words)
	}
	return c
}

// do runs a command.
func (i *inside) do(t testing.TB, args []string) Result {
	t.Helper()
	options, file, out, detailed := planOptions{refresh: true, destroy: args[0] == "destroy"}, "", "", false
	for _, arg := range args[1:] {
		switch name, value, _ := strings.Cut(arg, "="); {
		case name == "-out":
			out = value
		case arg == "-refresh=false":
			options.refresh = false
		case arg == "-destroy":
			options.destroy = true
		case arg == "-detailed-exitcode":
			detailed = true
		case arg == "-auto-approve":
		case !strings.HasPrefix(arg, "-") && args[0] == "apply" && i.saved[arg] != nil:
			file = arg
		default:
			t.Fatalf("%q needs a CLI: use World.CLI", args)
		}
	}
	if !slices.Contains([]string{"plan", "apply", "destroy"}, args[0]) {
		t.Fatalf("%q needs a CLI: use World.CLI", args)
	}
	var warnings, texts []string
	i.said = &warnings
	result := func(code int, err error) Result {
		r := Result{Code: code, Stdout: strings.Join(append(texts, warnings...), "\n\n")}
		if err != nil {
			r.Stderr = err.Error()
		}
		return r
	}
	plan := i.saved[file]
	if file == "" {
		written, err := parse(declared(i.hcl), i.variables())
		if err != nil {
			t.Fatal(err)
		}
		i.run.config = written
		if plan, err = i.plan(written, options); err != nil {
			return result(1, err)
		}
		texts = append(texts, plan.shown())
	}
	if args[0] == "plan" {
		if out != "" {
			i.saved[out] = plan
		}
		if detailed && !plan.empty() {
			return result(2, nil)
		}
		return result(0, nil)
	}
	if err := i.run.apply(plan); err != nil {
		return result(1, err)
	}
	added, changed, destroyed := plan.counts()
	report := fmt.Sprintf("Apply complete! Resources: %d added, %d changed, %d destroyed.", added, changed, destroyed)
	if args[0] == "destroy" {
		report = fmt.Sprintf("Destroy complete! Resources: %d destroyed.", destroyed)
	}
	texts = append(texts, report)
	return result(0, nil)
}

// variables returns the variables that the environment sets.
func (i *inside) variables() config.Variables {
	given := config.Variables{}
	for name, value := range i.environment() {
		if variable, is := strings.CutPrefix(name, "TF_VAR_"); is {
			given[variable] = config.StringVariable(value)
		}
	}
	return given
}

// plan plans a command. Before Terraform plans a destruction, it plans the configuration to refresh the state, and
// shows only the errors of that.
func (i *inside) plan(written *configuration, options planOptions) (*planned, error) {
	if options.destroy && options.refresh {
		warnings := len(*i.said)
		refreshed, err := i.run.plan(written, planOptions{refresh: true})
		if err != nil {
			return nil, err
		}
		*i.said = (*i.said)[:warnings]
		was := i.run.state
		defer func() { i.run.state = was }()
		i.run.state = refreshed.prior
		options.refresh = false
	}
	return i.run.plan(written, options)
}

// objects returns the current objects of the managed resources, by address.
func (i *inside) objects() map[string]Stored {
	objects := map[string]Stored{}
	for _, address := range i.run.state.managed() {
		one := i.run.state.instances[address]
		attributes, _ := toJSON(one.State).(map[string]any)
		objects[address] = Stored{attributes, one.tainted}
	}
	return objects
}

// counts returns how many objects the plan adds, changes and destroys.
func (plan *planned) counts() (added, changed, destroyed int) {
	for _, ch := range plan.changes {
		if ch.data {
			continue
		}
		if ch.actions.Create() || ch.actions.Replace() {
			added++
		}
		if ch.actions.Update() {
			changed++
		}
		if ch.deletes() {
			destroyed++
		}
	}
	return added, changed, destroyed
}

// shown returns the planned changes in Terraform's words.
func (plan *planned) shown() string {
	if plan.empty() {
		return "No changes."
	}
	var lines []string
	for _, address := range slices.Sorted(maps.Keys(plan.changes)) {
		ch, how := plan.changes[address], ""
		switch {
		case ch.actions.NoOp() || ch.data:
			continue
		case ch.actions.Create():
			how = "will be created"
		case ch.actions.Update():
			how = "will be updated in-place"
		case ch.actions.Delete():
			how = "will be destroyed"
		default:
			how = "must be replaced"
		}
		lines = append(lines, fmt.Sprintf("# %s %s", address, how))
		schema := ours.schemas.ResourceSchemas[ch.typeName]
		lines = append(lines, difference(schema.ValueType(), secretsOf(schema), ch.before, ch.after)...)
	}
	added, changed, destroyed := plan.counts()
	return strings.Join(append(lines, fmt.Sprintf("Plan: %d to add, %d to change, %d to destroy.", added, changed,
		destroyed)), "\n")
}

// secretsOf returns the names of the sensitive attributes.
func secretsOf(schema *tfprotov6.Schema) map[string]bool {
	secrets := map[string]bool{}
	for _, a := range schema.Block.Attributes {
		secrets[a.Name] = a.Sensitive
	}
	return secrets
}

// difference returns the lines about the members of an object or a map that differ.
func difference(ty tftypes.Type, secrets map[string]bool, before, after map[string]any) (lines []string) {
	names := maps.Clone(after)
	if names == nil {
		names = map[string]any{}
	}
	maps.Copy(names, before)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		memberType, label := tftypes.Type(nil), fmt.Sprintf("%q", name)
		switch ty := ty.(type) {
		case tftypes.Object:
			memberType, label = ty.AttributeTypes[name], name
		case tftypes.Map:
			memberType = ty.ElementType
		}
		old, now := before[name], after[name]
		wasMembers, was := old.(map[string]any)
		isMembers, is := now.(map[string]any)
		switch {
		case old == nil && now == nil || old != nil && now != nil && now != any(Unknown) &&
			fmt.Sprint(toJSON(old)) == fmt.Sprint(toJSON(now)):
		case secrets[name]:
			lines = append(lines, sign(old, now)+" "+label+" = (sensitive value)")
		case was && (is || now == nil), is && old == nil:
			end := "}"
			if now == nil {
				end = "} -> null"
			}
			lines = append(lines, sign(old, now)+" "+label+" = {")
			lines = append(append(lines, difference(memberType, nil, wasMembers, isMembers)...), end)
		case old == nil:
			lines = append(lines, "+ "+label+" = "+literal(now))
		case now == nil:
			lines = append(lines, "- "+label+" = "+literal(old)+" -> null")
		default:
			lines = append(lines, "~ "+label+" = "+literal(old)+" -> "+literal(now))
		}
	}
	return lines
}

func sign(old, now any) string {
	switch {
	case old == nil:
		return "+"
	case now == nil:
		return "-"
	}
	return "~"
}

// literal returns a value as it is written in HCL.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case *big.Float:
		return v.Text('f', -1)
	case []any:
		var elements []string
		for _, element := range v {
			elements = append(elements, literal(element))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	if v == any(Unknown) {
		return "(known after apply)"
	}
	return fmt.Sprint(v)
}

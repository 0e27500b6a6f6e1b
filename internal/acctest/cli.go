package acctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/cmd/local"
)

// CLI runs the provider under the real Terraform or OpenTofu, one command at a time: for what the test framework hides, which
// is exit codes, logs, plan files and processes that end.
//
// [CLI.Run] serves the provider in this process where the environment allows it, a new one for each command. With a
// log, a proxy or a path in the environment, or where Process demands it, and for each [CLI.Command], the CLI starts
// the real binary.
type CLI struct {
	// Dir is the working folder, with main.tf and the state.
	Dir string
	// Env is added to the world's environment.
	Env map[string]string
	// Process demands the real binary.
	Process bool

	world  *World
	path   string
	plugin string
	rc     string
	source string                  // of the provider, with the registry's host
	others map[string]reattachable // other providers, by source
}

// Result is how a command ended.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// source says where the provider comes from; a configuration that is only a few blocks leaves it out.
const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"

// CLI lays out a configuration for commands. The real binary is built once for all tests of a package, by the first command
// that needs it.
func (w *World) CLI(t testing.TB, hcl string) *CLI {
	t.Helper()
	plugin, err := binary()
	must(t, err)
	path, host, err := local.Terraform()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &CLI{
		Dir: dir, Env: map[string]string{}, world: w, path: path, plugin: plugin, rc: filepath.Join(t.TempDir(), "cli.tfrc"),
		source: host + "/dbxaccess/dbxaccess", others: map[string]reattachable{},
	}
	overrides := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  dev_overrides {\n    %q = %q\n  }\n  direct {}\n}\n",
		c.source, filepath.Dir(plugin))
	if err := os.WriteFile(c.rc, []byte(overrides), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Rewrite(t, hcl)
	return c
}

// Installs makes init install the provider from a local mirror, as at a user's, in place of finding it by an override. The
// mirror has these versions, all of one build; without any it has 0.1.0.
func (c *CLI) Installs(t testing.TB, versions ...string) {
	t.Helper()
	_, host, err := local.Terraform()
	must(t, err)
	must(t, build())
	if len(versions) == 0 {
		versions = []string{"0.1.0"}
	}
	mirror := t.TempDir()
	for _, version := range versions {
		folder := filepath.Join(mirror, host, "dbxaccess", "dbxaccess", version, runtime.GOOS+"_"+runtime.GOARCH)
		must(t, os.MkdirAll(folder, 0o700))
		must(t, os.Symlink(c.plugin, filepath.Join(folder, "terraform-provider-dbxaccess_v"+version)))
	}
	config := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	must(t, os.WriteFile(c.rc, []byte(config), 0o600))
}

// Rewrite replaces the configuration.
func (c *CLI) Rewrite(t testing.TB, hcl string) {
	t.Helper()
	if !strings.Contains(hcl, "required_providers") {
		hcl = source + hcl
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "main.tf"), []byte(declared(hcl)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Run runs a command and returns its result, whether it succeeded or failed.
func (c *CLI) Run(t testing.TB, args ...string) Result {
	t.Helper()
	cmd := c.command(args...)
	if env := c.environment(); c.needsProcess(t, env) {
		must(t, build())
	} else {
		attached, stop := c.attach(t, env)
		defer stop()
		cmd.Env = append(cmd.Env, reattach(attached))
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return Result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// MustRun runs a command and demands its exit code.
func (c *CLI) MustRun(t testing.TB, code int, args ...string) Result {
	t.Helper()
	r := c.Run(t, args...)
	if r.Code != code {
		t.Fatalf("%s: exit code %d, not %d\n%s\n%s", strings.Join(args, " "), r.Code, code, r.Stdout, r.Stderr)
	}
	return r
}

// Command is a command for the real binary that has not been started.
func (c *CLI) Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	must(t, build())
	return c.command(args...)
}

func (c *CLI) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.path, args...)
	cmd.Dir = c.Dir
	// Nothing of the machine's own environment but what a process needs: a login in it must not leak into a test.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "TF_CLI_CONFIG_FILE=" + c.rc, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color"}
	for name, value := range c.environment() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if len(c.others) > 0 {
		cmd.Env = append(cmd.Env, reattach(c.others))
	}
	return cmd
}

// environment is the world's with what is added to it.
func (c *CLI) environment() map[string]string {
	env := maps.Clone(c.world.Env)
	maps.Copy(env, c.Env)
	return env
}

// State is the state file's text.
func (c *CLI) State(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Stored is one object in a state file.
type Stored struct {
	Attributes map[string]any
	Tainted    bool
}

// Objects are the current objects of the managed resources in the state file, by address; none where nothing was ever stored.
func (c *CLI) Objects(t testing.TB) map[string]Stored {
	t.Helper()
	if _, err := os.Stat(filepath.Join(c.Dir, "terraform.tfstate")); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var state struct {
		Resources []struct {
			Module, Mode, Type, Name string
			Instances                []struct {
				Key        any `json:"index_key"`
				Status     string
				Deposed    string
				Attributes map[string]any
			}
		}
	}
	must(t, json.Unmarshal([]byte(c.State(t)), &state))
	objects := map[string]Stored{}
	for _, r := range state.Resources {
		if r.Mode != "managed" {
			continue
		}
		for _, i := range r.Instances {
			address := strings.TrimPrefix(r.Module+"."+r.Type+"."+r.Name, ".")
			switch key := i.Key.(type) {
			case string:
				address += fmt.Sprintf("[%q]", key)
			case float64:
				address += fmt.Sprintf("[%v]", key)
			}
			if i.Deposed == "" {
				objects[address] = Stored{i.Attributes, i.Status == "tainted"}
			}
		}
	}
	return objects
}

// Attributes are those of one object in the state file; nil where it is not there.
func (c *CLI) Attributes(t testing.TB, address string) map[string]any {
	t.Helper()
	return c.Objects(t)[address].Attributes
}

// Managed lists the addresses of the managed resources in the state, one for each instance.
func (c *CLI) Managed(t testing.TB) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(c.Objects(t)))
}

// Saved is a plan file as JSON shows it.
func (c *CLI) Saved(t testing.TB, file string) *tfjson.Plan {
	t.Helper()
	var plan tfjson.Plan
	must(t, json.Unmarshal([]byte(c.MustRun(t, 0, "show", "-json", file).Stdout), &plan))
	return &plan
}

// Next is what a new plan changes one object to; nil where it does not change it. It demands the plan's detailed exit code.
func (c *CLI) Next(t testing.TB, code int, address string, args ...string) (Result, map[string]any) {
	t.Helper()
	r := c.MustRun(t, code, append([]string{"plan", "-detailed-exitcode", "-out=next.tfplan"}, args...)...)
	for _, change := range c.Saved(t, "next.tfplan").ResourceChanges {
		if change.Address == address && !change.Change.Actions.NoOp() {
			after, _ := change.Change.After.(map[string]any)
			return r, after
		}
	}
	return r, nil
}

// binary is where the provider is built for the tests of a package: in the repository's bin folder, where it stays, so that
// what has not changed is not linked again.
var binary = sync.OnceValues(func() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", err
	}
	folder, err := os.Getwd() // the package's own, so that two packages never write one file
	return filepath.Join(strings.TrimSpace(string(root)), "bin", "test", filepath.Base(folder), "terraform-provider-dbxaccess"), err
})

// build compiles the provider, once for all tests of a package.
var build = sync.OnceValue(func() error {
	file, err := binary()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", file, "github.com/dbxaccess/terraform-provider-dbxaccess")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the provider: %w\n%s", err, out)
	}
	return nil
})

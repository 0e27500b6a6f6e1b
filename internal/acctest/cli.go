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

// CLI runs the provider under the real Terraform or OpenTofu, one command at a time. Tests use it for what Terraform's
// test framework hides: exit codes, logs, plan files and the end of the provider's process.
//
// [CLI.Run] starts a new provider in the test process for each command. The CLI starts the real provider binary instead
// if the environment has a variable for a log, a proxy or a path, if a provider block has an alias, if Process is set,
// and for each [CLI.Command].
type CLI struct {
	// Dir is the working folder, which holds main.tf and the state file.
	Dir string
	// Env holds environment variables in addition to those of the world. They take precedence.
	Env map[string]string
	// Process makes every command use the real provider binary.
	Process bool

	world  *World
	path   string
	plugin string
	rc     string
	source string                  // the provider's source address, with the registry's host
	others map[string]reattachable // other running providers, by source address
	inside *inside                 // runs the commands in this process; nil for the real CLI
}

// Result holds the exit code and the output of a command.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// source is the terraform block that names the provider's source address. [CLI.Rewrite] adds it to a configuration
// without required_providers.
const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"

// CLI writes a configuration into a new folder and returns a CLI that runs commands there. The first command that needs
// the real provider binary builds it, once for all tests of a package.
func (w *World) CLI(t testing.TB, hcl string) *CLI {
	t.Helper()
	plugin, err := binaryFile()
	must(t, err)
	path, host, err := local.Terraform()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &CLI{
		Dir: dir, Env: map[string]string{}, world: w, path: path, plugin: plugin,
		rc:     filepath.Join(t.TempDir(), "cli.tfrc"),
		source: host + "/dbxaccess/dbxaccess", others: map[string]reattachable{},
	}
	overrides := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  dev_overrides {\n    %q = %q\n "+
		" }\n  direct {}\n}\n",
		c.source, filepath.Dir(plugin))
	if err := os.WriteFile(c.rc, []byte(overrides), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Rewrite(t, hcl)
	return c
}

// Installs makes terraform init install the provider from a local mirror, as on a user's machine, instead of using the
// development override. The mirror holds the given versions, or 0.1.0 if none is given. All versions are the same
// build.
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
	config := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = "+
		"%q\n  }\n}\n", mirror)
	must(t, os.WriteFile(c.rc, []byte(config), 0o600))
}

// Rewrite replaces the configuration in main.tf.
func (c *CLI) Rewrite(t testing.TB, hcl string) {
	t.Helper()
	if c.inside != nil {
		c.inside.hcl = hcl
	}
	if !strings.Contains(hcl, "required_providers") {
		hcl = source + hcl
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "main.tf"), []byte(declared(hcl)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Run runs a command and returns its result. A command that fails is not an error of the test.
func (c *CLI) Run(t testing.TB, args ...string) Result {
	t.Helper()
	if c.inside != nil {
		return c.inside.do(t, args)
	}
	cmd := c.command(args...)
	if env := c.environment(); c.needsProcess(t, env) {
		must(t, build())
	} else {
		attached, stop := c.attach(t, env)
		defer stop()
		cmd.Env = append(cmd.Env, reattach(attached), "GOGC=400") // a CLI that lives for a moment need not save memory
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

// MustRun runs a command and ends the test if the exit code is not the given one.
func (c *CLI) MustRun(t testing.TB, code int, args ...string) Result {
	t.Helper()
	r := c.Run(t, args...)
	if r.Code != code {
		t.Fatalf("%s: exit code %d, not %d\n%s\n%s", strings.Join(args, " "), r.Code, code, r.Stdout, r.Stderr)
	}
	return r
}

// Command returns a command that uses the real provider binary and has not been started.
func (c *CLI) Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	must(t, build())
	return c.command(args...)
}

func (c *CLI) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.path, args...)
	cmd.Dir = c.Dir
	// Only PATH comes from the machine's environment, because a login in that environment must not leak into a test.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "TF_CLI_CONFIG_FILE=" + c.rc, "TF_IN_AUTOMATION=1",
		"TF_INPUT=0", "TF_CLI_ARGS=-no-color"}
	if c.world.reaches { // a provider in this process reaches the services without this variable
		cmd.Env = append(cmd.Env, "HTTPS_PROXY="+c.world.Server.ProxyURL)
	}
	for name, value := range c.environment() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if len(c.others) > 0 {
		cmd.Env = append(cmd.Env, reattach(c.others))
	}
	return cmd
}

// environment returns the world's variables together with those of the CLI, which take precedence.
func (c *CLI) environment() map[string]string {
	env := maps.Clone(c.world.Env)
	maps.Copy(env, c.Env)
	return env
}

// State returns the text of the state file.
func (c *CLI) State(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Stored is one object of a managed resource in a state file.
type Stored struct {
	Attributes map[string]any
	Tainted    bool
}

// Objects returns the current objects of the managed resources in the state file, by address. It returns nil if there
// is no state file.
func (c *CLI) Objects(t testing.TB) map[string]Stored {
	t.Helper()
	if c.inside != nil {
		return c.inside.objects()
	}
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

// Attributes returns the attributes of one object in the state file, or nil if the state has no object with that
// address.
func (c *CLI) Attributes(t testing.TB, address string) map[string]any {
	t.Helper()
	return c.Objects(t)[address].Attributes
}

// Managed returns the sorted addresses of the managed resources in the state file, with one address per instance.
func (c *CLI) Managed(t testing.TB) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(c.Objects(t)))
}

// Saved returns the plan in a plan file, as terraform show -json prints it.
func (c *CLI) Saved(t testing.TB, file string) *tfjson.Plan {
	t.Helper()
	if c.inside != nil && c.inside.saved[file] != nil {
		return c.inside.saved[file].json()
	}
	var plan tfjson.Plan
	must(t, json.Unmarshal([]byte(c.MustRun(t, 0, "show", "-json", file).Stdout), &plan))
	return &plan
}

// Next creates a plan and returns the planned attributes of one object, or nil if the plan does not change the object.
// It ends the test if the detailed exit code of the plan is not the given one.
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

// given is the path of a provider binary that is built already. `make test` builds one for the tests of all packages.
var given = os.Getenv("TF_ACC_PROVIDER_BINARY")

// binaryFile returns the path of the provider's binary: the given one, or one of the package's own in the repository's
// bin folder. That file stays there, so that a later run does not link an unchanged provider again.
var binaryFile = sync.OnceValues(func() (string, error) {
	if given != "" {
		return given, nil
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", err
	}
	folder, err := os.Getwd() // each package has its own folder, so that two packages never write the same file
	return filepath.Join(strings.TrimSpace(string(root)), "bin", "test", filepath.Base(folder),
		"terraform-provider-dbxaccess"), err
})

// build compiles the provider once for all tests of a package, unless a binary is given.
var build = sync.OnceValue(func() error {
	if given != "" {
		return nil
	}
	file, err := binaryFile()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", file, "github.com/dbxaccess/terraform-provider-dbxaccess")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the provider: %w\n%s", err, out)
	}
	return nil
})

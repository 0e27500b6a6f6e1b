package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Exit codes of plan -detailed-exitcode.
const (
	noChanges = 0
	changes   = 2
)

const pluginVersion = "0.1.0"

func (d *demo) mirror() string    { return filepath.Join(d.dir, "mirror") }
func (d *demo) example() string   { return filepath.Join(d.dir, "example") }
func (d *demo) vault() string     { return filepath.Join(d.dir, "key-vault") }
func (d *demo) cliConfig() string { return filepath.Join(d.dir, "terraform.rc") }

// pluginDir is where a filesystem mirror keeps this version of the provider, unpacked.
func (d *demo) pluginDir(version string) string {
	return filepath.Join(d.mirror(), d.registry, "dbxaccess", "dbxaccess", version, runtime.GOOS+"_"+runtime.GOARCH)
}

// pluginPath is where the provider goes that prepare builds.
func (d *demo) pluginPath() string {
	return filepath.Join(d.pluginDir(pluginVersion), "terraform-provider-dbxaccess_v"+pluginVersion)
}

// unpack puts the released archive into the mirror, under the version that its name says.
func (d *demo) unpack() error {
	name := strings.TrimSuffix(filepath.Base(d.archive), "_"+runtime.GOOS+"_"+runtime.GOARCH+".zip")
	version, named := strings.CutPrefix(name, "terraform-provider-dbxaccess_")
	if !named || name == filepath.Base(d.archive) {
		return fmt.Errorf("the name must be terraform-provider-dbxaccess_VERSION_%s_%s.zip", runtime.GOOS, runtime.GOARCH)
	}
	archive, err := zip.OpenReader(d.archive)
	if err != nil {
		return err
	}
	defer archive.Close()
	return os.CopyFS(d.pluginDir(version), archive)
}

// layOut writes the examples, the commands to play with, and a CLI configuration that installs from the mirror alone.
func (d *demo) layOut() error {
	config := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", d.mirror())
	commands := fmt.Sprintf("DEMO='%s' CLI='%s'\n%s", d.dir, d.cli, play)
	files := map[string][]byte{"terraform.rc": []byte(config), "play.sh": []byte(commands), "watch/main.tf": watch}
	for to, from := range map[string]string{
		"example/main.tf": "quickstart/main.tf", "key-vault/main.tf": "quickstart/key-vault/main.tf",
		"recipe-two/main.tf": "key-vault-certificate/main.tf", "drift.sh": "pipelines/drift.sh",
	} {
		text, err := os.ReadFile(filepath.Join("examples", filepath.FromSlash(from)))
		if err != nil {
			return err
		}
		files[to] = text
	}
	for name, text := range files {
		name = filepath.Join(d.dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, text, 0o700)); err != nil {
			return err
		}
	}
	return os.CopyFS(filepath.Join(d.dir, "access-watch"), os.DirFS(filepath.Join("examples", "modules", "access-watch")))
}

// terraform runs a command in the example and demands its exit code.
func (d *demo) terraform(wantCode int, args ...string) (string, error) {
	fmt.Printf("   $ %s %s\n", filepath.Base(d.cli), strings.Join(args, " "))
	cmd := exec.CommandContext(d.ctx, d.cli, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it finishes what it has begun
	cmd.Dir = d.folder
	// Nothing of this machine's own environment but what a process needs: a login in it must not change the demo.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "TMPDIR=" + d.dir, "TF_CLI_CONFIG_FILE=" +
		d.cliConfig(), "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color"}
	for name, value := range d.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", err
	}
	if code := cmd.ProcessState.ExitCode(); code != wantCode {
		return "", fmt.Errorf("%s %s: exit code %d, not %d:\n%s", filepath.Base(d.cli), args[0], code, wantCode, out)
	}
	return string(out), nil
}

// plan demands an exit code and a phrase, and shows the lines that matter.
func (d *demo) plan(wantCode int, says string) error {
	out, err := d.terraform(wantCode, "plan", "-detailed-exitcode", "-input=false")
	if err != nil {
		return err
	}
	var seen []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(strings.Trim(strings.TrimSpace(line), "│"))
		if strings.HasPrefix(line, "Warning:") || strings.HasPrefix(line, "# ") && strings.Contains(line, " will be ") ||
			strings.HasPrefix(line, "Plan:") || strings.HasPrefix(line, "No changes") {
			seen = append(seen, strings.TrimPrefix(line, "# "))
		}
	}
	if !strings.Contains(out, says) {
		return fmt.Errorf("the plan does not say %q:\n%s", says, out)
	}
	d.saw(fmt.Sprintf("exit code %d and %q", wantCode, says), fmt.Sprintf("exit code %d: %s", wantCode, strings.Join(seen, "\n            ")))
	return nil
}

func (d *demo) apply() error {
	out, err := d.terraform(0, "apply", "-auto-approve", "-input=false")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "Apply complete!") {
			d.saw("exit code 0", strings.TrimSpace(line))
		}
	}
	return nil
}

// output reads one output, which may be a secret and is not shown.
func (d *demo) output(name string) (string, error) {
	out, err := d.terraform(0, "output", "-raw", name)
	return strings.TrimSpace(out), err
}

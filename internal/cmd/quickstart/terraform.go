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

// Exit codes of terraform plan -detailed-exitcode.
const (
	noChanges = 0
	changes   = 2
)

const pluginVersion = "0.1.0"

func (d *demo) mirror() string    { return filepath.Join(d.dir, "mirror") }
func (d *demo) example() string   { return filepath.Join(d.dir, "example") }
func (d *demo) vault() string     { return filepath.Join(d.dir, "key-vault") }
func (d *demo) cliConfig() string { return filepath.Join(d.dir, "terraform.rc") }

// pluginDir returns the folder in which a local mirror keeps the given version of the provider, unpacked.
func (d *demo) pluginDir(version string) string {
	return filepath.Join(d.mirror(), d.registry, "dbxaccess", "dbxaccess", version, runtime.GOOS+"_"+runtime.GOARCH)
}

// pluginPath returns the path at which prepare builds the provider.
func (d *demo) pluginPath() string {
	return filepath.Join(d.pluginDir(pluginVersion), "terraform-provider-dbxaccess_v"+pluginVersion)
}

// unpack unpacks the released provider archive into the local mirror, under the version in the archive's name.
func (d *demo) unpack() error {
	name := strings.TrimSuffix(filepath.Base(d.archive), "_"+runtime.GOOS+"_"+runtime.GOARCH+".zip")
	version, named := strings.CutPrefix(name, "terraform-provider-dbxaccess_")
	if !named || name == filepath.Base(d.archive) {
		return fmt.Errorf("the name must be terraform-provider-dbxaccess_VERSION_%s_%s.zip", runtime.GOOS,
			runtime.GOARCH)
	}
	archive, err := zip.OpenReader(d.archive)
	if err != nil {
		return err
	}
	defer archive.Close()
	return os.CopyFS(d.pluginDir(version), archive)
}

// layOut writes the example configurations, the script with the commands for a person, and a CLI configuration that
// installs providers only from the local mirror.
func (d *demo) layOut() error {
	config := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = "+
		"%q\n  }\n}\n", d.mirror())
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
	return os.CopyFS(filepath.Join(d.dir, "access-watch"),
		os.DirFS(filepath.Join("examples", "modules", "access-watch")))
}

// terraform runs a Terraform command in the current working folder and returns its output. It returns an error if the
// exit code is not the expected one.
func (d *demo) terraform(wantCode int, args ...string) (string, error) {
	fmt.Printf("   $ %s %s\n", filepath.Base(d.cli), strings.Join(args, " "))
	cmd := exec.CommandContext(d.ctx, d.cli, args...)
	// on an interrupt, Terraform finishes the operation that it has begun
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Dir = d.folder
	// Only PATH comes from this machine's environment, because a login in that environment must not change the
	// demonstration.
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

// plan runs terraform plan and prints the important lines of its output. It returns an error if the exit code is not
// the expected one or if the output does not contain the given text.
func (d *demo) plan(wantCode int, says string) error {
	out, err := d.terraform(wantCode, "plan", "-detailed-exitcode", "-input=false")
	if err != nil {
		return err
	}
	var seen []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(strings.Trim(strings.TrimSpace(line), "│"))
		if strings.HasPrefix(line, "Warning:") || strings.HasPrefix(line, "# ") &&
			strings.Contains(line, " will be ") ||
			strings.HasPrefix(line, "Plan:") || strings.HasPrefix(line, "No changes") {
			seen = append(seen, strings.TrimPrefix(line, "# "))
		}
	}
	if !strings.Contains(out, says) {
		return fmt.Errorf("the plan does not say %q:\n%s", says, out)
	}
	d.saw(fmt.Sprintf("exit code %d and %q", wantCode, says), fmt.Sprintf("exit code %d: %s", wantCode,
		strings.Join(seen, "\n            ")))
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

// output returns the value of a Terraform output. It does not print the value, which may be a secret.
func (d *demo) output(name string) (string, error) {
	out, err := d.terraform(0, "output", "-raw", name)
	return strings.TrimSpace(out), err
}

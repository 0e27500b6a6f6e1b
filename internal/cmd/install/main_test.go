package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/cmd/local"
)

// TestInitFindsTheInstalledProvider checks that terraform init finds the installed provider without a registry and
// without any setting, for the first configuration of the README.
func TestInitFindsTheInstalledProvider(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("needs a CLI: set TF_ACC=1 and TF_ACC_TERRAFORM_PATH")
	}
	cli, _, err := local.Terraform()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, hcl, _ := strings.Cut(string(readme), "```hcl\n")
	hcl, _, found := strings.Cut(hcl, "```\n")
	if !found || !strings.Contains(hcl, "version") {
		t.Fatal("the README does not begin with a block that names a version")
	}
	home, work := t.TempDir(), t.TempDir()
	t.Chdir("../../..") // the folder of the provider's main package
	if err := install("0.1.0", filepath.Join(home, ".terraform.d", "plugins"), buildPlainly); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "main.tf"), []byte(hcl), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-input=false"}, {"validate"}} {
		cmd := exec.CommandContext(t.Context(), cli, append(args, "-no-color")...)
		cmd.Dir = work
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" +
			os.DevNull}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
	}
}

func TestImpliedFolder(t *testing.T) {
	home := func() (string, error) { return "h", nil }
	getenv := func(name string) string { return map[string]string{"APPDATA": "a"}[name] }
	for goos, want := range map[string]string{
		"linux": "h/.terraform.d/plugins", "darwin": "h/.terraform.d/plugins", "windows": "a/terraform.d/plugins",
	} {
		if got, err := implied(goos, getenv, home); err != nil || filepath.ToSlash(got) != want {
			t.Errorf("%s: %s, %v", goos, got, err)
		}
	}
	if _, err := implied("windows", func(string) string { return "" }, home); err == nil {
		t.Error("no folder is named without APPDATA")
	}
}

func TestVersionIsOne(t *testing.T) {
	for _, wrong := range []string{"", "dev", "1.2", "1.2.3/../..", "abc123-dirty"} {
		if err := install(wrong, t.TempDir(), buildPlainly); err == nil {
			t.Errorf("%q is taken for a version", wrong)
		}
	}
}

// buildPlainly takes the provider that `make test` has built, or builds one without release flags. A build reuses the
// compiled packages of the other tests' builds, and keeps the binary, so that a later run does not link an unchanged
// provider again.
func buildPlainly(_, binary string) error {
	if given := os.Getenv("TF_ACC_PROVIDER_BINARY"); given != "" {
		return copyFile(given, binary)
	}
	kept := filepath.Join("bin", "test", "install", "terraform-provider-dbxaccess")
	if err := exec.Command("go", "build", "-o", kept, ".").Run(); err != nil {
		return err
	}
	return copyFile(kept, binary)
}

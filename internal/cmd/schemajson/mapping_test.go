package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
)

// TestEqualsTerraformProvidersSchema compares the mapping with what the installed Terraform or OpenTofu prints about
// the real provider binary. It ignores parts that the installed version does not print.
func TestEqualsTerraformProvidersSchema(t *testing.T) {
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	for _, name := range []string{"terraform", "tofu"} {
		if cli == "" {
			cli, _ = exec.LookPath(name)
		}
	}
	if cli == "" {
		t.Skip("needs a CLI: put terraform or tofu on PATH, or set TF_ACC_TERRAFORM_PATH")
	}

	want := askCLI(t, cli)
	got := ours(t)
	for _, section := range []string{"resource_identity_schemas", "list_resource_schemas", "action_schemas"} {
		if _, printed := want[section]; !printed {
			delete(got, section) // this CLI does not support the section yet
		}
	}
	if !mentions(want, "deprecation_message") {
		drop(got, "deprecation_message") // Terraform prints deprecation messages since version 1.15
	}
	for section := range got {
		compare(t, section, got[section], want[section])
	}
	for section := range want {
		if _, ok := got[section]; !ok {
			t.Errorf("%s: Terraform prints it, we do not", section)
		}
	}
}

func ours(t *testing.T) map[string]any {
	t.Helper()
	noEnv := func(string) (string, bool) { return "", false }
	server, err := providerserver.NewProtocol6WithError(provider.New("test", noEnv)())()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := describe(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, encoded, shortName)
}

func askCLI(t *testing.T, cli string) map[string]any {
	t.Helper()
	const address = "registry.terraform.io/dbxaccess/dbxaccess"
	dir := t.TempDir()
	kept := filepath.Dir(os.Getenv("TF_ACC_PROVIDER_BINARY")) // `make test` has built it
	if kept == "." {
		// The binary stays there, so that a later run does not link an unchanged provider again.
		kept = filepath.Join(repoRoot(t), "bin", "test", "schemajson")
		execute(t, nil, dir, "go", "build", "-C", repoRoot(t), "-o",
			filepath.Join(kept, "terraform-provider-dbxaccess"), ".")
	}
	write(t, filepath.Join(dir, "cli.tfrc"), fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = "+
		"%q\n  }\n  direct {}\n}\n", address, kept))
	write(t, filepath.Join(dir, "main.tf"), fmt.Sprintf("terraform {\n  required_providers {\n    dbxaccess = {\n  "+
		"    source = %q\n    }\n  }\n}\n", address))
	env := []string{"TF_CLI_CONFIG_FILE=" + filepath.Join(dir, "cli.tfrc"), "CHECKPOINT_DISABLE=1"}
	return decode(t, execute(t, env, dir, cli, "providers", "schema", "-json"), address)
}

func execute(t *testing.T, env []string, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, &stderr)
	}
	return out
}

func decode(t *testing.T, encoded []byte, address string) map[string]any {
	t.Helper()
	var doc struct {
		FormatVersion string                    `json:"format_version"`
		Schemas       map[string]map[string]any `json:"provider_schemas"`
	}
	if err := json.Unmarshal(encoded, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.FormatVersion != "1.0" || doc.Schemas[address] == nil {
		t.Fatalf("format %q, no schema for %s in:\n%.500s", doc.FormatVersion, address, encoded)
	}
	return doc.Schemas[address]
}

// compare compares two values recursively, so that an error names the path of a difference instead of printing two
// pages of JSON.
func compare(t *testing.T, path string, got, want any) {
	t.Helper()
	g, ok1 := got.(map[string]any)
	w, ok2 := want.(map[string]any)
	if !ok1 || !ok2 {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, Terraform prints %v", path, got, want)
		}
		return
	}
	for k := range w {
		if _, ok := g[k]; !ok {
			t.Errorf("%s.%s: Terraform prints it, we do not", path, k)
		}
	}
	for k := range g {
		compare(t, path+"."+k, g[k], w[k])
	}
}

// mentions reports whether a value contains a key, and drop removes a key. Both ignore functions, because every
// Terraform version prints the deprecation messages of functions.
func mentions(v any, key string) bool {
	m, _ := v.(map[string]any)
	for k, child := range m {
		if k == key || k != "functions" && mentions(child, key) {
			return true
		}
	}
	return false
}

func drop(v any, key string) {
	m, _ := v.(map[string]any)
	delete(m, key)
	for k, child := range m {
		if k != "functions" {
			drop(child, key)
		}
	}
}

func repoRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

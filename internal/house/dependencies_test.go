package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestDependenciesAreExplained checks that .github/CONTRIBUTING.md explains exactly the modules that go.mod requires
// directly, each of them once.
func TestDependenciesAreExplained(t *testing.T) {
	file := moduleFile(t, "go.mod")
	var required []string
	for _, r := range file.Require {
		if !r.Indirect {
			required = append(required, r.Mod.Path)
		}
	}
	page, err := os.ReadFile("../../.github/CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z.]+\\.[a-z]+/[^`]+)` \\| "+
		".{8,} \\|$").FindAllSubmatch(page, -1) {
		explained = append(explained, string(row[1]))
	}
	slices.Sort(required)
	slices.Sort(explained)
	for _, name := range required {
		if !slices.Contains(explained, name) {
			t.Errorf("go.mod requires %s, and .github/CONTRIBUTING.md does not say what for", name)
		}
	}
	for _, name := range explained {
		if !slices.Contains(required, name) {
			t.Errorf(".github/CONTRIBUTING.md explains %s, which go.mod does not require directly", name)
		}
	}
	if len(slices.Compact(explained)) != len(required) {
		t.Error("a dependency is explained twice")
	}
}

// TestToolchainIsNamed checks that go.mod and tools/go.mod have toolchain lines with the same Go release. Workflows
// build with the release that this line names.
func TestToolchainIsNamed(t *testing.T) {
	product, tools := moduleFile(t, "go.mod"), moduleFile(t, "tools/go.mod")
	if product.Toolchain == nil || tools.Toolchain == nil || product.Toolchain.Name != tools.Toolchain.Name {
		t.Error("go.mod and tools/go.mod need a toolchain line each, with the same release")
	}
}

func moduleFile(t *testing.T, name string) *modfile.File {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse(name, content, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fails checks that err contains the given text, or that err is nil if the text is empty.
func fails(t *testing.T, err error, says string) {
	t.Helper()
	if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
		t.Errorf("got %v, want %q", err, says)
	}
}

func TestRunsAreCompared(t *testing.T) {
	t.Parallel()
	const archive, sig = project + "_1.0.0_linux_amd64.zip", project + "_1.0.0_SHA256SUMS.sig"
	for _, c := range []struct {
		name   string
		second map[string]string
		says   string
	}{
		{"equal but for the signature", map[string]string{archive: "a", sig: "another time"}, ""},
		{"other bytes", map[string]string{archive: "b", sig: "s"}, "different bytes for " + archive},
		{"a file less", map[string]string{sig: "s"}, "different files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second := t.TempDir(), t.TempDir()
			write(t, first, map[string]string{archive: "a", sig: "s", "metadata.json": "is not published"})
			write(t, second, c.second)
			fails(t, sameFiles(first, second), c.says)
		})
	}
	fails(t, sameFiles(t.TempDir(), t.TempDir()), "left nothing")
}

func TestSumsAreChecked(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dist := filepath.Join(root, "dist")
	if err := os.Mkdir(dist, 0o700); err != nil {
		t.Fatal(err)
	}
	found := &release{sums: project + "_1.0.0_SHA256SUMS", manifest: project + "_1.0.0_manifest.json"}
	write(t, root, map[string]string{"terraform-registry-manifest.json": "manifest"})
	sum := sha256.Sum256([]byte("manifest"))
	write(t, dist, map[string]string{found.sums: fmt.Sprintf("%x  %s\n", sum, found.manifest)})
	listed, err := checkSums(dist, found)
	if err != nil || len(listed) != 1 || listed[0] != found.manifest {
		t.Errorf("%q %v", listed, err)
	}
	write(t, root, map[string]string{"terraform-registry-manifest.json": "another"})
	_, err = checkSums(dist, found)
	fails(t, err, found.manifest+" has the sum")
}

func TestBuildAndComponentsAreChecked(t *testing.T) {
	t.Parallel()
	built := &buildinfo.BuildInfo{
		GoVersion: "go1.26.0",
		Deps:      []*debug.Module{{Path: "example.com/a", Version: "v1.2.3"}},
		Settings: []debug.BuildSetting{
			{Key: "-trimpath", Value: "true"}, {Key: "CGO_ENABLED", Value: "0"}, {Key: "GOOS", Value: "linux"},
			{Key: "GOARCH", Value: "amd64"}, {Key: "vcs.modified", Value: "false"},
		},
	}
	fails(t, checkBuild(built, "linux", "amd64"), "")
	fails(t, checkBuild(built, "linux", "arm64"), `GOARCH="amd64", not "arm64"`)
	built.Settings = built.Settings[1:]
	fails(t, checkBuild(built, "linux", "amd64"), `-trimpath=""`)

	file := filepath.Join(t.TempDir(), "bom.json")
	for list, says := range map[string]string{
		`{"name":"std","version":"go1.26.0"},{"name":"example.com/a","version":"v1.2.3"}`: "",
		`{"name":"std","version":"go1.26.0"}`:                                             "example.com/a v1.2.3",
		`{"name":"std","version":"go1.26.0"},{"name":"example.com/a","version":"v1.2.2"}`: "example.com/a v1.2.3",
	} {
		write(t, filepath.Dir(file), map[string]string{"bom.json": `{"bomFormat":"CycloneDX","components":[` + list +
			`]}`})
		fails(t, checkComponents(file, built), says)
	}
}

func TestUnstrippedBinaryIsFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"main.go": "package main\n\nfunc main() {}\n"})
	for _, goos := range []string{runtime.GOOS, "windows"} {
		for flags, stripped := range map[string]bool{"-s -w": true, "": false} {
			file := filepath.Join(dir, "program")
			build := exec.Command("go", "build", "-ldflags", flags, "-o", file, filepath.Join(dir, "main.go"))
			build.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			binary, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sections, err := symbolSections(binary)
			if err != nil || stripped != (len(sections) == 0) {
				t.Errorf("%s, with flags %q: %q %v", goos, flags, sections, err)
			}
		}
	}
	_, err := symbolSections([]byte("a script"))
	fails(t, err, "neither ELF")
}

// TestNativeConfig checks that the configuration for this machine's platform can be derived from the current release
// configuration.
func TestNativeConfig(t *testing.T) {
	t.Parallel()
	r := &releaser{dir: t.TempDir()}
	file, err := r.nativeConfig("../../..")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`goos: ["` + runtime.GOOS + `"]`, `goarch: ["` + runtime.GOARCH + `"]`} {
		if !strings.Contains(string(config), line) {
			t.Errorf("%s is not in\n%s", line, config)
		}
	}
}

// TestOneVersionOfGoreleaser checks that the dry run, the release workflow and SECURITY.md name the same version of
// goreleaser.
func TestOneVersionOfGoreleaser(t *testing.T) {
	t.Parallel()
	var versions []string
	for file, pattern := range map[string]string{
		"GNUmakefile":                   `goreleaser/v2@(v[0-9.]+)`,
		".github/SECURITY.md":           `goreleaser/v2@(v[0-9.]+)`,
		".github/workflows/release.yml": `(?s)goreleaser-action@.*?version: (\S+)`,
	} {
		text, err := os.ReadFile(filepath.Join("../../..", file))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s names no version of goreleaser", file)
		}
		versions = append(versions, string(found[1]))
	}
	if len(slices.Compact(slices.Sorted(slices.Values(versions)))) != 1 {
		t.Errorf("the dry run, the release workflow and SECURITY.md name different versions: %q", versions)
	}
}

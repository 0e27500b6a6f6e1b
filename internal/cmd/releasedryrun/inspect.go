package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

const (
	project    = "terraform-provider-dbxaccess"
	components = ".cyclonedx.json"
)

var archiveName = regexp.MustCompile(`^` + project + `_(.+)_([a-z0-9]+)_([a-z0-9]+)\.zip$`)

// release holds the names of the files of one release.
type release struct {
	sums     string
	manifest string
	archives []string
	goes     []string // the Go releases that built the binaries
}

func (r *release) native() (string, error) {
	for _, name := range r.archives {
		if strings.HasSuffix(name, "_"+runtime.GOOS+"_"+runtime.GOARCH+".zip") {
			return name, nil
		}
	}
	return "", fmt.Errorf("no archive is for %s_%s", runtime.GOOS, runtime.GOARCH)
}

// published returns the names of the files in dist that a release uploads. The manifest is not among them, because it
// is uploaded from the repository.
func published(dist string) ([]string, error) {
	entries, err := os.ReadDir(dist)
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() && strings.HasPrefix(name, project+"_") {
			names = append(names, name)
		}
	}
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("goreleaser left nothing in %s", dist)
	}
	return names, err
}

// sameFiles returns an error if two runs publish different files. It ignores the contents of the signature, which
// contains its time.
func sameFiles(first, second string) error {
	a, err := published(first)
	if err != nil {
		return err
	}
	b, err := published(second)
	if err != nil {
		return err
	}
	if !slices.Equal(a, b) {
		return fmt.Errorf("the runs made different files:\n%q\n%q", a, b)
	}
	var differ []string
	for _, name := range a {
		if strings.HasSuffix(name, ".sig") {
			continue
		}
		x, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			return err
		}
		y, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(x, y) {
			differ = append(differ, name)
		}
	}
	if differ != nil {
		return fmt.Errorf("the runs gave different bytes for %s", strings.Join(differ, ", "))
	}
	return nil
}

// inspect checks the checksums, and checks that each archive contains what a user, the registry and a security team
// need.
func inspect(dist string) (*release, error) {
	names, err := published(dist)
	if err != nil {
		return nil, err
	}
	found := &release{}
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, "_SHA256SUMS"):
			found.sums = name
		case archiveName.MatchString(name):
			found.archives = append(found.archives, name)
		}
	}
	if found.sums == "" || len(found.archives) == 0 {
		return nil, fmt.Errorf("sums or archives are missing: %q", names)
	}
	found.manifest = strings.TrimSuffix(found.sums, "SHA256SUMS") + "manifest.json"
	listed, err := checkSums(dist, found)
	if err != nil {
		return nil, err
	}
	want := []string{found.manifest}
	for _, archive := range found.archives {
		bom := strings.TrimSuffix(archive, ".zip") + components
		want = append(want, archive, bom)
		builtBy, err := inspectArchive(filepath.Join(dist, archive), filepath.Join(dist, bom))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", archive, err)
		}
		found.goes = append(found.goes, builtBy)
	}
	slices.Sort(want)
	if !slices.Equal(want, listed) {
		return nil, fmt.Errorf("%s lists\n  %q, not\n  %q", found.sums, listed, want)
	}
	return found, nil
}

// checkSums compares each line of the checksum file with the file that it names, and returns the sorted names of those
// files.
func checkSums(dist string, found *release) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dist, found.sums))
	if err != nil {
		return nil, err
	}
	var listed []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		file := filepath.Join(dist, name)
		if name == found.manifest {
			file = filepath.Join(filepath.Dir(dist), "terraform-registry-manifest.json")
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != sum {
			return nil, fmt.Errorf("%s has the sum %s, and %s says %s", name, got, found.sums, sum)
		}
		listed = append(listed, name)
	}
	slices.Sort(listed)
	return listed, lines.Err()
}

// inspectArchive checks an archive and its list of components, and returns the Go release that built the archive's
// binary.
func inspectArchive(file, bom string) (string, error) {
	parts := archiveName.FindStringSubmatch(filepath.Base(file))
	binary := project + "_v" + parts[1]
	if parts[2] == "windows" {
		binary += ".exe"
	}
	archive, err := zip.OpenReader(file)
	if err != nil {
		return "", err
	}
	defer archive.Close()
	content := map[string][]byte{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			return "", err
		}
		content[f.Name], err = io.ReadAll(in)
		if err := errors.Join(err, in.Close()); err != nil {
			return "", err
		}
		if f.Name == binary && f.Mode().Perm() != 0o755 {
			return "", fmt.Errorf("%s has mode %v", binary, f.Mode())
		}
	}
	want := []string{"CHANGELOG.md", "LICENSE", "README.md", binary}
	if got := slices.Sorted(maps.Keys(content)); !slices.Equal(got, want) {
		return "", fmt.Errorf("it contains %q", got)
	}
	info, err := buildinfo.Read(bytes.NewReader(content[binary]))
	if err != nil {
		return "", err
	}
	if err := checkBuild(info, parts[2], parts[3]); err != nil {
		return "", err
	}
	symbols, err := symbolSections(content[binary])
	if err != nil {
		return "", err
	}
	if len(symbols) != 0 {
		return "", fmt.Errorf("the binary is not stripped: %q", symbols)
	}
	return info.GoVersion, checkComponents(bom, info)
}

// checkBuild checks the build settings that the binary itself contains.
func checkBuild(info *buildinfo.BuildInfo, goos, goarch string) error {
	got := map[string]string{}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	for key, want := range map[string]string{
		"GOOS": goos, "GOARCH": goarch, "CGO_ENABLED": "0", "-trimpath": "true", "vcs.modified": "false",
	} {
		if got[key] != want {
			return fmt.Errorf("the binary was built with %s=%q, not %q", key, got[key], want)
		}
	}
	return nil
}

// symbolSections returns the names of the binary's sections that contain symbols or debugging data. It supports ELF,
// Mach-O and PE.
func symbolSections(binary []byte) ([]string, error) {
	var sections []string
	in := bytes.NewReader(binary)
	if f, err := elf.NewFile(in); err == nil {
		for _, s := range f.Sections {
			sections = append(sections, s.Name)
		}
	} else if f, err := macho.NewFile(in); err == nil {
		for _, s := range f.Sections {
			sections = append(sections, s.Name)
		}
	} else if f, err := pe.NewFile(in); err == nil {
		for _, s := range f.Sections {
			// In a PE file, Go's linker always writes the section .symtab. In a stripped binary the section contains no
			// symbols.
			if s.Name != ".symtab" || f.NumberOfSymbols > 0 {
				sections = append(sections, s.Name)
			}
		}
	} else {
		return nil, errors.New("the binary is neither ELF nor Mach-O nor PE")
	}
	debugging := regexp.MustCompile(`^\.symtab$|debug_`)
	return slices.DeleteFunc(sections, func(name string) bool { return !debugging.MatchString(name) }), nil
}

// checkComponents returns an error if the list of components differs from the modules that the binary itself names.
func checkComponents(file string, info *buildinfo.BuildInfo) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var bom struct {
		Format     string `json:"bomFormat"`
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		return err
	}
	listed := []string{}
	for _, c := range bom.Components {
		listed = append(listed, c.Name+" "+c.Version)
	}
	want := []string{"std " + info.GoVersion}
	for _, m := range info.Deps {
		want = append(want, m.Path+" "+m.Version)
	}
	slices.Sort(listed)
	slices.Sort(want)
	if bom.Format != "CycloneDX" || !slices.Equal(listed, want) {
		return fmt.Errorf("%s lists\n  %q, and the binary has\n  %q", filepath.Base(file), listed, want)
	}
	return nil
}

// keep replaces the folder to with a copy of the files that would be published.
func keep(from, to string, found *release) error {
	names, err := published(from)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o755)); err != nil {
		return err
	}
	sources := map[string]string{found.manifest: filepath.Join(filepath.Dir(from), "terraform-registry-manifest.json")}
	for _, name := range names {
		sources[name] = filepath.Join(from, name)
	}
	for name, source := range sources {
		content, err := os.ReadFile(source)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Command licences checks that every module from which the provider and its tests are built has an allowed licence. It
// reads the modules' licence files. Run it in the folder of the Go module that it checks.
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed holds the licences that a module may have. They permit everybody to use, change and distribute a program
// under conditions that this project, which itself has the licence MPL-2.0, fulfils. Unicode-DFS-2016 is for character
// tables. A change that adds a licence must explain why.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unicode-DFS-2016"}

// leastCoverage is the percentage of a licence file that must be known licence text. The rest may be names and
// copyright lines.
const leastCoverage = 75

// systems holds the operating systems whose builds may use different modules.
var systems = []string{"linux", "darwin", "windows", "freebsd"}

func main() {
	modules, err := modulesInUse()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	refused := 0
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		found, err := licencesIn(modules[name])
		if err != nil {
			refused++
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		}
		fmt.Printf("%-80s %s\n", name, strings.Join(found, ", "))
	}
	if refused > 0 {
		fmt.Fprintf(os.Stderr, "%d of %d modules are not under one of %s\n", refused, len(modules), strings.Join(allowed, ", "))
		os.Exit(1)
	}
}

// modulesInUse returns the folder of each module from which a build or a test uses a package, by the module's path and
// version.
func modulesInUse() (map[string]string, error) {
	folders := map[string]string{}
	for _, system := range systems {
		list := exec.Command("go", "list", "-deps", "-test", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", "./...")
		list.Env, list.Stderr = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0"), os.Stderr
		output, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", system, err)
		}
		for line := range strings.Lines(string(output)) {
			if column := strings.Split(strings.TrimSpace(line), "\t"); len(column) == 3 {
				folders[column[0]+" "+column[1]] = column[2]
			}
		}
	}
	if len(folders) == 0 {
		return nil, errors.New("go list names no module")
	}
	return folders, nil
}

// licencesIn returns the names of a module's licences. It returns an error if there is no licence file, if a licence
// file is not recognised, or if a licence is not allowed.
func licencesIn(folder string) ([]string, error) {
	var names []string
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		name := strings.ToUpper(file.Name())
		if file.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			return names, err
		}
		scan := licensecheck.Scan(text)
		if scan.Percent < leastCoverage {
			return names, fmt.Errorf("%s is a known licence by %.0f %% only", file.Name(), scan.Percent)
		}
		for _, match := range scan.Match {
			if !slices.Contains(names, match.ID) {
				names = append(names, match.ID)
			}
		}
	}
	if len(names) == 0 {
		return nil, errors.New("there is no licence file")
	}
	for _, name := range names {
		if !slices.Contains(allowed, name) {
			return names, fmt.Errorf("%s is not allowed", name)
		}
	}
	return names, nil
}

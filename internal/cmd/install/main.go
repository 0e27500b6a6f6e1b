// Command install builds the provider and copies it into the folders in which terraform init and tofu init look for
// providers on this machine. A configuration that names the given version in required_providers then needs no registry.
//
//	go run ./internal/cmd/install -version 0.1.0
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// registries holds the registry hosts under which Terraform and OpenTofu look for the provider dbxaccess/dbxaccess.
var registries = []string{"registry.terraform.io", "registry.opentofu.org"}

// semver matches a version that the folder of a provider mirror may have: three numbers and, for a pre-release, a
// suffix.
var semver = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

func main() {
	version := flag.String("version", "", "version of the provider, such as 0.1.0")
	dir := flag.String("dir", "", "folder of a filesystem mirror (default: the one that the CLI reads "+
		"without a setting)")
	flag.Parse()
	if err := install(strings.TrimPrefix(*version, "v"), *dir, build); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

// install writes the provider's binary into the mirror folder of each registry. It calls build once, with the version
// and the binary's path, and copies the binary for the other registry.
func install(version, dir string, build func(version, binary string) error) error {
	if !semver.MatchString(version) {
		return fmt.Errorf("%q is not a version such as 0.1.0", version)
	}
	if dir == "" {
		var err error
		if dir, err = implied(runtime.GOOS, os.Getenv, os.UserHomeDir); err != nil {
			return err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	name := "terraform-provider-dbxaccess_v" + version
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	var built string
	for _, registry := range registries {
		binary := filepath.Join(dir, registry, "dbxaccess", "dbxaccess", version, runtime.GOOS+"_"+runtime.GOARCH, name)
		if built == "" {
			built, err = binary, build(version, binary)
		} else {
			err = copyFile(built, binary)
		}
		if err != nil {
			return err
		}
		fmt.Println(binary)
	}
	return nil
}

func build(version, binary string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building the provider: %w", err)
	}
	return nil
}

// copyFile copies a file. It writes a new file and then renames it, because a running program cannot be overwritten.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to+".new", content, 0o755); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}

// implied returns the folder in which Terraform and OpenTofu look for providers by default, so that no CLI
// configuration file is needed
// (https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories).
func implied(goos string, getenv func(string) string, home func() (string, error)) (string, error) {
	if goos == "windows" {
		data := getenv("APPDATA")
		if data == "" {
			return "", errors.New("APPDATA is not set: name a folder with -dir")
		}
		return filepath.Join(data, "terraform.d", "plugins"), nil
	}
	folder, err := home()
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, ".terraform.d", "plugins"), nil
}

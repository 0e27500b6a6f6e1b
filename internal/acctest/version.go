package acctest

import (
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/semver"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/cmd/local"
)

// NeedsTerraform skips a test of something that Terraform has since the given version, such as "1.14.0", and OpenTofu has
// not. what names it for the reader of the skip.
func NeedsTerraform(t testing.TB, since, what string) {
	t.Helper()
	cli, err := cliVersion()
	if err != nil {
		t.Fatal(err)
	}
	if cli.tofu || semver.Compare(cli.version, "v"+since) < 0 {
		t.Skipf("%s need Terraform %s; this is %s", what, since, cli.name)
	}
}

// HasTerraform reports whether the tests drive Terraform of at least the given version, such as "1.14.0".
func HasTerraform(t testing.TB, since string) bool {
	t.Helper()
	cli, err := cliVersion()
	if err != nil {
		t.Fatal(err)
	}
	return !cli.tofu && semver.Compare(cli.version, "v"+since) >= 0
}

// IsOpenTofu reports whether the tests drive OpenTofu.
func IsOpenTofu(t testing.TB) bool {
	t.Helper()
	cli, err := cliVersion()
	if err != nil {
		t.Fatal(err)
	}
	return cli.tofu
}

type cli struct {
	name    string // for a person
	version string // such as v1.14.0
	tofu    bool
}

// cliVersion asks the CLI once for all tests of a package.
var cliVersion = sync.OnceValues(func() (cli, error) {
	path, registry, err := local.Terraform()
	if err != nil {
		return cli{}, err
	}
	out, err := exec.Command(path, "version", "-json").Output()
	if err != nil {
		return cli{}, err
	}
	var said struct {
		Version string `json:"terraform_version"` // OpenTofu calls it so, too
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return cli{}, err
	}
	// A release candidate has what the release has.
	release, _, _ := strings.Cut(said.Version, "-")
	c := cli{"Terraform " + said.Version, "v" + release, registry == "registry.opentofu.org"}
	if c.tofu {
		c.name = "OpenTofu " + said.Version
	}
	return c, nil
})

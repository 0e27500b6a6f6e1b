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

// NeedsTerraform skips the test unless the CLI is Terraform of at least the given version, such as "1.14.0". It also
// skips the test under OpenTofu, which lacks the feature. what names the feature in the skip message.
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

// IsOpenTofu reports whether the tests run OpenTofu.
func IsOpenTofu(t testing.TB) bool {
	t.Helper()
	cli, err := cliVersion()
	if err != nil {
		t.Fatal(err)
	}
	return cli.tofu
}

type cli struct {
	name    string // the product and its version, for messages
	version string // the version with a leading v, such as v1.14.0
	tofu    bool
}

// cliVersion returns the product and the version of the CLI. It runs the CLI once for all tests of a package.
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
		Version string `json:"terraform_version"` // OpenTofu uses the same field name
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return cli{}, err
	}
	// A release candidate has the same features as its release.
	release, _, _ := strings.Cut(said.Version, "-")
	c := cli{"Terraform " + said.Version, "v" + release, registry == "registry.opentofu.org"}
	if c.tofu {
		c.name = "OpenTofu " + said.Version
	}
	return c, nil
})

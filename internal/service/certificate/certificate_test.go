package certificate_test

import (
	"encoding/base64"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"

func pfx(t *testing.T, w *acctest.World) string {
	t.Helper()
	file, err := os.ReadFile(w.Env["ARM_CLIENT_CERTIFICATE_PATH"])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(file)
}

// PEM output of the function is valid input again, with the same certificate and key.
func TestPFXToPEM(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	call := `provider::dbxaccess::pfx_to_pem(` + w.Secret(pfx(t, w)) + ", " + w.Secret(acctest.Password) + ")"
	w.TestCLI(t, resource.TestStep{
		Config: source + `
			output "bundle" {
				value     = join("", [` + call + `.certificate_pem, ` + call + `.private_key_pem])
				sensitive = true
			}
			output "chain" { value = nonsensitive(` + call + `.chain_pem) }`,
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("bundle", knownvalue.StringFunc(func(text string) error {
				c, _, err := certificate.Parse([]byte(text), "", certificate.Origin{})
				if err != nil {
					return err
				}
				if !c.Leaf().Equal(w.DeployerCertificate) || !c.Key.Equal(w.DeployerKey) {
					t.Error("another certificate or key came out")
				}
				return nil
			})),
			statecheck.ExpectKnownOutputValue("chain", knownvalue.StringExact("")),
		},
	})
}

func TestCertificateInfo(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	want, _, err := certificate.Parse(acctest.PEM(t, w.DeployerKey, w.DeployerCertificate), "", certificate.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	w.TestCLI(t, resource.TestStep{
		Config: source + `output "info" { value = nonsensitive(provider::dbxaccess::certificate_info(` +
			w.Secret(pfx(t, w)) + ", " + w.Secret(acctest.Password) + `)) }`,
		ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("info",
			knownvalue.ObjectExact(map[string]knownvalue.Check{
				"subject":           knownvalue.StringExact("CN=deployer"),
				"issuer":            knownvalue.StringExact(want.Issuer),
				"serial":            knownvalue.StringExact(want.Serial),
				"thumbprint_sha1":   knownvalue.StringExact(want.ThumbprintSHA1),
				"thumbprint_sha256": knownvalue.StringExact(want.ThumbprintSHA256),
				"not_before":        knownvalue.StringExact(w.DeployerCertificate.NotBefore.UTC().Format("2006-01-02T15:04:05Z")),
				"not_after":         knownvalue.StringExact(w.DeployerCertificate.NotAfter.UTC().Format("2006-01-02T15:04:05Z")),
			}))},
	})
}

// A bad bundle is an error at that argument, which says what to do and quotes nothing.
func TestBadBundles(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	bundle := pfx(t, w)
	for what, test := range map[string]struct{ arguments, says string }{
		"wrong password": {w.Secret(bundle) + ", " + w.Secret("wrong-horse"), `password is wrong`},
		"no bundle":      {`"not base64!", null`, `base64`},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := w.CLI(t, source+`output "x" { value = nonsensitive(provider::dbxaccess::pfx_to_pem(`+test.arguments+
				`).chain_pem) }`)
			r := c.MustRun(t, 1, "plan")
			if !regexp.MustCompile(test.says).MatchString(strings.Join(strings.Fields(r.Stderr), " ")) {
				t.Errorf("the error does not say %q:\n%s", test.says, r.Stderr)
			}
			r.MustNotSay(t, bundle, "wrong-horse")
		})
	}
}

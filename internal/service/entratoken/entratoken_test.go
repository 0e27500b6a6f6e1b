package entratoken_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Each token is a real one of Entra ID for the requested audience, and only the echo provider stores it.
func TestEntraToken(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	providers := w.Providers()
	providers["echo"] = func() (tfprotov6.ProviderServer, error) { return echoprovider.NewProviderServer()() }
	var hcl, data strings.Builder
	var checks []statecheck.StateCheck
	for audience, resourceName := range map[string]string{
		"databricks": "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d", "management": "https://management.core.windows.net/", "key_vault": "https://vault.azure.net",
	} {
		fmt.Fprintf(&hcl, "ephemeral \"dbxaccess_entra_token\" %[1]q {\n  audience = %[1]q\n}\n", audience)
		fmt.Fprintf(&data, "%[1]s = ephemeral.dbxaccess_entra_token.%[1]s\n", audience)
		echoed := tfjsonpath.New("data").AtMapKey(audience)
		checks = append(checks,
			statecheck.ExpectKnownValue("echo.t", echoed.AtMapKey("access_token"),
				knownvalue.StringFunc(func(token string) error {
					claims, err := w.Tenant.VerifyAccessToken(token)
					if err == nil && (claims.Audience != resourceName || claims.AppID != w.Deployer.ClientID) {
						t.Errorf("the token for %s is for %s, of %s", audience, claims.Audience, claims.AppID)
					}
					return err
				})),
			statecheck.ExpectKnownValue("echo.t", echoed.AtMapKey("claims"),
				knownvalue.StringFunc(func(claims string) error {
					if !strings.Contains(claims, `"appid":"`+w.Deployer.ClientID+`"`) {
						t.Errorf("the claims of the token for %s are %s", audience, claims)
					}
					return nil
				})))
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: providers, Steps: []resource.TestStep{{
		Config:            hcl.String() + "provider \"echo\" {\n  data = {\n" + data.String() + "}\n}\nresource \"echo\" \"t\" {}",
		ConfigStateChecks: checks,
	}}})
}

const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"

func TestEntraTokenNeedsEntra(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH")
	w.Env["DATABRICKS_TOKEN"] = w.PersonToken
	r := w.CLI(t, source+`ephemeral "dbxaccess_entra_token" "t" {}`).MustRun(t, 1, "plan")
	if !strings.Contains(r.Stderr, "A Databricks token cannot get a token of Entra ID") ||
		strings.Contains(r.Stdout+r.Stderr, w.PersonToken) {
		t.Errorf("%s", r.Stderr)
	}
}

func TestJWTClaims(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	token, err := w.Tenant.IssueAccessToken(w.Deployer.ClientID, "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d", 3600e9)
	if err != nil {
		t.Fatal(err)
	}
	w.TestCLI(t, resource.TestStep{
		Config: source + `output "appid" { value = provider::dbxaccess::jwt_claims("` + token + `").appid }
			output "lives" { value = provider::dbxaccess::jwt_claims("` + token +
			`").exp - provider::dbxaccess::jwt_claims("` + token + `").iat }`,
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("appid", knownvalue.StringExact(w.Deployer.ClientID)),
			statecheck.ExpectKnownOutputValue("lives", knownvalue.Int64Exact(3600)),
		},
	})
	r := w.CLI(t, source+"variable \"token\" {\n  type      = string\n  sensitive = true\n}\noutput \"x\" {\n  "+
		"value     = provider::dbxaccess::jwt_claims(var.token)\n  sensitive = true\n}\n")
	r.Env["TF_VAR_token"] = w.PersonToken
	if said := r.MustRun(t, 1, "plan"); !strings.Contains(said.Stderr, "The value is not a JWT") ||
		strings.Contains(said.Stderr, w.PersonToken) {
		t.Errorf("%s", said.Stderr)
	}
}

package serviceprincipaltoken_test

import (
	"encoding/base64"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func TestBasic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	timestamp := knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))
	owner := tfjsonpath.New("owner")
	w.TestCLI(t,
		resource.TestStep{
			Config: bySecret(w, `comment = "iris scoring"`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				plancheck.ExpectUnknownValue(address, tfjsonpath.New("token_value")),
				plancheck.ExpectSensitiveValue(address, tfjsonpath.New("token_value")),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("lifetime_seconds"), knownvalue.Int64Exact(7776000)),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				has("token_id", knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f]{64}$`))),
				has("token_value", knownvalue.StringRegexp(regexp.MustCompile(`^dapi`))),
				statecheck.ExpectSensitiveValue(address, tfjsonpath.New("token_value")),
				has("comment", knownvalue.StringExact("iris scoring")),
				has("scopes", knownvalue.Null()),
				has("created_at", timestamp),
				has("expires_at", timestamp),
				has("workspace_id", knownvalue.StringExact(w.Workspace.ID())),
				statecheck.ExpectKnownValue(address, owner.AtMapKey("application_id"),
					knownvalue.StringExact(w.ScoringApp.ClientID)),
				statecheck.ExpectKnownValue(address, owner.AtMapKey("client_secret_wo"), knownvalue.Null()),
			},
			Check: resource.ComposeTestCheckFunc(one(w, w.ScoringApp.ClientID, "iris scoring"), fits,
				func(*terraform.State) error {
					if token := live(w, w.ScoringApp.ClientID)[0]; token.Expires.Sub(token.Created) != 90*day {
						t.Errorf("it lives from %s to %s", token.Created, token.Expires)
					}
					return nil
				}),
		},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true,
			ImportStateVerifyIgnore: []string{"token_value"},
		},
	)
	if left := live(w, w.ScoringApp.ClientID); len(left) > 0 {
		t.Errorf("after destroy the server holds %+v", left)
	}
}

// Each way to log in as the owner creates a token that belongs to the owner.
func TestOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cert, key, err := w.Tenant.IssueClientCertificate("scoring", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	w.ScoringApp.AddCertificate(cert)
	pfxPath := w.WritePFX(t, "scoring.pfx", key, cert, "pass phrase")
	pfx, err := os.ReadFile(pfxPath)
	if err != nil {
		t.Fatal(err)
	}
	pem := acctest.PEM(t, key, cert)
	password := "\n    " + fromVariable(w, "client_certificate_password_wo", "pass phrase")
	application, deployer := w.ScoringApp.ClientID, w.Deployer.ClientID

	var all string
	want := map[string]string{} // comment → owner
	for name, tc := range map[string]struct{ owner, lines string }{
		"secret":           {application, secretOf(w)},
		"base64_pfx":       {application, fromVariable(w, "client_certificate_wo", base64.StdEncoding.EncodeToString(pfx)) + password},
		"pem_text":         {application, fromVariable(w, "client_certificate_wo", string(pem))},
		"base64_pem":       {application, fromVariable(w, "client_certificate_wo", base64.StdEncoding.EncodeToString(pem))},
		"pfx_file":         {application, attr("client_certificate_path", pfxPath) + password},
		"pem_file":         {application, attr("client_certificate_path", w.Write(t, "scoring.pem", pem))},
		"tenant_by_itself": {application, secretOf(w) + "\n    " + attr("tenant_id", w.Tenant.ID)},
		"provider":         {deployer, "use_provider_identity = true"},
	} {
		all += strings.Replace(hcl(tc.owner, tc.lines, attr("comment", name)), `"this"`, `"`+name+`"`, 1)
		want[name] = tc.owner
	}
	w.Test(t, resource.TestStep{Config: all, Check: func(s *terraform.State) error {
		got := map[string]string{}
		for _, token := range slices.Concat(live(w, application), live(w, deployer)) {
			got[token.Comment] = token.Owner
			if id := s.RootModule().Resources["dbxaccess_service_principal_token."+
				token.Comment].Primary.ID; id != token.ID {
				t.Errorf("%s is token %s in state and %s on the server", token.Comment, id, token.ID)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("the server holds %v, not %v", got, want)
		}
		return nil
	}})
}

// The provider may be logged in with a Databricks token. Then only the workspace knows whose identity that is.
func TestOwnerIsAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, value := w.Workspace.MintToken(w.Deployer.ClientID, "of the provider itself", day)
	t.Cleanup(func() { w.Workspace.RevokeToken(id) })
	for _, name := range []string{"ARM_CLIENT_ID", "ARM_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_PASSWORD"} {
		delete(w.Env, name)
	}
	w.Env["DATABRICKS_TOKEN"] = value
	w.Test(t,
		resource.TestStep{
			Config:      hcl(w.ScoringApp.ClientID, "use_provider_identity = true"),
			ExpectError: acctest.Words("logged in as " + w.Deployer.ClientID),
		},
		resource.TestStep{
			Config: byProvider(w, `comment = "second"`),
			Check: func(*terraform.State) error {
				if tokens := live(w, w.Deployer.ClientID); len(tokens) != 2 {
					t.Errorf("%+v", tokens)
				}
				return nil
			},
		},
	)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	application := w.ScoringApp.ClientID
	same := statecheck.CompareValue(compare.ValuesSame())
	updated := acctest.Planned(address, plancheck.ResourceActionUpdate)
	step := func(config, comment string, scopes ...knownvalue.Check) resource.TestStep {
		limited := knownvalue.Check(knownvalue.Null())
		if len(scopes) > 0 {
			limited = knownvalue.SetExact(scopes)
		}
		return resource.TestStep{
			PreConfig: w.Tenant.Journal.Reset, Config: config, ConfigPlanChecks: updated,
			ConfigStateChecks: []statecheck.StateCheck{same.AddStateValue(address, tokenID()), has("scopes", limited)},
			Check:             resource.ComposeTestCheckFunc(one(w, application, comment), fits),
		}
	}
	serving, sql := knownvalue.StringExact("serving"), knownvalue.StringExact("sql")
	begin := step(bySecret(w, `comment = "first"`), "first")
	begin.ConfigPlanChecks = acctest.Planned(address, plancheck.ResourceActionCreate)
	unmanaged := step(bySecret(w), "", serving, sql)
	unmanaged.ConfigPlanChecks = resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
	quiet := step(hcl(application, secretOf(w)+"\n    "+attr("tenant_id", w.Tenant.ID), `timeouts = { create = "1m" }`),
		"", serving, sql)
	quiet.Check = resource.ComposeTestCheckFunc(quiet.Check, func(*terraform.State) error {
		asked(t, w, 0, "workspace", "PATCH", "")
		if n := loginsBy(w, application); n != 0 {
			t.Errorf("the owner logged in %d times for nothing", n)
		}
		return nil
	})
	w.Test(t,
		begin,
		step(bySecret(w, `comment = "second"`), "second"),
		step(bySecret(w, `comment = "second"`, `scopes = ["sql", "serving"]`), "second", serving, sql),
		step(bySecret(w, `comment = "third"`, `scopes = ["serving"]`), "third", serving),
		// A comment that is removed from the configuration is removed from the token.
		step(bySecret(w, `scopes = ["serving", "sql"]`), "", serving, sql),
		unmanaged,
		quiet,
	)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.Tenant.RegisterAppWithID("another", "abcdef01-2345-4678-9abc-def012345678")
	w.Workspace.AddServicePrincipal(other.ClientID, "another")
	w.Workspace.SetGrant(rights, other.ClientID, "CAN_USE")
	rotated := statecheck.CompareValue(compare.ValuesDiffer())
	step := func(config, owner string, action plancheck.ResourceActionType) resource.TestStep {
		return resource.TestStep{
			Config: config, ConfigPlanChecks: acctest.Planned(address, action),
			ConfigStateChecks: []statecheck.StateCheck{rotated.AddStateValue(address, tokenID())},
			Check:             resource.ComposeTestCheckFunc(one(w, owner, ""), fits),
		}
	}
	w.Test(t,
		step(bySecret(w), w.ScoringApp.ClientID, plancheck.ResourceActionCreate),
		step(hcl(other.ClientID, fromVariable(w, "client_secret_wo", other.AddSecret(day))), other.ClientID,
			plancheck.ResourceActionDestroyBeforeCreate),
		resource.TestStep{ // the same application id in upper case is the same owner
			Config:           hcl(strings.ToUpper(other.ClientID), fromVariable(w, "client_secret_wo", "unused")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			Check: func(*terraform.State) error {
				if left := live(w, w.ScoringApp.ClientID); len(left) > 0 {
					t.Errorf("the tokens of the first owner are left: %+v", left)
				}
				return nil
			},
		},
	)
	if left := live(w, other.ClientID); len(left) > 0 {
		t.Errorf("after destroy the server holds %+v", left)
	}
}

// A token is rotated if it was revoked, has expired by the workspace's clock, or was lost with its owner's right to use
// tokens. The resource stays, and the plan shows the reason.
func TestGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	application := w.ScoringApp.ClientID
	rotated := statecheck.CompareValue(compare.ValuesDiffer())
	config := bySecret(w, `comment = "c"`, "lifetime_seconds = 3600")
	step := func(lose func(), reason string) resource.TestStep {
		action, why := plancheck.ResourceActionUpdate, knownvalue.StringExact(reason)
		var check knownvalue.Check = why
		if reason == "" {
			action, check = plancheck.ResourceActionCreate, knownvalue.Null()
		}
		return resource.TestStep{
			PreConfig: lose, Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, action), plancheck.ExpectKnownValue(address,
					tfjsonpath.New("rotation_reason"), check),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				rotated.AddStateValue(address, tokenID()), has("rotation_reason", check), has("previous_token_id",
					knownvalue.Null()),
			},
			Check: resource.ComposeTestCheckFunc(one(w, application, "c"), fits),
		}
	}
	w.Test(t,
		step(nil, ""),
		step(func() { w.Workspace.RevokeToken(live(w, application)[0].ID) }, "revoked"),
		step(func() { w.Tenant.Clock.Advance(2 * time.Hour) }, "expired"),
		step(func() {
			w.Workspace.RemoveGrant(rights, application)
			w.Workspace.SetGrant(rights, application, "CAN_USE")
		}, "revoked"),
		// A token that no longer exists need not be revoked by a destroy.
		resource.TestStep{PreConfig: func() {
			w.Workspace.RevokeToken(live(w, application)[0].ID)
		}, Config: config, Destroy: true},
	)
}

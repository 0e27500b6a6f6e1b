package currentidentity_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	address = "data.dbxaccess_current_identity.x"
	hcl     = "data \"dbxaccess_current_identity\" \"x\" {}\n"
)

func is(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func exactly(values map[string]string) []statecheck.StateCheck {
	var checks []statecheck.StateCheck
	for attribute, value := range values {
		checks = append(checks, is(attribute, knownvalue.StringExact(value)))
	}
	return checks
}

func null(attributes ...string) []statecheck.StateCheck {
	var checks []statecheck.StateCheck
	for _, attribute := range attributes {
		checks = append(checks, is(attribute, knownvalue.Null()))
	}
	return checks
}

// scimID returns the id that the workspace gave to that application.
func scimID(w *acctest.World, application string) string {
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.ApplicationID == application {
			return p.ID
		}
	}
	return ""
}

// deployer returns the attributes that every login of the deployer shows.
func deployer(w *acctest.World) map[string]string {
	return map[string]string{
		"id": scimID(w, w.Deployer.ClientID), "user_name": w.Deployer.ClientID, "application_id": w.Deployer.ClientID,
		"display_name": "deployer", "host": w.Server.WorkspaceURLs[0], "workspace_id": w.Workspace.ID(),
		"tenant_id": w.Tenant.ID, "client_id": w.Deployer.ClientID, "cloud": "public",
	}
}

var certificateAttributes = []string{"certificate_subject", "certificate_thumbprint_sha1",
	"certificate_thumbprint_sha256", "certificate_expires_at"}

func TestCertificate(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	certificate := w.DeployerCertificate
	want := deployer(w)
	want["auth_type"] = "certificate"
	want["auth_source"] = "ARM_CLIENT_CERTIFICATE_PATH in the environment"
	want["certificate_subject"] = "CN=deployer"
	want["certificate_thumbprint_sha1"] = fmt.Sprintf("%X", sha1.Sum(certificate.Raw))
	want["certificate_thumbprint_sha256"] = fmt.Sprintf("%X", sha256.Sum256(certificate.Raw))
	want["certificate_expires_at"] = certificate.NotAfter.UTC().Format(time.RFC3339)
	w.TestCLI(t, resource.TestStep{
		Config: hcl,
		ConfigStateChecks: append(exactly(want),
			is("groups", knownvalue.SetExact([]knownvalue.Check{knownvalue.StringExact("admins")})),
			is("token_claims", knownvalue.StringRegexp(regexp.MustCompile(`"appid":"`+w.Deployer.ClientID+`"`))),
		),
		Check: noSecret(w),
	})
}

// An output of all attributes leaves the plan empty, although the next run has another token at another time.
func TestSameFromRunToRun(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	config := hcl + "output \"everything\" {\n  value = " + address + "\n}\n"
	w.Test(t,
		resource.TestStep{Config: config},
		resource.TestStep{PreConfig: func() {
			w.Tenant.Clock.Advance(5 * time.Minute)
		}, Config: config, ConfigPlanChecks: acctest.NoChange()},
	)
}

func TestSecret(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH")
	delete(w.Env, "ARM_CLIENT_CERTIFICATE_PASSWORD")
	w.Env["ARM_CLIENT_SECRET"] = w.DeployerSecret
	want := deployer(w)
	want["auth_type"] = "client_secret"
	want["auth_source"] = "ARM_CLIENT_SECRET in the environment"
	w.Test(t, resource.TestStep{
		Config:            hcl,
		ConfigStateChecks: append(exactly(want), null(certificateAttributes...)...),
		Check:             noSecret(w),
	})
}

// A Databricks token is used as it is: the provider does not log in to Entra ID, and does not read claims from the
// token.
func TestToken(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	for name := range w.Env {
		if strings.HasPrefix(name, "ARM_CLIENT") {
			delete(w.Env, name)
		}
	}
	w.Env["DATABRICKS_TOKEN"] = w.PersonToken
	var id string
	for _, u := range w.Workspace.Snapshot().Users {
		if u.UserName == w.PersonName {
			id = u.ID
		}
	}
	w.Test(t, resource.TestStep{
		Config: hcl,
		ConfigStateChecks: append(exactly(map[string]string{
			"id": id, "user_name": w.PersonName, "display_name": "Ada", "host": w.Server.WorkspaceURLs[0], "workspace_id": w.Workspace.ID(),
			"auth_type": "token", "auth_source": "DATABRICKS_TOKEN in the environment",
		}), null(append(certificateAttributes, "application_id", "cloud", "tenant_id", "client_id",
			"token_claims")...)...),
		Check: noSecret(w),
	})
	if n := w.Count("entra", "", ""); n != 0 {
		t.Errorf("Entra ID was asked %d times", n)
	}
}

// auth_source names the credential that the provider block sets.
func TestSourceInHCL(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t, resource.TestStep{
		Config:            "provider \"dbxaccess\" {\n  client_secret = \"" + w.DeployerSecret + "\"\n}\n" + hcl,
		ConfigStateChecks: exactly(map[string]string{"auth_type": "client_secret", "auth_source": "client_secret"}),
	})
}

// noSecret returns a check that fails if the state contains a credential.
func noSecret(w *acctest.World) resource.TestCheckFunc {
	return func(s *terraform.State) error {
		text := s.String()
		for _, secret := range []string{acctest.Password, w.DeployerSecret, w.PersonToken, "PRIVATE KEY", "eyJ"} {
			if strings.Contains(text, secret) {
				return fmt.Errorf("a secret is in the state: %s", text)
			}
		}
		return nil
	}
}

func TestOneRequest(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t, resource.TestStep{Config: hcl, PlanOnly: true})
	walks := w.Count("entra", "GET", "/openid-configuration") // Terraform logs in once per walk of its graph
	all, me, tokens := w.Count("workspace", "", ""), w.Count("workspace", "GET", "/Me"), w.Count("entra",
		"POST", "/token")
	if walks == 0 || all != walks || me != walks || tokens != walks {
		t.Errorf("%d requests of the workspace in %d walks, %d for Me, %d tokens; want one of each in each", all,
			walks, me, tokens)
	}
}

func TestNotAMember(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]emulator.WorkspaceSwitches{
		"403":  {},
		"page": {NotAMember: emulator.NotAMemberPage},
		"401":  {NotAMember: emulator.NotAMemberUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Workspace.SetSwitches(switches)
			w.Workspace.RemovePrincipal(w.Deployer.ClientID)
			w.Test(t, resource.TestStep{
				Config: hcl,
				ExpectError: acctest.Says("Cannot find out who is logged in", w.Server.WorkspaceURLs[0],
					"not a member of this workspace", "dbxaccess_service_principal"),
			})
		})
	}
}

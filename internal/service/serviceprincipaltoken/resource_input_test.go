package serviceprincipaltoken_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// What configuration alone shows to be wrong stops the plan, before anybody is asked anything.
func TestBadInputAtPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cert, key, err := w.Tenant.IssueClientCertificate("scoring", time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	old, oldKey, err := w.Tenant.IssueClientCertificate("old", time.Now().AddDate(-1, 0, 0), time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	path := w.WritePFX(t, "scoring.pfx", key, cert, "pass phrase")
	pfx, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secret, file := attr("client_secret_wo", w.ScoringSecret), attr("client_certificate_path", path)
	inline := attr("client_certificate_wo", base64.StdEncoding.EncodeToString(pfx))
	password := attr("client_certificate_password_wo", "pass phrase")
	const provider, nl = "use_provider_identity = true", "\n    "
	application := w.ScoringApp.ClientID

	var steps []resource.TestStep
	for _, tc := range []struct{ config, want string }{
		{hcl(application, ""), "Token owner has no credential"},
		{hcl(application, "use_provider_identity = false"), "Token owner has no credential"},
		{hcl(application, "client_secret_wo = null"), "Token owner has no credential"},
		{hcl(application, password), "Certificate password without a certificate"},
		{hcl(application, secret+nl+password), "Certificate password without a certificate"},
		{hcl(application, secret+nl+file+nl+password), "client_secret_wo and client_certificate_path are both written"},
		{hcl(application, inline+nl+file+nl+password), "client_certificate_wo and client_certificate_path are both written"},
		{hcl(application, secret+nl+provider), "client_secret_wo and use_provider_identity are both written"},

		{hcl(application, provider), "the provider is logged in as " + w.Deployer.ClientID + ".*Write its application id under owner.application_id"},
		{hcl(application, file+nl+attr("client_certificate_password_wo", "wrong")), "Client certificate password is wrong"},
		{hcl(application, inline+nl+attr("client_certificate_password_wo", "wrong")), "Client certificate password is wrong"},
		{hcl(application, file), "Client certificate .* password"},
		{hcl(application, attr("client_certificate_wo", "not a certificate")), "is neither a PFX file, nor PEM text, nor base64"},
		{hcl(application, attr("client_certificate_path", w.Write(t, "old.pem", acctest.PEM(t, oldKey, old)))), "Client certificate expired"},

		{hcl("scoring app", secret), "Not an application id.*looks like a display name"},
		{hcl("ada@example.com", secret), "Not an application id.*is an e-mail address"},
		{hcl(application, secret+nl+attr("tenant_id", "common")), "Not an Entra ID tenant"},
		{bySecret(w, "lifetime_seconds = 0"), "lifetime_seconds value must be between 1 and 63072000"},
		{bySecret(w, "lifetime_seconds = -1"), "lifetime_seconds value must be between 1 and 63072000"},
		{bySecret(w, "lifetime_seconds = 63072001"), "lifetime_seconds value must be between 1 and 63072000"},
		{bySecret(w, `comment = ""`), "comment string length must be between 1 and 256"},
		{bySecret(w, `scopes = []`), "scopes set must contain at least 1 elements"},
		{bySecret(w, `token_value = "dapi"`), "token_value"},
	} {
		steps = append(steps, resource.TestStep{Config: tc.config, PlanOnly: true, ExpectError: words(tc.want)})
	}
	w.Test(t, steps...)
	if asked := w.Tenant.Journal.Entries(); len(asked) > 0 {
		t.Errorf("somebody was asked: %+v", asked)
	}
}

// The longest and the shortest token, and one of a platform that sets a shorter maximum.
func TestLifetime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	switches := w.Workspace.Switches()
	w.Test(t,
		resource.TestStep{Config: bySecret(w, "lifetime_seconds = 63072000"), Check: one(w, w.ScoringApp.ClientID, "")},
		resource.TestStep{
			PreConfig: func() {
				s := switches
				s.MaxTokenLifetimeDays = 30
				w.Workspace.SetSwitches(s)
			},
			Config: bySecret(w, "lifetime_seconds = 7776000"), ExpectError: words("exceeds the maximum of 30 days.*may set a shorter maximum"),
		},
		resource.TestStep{Config: bySecret(w, "lifetime_seconds = 60", "overlap_seconds = 0"), Check: one(w, w.ScoringApp.ClientID, "")},
	)
}

// A module that leaves the choice to its caller has every credential as a variable, of which all but one are null. While
// Terraform validates, none of them is known.
const everyCredential = `
variable "application_id" { type = string }
variable "secret" {
  type      = string
  default   = null
  ephemeral = true
}
variable "certificate" {
  type      = string
  default   = null
  ephemeral = true
}
variable "password" {
  type      = string
  default   = null
  ephemeral = true
}
variable "path" {
  type    = string
  default = null
}
variable "own" {
  type    = bool
  default = null
}
resource "dbxaccess_service_principal_token" "this" {
  owner = {
    application_id                 = var.application_id
    client_secret_wo               = var.secret
    client_certificate_wo          = var.certificate
    client_certificate_password_wo = var.password
    client_certificate_path        = var.path
    use_provider_identity          = var.own
  }
}`

func TestCredentialFromVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := config.StringVariable(w.ScoringApp.ClientID)
	w.Test(t,
		resource.TestStep{Config: everyCredential, ConfigVariables: config.Variables{"application_id": id}, ExpectError: words("Token owner has no credential")},
		resource.TestStep{Config: everyCredential, ConfigVariables: config.Variables{
			"application_id": id, "secret": config.StringVariable(w.ScoringSecret), "own": config.BoolVariable(true),
		}, ExpectError: words("client_secret_wo and use_provider_identity are both written")},
		resource.TestStep{Config: everyCredential, ConfigVariables: config.Variables{
			"application_id": id, "secret": config.StringVariable(w.ScoringSecret),
		}, Check: one(w, w.ScoringApp.ClientID, "")},
		resource.TestStep{
			Config: "variable \"password\" {\n  type = string\n  default = null\n  ephemeral = true\n}\n" +
				hcl(w.ScoringApp.ClientID, attr("client_secret_wo", w.ScoringSecret)+"\n    client_certificate_password_wo = var.password"),
			Check: one(w, w.ScoringApp.ClientID, ""),
		},
	)
}

// What is known only during apply is checked then, and still before anything is made.
func TestCredentialKnownAtApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := func(value string) string {
		return "resource \"terraform_data\" \"made\" {\n  input = " + value + "\n}\n"
	}
	w.Test(t,
		resource.TestStep{
			Config:      made("true") + hcl(w.ScoringApp.ClientID, attr("client_secret_wo", w.ScoringSecret)+"\n    use_provider_identity = terraform_data.made.output"),
			ExpectError: words("client_secret_wo and use_provider_identity are both written"),
		},
		resource.TestStep{
			Config:      made("false") + hcl(w.ScoringApp.ClientID, "use_provider_identity = terraform_data.made.output"),
			ExpectError: words("Token owner has no credential"),
		},
		resource.TestStep{
			Config:      made(`"`+w.Dir+`/not-made.pem"`) + hcl(w.ScoringApp.ClientID, "client_certificate_path = terraform_data.made.output"),
			ExpectError: words("not-made.pem"),
		},
	)
	asked(t, w, 0, "workspace", "", "")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) > 0 {
		t.Errorf("%+v", tokens)
	}
}

// A certificate file that the same apply writes is no error at plan.
func TestCertificateFileMadeByTheSameApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Test(t, resource.TestStep{
		Config: byPath(t, w), PreConfig: func() {
			if err := os.Rename(w.Dir+"/scoring.pem", w.Dir+"/kept.pem"); err != nil {
				t.Fatal(err)
			}
		},
		PlanOnly: true, ExpectNonEmptyPlan: true,
	})
}

// What only Entra ID and the workspace know is told at apply, names what is missing, and leaves nothing behind.
func TestRefusedAtApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	application := w.ScoringApp.ClientID
	cert, key, err := w.Tenant.IssueClientCertificate("unregistered", time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	stranger := w.Tenant.RegisterApp("stranger")
	idle := w.Tenant.RegisterApp("idle")
	w.Workspace.AddServicePrincipal(idle.ClientID, "idle")
	dormant := w.Tenant.RegisterApp("dormant")
	w.Workspace.AddServicePrincipal(dormant.ClientID, "dormant")
	w.Workspace.SetActive(dormant.ClientID, false)

	var steps []resource.TestStep
	for _, tc := range []struct{ config, want string }{
		{hcl(application, attr("client_secret_wo", "wrong-secret-value")), "Client secret is wrong.*AADSTS7000215"},
		{hcl(application, attr("client_certificate_wo", string(acctest.PEM(t, key, cert)))), "Client certificate is not registered.*AADSTS700027"},
		{hcl("11111111-2222-3333-4444-555555555555", attr("client_secret_wo", "wrong-secret-value")), "Application not found in the tenant.*AADSTS700016"},
		{hcl(application, attr("client_secret_wo", w.ScoringSecret)+"\n    "+attr("tenant_id", "99999999-2222-3333-4444-555555555555")), "Tenant not found.*AADSTS90002"},
		{hcl(stranger.ClientID, attr("client_secret_wo", stranger.AddSecret(day))), "the workspace does not know the owner.*dbxaccess_service_principal"},
		{hcl(dormant.ClientID, attr("client_secret_wo", dormant.AddSecret(day))), "or it is deactivated there"},
		{hcl(idle.ClientID, attr("client_secret_wo", idle.AddSecret(day))), "PERMISSION_DENIED.*The owner may not use personal access tokens.*dbxaccess_token_permission"},
	} {
		// Entra ID is asked again for as long as application or credential may have been made a moment ago.
		config := strings.TrimSuffix(tc.config, "}\n") + "  timeouts = { create = \"4s\" }\n}\n"
		steps = append(steps, resource.TestStep{Config: config, ExpectError: words(tc.want)})
	}
	steps = append(steps, resource.TestStep{
		PreConfig: func() {
			s := w.Workspace.Switches()
			s.PersonalAccessTokensOff = true
			w.Workspace.SetSwitches(s)
		},
		Config: bySecret(w), ExpectError: words("disabled for this workspace.*an admin allows them"),
	})
	before := len(w.Workspace.Snapshot().Tokens)
	w.Test(t, steps...)
	if after := w.Workspace.Snapshot().Tokens; len(after) != before {
		t.Errorf("something was made: %+v", after)
	}
}

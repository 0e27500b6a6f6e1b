package serviceprincipaltoken_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// If the configuration alone shows a mistake, the plan fails before any request is sent.
func TestBadInputAtPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cert, key, err := w.Tenant.IssueClientCertificate("scoring", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
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
	secret, file := secretOf(w), attr("client_certificate_path", path)
	inline := fromVariable(w, "client_certificate_wo", base64.StdEncoding.EncodeToString(pfx))
	password := fromVariable(w, "client_certificate_password_wo", "pass phrase")
	const provider, nl = "use_provider_identity = true", "\n    "
	application := w.ScoringApp.ClientID
	vaulted := func(lines string) string {
		return fmt.Sprintf(`key_vault = { vault_uri = "https://kv-ml.vault.azure.net/", %s }`, lines)
	}

	var steps []resource.TestStep
	for _, tc := range []struct{ config, want string }{
		{hcl(application, ""), "Token owner has no credential"},
		{hcl(application, "use_provider_identity = false"), "Token owner has no credential"},
		{hcl(application, "client_secret_wo = null"), "Token owner has no credential"},
		{hcl(application, attr("client_certificate_password_wo", "unused")), "Certificate password without a certificate"},
		{hcl(application, secret+nl+password), "Certificate password without a certificate"},
		{hcl(application, secret+nl+file+nl+password), "client_secret_wo and client_certificate_path are both set"},
		{hcl(application, inline+nl+file+nl+password), "client_certificate_wo and client_certificate_path are both set"},
		{hcl(application, secret+nl+provider), "client_secret_wo and use_provider_identity are both set"},

		{hcl(application, provider), "the provider is logged in as " + w.Deployer.ClientID + ".*Write its application id in owner.application_id"},
		{hcl(application, file+nl+fromVariable(w, "client_certificate_password_wo", "wrong")), "Client certificate password is wrong"},
		{hcl(application, inline+nl+fromVariable(w, "client_certificate_password_wo", "wrong")), "Client certificate password is wrong"},
		{hcl(application, file), "Client certificate .* password"},
		{hcl(application, fromVariable(w, "client_certificate_wo", "not a certificate")), "is neither a PFX file, nor PEM text, nor base64"},
		{hcl(application, attr("client_certificate_path", w.Write(t, "old.pem", acctest.PEM(t, oldKey, old)))), "Client certificate expired"},

		{hcl("scoring app", secret), "Not an application id.*looks like a display name"},
		{hcl("ada@example.com", secret), "Not an application id.*is an e-mail address"},
		{hcl(application, secret+nl+attr("tenant_id", "common")), "Not an Entra ID tenant"},
		{bySecret(w, "lifetime_seconds = 0"), "lifetime_seconds value must be between 1 and 63072000"},
		{bySecret(w, "lifetime_seconds = -1"), "lifetime_seconds value must be between 1 and 63072000"},
		{bySecret(w, "lifetime_seconds = 63072001"), "lifetime_seconds value must be between 1 and 63072000"},
		{bySecret(w, `comment = ""`), "comment string length must be at least 1"},
		{bySecret(w, attr("comment", strings.Repeat("x", 257))), "comment string length must be at most 256, got: 257"},
		{bySecret(w, `scopes = []`), "scopes set must contain at least 1 elements"},
		{bySecret(w, `token_value = "dapi"`), "token_value"},

		{bySecret(w, "rotate_before_seconds = -1"), "rotate_before_seconds value must be at least 0"},
		{bySecret(w, "rotate_before_seconds = 7776000"), "Token would be rotated by every plan.*rotate_before_seconds is 7776000"},
		{bySecret(w, "rotate_before_seconds = 60", "lifetime_seconds = 60"), "Token would be rotated by every plan"},
		{bySecret(w, "overlap_seconds = -1"), "overlap_seconds value must be at least 0"},
		{bySecret(w, "overlap_seconds = 2592001"), "Overlap of the token is too long.*the limit is 2592000"},
		{bySecret(w, "overlap_seconds = 61", "rotate_before_seconds = 60"), "Overlap of the token is too long.*the limit is 60"},
		{bySecret(w, "overlap_seconds = 61", "rotate_before_seconds = 0", "lifetime_seconds = 60"), "Overlap of the token is too long.*the limit is 60"},
		{bySecret(w, "token_value_in_state = false"), "token_value_in_state = false requires key_vault_secret.*Add key_vault_secret"},
		{bySecret(w, `on_unverifiable = "ignore"`), "on_unverifiable value must be one of"},
		{bySecret(w, `key_vault_secret = { vault_uri = "kv-ml", name = "x" }`), "Not the address of a vault for the token.*https://kv-ml.vault.azure.net/"},
		{bySecret(w, `key_vault_secret = { vault_uri = "https://kv-ml.vault.azure.net/", name = "a_b" }`), "Not the name of a Key Vault secret for the token.*letters, digits and hyphens"},
		{bySecret(w, `key_vault_secret = { vault_uri = "https://kv-ml.vault.azure.net/", name = "x", tags = { dbxaccess-token-id = "y" } }`), "dbxaccess-token-id"},
		{hcl(application, "use_oidc = true"), "No OIDC token to log in with"},
		{hcl(application, "use_oidc = true"+nl+secret), "client_secret_wo and use_oidc are both set"},
		{hcl(application, vaulted("")+nl+attr("client_secret_wo", "unused")), "client_secret_wo and key_vault are both set"},
		{hcl(application, vaulted("")), "Key Vault credential of the owner is not clear"},
		{hcl(application, vaulted(`certificate_name = "a", client_secret_name = "b"`)), "Key Vault credential of the owner is not clear"},
		{hcl(application, vaulted(`client_secret_name = "b", certificate_password_secret_name = "c"`)), "Password in Key Vault without a certificate"},
		{hcl(application, vaulted(`client_secret_name = "b/c"`)), "Not the name of a client secret in Key Vault"},
		{hcl(application, `key_vault = { vault_uri = "http://kv-ml.vault.azure.net/", client_secret_name = "b" }`), "Not the owner's vault.*must begin with https"},
	} {
		steps = append(steps, resource.TestStep{Config: tc.config, PlanOnly: true, ExpectError: acctest.Words(tc.want)})
	}
	w.Test(t, steps...)
	if asked := w.Tenant.Journal.Entries(); len(asked) > 0 {
		t.Errorf("somebody was asked: %+v", asked)
	}
}

// A provider that is logged in with a Databricks token has no token for Entra ID. A configuration that needs one fails
// during the plan.
func TestBadInputOfAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, value := w.Workspace.MintToken(w.Deployer.ClientID, "of the provider itself", day)
	t.Cleanup(func() { w.Workspace.RevokeToken(id) })
	for _, name := range []string{"ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_CERTIFICATE_PATH",
		"ARM_CLIENT_CERTIFICATE_PASSWORD"} {
		delete(w.Env, name)
	}
	w.Env["DATABRICKS_TOKEN"] = value
	var steps []resource.TestStep
	for _, tc := range []struct{ config, want string }{
		{bySecret(w), "Incomplete Azure login.*owner.tenant_id"},
		{hcl(w.Deployer.ClientID, "use_provider_identity = true", `key_vault_secret = { vault_uri = "https://kv-ml.vault.azure.net/", name = "x" }`), "A Databricks login cannot use Key Vault"},
		{hcl(w.ScoringApp.ClientID, attr("tenant_id", w.Tenant.ID)+"\n    "+`key_vault = { vault_uri = "https://kv-ml.vault.azure.net/", client_secret_name = "x" }`), "A Databricks login cannot use Key Vault"},
	} {
		steps = append(steps, resource.TestStep{Config: tc.config, PlanOnly: true, ExpectError: acctest.Words(tc.want)})
	}
	w.Test(t, steps...)
	if asked := w.Tenant.Journal.Entries(); len(asked) > 0 {
		t.Errorf("somebody was asked: %+v", asked)
	}
}

// The longest allowed lifetime and a lifetime of one minute work. If the workspace sets a shorter maximum, the error
// says so.
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
			Config: bySecret(w, "lifetime_seconds = 7776000"), ExpectError: acctest.Words("exceeds the maximum of " +
				"30 days.*has a shorter maximum"),
		},
		resource.TestStep{Config: bySecret(w, "lifetime_seconds = 60", "overlap_seconds = 0"),
			Check: one(w, w.ScoringApp.ClientID, "")},
	)
}

// A principal can have 600 tokens in a workspace. The error for one more says so.
func TestQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 600 {
		w.Workspace.MintToken(w.ScoringApp.ClientID, "one of many", day)
	}
	w.Test(t, resource.TestStep{Config: bySecret(w), ExpectError: acctest.Words("QUOTA_EXCEEDED.*can have 600 tokens")})
	w.Tenant.Clock.Advance(2 * day)
}

// everyCredential is a module with a variable for every kind of credential. All but one of the variables are null, and
// none is known while Terraform validates.
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
		resource.TestStep{Config: everyCredential, ConfigVariables: config.Variables{"application_id": id},
			ExpectError: acctest.Words("Token owner has no credential")},
		resource.TestStep{Config: everyCredential, ConfigVariables: config.Variables{
			"application_id": id, "secret": config.StringVariable(w.ScoringSecret), "own": config.BoolVariable(true),
		}, ExpectError: acctest.Words("client_secret_wo and use_provider_identity are both set")},
		resource.TestStep{Config: everyCredential, ConfigVariables: config.Variables{
			"application_id": id, "secret": config.StringVariable(w.ScoringSecret),
		}, Check: one(w, w.ScoringApp.ClientID, "")},
		resource.TestStep{
			Config: "variable \"password\" {\n  type = string\n  default = null\n  ephemeral = true\n}\n" +
				hcl(w.ScoringApp.ClientID, secretOf(w)+"\n    client_certificate_password_wo = var.password"),
			Check: one(w, w.ScoringApp.ClientID, ""),
		},
	)
}

// A credential that is known only during the apply is checked then, before a token is created.
func TestCredentialKnownAtApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := func(value string) string {
		return "resource \"terraform_data\" \"made\" {\n  input = " + value + "\n}\n"
	}
	w.TestCLI(t,
		resource.TestStep{
			Config: made("true") + hcl(w.ScoringApp.ClientID, secretOf(w)+"\n    use_provider_identity = "+
				"terraform_data.made.output"),
			ExpectError: acctest.Words("client_secret_wo and use_provider_identity are both set"),
		},
		resource.TestStep{
			Config: made("false") + hcl(w.ScoringApp.ClientID, "use_provider_identity = "+
				"terraform_data.made.output"),
			ExpectError: acctest.Words("Token owner has no credential"),
		},
		resource.TestStep{
			Config: made(`"`+w.Dir+`/not-made.pem"`) + hcl(w.ScoringApp.ClientID, "client_certificate_path = "+
				"terraform_data.made.output"),
			ExpectError: acctest.Words("not-made.pem"),
		},
	)
	asked(t, w, 0, "workspace", "", "")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) > 0 {
		t.Errorf("%+v", tokens)
	}
}

// A certificate file that the same apply creates is no error in the plan.
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

// If Entra ID or the workspace refuses the owner, the apply fails with an error that says what is missing, and leaves
// no token behind.
func TestRefusedAtApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	application := w.ScoringApp.ClientID
	cert, key, err := w.Tenant.IssueClientCertificate("unregistered", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
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
		{hcl(application, fromVariable(w, "client_secret_wo", "wrong-secret-value")), "Client secret is wrong.*AADSTS7000215"},
		{hcl(application, fromVariable(w, "client_certificate_wo", string(acctest.PEM(t, key, cert)))), "Client certificate is not registered.*AADSTS700027"},
		{hcl("11111111-2222-3333-4444-555555555555", fromVariable(w, "client_secret_wo", "wrong-secret-value")), "Application not found in the tenant.*AADSTS700016.*service principal that Databricks created"},
		{hcl(application, secretOf(w)+"\n    "+attr("tenant_id", "99999999-2222-3333-4444-555555555555")), "Tenant not found.*AADSTS90002"},
		{hcl(stranger.ClientID, fromVariable(w, "client_secret_wo", stranger.AddSecret(day))), "the owner is not in the workspace.*dbxaccess_service_principal"},
		{hcl(dormant.ClientID, fromVariable(w, "client_secret_wo", dormant.AddSecret(day))), "or is deactivated in it"},
		{hcl(idle.ClientID, fromVariable(w, "client_secret_wo", idle.AddSecret(day))), "PERMISSION_DENIED.*The owner may not use personal access tokens.*dbxaccess_token_permission"},
	} {
		// A short timeout, because the provider repeats a login while the application or its credential may have just
		// been created.
		config := strings.TrimSuffix(tc.config, "}\n") + "  timeouts = { create = \"4s\" }\n}\n"
		steps = append(steps, resource.TestStep{Config: config, ExpectError: acctest.Words(tc.want)})
	}
	steps = append(steps, resource.TestStep{
		PreConfig: func() {
			s := w.Workspace.Switches()
			s.PersonalAccessTokensOff = true
			w.Workspace.SetSwitches(s)
		},
		Config: bySecret(w), ExpectError: acctest.Words("disabled for this workspace.*an admin can allow them"),
	})
	switches := w.Workspace.Switches()
	steps = append(steps, resource.TestStep{
		PreConfig: func() {
			s := switches
			s.KnownTokenScopes = []string{"serving"}
			w.Workspace.SetSwitches(s)
		},
		Config: bySecret(w, `scopes = ["no-such"]`), ExpectError: acctest.Words("Unknown scope: no-such.*does not " +
			"have one of the scopes"),
	})
	before := len(w.Workspace.Snapshot().Tokens)
	w.Test(t, steps...)
	if after := w.Workspace.Snapshot().Tokens; len(after) != before {
		t.Errorf("something was made: %+v", after)
	}
}

// Terraform prints the lines of configuration that an error points at. So an error about a secret of the owner does not
// point at the owner, because that would print all secrets in it.
func TestSecretsOfOwnerAreNotPrinted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const nl = "\n    "
	secret := "dapi" + strings.Repeat("0", 32)
	for want, owner := range map[string]string{
		"Certificate password without a certificate": secretOf(w) + nl + attr("client_certificate_password_wo", secret),
		"Token owner has two credentials":            "use_oidc = true" + nl + attr("client_secret_wo", secret),
		"Token owner has no credential":              attr("client_certificate_password_wo", secret),
		"Credential of the token's owner is empty": attr("client_secret_wo", "") + nl +
			attr("client_certificate_password_wo", secret),
		"Client secret is a Databricks token": attr("client_secret_wo", secret),
	} {
		ephemeral := opened(w.ScoringApp.ClientID, strings.ReplaceAll(owner, "_wo", ""))
		r := w.CLI(t, hcl(w.ScoringApp.ClientID, owner)+ephemeral).MustRun(t, 1, "plan")
		if n := strings.Count(r.Text(), "Error: "+want); n != 2 {
			t.Errorf("%s: %d errors, not one for each resource: %s", want, n, r.Stderr)
		}
		if strings.Contains(r.Stdout+r.Stderr, secret) {
			t.Errorf("%s: the secret is in the output: %s", want, r.Stderr)
		}
	}
}

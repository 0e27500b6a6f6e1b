package serviceprincipaltoken_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	ephemeralMark = "[dbxaccess-ephemeral]"
	echoes        = `
provider "echo" {
  data = ephemeral.dbxaccess_service_principal_token.this
}
resource "echo" "this" {}
`
)

// opened returns the configuration of an ephemeral token. ownerLines are the lines in its block owner, and lines are
// the lines beside that block.
func opened(owner, ownerLines string, lines ...string) string {
	return strings.Replace(hcl(owner, ownerLines, lines...), "resource", "ephemeral", 1)
}

// openedBySecret returns the configuration of an ephemeral token of the scoring application, which logs in with its
// client secret.
func openedBySecret(w *acctest.World, lines ...string) string {
	return opened(w.ScoringApp.ClientID, fromVariable(w, "client_secret", w.ScoringSecret), lines...)
}

// withEcho runs steps together with a provider that stores what an ephemeral resource returns.
func withEcho(t *testing.T, w *acctest.World, steps ...resource.TestStep) {
	t.Helper()
	providers := w.Providers()
	providers["echo"] = func() (tfprotov6.ProviderServer, error) { return echoprovider.NewProviderServer()() }
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: providers, Steps: w.Informed(steps...)})
}

func echoed(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("echo.this", tfjsonpath.New("data").AtMapKey(attribute), check)
}

func TestEphemeral(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	exact := knownvalue.StringExact
	withEcho(t, w, resource.TestStep{
		Config: openedBySecret(w, `comment = "nightly"`, `scopes = ["sql", "serving"]`,
			"lifetime_seconds = 900") + echoes,
		ConfigStateChecks: []statecheck.StateCheck{
			echoed("token_value", knownvalue.StringFunc(func(value string) error {
				if !strings.HasPrefix(value, "dapi") {
					return fmt.Errorf("not a token")
				}
				return nil
			})),
			echoed("token_id", knownvalue.StringFunc(func(id string) error {
				if len(id) != 64 {
					return fmt.Errorf("%q is not the id of a token", id)
				}
				return nil
			})),
			echoed("expires_at", knownvalue.StringFunc(func(at string) error {
				end, err := time.Parse(time.RFC3339, at)
				if rest := end.Sub(w.Tenant.Clock.Now()); err != nil || rest > 15*time.Minute || rest < 13*time.Minute {
					return fmt.Errorf("%s is not in 15 minutes: %w", at, err)
				}
				return nil
			})),
			echoed("lifetime_seconds", knownvalue.Int64Exact(900)),
			echoed("comment", exact("nightly")),
			echoed("scopes", knownvalue.SetExact([]knownvalue.Check{exact("serving"), exact("sql")})),
		},
	})
}

// While an ephemeral token is open, the server shows its default lifetime and a comment that marks it as ephemeral.
func TestEphemeralWhileItIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.CLI(t, openedBySecret(w, `comment = "nightly"`)+aliased+`
data "dbxaccess_tokens" "open" {
  application_id = "`+w.ScoringApp.ClientID+`"
  depends_on     = [data.dbxaccess_current_identity.app]
}
output "stray" {
  value = [for t in data.dbxaccess_tokens.open.tokens : "${t.comment} lives ${(parseint(formatdate("h", t.expires_at), 10) - parseint(formatdate("h", t.created_at), 10) + 24) % 24} h" if strcontains(t.comment, "`+ephemeralMark+`")]
}
output "caller" {
  value = data.dbxaccess_current_identity.app.application_id
}
`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	var out struct {
		Stray  struct{ Value []string }
		Caller struct{ Value string }
	}
	if err := json.Unmarshal([]byte(c.MustRun(t, 0, "output", "-json").Stdout), &out); err != nil {
		t.Fatal(err)
	}
	marked := regexp.MustCompile(`^nightly ` + regexp.QuoteMeta(ephemeralMark) +
		`.*\[dbxaccess:[0-9a-f-]{36}\] lives 1 h$`)
	if stray := out.Stray.Value; len(stray) != 1 || !marked.MatchString(stray[0]) ||
		out.Caller.Value != w.ScoringApp.ClientID {
		t.Errorf("%+v", out)
	}
	checkNoLiveToken(t, w, 1)
}

// The owner can log in with every kind of credential, and the token really belongs to the owner: the workspace reports
// the owner as the caller.
func TestEphemeralOwners(t *testing.T) {
	t.Parallel()
	certificate := func(t *testing.T, w *acctest.World) (*rsa.PrivateKey, *x509.Certificate) {
		t.Helper()
		cert, key, err := w.Tenant.IssueClientCertificate("scoring", time.Now().Add(-time.Hour),
			time.Now().AddDate(1, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		w.ScoringApp.AddCertificate(cert)
		return key, cert
	}
	for name, lines := range map[string]func(t *testing.T, w *acctest.World) string{
		"secret": func(_ *testing.T, w *acctest.World) string { return fromVariable(w, "client_secret", w.ScoringSecret) },
		"tenant": func(_ *testing.T, w *acctest.World) string {
			return fromVariable(w, "client_secret", w.ScoringSecret) + "\n" + attr("tenant_id", w.Tenant.ID)
		},
		"certificate": func(t *testing.T, w *acctest.World) string {
			key, cert := certificate(t, w)
			return fromVariable(w, "client_certificate", base64.StdEncoding.EncodeToString(acctest.PEM(t, key, cert)))
		},
		"path": func(t *testing.T, w *acctest.World) string {
			key, cert := certificate(t, w)
			return attr("client_certificate_path", w.WritePFX(t, "scoring.pfx", key, cert, "pass")) + "\n" +
				fromVariable(w, "client_certificate_password", "pass")
		},
		"vault, certificate": func(t *testing.T, w *acctest.World) string {
			v := w.NewVault(t, "kv-scoring")
			v.Allow(w.Deployer.ClientID, emulator.RoleSecretsUser)
			key, cert := certificate(t, w)
			v.ImportCertificate("scoring", key, cert, emulator.CertificatePKCS12)
			return fmt.Sprintf("key_vault = {\n vault_uri = %q\n certificate_name = \"scoring\"\n}", v.URL())
		},
		"vault, secret": func(t *testing.T, w *acctest.World) string {
			v := w.NewVault(t, "kv-scoring")
			v.Allow(w.Deployer.ClientID, emulator.RoleSecretsUser)
			v.SetSecret("scoring", w.ScoringSecret, "text/plain")
			return fmt.Sprintf("key_vault = {\n vault_uri = %q\n client_secret_name = \"scoring\"\n}", v.URL())
		},
		"federation": func(_ *testing.T, w *acctest.World) string {
			const issuer, subject, audience = "https://issuer.example.com", "system:serviceaccount:models:scoring", "api://AzureADTokenExchange"
			w.ScoringApp.AddFederatedCredential(issuer, subject, audience)
			w.Env["ARM_OIDC_TOKEN"] = w.Tenant.NewOIDCIssuer(issuer).Token(subject, audience, time.Hour)
			return "use_oidc = true"
		},
		"provider": func(_ *testing.T, w *acctest.World) string { return "use_provider_identity = true" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			owner := w.ScoringApp.ClientID
			if name == "provider" {
				owner = w.Deployer.ClientID
			}
			c := w.CLI(t, opened(owner, lines(t, w))+aliased+"output \"caller\" {\n  value = "+
				"data.dbxaccess_current_identity.app.application_id\n}\n")
			c.MustRun(t, 0, "plan").MustSay(t, fmt.Sprintf("+ caller = %q", owner))
		})
	}
}

// A plan causes one login of the owner, one new token and its revocation, all as the owner. The provider's own identity
// sends no request, so it need not be a workspace admin.
func TestEphemeralRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	c := w.CLI(t, openedBySecret(w))
	c.MustRun(t, 0, "plan")
	asked(t, w, 1, "workspace", "POST", create)
	asked(t, w, 2, "workspace", "POST", revoke)
	asked(t, w, 3, "workspace", "", "")
	if n := loginsBy(w, w.ScoringApp.ClientID); n != 1 {
		t.Errorf("%d logins of the owner", n)
	}
	if n := loginsBy(w, w.Deployer.ClientID); n != 0 {
		t.Errorf("%d logins of the provider", n)
	}
	// Terraform opens the token in plan and apply, even if nothing changes. OpenTofu then opens it only in the plan.
	walks := 2
	if strings.Contains(filepath.Base(c.Command(t).Path), "tofu") {
		walks = 1
	}
	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "apply", "-auto-approve")
	asked(t, w, walks, "workspace", "POST", create)
	asked(t, w, 2*walks, "workspace", "POST", revoke)
}

// One apply creates a service principal and its right to use tokens, and opens a token of that principal. The token is
// not opened before the right exists, because the token refers to the id of the right. (A depends_on would not keep
// Terraform from opening the token in the plan.) Something in the apply uses the token, because OpenTofu does not open
// a token that nothing uses.
func TestEphemeralOfAPrincipalMadeInTheSameApply(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	made := fmt.Sprintf(`
resource "dbxaccess_service_principal" "app" {
  application_id = %q
}
resource "dbxaccess_token_permission" "app" {
  service_principal_name = dbxaccess_service_principal.app.application_id
}
`, w.ScoringApp.ClientID)
	c := w.CLI(t, made+strings.Replace(openedBySecret(w), strconv.Quote(w.ScoringApp.ClientID),
		"dbxaccess_token_permission.app.id", 1)+
		strings.Replace(aliased, "provider = dbxaccess.app", "provider   = dbxaccess.app\n  depends_on = "+
			"[dbxaccess_token_permission.app]", 1))
	c.MustRun(t, 0, "plan")
	asked(t, w, 0, "workspace", "POST", create)
	c.MustRun(t, 0, "apply", "-auto-approve")
	checkNoLiveToken(t, w, 1)
}

// The owner is deactivated while its token is open, as an apply with break-glass access may do. The token no longer
// works, and an admin revokes it.
func TestEphemeralOfADeactivatedOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.CLI(t, openedBySecret(w)+aliased+fmt.Sprintf(`
resource "dbxaccess_service_principal" "app" {
  application_id = %q
  adopt_existing = true
  on_destroy     = "retain"
  active         = false
  display_name   = "was ${data.dbxaccess_current_identity.app.application_id}"
}
`, w.ScoringApp.ClientID))
	c.MustRun(t, 0, "apply", "-auto-approve")
	checkNoLiveToken(t, w, 2)
}

// A provider that is logged in with a Databricks token does not know the tenant in which the owner logs in.
func TestEphemeralByAProviderWithAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH")
	delete(w.Env, "ARM_TENANT_ID")
	w.Env["DATABRICKS_TOKEN"] = w.PersonToken
	// The secret is in a variable, because newer versions of Terraform print the block that an error points at.
	c := w.CLI(t, openedBySecret(w))
	r := c.MustRun(t, 1, "plan")
	if !acctest.Words(`Incomplete Azure login.*owner.client_secret.*owner.tenant_id is not`).MatchString(r.Stderr) ||
		strings.Contains(r.Stderr, w.ScoringSecret) {
		t.Errorf("%s", r.Stderr)
	}
	secret := fmt.Sprintf("%s\n%s", fromVariable(w, "client_secret", w.ScoringSecret), attr("tenant_id", w.Tenant.ID))
	w.CLI(t, opened(w.ScoringApp.ClientID, secret)).MustRun(t, 0, "plan")
	checkNoLiveToken(t, w, 1)
}

// A lost answer must not leave a second token behind. The token that is found by its comment is revoked, and a new one
// is opened.
func TestEphemeralAnswerLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: create, Drop: "after"})
	w.CLI(t, openedBySecret(w)+aliased).MustRun(t, 0, "plan")
	asked(t, w, 2, "workspace", "POST", create)
	asked(t, w, 4, "workspace", "POST", revoke)
}

func TestEphemeralDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveGrant(rights, w.ScoringApp.ClientID)
	withEcho(t, w, resource.TestStep{
		Config: openedBySecret(w, `comment = "nightly"`) + echoes,
		ExpectError: acctest.Words(`Cannot create ephemeral token.*ephemeral token of service principal ` +
			w.ScoringApp.ClientID + ` \(nightly\): .*403 PERMISSION_DENIED.*dbxaccess_token_permission`),
	})
	asked(t, w, 0, "workspace", "POST", revoke)
}

// If nobody can revoke the token, an error at the end of the run must name its id.
func TestEphemeralCannotClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: revoke, Status: 403, Code: "PERMISSION_DENIED",
		Message: "not you"})
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "DELETE", Path: managed1, Status: 403,
		Code: "PERMISSION_DENIED", Message: "nor you"})
	r := w.CLI(t, openedBySecret(w)).MustRun(t, 1, "plan")
	if !acctest.Words(`Cannot revoke ephemeral token.*ephemeral token [0-9a-f]{12}: .*nor you.*DELETE /api/2.0/token-management/tokens/[0-9a-f]{64}.*Only a workspace admin may revoke tokens of others.*with the login of its owner: .*not you`).MatchString(strings.ReplaceAll(r.Stderr, "│", "")) {
		t.Errorf("%s", r.Stderr)
	}
	// The provider has tried once more when its process ended, and has revoked the token.
	asked(t, w, 3, "workspace", "POST", revoke)
}

func TestEphemeralBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := fromVariable(w, "client_secret", w.ScoringSecret)
	var steps []resource.TestStep
	for _, bad := range []struct{ hcl, want string }{
		{opened(w.ScoringApp.ClientID, ""), `Token owner has no credential.*client_secret, client_certificate, client_certificate_path,.*key_vault,`},
		{opened(w.ScoringApp.ClientID, secret+"\nuse_provider_identity = true"), `has two credentials.*client_secret and use_provider_identity are both set`},
		{opened(w.ScoringApp.ClientID, secret+"\nclient_certificate_password = \"x\""), `Certificate password without a certificate.*client_certificate_password is set, but neither client_certificate nor client_certificate_path`},
		{opened(w.ScoringApp.ClientID, secret+"\nuse_oidc = true"), `client_secret and use_oidc are both set`},
		{opened(w.ScoringApp.ClientID, "key_vault = { vault_uri = \"https://kv.vault.azure.net\" }"), `Key Vault credential of the owner is not clear`},
		{opened(w.ScoringApp.ClientID, "key_vault = {\n vault_uri = \"https://kv.vault.azure.net\"\n client_secret_name = \"a\"\n certificate_password_secret_name = \"b\"\n}"), `Password in Key Vault without a certificate`},
		{opened(w.ScoringApp.ClientID, "key_vault = {\n vault_uri = \"http://kv\"\n client_secret_name = \"a\"\n}"), `Not the owner's vault`},
		{opened("scoring app", secret), `Not an application id`},
		{openedBySecret(w, "lifetime_seconds = 0"), `must be between 1 and 86400`},
		{openedBySecret(w, "lifetime_seconds = -1"), `must be between 1 and 86400`},
		{openedBySecret(w, "lifetime_seconds = 86401"), `must be between 1 and 86400`},
		{openedBySecret(w, "scopes = []"), `at least 1 elements`},
		{openedBySecret(w, `comment = ""`), `length must be between 1 and 256`},
		{opened(w.ScoringApp.ClientID, "use_provider_identity = true"), `the token would belong to that identity`},
		{opened(w.ScoringApp.ClientID, attr("client_certificate_path", "/nowhere.pem")), `Cannot.*nowhere.pem|nowhere.pem.*`},
	} {
		steps = append(steps, resource.TestStep{Config: bad.hcl + echoes, PlanOnly: true,
			ExpectError: acctest.Words(bad.want)})
	}
	withEcho(t, w, steps...)
	if n := len(w.Tenant.Journal.Entries()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// The value of the token is in no state, no plan file and no log.
func TestEphemeralStaysOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.CLI(t, openedBySecret(w)+aliased)
	c.Env["TF_LOG"] = "trace"
	plan := c.MustRun(t, 0, "plan", "-out=plan")
	apply := c.MustRun(t, 0, "apply", "plan")
	show := c.MustRun(t, 0, "show", "-json", "plan")
	for name, text := range map[string]string{"plan's output": plan.Stdout + plan.Stderr,
		"apply's output": apply.Stdout + apply.Stderr, "plan file": show.Stdout, "state": c.State(t)} {
		for _, secret := range []string{"dapi", w.ScoringSecret} {
			if i := strings.Index(text, secret); i >= 0 && !(secret == w.ScoringSecret && name == "plan file") {
				t.Errorf("the %s holds %.4s…", name, secret)
			}
		}
	}
}

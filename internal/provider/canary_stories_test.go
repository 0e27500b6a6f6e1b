package provider_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// storyRun is a run of the real CLI whose complete output and files the canary searches.
type storyRun struct {
	*canary
	w     *acctest.World
	cli   *acctest.CLI
	shown map[string]string
}

// run runs a command with the log level trace.
func (s *storyRun) run(t *testing.T, code int, args ...string) acctest.Result {
	t.Helper()
	r := s.cli.MustRun(t, code, args...)
	name := fmt.Sprintf("%d: %s", len(s.shown)/2, strings.Join(args, " "))
	s.shown[name], s.shown[name+" (log)"] = r.Stdout, r.Stderr
	return r
}

// vault returns a vault that the deployer may write to. Vaults of different worlds have different names.
func (s *storyRun) vault(name string) *emulator.Vault {
	v := s.w.Tenant.NewVault(name)
	v.Allow(s.w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	return v
}

// secretVariables returns HCL that declares ephemeral variables, which Terraform itself keeps out of plan and state.
func secretVariables(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "variable %q {\n  type      = string\n  sensitive = true\n  ephemeral = true\n}\n", name)
	}
	return b.String()
}

// bySecretVariable is the line with the token owner's login in most stories.
const bySecretVariable = "client_secret_wo = var.secret"

// ownTokenHCL returns HCL of an application with access to an endpoint and a token of its own. credential is a line in
// the token's block owner; more are further lines of the token.
func ownTokenHCL(application, credential string, more ...string) string {
	return fmt.Sprintf(ownToken, application, credential, strings.Join(more, "\n  "))
}

const ownToken = `
resource "dbxaccess_service_principal" "app" {
  application_id = %[1]q
  display_name   = "app"
}
resource "dbxaccess_token_permission" "app" { service_principal_name = dbxaccess_service_principal.app.application_id }
resource "dbxaccess_serving_endpoint_permission" "app" {
  endpoint_name          = "iris"
  service_principal_name = dbxaccess_service_principal.app.application_id
  permission_level       = "CAN_QUERY"
}
resource "dbxaccess_service_principal_token" "app" {
  owner = {
    application_id = dbxaccess_service_principal.app.application_id
    %[2]s
  }
  comment    = "canary"
  depends_on = [dbxaccess_token_permission.app]
  %[3]s
}
`

const proof = `
data "dbxaccess_serving_endpoint_query" "proof" {
  endpoint_name = "iris"
  request       = jsonencode({ inputs = [[5.1, 3.5, 1.4, 0.2]] })
  depends_on    = [dbxaccess_serving_endpoint_permission.app, dbxaccess_service_principal_token.app]
  %s
}
`

// ephemeralTokens creates ephemeral tokens of each kind; a provider logs in with each.
const ephemeralTokens = `
ephemeral "dbxaccess_service_principal_token" "short" {
  owner = {
    application_id = %[1]q
    client_secret  = var.secret
  }
}
ephemeral "dbxaccess_oauth_token" "short" {
  client_id     = %[1]q
  client_secret = var.oauth_secret
}
ephemeral "dbxaccess_entra_token" "short" { audience = "databricks" }

provider "dbxaccess" {
  alias = "token"
  token = ephemeral.dbxaccess_service_principal_token.short.token_value
}
provider "dbxaccess" {
  alias = "oauth"
  token = ephemeral.dbxaccess_oauth_token.short.access_token
}
provider "dbxaccess" {
  alias = "entra"
  token = ephemeral.dbxaccess_entra_token.short.access_token
}
data "dbxaccess_current_identity" "token" { provider = dbxaccess.token }
data "dbxaccess_current_identity" "oauth" { provider = dbxaccess.oauth }
data "dbxaccess_current_identity" "entra" { provider = dbxaccess.entra }
`

// stories are what people do with secrets. Each story gets a world and writes its own configuration.
var stories = map[string]func(t *testing.T, s *storyRun){
	"a client secret; a token in Key Vault, queried with, rotated, destroyed": func(t *testing.T, s *storyRun) {
		withoutCertificate(s.w)
		s.w.Env["ARM_CLIENT_SECRET"] = s.w.DeployerSecret
		s.w.Env["TF_VAR_secret"] = s.w.ScoringSecret
		v := s.vault("kv-canary-rotated")
		write := func(n int) {
			vault := fmt.Sprintf("key_vault_secret = { vault_uri = %q, name = \"app\" }", v.URL())
			s.cli.Rewrite(t, secretVariables("secret")+
				ownTokenHCL(s.w.ScoringApp.ClientID, bySecretVariable, vault,
					fmt.Sprintf("rotation_triggers = { n = %d }", n))+
				fmt.Sprintf(proof, "query_as = \"key_vault_secret\"\n  "+vault))
		}
		write(1)
		planAndApply(t, s)
		first := v.Value("app")
		write(2)
		planAndApply(t, s)
		if v.Value("app") == first || !strings.HasPrefix(first, "dapi") {
			t.Errorf("nothing was rotated: %q", first)
		}
		planNothing(t, s)
		s.run(t, 0, "destroy", "-auto-approve")
	},
	"a certificate with a password; token and OAuth secret in the state; ephemeral tokens": func(t *testing.T, s *storyRun) {
		const password = "another long pass phrase"
		pfx, err := os.ReadFile(s.w.WritePFX(t, "owner.pfx", s.w.DeployerKey, s.w.DeployerCertificate, password))
		if err != nil {
			t.Fatal(err)
		}
		s.secret("the password of the owner's PFX", password)
		s.secret("the owner's PFX", string(pfx))
		s.w.ScoringApp.AddCertificate(s.w.DeployerCertificate)
		// The owners of the ephemeral tokens are in the workspace from the start, because the plan opens these tokens.
		other := s.w.Tenant.RegisterApp("other")
		s.w.Workspace.AddServicePrincipal(other.ClientID, "other")
		s.w.Workspace.SetGrant("authorization/tokens", other.ClientID, "CAN_USE")
		s.w.Env["TF_VAR_secret"] = other.AddSecret(time.Hour)
		_, s.w.Env["TF_VAR_oauth_secret"] = s.w.Workspace.AddOAuthSecret(other.ClientID, time.Hour)
		s.secret("the other application's secret", s.w.Env["TF_VAR_secret"])
		s.secret("the other application's OAuth secret", s.w.Env["TF_VAR_oauth_secret"])
		s.w.Env["TF_VAR_certificate"], s.w.Env["TF_VAR_password"] = base64.StdEncoding.EncodeToString(pfx), password
		s.cli.Rewrite(t, secretVariables("certificate", "password", "secret", "oauth_secret")+
			ownTokenHCL(s.w.ScoringApp.ClientID,
				"client_certificate_wo = var.certificate\n    client_certificate_password_wo = var.password")+
			fmt.Sprintf(proof, "query_as = \"token\"\n  token = dbxaccess_service_principal_token.app.token_value")+
			fmt.Sprintf(ephemeralTokens, other.ClientID)+
			"resource \"dbxaccess_service_principal_oauth_secret\" \"app\" {\n"+
			"  application_id = dbxaccess_service_principal.app.application_id\n}\n"+
			"output \"token\" {\n  value     = dbxaccess_service_principal_token.app.token_value\n  "+
			"sensitive = true\n}\n")
		planAndApply(t, s)
		planNothing(t, s)
		s.run(t, 0, "destroy", "-auto-approve")
	},
	"a client secret in a file; tokens and OAuth secrets imported": func(t *testing.T, s *storyRun) {
		withoutCertificate(s.w)
		s.w.Env["ARM_CLIENT_SECRET_FILE_PATH"] = s.w.Write(t, "secret", []byte(s.w.DeployerSecret+"\n"))
		s.w.Env["TF_VAR_secret"] = s.w.ScoringSecret
		app := s.w.ScoringApp.ClientID
		s.w.Workspace.AddServicePrincipal(app, "app")
		s.w.Workspace.SetGrant("authorization/tokens", app, "CAN_USE")
		token, value := s.w.Workspace.MintToken(app, "canary", 30*24*time.Hour)
		secret, secretValue := s.w.Workspace.AddOAuthSecret(app, 30*24*time.Hour)
		s.secret("the imported token", value)
		s.secret("the imported OAuth secret", secretValue)
		s.cli.Rewrite(t, secretVariables("secret")+ownTokenHCL(app, bySecretVariable, "lifetime_seconds = 2592000")+
			fmt.Sprintf("resource \"dbxaccess_service_principal_oauth_secret\" \"app\" { application_id = %q }\n", app)+
			fmt.Sprintf("import {\n  to = dbxaccess_service_principal.app\n  id = %q\n}\n", app)+
			fmt.Sprintf("import {\n  to = dbxaccess_service_principal_token.app\n  id = %q\n}\n", token)+
			fmt.Sprintf("import {\n  to = dbxaccess_service_principal_oauth_secret.app\n  id = %q\n}\n",
				app+"/"+secret))
		planAndApply(t, s)
		planNothing(t, s)
		// Somebody imports by the secret value instead of the id. Terraform shows and logs its own command line, so the
		// canary searches only the provider's output.
		s.run(t, 0, "state", "rm", "dbxaccess_service_principal_token.app")
		delete(s.cli.Env, "TF_LOG")
		s.cli.Env["TF_LOG_PROVIDER"] = "trace"
		r := s.cli.MustRun(t, 1, "import", "dbxaccess_service_principal_token.app", value)
		s.shown["import by the value"] = r.Stderr
	},
	"strays swept and credentials revoked by actions; answers that echo the request to them": func(t *testing.T, s *storyRun) {
		acctest.NeedsTerraform(t, "1.14.0", "actions")
		withoutCertificate(s.w)
		s.w.Env["ARM_CLIENT_SECRET"], s.w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = s.w.DeployerSecret, "5"
		app := s.w.ScoringApp.ClientID
		s.w.Workspace.AddServicePrincipal(app, "app")
		s.w.Workspace.SetGrant("authorization/tokens", app, "CAN_USE")
		for _, comment := range []string{"[dbxaccess-ephemeral]", "nightly"} {
			id, value := s.w.Workspace.MintToken(app, comment, 24*time.Hour)
			s.w.Workspace.AgeToken(id, time.Hour)
			s.secret("a token with the comment "+comment, value)
		}
		_, value := s.w.Workspace.AddOAuthSecret(app, 24*time.Hour)
		s.secret("an OAuth secret", value)
		s.cli.Rewrite(t, fmt.Sprintf(actions, app))
		for _, action := range []string{"sweep_stray_tokens", "revoke_credentials"} {
			invoke := []string{"apply", "-auto-approve", "-invoke=action.dbxaccess_" + action + ".all"}
			s.answers(func(r *http.Request, _ string) bool {
				return r.Host == s.w.Workspace.HostName() && r.Method != "GET"
			})
			s.run(t, 1, invoke...)
			if s.answers(nil) == 0 {
				t.Errorf("%s: no request was answered with itself", action)
			}
			s.run(t, 0, invoke...)
		}
		if left := s.w.Workspace.Snapshot(); len(left.OAuthSecrets) > 0 || len(left.Tokens) > 1 { // a person owns one
			t.Errorf("left: %+v, %+v", left.Tokens, left.OAuthSecrets)
		}
	},
	"answers that echo the request, to every kind of request": func(t *testing.T, s *storyRun) {
		withoutCertificate(s.w)
		s.w.Env["ARM_CLIENT_SECRET"], s.w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = s.w.DeployerSecret, "5"
		s.w.Env["TF_VAR_secret"] = s.w.ScoringSecret
		v := s.vault("kv-canary-echo")
		s.cli.Rewrite(t, secretVariables("secret")+
			ownTokenHCL(s.w.ScoringApp.ClientID, bySecretVariable, "token_value_in_state = true",
				fmt.Sprintf("key_vault_secret = { vault_uri = %q, name = \"app\" }", v.URL()))+
			fmt.Sprintf(proof, "query_as = \"token\"\n  token = dbxaccess_service_principal_token.app.token_value"))
		workspace := s.w.Workspace.HostName()
		for _, echo := range []func(r *http.Request, body string) bool{
			func(r *http.Request, _ string) bool { return strings.HasPrefix(r.Host, "login.") && r.Method == "POST" },
			func(r *http.Request, _ string) bool { return r.Host == workspace && r.Method != "GET" },
			func(r *http.Request, body string) bool {
				return strings.HasPrefix(r.Host, "login.") && strings.Contains(body, s.w.ScoringApp.ClientID)
			},
			func(r *http.Request, _ string) bool { return strings.HasSuffix(r.URL.Path, "/token/create") },
			func(r *http.Request, _ string) bool {
				return r.Host == v.Name()+".vault.azure.net" && r.Method == "PUT"
			},
			func(r *http.Request, _ string) bool { return strings.HasSuffix(r.URL.Path, "/invocations") },
			func(r *http.Request, _ string) bool { return r.Host == workspace },
		} {
			s.answers(echo)
			s.run(t, 1, "apply", "-auto-approve")
			if s.answers(nil) == 0 {
				t.Error("no request was answered with itself")
			}
		}
		s.run(t, 0, "apply", "-auto-approve")
		s.answers(func(r *http.Request, _ string) bool {
			return r.Method == "DELETE" || strings.HasSuffix(r.URL.Path, "/token/delete")
		})
		s.run(t, 1, "destroy", "-auto-approve")
		if s.answers(nil) == 0 {
			t.Error("no request was answered with itself")
		}
	},
}

const actions = `
action "dbxaccess_sweep_stray_tokens" "all" {
  config {
    older_than_seconds = 0
    dry_run            = false
  }
}
action "dbxaccess_revoke_credentials" "all" {
  config { application_id = %q }
}
`

// answers sets which requests get themselves as the answer. It returns how many requests did since the last call.
func (c *canary) answers(echo func(*http.Request, string) bool) (echoed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	echoed, c.echo, c.echoed = c.echoed, echo, 0
	return echoed
}

func planAndApply(t *testing.T, s *storyRun) {
	t.Helper()
	s.run(t, 0, "plan", "-out=tfplan")
	s.run(t, 0, "show", "-json", "tfplan")
	s.run(t, 0, "apply", "tfplan")
}

func planNothing(t *testing.T, s *storyRun) {
	t.Helper()
	s.run(t, 0, "plan", "-detailed-exitcode", "-out=empty.tfplan")
}

func newStory(t *testing.T) *storyRun {
	t.Helper()
	w := acctest.New(t)
	s := &storyRun{canary: watch(t, w), w: w, shown: map[string]string{}}
	s.cli = w.CLI(t, whoAmI)
	// The canary also searches temporary files. The path is relative, because the provider's socket is there, and a
	// socket's path is limited to about 100 bytes.
	s.cli.Env["TF_LOG"], s.cli.Env["TMPDIR"] = "trace", "tmp"
	if err := os.Mkdir(filepath.Join(s.cli.Dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// A secret is only where it must be. Outside of the attributes that are documented to hold it, it is in no state, plan,
// lock file, trace log, output or other file.
func TestSecretsStayOutOfEveryStory(t *testing.T) {
	t.Parallel()
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			story(t, s)
			log := ""
			for _, text := range s.shown {
				log += text
			}
			if !strings.Contains(log, "provider.terraform-provider-dbxaccess") {
				t.Error("the log holds nothing of the provider, so it proves nothing")
			}
			s.mustNotBeFound(t, s.shown, s.cli.Dir)
		})
	}
}

// Every login creates the access of the quick start under the services' public host names, and no secret is where it
// must not be, as in TestSecretsStayOutOfEveryStory. The logins of Databricks only read, because the quick start's
// token needs a tenant.
func TestSecretsStayOutOfEveryLogin(t *testing.T) {
	t.Parallel()
	all := maps.Clone(logins)
	all["Databricks OAuth"] = func(_ *testing.T, w *acctest.World) {
		withoutAzure(w)
		w.Env["DATABRICKS_CLIENT_ID"], w.Env["DATABRICKS_CLIENT_SECRET"] = databricksAdmin(w)
	}
	all["Databricks OIDC"] = func(_ *testing.T, w *acctest.World) {
		withoutAzure(w)
		application, _ := databricksAdmin(w)
		issuer := w.Tenant.NewOIDCIssuer("https://issuer.example")
		w.Workspace.AddFederationPolicy(application, issuer.URL(), "pipeline", "ours")
		w.Env["DBXACCESS_USE_DATABRICKS_OIDC"], w.Env["DATABRICKS_CLIENT_ID"] = "true", application
		w.Env["ARM_OIDC_TOKEN"] = issuer.Token("pipeline", "ours", time.Hour)
	}
	all["a person's token"] = func(_ *testing.T, w *acctest.World) {
		withoutAzure(w)
		w.Env["DATABRICKS_TOKEN"] = w.PersonToken
	}
	for name, login := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			login(t, s.w)
			for name, value := range s.w.Env {
				if strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_TOKEN") {
					s.secret(name, value)
				}
			}
			if _, azure := logins[name]; azure {
				s.cli.Rewrite(t, example(t, "quickstart/main.tf"))
				s.cli.Env["TF_VAR_scoring_application_id"], s.cli.Env["TF_VAR_scoring_client_secret"] = s.w.ScoringApp.ClientID, s.w.ScoringSecret
			}
			s.run(t, 0, "apply", "-auto-approve")
			if _, azure := logins[name]; azure {
				givesAccess(t, s.w)
			}
			s.mustNotBeFound(t, s.shown, s.cli.Dir)
		})
	}
}

package serviceprincipaltoken_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func ownerVault(v *emulator.Vault, lines ...string) string {
	return fmt.Sprintf("key_vault = {\n      vault_uri = %q\n      %s\n    }", v.URL(), strings.Join(lines, "\n      "))
}

// keptOwner returns a vault with every credential of the scoring application. The deployer may read the secrets in it
// and not write any.
func keptOwner(t *testing.T, w *acctest.World) *emulator.Vault {
	t.Helper()
	v := w.NewVault(t, "kv-owners")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsUser)
	cert, key, err := w.Tenant.IssueClientCertificate("scoring", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	w.ScoringApp.AddCertificate(cert)
	v.ImportCertificate("cert", key, cert, emulator.CertificatePKCS12)
	v.SetSecret("pem", string(acctest.PEM(t, key, cert)), "")
	v.SetSecret("secret", w.ScoringSecret, "")
	v.SetSecret("password", "not needed", "")
	return v
}

// A token has the rights of its owner, and no others.
func TestTokenHasRightsOfItsOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := bySecret(w)
	status := func(want int) resource.TestCheckFunc {
		return func(s *terraform.State) error {
			if got := scores(t, w, s.RootModule().Resources[address].Primary.Attributes["token_value"]); got != want {
				t.Errorf("scoring answered %d, not %d", got, want)
			}
			return nil
		}
	}
	granted := stepWithEmptyPlan(w, config)
	granted.PreConfig, granted.Check = func() {
		w.Workspace.SetGrant("iris", w.ScoringApp.ClientID, "CAN_QUERY")
	}, status(http.StatusOK)
	w.Test(t, resource.TestStep{Config: config, Check: status(http.StatusForbidden)}, granted)
}

// The owner's credential may be in a vault. The provider's own identity reads the vault during the apply, and not
// before. The credential also serves to revoke the token.
func TestOwnerInKeyVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := keptOwner(t, w)
	var all string
	for name, lines := range map[string]string{
		"certificate": ownerVault(v, `certificate_name = "cert"`), "secret": ownerVault(v, `client_secret_name = "secret"`),
		"pem": ownerVault(v, `certificate_name = "pem"`, `certificate_password_secret_name = "password"`),
	} {
		all += strings.Replace(hcl(w.ScoringApp.ClientID, lines, attr("comment", name)), `"this"`, `"`+name+`"`, 1)
	}
	c := w.Commands(t, all)
	c.MustRun(t, 2, "plan", "-detailed-exitcode")
	asked(t, w, 0, "", "", "") // no request at all: neither a login of the owner nor one to the vault
	c.MustRun(t, 0, "apply", "-auto-approve")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 3 {
		t.Errorf("%+v", tokens)
	}
	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	asked(t, w, 0, "vault", "", "")
	if n := loginsBy(w, w.ScoringApp.ClientID); n != 0 {
		t.Errorf("a refresh logged in as the owner %d times", n)
	}
	// The destroy revokes the tokens as the owner, with the credential in the vault.
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "destroy", "-auto-approve", "-refresh=false")
	asked(t, w, 6, "workspace", "POST", revoke)
	asked(t, w, 0, "workspace", "DELETE", managed1)
}

// If the vault lacks the credential or refuses to show it, the apply fails before a token is created.
func TestOwnerInKeyVaultRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := keptOwner(t, w)
	for _, tc := range []struct {
		lines, want string
		spoil       func()
	}{
		{`certificate_name = "nothing"`, "Key Vault secret not found.*has no secret or certificate nothing", nil},
		{`client_secret_name = "password"`, "Client secret is wrong.*AADSTS7000215.*repeated this login at Microsoft Entra ID for", nil},
		{`certificate_name = "cert"`, "Key Vault refuses the read.*The provider's identity may not read secret cert.*Key Vault Secrets User", func() { v.Revoke(w.Deployer.ClientID) }},
	} {
		if tc.spoil != nil {
			tc.spoil()
		}
		c := w.Commands(t, hcl(w.ScoringApp.ClientID, ownerVault(v, tc.lines), `timeouts = { create = "4s" }`))
		if text := c.MustRun(t, 1, "apply", "-auto-approve").Text(); !acctest.Words(tc.want).MatchString(text) {
			t.Errorf("%s: %s", tc.lines, text)
		}
	}
	asked(t, w, 0, "workspace", "POST", create)
}

// An owner with a federated token logs in with the token that the provider's oidc_* settings name.
func TestOwnerByOIDC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const issuer, subject, audience = "https://issuer.example.com", "repo:ml/scoring:ref:refs/heads/main", "api://AzureADTokenExchange"
	w.ScoringApp.AddFederatedCredential(issuer, subject, audience)
	w.Env["ARM_OIDC_TOKEN_FILE_PATH"] = w.Write(t, "oidc",
		[]byte(w.Tenant.NewOIDCIssuer(issuer).Token(subject, audience, time.Hour)))
	config := hcl(w.ScoringApp.ClientID, "use_oidc = true", `comment = "c"`)
	w.Test(t,
		resource.TestStep{Config: config, Check: one(w, w.ScoringApp.ClientID, "c")},
		stepWithEmptyPlan(w, config),
		resource.TestStep{PreConfig: w.Tenant.Journal.Reset, Config: config, Destroy: true},
	)
	asked(t, w, 2, "workspace", "POST", revoke)
}

// The same apply may have created an application or its credential, which Entra ID may not know at once. The provider
// repeats the login only when it creates a token.
func TestEntraLearnsLate(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"application": "700016", "service principal": "7000229",
		"secret": "7000215"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			late := emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token", Status: 400,
				Code: code, Times: 2}
			w.Tenant.Faults.Add(late)
			w.Test(t,
				resource.TestStep{Config: bySecret(w, `comment = "a"`), Check: one(w, w.ScoringApp.ClientID, "a")},
				resource.TestStep{
					PreConfig: func() {
						late.Times, late.After = 1, 2 // two logins of the deployer come first and succeed
						w.Tenant.Faults.Add(late)
					},
					Config: bySecret(w, `comment = "b"`), ExpectError: acctest.Words("AADSTS" + code),
				},
			)
		})
	}
	t.Run("certificate", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		config := byPath(t, w, `comment = "a"`)
		w.Tenant.Faults.Add(emulator.Fault{
			Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token", Status: 401, Code: "700027",
			Message: "The certificate with identifier used to sign the client assertion is not registered on " +
				"application. [Reason - The key was not found.]",
		})
		w.Test(t, resource.TestStep{Config: config, Check: one(w, w.ScoringApp.ClientID, "a")})
	})
	t.Run("not for ever", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		expired := emulator.Fault{
			Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token", Status: 401, Code: "700027",
			Message: "[Reason - The key used is expired.]",
		}
		config := byPath(t, w)
		w.Tenant.Faults.Add(expired)
		w.Test(t, resource.TestStep{Config: config,
			ExpectError: acctest.Words("Registered client certificate has expired")})
		if n := w.Count("entra", "POST", ""); n != 1 {
			t.Errorf("Entra ID was asked %d times", n)
		}
	})
}

// Fifty tokens of ten owners cost one login per owner in the run that creates them, none in a refresh, and one list of
// tokens per run.
func TestManyTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all strings.Builder
	var apps []*emulator.App
	for i := range 10 {
		app := w.Tenant.RegisterApp(fmt.Sprintf("app-%d", i))
		w.Workspace.AddServicePrincipal(app.ClientID, app.Name)
		w.Workspace.SetGrant(rights, app.ClientID, "CAN_USE")
		apps = append(apps, app)
		all.WriteString(strings.Replace(hcl(app.ClientID, fromVariable(w, "client_secret_wo", app.AddSecret(day)),
			"count = 5", `comment = "c${count.index}"`), `"this"`, fmt.Sprintf("%q", app.Name), 1))
	}
	c := w.CLI(t, all.String())
	count := func(owners, deployer, lists int, args ...string) {
		t.Helper()
		w.Tenant.Journal.Reset()
		c.MustRun(t, 0, args...)
		got := 0
		for _, app := range apps {
			got += loginsBy(w, app.ClientID)
		}
		if n := loginsBy(w, w.Deployer.ClientID); got != owners || n != deployer {
			t.Errorf("%v: the owners logged in %d times, the deployer %d times", args, got, n)
		}
		asked(t, w, lists, "workspace", "GET", managed)
		asked(t, w, 0, "workspace", "GET", "/api/2.0/token/list")
	}
	count(10, 1, 1, "apply", "-auto-approve")
	count(0, 1, 1, "plan", "-detailed-exitcode")
	if tokens := live(w, apps[3].ClientID); len(tokens) != 5 {
		t.Errorf("%+v", tokens)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

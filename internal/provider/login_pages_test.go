package provider_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

var (
	exported      = regexp.MustCompile(`(?m)^export (\w+)=(.+)$`)
	providerBlock = regexp.MustCompile(`(?ms)^provider "dbxaccess" \{\n.*?^\}\n`)
	shownLogin    = regexp.MustCompile(`(?m)^me = "(.+) by (\w+)"$`)
)

// loginPages lists the pages about logins: each function prepares what the page presupposes, and returns the values
// that replace those on the page.
var loginPages = map[string]func(*testing.T, *acctest.World) (values map[string]string){
	"certificate": func(t *testing.T, w *acctest.World) map[string]string {
		return map[string]string{
			"deployer.pem": w.Write(t, "deployer.pem", acctest.PEM(t, w.DeployerKey, w.DeployerCertificate)),
			"deployer.pfx": w.WritePFX(t, "page.pfx", w.DeployerKey, w.DeployerCertificate, acctest.Password), "…": acctest.Password,
		}
	},
	"certificate-in-key-vault": func(t *testing.T, w *acctest.World) map[string]string {
		v, _ := keyVaultExample(t, w)
		return map[string]string{"7a0c2e4f-6b8d-4f1a-9c3e-5d7f9b1a3c50": v.Reader.ClientID}
	},
	"github-actions": func(t *testing.T, w *acctest.World) map[string]string {
		logins["GitHub Actions"](t, w)
		return nil
	},
	"azure-pipelines": func(t *testing.T, w *acctest.World) map[string]string {
		logins["Azure Pipelines"](t, w)
		return map[string]string{"0d6f1c52-8a27-4b6e-9f43-2a7c5e1b8d90": w.Env["ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID"]}
	},
	"managed-identity": func(_ *testing.T, w *acctest.World) map[string]string {
		w.Tenant.AssignManagedIdentity(w.Deployer, false)
		return nil
	},
	"client-secret": func(_ *testing.T, w *acctest.World) map[string]string {
		return map[string]string{"var.client_secret": `"` + w.DeployerSecret + `"`, "…": w.DeployerSecret}
	},
	"azure-cli": func(t *testing.T, w *acctest.World) map[string]string {
		azureCLI(t, w, w.Deployer)
		return nil
	},
	"databricks-oauth": func(_ *testing.T, w *acctest.World) map[string]string {
		application, secret := databricksAdmin(w)
		issuer := w.Tenant.NewOIDCIssuer(emulator.GitHubIssuer)
		const subject = "repo:contoso/models:environment:production"
		w.Workspace.AddFederationPolicy(application, issuer.URL(), subject, "my-account-id")
		w.Env["ARM_OIDC_TOKEN"] = issuer.Token(subject, "my-account-id", time.Hour)
		return map[string]string{"9a1c3e5d-2b4f-4d6a-8c7e-1f3b5d7a9c20": application, "var.oauth_secret": `"` + secret +
			`"`, "…": secret}
	},
}

// The provider logs in as each page shows, with its provider block and with its environment variables, and reports the
// identity that the page names.
func TestLogInPages(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/guides/log-in-*.md")
	if err != nil || len(pages) != len(loginPages) {
		t.Fatalf("%d pages, and the table has %d: %v", len(pages), len(loginPages), err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(page), "log-in-"), ".md")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Proxied()
			stands := loginPages[name](t, w)
			text := read(t, page)
			for shown, value := range map[string]string{
				"https://adb-1234567890123456.7.azuredatabricks.net": w.Env["DBXACCESS_HOST"],
				"8f1ab3a4-9a0d-4b8c-9b0e-2f6c1d1e7a55":               w.Tenant.ID, "4c2f6b1e-7d55-4a6e-8a39-0d7c7a9c1f20": w.Deployer.ClientID,
			} {
				text = strings.ReplaceAll(text, shown, value)
			}
			for shown, value := range stands {
				text = strings.ReplaceAll(text, shown, value)
			}
			const me = "data \"dbxaccess_current_identity\" \"me\" {}\noutput \"me\" {\n  value = data.dbxaccess_current_identity.me.auth_type\n}\n"
			shown := shownLogin.FindStringSubmatch(text)
			if shown == nil {
				t.Fatal("it does not say who is shown")
			}
			// The machine or the pipeline sets whatever the page does not name.
			for _, set := range slices.Collect(maps.Keys(w.Env)) {
				if strings.HasPrefix(set, "ARM_") && set != "ARM_OIDC_TOKEN" || set == "DBXACCESS_HOST" {
					delete(w.Env, set)
				}
			}
			logsIn := func(provider, kind string) {
				t.Helper()
				if r := w.CLI(t, me+provider).Run(t, "plan", "-input=false"); r.Code != 0 ||
					!strings.Contains(r.Stdout, `+ me = "`+kind+`"`) {
					t.Errorf("provider block: exit code %d, and not %s:\n%s\n%s", r.Code, kind, r.Stdout, r.Stderr)
				}
			}
			blocks := providerBlock.FindAllString(text, -1)
			if len(blocks) == 0 {
				t.Fatal("it has no provider block")
			}
			for i, block := range blocks {
				kind := shown[2]
				if i > 0 {
					kind = "databricks_oidc" // the only page with two logins
				}
				if name != "certificate-in-key-vault" { // TestKeyVaultExample applies that page
					logsIn(block, kind)
				}
			}
			delete(w.Env, "ARM_OIDC_TOKEN")
			for _, set := range exported.FindAllStringSubmatch(text, -1) {
				w.Env[set[1]] = set[2]
			}
			// With environment variables alone there is nothing that Terraform evaluates.
			answer, err := w.Process(t).Read(t, "dbxaccess_current_identity", "{}")
			const shortString = 0xa0 // MessagePack adds the length
			kind := fmt.Appendf([]byte("auth_type"), "%s%s", []byte{shortString | byte(len(shown[2]))}, shown[2])
			if err != nil || !bytes.Contains(answer, kind) {
				t.Errorf("environment: %v, and not %s:\n%q", err, shown[2], answer)
			}
		})
	}
}

// TestCertificatePagesKeepTheKeyPrivate runs the commands with which the guides create a certificate. It checks that
// nobody else can read the file with the private key, although files of these names existed before and could be read.
func TestCertificatePagesKeepTheKeyPrivate(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	commands := regexp.MustCompile("(?s)```shell\n([^`]*openssl req[^`]*)```")
	for _, page := range []string{"log-in-certificate", "rotate-the-deployers-certificate"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			found := commands.FindStringSubmatch(read(t, "../../docs/guides/"+page+".md"))
			if found == nil {
				t.Fatal("the page has no such command")
			}
			dir := t.TempDir()
			for _, name := range []string{"deployer.pem", "key.pem", "new.pem"} {
				if err := errors.Join(os.WriteFile(filepath.Join(dir, name), nil, 0o600),
					os.Chmod(filepath.Join(dir, name), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			shell := exec.CommandContext(t.Context(), "sh", "-ec", "umask 022\naz() { cat cert.pem; }\n"+found[1])
			shell.Dir = dir
			if said, err := shell.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			keys := 0
			for _, file := range dirEntries(t, dir) {
				content := read(t, filepath.Join(dir, file.Name()))
				if !strings.Contains(content, "PRIVATE KEY") {
					continue
				}
				info, err := file.Info()
				if keys++; err != nil || info.Mode().Perm() != 0o600 ||
					!strings.Contains(content, "BEGIN CERTIFICATE") {
					t.Errorf("%s: mode %s, %v, with its certificate: %t", file.Name(), info.Mode(), err,
						strings.Contains(content, "BEGIN CERTIFICATE"))
				}
			}
			if keys != 1 || !strings.Contains(read(t, filepath.Join(dir, "cert.pem")), "BEGIN CERTIFICATE") {
				t.Errorf("%d files hold the key", keys)
			}
		})
	}
}

func dirEntries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

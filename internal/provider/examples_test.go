package provider_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// Plans every folder of examples, so that the configurations in the documentation work. Queries (.tfquery.hcl) have no
// plan: the tests of their services run them. Modules need arguments, and the application needs other providers: these
// have tests of their own.
func TestExamplesPlan(t *testing.T) {
	t.Parallel()
	const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"
	folders := map[string]string{} // folder → its HCL
	err := filepath.WalkDir("../../examples", func(path string, entry fs.DirEntry, err error) error {
		// No object has the id in import-by-identity.tf.
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tf" || entry.Name() == "import-by-identity.tf" {
			return err
		}
		text, err := os.ReadFile(path)
		folders[filepath.Dir(path)] += string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) < 5 {
		t.Fatalf("only %d folders with examples found", len(folders))
	}
	for folder, hcl := range folders {
		t.Run(strings.TrimPrefix(folder, "../../examples/"), func(t *testing.T) {
			t.Parallel()
			if strings.Contains(hcl, "\naction \"") {
				acctest.NeedsTerraform(t, "1.14.0", "actions")
			}
			if strings.Contains(folder, "/modules/") || strings.HasSuffix(folder, "/application") {
				t.Skip("it has a test of its own")
			}
			if !strings.Contains(hcl, "required_providers") { // examples of resources leave this block out
				hcl = source + hcl
			}
			w := acctest.New(t)
			pfx, err := os.ReadFile(w.Env["ARM_CLIENT_CERTIFICATE_PATH"])
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case strings.HasSuffix(folder, "key-vault-certificate"):
				keyVaultExample(t, w)
			case strings.HasSuffix(folder, "quickstart/key-vault"):
				w.Proxied()
				withoutCertificate(w)
				delete(w.Env, "ARM_TENANT_ID")
				delete(w.Env, "ARM_CLIENT_ID")
				v := w.NewDeployerVault("kv-dbxaccess")
				v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
				w.Env["TF_VAR_vault_uri"], w.Env["TF_VAR_vault_identity_client_id"] = v.URL(), v.Reader.ClientID
			case strings.Contains(folder, "/ephemeral-resources/"): // the plan opens these, so their owners must exist
				w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
				w.Workspace.SetGrant("authorization/tokens", w.ScoringApp.ClientID, "CAN_USE")
				w.Workspace.SetGrant("iris", w.ScoringApp.ClientID, "CAN_QUERY")
				_, secret := w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
				w.Env["TF_VAR_oauth_secret"] = secret
			case strings.HasSuffix(folder, "break-glass"): // the example imports this
				w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
			}
			c := w.CLI(t, hcl)
			copyBeside(t, folder, c.Dir)
			for name, value := range map[string]string{
				"application_id": w.ScoringApp.ClientID, "client_secret": w.ScoringSecret,
				"scoring_application_id": w.ScoringApp.ClientID, "scoring_client_secret": w.ScoringSecret, "deployer_application_id": w.Deployer.ClientID,
				"token": w.PersonToken, "client_certificate": base64.StdEncoding.EncodeToString(pfx), "client_certificate_password": acctest.Password,
				"client_certificate_path": w.Write(t, "deployer.pem", acctest.PEM(t, w.DeployerKey, w.DeployerCertificate)),
			} {
				c.Env["TF_VAR_"+name] = value
			}
			if r := c.Run(t, "plan", "-detailed-exitcode"); r.Code == 1 {
				t.Errorf("%s\n%s", r.Stdout, r.Stderr)
			}
		})
	}
}

// copyBeside copies the files that an example reads, other than its HCL.
func copyBeside(t *testing.T, folder, to string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if ext := filepath.Ext(f.Name()); f.Type().IsRegular() && ext != ".tf" {
			if err := os.WriteFile(filepath.Join(to, f.Name()), []byte(read(t, filepath.Join(folder, f.Name()))),
				0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// keyVaultExample fills a vault as examples/key-vault-certificate expects it, and removes every other login. It returns
// the vault and the version of the certificate.
func keyVaultExample(t *testing.T, w *acctest.World) (v *emulator.DeployerVault, version string) {
	t.Helper()
	w.Proxied()
	withoutCertificate(w)
	delete(w.Env, "ARM_TENANT_ID")
	delete(w.Env, "ARM_CLIENT_ID")
	v = w.NewDeployerVault("kv-ml")
	version = v.ImportCertificate("databricks-deployer", w.DeployerKey, w.DeployerCertificate,
		emulator.CertificatePKCS12)
	for name, value := range map[string]string{
		"client-id": w.Deployer.ClientID, "tenant-id": w.Tenant.ID,
		"thumbprint": fmt.Sprintf("%X", sha1.Sum(w.DeployerCertificate.Raw)),
	} {
		v.SetSecret("databricks-deployer-"+name, value, "text/plain")
	}
	w.Env["TF_VAR_host"], w.Env["TF_VAR_vault_uri"], w.Env["TF_VAR_vault_identity_client_id"] = w.Env["DBXACCESS_HOST"], v.URL(), v.Reader.ClientID
	w.Env["TF_VAR_next_application_id"] = w.ScoringApp.ClientID
	return v, version
}

func isAdmin(w *acctest.World, applicationID string) bool {
	for _, g := range w.Workspace.Snapshot().Groups {
		if g.Name == "admins" {
			return slices.Contains(g.Members, applicationID)
		}
	}
	return false
}

// Applies the example with a certificate in Key Vault, and tests what happens if the vault renews the certificate
// before the new one is registered.
func TestKeyVaultExample(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	v, old := keyVaultExample(t, w)
	hcl, err := os.ReadFile("../../examples/key-vault-certificate/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	w.Workspace.AddCluster("notebooks", w.PersonName, "RUNNING")
	c := w.CLI(t, string(hcl))
	if r := c.MustRun(t, 0, "apply", "-auto-approve"); !strings.Contains(r.Stdout, "2 added") ||
		!isAdmin(w, w.ScoringApp.ClientID) {
		t.Errorf("the next pipeline is no admin:\n%s", r.Stdout)
	}
	if seen := c.MustRun(t, 0, "output", "-json", "clusters").Stdout; !strings.Contains(seen, "notebooks (RUNNING)") {
		t.Errorf("the smoke test saw %s", seen)
	}
	out := c.MustRun(t, 0, "output", "-json", "deployer").Stdout
	for _, want := range []string{w.Deployer.ClientID, w.Tenant.ID,
		fmt.Sprintf("%X", sha1.Sum(w.DeployerCertificate.Raw)), w.DeployerCertificate.NotAfter.UTC().Format(
			"2006-01-02T15:04:05Z")} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %s: %s", want, out)
		}
	}

	registered := fmt.Sprintf("%X", sha1.Sum(w.DeployerCertificate.Raw))
	cert, key, err := w.Tenant.IssueClientCertificate("deployer", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	version := v.ImportCertificate("databricks-deployer", key, cert, emulator.CertificatePKCS12)
	v.SetSecret("databricks-deployer-thumbprint", fmt.Sprintf("%X", sha1.Sum(cert.Raw)), "text/plain")
	r := c.MustRun(t, 1, "plan")
	text := strings.Join(strings.Fields(r.Stderr), " ")
	for _, want := range []string{"Client certificate is not registered", "AADSTS700027", "kv-ml.vault.azure.net",
		version, fmt.Sprintf("%X", sha1.Sum(cert.Raw)), "certificate_version"} {
		if !strings.Contains(strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(want, " ", "")) {
			t.Errorf("the error does not say %q:\n%s", want, r.Stderr)
		}
	}

	// The error advises to pin the version that is registered.
	v.SetSecret("databricks-deployer-thumbprint", registered, "text/plain")
	c.Env["DBXACCESS_KEY_VAULT_CERTIFICATE_VERSION"] = old
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if isAdmin(w, w.ScoringApp.ClientID) || !isAdmin(w, w.Deployer.ClientID) {
		t.Error("destroying takes the next pipeline out of admins, and nobody else")
	}
}

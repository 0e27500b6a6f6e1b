package provider_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// withoutCertificate removes the certificate login that every world has.
func withoutCertificate(w *acctest.World) {
	delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH")
	delete(w.Env, "ARM_CLIENT_CERTIFICATE_PASSWORD")
}

const audience = "api://AzureADTokenExchange"

// logins are all ways to log in as the deployer, each set in the environment.
var logins = map[string]func(*testing.T, *acctest.World){
	"certificate in a PFX": func(*testing.T, *acctest.World) {},
	"certificate in PEM": func(t *testing.T, w *acctest.World) {
		withoutCertificate(w)
		w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = w.Write(t, "deployer.pem",
			acctest.PEM(t, w.DeployerKey, w.DeployerCertificate))
	},
	"certificate inline": func(t *testing.T, w *acctest.World) {
		pfx, err := os.ReadFile(w.Env["ARM_CLIENT_CERTIFICATE_PATH"])
		if err != nil {
			t.Fatal(err)
		}
		delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH")
		w.Env["ARM_CLIENT_CERTIFICATE"] = base64.StdEncoding.EncodeToString(pfx)
	},
	"client secret": func(_ *testing.T, w *acctest.World) {
		withoutCertificate(w)
		w.Env["ARM_CLIENT_SECRET"] = w.DeployerSecret
	},
	"client secret and id in files": func(t *testing.T, w *acctest.World) {
		withoutCertificate(w)
		delete(w.Env, "ARM_CLIENT_ID")
		w.Env["ARM_CLIENT_ID_FILE_PATH"] = w.Write(t, "client-id", []byte(w.Deployer.ClientID+"\n"))
		w.Env["ARM_CLIENT_SECRET_FILE_PATH"] = w.Write(t, "client-secret", []byte(w.DeployerSecret+"\n"))
	},
	"certificate in Key Vault, read as a managed identity": func(_ *testing.T, w *acctest.World) {
		withoutCertificate(w)
		delete(w.Env, "ARM_TENANT_ID")
		delete(w.Env, "ARM_CLIENT_ID")
		v := w.NewDeployerVault("kv-msi")
		for name, value := range map[string]string{
			"VAULT_URI": v.URL(), "AUTH": "msi", "AUTH_CLIENT_ID": v.Reader.ClientID, "CERTIFICATE_NAME": emulator.DeployerCertificateName,
			"CLIENT_ID_SECRET_NAME": emulator.DeployerClientIDName, "TENANT_ID_SECRET_NAME": emulator.DeployerTenantIDName, "THUMBPRINT_SECRET_NAME": emulator.DeployerThumbprintName,
		} {
			w.Env["DBXACCESS_KEY_VAULT_"+name] = value
		}
	},
	"PFX with a password in Key Vault, read as AZURE_*": func(_ *testing.T, w *acctest.World) {
		withoutCertificate(w)
		v := w.NewDeployerVault("kv-env")
		for name, value := range map[string]string{
			"VAULT_URI": v.URL(), "AUTH": "environment", "CERTIFICATE_NAME": emulator.DeployerPFXName, "CERTIFICATE_PASSWORD_SECRET_NAME": emulator.DeployerPasswordName,
		} {
			w.Env["DBXACCESS_KEY_VAULT_"+name] = value
		}
		w.Env["AZURE_TENANT_ID"], w.Env["AZURE_CLIENT_ID"], w.Env["AZURE_CLIENT_SECRET"] = w.Tenant.ID, v.Reader.ClientID, v.ReaderSecret
	},
	"client secret in Key Vault, read by the Azure CLI": func(t *testing.T, w *acctest.World) {
		withoutCertificate(w)
		v := w.NewDeployerVault("kv-cli")
		azureCLI(t, w, v.Reader)
		w.Env["DBXACCESS_KEY_VAULT_VAULT_URI"], w.Env["DBXACCESS_KEY_VAULT_AUTH"] = v.URL(), "cli"
		w.Env["DBXACCESS_KEY_VAULT_CLIENT_SECRET_NAME"] = emulator.DeployerClientSecretName
	},
	"GitHub Actions": func(_ *testing.T, w *acctest.World) {
		withoutCertificate(w)
		const subject = "repo:contoso/models:environment:production"
		job := w.Tenant.NewGitHubJob(subject)
		w.Deployer.AddFederatedCredential(emulator.GitHubIssuer, subject, audience)
		w.Env["ARM_USE_OIDC"], w.Env["ACTIONS_ID_TOKEN_REQUEST_URL"], w.Env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "true", job.RequestURL, job.RequestToken
	},
	"Azure Pipelines": func(_ *testing.T, w *acctest.World) {
		withoutCertificate(w)
		job := w.Tenant.NewAzureDevOpsJob("contoso", "models", "deployer")
		w.Deployer.AddFederatedCredential(job.Issuer.URL(), job.Subject, audience)
		w.Env["ARM_USE_OIDC"], w.Env["SYSTEM_OIDCREQUESTURI"], w.Env["SYSTEM_ACCESSTOKEN"] = "true", job.RequestURI, job.AccessToken
		w.Env["ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID"] = job.ServiceConnectionID
	},
	"token file": func(t *testing.T, w *acctest.World) {
		withoutCertificate(w)
		w.Env["ARM_USE_OIDC"], w.Env["ARM_OIDC_TOKEN_FILE_PATH"] = "true", w.Write(t, "token",
			[]byte(federatedToken(w)))
	},
	"inline token": func(_ *testing.T, w *acctest.World) {
		withoutCertificate(w)
		w.Env["ARM_USE_OIDC"], w.Env["ARM_OIDC_TOKEN"] = "true", federatedToken(w)
	},
	"AKS workload identity": func(t *testing.T, w *acctest.World) {
		withoutCertificate(w)
		delete(w.Env, "ARM_TENANT_ID")
		delete(w.Env, "ARM_CLIENT_ID")
		w.Env["ARM_USE_AKS_WORKLOAD_IDENTITY"] = "true"
		w.Env["AZURE_TENANT_ID"], w.Env["AZURE_CLIENT_ID"], w.Env["AZURE_FEDERATED_TOKEN_FILE"] = w.Tenant.ID, w.Deployer.ClientID, w.Write(t, "token", []byte(federatedToken(w)))
	},
	"managed identity": func(_ *testing.T, w *acctest.World) {
		withoutCertificate(w)
		delete(w.Env, "ARM_CLIENT_ID")
		w.Tenant.AssignManagedIdentity(w.Deployer, true)
		w.Env["ARM_USE_MSI"] = "true"
	},
	"user-assigned managed identity": func(_ *testing.T, w *acctest.World) {
		withoutCertificate(w)
		w.Tenant.AssignManagedIdentity(w.Deployer, false)
		w.Env["ARM_USE_MSI"] = "true"
	},
	"Azure CLI": func(t *testing.T, w *acctest.World) {
		withoutCertificate(w)
		azureCLI(t, w, w.Deployer)
		w.Env["ARM_USE_CLI"] = "true"
	},
}

// federatedToken returns another issuer's token for a workload that the deployer trusts.
func federatedToken(w *acctest.World) string {
	const issuer, subject = "https://issuer.example.com", "system:serviceaccount:models:deployer"
	w.Deployer.AddFederatedCredential(issuer, subject, audience)
	return w.Tenant.NewOIDCIssuer(issuer).Token(subject, audience, time.Hour)
}

// azureCLI puts a stand-in for az, logged in as the app, first on PATH.
func azureCLI(t *testing.T, w *acctest.World, app *emulator.App) {
	t.Helper()
	dir := t.TempDir()
	if err := w.Tenant.WriteAzureCLI(dir, app); err != nil {
		t.Fatal(err)
	}
	w.Env["PATH"] = dir + string(os.PathListSeparator) + os.Getenv("PATH")
}

// The quick start under the services' public host names creates the access, the next plan is empty, and
// destroying restores the workspace. TestSecretsStayOutOfEveryLogin applies it with every login.
func TestQuickstartUnderPublicNames(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Proxied()
	c := quickstart(t, w)
	before := snapshot(t, w)

	c.MustRun(t, 0, "apply", "-auto-approve")
	givesAccess(t, w)
	if out := c.MustRun(t, 0, "output", "-json", "species").Stdout; strings.TrimSpace(out) != `["setosa","virginica"]` {
		t.Errorf("the endpoint said %s", out)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")

	c.MustRun(t, 0, "destroy", "-auto-approve")
	if after := snapshot(t, w); before != after {
		t.Errorf("the workspace is not as before:\nbefore %s\nafter  %s", before, after)
	}
}

// givesAccess demands that the application of the quick start holds its grant.
func givesAccess(t *testing.T, w *acctest.World) {
	t.Helper()
	if got := w.Workspace.Grants("iris")[w.ScoringApp.ClientID]; got != "CAN_QUERY" {
		t.Errorf("the application holds %q on the endpoint, not CAN_QUERY", got)
	}
}

package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestKeyVaultReaderIncomplete(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		auth   string
		env    []string
		detail string
	}{
		"no tenant":     {"environment", []string{"AZURE_CLIENT_ID", testClient}, "AZURE_TENANT_ID is not set. The ARM_* variables"},
		"no client":     {"oidc", []string{"AZURE_TENANT_ID", testTenant}, "AZURE_CLIENT_ID is not set"},
		"no credential": {"environment", []string{"AZURE_TENANT_ID", testTenant, "AZURE_CLIENT_ID", testClient}, "neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := with(application(), vaultOf(test.auth))
			_, err := Open(s, Options{LookupEnv: variables(test.env...)})
			if e := wantError(t, err, "Key Vault identity is incomplete",
				test.detail); e.Attribute != "key_vault.auth" {
				t.Errorf("attribute is %q", e.Attribute)
			}
		})
	}
	s := with(application(), vaultOf("environment"))
	_, err := Open(s, Options{LookupEnv: variables("AZURE_TENANT_ID", testTenant, "AZURE_CLIENT_ID", testClient,
		"AZURE_CLIENT_CERTIFICATE_PATH", "/no/where.pfx")})
	wantError(t, err, "Client certificate file not found", "/no/where.pfx", "AZURE_CLIENT_CERTIFICATE_PATH in "+
		"the environment")
}

func vaultOf(auth string) func(*Settings) {
	return func(s *Settings) {
		s.KeyVault = &KeyVaultSettings{
			VaultURI: hcl("key_vault.vault_uri", "https://kv-ml.vault.azure.net/"), Auth: hcl("key_vault.auth", auth),
			CertificateName: hcl("key_vault.certificate_name", "sp-cert"),
		}
	}
}

// TestKeyVaultReaders checks the kinds of identity that can read a vault, each selected by name.
func TestKeyVaultReaders(t *testing.T) {
	t.Parallel()
	t.Run("msi", func(t *testing.T) {
		t.Parallel()
		k := newKept(t, emulator.CertificatePEM)
		k.AssignManagedIdentity(k.reader, false)
		k.settings.KeyVault.Auth.Value = "msi"
		k.settings.KeyVault.AuthClientID = hcl("key_vault.auth_client_id", k.reader.ClientID)
		k.wantToken(t, k.open(t), DatabricksScope, k.app)

		k.settings.KeyVault.AuthClientID.Value = testClient
		_, err := k.open(t).AccessToken(t.Context(), DatabricksScope)
		wantError(t, err, "Key Vault identity cannot log in", `auth = "msi"`, testClient, "Identity not found")

		k.settings.KeyVault.AuthClientID.Value = ""
		k.Faults.Add(emulator.Fault{Service: "imds", Status: 400, Times: -1, Code: "invalid_request",
			Message: "Multiple user assigned identities exist, please specify the clientId / resourceId of the " +
				"identity in the token request"})
		_, err = k.open(t).AccessToken(t.Context(), DatabricksScope)
		wantError(t, err, "Key Vault identity cannot log in", "Set key_vault.auth_client_id to the client ID of "+
			"one of them", "Multiple user assigned identities")

		k.Faults.Clear()
		k.UnassignManagedIdentities()
		_, err = k.open(t).AccessToken(t.Context(), DatabricksScope)
		wantError(t, err, "Key Vault identity cannot log in", "no system-assigned managed identity",
			"Identity not found")
	})
	t.Run("oidc", func(t *testing.T) {
		t.Parallel()
		k := newKept(t, emulator.CertificatePEM)
		issuer := k.NewOIDCIssuer("https://issuer.example/aks")
		k.reader.AddFederatedCredential(issuer.URL(), "system:serviceaccount:ns:sa", "api://AzureADTokenExchange")
		path := write(t, "token", []byte(issuer.Token("system:serviceaccount:ns:sa", "api://AzureADTokenExchange",
			time.Hour)))
		k.settings.KeyVault.Auth.Value = "oidc"
		k.environment = append(k.environment[:4], "AZURE_FEDERATED_TOKEN_FILE", path)
		k.wantToken(t, k.open(t), DatabricksScope, k.app)

		k.reader.RemoveFederatedCredentials()
		k.reader.AddFederatedCredential(issuer.URL(), "system:serviceaccount:ns:other", "api://AzureADTokenExchange")
		_, err := k.open(t).AccessToken(t.Context(), DatabricksScope)
		wantError(t, err, "Key Vault identity cannot log in", `auth = "oidc"`, "700213",
			"subject (sub) system:serviceaccount:ns:sa")
	})
	t.Run("oidc of GitHub", func(t *testing.T) {
		t.Parallel()
		k := newKept(t, emulator.CertificatePEM)
		job := k.NewGitHubJob("repo:contoso/models:ref:refs/heads/main")
		k.reader.AddFederatedCredential(job.Issuer.URL(), job.Subject, "api://AzureADTokenExchange")
		k.settings.KeyVault.Auth.Value = "oidc"
		k.settings.OIDCRequestURL = env("oidc_request_url", "ACTIONS_ID_TOKEN_REQUEST_URL", job.RequestURL)
		k.settings.OIDCRequestToken = env("oidc_request_token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", job.RequestToken)
		k.wantToken(t, k.open(t), DatabricksScope, k.app)

		k.settings.OIDCRequestToken.Value = "not-the-token-0815"
		_, err := k.open(t).AccessToken(t.Context(), DatabricksScope)
		e := wantError(t, err, "Key Vault identity cannot log in", "GitHub Actions returned no token: it answered "+
			"with status 401")
		if strings.Contains(fmt.Sprintf("%+v", e), "not-the-token-0815") {
			t.Error("the request token shows")
		}
	})
}

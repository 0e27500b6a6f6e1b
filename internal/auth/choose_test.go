package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

const (
	testTenant = "11111111-2222-3333-4444-555555555555"
	testClient = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
)

func hcl(attribute, value string) Setting { return Setting{Value: value, Attribute: attribute} }
func env(attribute, name, value string) Setting {
	return Setting{Value: value, Attribute: attribute, Env: name}
}

// application returns settings with tenant id and client id, and without a credential.
func application() Settings {
	return Settings{TenantID: hcl("tenant_id", testTenant), ClientID: hcl("client_id", testClient)}
}

func with(s Settings, changes ...func(*Settings)) Settings {
	for _, change := range changes {
		change(&s)
	}
	return s
}

var (
	hclPath   = func(s *Settings) { s.CertificatePath = hcl("client_certificate_path", "/x/sp.pfx") }
	hclSecret = func(s *Settings) { s.ClientSecret = hcl("client_secret", "s3cret-value-0815") }
	hclToken  = func(s *Settings) { s.Token = hcl("token", "dapi-0123456789") }
	envPath   = func(s *Settings) {
		s.CertificatePath = env("client_certificate_path", "ARM_CLIENT_CERTIFICATE_PATH", "/env/sp.pfx")
	}
	envInline = func(s *Settings) {
		s.Certificate = env("client_certificate", "ARM_CLIENT_CERTIFICATE", "TUlJ")
	}
	envSecret = func(s *Settings) { s.ClientSecret = env("client_secret", "ARM_CLIENT_SECRET", "s3cret-from-env") }
	envToken  = func(s *Settings) { s.Token = env("token", "DATABRICKS_TOKEN", "dapi-from-env") }
	noIDs     = func(s *Settings) { s.TenantID, s.ClientID = Setting{Attribute: "tenant_id"}, Setting{} }
)

func TestChoose(t *testing.T) {
	t.Parallel()
	type changes []func(*Settings)
	for name, test := range map[string]struct {
		changes changes
		kind    Kind
		ignored string
	}{
		"path":                            {changes{hclPath}, KindCertificate, "[]"},
		"secret":                          {changes{hclSecret}, KindClientSecret, "[]"},
		"token needs no ids":              {changes{hclToken, noIDs}, KindToken, "[]"},
		"environment: certificate first":  {changes{envPath, envSecret, envToken}, KindCertificate, "[]"},
		"environment: inline certificate": {changes{envInline, envSecret}, KindCertificate, "[]"},
		"environment: secret second":      {changes{envSecret, envToken}, KindClientSecret, "[]"},
		"environment: token last":         {changes{envToken}, KindToken, "[]"},
		"configuration beats environment": {changes{hclToken, envPath, envSecret}, KindToken, "[ARM_CLIENT_CERTIFICATE_PATH in the environment ARM_CLIENT_SECRET in the environment]"},
		"secret over certificate":         {changes{hclSecret, envInline}, KindClientSecret, "[ARM_CLIENT_CERTIFICATE in the environment]"},
		"inline of the environment":       {changes{hclPath, envInline}, KindCertificate, "[ARM_CLIENT_CERTIFICATE in the environment]"},
		"blank is not set":                {changes{hclSecret, func(s *Settings) { s.Token = hcl("token", " \n") }}, KindClientSecret, "[]"},
		"password of the environment": {changes{hclSecret, func(s *Settings) {
			s.CertificatePassword = env("client_certificate_password", "ARM_CLIENT_CERTIFICATE_PASSWORD", "x")
		}}, KindClientSecret, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			choice, err := with(application(), test.changes...).Choose()
			if err != nil {
				t.Fatal(err)
			}
			if choice.Kind != test.kind {
				t.Errorf("kind is %q, want %q", choice.Kind, test.kind)
			}
			if got := fmt.Sprint(choice.Ignored); got != test.ignored {
				t.Errorf("ignored are %s, want %s", got, test.ignored)
			}
		})
	}
}

func TestChooseRefuses(t *testing.T) {
	t.Parallel()
	type changes []func(*Settings)
	for name, test := range map[string]struct {
		changes   changes
		summary   string
		attribute string
		detail    []string
	}{
		"certificate and secret": {changes{hclPath, hclSecret}, "Conflicting Azure credentials", "client_secret",
			[]string{"client_certificate_path and client_secret are both set", "Remove one of them"}},
		"secret and token": {changes{hclSecret, hclToken}, "Conflicting Azure credentials", "token",
			[]string{"client_secret and token"}},
		"nothing": {changes{noIDs}, "Missing Azure credentials", "",
			[]string{"client_certificate_path", "ARM_CLIENT_CERTIFICATE_PATH", "client_secret", "ARM_CLIENT_SECRET",
				"token", "DATABRICKS_TOKEN", "tenant_id no", "certificate no", "secret no", "token no"}},
		"ids only": {changes{func(s *Settings) { s.TenantID = env("tenant_id", "ARM_TENANT_ID", testTenant) }}, "Missing Azure credentials", "",
			[]string{"tenant_id yes (ARM_TENANT_ID in the environment)", "client_id yes (client_id)"}},
		"no ids": {changes{hclSecret, noIDs}, "Incomplete Azure login", "tenant_id",
			[]string{"tenant_id and client_id are not", "ARM_TENANT_ID", "ARM_CLIENT_ID"}},
		"no client id": {changes{envSecret, func(s *Settings) { s.ClientID = Setting{Attribute: "owner.application_id"} }}, "Incomplete Azure login", "owner.application_id",
			[]string{"ARM_CLIENT_SECRET in the environment", "owner.application_id is not"}},
		"password without certificate": {changes{hclSecret, func(s *Settings) { s.CertificatePassword = hcl("client_certificate_password", password) }},
			"Certificate setting without a certificate", "client_certificate_password",
			[]string{"client_certificate_path"}},
		"thumbprint without anything": {changes{func(s *Settings) { s.CertificateThumbprint = hcl("client_certificate_thumbprint", "AA") }},
			"Certificate setting without a certificate", "client_certificate_thumbprint", nil},
		"common": {changes{hclSecret, func(s *Settings) { s.TenantID.Value = "Common" }}, "Invalid tenant ID", "tenant_id",
			[]string{"“common” stands for many"}},
		"tenant of the environment": {changes{hclSecret, func(s *Settings) { s.TenantID = env("tenant_id", "ARM_TENANT_ID", "my tenant") }}, "Invalid tenant ID", "tenant_id",
			[]string{"ARM_TENANT_ID in the environment"}},
		"object path": {changes{hclSecret, func(s *Settings) { s.ClientID.Value = "/applications/" + testClient }}, "Invalid client ID", "client_id",
			[]string{"Use the attribute client_id"}},
		"name for an id": {changes{hclSecret, func(s *Settings) { s.ClientID.Value = "my-app" }}, "Invalid client ID", "client_id",
			[]string{"is a UUID, not a name"}},
		"http authority": {changes{hclSecret, func(s *Settings) { s.AuthorityHost = hcl("authority_host", "http://login.example.com") }}, "Invalid authority host", "authority_host",
			[]string{"must be https"}},
		"thumbprint": {changes{hclPath, func(s *Settings) { s.CertificateThumbprint = hcl("client_certificate_thumbprint", "A1B2") }}, "Invalid certificate thumbprint", "client_certificate_thumbprint",
			[]string{"40 hexadecimal digits"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := with(application(), test.changes...)
			_, err := s.Choose()
			e := wantError(t, err, test.summary, test.detail...)
			if e.Attribute != test.attribute {
				t.Errorf("attribute is %q, want %q", e.Attribute, test.attribute)
			}
			for _, text := range append(formats(err), formats(s)...) {
				for _, secret := range []string{s.ClientSecret.Value, s.Token.Value, s.CertificatePassword.Value} {
					if len(secret) > 5 && strings.Contains(text, secret) {
						t.Errorf("a secret shows in %s", text)
					}
				}
			}
			if _, openErr := Open(s, Options{}); openErr == nil || openErr.Error() != err.Error() {
				t.Errorf("Open says %v where Choose says %v", openErr, err)
			}
		})
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	const mark = "\u200e"
	sha1Hex := strings.Repeat("aB", 20)
	for name, test := range map[string]struct {
		check     func(string) error
		good, bad []string
	}{
		"tenant": {CheckTenantID,
			[]string{testTenant, strings.ToUpper(testTenant), "contoso.onmicrosoft.com", "contoso.com",
				testTenant + "\n"},
			[]string{"common", "organizations", "Consumers", "contoso", "contoso..com", "https://contoso.com",
				"a b.com", "", testTenant + "/x", "../" + testTenant, "1.2.3.4"}},
		"client": {CheckClientID,
			[]string{testClient, strings.ToUpper(testClient), " " + testClient},
			[]string{"", "my-app", "{" + testClient + "}", "/applications/" + testClient, testClient + "0",
				strings.ReplaceAll(testClient, "-", "")}},
		"thumbprint": {CheckThumbprint,
			[]string{sha1Hex, sha1Hex + sha1Hex[:24], mark + sha1Hex, "SHA1 Fingerprint=" + strings.Repeat("AB:", 19) +
				"AB", "ab cd " + sha1Hex[:36]},
			[]string{"", sha1Hex[1:], strings.Repeat("g", 40), sha1Hex + "00"}},
		"authority": {CheckAuthorityHost,
			[]string{"https://login.microsoftonline.us", "https://login.example.com/", "login.example.com",
				"https://127.0.0.1:8443", "https://[::1]:8443", "HTTPS://login.example.com"},
			[]string{"http://login.example.com", "ftp://login.example.com", "https://", "https://a b",
				"https://login.example.com/tenant", "https://user:pw123456@login.example.com",
				"https://login.example.com?x=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, value := range test.good {
				if err := test.check(value); err != nil {
					t.Errorf("%q is refused: %v", value, err)
				}
			}
			for _, value := range test.bad {
				err := test.check(value)
				if err == nil {
					t.Errorf("%q is accepted", value)
					continue
				}
				if e, ok := errors.AsType[*Error](err); !ok || e.Attribute != "" || e.Detail == "" {
					t.Errorf("%q: error is %#v", value, err)
				}
			}
		})
	}
}

func TestSettingFormatsAsSource(t *testing.T) {
	t.Parallel()
	secret := "s3cret-value-0815"
	s := with(application(), hclSecret, envToken)
	settings, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	token := Token{Value: secret}
	tokens, err := json.Marshal(map[string]any{"token": token, "pointer": &token})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "settings", s, "setting", s.ClientSecret, "token", token)
	texts := append(formats(s, &s, s.ClientSecret, &s.ClientSecret, token, &token), string(settings), string(tokens),
		log.String())
	for _, text := range texts {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) ||
			strings.Contains(text, "dapi-from-env") {
			t.Errorf("a secret shows in %s", text)
		}
	}
	if got := fmt.Sprint(s.Token); got != "DATABRICKS_TOKEN in the environment" {
		t.Errorf("a setting formats as %q", got)
	}
}

var (
	envVault = func(s *Settings) {
		s.KeyVault = &KeyVaultSettings{
			VaultURI: env("key_vault.vault_uri", "DBXACCESS_KEY_VAULT_VAULT_URI",
				"https://kv-ml.vault.azure.net"),
			Auth:            env("key_vault.auth", "DBXACCESS_KEY_VAULT_AUTH", "cli"),
			CertificateName: env("key_vault.certificate_name", "DBXACCESS_KEY_VAULT_CERTIFICATE_NAME", "sp-cert"),
		}
	}
	envOIDC = func(s *Settings) { s.UseOIDC = env("use_oidc", "ARM_USE_OIDC", "true") }
	envMSI  = func(s *Settings) { s.UseMSI = env("use_msi", "ARM_USE_MSI", "1") }
	envCLI  = func(s *Settings) { s.UseCLI = env("use_cli", "ARM_USE_CLI", "True") }
	hclOIDC = func(s *Settings) { s.UseOIDC = useOIDC }
	hclCLI  = func(s *Settings) { s.UseCLI = hcl("use_cli", "true") }
	// ambient sets the variables that every GitHub job with the permission id-token: write has, even if the job does
	// not log in with them.
	ambient = func(s *Settings) {
		s.OIDCRequestURL = env("oidc_request_url", "ACTIONS_ID_TOKEN_REQUEST_URL", "https://x.example/y")
		s.OIDCRequestToken = env("oidc_request_token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t0ken-value-0815")
	}
	pin = func(kind string) func(*Settings) {
		return func(s *Settings) { s.AuthType = hcl("auth_type", kind) }
	}
	pinInEnv = func(kind string) func(*Settings) {
		return func(s *Settings) { s.AuthType = env("auth_type", "DBXACCESS_AUTH_TYPE", kind) }
	}
	idsInVault = func(s *Settings) {
		vaultOf("cli")(s)
		s.KeyVault.CertificateName = Setting{}
		s.KeyVault.ClientIDSecretName = hcl("key_vault.client_id_secret_name", "app-id")
	}
)

func TestChooseAmongAll(t *testing.T) {
	t.Parallel()
	type changes []func(*Settings)
	all := changes{envPath, envVault, envSecret, envOIDC, envMSI, envCLI, envToken, ambient}
	for name, test := range map[string]struct {
		changes changes
		kind    Kind
		ignored int
	}{
		"all":                                {all, KindCertificate, 0},
		"without certificate":                {all[1:], KindKeyVault, 0},
		"without vault":                      {all[2:], KindClientSecret, 0},
		"without secret":                     {all[3:], KindOIDC, 0},
		"without OIDC":                       {all[4:], KindMSI, 0},
		"without managed identity":           {all[5:], KindCLI, 0},
		"without CLI":                        {all[6:], KindToken, 0},
		"vault in HCL":                       {append(changes{vaultOf("cli")}, envPath, envSecret, envToken), KindKeyVault, 3},
		"CLI in HCL":                         {append(slices.Clone(all[:5]), envToken, hclCLI), KindCLI, 6},
		"OIDC in HCL":                        {changes{envPath, hclOIDC, ambient}, KindOIDC, 1},
		"switched off in HCL":                {changes{envSecret, func(s *Settings) { s.UseMSI = hcl("use_msi", "false") }}, KindClientSecret, 0},
		"AKS":                                {changes{noIDs, func(s *Settings) { s.UseAKSWorkloadIdentity = hcl("use_aks_workload_identity", "true") }}, KindOIDC, 0},
		"secret in a file":                   {changes{func(s *Settings) { s.ClientSecretFilePath = hcl("client_secret_file_path", "/x") }}, KindClientSecret, 0},
		"client id in a file":                {changes{hclSecret, func(s *Settings) { s.ClientID, s.ClientIDFilePath = Setting{}, hcl("client_id_file_path", "/x") }}, KindClientSecret, 0},
		"client id in the vault":             {changes{hclSecret, idsInVault, func(s *Settings) { s.ClientID = Setting{} }}, KindClientSecret, 0},
		"CLI needs no ids":                   {changes{hclCLI, noIDs}, KindCLI, 0},
		"pinned":                             {append(changes{pin("client_secret")}, all...), KindClientSecret, 6},
		"pinned over HCL":                    {changes{pin("client_secret"), hclPath, hclSecret}, KindClientSecret, 1},
		"pinned over the HCL's kind":         {changes{pin("certificate"), envPath, hclSecret}, KindCertificate, 1},
		"pinned CLI":                         {changes{pin("cli"), envSecret}, KindCLI, 1},
		"pinned OIDC":                        {changes{pin("oidc"), ambient}, KindOIDC, 0},
		"pinned in the environment":          {changes{pinInEnv("token"), envSecret, envToken}, KindToken, 1},
		"HCL beats a pin of the environment": {changes{pinInEnv("cli"), hclSecret}, KindClientSecret, 1},
		"pin of the environment that agrees": {changes{pinInEnv("client_secret"), hclSecret, hclPath}, KindClientSecret, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			choice, err := with(application(), test.changes...).Choose()
			if err != nil {
				t.Fatal(err)
			}
			if choice.Kind != test.kind || len(choice.Ignored) != test.ignored {
				t.Errorf("kind is %q, want %q; ignored are %v, want %d", choice.Kind, test.kind, choice.Ignored,
					test.ignored)
			}
			for _, i := range choice.Ignored {
				if i.Value != "" {
					t.Errorf("%v keeps its value", i)
				}
			}
		})
	}
}

func TestChooseAmongAllRefuses(t *testing.T) {
	t.Parallel()
	type changes []func(*Settings)
	vault := func(change func(*KeyVaultSettings)) changes {
		return changes{vaultOf("cli"), func(s *Settings) { change(s.KeyVault) }}
	}
	for name, test := range map[string]struct {
		changes            changes
		summary, attribute string
		detail             []string
	}{
		"ambient alone":   {changes{ambient}, "Missing Azure credentials", "", []string{"ACTIONS_ID_TOKEN_REQUEST_URL in the environment alone selects no login", "use_oidc = true", "use_oidc no", "key_vault credential no"}},
		"vault and CLI":   {changes{vaultOf("cli"), hclCLI}, "Conflicting Azure credentials", "use_cli", []string{"key_vault.certificate_name and use_cli", "auth_type"}},
		"OIDC and secret": {changes{hclOIDC, hclSecret}, "Conflicting Azure credentials", "use_oidc", []string{"client_secret and use_oidc"}},
		"auth_type without any credential": {changes{pin("certificate"), envSecret, hclToken}, "Login of auth_type has no credential", "auth_type",
			[]string{"auth_type is certificate", "client_certificate_path", "secret yes (ARM_CLIENT_SECRET in the " +
				"environment)", "token yes (token)", "The provider tries no other kind of login"}},
		"pinned vault":     {changes{pin("key_vault"), idsInVault}, "Login of auth_type has no credential", "auth_type", []string{"key_vault.certificate_name"}},
		"pinned OIDC":      {changes{pin("oidc")}, "Login of auth_type has no credential", "auth_type", []string{"oidc_token_file_path"}},
		"pinned unknown":   {changes{pin("certifcate")}, "Unknown auth_type", "auth_type", []string{"certificate, key_vault, client_secret, oidc, msi, cli, databricks_oauth, databricks_oidc, token"}},
		"pinned and off":   {changes{pin("cli"), func(s *Settings) { s.UseCLI = hcl("use_cli", "false") }}, "Contradicting Azure login", "use_cli", []string{"auth_type is cli"}},
		"switch":           {changes{func(s *Settings) { s.UseMSI = env("use_msi", "ARM_USE_MSI", "yes") }}, "Invalid switch", "use_msi", []string{"true or false", "ARM_USE_MSI"}},
		"ids in the vault": {changes{idsInVault}, "Missing Azure credentials", "", []string{"key_vault credential no"}},
		"two in the vault": {vault(func(k *KeyVaultSettings) { k.ClientSecretName = hcl("key_vault.client_secret_name", "x") }),
			"Two credentials in Key Vault", "key_vault.client_secret_name",
			[]string{"key_vault.certificate_name and key_vault.client_secret_name"}},
		"id in two places": {vault(func(k *KeyVaultSettings) { k.ClientIDSecretName = hcl("key_vault.client_id_secret_name", "x") }),
			"One value in two places", "key_vault.client_id_secret_name", []string{"client_id sets a value"}},
		"no vault":    {vault(func(k *KeyVaultSettings) { k.VaultURI.Value = "" }), "Incomplete Key Vault login", "key_vault.vault_uri", []string{"https://<name>.vault.azure.net/"}},
		"no auth":     {vault(func(k *KeyVaultSettings) { k.Auth.Value = "" }), "Incomplete Key Vault login", "key_vault.auth", []string{"cli, msi, oidc, environment, default"}},
		"wrong auth":  {vault(func(k *KeyVaultSettings) { k.Auth.Value = "azure-cli" }), "Unknown login for Key Vault", "key_vault.auth", nil},
		"bare name":   {vault(func(k *KeyVaultSettings) { k.VaultURI.Value = "kv-ml" }), "Invalid vault URI", "key_vault.vault_uri", []string{"Write the vault's address, https://kv-ml.vault.azure.net/"}},
		"other cloud": {vault(func(k *KeyVaultSettings) { k.VaultURI.Value = "https://kv-ml.vault.azure.cn" }), "Invalid vault URI", "key_vault.vault_uri", []string{"Azure China cloud", "set environment"}},
		"msi id":      {vault(func(k *KeyVaultSettings) { k.AuthClientID = hcl("key_vault.auth_client_id", testClient) }), "Managed identity without auth = \"msi\"", "key_vault.auth_client_id", nil},
		"name":        {vault(func(k *KeyVaultSettings) { k.CertificateName.Value = "https://kv-ml.vault.azure.net/secrets/x" }), "Invalid name in Key Vault", "key_vault.certificate_name", []string{"Write the name alone"}},
		"version":     {vault(func(k *KeyVaultSettings) { k.CertificateVersion = hcl("key_vault.certificate_version", "2") }), "Invalid certificate version", "key_vault.certificate_version", []string{"32 hexadecimal digits"}},
		"version of a secret": {vault(func(k *KeyVaultSettings) {
			k.CertificateName, k.ClientSecretName = Setting{}, hcl("key_vault.client_secret_name", "x")
			k.CertificateVersion = hcl("key_vault.certificate_version", strings.Repeat("ab", 16))
		}), "Certificate setting without a certificate", "key_vault.certificate_version", nil},
		"nothing to read": {append(vault(func(k *KeyVaultSettings) { k.CertificateName.Value = "" }), hclSecret), "Key Vault names nothing to read", "key_vault.vault_uri", nil},
		"environment":     {changes{hclSecret, func(s *Settings) { s.Environment = hcl("environment", "german") }}, "Unknown environment", "environment", []string{"public, usgovernment or china"}},
		"resource manager": {changes{hclSecret, func(s *Settings) {
			s.ResourceManagerEndpoint = hcl("resource_manager_endpoint", "http://management.example.com")
		}}, "Invalid resource manager endpoint", "resource_manager_endpoint", []string{"must be https"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := with(application(), test.changes...).Choose()
			e := wantError(t, err, test.summary, test.detail...)
			if e.Attribute != test.attribute {
				t.Errorf("attribute is %q, want %q", e.Attribute, test.attribute)
			}
			if strings.Contains(e.Error(), "0815") {
				t.Errorf("a secret shows: %v", e)
			}
		})
	}
}

// TestCheckVaultURISaysWhatIsWrongWithTheName checks that the error for a vault's address names the rule for names of
// vaults that the address breaks.
func TestCheckVaultURISaysWhatIsWrongWithTheName(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"kv":                         "is 2 characters long",
		"kv-models-of-the-team-west": "is 26 characters long",
		"1kv-models":                 "does not begin with a letter",
		"-kv-models":                 "does not begin with a letter",
		"kv-models-":                 "ends with a hyphen",
		"kv--models":                 "has two hyphens in a row",
		"kv_models":                  "has characters other than letters, digits and hyphens",
		"kv.models":                  "has characters other than letters, digits and hyphens",
	} {
		for _, value := range []string{name, "https://" + name + ".vault.azure.net/"} {
			err := CheckVaultURI(value)
			if err == nil || strings.HasPrefix(value, "https") &&
				!strings.Contains(err.Error(), fmt.Sprintf("%q %s", name, says)) {
				t.Errorf("%q: %v", value, err)
			}
		}
	}
}

func TestCheckVaultURI(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		"https://kv-ml.vault.azure.net": true, "https://kv-ml.vault.azure.net/": true, "HTTPS://KV-ML.vault.azure.net": true,
		"https://kv-ml.vault.usgovcloudapi.net/": true, "https://kv-ml.vault.azure.cn": true,
		"http://kv-ml.vault.azure.net": false, "kv-ml": false, "kv-ml.vault.azure.net": false, "": false, "https://": false,
		"https://kv-ml.vault.azure.net/secrets/x": false, "https://kv-ml.vault.azure.net.evil.example": false, "https://a.b.vault.azure.net": false,
		"https://.vault.azure.net": false, "https://vault.azure.net": false, "https://u:p@kv-ml.vault.azure.net": false, "https://kv-ml.vault.azure.net:8443": false,
		"https://kv-ml.managedhsm.azure.net": false, "https://kv-ml.vault.azure.net?x=1": false,
	} {
		if err := CheckVaultURI(value); (err == nil) != good {
			t.Errorf("%q: %v", value, err)
		}
	}
}

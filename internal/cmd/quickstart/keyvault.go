package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
)

// keyVault demonstrates the provider without a secret on this machine. The provider logs in with a certificate from Key
// Vault and writes the application's token to that vault. The token is then read from the vault and scores the model.
// keyVault destroys what it applied and returns the token's value.
func (d *demo) keyVault() (token string, err error) {
	d.step("Key Vault: the deployer's certificate comes from it, and the application's next token goes to it")
	env, folder := d.env, d.folder
	defer func() { d.env, d.folder = env, folder }()
	d.folder = d.vault()
	d.env = realNames(env)
	for _, name := range []string{"ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_CERTIFICATE_PATH",
		"ARM_CLIENT_CERTIFICATE_PASSWORD"} {
		delete(d.env, name)
	}
	d.env["TF_VAR_vault_uri"], d.env["TF_VAR_vault_identity_client_id"] = env["EMULATOR_VAULT_URL"], env["EMULATOR_VAULT_READER_CLIENT_ID"]

	if _, err := d.terraform(0, "init", "-input=false"); err != nil {
		return "", err
	}
	if err := d.apply(); err != nil {
		return "", err
	}
	login, err := d.output("login")
	if err != nil {
		return "", err
	}
	if login != "deployer by key_vault" {
		return "", fmt.Errorf("the login is %q, not with the certificate from Key Vault", login)
	}
	d.saw("the deployer's certificate to come from Key Vault", login)

	if token, err = d.secret("iris-token", env["ARM_TENANT_ID"]); err != nil {
		return "", err
	}
	d.env["DBXACCESS_HOST"] = env["DBXACCESS_HOST"] // scores sends its request to the local port of the workspace
	if err := d.scores("the token that was read from Key Vault", token); err != nil {
		return "", err
	}
	d.env["DBXACCESS_HOST"] = env["EMULATOR_WORKSPACE_URL"]
	if err := d.plan(noChanges, "No changes"); err != nil {
		return "", err
	}
	_, err = d.terraform(0, "destroy", "-auto-approve", "-input=false")
	return token, err
}

// realNames returns environment variables with which Terraform reaches all services under their real host names,
// through the emulator's proxy. Vaults and managed identities have no other address.
func realNames(env map[string]string) map[string]string {
	named := maps.Clone(env)
	delete(named, "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST")
	named["DBXACCESS_HOST"] = env["EMULATOR_WORKSPACE_URL"]
	named["HTTPS_PROXY"], named["HTTP_PROXY"] = env["EMULATOR_PROXY_URL"], env["EMULATOR_PROXY_URL"]
	return named
}

// secret reads a secret from the vault with the login of the application that may read it.
func (d *demo) secret(name, tenant string) (string, error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {d.env["EMULATOR_VAULT_READER_CLIENT_ID"]},
		"client_secret": {d.env["EMULATOR_VAULT_READER_SECRET"]}, "scope": {"https://vault.azure.net/.default"},
	}
	status, answer, err := d.sendByName(http.MethodPost, "https://login.microsoftonline.com/"+tenant+
		"/oauth2/v2.0/token", "", "application/x-www-form-urlencoded", form.Encode())
	if err != nil {
		return "", err
	}
	var login struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &login); err != nil || status != http.StatusOK {
		return "", fmt.Errorf("the reader of the vault cannot log in to Entra ID: %d %s", status, answer)
	}
	status, answer, err = d.sendByName(http.MethodGet, d.env["EMULATOR_VAULT_URL"]+"/secrets/"+name+
		"?api-version=7.4", login.AccessToken, "application/json", "")
	if err != nil {
		return "", err
	}
	var secret struct{ Value string }
	if err := json.Unmarshal(answer, &secret); err != nil || status != http.StatusOK {
		return "", fmt.Errorf("reading secret %s: %d %s", name, status, answer)
	}
	return secret.Value, nil
}

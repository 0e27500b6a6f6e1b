package provider_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Applies the whole example of an application. The stand-ins of three other providers create the registration,
// certificate, vault and endpoint, and this provider the access. The application queries the endpoint with the values
// in its vault. Destroying leaves nothing.
func TestApplicationExample(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Proxied()
	w.Workspace.DeleteEndpoint("iris") // the example creates it
	before := snapshot(t, w)
	const issuer, subject = "https://issuer.example.com", "system:serviceaccount:models:iris"
	c := w.CLI(t, example(t, "application/main.tf"))
	serveAzure(t, w, c)
	for name, value := range map[string]string{
		"workspace_url": w.Env["DBXACCESS_HOST"], "resource_group_name": "models", "vault_name": "kv-iris",
		"workload": `{ issuer = "` + issuer + `", subject = "` + subject + `" }`,
	} {
		c.Env["TF_VAR_"+name] = value
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	if out := c.MustRun(t, 0, "output", "-json", "species").Stdout; strings.TrimSpace(out) != `["setosa"]` {
		t.Errorf("the endpoint said %s", out)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")

	var given application
	must(t, json.Unmarshal([]byte(c.MustRun(t, 0, "output", "-json", "application").Stdout), &given))
	token := given.token(t, w, w.Tenant.NewOIDCIssuer(issuer).Token(subject, "api://AzureADTokenExchange", time.Hour))
	if status, answer := given.score(t, w, token); status != http.StatusOK || !strings.Contains(answer, "setosa") {
		t.Errorf("the application is answered %d %s", status, answer)
	}
	if strings.Contains(c.State(t), token) {
		t.Error("the token is in the state")
	}

	// After the vault renews the certificate, one apply registers the new one. Neither token nor access changes.
	(&azure{w: w}).issue(w.Tenant.Vault("kv-iris"), "iris-scoring")
	r := c.MustRun(t, 0, "apply", "-auto-approve")
	r.MustSay(t, "azuread_application_certificate.scoring must be replaced")
	r.MustSay(t, "1 added, 0 changed, 1 destroyed")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	if status, answer := given.score(t, w, token); status != http.StatusOK {
		t.Errorf("after the renewal the application is answered %d %s", status, answer)
	}

	c.MustRun(t, 0, "destroy", "-auto-approve")
	if after := snapshot(t, w); before != after {
		t.Errorf("the workspace is not as before:\nbefore %s\nafter  %s", before, after)
	}
	if _, there := w.Tenant.App(given.ClientID); there || w.Tenant.Vault("kv-iris") != nil {
		t.Error("the application or its vault is still there")
	}
	if status, _ := given.score(t, w, token); status == http.StatusOK {
		t.Error("the destroyed application still scores")
	}
}

// application holds the values that the example outputs for the application.
type application struct {
	TenantID string `json:"tenant_id"`
	ClientID string `json:"client_id"`
	VaultURI string `json:"vault_uri"`
	Secret   string
	Endpoint string
}

// token logs in to Entra ID with the workload's own token, and returns the Databricks token in the vault.
func (a application) token(t *testing.T, w *acctest.World, assertion string) string {
	t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {a.ClientID}, "scope": {"https://vault.azure.net/.default"},
		"client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	var login struct {
		AccessToken string `json:"access_token"`
	}
	address := "https://login.microsoftonline.com/" + a.TenantID + "/oauth2/v2.0/token"
	_, answer := byName(t, w, "POST", address, "", "application/x-www-form-urlencoded", form.Encode())
	must(t, json.Unmarshal([]byte(answer), &login))
	var secret struct{ Value string }
	address = a.VaultURI + "secrets/" + a.Secret + "?api-version=7.4"
	status, answer := byName(t, w, "GET", address, login.AccessToken, "application/json", "")
	must(t, json.Unmarshal([]byte(answer), &secret))
	if !strings.HasPrefix(secret.Value, "dapi") {
		t.Fatalf("the application reads no token from its vault: %d %s", status, answer)
	}
	return secret.Value
}

// score sends one row to the endpoint.
func (a application) score(t *testing.T, w *acctest.World, token string) (status int, answer string) {
	t.Helper()
	const row = `{"dataframe_records": [
		{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}]}`
	return byName(t, w, "POST", a.Endpoint, token, "application/json", row)
}

// byName sends one request to a service under its public host name, through the emulator's proxy.
func byName(
	t *testing.T, w *acctest.World, method, address, bearer, contentType, body string,
) (status int, answer string) {
	t.Helper()
	proxy, err := url.Parse(w.Server.ProxyURL)
	must(t, err)
	transport := &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.Tenant.CAPool(),
			MinVersion: tls.VersionTLS12},
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", contentType)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

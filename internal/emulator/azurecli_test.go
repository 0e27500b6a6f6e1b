package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func TestAzureCLICredential(t *testing.T) {
	tenant := NewTenant(TenantOptions{Domain: "o'neil.example"})
	app := tenant.RegisterApp("person")
	dir := t.TempDir()
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	ask := func(options *azidentity.AzureCLICredentialOptions, scope string) (string, error) {
		credential, err := azidentity.NewAzureCLICredential(options)
		if err != nil {
			t.Fatal(err)
		}
		token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{scope}})
		if err == nil && (time.Until(token.ExpiresOn) < 59*time.Minute || time.Until(token.ExpiresOn) > time.Hour) {
			t.Errorf("expires %s", token.ExpiresOn)
		}
		return token.Token, err
	}

	if err := tenant.WriteAzureCLI(dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(nil, databricksScope); err == nil ||
		!strings.Contains(err.Error(), "Please run 'az login' to setup account.") {
		t.Errorf("logged out: %v", err)
	}
	if err := tenant.WriteAzureCLI(dir, app); err != nil {
		t.Fatal(err)
	}
	for scope, audience := range map[string]string{
		databricksScope:                                      DatabricksResource,
		"https://vault.azure.net/.default":                   "https://vault.azure.net",
		"https://management.core.windows.net//.default":      "https://management.core.windows.net/",
		"https://management.core.chinacloudapi.cn//.default": "https://management.core.chinacloudapi.cn/",
	} {
		token, err := ask(&azidentity.AzureCLICredentialOptions{TenantID: tenant.ID}, scope)
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := tenant.VerifyAccessToken(token); err != nil || claims.Audience != audience ||
			claims.AppID != app.ClientID {
			t.Errorf("%+v, %v", claims, err)
		}
	}
	for want, options := range map[string]*azidentity.AzureCLICredentialOptions{
		"AADSTS90002":   {TenantID: "11111111-1111-4111-8111-111111111111"},
		"doesn't exist": {Subscription: "none"},
	} {
		if _, err := ask(options, databricksScope); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", options, err)
		}
	}
	if _, err := ask(nil, "https://graph.example/.default"); err == nil ||
		!strings.Contains(err.Error(), "AADSTS500011") {
		t.Errorf("unknown resource: %v", err)
	}
	calls, err := AzureCLICalls(dir)
	if err != nil || len(calls) != 8 || calls[0] != "account get-access-token -o json --resource "+DatabricksResource {
		t.Errorf("calls %q, %v", calls, err)
	}
}

func TestAzureCLIScript(t *testing.T) {
	tenant := NewTenant(TenantOptions{Cloud: USGovernmentCloud})
	dir := t.TempDir()
	if calls, err := AzureCLICalls(dir); err != nil || calls != nil {
		t.Errorf("calls %q, %v", calls, err)
	}
	if err := tenant.WriteAzureCLI(dir, tenant.RegisterApp("person")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "az"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	for _, tc := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"account", "get-access-token", "--scope", databricksScope, "--tenant", tenant.Domain}, 0, ""},
		{[]string{"account", "get-access-token", "--resource", "https://vault.usgovcloudapi.net", "--output", "json", "--subscription", azureSubscription}, 0, ""},
		{[]string{"account", "get-access-token", "--resource", "https://vault.azure.net"}, 1, "AADSTS500011"},
		{[]string{"account", "get-access-token", "--scope", DatabricksResource + "/user_impersonation"}, 1, "AADSTS70011"},
		{[]string{"account", "get-access-token", "--scope", databricksScope, "--resource", DatabricksResource}, 2, "not allowed with"},
		{[]string{"account", "get-access-token", "--resource"}, 2, "expected one argument"},
		{[]string{"account", "get-access-token", "-o", "tsv"}, 2, "json only"},
		{[]string{"account", "get-access-token", "--resource-type", "arm"}, 2, "unrecognized arguments: --resource-type"},
		{[]string{"account", "get-access-token", "--tenant", "*"}, 1, "AADSTS90002"},
		{[]string{"account", "show"}, 2, "misspelled or not recognized"},
		{nil, 2, "misspelled or not recognized"},
	} {
		cmd := exec.Command(filepath.Join(dir, "az"), tc.args...)
		cmd.Env = []string{"PATH="} // the stand-in for the Azure CLI needs no other program
		var stderr strings.Builder
		cmd.Stderr = &stderr
		stdout, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if code := cmd.ProcessState.ExitCode(); code != tc.code || !strings.Contains(stderr.String(), tc.text) ||
			code != 0 && len(stdout) > 0 {
			t.Errorf("%q: %d %s, want %d %s", tc.args, code, stderr.String(), tc.code, tc.text)
		}
		if tc.code == 0 {
			var answer struct {
				AccessToken, ExpiresOn, Subscription, Tenant, TokenType string
			}
			if err := json.Unmarshal(stdout, &answer); err != nil || answer.Tenant != tenant.ID ||
				answer.TokenType != "Bearer" || answer.ExpiresOn == "" {
				t.Errorf("%q: %s, %v", tc.args, stdout, err)
			}
			if _, err := tenant.VerifyAccessToken(answer.AccessToken); err != nil {
				t.Error(err)
			}
		}
	}
	if slices.Contains(tenant.resources(), "https://vault.azure.net") {
		t.Error("a tenant of one cloud has another's resources")
	}
}

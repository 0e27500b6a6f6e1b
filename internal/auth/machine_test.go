package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// MSAL caches the tokens of managed identities for the whole process, by client id. So each test uses another
// user-assigned identity, or tokens that expire too soon to be cached.

func withMSI(clientID string) Settings {
	return Settings{UseMSI: hcl("use_msi", "true"), ClientID: hcl("client_id", clientID)}
}

func TestMSIUserAssigned(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	app := p.RegisterApp("mi")
	p.AssignManagedIdentity(app, false)
	l := open(t, withMSI(app.ClientID), p.options())
	p.wantToken(t, l, DatabricksScope, app)
	ask(t, l)
	if n := p.Journal.Count("imds", "GET", "/metadata/identity/oauth2/token"); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
	if d := l.Describe(); d["kind"] != "msi" || d["source"] != "use_msi" || d["client_id"] != app.ClientID {
		t.Errorf("described as %v", d)
	}
}

func TestMSISystemAssigned(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.SetTokenLifetime(4 * time.Minute)
	app := p.RegisterApp("mi")
	p.AssignManagedIdentity(app, true)
	s := Settings{AuthType: env("auth_type", "DBXACCESS_AUTH_TYPE", "msi")}
	l := open(t, s, p.options())
	p.wantToken(t, l, DatabricksScope, app)
	if l.Source != "DBXACCESS_AUTH_TYPE in the environment" || l.Identity().ClientID != "" {
		t.Errorf("%v from %s", l, l.Source)
	}

	p.UnassignManagedIdentities()
	_, err := l.AccessToken(t.Context(), DatabricksScope)
	if e := wantError(t, err, "Machine has no system-assigned identity", "Identity page", "The managed identity "+
		"endpoint said: Identity not found"); e.Attribute != "use_msi" {
		t.Errorf("attribute is %q", e.Attribute)
	}
}

func TestMSIRefusals(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	_, err := open(t, withMSI(p.RegisterApp("other").ClientID), p.options()).AccessToken(t.Context(), DatabricksScope)
	if e := wantError(t, err, "Managed identity is not assigned to this machine", "not its object (principal) ID",
		"Identity not found"); e.Attribute != "client_id" {
		t.Errorf("attribute is %q", e.Attribute)
	}

	// The endpoint of a new machine answers with status 404 or 500 at first, and the provider retries.
	app := p.RegisterApp("mi")
	p.AssignManagedIdentity(app, false)
	p.Faults.Add(emulator.Fault{Service: "imds", Status: 404, Times: 1, Message: "not yet"})
	p.Faults.Add(emulator.Fault{Service: "imds", Status: 500, Times: 1})
	p.wantToken(t, open(t, withMSI(app.ClientID), p.options()), DatabricksScope, app)

	app = p.RegisterApp("mi2")
	p.AssignManagedIdentity(app, false)
	o := p.options()
	o.RetryTimeout = time.Second
	p.Faults.Add(emulator.Fault{Service: "imds", Status: 503, Times: 2})
	_, err = open(t, withMSI(app.ClientID), o).AccessToken(t.Context(), DatabricksScope)
	wantError(t, err, "Managed identity endpoint is unavailable", "status 503", "2 attempts")

	p.Faults.Add(emulator.Fault{Service: "imds", Status: 403, Code: "unreachable", Message: "a proxy in between",
		Times: 1})
	_, err = open(t, withMSI(app.ClientID), o).AccessToken(t.Context(), DatabricksScope)
	wantError(t, err, "Managed identity endpoint refused the login", "status 403", "a proxy in between")
}

// TestMSISeveral checks the error if a machine has several managed identities and the configuration selects none.
func TestMSISeveral(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.Faults.Add(emulator.Fault{Service: "imds", Status: 400, Times: 1, Code: "invalid_request",
		Message: "Multiple user assigned identities exist, please specify the clientId / resourceId of the " +
			"identity in the token request"})
	s := Settings{UseMSI: hcl("use_msi", "true"), ClientID: Setting{Attribute: "client_id"}}
	_, err := open(t, s, p.options()).AccessToken(t.Context(), DatabricksScope)
	if e := wantError(t, err, "Machine has several managed identities", "Set client_id to the client ID of one of them",
		"Multiple user assigned identities exist"); e.Attribute != "client_id" {
		t.Errorf("attribute is %q", e.Attribute)
	}
}

// TestMSIOldProtocol checks the error if only MSI_ENDPOINT is set on Azure Container Apps, where the endpoint accepts
// only GET.
func TestMSIOldProtocol(t *testing.T) {
	endpoint := "http://localhost:42356/msi/token"
	t.Setenv("MSI_ENDPOINT", endpoint)
	o := Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.String() != endpoint || r.Method != http.MethodPost {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		return &http.Response{StatusCode: 405, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})}
	_, err := open(t, Settings{UseMSI: hcl("use_msi", "true")}, o).AccessToken(t.Context(), DatabricksScope)
	e := wantError(t, err, "Managed identity endpoint uses another protocol", "status 405",
		"IDENTITY_ENDPOINT and IDENTITY_HEADER")
	if strings.Contains(e.Detail, "system-assigned") {
		t.Errorf("detail: %s", e.Detail)
	}
	_, err = Open(withMSI("bbbbbbbb-0000-0000-0000-000000000009"), o)
	wantError(t, err, "Managed identity cannot be used here", "IDENTITY_ENDPOINT and IDENTITY_HEADER")
}

// TestMSIOutsideOfAzure checks the errors on a machine outside of Azure, where the endpoint's address does not answer
// or a proxy answers.
func TestMSIOutsideOfAzure(t *testing.T) {
	t.Parallel()
	silent := Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	began := time.Now()
	_, err := open(t, withMSI("bbbbbbbb-0000-0000-0000-000000000001"), silent).AccessToken(t.Context(), DatabricksScope)
	wantError(t, err, "No managed identity endpoint", "Azure machines only", "NO_PROXY")
	if spent := time.Since(began); spent > firstMSITry+5*time.Second {
		t.Errorf("took %v", spent)
	}

	page := Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		w := newPage()
		w.Request = r
		return w, nil
	})}
	_, err = open(t, withMSI("bbbbbbbb-0000-0000-0000-000000000002"), page).AccessToken(t.Context(), DatabricksScope)
	wantError(t, err, "Managed identity endpoint returned no usable answer", "an empty body", "proxy")

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = open(t, withMSI("bbbbbbbb-0000-0000-0000-000000000003"), silent).AccessToken(ctx, DatabricksScope)
	wantError(t, err, "Login was interrupted", "before The managed identity endpoint")
}

func newPage() *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}
}

// azOnPath puts a script named az first on the PATH. calls returns how often the script was run.
func azOnPath(t *testing.T, script string) (calls func() int) {
	t.Helper()
	dir := t.TempDir()
	journal := filepath.Join(dir, "journal")
	text := "#!/bin/sh\necho \"$*\" >>" + journal + "\n" + script + "\n"
	//nolint:gosec // a program must be executable
	if err := os.WriteFile(filepath.Join(dir, "az"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() int {
		data, err := os.ReadFile(journal)
		if err != nil {
			return 0
		}
		return strings.Count(string(data), "\n")
	}
}

func azToken(lifetime time.Duration) string {
	return fmt.Sprintf(`echo '{"accessToken":"eyJ-of-the-cli","expires_on":%d,"tokenType":"Bearer"}'`,
		time.Now().Add(lifetime).Unix())
}

func TestCLI(t *testing.T) {
	calls := azOnPath(t, azToken(time.Hour))
	s := Settings{UseCLI: hcl("use_cli", "true"), TenantID: hcl("tenant_id", testTenant)}
	l := open(t, s, Options{})
	ask(t, l)
	if n := calls(); n != 2 {
		t.Errorf("az was run %d times, want once for each of two scopes", n)
	}
	token, err := l.AccessToken(t.Context(), DatabricksScope)
	if err != nil || token.Value != "eyJ-of-the-cli" || time.Until(token.ExpiresAt) < 50*time.Minute {
		t.Errorf("token %v, error %v", token, err)
	}
	if i := l.Identity(); i.TenantID != testTenant || i.ClientID != "" {
		t.Errorf("identity %+v", i)
	}
}

// TestCLIRenews checks that a token that expires soon is returned and not cached.
func TestCLIRenews(t *testing.T) {
	calls := azOnPath(t, azToken(4*time.Minute))
	l := open(t, Settings{UseCLI: hcl("use_cli", "true")}, Options{})
	for range 2 {
		if _, err := l.AccessToken(t.Context(), DatabricksScope); err != nil {
			t.Fatal(err)
		}
	}
	if n := calls(); n != 2 {
		t.Errorf("az was run %d times, want 2", n)
	}
}

// azRefuses returns a script that fails as az does if Entra ID refuses the account: with the text of Entra ID, and with
// the commands that az proposes.
func azRefuses(words, proposal string) string {
	return "cat >&2 <<'END'\nERROR: " + words + " Trace ID: x Correlation ID: " + correlation +
		" Timestamp: 2026-11-21 10:00:00Z\n" + proposal + "\nEND\nexit 1"
}

const (
	proposes = "Run the command below to authenticate interactively; additional arguments may be added as " +
		"needed:\naz logout\naz login --tenant \"" + testTenant + "\" --scope \"" + DatabricksScope + "\""
	proposed = "az logout && az login --tenant \"" + testTenant + "\" --scope \"" + DatabricksScope + "\""
)

func TestCLIRefusals(t *testing.T) {
	needless := map[string]bool{"Conditional Access blocks the Azure CLI": true, "Azure CLI was refused a token": true,
		"Azure CLI returned no token": true}
	for name, test := range map[string]struct {
		script  string
		summary string
		detail  []string
		code    int
	}{
		"not logged in": {"echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1", "Azure CLI is not logged in",
			[]string{"az login --tenant " + testTenant, "Azure CLI said: ERROR: Please run 'az login'"}, 0},
		"refused by Entra": {"echo 'ERROR: AADSTS53003: Access has been blocked. Trace ID: x Correlation ID: " + correlation + " Timestamp: 2026-11-21 10:00:00Z' >&2; exit 1", "Conditional Access blocks the Azure CLI",
			[]string{"AADSTS53003: Access has been blocked", "Correlation ID: " + correlation, "administrator"}, 53003},
		"factor": {azRefuses("AADSTS50076: Due to a configuration change you must use multi-factor authentication.", proposes), "Azure CLI needs multi-factor authentication",
			[]string{"Run: " + proposed, "AADSTS50076"}, 50076},
		"factor, older words": {azRefuses("AADSTS50079: You must enroll in multi-factor authentication.", "Interactive authentication is needed. Please run:\naz login --scope "+DatabricksScope),
			"Azure CLI needs multi-factor authentication", []string{"Run: az login --scope " + DatabricksScope}, 50079},
		"second factor, no command proposed": {azRefuses("AADSTS50079: You must enroll in multi-factor authentication.", ""), "Azure CLI needs multi-factor authentication",
			[]string{"Run: az login --tenant " + testTenant + " --scope " + DatabricksScope}, 50079},
		"blocked, and a proposal": {azRefuses("AADSTS53003: Access has been blocked by Conditional Access policies.", proposes), "Conditional Access blocks the Azure CLI",
			[]string{"the command that the Azure CLI proposes: " + proposed}, 53003},
		"expired": {azRefuses("AADSTS700082: The refresh token has expired due to inactivity.", proposes), "Azure CLI session has expired", []string{"Run: " + proposed}, 700082},
		"revoked": {azRefuses("AADSTS50173: The provided grant has expired due to it being revoked.", ""), "Azure CLI session has expired",
			[]string{"Run: az login --tenant " + testTenant + " --scope "}, 50173},
		"by frequency":   {azRefuses("AADSTS70043: The refresh token has expired or is invalid due to sign-in frequency checks.", ""), "Azure CLI session has expired", nil, 70043},
		"another code":   {azRefuses("AADSTS65001: The user or administrator has not consented.", ""), "Azure CLI was refused a token", []string{"AADSTS65001"}, 65001},
		"something else": {"echo 'ERROR: the token is eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln' >&2; exit 3", "Azure CLI returned no token", []string{"(hidden)"}, 0},
		"not there":      {"exit 127", "Azure CLI not found", []string{"PATH"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			azOnPath(t, test.script)
			s := Settings{UseCLI: hcl("use_cli", "true"), TenantID: hcl("tenant_id", testTenant)}
			_, err := open(t, s, Options{}).AccessToken(t.Context(), DatabricksScope)
			e := wantError(t, err, test.summary, test.detail...)
			if e.Attribute != "use_cli" || e.Code != test.code {
				t.Errorf("attribute %q, code %d", e.Attribute, e.Code)
			}
			if needless[test.summary] && !strings.Contains(test.script, "az login") &&
				strings.Contains(e.Detail, "az login") {
				t.Errorf("az login is proposed where it does not help: %s", e.Detail)
			}
			if strings.Contains(e.Detail, "eyJhbGci") || strings.Contains(e.Detail, "aka.ms") {
				t.Errorf("detail: %s", e.Detail)
			}
		})
	}
}

func TestKeyVaultReadByCLI(t *testing.T) {
	k := newKept(t, emulator.CertificatePEM)
	token, err := k.IssueAccessToken(k.reader.ClientID, "https://vault.azure.net", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	calls := azOnPath(t, fmt.Sprintf(`echo '{"accessToken":"%s","expires_on":%d}'`, token,
		time.Now().Add(time.Hour).Unix()))
	k.vault.SetSecret("app-id", k.app.ClientID, "")
	k.settings.ClientID = Setting{}
	k.settings.KeyVault.Auth.Value = "cli"
	k.settings.KeyVault.ClientIDSecretName = hcl("key_vault.client_id_secret_name", "app-id")
	k.wantToken(t, k.open(t), DatabricksScope, k.app)
	if n := calls(); n != 1 {
		t.Errorf("az was run %d times for two secrets, want once", n)
	}

	azOnPath(t, "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
	_, err = k.open(t).AccessToken(t.Context(), DatabricksScope)
	wantError(t, err, "Key Vault identity cannot log in", `auth = "cli"`, "Run: az login", "Please run 'az login'")
}

func TestKeyVaultReadByDefault(t *testing.T) {
	k := newKept(t, emulator.CertificatePEM)
	for i := 0; i < len(k.environment); i += 2 {
		t.Setenv(k.environment[i], k.environment[i+1])
	}
	k.settings.KeyVault.Auth.Value = "default"
	k.wantToken(t, k.open(t), DatabricksScope, k.app)

	t.Setenv("AZURE_CLIENT_SECRET", "wr0ng-secret-0815")
	_, err := k.open(t).AccessToken(t.Context(), DatabricksScope)
	e := wantError(t, err, "Key Vault identity cannot log in", `auth = "default"`, "Select one with", "AADSTS7000215")
	if strings.Contains(e.Detail, "wr0ng-secret-0815") {
		t.Errorf("the secret shows: %s", e.Detail)
	}
}

// TestCLIHangs checks that an Azure CLI that hangs is stopped long before the retry timeout, for a login and for the
// read of a vault.
func TestCLIHangs(t *testing.T) {
	azOnPath(t, "exec sleep 60")
	began := time.Now()
	_, err := open(t, Settings{UseCLI: hcl("use_cli", "true")}, Options{RetryTimeout: time.Second}).AccessToken(
		t.Context(), DatabricksScope)
	if spent := time.Since(began); err == nil || !strings.Contains(err.Error(), "no answer in time") ||
		spent > 10*time.Second {
		t.Errorf("login: %v after %s", err, spent)
	}
	for _, auth := range []string{"cli", "default"} {
		s := with(application(), vaultOf(auth))
		o := &opening{login: &Login{}, options: Options{RetryTimeout: 5 * time.Minute, Now: time.Now,
			LookupEnv: variables()}, cloud: clouds[0], http: web.NewClient(nil, 0)}
		reader, err := o.vaultReader(s, *s.KeyVault)
		if err != nil {
			t.Fatal(err)
		}
		if reader.limit != cliTimeout {
			t.Errorf("%s: the Azure CLI may take %s", auth, reader.limit)
		}
		if auth == "default" {
			continue // the default chain tries other identities first
		}
		reader.limit = time.Second
		began := time.Now()
		_, err = reader.GetToken(t.Context(),
			policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}})
		v := &vault{reader: reader, host: "kv-ml.vault.azure.net", settings: *s.KeyVault}
		got := v.explain(s.KeyVault.CertificateName, err)
		if spent := time.Since(began); !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(got.Error(), "no answer in time") || spent > 10*time.Second {
			t.Errorf("vault: %v after %s: %v", err, spent, got)
		}
	}
}

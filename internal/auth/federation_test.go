package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	federationAudience = "api://AzureADTokenExchange"
	jobSubject         = "repo:contoso/models:environment:production"
)

var useOIDC = hcl("use_oidc", "true")

// withGitHub returns the settings of a login in a job of GitHub Actions.
func (p *proxied) withGitHub(app *emulator.App, job *emulator.GitHubJob) Settings {
	s := p.ids(app)
	s.UseOIDC = useOIDC
	s.OIDCRequestURL = env("oidc_request_url", "ACTIONS_ID_TOKEN_REQUEST_URL", job.RequestURL)
	s.OIDCRequestToken = env("oidc_request_token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", job.RequestToken)
	return s
}

func TestOIDCGitHub(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	app, job := p.RegisterApp("sp"), p.NewGitHubJob(jobSubject)
	app.AddFederatedCredential(job.Issuer.URL(), jobSubject, federationAudience)
	l := open(t, p.withGitHub(app, job), p.options())
	if n := len(p.Journal.Entries()); n != 0 {
		t.Fatalf("opening made %d requests", n)
	}
	ask(t, l)
	if n := p.Journal.Count("entra", "POST", "/oauth2/v2.0/token"); n != 2 || job.Tokens() != 2 {
		t.Errorf("%d token requests with %d federated tokens, want 2 and 2", n, job.Tokens())
	}
	// When an access token is renewed in a long apply, the request uses a new federated token.
	p.SetTokenLifetime(4 * time.Minute)
	fresh := open(t, p.withGitHub(app, job), p.options())
	for range 2 {
		p.Clock.Advance(20 * time.Minute) // the federated tokens of the job are valid for five minutes
		if _, err := fresh.AccessToken(t.Context(), DatabricksScope); err != nil {
			t.Fatal(err)
		}
	}
	if job.Tokens() != 4 {
		t.Errorf("%d federated tokens, want 4", job.Tokens())
	}
	if d := fresh.Describe(); d["kind"] != "oidc" || d["source"] != "ACTIONS_ID_TOKEN_REQUEST_URL in the environment" {
		t.Errorf("described as %v", d)
	}
}

func TestOIDCAzurePipelines(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	app, job := p.RegisterApp("sp"), p.NewAzureDevOpsJob("contoso", "models", "azure-prod")
	app.AddFederatedCredential(job.Issuer.URL(), job.Subject, federationAudience)
	s := p.ids(app)
	s.UseOIDC = env("use_oidc", "ARM_USE_OIDC", "true")
	s.OIDCRequestURL = env("oidc_request_url", "SYSTEM_OIDCREQUESTURI", job.RequestURI)
	s.OIDCRequestToken = env("oidc_request_token", "SYSTEM_ACCESSTOKEN", job.AccessToken)
	s.ADOServiceConnectionID = hcl("ado_pipeline_service_connection_id", job.ServiceConnectionID)
	p.wantToken(t, open(t, s, p.options()), DatabricksScope, app)

	s.ADOServiceConnectionID.Value = testClient
	_, err := open(t, s, p.options()).AccessToken(t.Context(), DatabricksScope)
	if e := wantError(t, err, "Cannot get an OIDC token", "Azure Pipelines returned no token: it answered with "+
		"status 404", "ado_pipeline_service_connection_id"); e.Attribute != "ado_pipeline_service_connection_id" {
		t.Errorf("attribute is %q", e.Attribute)
	}
	s.ADOServiceConnectionID = Setting{Attribute: "ado_pipeline_service_connection_id"}
	_, err = Open(s, p.options())
	wantError(t, err, "Azure Pipelines needs a service connection", "SYSTEM_OIDCREQUESTURI in the environment")
}

// TestOIDCAzurePipelinesUnderAnotherName checks that the error names Azure Pipelines and not GitHub, if the generic
// settings hold the request URL of Azure Pipelines.
func TestOIDCAzurePipelinesUnderAnotherName(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	app, job := p.RegisterApp("sp"), p.NewAzureDevOpsJob("contoso", "models", "azure-prod")
	s := p.ids(app)
	s.UseOIDC = useOIDC
	s.OIDCRequestURL = env("oidc_request_url", "ARM_OIDC_REQUEST_URL", job.RequestURI)
	s.OIDCRequestToken = env("oidc_request_token", "ARM_OIDC_REQUEST_TOKEN", job.AccessToken)
	for name, address := range map[string]string{
		"as it is": job.RequestURI, "with a query": job.RequestURI + "?api-version=7.1", "with a slash": strings.ToUpper(job.RequestURI) + "/",
	} {
		s.OIDCRequestURL.Value = address
		_, err := Open(s, p.options())
		e := wantError(t, err, "Azure Pipelines needs a service connection", "ARM_OIDC_REQUEST_URL in the environment",
			"ado_pipeline_service_connection_id")
		if e.Attribute != "ado_pipeline_service_connection_id" || strings.Contains(e.Error(), "GitHub") {
			t.Errorf("%s: attribute %q, %v", name, e.Attribute, e)
		}
	}
	if n := len(p.Journal.Entries()); n != 0 {
		t.Errorf("%d requests", n)
	}

	// If the address does not show that it belongs to Azure Pipelines, its response with status 405 does.
	s.OIDCRequestURL.Value = "https://pipelines.example/token"
	o := p.options()
	o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != "pipelines.example" {
			return p.transport.RoundTrip(r)
		}
		return &http.Response{StatusCode: 405, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	_, err := open(t, s, o).AccessToken(t.Context(), DatabricksScope)
	if e := wantError(t, err, "Azure Pipelines needs a service connection"); strings.Contains(e.Error(), "GitHub") {
		t.Errorf("%v", e)
	}
}

// TestOIDCAzurePipelinesOtherClientID checks the warning for a client id of another application than that of the
// service connection, which needs variables of the pipeline, and the hint in the refusal of Entra ID.
func TestOIDCAzurePipelinesOtherClientID(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	app, other, job := p.RegisterApp("sp"), p.RegisterApp("other"), p.NewAzureDevOpsJob("contoso",
		"models", "azure-prod")
	app.AddFederatedCredential(job.Issuer.URL(), job.Subject, federationAudience)
	s := p.ids(other)
	s.ClientID = env("client_id", "ARM_CLIENT_ID", other.ClientID)
	s.UseOIDC = useOIDC
	s.OIDCRequestURL = env("oidc_request_url", "SYSTEM_OIDCREQUESTURI", job.RequestURI)
	s.OIDCRequestToken = env("oidc_request_token", "SYSTEM_ACCESSTOKEN", job.AccessToken)
	s.ADOServiceConnectionID = hcl("ado_pipeline_service_connection_id", job.ServiceConnectionID)
	shown := []string{"AZURESUBSCRIPTION_CLIENT_ID", app.ClientID, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
		job.ServiceConnectionID}
	l := open(t, s, p.options(shown...))
	if len(l.Warnings) != 1 || l.Warnings[0].Summary != "Client ID is not that of the service connection: "+
		other.ClientID ||
		!strings.Contains(l.Warnings[0].Detail, "(ARM_CLIENT_ID in the environment)") ||
		!strings.Contains(l.Warnings[0].Detail, app.ClientID) {
		t.Errorf("warnings %+v", l.Warnings)
	}
	_, err := l.AccessToken(t.Context(), DatabricksScope)
	wantError(t, err, "No federated credential matches", "service connection "+job.ServiceConnectionID,
		"The client ID "+other.ClientID+" (ARM_CLIENT_ID in the environment) must be the application of this "+
			"service connection")

	s.ClientID.Value = app.ClientID
	if l := open(t, s, p.options(shown...)); len(l.Warnings) != 0 {
		t.Errorf("warnings %+v", l.Warnings)
	}
}

// TestOIDCVariablesOfTwoSystems checks that the token of one pipeline system is never sent to the token service of
// another one, although the environment has variables of both. Otherwise GitHub would get a token of Azure Pipelines.
func TestOIDCVariablesOfTwoSystems(t *testing.T) {
	t.Parallel()
	const (
		gitHubURL, gitHubToken       = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
		pipelinesURL, pipelinesToken = "SYSTEM_OIDCREQUESTURI", "SYSTEM_ACCESSTOKEN"
		ownURL, ownToken             = "ARM_OIDC_REQUEST_URL", "ARM_OIDC_REQUEST_TOKEN"
	)
	p := newProxied(t)
	app, github, pipelines := p.RegisterApp("sp"), p.NewGitHubJob(jobSubject), p.NewAzureDevOpsJob("contoso",
		"models", "azure-prod")
	app.AddFederatedCredential(github.Issuer.URL(), jobSubject, federationAudience)
	app.AddFederatedCredential(pipelines.Issuer.URL(), pipelines.Subject, federationAudience)
	values := map[string]string{
		gitHubURL: github.RequestURL, gitHubToken: github.RequestToken, pipelinesURL: pipelines.RequestURI,
		pipelinesToken: pipelines.AccessToken,
	}
	url, token := hcl("oidc_request_url", github.RequestURL), hcl("oidc_request_token", github.RequestToken)
	hclPipelines := func(s *Settings) {
		s.OIDCRequestURL = hcl("oidc_request_url", pipelines.RequestURI)
		s.ADOServiceConnectionID = hcl("ado_pipeline_service_connection_id", pipelines.ServiceConnectionID)
	}
	connection := func(s *Settings) {
		s.ADOServiceConnectionID = hcl("ado_pipeline_service_connection_id", pipelines.ServiceConnectionID)
	}
	for name, test := range map[string]struct {
		environment []string // variables with their value of the job
		change      func(*Settings)
		service     string // the service that issues the token; empty for an error
		says        []string
	}{
		"GitHub's URL, Azure's token":             {[]string{gitHubURL, pipelinesToken}, nil, "", []string{"oidc_request_token", gitHubToken}},
		"Azure's URL, GitHub's token":             {[]string{pipelinesURL, gitHubToken}, nil, "", []string{"ado_pipeline_service_connection_id"}},
		"both":                                    {[]string{gitHubURL, gitHubToken, pipelinesURL, pipelinesToken}, nil, "github", nil},
		"both, with a service connection":         {[]string{gitHubURL, gitHubToken, pipelinesURL, pipelinesToken}, connection, "azuredevops", nil},
		"GitHub's, with a service connection":     {[]string{gitHubURL, gitHubToken}, connection, "", []string{"oidc_request_url", pipelinesURL}},
		"GitHub's URL, with a service connection": {[]string{gitHubURL, pipelinesToken}, connection, "", []string{"oidc_request_url", pipelinesURL}},
		"URL in HCL, Azure's token":               {[]string{pipelinesToken}, func(s *Settings) { s.OIDCRequestURL = url }, "", []string{"oidc_request_token", gitHubToken}},
		"URL in HCL, both tokens":                 {[]string{gitHubToken, pipelinesToken}, func(s *Settings) { s.OIDCRequestURL = url }, "github", nil},
		"token in HCL, GitHub's URL":              {[]string{gitHubURL}, func(s *Settings) { s.OIDCRequestToken = token }, "github", nil},
		"Azure's URL in HCL, both tokens":         {[]string{gitHubToken, pipelinesToken}, hclPipelines, "azuredevops", nil},
		"Azure's URL in HCL, GitHub's token":      {[]string{gitHubToken}, hclPipelines, "", []string{"oidc_request_token", pipelinesToken}},
		"own URL, GitHub's token": {[]string{gitHubToken, pipelinesToken}, func(s *Settings) {
			s.OIDCRequestURL = env("oidc_request_url", ownURL, github.RequestURL)
		}, "github", nil},
		"own token, Azure's URL": {[]string{gitHubURL, pipelinesURL}, func(s *Settings) {
			connection(s)
			s.OIDCRequestToken = env("oidc_request_token", ownToken, pipelines.AccessToken)
		}, "azuredevops", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var environment []string
			for _, variable := range test.environment {
				environment = append(environment, variable, values[variable])
			}
			first := func(attribute string, names ...string) Setting { // as the provider reads the environment
				for _, n := range names {
					if value, ok := variables(environment...)(n); ok {
						return env(attribute, n, value)
					}
				}
				return Setting{Attribute: attribute}
			}
			s := p.ids(app)
			s.UseOIDC = useOIDC
			s.OIDCRequestURL = first("oidc_request_url", ownURL, gitHubURL, pipelinesURL)
			s.OIDCRequestToken = first("oidc_request_token", ownToken, gitHubToken, pipelinesToken)
			if test.change != nil {
				test.change(&s)
			}
			p.Journal.Reset()
			l, err := Open(s, p.options(environment...))
			if test.service == "" {
				if e, ok := errors.AsType[*Error](err); !ok || len(p.Journal.Entries()) > 0 {
					t.Fatalf("%d requests, %v", len(p.Journal.Entries()), err)
				} else if text := e.Attribute + e.Detail; !strings.Contains(text, test.says[0]) ||
					!strings.Contains(text, test.says[len(test.says)-1]) {
					t.Error(text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			p.wantToken(t, l, DatabricksScope, app)
			if of, all := p.Journal.Count(test.service, "", ""), p.Journal.Count("github", "",
				"")+p.Journal.Count("azuredevops", "", ""); of != 1 || all != 1 {
				t.Errorf("%d requests for an OIDC token, %d of them to %s", all, of, test.service)
			}
		})
	}
}

func TestOIDCFileInlineAndPod(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	app, issuer := p.RegisterApp("sp"), p.NewOIDCIssuer("https://issuer.example/cluster")
	app.AddFederatedCredential(issuer.URL(), "system:serviceaccount:ns:sa", federationAudience)
	token := func() []byte {
		return []byte(issuer.Token("system:serviceaccount:ns:sa", federationAudience, time.Hour) + "\n")
	}
	path := write(t, "token", token())
	for name, test := range map[string]struct {
		change func(*Settings)
		env    []string
		source string
	}{
		"file":   {func(s *Settings) { s.OIDCTokenFilePath = hcl("oidc_token_file_path", path) }, nil, "oidc_token_file_path"},
		"inline": {func(s *Settings) { s.OIDCToken = hcl("oidc_token", string(token())) }, nil, "oidc_token"},
		"HCL over environment": {func(s *Settings) {
			s.OIDCToken = hcl("oidc_token", string(token()))
			s.OIDCTokenFilePath = env("oidc_token_file_path", "ARM_OIDC_TOKEN_FILE_PATH", "/no/where.jwt")
			s.OIDCRequestURL = env("oidc_request_url", "ACTIONS_ID_TOKEN_REQUEST_URL", "https://no.example")
		}, nil, "oidc_token"},
		"pod": {func(s *Settings) {
			s.UseOIDC, s.UseAKSWorkloadIdentity = Setting{}, hcl("use_aks_workload_identity", "true")
			s.TenantID, s.ClientID = Setting{}, Setting{}
		}, []string{"AZURE_FEDERATED_TOKEN_FILE", path, "AZURE_CLIENT_ID", app.ClientID, "AZURE_TENANT_ID", p.ID},
			"AZURE_FEDERATED_TOKEN_FILE in the environment"},
		"pinned": {func(s *Settings) {
			s.UseOIDC, s.AuthType = Setting{}, hcl("auth_type", "oidc")
			s.OIDCTokenFilePath = env("oidc_token_file_path", "ARM_OIDC_TOKEN_FILE_PATH", path)
		}, nil, "ARM_OIDC_TOKEN_FILE_PATH in the environment"},
	} {
		s := with(p.ids(app), func(s *Settings) { s.UseOIDC = useOIDC }, test.change)
		l := open(t, s, p.options(test.env...))
		p.wantToken(t, l, DatabricksScope, app)
		if l.Kind != KindOIDC || l.Source != test.source || l.Identity().ClientID != app.ClientID {
			t.Errorf("%s: %v", name, l)
		}
	}

	// The file is read again at each login, because another program may renew the token in it.
	s := with(p.ids(app), func(s *Settings) {
		s.UseOIDC, s.OIDCTokenFilePath = useOIDC, hcl("oidc_token_file_path", path)
	})
	l := open(t, s, p.options())
	overwrite(t, path, []byte("rubbish-0815"))
	_, err := l.AccessToken(t.Context(), DatabricksScope)
	if e := wantError(t, err, "OIDC token is not a JWT", "oidc_token_file_path"); strings.Contains(e.Detail, "0815") {
		t.Errorf("the content shows: %s", e.Detail)
	}
	overwrite(t, path, token())
	p.wantToken(t, l, DatabricksScope, app)
}

func TestOIDCRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arrange func(app *emulator.App, issuer *emulator.OIDCIssuer, p *proxied)
		summary string
		code    int
		detail  []string
	}{
		"issuer": {func(app *emulator.App, _ *emulator.OIDCIssuer, _ *proxied) {
			app.AddFederatedCredential("https://other.example", jobSubject, federationAudience)
		}, "OIDC issuer is not trusted", 700211, []string{"issuer (iss) https://issuer.example/x"}},
		"audience": {func(app *emulator.App, i *emulator.OIDCIssuer, _ *proxied) {
			app.AddFederatedCredential(i.URL(), jobSubject, "api://other")
		}, "OIDC audience does not match", 700212, []string{"audience (aud) " + federationAudience, "In the Azure " +
			"public cloud the audience must be " + federationAudience}},
		"subject": {func(app *emulator.App, i *emulator.OIDCIssuer, _ *proxied) {
			app.AddFederatedCredential(i.URL(), "repo:contoso/models:pull_request", federationAudience)
		}, "OIDC subject does not match", 700213, []string{"subject (sub) " + jobSubject}},
		"none": {func(*emulator.App, *emulator.OIDCIssuer, *proxied) {}, "No federated credential matches", 70025, []string{jobSubject}},
		"expired": {func(app *emulator.App, i *emulator.OIDCIssuer, p *proxied) {
			app.AddFederatedCredential(i.URL(), jobSubject, federationAudience)
			p.Clock.Advance(2 * time.Hour)
		}, "Client assertion has expired or is not yet valid", 700024, []string{"GitHub 5, Azure DevOps 10",
			"Instead of a fixed oidc_token", jobSubject}},
		"signature": {func(app *emulator.App, i *emulator.OIDCIssuer, _ *proxied) {
			app.AddFederatedCredential(i.URL(), jobSubject, federationAudience)
			i.RotateKey()
		}, "Client assertion is refused", 50013, []string{"refused the form or the signature of the OIDC token",
			jobSubject}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			app, issuer := p.RegisterApp("sp"), p.NewOIDCIssuer("https://issuer.example/x")
			s := p.ids(app)
			token := issuer.Token(jobSubject, federationAudience, time.Hour)
			s.UseOIDC, s.OIDCToken = useOIDC, hcl("oidc_token", token)
			test.arrange(app, issuer, p)
			_, err := open(t, s, p.options()).AccessToken(t.Context(), DatabricksScope)
			e := wantError(t, err, test.summary, append(test.detail, "AADSTS", "Correlation ID")...)
			if e.Code != test.code || e.Attribute != "oidc_token" {
				t.Errorf("code %d, attribute %q", e.Code, e.Attribute)
			}
			if strings.Contains(e.Detail, token) {
				t.Errorf("the token shows: %s", e.Detail)
			}
		})
	}
}

func TestOIDCOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change             func(*Settings)
		env                []string
		summary, attribute string
		detail             []string
	}{
		"no source": {func(*Settings) {}, nil, "No OIDC token to log in with", "use_oidc", []string{"permissions: id-token: write", "SYSTEM_ACCESSTOKEN"}},
		"no request token": {func(s *Settings) { s.OIDCRequestURL = hcl("oidc_request_url", "https://x.example/y") }, nil,
			"Incomplete OIDC login", "oidc_request_token", []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN"}},
		"no request URL": {func(s *Settings) { s.ADOServiceConnectionID = hcl("ado_pipeline_service_connection_id", "x") }, nil,
			"Incomplete OIDC login", "oidc_request_url", []string{"SYSTEM_OIDCREQUESTURI"}},
		"http": {func(s *Settings) {
			s.OIDCRequestURL, s.OIDCRequestToken = hcl("oidc_request_url",
				"http://x.example/y"), hcl("oidc_request_token", "t0ken-value-0815")
		}, nil, "Invalid OIDC request URL", "oidc_request_url", []string{"https"}},
		"not a token":  {func(s *Settings) { s.OIDCToken = hcl("oidc_token", "s3cret-value-0815") }, nil, "OIDC token is not a JWT", "oidc_token", nil},
		"missing file": {func(s *Settings) { s.OIDCTokenFilePath = hcl("oidc_token_file_path", "/no/where.jwt") }, nil, "Cannot read the file of the OIDC token", "oidc_token_file_path", []string{"no file /no/where.jwt"}},
		"not in a pod": {func(s *Settings) { s.UseAKSWorkloadIdentity = hcl("use_aks_workload_identity", "true") }, nil,
			"Not in a pod with workload identity", "use_aks_workload_identity",
			[]string{"AZURE_FEDERATED_TOKEN_FILE is not set", "azure.workload.identity/use"}},
		"pod without tenant": {func(s *Settings) {
			s.TenantID, s.UseAKSWorkloadIdentity = Setting{}, hcl("use_aks_workload_identity", "true")
		}, []string{"AZURE_FEDERATED_TOKEN_FILE", "/x"}, "Not in a pod with workload identity",
			"use_aks_workload_identity", []string{"AZURE_TENANT_ID is not set"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := with(application(), func(s *Settings) { s.UseOIDC = useOIDC }, test.change)
			_, err := Open(s, Options{LookupEnv: variables(test.env...)})
			e := wantError(t, err, test.summary, test.detail...)
			if e.Attribute != test.attribute || strings.Contains(e.Error(), "0815") {
				t.Errorf("attribute %q: %v", e.Attribute, e)
			}
		})
	}
}

// TestTokenServiceAnswers checks the errors for responses of a service that issues OIDC tokens, and which of them are
// retried.
func TestTokenServiceAnswers(t *testing.T) {
	t.Parallel()
	const requestToken = "t0ken-value-0815"
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter)
		tries  int
		detail string
	}{
		"forbidden": {func(w http.ResponseWriter) {
			w.WriteHeader(403)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": "You sent " + requestToken})
		}, 1, "status 403 You sent (hidden)"},
		"busy":      {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "1"); w.WriteHeader(503) }, 2, "status 503"},
		"a page":    {func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>sign in</html>")) }, 1, "an HTML page"},
		"no token":  {func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"value":"x"}`)) }, 1, "no token in \"value\""},
		"redirects": {func(w http.ResponseWriter) { w.Header().Set("Location", "/"); w.WriteHeader(302) }, 1, "was redirected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			app, tries := p.RegisterApp("sp"), 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tries++; r.Header.Get("Authorization") != "Bearer "+requestToken ||
					r.URL.Query().Get("audience") != federationAudience {
					t.Errorf("asked with %v", r.URL)
				}
				test.answer(w)
			}))
			t.Cleanup(server.Close)
			s := p.ids(app)
			s.UseOIDC, s.OIDCRequestURL, s.OIDCRequestToken = useOIDC, hcl("oidc_request_url",
				server.URL), hcl("oidc_request_token", requestToken)
			o := p.options()
			proxied := p.transport
			o.RetryTimeout = 2500 * time.Millisecond
			o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				if strings.HasPrefix(r.URL.Host, "127.0.0.1") {
					return http.DefaultTransport.RoundTrip(r)
				}
				return proxied.RoundTrip(r)
			})
			_, err := open(t, s, o).AccessToken(t.Context(), DatabricksScope)
			e := wantError(t, err, "Cannot get an OIDC token", "GitHub Actions returned no token", test.detail)
			if strings.Contains(e.Error(), requestToken) || tries < test.tries {
				t.Errorf("%d tries, %v", tries, e)
			}
		})
	}
}

func TestFederatedClaims(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	c := readFederated(p.NewOIDCIssuer("https://issuer.example").Token("s", "a", time.Hour))
	if c == nil || c.audience != "a" || c.issuer != "https://issuer.example" || c.subject != "s" ||
		c.expires == "never" {
		t.Errorf("claims are %v", c)
	}
	if readFederated("x") != nil {
		t.Error("claims of nothing")
	}
}

func overwrite(t testing.TB, path string, data []byte) {
	t.Helper()
	if old := testFileAt(t, path); bytes.Equal(old, data) {
		t.Fatal("nothing to change")
	}
	writeAt(t, path, data)
}

package emulator

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// GitHub and Azure DevOps issue OIDC tokens to a running job. Every request gets a new token with a short lifetime, so
// a client that keeps its first token fails later.

// A GitHubJob is a job of GitHub Actions with the permission id-token: write, as in "OpenID Connect reference" of the
// GitHub documentation.
type GitHubJob struct {
	// RequestURL and RequestToken are the values of ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN in
	// the job.
	RequestURL, RequestToken string
	// Issuer signs the job's tokens; Subject is their sub claim.
	Issuer  *OIDCIssuer
	Subject string

	job
}

// gitHubLifetime and azureDevOpsLifetime are the lifetimes of the tokens that GitHub and Azure DevOps issue.
const (
	gitHubLifetime      = 5 * time.Minute
	azureDevOpsLifetime = 10 * time.Minute
)

// GitHubIssuer is the issuer of the OIDC tokens of github.com.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

// NewGitHubJob starts a job whose tokens have this subject, such as repo:contoso/models:environment:production. The
// proxy serves the job's token requests at RequestURL. The job's handler answers the same path under any host name.
func (t *Tenant) NewGitHubJob(subject string) *GitHubJob {
	base := "https://run-actions-1-azure-eastus.actions.githubusercontent.com"
	path := "/" + uuid.NewString() + "/idtoken/" + uuid.NewString()
	j := &GitHubJob{RequestURL: base + path + "?api-version=2.0", RequestToken: rand.Text(),
		Issuer: t.issuerOrNew(GitHubIssuer), Subject: subject}
	j.serve(t, "github", "GET", base, path, j.token)
	return j
}

func (j *GitHubJob) token(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case !hasBearer(r, j.RequestToken):
		pipelineRefuse(w, http.StatusUnauthorized, "Unable to get ID Token: the request is not authorized.")
		return
	case query.Get("api-version") != "2.0":
		pipelineRefuse(w, http.StatusBadRequest, "No api-version was supplied for the GET request. The version "+
			"must be supplied either as part of the Accept header or as a query parameter.")
		return
	}
	audience := query.Get("audience")
	if audience == "" {
		owner, _, _ := strings.Cut(strings.TrimPrefix(j.Subject, "repo:"), "/")
		audience = "https://github.com/" + owner
	}
	noteCaller(r, j.Subject)
	j.calls.Add(1)
	pipelineJSON(w, http.StatusOK, map[string]any{"count": 1, "value": j.Issuer.Token(j.Subject, audience,
		gitHubLifetime)})
}

// An AzureDevOpsJob is a job of Azure Pipelines that uses a service connection with workload identity federation:
// learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create.
type AzureDevOpsJob struct {
	// RequestURI and AccessToken are the values of SYSTEM_OIDCREQUESTURI and SYSTEM_ACCESSTOKEN in the job.
	RequestURI, AccessToken string
	ServiceConnectionID     string
	// Issuer signs the job's tokens; Subject is their sub claim.
	Issuer  *OIDCIssuer
	Subject string

	job
}

// federationAudience is the audience of every token of Azure DevOps, and the default audience of other clients.
const federationAudience = "api://AzureADTokenExchange"

// NewAzureDevOpsJob starts a job in a project of an organization. The job may use one service connection. The subject
// of its tokens is sc://organization/project/connection.
func (t *Tenant) NewAzureDevOpsJob(organization, project, connection string) *AzureDevOpsJob {
	base := "https://dev.azure.com"
	path := "/" + url.PathEscape(organization) + "/" + uuid.NewString() + "/_apis/distributedtask/hubs/build/plans/" +
		uuid.NewString() + "/jobs/" + uuid.NewString() + "/oidctoken"
	j := &AzureDevOpsJob{
		RequestURI: base + path, AccessToken: rand.Text(), ServiceConnectionID: uuid.NewString(),
		Issuer: t.issuerOrNew("https://vstoken.dev.azure.com/" +
			uuid.NewSHA1(uuid.NameSpaceURL, []byte(organization)).String()),
		Subject: "sc://" + organization + "/" + project + "/" + connection,
	}
	j.serve(t, "azuredevops", "POST", base, path, j.token)
	return j
}

func (j *AzureDevOpsJob) token(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	// Azure DevOps redirects a request with a bad token to its sign-in page, unless the request has this header. The
	// emulator redirects every request without the header. Otherwise a client that forgets it would fail only once its
	// token is bad, when it would read the sign-in page as an answer.
	case r.Header.Get("X-TFS-FedAuthRedirect") != "Suppress":
		http.Redirect(w, r, "https://spsprodweu1.vssps.visualstudio.com/_signin", http.StatusFound)
		return
	case !hasBearer(r, j.AccessToken):
		w.WriteHeader(http.StatusUnauthorized)
		return
	case query.Get("api-version") == "":
		pipelineRefuse(w, http.StatusBadRequest, "No api-version was supplied for the POST request. The version "+
			"must be supplied either as part of the Accept header or as a query parameter.")
		return
	case query.Get("api-version") != "7.1":
		pipelineRefuse(w, http.StatusBadRequest, "The requested REST API version of "+query.Get("api-version")+
			" is out of range for this server.")
		return
	case query.Get("serviceConnectionId") == "":
		pipelineRefuse(w, http.StatusBadRequest, "The service connection is not specified.")
		return
	case !strings.EqualFold(query.Get("serviceConnectionId"), j.ServiceConnectionID):
		pipelineRefuse(w, http.StatusNotFound, "The service connection "+query.Get("serviceConnectionId")+" "+
			"does not exist or this job may not use it.")
		return
	}
	noteCaller(r, j.Subject)
	j.calls.Add(1)
	pipelineJSON(w, http.StatusOK, map[string]string{"oidcToken": j.Issuer.Token(j.Subject, federationAudience,
		azureDevOpsLifetime)})
}

// job is what the jobs of all pipelines have in common: they request tokens at one address.
type job struct {
	handler http.Handler
	calls   atomic.Int64
}

// serve answers the job's requests for a token with token. service is the name of the pipeline service in the journal.
func (j *job) serve(t *Tenant, service, method, base, path string, token http.HandlerFunc) {
	mux := http.NewServeMux()
	mux.HandleFunc(method+" "+path, token)
	j.handler = t.instrument(service, pipelineFault, routeMux{mux})
	t.serveOutside(base+path, j)
}

// ServeHTTP answers the job's requests for a token.
func (j *job) ServeHTTP(w http.ResponseWriter, r *http.Request) { j.handler.ServeHTTP(w, r) }

// Tokens returns how many tokens the job has received.
func (j *job) Tokens() int { return int(j.calls.Load()) }

// issuerOrNew returns the issuer with this URL, or creates it, because several jobs may share one issuer.
func (t *Tenant) issuerOrNew(address string) *OIDCIssuer {
	if issuer := t.issuerAt(address); issuer != nil {
		return issuer
	}
	return t.NewOIDCIssuer(address)
}

func hasBearer(r *http.Request, want string) bool {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(value), []byte(want)) == 1
}

func pipelineFault(f Fault) (contentType string, body []byte) {
	raw, err := json.Marshal(map[string]string{"message": f.Message, "typeKey": f.Code})
	if err != nil {
		panic("emulator: a map of strings does not marshal: " + err.Error())
	}
	return "application/json; charset=utf-8", raw
}

func pipelineRefuse(w http.ResponseWriter, status int, message string) {
	pipelineJSON(w, status, map[string]string{"message": message})
}

func pipelineJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

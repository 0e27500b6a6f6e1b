package provider_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/cmd/local"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// pipeline runs the steps of one of the example pipelines. Each job starts from a fresh copy of the repository, and
// the state is in a backend.
type pipeline struct {
	w    *acctest.World
	c    *acctest.CLI
	repo string
	bin  string
	env  map[string]string
	// values maps the expressions of the pipeline to their values.
	values     map[string]string
	expression *regexp.Regexp
	shell      []string
}

// A script is one step that runs in the shell. folder is a path in the repository.
type script struct {
	text, folder string
	env          map[string]string
}

// newPipeline creates a repository with the quick start's configuration, the access report and drift.sh. The CLI is on
// PATH as terraform.
func newPipeline(t *testing.T, w *acctest.World) *pipeline {
	t.Helper()
	for _, needed := range []string{"bash", "jq", "curl"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("no %s is on PATH, which the pipelines use", needed)
		}
	}
	w.Proxied()
	withoutCertificate(w)
	p := &pipeline{w: w, c: w.CLI(t, ""), repo: t.TempDir(), bin: t.TempDir(), env: map[string]string{}}
	p.c.Installs(t)
	const inFile = "terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n"
	backend := fmt.Sprintf(inFile, filepath.Join(t.TempDir(), "terraform.tfstate"))
	must(t, os.WriteFile(filepath.Join(p.repo, "backend.tf"), []byte(backend), 0o600))
	must(t, os.WriteFile(filepath.Join(p.repo, "main.tf"), []byte(example(t, "quickstart/main.tf")), 0o600))
	must(t, os.WriteFile(filepath.Join(p.repo, "drift.sh"), []byte(example(t, "pipelines/drift.sh")), 0o700))
	must(t, os.CopyFS(filepath.Join(p.repo, "report"), os.DirFS("../../examples/access-report")))
	must(t, os.Mkdir(filepath.Join(p.repo, "watch"), 0o700))
	const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"
	must(t, os.WriteFile(filepath.Join(p.repo, "watch", "main.tf"), []byte(source+watched(t, w)), 0o600))
	cli, _, err := local.Terraform()
	must(t, err)
	must(t, os.Symlink(cli, filepath.Join(p.bin, "terraform")))
	for name, value := range map[string]string{
		"TF_VAR_scoring_application_id": w.ScoringApp.ClientID, "TF_VAR_scoring_client_secret": w.ScoringSecret,
		"TF_VAR_token_lifetime_seconds": "32400", "NO_PROXY": "127.0.0.1",
	} {
		w.Env[name] = value
	}
	return p
}

// job runs steps one after another, until one fails. It returns the exit code and the complete output.
func (p *pipeline) job(t *testing.T, steps []script) (code int, said string) {
	t.Helper()
	checkout := t.TempDir()
	must(t, os.CopyFS(checkout, os.DirFS(p.repo)))
	if len(steps) == 0 {
		t.Fatal("the job has no steps")
	}
	for _, step := range steps {
		file := filepath.Join(t.TempDir(), "step.sh")
		must(t, os.WriteFile(file, []byte(p.expand(t, step.text)), 0o600))
		cmd := exec.CommandContext(t.Context(), p.shell[0], append(p.shell[1:], file)...)
		cmd.Dir = filepath.Join(checkout, step.folder)
		cmd.Env = append(p.c.Command(t).Env, "PATH="+p.bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		for _, env := range []map[string]string{p.env, step.env} {
			for name, value := range env {
				cmd.Env = append(cmd.Env, name+"="+p.expand(t, value))
			}
		}
		out, err := cmd.CombinedOutput()
		said += string(out)
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if code = cmd.ProcessState.ExitCode(); code != 0 {
			return code, said
		}
	}
	return 0, said
}

// expand replaces each expression with its value.
func (p *pipeline) expand(t *testing.T, text string) string {
	return p.expression.ReplaceAllStringFunc(text, func(found string) string {
		name := p.expression.FindStringSubmatch(found)[1]
		value, known := p.values[name]
		if !known {
			t.Errorf("the pipeline uses %s, which the test does not know", found)
		}
		return value
	})
}

// watches demands that the job ends with 0 while only the allowed principals have access, and with 1 after that
// changes.
func (p *pipeline) watches(t *testing.T, steps []script) {
	t.Helper()
	if code, said := p.job(t, steps); code != 0 {
		t.Errorf("nothing to see, and the watch ends with %d:\n%s", code, said)
	}
	p.w.Workspace.AddToGroup("admins", p.w.ScoringApp.ClientID)
	defer p.w.Workspace.RemoveFromGroup("admins", p.w.ScoringApp.ClientID)
	if code, said := p.job(t, steps); code != 1 || !strings.Contains(strings.Join(strings.Fields(said), " "),
		"is in group admins and may not be") {
		t.Errorf("an admin more, and the watch ends with %d:\n%s", code, said)
	}
}

// runNightlyJob runs the nightly job after each of several events.
func (p *pipeline) runNightlyJob(t *testing.T, steps []script, drift int) {
	t.Helper()
	app := p.w.ScoringApp.ClientID
	for _, night := range []struct {
		name    string
		happens func()
		code    int
		says    string
	}{
		{"nothing", func() {}, 0, "no changes"},
		{"grant removed", func() { p.w.Workspace.RemoveGrant("iris", app) }, drift,
			"drift: dbxaccess_serving_endpoint_permission.scoring is missing and would be created"},
		{"token due", func() {
			p.w.Workspace.SetGrant("iris", app, "CAN_QUERY")
			p.w.Tenant.Clock.Advance(6*time.Hour + time.Minute)
		}, 0,
			"maintenance: dbxaccess_service_principal_token.scoring would be updated"},
		{"no login", p.w.Deployer.RemoveFederatedCredentials, 1, "AADSTS"},
	} {
		night.happens()
		if code, said := p.job(t, steps); code != night.code || !strings.Contains(said, night.says) {
			t.Errorf("%s: exit code %d, not %d:\n%s", night.name, code, night.code, said)
		}
	}
}

// reportWritten demands that a folder contains the page and the data of the report.
func reportWritten(t *testing.T, folder string) {
	t.Helper()
	page := read(t, filepath.Join(folder, "report.html"))
	if !strings.HasPrefix(page, "<!doctype html>") || !strings.Contains(page, "</html>") {
		t.Errorf("the report is no page: %.100s", page)
	}
	if data := read(t, filepath.Join(folder, "report.json")); !json.Valid([]byte(data)) {
		t.Errorf("the report's data is no JSON: %.100s", data)
	}
}

// applied demands that a job succeeds and that the application then holds its grant.
func (p *pipeline) applied(t *testing.T, steps []script) {
	t.Helper()
	code, said := p.job(t, steps)
	if grant := p.w.Workspace.Grants("iris")[p.w.ScoringApp.ClientID]; code != 0 || grant != "CAN_QUERY" {
		t.Fatalf("the apply ends with %d, and the application holds %q:\n%s", code, grant, said)
	}
}

// decodeYAML reads a pipeline's file.
func decodeYAML(t *testing.T, name string, into any) {
	t.Helper()
	must(t, yaml.Unmarshal([]byte(example(t, "pipelines/"+name)), into))
}

// gitHub holds the parts of the GitHub Actions workflow that a shell can run.
type gitHub struct {
	Env  map[string]string
	Jobs map[string]struct {
		Defaults struct {
			Run struct {
				Folder string `yaml:"working-directory"`
			}
		}
		Environment string
		Steps       []struct {
			Run string
			Env map[string]string
		}
	}
}

// steps logs a job in with the subject that GitHub gives to it, and returns the job's shell steps.
func (f gitHub) steps(w *acctest.World, job, subject string) (scripts []script) {
	subject = "repo:contoso/models:" + subject
	login := w.Tenant.NewGitHubJob(subject)
	w.Deployer.AddFederatedCredential(emulator.GitHubIssuer, subject, audience)
	w.Env["ACTIONS_ID_TOKEN_REQUEST_URL"] = login.RequestURL
	w.Env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = login.RequestToken
	for _, s := range f.Jobs[job].Steps {
		if s.Run != "" {
			scripts = append(scripts, script{s.Run, f.Jobs[job].Defaults.Run.Folder, s.Env})
		}
	}
	return scripts
}

// gh replaces GitHub's CLI: it stores the comment on pull request 7.
const gh = `#!/bin/sh
set -eu
test "$1 $2 $3" = 'pr comment 7'
test "$GH_TOKEN" = ghs_a-token
while [ "$1" != --body-file ]; do shift; done
cp "$2" "$COMMENT"
`

// Runs the shell steps of the GitHub Actions workflow, with its login by OIDC: plan as a comment, apply, nights with
// and without drift, report.
func TestPipelineOfGitHubActions(t *testing.T) {
	t.Parallel()
	var file gitHub
	decodeYAML(t, "github-actions/.github/workflows/access.yml", &file)
	w := acctest.New(t)
	p := newPipeline(t, w)
	p.shell, p.expression, p.env = []string{"bash", "-e"}, regexp.MustCompile(`\$\{\{ ([\w.]+) \}\}`), file.Env
	p.values = map[string]string{"github.token": "ghs_a-token", "github.event.pull_request.number": "7"}
	// These are variables of the repository.
	for _, name := range []string{"ARM_TENANT_ID", "ARM_CLIENT_ID", "DBXACCESS_HOST"} {
		p.values["vars."+name] = w.Env[name]
		delete(w.Env, name)
	}
	comment := filepath.Join(t.TempDir(), "comment.md")
	w.Env["COMMENT"], w.Env["KEPT"] = comment, t.TempDir()
	w.Env["GITHUB_STEP_SUMMARY"] = filepath.Join(t.TempDir(), "summary.md")
	must(t, os.WriteFile(filepath.Join(p.bin, "gh"), []byte(gh), 0o700))

	code, said := p.job(t, file.steps(w, "plan", "pull_request"))
	if code != 0 || !strings.Contains(read(t, comment), "Plan: 4 to add, 0 to change") {
		t.Fatalf("the plan ends with %d:\n%s", code, said)
	}
	p.applied(t, file.steps(w, "apply", "environment:"+file.Jobs["apply"].Environment))
	report := file.steps(w, "report", "ref:refs/heads/main")
	report = append(report, script{text: `cp report.html report.json "$KEPT"`, folder: "report"}) // as the upload does
	if code, said := p.job(t, report); code != 0 {
		t.Fatalf("the report ends with %d:\n%s", code, said)
	}
	reportWritten(t, w.Env["KEPT"])
	p.watches(t, file.steps(w, "watch", "ref:refs/heads/main"))
	p.runNightlyJob(t, file.steps(w, "drift", "ref:refs/heads/main"), 1)
	if summary := read(t, w.Env["GITHUB_STEP_SUMMARY"]); !strings.Contains(summary, "drift: ") {
		t.Errorf("the summary says %s", summary)
	}
}

// azureDevOps holds the parts of the Azure Pipelines file that a shell can run.
type azureDevOps struct {
	Variables []struct{ Name, Value string }
	Stages    []struct {
		Jobs []struct {
			Job, Deployment string
			Steps           []azureStep
			Strategy        struct {
				RunOnce struct{ Deploy struct{ Steps []azureStep } } `yaml:"runOnce"`
			}
		}
	}
}

type azureStep struct {
	Script string
	Folder string `yaml:"workingDirectory"`
	Env    map[string]string
}

func (f azureDevOps) steps(job string) (scripts []script) {
	for _, stage := range f.Stages {
		for _, j := range stage.Jobs {
			for _, s := range append(j.Steps, j.Strategy.RunOnce.Deploy.Steps...) {
				if j.Job+j.Deployment == job && s.Script != "" {
					scripts = append(scripts, script{s.Script, s.Folder, s.Env})
				}
			}
		}
	}
	return scripts
}

// pullRequest starts a server that replaces Azure DevOps: it stores the comment on pull request 7 of a job with that
// token, and refuses every other request.
func pullRequest(t *testing.T, token string) (address string, comment *string) {
	t.Helper()
	comment = new(string)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		const path = "/project/_apis/git/repositories/repository/pullRequests/7/threads"
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != "POST" || r.URL.Path != path || r.Header.Get("Authorization") != "Bearer "+token {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		*comment = string(body)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/", comment
}

// Runs the shell steps of the Azure Pipelines file, as TestPipelineOfGitHubActions does for GitHub.
func TestPipelineOfAzureDevOps(t *testing.T) {
	t.Parallel()
	var file azureDevOps
	decodeYAML(t, "azure-devops/azure-pipelines.yml", &file)
	w := acctest.New(t)
	p := newPipeline(t, w)
	p.shell, p.expression = []string{"bash", "--noprofile", "--norc"}, regexp.MustCompile(`\$\(([\w.]+)\)`)
	for _, v := range file.Variables {
		if v.Name != "" {
			p.env[v.Name] = v.Value
		}
	}
	login := w.Tenant.NewAzureDevOpsJob("contoso", "models", "databricks-access")
	w.Deployer.AddFederatedCredential(login.Issuer.URL(), login.Subject, audience)
	p.values = map[string]string{"System.AccessToken": login.AccessToken}
	devops, comment := pullRequest(t, login.AccessToken)
	for name, value := range map[string]string{
		"SYSTEM_OIDCREQUESTURI": login.RequestURI, "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": login.ServiceConnectionID,
		"SYSTEM_COLLECTIONURI": devops, "SYSTEM_TEAMPROJECTID": "project", "BUILD_REPOSITORY_ID": "repository",
		"SYSTEM_PULLREQUEST_PULLREQUESTID": "7", "BUILD_ARTIFACTSTAGINGDIRECTORY": t.TempDir(),
	} {
		w.Env[name] = value
	}

	code, said := p.job(t, file.steps("plan"))
	var thread struct{ Comments []struct{ Content string } }
	if err := json.Unmarshal([]byte(*comment), &thread); code != 0 || err != nil || len(thread.Comments) != 1 {
		t.Fatalf("the plan ends with %d, %v:\n%s", code, err, said)
	}
	if content := thread.Comments[0].Content; !strings.Contains(content, "Plan: 4 to add, 0 to change") {
		t.Errorf("the comment is %s", content)
	}
	p.applied(t, file.steps("apply"))
	if code, said := p.job(t, file.steps("report")); code != 0 {
		t.Fatalf("the report ends with %d:\n%s", code, said)
	}
	reportWritten(t, filepath.Join(w.Env["BUILD_ARTIFACTSTAGINGDIRECTORY"], "access-report"))
	p.watches(t, file.steps("watch"))
	p.runNightlyJob(t, file.steps("drift"), 2)
}

package provider_test

import (
	"archive/zip"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// quickstart writes the configuration of the quick start to a folder for the CLI.
func quickstart(t *testing.T, w *acctest.World) *acctest.CLI {
	t.Helper()
	hcl, err := os.ReadFile("../../examples/quickstart/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	c := w.CLI(t, string(hcl))
	c.Env["TF_VAR_scoring_application_id"] = w.ScoringApp.ClientID
	c.Env["TF_VAR_scoring_client_secret"] = w.ScoringSecret
	return c
}

func snapshot(t *testing.T, w *acctest.World) string {
	t.Helper()
	text, err := json.Marshal(w.Workspace.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A plan without changes sends only the requests that this test lists. It does not contact the token's owner.
func TestNoOpPlanRequests(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	c := quickstart(t, w)
	c.MustRun(t, 0, "apply", "-auto-approve")

	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "plan", "-detailed-exitcode")

	got := map[string]int{}
	for _, e := range w.Tenant.Journal.Entries() {
		got[strings.TrimSpace(e.Service+" "+e.Method+" "+e.Path)]++
	}
	endpoint := w.EndpointID
	principal := ""
	for _, sp := range w.Workspace.Snapshot().ServicePrincipals {
		if sp.ApplicationID == w.ScoringApp.ClientID {
			principal = sp.ID
		}
	}
	want := map[string]int{
		"entra GET /" + w.Tenant.ID + "/v2.0/.well-known/openid-configuration":  1,
		"entra POST /" + w.Tenant.ID + "/oauth2/v2.0/token":                     1,
		"workspace GET /api/2.0/preview/scim/v2/ServicePrincipals/" + principal: 1,
		"workspace GET /api/2.0/serving-endpoints/iris":                         1,
		"workspace GET /api/2.0/permissions/serving-endpoints/" + endpoint:      1,
		"workspace GET /api/2.0/permissions/authorization/tokens":               1,
		"workspace GET /api/2.0/token-management/tokens":                        1,
		"workspace POST /serving-endpoints/iris/invocations":                    1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("a plan with nothing to do asked\n%s\nnot\n%s", list(got), list(want))
	}
}

// In a workspace that cannot update a token, the provider's marker stays in the token's comment. The provider warns
// once, plans stay empty, and the token can still be rotated and destroyed.
func TestQuickstartWithoutTokenUpdates(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{NoTokenUpdates: true})
	c := quickstart(t, w)
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, "Warning: The provider's marker stays in the token's comment")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	main := filepath.Join(c.Dir, "main.tf")
	hcl, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	const comment = `"iris scoring"`
	c.Rewrite(t, strings.Replace(string(hcl), comment, comment+"\n  rotation_triggers = { incident = \"1\" }", 1))
	c.MustRun(t, 0, "apply", "-auto-approve").MustSay(t, `"trigger"`)
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	if tokens := w.Workspace.Snapshot().Tokens; len(tokens) != 3 { // two, and a person's token
		t.Errorf("%+v", tokens)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
	if tokens := w.Workspace.Snapshot().Tokens; len(tokens) != 1 {
		t.Errorf("after destroy the server holds %+v", tokens)
	}
}

func list(counts map[string]int) string {
	text, _ := json.MarshalIndent(counts, "", "  ") // a map of numbers always encodes
	return string(text)
}

// At every write the connection drops after the work is done: each object exists exactly once all the same.
func TestLostAnswersLeaveOneOfEach(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	c := quickstart(t, w)
	for _, path := range []string{
		"/api/2.0/preview/scim/v2/ServicePrincipals", "/api/2.0/permissions/serving-endpoints/*",
		"/api/2.0/permissions/authorization/tokens", "/api/2.0/token/create",
	} {
		method := "POST"
		if strings.Contains(path, "/permissions/") {
			method = "PATCH"
		}
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: method, Path: path, Drop: "after"})
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")

	s := w.Workspace.Snapshot()
	principals := slices.DeleteFunc(s.ServicePrincipals, func(sp emulator.ServicePrincipalState) bool {
		return sp.ApplicationID != w.ScoringApp.ClientID
	})
	tokens := slices.DeleteFunc(s.Tokens, func(token emulator.TokenState) bool {
		return token.Owner != w.ScoringApp.ClientID
	})
	if len(principals) != 1 || len(tokens) != 1 || w.Workspace.Grants("iris")[w.ScoringApp.ClientID] != "CAN_QUERY" {
		t.Errorf("one principal, one token, one grant expected; saw %v, %v, %v", principals, tokens,
			w.Workspace.Grants("iris"))
	}
	if len(tokens) == 1 && tokens[0].Comment != "iris scoring" {
		t.Errorf("the token's comment is %q", tokens[0].Comment)
	}
}

// No secret is anywhere except where Terraform itself puts it: the token in the state, and its copies inside a plan
// file.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	c := quickstart(t, w)
	c.Env["TF_LOG"] = "trace"

	var said strings.Builder
	run := func(code int, args ...string) {
		r := c.MustRun(t, code, args...)
		said.WriteString(r.Stdout + r.Stderr)
	}
	run(0, "plan", "-out=first.tfplan")
	run(0, "apply", "first.tfplan")
	state := c.State(t)
	run(0, "plan", "-detailed-exitcode", "-out=second.tfplan")

	if !strings.Contains(said.String(), "provider.terraform-provider-dbxaccess") {
		t.Fatal("the log holds nothing of the provider, so it proves nothing")
	}
	pat := between(state, `"token_value": "`, `"`)
	if !strings.HasPrefix(pat, "dapi") {
		t.Fatalf("no token in the state: %q", pat)
	}
	// The output and the query's argument are the user's own copies. Apart from those, only token_value may hold the
	// token.
	if places := strings.Count(state, pat); places != 3 {
		t.Errorf("the state holds the token in %d places, not in token_value, the query's token and the output", places)
	}
	texts := map[string]string{"output and log": said.String(), "state": strings.ReplaceAll(state, pat, "")}
	for _, plan := range []string{"first.tfplan", "second.tfplan"} {
		for name, text := range unzip(t, filepath.Join(c.Dir, plan)) {
			texts[plan+" "+name] = strings.ReplaceAll(text, pat, "")
		}
	}
	pfx, err := os.ReadFile(w.Env["ARM_CLIENT_CERTIFICATE_PATH"])
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{
		"the token": pat, "the application's secret": w.ScoringSecret, "the PFX password": acctest.Password,
		"the PFX": base64.StdEncoding.EncodeToString(pfx)[40:120],
	}
	for _, line := range strings.Split(string(acctest.PEM(t, w.DeployerKey, w.DeployerCertificate)), "\n")[2:10] {
		secrets["a line of the private key "+line[:4]] = line
	}
	// A single part of a JWT may be any JSON in base64, such as private state.
	jwt := regexp.MustCompile(`eyJ[\w-]{10,}\.eyJ[\w-]{10,}`)
	for where, text := range texts {
		if jwt.MatchString(text) {
			t.Errorf("%s holds an Entra token", where)
		}
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", where, what)
			}
		}
	}
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	value, _, _ := strings.Cut(rest, after)
	return value
}

func unzip(t *testing.T, file string) map[string]string {
	t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	files := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

package serviceprincipaltoken_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func rewrite(t *testing.T, c *acctest.CLI, from, to string) {
	t.Helper()
	file := filepath.Join(c.Dir, "main.tf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c.Rewrite(t, strings.ReplaceAll(string(text), from, to))
}

// TestRequests checks how many requests each operation sends. A refresh never logs in as the owner, and all tokens
// share one list.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.CLI(t, bySecret(w, "count = 3", `comment = "c${count.index}"`))
	costs := func(what string, want map[string]int, args ...string) {
		t.Helper()
		w.Tenant.Journal.Reset()
		c.MustRun(t, 0, args...)
		got := map[string]int{}
		for _, e := range w.Tenant.Journal.Entries() {
			switch {
			case e.Service == "workspace":
				got[e.Method+" "+e.Route]++
			case e.Method == "POST":
				got[map[bool]string{true: "owner's logins",
					false: "deployer's logins"}[e.Caller == w.ScoringApp.ClientID]]++
			}
		}
		for k, n := range want {
			if got[k] != n {
				t.Errorf("%s: %d %s, not %d", what, got[k], k, n)
			}
			delete(got, k)
		}
		if len(got) > 0 {
			t.Errorf("%s: beyond what was expected %v", what, got)
		}
	}
	list := "GET " + managed
	patch := "PATCH /api/2.0/token/{id}"
	// Three tokens of one owner cost one login, and one list that shows what interrupted runs may have left behind.
	costs("create", map[string]int{"owner's logins": 1, "deployer's logins": 1, list: 1, "POST " + create: 3, patch: 3},
		"apply", "-auto-approve")
	costs("refresh", map[string]int{"deployer's logins": 1, list: 1}, "plan", "-detailed-exitcode")
	rewrite(t, c, `"c$`, `"d$`)
	// The plan and the apply of one command log in separately. Before its first write the apply asks once which
	// workspace it calls.
	me := "GET /api/2.0/preview/scim/v2/Me"
	costs("update", map[string]int{"deployer's logins": 2, list: 1, me: 1, "owner's logins": 1, patch: 3}, "apply",
		"-auto-approve")
	costs("destroy", map[string]int{"deployer's logins": 2, list: 1, me: 1, "DELETE " + managed + "/{id}": 3, "GET " +
		managed + "/{id}": 3}, "destroy", "-auto-approve")
}

// The provider adds a warning when something is unusual but nothing has failed, and never shows a token's value.
func TestWarnings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.CLI(t, bySecret(w, `comment = "c"`))
	w.Tenant.Faults.Add(fault("PATCH", update, emulator.Fault{Status: 500, Code: "INTERNAL_ERROR", Message: "oops",
		Times: 2}))
	said := func(args ...string) string {
		r := c.MustRun(t, 0, args...)
		return strings.Join(strings.Fields(r.Stdout+r.Stderr), " ")
	}

	out := said("apply", "-auto-approve")
	id := live(w, w.ScoringApp.ClientID)[0].ID
	name := "token " + id[:12] + " of service principal " + w.ScoringApp.ClientID + " (c)"
	if !strings.Contains(out, "Warning: The provider's marker stays in the token's comment: "+name) ||
		!strings.Contains(out, "500 INTERNAL_ERROR: oops") {
		t.Errorf("creating said %s", out)
	}
	if out = said("plan", "-detailed-exitcode"); !strings.Contains(out, "No changes") {
		t.Errorf("planning said %s", out)
	}
	w.Workspace.RevokeToken(id)
	out = said("plan")
	if !strings.Contains(out, "Warning: Token is gone: token "+id[:12]) || !strings.Contains(out, "1 to change") {
		t.Errorf("planning said %s", out)
	}

	// If somebody writes a token's value instead of its id, no message repeats the value.
	c.MustRun(t, 0, "state", "rm", address)
	_, value := w.Workspace.MintToken(w.ScoringApp.ClientID, "x", day)
	t.Cleanup(func() { w.Workspace.RevokeToken(live(w, w.ScoringApp.ClientID)[0].ID) })
	for range 2 { // the second time the provider is no admin and cannot list the tokens
		r := c.MustRun(t, 1, "import", address, value)
		if strings.Contains(r.Stderr, value) || !strings.Contains(r.Stderr, "dapi…") {
			t.Errorf("importing said %s", r.Stderr)
		}
		w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	}
}

// Write-only values are neither in the plan nor in the state. The token's value is in its attribute in the state and
// nowhere else.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pfx := w.WritePFX(t, "x.pfx", w.DeployerKey, w.DeployerCertificate, "another pass phrase")
	w.ScoringApp.AddCertificate(w.DeployerCertificate)
	content, err := os.ReadFile(pfx)
	if err != nil {
		t.Fatal(err)
	}
	c := w.CLI(t, everyCredential)
	c.Env["TF_LOG"] = "trace"
	c.Env["TF_VAR_application_id"] = w.ScoringApp.ClientID
	secrets := map[string]string{"the secret": w.ScoringSecret, "the password": "another pass phrase"}
	var texts []string
	for _, credential := range []map[string]string{
		{"TF_VAR_secret": w.ScoringSecret},
		{"TF_VAR_certificate": base64.StdEncoding.EncodeToString(content), "TF_VAR_password": "another pass phrase"},
	} {
		secrets["the certificate"] = base64.StdEncoding.EncodeToString(content)[100:160]
		for name, value := range credential {
			c.Env[name] = value
		}
		plan := c.MustRun(t, 0, "plan", "-out=p.tfplan")
		shown := c.MustRun(t, 0, "show", "-json", "p.tfplan")
		applied := c.MustRun(t, 0, "apply", "-auto-approve")
		state := c.State(t)
		value, _ := c.Attributes(t, address)["token_value"].(string)
		if !strings.HasPrefix(value, "dapi") || strings.Count(state, value) != 1 {
			t.Fatalf("the token is not in state once: %q", value)
		}
		secrets["the token"] = value
		texts = append(texts, plan.Stdout, plan.Stderr, shown.Stdout, applied.Stdout, applied.Stderr,
			strings.Replace(state, value, "", 1))
		texts = append(texts, c.MustRun(t, 0, "destroy", "-auto-approve").Stderr)
		for name := range credential {
			delete(c.Env, name)
		}
		for _, text := range texts {
			for what, secret := range secrets {
				if strings.Contains(text, secret) {
					at := strings.Index(text, secret)
					t.Errorf("%s is in …%s", what, text[max(0, at-300):at])
				}
			}
		}
	}
}

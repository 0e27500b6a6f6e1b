package provider_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// opens says whether the bearer of a token is let in.
func opens(w *acctest.World, token string) bool {
	req := httptest.NewRequest("GET", "/api/2.0/preview/scim/v2/Me", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	w.Workspace.ServeHTTP(answer, req)
	return answer.Code == 200
}

func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The page "Revoke everything of one principal now", as it is written there.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.SetGrant("authorization/tokens", "users", "CAN_USE")
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetGrant("iris", w.ScoringApp.ClientID, "CAN_QUERY")
	other := w.Tenant.RegisterApp("other")
	w.Workspace.AddServicePrincipal(other.ClientID, "other")
	_, leaked := w.Workspace.MintToken(w.ScoringApp.ClientID, "made by hand", 0)
	_, second := w.Workspace.MintToken(w.ScoringApp.ClientID, "made by a pipeline", 90*24*time.Hour)
	_, others := w.Workspace.MintToken(other.ClientID, "somebody else's", time.Hour)
	if !opens(w, leaked) || !opens(w, second) {
		t.Fatal("the tokens open nothing from the start")
	}
	before := w.Workspace.Snapshot()

	c := w.CLI(t, example(t, "break-glass/main.tf"))
	if r := c.MustRun(t, 1, "apply", "-auto-approve", "-var", "application_id="+uuid.NewString()); !strings.Contains(strings.ToLower(strings.Join(strings.Fields(r.Stderr), " ")), "no such service principal") {
		t.Errorf("a mistyped id: %s", r.Stderr)
	}
	if n := len(w.Workspace.Snapshot().ServicePrincipals); n != len(before.ServicePrincipals) {
		t.Errorf("a mistyped id made a principal: %d", n)
	}

	suspect := "application_id=" + w.ScoringApp.ClientID
	r := c.MustRun(t, 0, "apply", "-auto-approve", "-var", suspect)
	if !strings.Contains(r.Stdout, "scoring ("+w.ScoringApp.ClientID+") is deactivated and has 0 tokens") {
		t.Errorf("%s", r.Stdout)
	}
	after := w.Workspace.Snapshot()
	for _, p := range after.ServicePrincipals {
		if p.Active != (p.ApplicationID != w.ScoringApp.ClientID) {
			t.Errorf("%s: active is %t", p.DisplayName, p.Active)
		}
	}
	for _, token := range after.Tokens {
		if token.Owner == w.ScoringApp.ClientID {
			t.Errorf("left on the server: %+v", token)
		}
	}
	if len(after.Tokens) != len(before.Tokens)-2 || opens(w, leaked) || opens(w, second) || !opens(w, others) || !opens(w, w.PersonToken) {
		t.Errorf("somebody else's token is gone, or one of the principal opens something: %+v", after.Tokens)
	}
	if len(after.Endpoints[0].Grants) != len(before.Endpoints[0].Grants) {
		t.Errorf("the grants changed: %q", after.Endpoints[0].Grants)
	}

	c.MustRun(t, 0, "plan", "-detailed-exitcode", "-var", suspect)

	// The next incident, in a folder that nobody has cleaned up: a mistyped id is still an error, and the one before stays.
	if r := c.MustRun(t, 1, "apply", "-auto-approve", "-var", "application_id="+uuid.NewString()); !strings.Contains(r.Stderr, "Cannot find service principal") {
		t.Errorf("a mistyped id beside an old state: %s", r.Stderr)
	}
	suspect = "application_id=" + other.ClientID
	c.MustRun(t, 0, "apply", "-auto-approve", "-var", suspect)
	if p := w.Workspace.Snapshot().ServicePrincipals; len(p) != len(before.ServicePrincipals) || opens(w, others) {
		t.Errorf("after the second incident: %+v", p)
	}
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.Active != (p.ApplicationID == w.Deployer.ClientID) {
			t.Errorf("after the second incident %s: active is %t", p.DisplayName, p.Active)
		}
	}
	// Throwing the folder away deletes nothing.
	c.MustRun(t, 0, "destroy", "-auto-approve", "-var", suspect)
	if n := len(w.Workspace.Snapshot().ServicePrincipals); n != len(before.ServicePrincipals) {
		t.Errorf("%d principals are left of %d", n, len(before.ServicePrincipals))
	}
}

// Somebody has already deactivated it by hand, which leaves its tokens where they are: re-activated, they would open again.
func TestBreakGlassAfterAClick(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.MintToken(w.ScoringApp.ClientID, "leaked", 0)
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	c := w.CLI(t, example(t, "break-glass/main.tf"))
	apply := []string{"apply", "-auto-approve", "-var", "application_id=" + w.ScoringApp.ClientID}
	if r := c.Run(t, apply...); r.Code != 0 {
		if !strings.Contains(r.Stderr, "-replace=dbxaccess_service_principal.suspect") {
			t.Fatalf("%s", r.Stderr)
		}
		c.MustRun(t, 0, append(apply, "-replace=dbxaccess_service_principal.suspect")...)
	}
	if p := w.Workspace.Snapshot().ServicePrincipals; len(p) != 2 || p[0].Active && p[1].Active {
		t.Errorf("%+v", p)
	}
	if left := w.Workspace.Snapshot().Tokens; len(left) != 1 || left[0].Owner != w.PersonName {
		t.Errorf("%+v", left)
	}
}

// A token that came too late, or that a service kept, must not pass for revoked.
func TestBreakGlassProvesIt(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.MintToken(w.ScoringApp.ClientID, "kept", time.Hour)
	hcl := strings.Replace(example(t, "break-glass/main.tf"), "active         = false ", "active         = true ", 1)
	r := w.CLI(t, hcl).MustRun(t, 1, "apply", "-auto-approve", "-var", "application_id="+w.ScoringApp.ClientID)
	if !strings.Contains(strings.Join(strings.Fields(r.Stderr), " "), "Still there: "+w.Workspace.Snapshot().Tokens[1].ID[:20]) {
		t.Errorf("%s", r.Stderr)
	}
}

// The sweep takes what the provider left behind, and neither the token of a run that is still going nor anybody's else.
func TestSweepOfStrays(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "jq", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s on PATH, as the page's script does", tool)
		}
	}
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetGrant("authorization/tokens", w.ScoringApp.ClientID, "CAN_USE")
	const ago, lifetime = 50 * time.Hour, 60 * time.Hour
	w.Tenant.Clock.Advance(-ago)
	strays := map[string]bool{}
	for _, comment := range []string{"nightly [dbxaccess-ephemeral] [dbxaccess:1 until 2026-01-01T00:00:00Z]", "[dbxaccess-ephemeral] [dbxaccess:2]", "scoring [dbxaccess:3]"} {
		id, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, comment, lifetime)
		strays[id] = true
	}
	w.Workspace.MintToken(w.ScoringApp.ClientID, "no marker", lifetime)
	_, used := w.Workspace.MintToken(w.ScoringApp.ClientID, "in use, its comment could not be changed [dbxaccess:5]", lifetime)
	if !opens(w, used) {
		t.Fatal("the token in use opens nothing")
	}
	w.Tenant.Clock.Advance(ago - 2*time.Hour)
	w.Workspace.MintToken(w.ScoringApp.ClientID, "made two hours ago, and its use does not show yet [dbxaccess:6]", lifetime)
	w.Tenant.Clock.Advance(2 * time.Hour)
	w.Workspace.MintToken(w.ScoringApp.ClientID, "of a run that is going on [dbxaccess-ephemeral] [dbxaccess:4]", 24*time.Hour)

	c := w.CLI(t, example(t, "break-glass/sweep/main.tf"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	if n := len(w.Workspace.Snapshot().Tokens); n != 8 {
		t.Fatalf("listing changed something: %d tokens", n)
	}
	script, err := os.ReadFile("../../examples/break-glass/sweep/sweep.sh")
	if err != nil {
		t.Fatal(err)
	}
	terraform := c.Command("version")
	cmd := exec.Command("sh", "-c", string(script))
	cmd.Dir = c.Dir
	cmd.Env = append(terraform.Env, "TERRAFORM="+terraform.Path, "DATABRICKS_HOST="+w.Server.WorkspaceURLs[0], "DATABRICKS_TOKEN="+w.PersonToken, "CURL_CA_BUNDLE="+w.Env["DBXACCESS_CA_CERTIFICATE_PATH"])
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "revoked ") != 3 || strings.Contains(string(out), w.PersonToken) {
		t.Errorf("%v: %s", err, out)
	}
	for _, token := range w.Workspace.Snapshot().Tokens {
		if strays[token.ID] {
			t.Errorf("left: %s", token.Comment)
		}
	}
	if n := len(w.Workspace.Snapshot().Tokens); n != 5 {
		t.Errorf("%d tokens are left", n)
	}
}

package provider_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const hostile = `</script><script>document.title="owned"</script><!--`

// addManyPrincipals adds 40 endpoints and 200 principals to a workspace: 150 applications, every tenth deactivated,
// and 50 people, with direct grants and grants of nested groups.
func addManyPrincipals(w *acctest.World) {
	levels := []string{"CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"}
	for g := range 8 {
		w.Workspace.AddGroup(fmt.Sprintf("team-%d", g))
	}
	w.Workspace.AddGroup("science")
	w.Workspace.AddToGroup("science", "team-0")
	w.Workspace.AddAccountGroup("auditors")
	var names []string
	for i := range 148 { // the deployer and the owner exist already
		names = append(names, emulator.CrowdApplicationID(i))
		w.Workspace.AddServicePrincipal(names[i], fmt.Sprintf("application %d", i))
		w.Workspace.SetActive(names[i], i%10 != 0)
	}
	w.Workspace.SetDisplayName(names[1], hostile)
	w.Workspace.SetDisplayName(names[2], `=HYPERLINK("https://example.com")`)
	for i := range 50 {
		name := fmt.Sprintf("person%02d@example.com", i)
		names = append(names, name)
		w.Workspace.AddUser(name, fmt.Sprintf("Person %d", i))
	}
	for i, name := range names {
		w.Workspace.AddToGroup(fmt.Sprintf("team-%d", i%8), name)
	}
	for e := range 38 { // iris and a foundation model exist already
		endpoint := fmt.Sprintf("model-%02d", e)
		w.Workspace.CreateEndpoint(endpoint, w.PersonName)
		for i, name := range names {
			if (i*7+e*3)%11 == 0 {
				w.Workspace.SetGrant(endpoint, name, levels[(i+e)%3])
			}
		}
		w.Workspace.SetGrant(endpoint, fmt.Sprintf("team-%d", e%8), levels[e%3])
	}
	w.Workspace.SetGrant("model-00", "science", "CAN_MANAGE")
	w.Workspace.SetGrant("model-01", "auditors", "CAN_QUERY")
	w.Workspace.CreateFoundationEndpoint("databricks-llama")
	w.Workspace.AddOAuthSecret(names[3], 30*24*time.Hour, "serving.serving-endpoints")
	w.Workspace.AddOAuthSecret(names[4], 365*24*time.Hour)
	for i := range 12 {
		w.Workspace.MintToken(names[i*16], fmt.Sprintf("job %d", i), time.Duration(i)*30*24*time.Hour)
	}
}

// exampleCompany returns a workspace like that of a small company, for the picture in the guide, and the grants that
// Terraform manages there.
func exampleCompany(t *testing.T) (w *acctest.World, managed string) {
	t.Helper()
	w = acctest.New(t)
	w.Workspace.SetHostName("adb-1234567890123456.7.azuredatabricks.net")
	w.Proxied()
	for i, group := range []string{"analysts", "data-science"} {
		w.Workspace.AddGroup(group)
		for j, name := range [][]string{{"Grace Hopper", "Alan Turing", "Emmy Noether"},
			{"Mary Jackson", "Katherine Johnson"}}[i] {
			login := strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@example.com"
			w.Workspace.AddUser(login, name)
			w.Workspace.AddToGroup(group, login)
			w.Workspace.MintToken(login, "notebook", time.Duration(j+1)*45*24*time.Hour)
		}
	}
	for i, name := range []string{"iris-scoring", "churn-batch", "fraud-online", "forecast-nightly", "old-dashboard"} {
		w.Workspace.AddServicePrincipal(emulator.CrowdApplicationID(i), name)
	}
	w.Workspace.SetActive(emulator.CrowdApplicationID(4), false)
	grants := map[string]map[string]string{}
	for i, endpoint := range []string{"churn", "forecast-demand", "forecast-returns", "fraud", "sentiment",
		"translation"} {
		w.Workspace.CreateEndpoint(endpoint, w.PersonName)
		group, level := []string{"analysts", "data-science"}[i%2], []string{"CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"}[i%3]
		w.Workspace.SetGrant(endpoint, emulator.CrowdApplicationID(i%5), "CAN_QUERY")
		w.Workspace.SetGrant(endpoint, group, level)
		grants[endpoint] = map[string]string{
			"service_principal_name=" + emulator.CrowdApplicationID(i%5): "CAN_QUERY", "group_name=" + group: level,
			"user_name=" + w.PersonName: "CAN_MANAGE",
		}
	}
	w.Workspace.SetGrant("iris", emulator.CrowdApplicationID(0), "CAN_QUERY")
	grants["iris"] = map[string]string{"service_principal_name=" + emulator.CrowdApplicationID(0): "CAN_QUERY",
		"user_name=" + w.PersonName: "CAN_MANAGE"}
	w.Workspace.SetGrant("fraud", "alan.turing@example.com", "CAN_MANAGE")
	w.Workspace.SetGrant("churn", emulator.CrowdApplicationID(4), "CAN_QUERY")
	w.Workspace.CreateFoundationEndpoint("databricks-llama")
	w.Workspace.AddAccountGroup("auditors")
	w.Workspace.SetGrant("fraud", "auditors", "CAN_VIEW")
	w.Workspace.AddOAuthSecret(emulator.CrowdApplicationID(2), 90*24*time.Hour, "serving.serving-endpoints")
	text, err := json.Marshal(grants)
	must(t, err)
	return w, string(text)
}

// report holds the facts in the page's data that the tests compare.
type report struct {
	Workspace struct{ ID string }
	Identity  struct {
		Name    string
		IsAdmin bool `json:"is_admin"`
	}
	Endpoints []struct {
		Name       string
		AccessList string `json:"access_list"`
	}
	Principals []struct{ Principal string }
	Access     []struct {
		Endpoint, Principal, Name, Level string
		DisplayName                      string `json:"display_name"`
		Active                           *bool
		Managed                          *bool
		Via                              []string
	}
	Groups []struct {
		Endpoint, Group, Level string
		Members                *int
		Managed                *bool
	}
	Credentials []struct{ ID, Owner, Comment string }
	Unknown     []struct{ About, Reason string }
	Difference  *struct {
		SameWorkspace bool `json:"same_workspace"`
		Changes       []struct{ Change, About, Before, Now string }
	}
}

func (r *report) unknown() (lines []string) {
	for _, u := range r.Unknown {
		lines = append(lines, u.About+": "+u.Reason)
	}
	return lines
}

// reported applies the example, and returns its outputs and the data in its page.
func reported(t *testing.T, w *acctest.World, c *acctest.CLI) (outputs map[string]string, data report) {
	t.Helper()
	c.MustRun(t, 0, "apply", "-auto-approve")
	var raw map[string]struct{ Value any }
	if err := json.Unmarshal([]byte(c.MustRun(t, 0, "output", "-json").Stdout), &raw); err != nil {
		t.Fatal(err)
	}
	outputs = map[string]string{}
	for name, o := range raw {
		outputs[name] = fmt.Sprint(o.Value)
	}
	embedded := between(outputs["report"], `<script type="application/json" id="data">`, "</script>")
	if strings.ContainsAny(embedded, "<>&") {
		t.Error("the data in the page could end the script element")
	}
	var page, output any
	if err := json.Unmarshal([]byte(embedded), &page); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(outputs["report_json"]), &output); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(page) != fmt.Sprint(output) {
		t.Error("the page and report_json differ")
	}
	if err := json.Unmarshal([]byte(embedded), &data); err != nil {
		t.Fatal(err)
	}
	return outputs, data
}

// reportExample writes the example to a folder for the CLI.
func reportExample(t *testing.T, w *acctest.World) *acctest.CLI {
	t.Helper()
	const folder = "../../examples/access-report"
	var hcl strings.Builder
	for _, name := range []string{"main.tf", "variables.tf", "report.tf", "outputs.tf"} {
		hcl.WriteString(read(t, filepath.Join(folder, name)))
	}
	c := w.CLI(t, hcl.String())
	copyBeside(t, folder, c.Dir)
	return c
}

// effective computes who may use which endpoint from the workspace's data, as "endpoint principal LEVEL".
func effective(s emulator.Snapshot) (lines []string, notExpanded int) {
	members := map[string][]string{}
	for _, g := range s.Groups {
		members[g.Name] = g.Members
	}
	rank := map[string]int{"CAN_VIEW": 1, "CAN_QUERY": 2, "CAN_MANAGE": 3}
	for _, e := range s.Endpoints {
		if e.ID == "" {
			continue
		}
		held := map[string]string{}
		var give func(principal, level string)
		give = func(principal, level string) {
			name := strings.TrimPrefix(principal, "group_name=")
			if in, group := members[name]; group {
				for _, m := range in {
					give(m, level)
				}
			} else if rank[level] > rank[held[principal]] {
				held[principal] = level
			}
		}
		give("admins", "CAN_MANAGE")
		for _, grant := range e.Grants {
			principal, level, _ := strings.Cut(grant, " ")
			if principal == "group_name=auditors" {
				notExpanded++
				continue
			}
			_, name, _ := strings.Cut(principal, "=")
			give(name, level)
		}
		for name, level := range held {
			kind := "service_principal_name="
			if strings.Contains(name, "@") {
				kind = "user_name="
			}
			lines = append(lines, e.Name+" "+kind+name+" "+level)
		}
	}
	slices.Sort(lines)
	return lines, notExpanded
}

// The page, the JSON and the CSV show what the workspace's data shows, and a browser shows as many rows.
func TestAccessReport(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	addManyPrincipals(w)
	c := reportExample(t, w)
	c.Env["TF_VAR_managed"] = fmt.Sprintf(
		`{ "iris" = { "user_name=%s" = "CAN_MANAGE" }, "model-00" = { "group_name=science" = "CAN_MANAGE" } }`,
		w.PersonName)
	outputs, data := reported(t, w, c)

	s := w.Workspace.Snapshot()
	want, notExpanded := effective(s)
	var got []string
	for _, a := range data.Access {
		got = append(got, a.Endpoint+" "+a.Principal+" "+a.Level)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d accesses, and the workspace holds %d", len(got), len(want))
	}
	if len(data.Endpoints) != 40 || len(data.Principals) != 200 ||
		len(data.Credentials) != len(s.Tokens)+len(s.OAuthSecrets) || len(s.OAuthSecrets) != 2 {
		t.Errorf("%d endpoints, %d principals, %d tokens", len(data.Endpoints), len(data.Principals),
			len(data.Credentials))
	}
	unknown := strings.Join(data.unknown(), "\n")
	for _, line := range []string{"Endpoint databricks-llama: A foundation model", "Group auditors on endpoint " +
		"model-01: It gives CAN_QUERY"} {
		if !strings.Contains(unknown, line) || notExpanded != 1 {
			t.Errorf("not said: %s\n%s", line, unknown)
		}
	}
	for _, a := range data.Access {
		want := !slices.ContainsFunc(a.Via, func(way string) bool {
			return way != "admins" && !(strings.HasPrefix(way, "science") && a.Endpoint == "model-00") &&
				!(way == "direct" && a.Endpoint == "iris" && a.Name == w.PersonName)
		})
		if a.Managed == nil || *a.Managed != want {
			t.Errorf("%s of %s by %v: managed is %v", a.Endpoint, a.Principal, a.Via, a.Managed)
			break
		}
	}
	if data.Identity.Name != w.Deployer.ClientID || data.Workspace.ID != w.Workspace.ID() {
		t.Errorf("head: %+v, %+v", data.Identity, data.Workspace)
	}

	table, err := csv.NewReader(strings.NewReader(outputs["access_csv"])).ReadAll()
	if err != nil || len(table) != len(want)+1 {
		t.Errorf("the CSV has %d lines, %v", len(table), err)
	}
	if !strings.Contains(outputs["access_csv"], `"'=HYPERLINK(""https://example.com"")"`) {
		t.Error("a spreadsheet would compute a name")
	}
	if tokens, err := csv.NewReader(strings.NewReader(outputs["tokens_csv"])).ReadAll(); err != nil ||
		len(tokens) != len(data.Credentials)+1 {
		t.Errorf("the CSV of tokens has %d lines, %v", len(tokens), err)
	}
	page := outputs["report"]
	if strings.Contains(page, hostile) ||
		regexp.MustCompile(`(?i)\b(src|href)\s*=\s*["']?(https?:)?//`).MatchString(page) {
		t.Error("the page has a name as markup, or an address that it could load")
	}

	t.Run("browser", func(t *testing.T) { browse(t, page, len(want), data) })
}

// A later report lists the changes since an earlier one, and says so if there are none.
func TestAccessReportDifference(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	for i := range 3 {
		w.Workspace.AddServicePrincipal(emulator.CrowdApplicationID(i), fmt.Sprintf("application %d", i))
	}
	c := reportExample(t, w)
	outputs, _ := reported(t, w, c)
	c.Env["TF_VAR_baseline_path"] = w.Write(t, "baseline.json", []byte(outputs["report_json"]))
	outputs, data := reported(t, w, c)
	if data.Difference == nil || len(data.Difference.Changes) != 0 || !data.Difference.SameWorkspace ||
		outputs["changes"] != "0" {
		t.Errorf("nothing has changed: %+v", data.Difference)
	}
	if dom := open(t, outputs["report"], ""); dom != "" && !strings.Contains(dom, "No changes since ") {
		t.Error("the page does not say that there are no changes")
	}
	token := w.Workspace.Snapshot().Tokens[0].ID
	w.Workspace.SetGrant("iris", emulator.CrowdApplicationID(1), "CAN_QUERY")
	w.Workspace.SetActive(emulator.CrowdApplicationID(2), false)
	w.Workspace.RevokeToken(token)
	outputs, data = reported(t, w, c)
	if shown := between(open(t, outputs["report"], ""), `id="difference-body"`, "</section>"); shown != "" &&
		!strings.HasPrefix(shown, "><div><p>3 changes since ") {
		t.Errorf("the page shows the changes as %.300s", shown)
	}
	var lines []string
	for _, change := range data.Difference.Changes {
		lines = append(lines, strings.Join([]string{change.Change, change.About, change.Before, change.Now}, "|"))
	}
	for _, line := range []string{
		"new|access of service_principal_name=" + emulator.CrowdApplicationID(1) + " to iris||CAN_QUERY, direct",
		"changed|principal service_principal_name=" + emulator.CrowdApplicationID(2) + "|active|deactivated",
		"gone|token " + token,
	} {
		if !strings.Contains(strings.Join(lines, "\n"), line) || len(lines) != 3 {
			t.Errorf("not %s:\n%s", line, strings.Join(lines, "\n"))
		}
	}
}

// A grant to a group is shown although nobody is in the group: whoever joins it gets the access. A grant of another
// level than the managed one is not managed.
func TestAccessReportOfGroupsAndLevels(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application := emulator.CrowdApplicationID(0)
	w.Workspace.AddServicePrincipal(application, "application 0")
	w.Workspace.AddGroup("empty")
	w.Workspace.AddAccountGroup("auditors")
	w.Workspace.SetGrant("iris", application, "CAN_QUERY")
	c := reportExample(t, w)
	c.Env["TF_VAR_managed"] = fmt.Sprintf(
		`{ "iris" = { "service_principal_name=%s" = "CAN_QUERY", "group_name=auditors" = "CAN_QUERY" } }`, application)
	outputs, before := reported(t, w, c)
	for _, a := range before.Access {
		if a.Name == application && (a.Managed == nil || !*a.Managed) {
			t.Errorf("the managed grant is not managed: %+v", a)
		}
	}
	c.Env["TF_VAR_baseline_path"] = w.Write(t, "baseline.json", []byte(outputs["report_json"]))
	w.Workspace.SetGrant("iris", "empty", "CAN_QUERY")
	w.Workspace.SetGrant("iris", "auditors", "CAN_QUERY")
	w.Workspace.SetGrant("iris", application, "CAN_MANAGE")

	outputs, after := reported(t, w, c)
	for _, a := range after.Access {
		if a.Name == application && (a.Managed == nil || *a.Managed) {
			t.Errorf("the raised grant is managed: %+v", a)
		}
	}
	var groups []string
	for _, g := range after.Groups {
		members := "unknown"
		if g.Members != nil {
			members = strconv.Itoa(*g.Members)
		}
		groups = append(groups, fmt.Sprint(g.Endpoint, " ", g.Group, " ", g.Level, " ", members, " ",
			g.Managed != nil && *g.Managed))
	}
	slices.Sort(groups)
	if want := []string{"iris auditors CAN_QUERY unknown true", "iris empty CAN_QUERY 0 false"}; !slices.Equal(groups,
		want) {
		t.Errorf("the grants to groups are %q, not %q", groups, want)
	}
	var about []string
	for _, change := range after.Difference.Changes {
		about = append(about, change.Change+" "+change.About+" "+change.Now)
	}
	for _, want := range []string{"new grant of group empty to iris CAN_QUERY", "new grant of group auditors to " +
		"iris CAN_QUERY"} {
		if !slices.Contains(about, want) {
			t.Errorf("the changes do not name %q: %q", want, about)
		}
	}
	if dom := open(t, outputs["report"], ""); dom != "" {
		table := between(dom, `id="group-table"`, "</table>")
		for _, words := range []string{"empty", "nobody now", "auditors", "not known", "! not managed"} {
			if !strings.Contains(table, words) {
				t.Errorf("the page does not show %q in %.2000s", words, table)
			}
		}
	}
}

// The report of an identity that may not read everything says so.
func TestAccessReportOfALimitedIdentity(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.CreateEndpoint("rose", w.PersonName)
	w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_MANAGE")
	w.Workspace.SetGrant("rose", w.Deployer.ClientID, "CAN_VIEW")
	_, data := reported(t, w, reportExample(t, w))
	unknown := strings.Join(data.unknown(), "\n")
	for _, want := range []string{
		"The whole workspace: deployer is no workspace admin", "Tokens and OAuth secrets: Only a workspace admin",
		"Endpoint rose: Its access list is refused", "Group admins on endpoint iris: It gives CAN_MANAGE",
	} {
		if !strings.Contains(unknown, want) {
			t.Errorf("not said: %s\n%s", want, unknown)
		}
	}
	for _, a := range data.Access {
		if a.Endpoint != "iris" {
			t.Errorf("%+v", a)
		}
	}
}

// browse demands that a browser shows the data, with and without a filter, and shows no name as markup.
func browse(t *testing.T, page string, accesses int, data report) {
	dom := open(t, page, "")
	if dom == "" {
		t.Skip("no chromium is on PATH, so no browser opens the page; Debian's package chromium makes this run")
	}
	rows := func(dom, table string) int {
		body := between(between(dom, `id="`+table+`"`, "</table>"), "<tbody>", "</tbody>")
		return strings.Count(body, "<tr")
	}
	held := map[string]int{}
	for _, a := range data.Access {
		held[a.Principal]++
	}
	if n := rows(dom, "endpoint-table"); n != accesses {
		t.Errorf("%d rows by endpoint, not %d", n, accesses)
	}
	if n := strings.Count(dom, `<th scope="col" data-label="`); n != 5+4+5+7 {
		t.Errorf("%d columns have the label that paper shows, not 21", n)
	}
	if n := rows(dom, "principal-table"); n != len(data.Principals) {
		t.Errorf("%d rows by principal, not %d", n, len(data.Principals))
	}
	if n := rows(dom, "matrix"); n != len(held) {
		t.Errorf("%d rows in the matrix, not %d", n, len(held))
	}
	matrix := between(dom, `id="matrix"`, "</table>")
	if n := strings.Count(matrix, `class="sign `); n != accesses || strings.Count(matrix, "<td") != 40*len(held) {
		t.Errorf("%d signs in %d cells of the matrix", n, strings.Count(matrix, "<td"))
	}
	if n := rows(dom, "credential-table"); n != len(data.Credentials) {
		t.Errorf("%d tokens, not %d", n, len(data.Credentials))
	}
	if !strings.Contains(dom, "<title>Access report of workspace "+data.Workspace.ID) ||
		!strings.Contains(dom, html.EscapeString(`</script>`)) || strings.Contains(dom, "<!--") {
		t.Error("a name became markup")
	}
	for _, words := range []string{", deactivated", ", not managed", "! never", "Endpoint databricks-llama"} {
		if !strings.Contains(dom, words) {
			t.Errorf("not shown: %s", words)
		}
	}

	// The fragment of the address filters and sorts.
	dom = open(t, page, "#find=model-07&level=CAN_MANAGE&sort-endpoint-table=1d")
	var names []string
	for _, a := range data.Access {
		if a.Endpoint == "model-07" && a.Level == "CAN_MANAGE" {
			names = append(names, a.DisplayName)
		}
	}
	if n := rows(dom, "endpoint-table"); n != len(names) || len(names) == 0 {
		t.Errorf("the filter shows %d rows, not %d", n, len(names))
	}
	var shown []string
	for _, m := range regexp.MustCompile(`<span class="name">([^<]*)</span>`).FindAllStringSubmatch(between(dom,
		`id="endpoint-table"`, "</table>"), -1) {
		shown = append(shown, html.UnescapeString(m[1]))
	}
	number := func(s string) int { n, _ := strconv.Atoi(s[strings.LastIndex(s, " ")+1:]); return n }
	for i := range len(shown) - 1 {
		a, b := shown[i], shown[i+1]
		if strings.HasPrefix(a, "application ") && strings.HasPrefix(b, "application ") && number(a) < number(b) {
			t.Errorf("not sorted: %q before %q", a, b)
		}
	}
}

// open returns the DOM that a browser builds from a page; empty if there is no browser.
func open(t *testing.T, page, address string) (dom string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		return ""
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "report.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--dump-dom", "file://"+file+address)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

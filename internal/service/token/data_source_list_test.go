package token_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func hcl(lines string) string { return "data \"dbxaccess_tokens\" \"x\" {\n" + lines + "\n}\n" }

// ids checks the ids of the listed tokens and their order.
func ids(want ...string) statecheck.StateCheck {
	var checks []knownvalue.Check
	for _, id := range want {
		checks = append(checks, knownvalue.ObjectPartial(
			map[string]knownvalue.Check{"token_id": knownvalue.StringExact(id)}))
	}
	return statecheck.ExpectKnownValue(address, tfjsonpath.New("tokens"), knownvalue.ListExact(checks))
}

func TestEveryToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{LastUsedDelay: -1})
	w.Tenant.Clock.Advance(-10 * day)
	forever, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "", 0)
	w.Workspace.MintToken(w.ScoringApp.ClientID, "expired", 9*day)
	w.Tenant.Clock.Advance(10*day + time.Minute)
	var scoped struct {
		Info struct {
			ID string `json:"token_id"`
		} `json:"token_info"`
	}
	api(t, w, w.PersonToken, "POST", "/api/2.0/token/create",
		`{"comment":"scoped","lifetime_seconds":3600,"scopes":["sql","serving"]}`, &scoped)
	made := w.Tenant.Clock.Now()

	exact := knownvalue.StringExact
	at := func(path string, i int) tfjsonpath.Path {
		return tfjsonpath.New("tokens").AtSliceIndex(i).AtMapKey(path)
	}
	is := func(i int, attribute string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, at(attribute, i), check)
	}
	near := func(want time.Time) knownvalue.Check {
		return knownvalue.StringFunc(func(got string) error {
			if at, err := time.Parse(time.RFC3339, got); err != nil || at.Sub(want).Abs() > 2*time.Minute {
				return fmt.Errorf("%s is not about %s", got, want)
			}
			return nil
		})
	}
	w.Test(t, resource.TestStep{Config: hcl(""), ConfigStateChecks: []statecheck.StateCheck{
		// The list does not contain the expired token.
		statecheck.ExpectKnownValue(address, tfjsonpath.New("tokens"), knownvalue.ListSizeExact(3)),
		is(0, "token_id", exact(forever)),
		is(0, "owner_kind", exact("service_principal")),
		is(0, "owner_name", exact(w.ScoringApp.ClientID)),
		is(0, "owner_display_name", exact("scoring")),
		is(0, "comment", exact("")),
		is(0, "created_at", near(made.Add(-10*day))),
		is(0, "expires_at", knownvalue.Null()),
		is(0, "last_used_on", knownvalue.Null()),
		is(0, "scopes", knownvalue.SetExact(nil)),
		is(1, "owner_kind", exact("user")),
		is(1, "owner_name", exact(w.PersonName)),
		is(1, "owner_display_name", exact("Ada")),
		is(1, "comment", exact("notebook")),
		is(1, "expires_at", near(made.Add(90*day))),
		is(1, "last_used_on", exact(made.Format("2006-01-02")+"T00:00:00Z")),
		is(2, "token_id", exact(scoped.Info.ID)),
		is(2, "expires_at", near(made.Add(time.Hour))),
		is(2, "scopes", knownvalue.SetExact([]knownvalue.Check{exact("serving"), exact("sql")})),
	}})
}

// A name in another case finds the same tokens.
func TestTokensOfOneOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// the only token so far: tokens of the same second have no fixed order
	person := w.Workspace.Snapshot().Tokens[0].ID
	app, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "scoring", day)
	stranger := uuid.NewString()
	named := func(name string) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address,
			tfjsonpath.New("tokens").AtSliceIndex(0).AtMapKey("owner_display_name"), knownvalue.StringExact(name))
	}
	w.Test(t,
		resource.TestStep{Config: hcl(fmt.Sprintf("application_id = %q", strings.ToUpper(w.ScoringApp.ClientID))),
			ConfigStateChecks: []statecheck.StateCheck{ids(app), named("scoring")}},
		resource.TestStep{Config: hcl(fmt.Sprintf("user_name = %q", strings.ToUpper(w.PersonName))),
			ConfigStateChecks: []statecheck.StateCheck{ids(person), named("Ada")}},
		resource.TestStep{Config: hcl(fmt.Sprintf("application_id = %q", stranger)),
			ConfigStateChecks: []statecheck.StateCheck{ids()}},
	)
}

// However many owners there are, the data source sends one request for the tokens and one for the names of each kind of
// owner. Many data sources at once may need a second list, because none uses a list that was read before its own call.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		id := uuid.NewString()
		w.Workspace.AddServicePrincipal(id, fmt.Sprintf("app %d", i))
		w.Workspace.MintToken(id, "one", day)
		w.Workspace.MintToken(id, "two", day)
		name := fmt.Sprintf("person%d@example.com", i)
		w.Workspace.AddUser(name, name)
		w.Workspace.MintToken(name, "", day)
	}
	run := func(hcl string, lists, appNames, userNames int) {
		t.Helper()
		w.Tenant.Journal.Reset()
		w.Commands(t, hcl).MustRun(t, 0, "plan")
		if a, b, c := w.Count("workspace", "GET", managed), w.Count("workspace", "GET",
			principals), w.Count("workspace", "GET", users); a < 1 || a > lists || b != appNames || c != userNames {
			t.Errorf("%d token lists, %d lists of service principals, %d of users for %s", a, b, c, hcl)
		}
		if all := w.Count("workspace", "", ""); all > lists+appNames+userNames {
			t.Errorf("%d requests for %s", all, hcl)
		}
	}
	run(hcl(""), 1, 1, 1)
	w.Workspace.MintToken(w.ScoringApp.ClientID, "", day)
	app := hcl(fmt.Sprintf("application_id = %q", w.ScoringApp.ClientID))
	run(app, 1, 1, 0)
	run(hcl(fmt.Sprintf("user_name = %q", w.PersonName)), 1, 0, 1)
	run(hcl(fmt.Sprintf("application_id = %q", uuid.NewString())), 1, 0, 0)
	run(app+strings.Replace(app, `"x"`, `"y"`, 1), 2, 2, 0)
}

// All token resources are refreshed from one list. The data source shares that list, unless the list was read before
// the data source was called.
func TestOneListForTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := fmt.Sprintf(`
resource "dbxaccess_service_principal_token" "one" {
  owner = {
    application_id   = %q
    client_secret_wo = %s
  }
}
`, w.ScoringApp.ClientID, w.Secret(w.ScoringSecret))
	c := w.Commands(t, token+hcl(""))
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	if n := w.Count("workspace", "GET", managed); n < 1 || n > 2 {
		t.Errorf("%d token lists", n)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// A long list of names comes in pages, and the total number of entries shows which page is the last.
func TestOwnerNamesOnSeveralPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.MintToken(w.ScoringApp.ClientID, "", day)
	var id string
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.ApplicationID == w.ScoringApp.ClientID {
			id = p.ID
		}
	}
	for i, shown := range []struct{ id, name string }{{"1", "first"}, {id, "second page"}} {
		resource := fmt.Sprintf(`{"id":%q,"applicationId":%q,"displayName":%q}`, shown.id, w.ScoringApp.ClientID,
			shown.name)
		w.Tenant.Faults.Add(emulator.Fault{
			Service: "workspace", Path: "/api/2.0/preview" + principals, Status: 200, ContentType: "application/json",
			Body: fmt.Sprintf(`{"totalResults":2,"startIndex":%d,"itemsPerPage":1,"Resources":[%s]}`, i+1, resource),
		})
	}
	c := w.Commands(t, hcl(fmt.Sprintf("application_id = %q", w.ScoringApp.ClientID))+"output \"name\" {\n  value = "+
		"data.dbxaccess_tokens.x.tokens[0].owner_display_name\n}\n")
	c.MustRun(t, 0, "plan", "-out=p")
	if name := c.Saved(t, "p").OutputChanges["name"].After; name != "second page" {
		t.Error(name)
	}
	asked := 0
	for _, e := range w.Tenant.Journal.Entries() {
		if strings.HasSuffix(e.Path, principals) {
			if asked++; !strings.Contains(e.Query, fmt.Sprintf("startIndex=%d", asked)) {
				t.Errorf("page %d was asked with %s", asked, e.Query)
			}
		}
	}
	if asked != 2 {
		t.Errorf("%d pages were asked for", asked)
	}
}

// If somebody created a token for another principal, and the list shows the owner only by SCIM id, the token is listed
// with that owner.
func TestTokenCreatedForAnotherPrincipal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var owner, maker string
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.ApplicationID == w.ScoringApp.ClientID {
			owner = p.ID
		}
	}
	maker = w.Workspace.Snapshot().Users[0].ID
	w.Tenant.Faults.Add(emulator.Fault{
		Service: "workspace", Path: "/api/2.0" + managed, Times: -1, Status: 200, ContentType: "application/json",
		Body: fmt.Sprintf(`{"token_infos":[{"token_id":"on-behalf","creation_time":1,"expiry_time":-1,"created_by_id":%s,"created_by_username":%q,"owner_id":%s}]}`, maker, w.PersonName, owner),
	})
	exact := knownvalue.StringExact
	w.Test(t,
		resource.TestStep{Config: hcl(""), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(address, tfjsonpath.New("tokens").AtSliceIndex(0),
				knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"owner_kind": exact("service_principal"), "owner_name": exact(w.ScoringApp.ClientID), "owner_display_name": exact("scoring"),
				})),
		}},
		resource.TestStep{Config: hcl(fmt.Sprintf("application_id = %q", w.ScoringApp.ClientID)),
			ConfigStateChecks: []statecheck.StateCheck{ids("on-behalf")}},
		resource.TestStep{Config: hcl(fmt.Sprintf("user_name = %q", w.PersonName)),
			ConfigStateChecks: []statecheck.StateCheck{ids()}},
	)
}

// Somebody who searches for a token must see it even if the workspace cannot show the name of its owner.
func TestTokensWithoutOwnerNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.MintToken(w.ScoringApp.ClientID, "find me", day)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Path: "/api/2.0/preview" + principals, Times: -1,
		Status: 400, Code: "BAD_REQUEST", Message: "not today"})
	c := w.Commands(t, hcl(fmt.Sprintf("application_id = %q", w.ScoringApp.ClientID))+"output \"comment\" {\n  value = "+
		"data.dbxaccess_tokens.x.tokens[0].comment\n}\n")
	c.MustRun(t, 0, "plan", "-out=p").MustSay(t, "Owners of tokens are shown without their display names: tokens of "+
		w.ScoringApp.ClientID, "not today")
	if comment := c.Saved(t, "p").OutputChanges["comment"].After; comment != "find me" {
		t.Error(comment)
	}
}

func TestDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Test(t, resource.TestStep{Config: hcl(""),
		ExpectError: acctest.Words(
			`Cannot list tokens.*tokens of the workspace: .*403 PERMISSION_DENIED.*Only a workspace admin may`)})
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, bad := range []struct{ lines, want string }{
		{`application_id = "scoring"`, `Not an application id.*looks like a display name`},
		{fmt.Sprintf("user_name = %q", w.ScoringApp.ClientID), `Not the e-mail address of a user.*write it in application_id`},
		{`user_name = "scoring"`, `Not the e-mail address of a user.*is not an e-mail address`},
		{fmt.Sprintf("application_id = %q\nuser_name = %q", w.ScoringApp.ClientID, w.PersonName), `"user_name" cannot be specified when "application_id" is specified`},
	} {
		w.Test(t, resource.TestStep{Config: hcl(bad.lines), PlanOnly: true, ExpectError: acctest.Words(bad.want)})
	}
	if n := len(w.Tenant.Journal.Entries()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// The example checks tokens in a pipeline: it accepts tokens that are young and do not expire soon, and no others.
func TestExampleChecksTokensInPipeline(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../../../examples/data-sources/dbxaccess_tokens/data-source.tf")
	if err != nil {
		t.Fatal(err)
	}
	for name, gate := range map[string]struct {
		mint func(w *acctest.World)
		want string // empty: the example accepts the token
	}{
		"young, lives on": {mint: func(w *acctest.World) { w.Workspace.MintToken(w.ScoringApp.ClientID, "fine", 30*day) }},
		"old": {want: `Older than 90 days: service_principal [0-9a-f-]+, culprit, made`, mint: func(w *acctest.World) {
			w.Tenant.Clock.Advance(-91 * day)
			w.Workspace.MintToken(w.ScoringApp.ClientID, "culprit", 700*day)
			w.Tenant.Clock.Advance(91 * day)
		}},
		"dies soon":      {want: `Expires within 7 days, or never: service_principal [0-9a-f-]+, culprit, dies`, mint: func(w *acctest.World) { w.Workspace.MintToken(w.ScoringApp.ClientID, "culprit", 6*day) }},
		"without an end": {want: `Expires within 7 days, or never: service_principal [0-9a-f-]+, culprit, without an end`, mint: func(w *acctest.World) { w.Workspace.MintToken(w.ScoringApp.ClientID, "culprit", 0) }},
		"expired": {mint: func(w *acctest.World) {
			w.Tenant.Clock.Advance(-100 * day)
			w.Workspace.MintToken(w.ScoringApp.ClientID, "gone", day)
			w.Tenant.Clock.Advance(100 * day)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			gate.mint(w)
			c := w.CLI(t, string(example))
			for _, command := range [][]string{{"plan", "-detailed-exitcode"}, {"apply", "-auto-approve"}} {
				r := c.Run(t, command...)
				switch {
				case gate.want == "" && r.Code == 1:
					t.Errorf("%v is stopped: %s", command, r.Stderr)
				case gate.want != "" && r.Code != 1:
					t.Errorf("%v ends with %d", command, r.Code)
				case gate.want != "" && !acctest.Words(gate.want).MatchString(r.Stderr):
					t.Errorf("%v does not name the token: %s", command, r.Stderr)
				}
			}
		})
	}
}

package serviceprincipaltoken_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	app, deployer := w.ScoringApp.ClientID, w.Deployer.ClientID
	// The workspace already has a token of a person, which no query may return.
	mint := func(owner, comment string, lifetime time.Duration) string {
		w.Tenant.Clock.Advance(time.Second)
		id, _ := w.Workspace.MintToken(owner, comment, lifetime)
		return id
	}
	mint(app, "expired", time.Hour)
	killed := mint(app, client.Mark("killed", w.Tenant.Clock.Now().Add(time.Hour)), 90*day)
	w.Workspace.AgeToken(killed, 3*day)
	w.Tenant.Clock.Advance(2 * time.Hour)
	mint(app, "open "+ephemeralMark, day)
	mine := mint(app, client.Mark("first", time.Time{}), 90*day) // as in a workspace that cannot remove the marker
	bare := mint(app, "", 0)
	mint(deployer, "other's", 30*day)
	given := mint(deployer, "given", 30*day)
	w.Workspace.GiveToken(given, app)

	ours := []string{app + " first", app + " " + bare[:12], app + " given"}
	all := []string{ours[0], ours[1], deployer + " other's", ours[2]}
	of := func(owner string) map[string]any { return map[string]any{"application_id": owner} }
	for name, test := range map[string]struct {
		config map[string]any
		limit  int64
		want   []string
	}{
		"unfiltered":      {nil, 0, ours},
		"all":             {map[string]any{"include_own_identity": true}, 0, all},
		"two":             {nil, 2, ours[:2]},
		"one owner":       {of(app), 0, ours},
		"own, by name":    {of(deployer), 0, all[2:3]},
		"in another case": {of(strings.ToUpper(app)), 0, ours},
		"none":            {of("11111111-2222-3333-4444-555555555555"), 0, nil},
	} {
		p := w.Protocol(t)
		w.Tenant.Journal.Reset()
		results := slices.Collect(p.Stream(t, typeName, test.config, true, test.limit))
		if n := w.Count("workspace", "", ""); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
		var got []string
		for _, found := range results {
			if found.Errors != "" {
				t.Fatal(found.Errors)
			}
			got = append(got, found.DisplayName)
			operated(t, w, found.DisplayName, found.Object, "")
			// A listed token can be imported as it is listed, and its state after the import is the listed one.
			imported, errors := p.Import(t, typeName, "", found.Identity)
			if errors != "" || fmt.Sprint(imported.State) != fmt.Sprint(found.State) {
				t.Errorf("%s: imported %v, listed %v, %s", found.DisplayName, imported.State, found.State, errors)
			}
			if found.State["token_id"] == mine && found.State["lifetime_seconds"] == nil {
				t.Errorf("%v", found.State)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	for found := range w.Protocol(t).Stream(t, typeName, nil, false, 0) {
		if found.State != nil {
			t.Error("nobody asked for the resource")
		}
	}
	for _, owner := range []string{app, deployer} {
		for _, token := range live(w, owner) {
			w.Workspace.RevokeToken(token.ID)
		}
	}
}

func TestQueryFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fails := func(config map[string]any, want string) {
		t.Helper()
		found := slices.Collect(w.Protocol(t).Stream(t, typeName, config, false, 0))
		if len(found) != 1 || !strings.Contains(found[0].Errors, want) {
			t.Errorf("%+v, want %q", found, want)
		}
	}
	fails(map[string]any{"application_id": "scoring"}, "Not an application id")
	// A caller who is no admin sees only its own tokens. That list would look like the list of all tokens, so it is an
	// error.
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	fails(nil, "Cannot query tokens of service principals")
	fails(map[string]any{"application_id": w.Deployer.ClientID}, `Add the provider's identity to the group "admins"`)
}

// TestQueryCLI runs a query through Terraform itself, from version 1.14 on.
func TestQueryCLI(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	const app = "11111111-2222-3333-4444-555555555555"
	w.Workspace.AddServicePrincipal(app, "scoring")
	w.Workspace.MintToken(app, "theirs", 90*day)
	example, err := os.ReadFile(
		"../../../examples/list-resources/dbxaccess_service_principal_token/list-resource.tfquery.hcl")
	if err != nil {
		t.Fatal(err)
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		Steps: []resource.TestStep{acctest.BeforeQuery(), {
			Query: true, Config: "provider \"dbxaccess\" {}\n" + string(example),
			QueryResultChecks: []querycheck.QueryResultCheck{querycheck.ExpectLength(
				"dbxaccess_service_principal_token.scoring", 1)},
		}},
	})
}

package provider_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// queries returns, by type, a configuration for each list resource that sends requests.
func queries(w *acctest.World) map[string]map[string]any {
	return map[string]map[string]any{
		aPrincipal: nil,
		aMember:    nil,
		aGrant:     nil,
		aRight:     nil,
		aToken:     nil,
		aSecret:    {"application_id": w.ScoringApp.ClientID},
	}
}

const aSecret = "dbxaccess_service_principal_oauth_secret"

// ofAPlan matches words that mean nothing to a person who runs terraform query: a query has neither plan nor apply.
var ofAPlan = regexp.MustCompile(`(?i)\b(plan|plans|planned|apply|applied|applies)\b`)

// Whatever makes a query fail, the message fits a query and says what to do next.
func TestQueryErrorsFitQueries(t *testing.T) {
	t.Parallel()
	faults := map[string]emulator.Fault{
		"too many requests": {Status: 429, Code: "REQUEST_LIMIT_EXCEEDED", Message: "too many requests"},
		"unavailable":       {Status: 503, Code: "TEMPORARILY_UNAVAILABLE", Message: "try later"},
		"forbidden":         {Status: 403, Code: "PERMISSION_DENIED", Message: "not allowed"},
		"not found":         {Status: 404, Code: "NOT_FOUND", Message: "it is not there"},
		"bad request":       {Status: 400, Code: "INVALID_PARAMETER_VALUE", Message: "odd"},
		"server error":      {Status: 500, Code: "INTERNAL_ERROR", Message: "broken"},
	}
	for kind, wrong := range wrongAnswers {
		faults[kind] = wrong
	}
	silent := []string{
		aRight + "/not found",         // a workspace without tokens has no such access list
		aToken + "/{}",                // the service leaves out an empty list
		aMember + "/another's answer", // a complete list of other groups
	}
	listed := acctest.New(t).Protocol(t).ListTypes()
	for _, typeName := range listed {
		if _, ok := queries(acctest.New(t))[typeName]; !ok {
			t.Errorf("%s has no query in this test", typeName)
		}
	}
	for _, typeName := range listed {
		for kind, fault := range faults {
			t.Run(typeName+"/"+kind, func(t *testing.T) {
				t.Parallel()
				w := ready(t, typeName)
				fault.Service, fault.Method, fault.Times = "workspace", "GET", -1
				w.Tenant.Faults.Add(fault)
				said := ""
				for found := range w.Protocol(t).Stream(t, typeName, queries(w)[typeName], true, 0) {
					said += found.Errors + found.Warnings
				}
				if said == "" && !slices.Contains(silent, typeName+"/"+kind) {
					t.Error("nothing is said")
				}
				if word := ofAPlan.FindString(said); word != "" {
					t.Errorf("it speaks of %q: %s", word, said)
				}
			})
		}
	}
}

// Without options a query finds neither the provider's own identity nor a group that the service creates. With the
// options it finds both.
func TestQueryOptionsForOwnIdentityAndBuiltInGroups(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	own := w.Deployer.ClientID
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	for _, object := range []string{"iris", "authorization/tokens"} {
		level := map[string]string{"iris": "CAN_QUERY", "authorization/tokens": "CAN_USE"}[object]
		for _, principal := range []string{own, w.ScoringApp.ClientID, "users"} {
			w.Workspace.SetGrant(object, principal, level)
		}
	}
	for _, principal := range []string{own, w.ScoringApp.ClientID} {
		w.Workspace.MintToken(principal, "live", 0)
	}
	w.Workspace.AddGroup("scorers")
	w.Workspace.AddToGroup("scorers", own)
	w.Workspace.AddToGroup("scorers", w.ScoringApp.ClientID)
	p := w.Protocol(t)
	show := func(typeName string, config map[string]any) string {
		t.Helper()
		var found []string
		for f := range p.Stream(t, typeName, config, false, 0) {
			if f.Errors != "" {
				t.Error(f.Errors)
			}
			for _, name := range []string{"application_id", "service_principal_name", "group_name"} {
				if v, _ := f.Identity[name].(string); v != "" {
					found = append(found, v)
				}
			}
			if f.Identity["token_id"] != nil {
				found = append(found, strings.Fields(f.DisplayName)[0])
			}
		}
		return strings.Join(found, " ")
	}
	for _, typeName := range p.ListTypes() {
		if typeName == aSecret {
			continue // its configuration always names one service principal
		}
		unfiltered := show(typeName, nil)
		if !strings.Contains(unfiltered, w.ScoringApp.ClientID) {
			t.Errorf("%s does not find the application: %s", typeName, unfiltered)
		}
		for _, left := range []string{own, "users", "admins"} {
			if slices.Contains(strings.Fields(unfiltered), left) {
				t.Errorf("%s finds %s, which nobody asked for: %s", typeName, left, unfiltered)
			}
		}
		if asked := show(typeName, map[string]any{"include_own_identity": true}); !strings.Contains(asked, own) {
			t.Errorf("%s does not find the provider's own identity: %s", typeName, asked)
		}
	}
	for typeName, group := range map[string]string{aGrant: "users", aRight: "users", aMember: "admins"} {
		config := map[string]any{"include_built_in_groups": true, "include_own_identity": true}
		if asked := show(typeName, config); !slices.Contains(strings.Fields(asked), group) {
			t.Errorf("%s does not find %s: %s", typeName, group, asked)
		}
	}
}

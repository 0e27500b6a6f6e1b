package serviceprincipal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// The service shows an identity that is no admin only names and ids. A query that needs more fails and invents nothing:
// a configuration generated from it would reactivate service principals and remove their entitlements.
func TestQueryNotAdmin(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetEntitlements(w.ScoringApp.ClientID, "workspace-access")
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	p := w.Protocol(t)
	named := map[string]any{"display_name_prefix": "scoring"}
	if found := slices.Collect(p.Stream(t, typeName, named, false, 0)); len(found) != 1 || found[0].Errors != "" ||
		found[0].DisplayName != "scoring" {
		t.Errorf("by name: %+v", found)
	}
	for name, found := range map[string][]acctest.Listed{
		"whole resources": slices.Collect(p.Stream(t, typeName, named, true, 0)),
		"active ones":     slices.Collect(p.Stream(t, typeName, map[string]any{"active": true}, false, 0)),
	} {
		if len(found) != 1 || !strings.Contains(found[0].Errors, "shows only some attributes of the service "+
			"principal") || !strings.Contains(found[0].Errors, "workspace admin") {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

package provider_test

import (
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// The service principal is removed between a plan and its apply: the error says to plan again. A destroy, which needs
// no service principal any more, succeeds.
func TestSavedPlanOfRemovedPrincipal(t *testing.T) {
	t.Parallel()
	grant := func(w *acctest.World) map[string]any {
		return map[string]any{"endpoint_name": "iris", "service_principal_name": w.ScoringApp.ClientID}
	}
	list := func(w *acctest.World) map[string]any {
		return map[string]any{
			"endpoint_name": "fresh", "service_principals": map[string]any{w.ScoringApp.ClientID: "CAN_QUERY"}, "users": map[string]any{w.PersonName: "CAN_MANAGE"},
		}
	}
	token := func(w *acctest.World) map[string]any {
		return map[string]any{"owner": map[string]any{"application_id": w.ScoringApp.ClientID,
			"client_secret_wo": w.ScoringSecret}}
	}
	principal := func(w *acctest.World) map[string]any {
		return map[string]any{"application_id": w.ScoringApp.ClientID, "adopt_existing": true, "on_destroy": "delete"}
	}
	right := func(w *acctest.World) map[string]any {
		return map[string]any{"service_principal_name": w.ScoringApp.ClientID}
	}
	member := func(w *acctest.World) map[string]any {
		return map[string]any{"group_name": "data scientists", "application_id": w.ScoringApp.ClientID}
	}
	for name, test := range map[string]struct {
		typeName string
		config   func(*acctest.World) map[string]any
		change   func(config map[string]any, app string) // nil if the plan creates the object
	}{
		"grant, created":         {grantType, grant, nil},
		"grant, changed":         {grantType, grant, func(c map[string]any, _ string) { c["permission_level"] = "CAN_VIEW" }},
		"list, created":          {listType, list, nil},
		"list, changed":          {listType, list, func(c map[string]any, app string) { c["service_principals"] = map[string]any{app: "CAN_VIEW"} }},
		"right, created":         {rightType, right, nil},
		"member, created":        {memberType, member, nil},
		"token, created":         {tokenType, token, nil},
		"token, changed":         {tokenType, token, func(c map[string]any, _ string) { c["comment"] = "c" }},
		"token, rotated":         {tokenType, token, func(c map[string]any, _ string) { c["rotation_triggers"] = map[string]any{"a": "b"} }},
		"principal, renamed":     {principalType, principal, func(c map[string]any, _ string) { c["display_name"] = "new" }},
		"principal, deactivated": {principalType, principal, func(c map[string]any, _ string) { c["active"] = false }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := keptWorld(t)
			p, made, config := w.Protocol(t), acctest.Object{}, test.config(w)
			if test.change != nil {
				made = p.MustApply(t, test.typeName, made, config)
				test.change(config, w.ScoringApp.ClientID)
			}
			plan := p.MustPlan(t, test.typeName, made, config)
			w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)
			p = w.Protocol(t) // another process applies a saved plan
			if _, errors := p.ApplyPlan(t, plan, config); !strings.Contains(strings.ToLower(errors), "plan again") {
				t.Errorf("%q", errors)
			}
			if test.change == nil {
				return
			}
			if _, errors := p.Apply(t, test.typeName, made, nil); errors != "" {
				t.Errorf("destroying: %s", errors)
			}
		})
	}
}

package provider_test

import (
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// keptKinds returns, by resource type, a configuration for the principal of keptWorld, and a function that reports
// whether the object exists.
func keptKinds(w *acctest.World) map[string]struct {
	config map[string]any
	there  func() bool
} {
	app := w.ScoringApp.ClientID
	type kind = struct {
		config map[string]any
		there  func() bool
	}
	return map[string]kind{
		"dbxaccess_serving_endpoint_permission": {
			map[string]any{"endpoint_name": "iris", "service_principal_name": app},
			func() bool { return w.Workspace.Grants("iris")[app] == "CAN_QUERY" },
		},
		"dbxaccess_serving_endpoint_permissions_exclusive": {
			map[string]any{"endpoint_name": "fresh", "service_principals": map[string]any{app: "CAN_QUERY"},
				"users": map[string]any{"ada@example.com": "CAN_MANAGE"}},
			func() bool { return len(w.Workspace.Grants("fresh")) == 2 },
		},
		"dbxaccess_token_permission": {
			map[string]any{"service_principal_name": app},
			func() bool { return w.Workspace.Grants("authorization/tokens")[app] == "CAN_USE" },
		},
		"dbxaccess_group_member": {
			map[string]any{"group_name": "data scientists", "application_id": app},
			func() bool {
				for _, g := range w.Workspace.Snapshot().Groups {
					if g.Name == "data scientists" {
						return len(g.Members) == 1
					}
				}
				return false
			},
		},
		"dbxaccess_service_principal": {
			map[string]any{"application_id": adopted, "adopt_existing": true, "on_destroy": "deactivate"},
			func() bool {
				for _, p := range w.Workspace.Snapshot().ServicePrincipals {
					if p.ApplicationID == adopted {
						return p.Active
					}
				}
				return false
			},
		},
	}
}

// One object is destroyed at one address while it is created at another, and neither plan knows of the other. In
// whatever order they run, the object exists afterwards.
func TestDestroyBesideCreate(t *testing.T) {
	t.Parallel()
	w := keptWorld(t)
	for name, kind := range keptKinds(w) {
		made := w.Protocol(t).MustApply(t, name, acctest.Object{}, kind.config)
		for range 15 {
			destroy, errors := w.Protocol(t).Plan(t, name, made, nil)
			create, more := w.Protocol(t).Plan(t, name, acctest.Object{}, kind.config)
			p := w.Protocol(t)
			var both sync.WaitGroup
			both.Go(func() {
				_, words := p.ApplyPlan(t, destroy, nil)
				errors += words
			})
			both.Go(func() {
				var words string
				made, words = p.ApplyPlan(t, create, kind.config)
				more += words
			})
			both.Wait()
			if errors != "" || more != "" {
				t.Fatalf("%s: destroying: %s; creating: %s", name, errors, more)
			}
			if !kind.there() {
				t.Fatalf("%s: it is gone or inactive", name)
			}
		}
	}
}

// The second of two plans sees the first. If the removal is planned second, it leaves a note for the apply, and nothing
// is lost even if Terraform destroys first. If the removal is planned first, it cannot do that, and the plan of the
// creation warns.
func TestRemovalPlannedSecondStays(t *testing.T) {
	t.Parallel()
	w := keptWorld(t)
	live := len(w.Workspace.Snapshot().Tokens)
	for name, kind := range keptKinds(w) {
		made := w.Protocol(t).MustApply(t, name, acctest.Object{}, kind.config)
		plans := w.Protocol(t)
		create, errors := plans.Plan(t, name, acctest.Object{}, kind.config)
		destroy, more := plans.Plan(t, name, made, nil)
		if errors+more != "" || !strings.Contains(destroy.Warnings, "The destroy leaves the object as it is.") ||
			strings.Contains(create.Warnings+destroy.Warnings, "Live tokens") ||
			strings.Contains(create.Warnings, "at another") {
			t.Errorf("%s: %s%s; the plans warn: %s; %s", name, errors, more, create.Warnings, destroy.Warnings)
		}
		apply := w.Protocol(t)
		apply.ApplyPlan(t, destroy, nil)
		if !kind.there() || len(w.Workspace.Snapshot().Tokens) != live {
			t.Errorf("%s: destroying has not left it", name)
		}
		made, errors = apply.ApplyPlan(t, create, kind.config)
		if errors != "" || !kind.there() {
			t.Errorf("%s: %s", name, errors)
		}

		plans = w.Protocol(t)
		_, errors = plans.Plan(t, name, made, nil)
		create, more = plans.Plan(t, name, acctest.Object{}, kind.config)
		if errors+more != "" || !strings.Contains(create.Warnings, "Terraform does both in an unknown order.") {
			t.Errorf("%s: %s%s; the creation that is planned second warns: %s", name, errors, more, create.Warnings)
		}
		// Without the creation, the object is really destroyed.
		if _, errors := w.Protocol(t).Apply(t, name, made, nil); errors != "" || kind.there() {
			t.Errorf("%s: alone it is not destroyed: %s", name, errors)
		}
		live = len(w.Workspace.Snapshot().Tokens)
	}
}

// A creation that failed does not prevent a destroy.
func TestFailedCreateDoesNotPreventDestroy(t *testing.T) {
	t.Parallel()
	w := keptWorld(t)
	const name = "dbxaccess_serving_endpoint_permission"
	config := map[string]any{"endpoint_name": "iris", "service_principal_name": w.ScoringApp.ClientID}
	made := w.Protocol(t).MustApply(t, name, acctest.Object{}, config)
	destroy, _ := w.Protocol(t).Plan(t, name, made, nil)
	higher := map[string]any{"endpoint_name": "iris", "service_principal_name": w.ScoringApp.ClientID,
		"permission_level": "CAN_MANAGE"}
	p := w.Protocol(t)
	if _, errors := p.Apply(t, name, acctest.Object{}, higher); !strings.Contains(errors, "already has the direct "+
		"permission level CAN_QUERY") {
		t.Fatal(errors)
	}
	if _, errors := p.ApplyPlan(t, destroy, nil); errors != "" ||
		w.Workspace.Grants("iris")[w.ScoringApp.ClientID] != "" {
		t.Errorf("%s; the endpoint holds %v", errors, w.Workspace.Grants("iris"))
	}
}

// Neither does a creation or a change that the service refused, whatever its resource type.
func TestRefusedRequestDoesNotPreventDestroy(t *testing.T) {
	t.Parallel()
	const lists = "/api/2.0/permissions/serving-endpoints/*"
	for name, cases := range map[string]map[string]struct {
		changed map[string]any // attributes to change; nil for a creation
		refused emulator.Fault
	}{
		"dbxaccess_serving_endpoint_permission": {
			"create": {nil, emulator.Fault{Path: lists}},
			"change": {map[string]any{"permission_level": "CAN_VIEW"}, emulator.Fault{Path: lists}},
		},
		"dbxaccess_serving_endpoint_permissions_exclusive": {
			"create": {nil, emulator.Fault{Path: lists}},
			"change": {map[string]any{"users": map[string]any{"ada@example.com": "CAN_QUERY"}}, emulator.Fault{Path: lists}},
		},
		"dbxaccess_token_permission":  {"create": {nil, emulator.Fault{Path: "/api/2.0/permissions/authorization/tokens"}}},
		"dbxaccess_group_member":      {"create": {nil, emulator.Fault{Path: "/api/2.0/preview/scim/v2/Groups/*", Method: "PATCH"}}},
		"dbxaccess_service_principal": {"create": {nil, emulator.Fault{Path: "/api/2.0/preview/scim/v2/ServicePrincipals"}}},
	} {
		for what, test := range cases {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				w := keptWorld(t)
				kind := keptKinds(w)[name]
				made := w.Protocol(t).MustApply(t, name, acctest.Object{}, kind.config)
				destroy, _ := w.Protocol(t).Plan(t, name, made, nil)
				prior, config := acctest.Object{}, maps.Clone(kind.config)
				if test.changed != nil {
					prior = made
					maps.Copy(config, test.changed)
				}
				p := w.Protocol(t)
				plan := p.MustPlan(t, name, prior, config)
				test.refused.Service, test.refused.Status, test.refused.Times = "workspace", 400, -1
				w.Tenant.Faults.Add(test.refused)
				if _, errors := p.ApplyPlan(t, plan, config); !strings.Contains(errors, "answered 400") {
					t.Fatalf("it was not refused: %s", errors)
				}
				w.Tenant.Faults.Clear()
				if _, errors := p.ApplyPlan(t, destroy, nil); errors != "" || kind.there() {
					t.Errorf("it is not destroyed: %s", errors)
				}
			})
		}
	}
}

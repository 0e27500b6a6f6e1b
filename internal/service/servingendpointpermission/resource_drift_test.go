package servingendpointpermission_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestDrift(t *testing.T) {
	t.Parallel()
	for name, drift := range map[string]struct {
		happens func(*world)
		plan    plancheck.ResourceActionType
		after   func(*world) map[string]string
	}{
		"grant removed": {
			func(w *world) { w.Workspace.RemoveGrant("iris", w.app) }, plancheck.ResourceActionCreate, nil,
		},
		"level raised": {
			func(w *world) { w.Workspace.SetGrant("iris", w.app, "CAN_MANAGE") }, plancheck.ResourceActionUpdate, nil,
		},
		"level lowered": {
			func(w *world) { w.Workspace.SetGrant("iris", w.app, "CAN_VIEW") }, plancheck.ResourceActionUpdate, nil,
		},
		"foreign grants changed": {
			func(w *world) {
				w.Workspace.SetGrant("iris", group, "CAN_MANAGE")
				w.Workspace.RemoveGrant("iris", user)
			}, plancheck.ResourceActionNoop,
			func(w *world) map[string]string {
				return map[string]string{person: "CAN_MANAGE", neighbor: "CAN_QUERY", group: "CAN_MANAGE",
					w.app: "CAN_QUERY"}
			},
		},
		"principal renamed": {
			func(w *world) { w.Workspace.SetDisplayName(w.app, "another name") }, plancheck.ResourceActionNoop, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			after := func(w *world) map[string]string { return with(w.app, "CAN_QUERY") }
			if drift.after != nil {
				after = drift.after
			}
			w.run(t,
				resource.TestStep{Config: w.toApp()},
				resource.TestStep{
					PreConfig:        func() { drift.happens(w) },
					Config:           w.toApp(),
					ConfigPlanChecks: acctest.Planned(address, drift.plan),
					Check:            on(func() { w.holds(t, after(w)) }),
				},
				resource.TestStep{Config: w.toApp(), ConfigPlanChecks: empty},
			)
			want := after(w)
			delete(want, w.app)
			w.holds(t, want)
		})
	}
}

// A principal may be in the list only for a level that it inherits. Its direct grant is missing all the same.
func TestOnlyInheritedLevelLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(t,
		resource.TestStep{Config: w.toApp()},
		resource.TestStep{
			PreConfig: func() {
				w.Workspace.RemoveGrant("iris", w.app)
				w.Tenant.Faults.Add(emulator.Fault{
					Service: "workspace", Method: "GET", Path: listPath, Times: -1, Status: 200,
					ContentType: "application/json",
					Body: `{"object_id":"/serving-endpoints/` + w.Workspace.Snapshot().Endpoints[0].ID +
						`","object_type":"serving-endpoint",` +
						`"access_control_list":[{"service_principal_name":"` + w.app + `",` +
						`"all_permissions":[{"permission_level":"CAN_QUERY","inherited":true}]}]}`,
				})
			},
			Config: w.toApp(),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				between(w.Tenant.Faults.Clear),
			}},
			Check: on(func() { w.holds(t, with(w.app, "CAN_QUERY")) }),
		},
	)
}

// An endpoint that is created again under its name has another id and an empty access list. The old list may still
// answer with the old grant: a read by the old id would see no change although nobody can query.
func TestEndpointRecreated(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]emulator.WorkspaceSwitches{
		"old list readable": {},
		"old list deleted":  {DeletedListGone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(switches)
			old := w.EndpointID
			var recreated string
			recreate := func() {
				w.Workspace.DeleteEndpoint("iris")
				recreated = w.Workspace.CreateEndpoint("iris", person)
			}
			w.run(t,
				resource.TestStep{Config: w.toApp()},
				resource.TestStep{PreConfig: recreate, RefreshState: true, ExpectNonEmptyPlan: true},
				resource.TestStep{
					Config:           w.toApp(),
					ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate),
					Check: on(func() {
						w.holds(t, map[string]string{person: "CAN_MANAGE", w.app: "CAN_QUERY"})
						w.warned(t, "re-created under its name: iris", old, recreated, "iris-scoring")
					}),
				},
				resource.TestStep{Config: w.toApp(), ConfigPlanChecks: empty},
			)
			w.holds(t, map[string]string{person: "CAN_MANAGE"})
		})
	}
}

// Somebody may already have granted access on the new endpoint: then only the id in the state is outdated.
func TestEndpointRecreatedAndGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var recreated string
	w.run(t,
		resource.TestStep{Config: w.toApp()},
		resource.TestStep{
			PreConfig: func() {
				w.Workspace.DeleteEndpoint("iris")
				recreated = w.Workspace.CreateEndpoint("iris", person)
				w.Workspace.SetGrant("iris", w.app, "CAN_QUERY")
			},
			Config: w.toApp(), ConfigPlanChecks: empty,
			Check: resource.TestCheckResourceAttrWith(address, "endpoint_id", func(id string) error {
				if id != recreated {
					t.Errorf("endpoint_id is %s, want that of the new endpoint", id)
				}
				return nil
			}),
		},
	)
	w.warned(t, "re-created under its name: iris")
	w.holds(t, map[string]string{person: "CAN_MANAGE"})
}

func TestEndpointDeleted(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]emulator.WorkspaceSwitches{
		"old list readable": {},
		"old list deleted":  {DeletedListGone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(switches)
			w.run(t,
				resource.TestStep{Config: w.toApp()},
				resource.TestStep{
					PreConfig: func() { w.Workspace.DeleteEndpoint("iris") },
					Config:    w.toApp(), ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate),
					ExpectError: regexp.MustCompile(`(?s)no serving\s+endpoint\s+named\s+"iris"`),
				},
				resource.TestStep{
					PreConfig: func() {
						w.warned(t, "Serving endpoint is gone: iris", w.app, "iris-scoring")
						w.Workspace.CreateEndpoint("iris", person)
					},
					Config: w.toApp(),
					Check:  on(func() { w.holds(t, map[string]string{person: "CAN_MANAGE", w.app: "CAN_QUERY"}) }),
				},
			)
			w.holds(t, map[string]string{person: "CAN_MANAGE"})
		})
	}
}

// The endpoint is deleted between the plan and the apply of a destroy, and its grants with it.
func TestEndpointDeletedDuringDestroy(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]emulator.WorkspaceSwitches{
		"old list readable": {},
		"old list fixed":    {DeletedListReadOnly: true},
		"old list deleted":  {DeletedListGone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Workspace.SetSwitches(switches)
			w.run(t,
				resource.TestStep{Config: w.toApp()},
				resource.TestStep{
					Config: w.toApp(), Destroy: true,
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{between(func() {
						w.Workspace.DeleteEndpoint("iris")
					})}},
				},
			)
		})
	}
}

func TestPrincipalDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(t,
		resource.TestStep{Config: w.toApp()},
		resource.TestStep{
			PreConfig: func() { w.Workspace.RemovePrincipal(w.app) },
			Config:    w.toApp(), ConfigPlanChecks: acctest.Planned(address, plancheck.ResourceActionCreate),
			ExpectError: regexp.MustCompile(`(?s)no\s+service\s+principal\s+with\s+the\s+application\s+id\s+` + w.app),
		},
		resource.TestStep{
			PreConfig:         func() { w.Workspace.AddServicePrincipal(w.app, "iris-scoring") },
			Config:            w.toApp(),
			ConfigStateChecks: []statecheck.StateCheck{is("permission_level", knownvalue.StringExact("CAN_QUERY"))},
		},
	)
	w.holds(t, grantsOfOthers())
}

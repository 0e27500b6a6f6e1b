package serviceprincipaltoken_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const typeName = "dbxaccess_service_principal_token"

// operated returns the object that an operation returned. It fails the test if the operation failed, or if the object's
// identity is not that of the token in its state.
func operated(t *testing.T, w *acctest.World, what string, o acctest.Object, errors string) acctest.Object {
	t.Helper()
	if errors != "" {
		t.Fatal(errors)
	}
	acctest.Same(t, what, o.Identity, map[string]any{"token_id": o.State["token_id"], "workspace_id": w.Workspace.ID()})
	return o
}

// The identity contains the token's id. It stays the same in every change of the token, and changes with each rotation.
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	config := map[string]any{
		"owner":   map[string]any{"application_id": w.ScoringApp.ClientID, "client_secret_wo": w.ScoringSecret},
		"comment": "a", "overlap_seconds": 3600,
	}
	apply := func(what string, o acctest.Object) acctest.Object {
		t.Helper()
		o, errors := p.Apply(t, typeName, o, config)
		return operated(t, w, what, o, errors)
	}
	refresh := func(what string, o acctest.Object) acctest.Object {
		t.Helper()
		p = w.Protocol(t) // a new process, as for the next plan
		o, errors := p.Refresh(t, typeName, o)
		return operated(t, w, what, o, errors)
	}
	first := apply("made", acctest.Object{})
	config["comment"] = "b"
	changed := apply("changed in place", refresh("refreshed", first))
	acctest.Same(t, "changed in place", changed.Identity, first.Identity)
	changed.Identity = nil // as a Terraform without identities stores the state
	changed = refresh("refreshed without", changed)

	config["rotation_triggers"] = map[string]any{"a": "1"}
	for _, known := range []map[string]any{changed.Identity, nil} {
		changed.Identity = known
		second := apply("rotated", changed)
		if second.State["token_id"] == first.State["token_id"] ||
			second.State["previous_token_id"] != first.State["token_id"] {
			t.Errorf("%v", second.State)
		}
		w.Workspace.RevokeToken(second.State["token_id"].(string))
	}
	// A token that no longer exists keeps its identity until the plan that rotates it is applied.
	w.Workspace.RevokeToken(first.State["token_id"].(string))
	gone := refresh("gone", changed)
	acctest.Same(t, "gone", gone.Identity, first.Identity)
	third := apply("healed", gone)
	if _, errors := p.Apply(t, typeName, third, nil); errors != "" {
		t.Error(errors)
	}
}

// If a refresh cannot see the tokens, and on_unverifiable is "warn", the identity stays.
func TestIdentityUnverifiable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	o, errors := p.Apply(t, typeName, acctest.Object{}, map[string]any{
		"owner":           map[string]any{"application_id": w.ScoringApp.ClientID, "client_secret_wo": w.ScoringSecret},
		"on_unverifiable": "warn",
	})
	made := operated(t, w, "made", o, errors)
	made.Identity = nil
	w.Tenant.Faults.Add(fault("GET", managed, denied))
	o, errors = w.Protocol(t).Refresh(t, typeName, made)
	operated(t, w, "not seen", o, errors)
	w.Workspace.RevokeToken(made.State["token_id"].(string))
}

func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	notebook := w.Workspace.Snapshot().Tokens[0].ID
	id, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, "theirs", 90*day)
	byID, errors := p.Import(t, typeName, id, nil)
	operated(t, w, "imported by id", byID, errors)
	for what, given := range map[string]map[string]any{"whole": byID.Identity, "without workspace": {"token_id": id}} {
		o, errors := p.Import(t, typeName, "", given)
		got := operated(t, w, what, o, errors)
		acctest.Same(t, what, got.State, byID.State)
		// Nobody knows for which triggers an imported token was created. So adding triggers does not rotate it.
		o, errors = p.Apply(t, typeName, got, map[string]any{
			"owner":   map[string]any{"application_id": w.ScoringApp.ClientID, "client_secret_wo": w.ScoringSecret},
			"comment": "theirs", "rotation_triggers": map[string]any{"a": "1"},
		})
		if operated(t, w, what, o, errors); o.State["token_id"] != id {
			t.Errorf("%s: rotated: %v", what, o.State)
		}
	}
	for want, given := range map[string]map[string]any{
		"Wrong workspace":                                      {"token_id": id, "workspace_id": "1"},
		`no live token with the id "dapi…"`:                    {"token_id": "dapi0123"},
		"No such token to import":                              {"token_id": ""},
		"Token belongs to a person":                            {"token_id": notebook},
		`Wrong workspace: token dapi…: it was created in work`: {"token_id": "dapi0123", "workspace_id": "1"},
	} {
		if _, errors := p.Import(t, typeName, "", given); !strings.Contains(errors, want) {
			t.Errorf("%v: %q, want %q", given, errors, want)
		}
	}
	w.Workspace.RevokeToken(id)
}

// The list of tokens shows an owner only if that owner has created a token itself. Otherwise the import fails with an
// error that says so.
func TestImportOfAnUnnamedOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.Workspace.MintToken(w.Deployer.ClientID, "given", 90*day)
	w.Workspace.GiveToken(id, w.ScoringApp.ClientID)
	_, errors := w.Protocol(t).Import(t, typeName, id, nil)
	if !strings.Contains(errors, "Token has an owner that the workspace does not name") ||
		!strings.Contains(errors, "was created by "+w.Deployer.ClientID+" and belongs to") {
		t.Errorf("%q", errors)
	}
	revokeAll(w)
}

// TestImportByIdentityBlock imports a token by its identity through Terraform itself, from version 1.12 on.
func TestImportByIdentityBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	isToken := statecheck.ExpectIdentityValueMatchesState(address, tokenID())
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.Providers(),
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: w.Informed(
			resource.TestStep{Config: bySecret(w, nineHours), ConfigStateChecks: []statecheck.StateCheck{
				isToken, statecheck.ExpectIdentity(address,
					map[string]knownvalue.Check{"token_id": knownvalue.NotNull(),
						"workspace_id": knownvalue.StringExact(w.Workspace.ID())}),
			}},
			resource.TestStep{ResourceName: address, ImportState: true,
				ImportStateKind: resource.ImportBlockWithResourceIdentity, ImportPlanChecks: resource.ImportPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address,
						plancheck.ResourceActionNoop)},
				}},
			resource.TestStep{PreConfig: func() {
				w.Tenant.Clock.Advance(6*time.Hour + time.Minute)
			}, Config: bySecret(w, nineHours), ConfigStateChecks: []statecheck.StateCheck{
				isToken, has("rotation_reason", knownvalue.StringExact("due")),
			}},
		),
	})
}

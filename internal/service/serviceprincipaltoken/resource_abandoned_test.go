package serviceprincipaltoken_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// noUpdates switches the emulated workspace to one that cannot change a token, and so cannot remove a marker from its
// comment.
var noUpdates = emulator.WorkspaceSwitches{NoTokenUpdates: true}

// markersStay are the conditions under which the provider's marker may stay in the comment of a token.
var markersStay = map[string]func(*acctest.World){
	"with PATCH": func(*acctest.World) {},
	"without":    func(w *acctest.World) { w.Workspace.SetSwitches(noUpdates) },
	"one PATCH is refused": func(w *acctest.World) {
		w.Tenant.Faults.Add(fault("PATCH", update, emulator.Fault{Status: 404, Code: "ENDPOINT_NOT_FOUND"}))
	},
	"PATCH always fails": func(w *acctest.World) {
		w.Tenant.Faults.Add(fault("PATCH", update, emulator.Fault{Status: 500, Code: "INTERNAL_ERROR", Times: -1}))
	},
	"PATCH changes nothing": func(w *acctest.World) {
		w.Tenant.Faults.Add(fault("PATCH", update, emulator.Fault{Status: 200, Body: "{}",
			ContentType: "application/json", Times: -1}))
	},
}

// inEachWay runs a test in a new workspace for each condition of [markersStay].
func inEachWay(t *testing.T, story func(*testing.T, *acctest.World)) {
	t.Helper()
	t.Parallel()
	for name, spoil := range markersStay {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			spoil(w)
			story(t, w)
			revokeAll(w)
		})
	}
}

func ofApplication(w *acctest.World, more map[string]any) map[string]any {
	config := map[string]any{
		"owner": map[string]any{"application_id": w.ScoringApp.ClientID, "client_secret_wo": w.ScoringSecret}, "comment": "c",
	}
	for name, value := range more {
		config[name] = value
	}
	return config
}

func ofProvider(w *acctest.World) map[string]any {
	return map[string]any{
		"owner": map[string]any{"application_id": w.Deployer.ClientID, "use_provider_identity": true}, "comment": "c",
	}
}

// lives checks that a token is on the server.
func lives(t *testing.T, w *acctest.World, what string, o acctest.Object) {
	t.Helper()
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.ID == o.State["token_id"] {
			return
		}
	}
	t.Errorf("%s is gone", what)
}

// A token that nobody has used yet belongs to another state than the one that is applied. It must not be revoked.
func TestUnusedTokenOfAnotherState(t *testing.T) {
	inEachWay(t, func(t *testing.T, w *acctest.World) {
		first := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
		w.Tenant.Clock.Advance(15 * time.Minute)
		second := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
		lives(t, w, "the token of the first folder", first)
		lives(t, w, "the token of the second folder", second)
	})
}

// The provider is no admin, so its list of tokens does not show that a token is in use. That token must not be revoked.
func TestTokenWithUnknownUseIsNotRevoked(t *testing.T) {
	inEachWay(t, func(t *testing.T, w *acctest.World) {
		w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
		w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
		first := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofProvider(w))
		w.Workspace.UseToken(first.State["token_id"].(string))
		w.Tenant.Clock.Advance(15 * time.Minute)
		second := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofProvider(w))
		lives(t, w, "the token in use", first)
		lives(t, w, "the new token", second)
	})
}

// A rotation with an overlap does not revoke the previous token.
func TestPreviousTokenOutlivesTheRotation(t *testing.T) {
	inEachWay(t, func(t *testing.T, w *acctest.World) {
		first := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
		w.Tenant.Clock.Advance(15 * time.Minute)
		p := w.Protocol(t)
		second := p.MustApply(t, typeName, p.MustRefresh(t, typeName, first),
			ofApplication(w, map[string]any{"rotation_triggers": map[string]any{"a": "1"}}))
		if second.State["previous_token_id"] != first.State["token_id"] {
			t.Errorf("%v", second.State)
		}
		lives(t, w, "the token before", first)
		lives(t, w, "the new token", second)
	})
}

// Many tokens of one owner are created at the same time, in a workspace whose clock is ahead. Each run is a process of
// its own. No token may be lost.
func TestManyTokensWithClockAhead(t *testing.T) {
	inEachWay(t, func(t *testing.T, w *acctest.World) {
		w.Tenant.Clock.Advance(10 * time.Minute)
		const runs, each = 6, 8
		for range runs {
			p := w.Protocol(t)
			var all sync.WaitGroup
			for i := range each {
				all.Go(func() {
					if _, errors := p.Apply(t, typeName, acctest.Object{},
						ofApplication(w, map[string]any{"comment": fmt.Sprint(i)})); errors != "" {
						t.Error(errors)
					}
				})
			}
			all.Wait()
		}
		if n := len(live(w, w.ScoringApp.ClientID)); n != runs*each {
			t.Errorf("%d of %d tokens live", n, runs*each)
		}
	})
}

// State and plan show the comment as the configuration has it, even if the workspace shows the provider's marker in it.
func TestMarkerIsNoDrift(t *testing.T) {
	inEachWay(t, func(t *testing.T, w *acctest.World) {
		made := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
		read := w.Protocol(t).MustRefresh(t, typeName, made)
		imported := w.Protocol(t).MustImport(t, typeName, made.State["token_id"].(string), nil)
		for what, o := range map[string]acctest.Object{"made": made, "read": read, "imported": imported} {
			if o.State["comment"] != "c" {
				t.Errorf("%s: the comment is %q", what, o.State["comment"])
			}
		}
		if comment := live(w, w.ScoringApp.ClientID)[0].Comment; comment != "c" &&
			!strings.HasPrefix(comment, "c [dbxaccess:") {
			t.Errorf("on the server it is %q", comment)
		}
	})
}

// abandoned creates a token as a killed run leaves it behind, three days old, and returns the token's id.
func abandoned(w *acctest.World, owner string) string {
	id, _ := w.Workspace.MintToken(owner, client.Mark("left", w.Tenant.Clock.Now().Add(-time.Minute)), 90*day)
	w.Workspace.AgeToken(id, 3*day)
	return id
}

func ids(w *acctest.World) []string {
	var found []string
	for _, token := range w.Workspace.Snapshot().Tokens {
		found = append(found, token.ID)
	}
	return found
}

// A token that a killed run left behind is revoked if everything proves that: it has the marker, the marker's time is
// over, nobody has used the token for two days, and this workspace removes markers. A warning names the token. Tokens
// that are created together cause only one sweep.
func TestAbandonedTokenIsRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	application := w.ScoringApp.ClientID
	left, others := abandoned(w, application), abandoned(w, w.PersonName)
	w.Tenant.Journal.Reset()
	p := w.Protocol(t)
	var all sync.WaitGroup
	warnings := make([]string, 8)
	for i := range warnings {
		all.Go(func() {
			o, errors := p.Apply(t, typeName, acctest.Object{}, ofApplication(w, nil))
			if errors != "" {
				t.Error(errors)
			}
			warnings[i] = o.Warnings
		})
	}
	all.Wait()
	if n := len(live(w, application)); n != len(warnings) || slices.Contains(ids(w), left) ||
		!slices.Contains(ids(w), others) {
		t.Errorf("%d tokens live; the abandoned one is there: %t", n, slices.Contains(ids(w), left))
	}
	said := strings.Join(warnings, "")
	want := "Token of an interrupted run was revoked: token " + left[:12] + " of service principal " + application +
		" (left): Token " + left
	if strings.Count(said, want) != 1 {
		t.Errorf("said %q", said)
	}
	asked(t, w, 2, "workspace", "POST", revoke)
	asked(t, w, 2, "workspace", "GET", managed)
	revokeAll(w)
}

// revokeAll revokes the tokens of the scoring application and the deployer at the end of a test that leaves some on the
// server.
func revokeAll(w *acctest.World) {
	for _, owner := range []string{w.ScoringApp.ClientID, w.Deployer.ClientID} {
		for _, token := range live(w, owner) {
			w.Workspace.RevokeToken(token.ID)
		}
	}
}

// If one piece of evidence that a token is abandoned is missing, the token is not revoked.
func TestNoSweepWithoutEvidence(t *testing.T) {
	t.Parallel()
	mint := func(owner string, comment func(*acctest.World) string, age time.Duration) func(*testing.T,
		*acctest.World) string {
		return func(_ *testing.T, w *acctest.World) string {
			id, _ := w.Workspace.MintToken(cmp.Or(owner, w.ScoringApp.ClientID), comment(w), 90*day)
			w.Workspace.AgeToken(id, age)
			return id
		}
	}
	over := func(w *acctest.World) string { return client.Mark("x", w.Tenant.Clock.Now().Add(-time.Minute)) }
	left := func(_ *testing.T, w *acctest.World) string { return abandoned(w, w.ScoringApp.ClientID) }
	for name, tc := range map[string]struct {
		token func(*testing.T, *acctest.World) string
		spoil func(*acctest.World, string)
	}{
		"younger than two days":   {mint("", over, 47*time.Hour), nil},
		"the marker's time is on": {mint("", func(w *acctest.World) string { return client.Mark("x", w.Tenant.Clock.Now().Add(time.Hour)) }, 3*day), nil},
		"without a marker":        {mint("", func(*acctest.World) string { return "x" }, 3*day), nil},
		"used":                    {left, func(w *acctest.World, id string) { w.Workspace.UseToken(id); w.Workspace.AgeToken(id, 2*day) }},
		"of a person":             {func(_ *testing.T, w *acctest.World) string { return abandoned(w, w.PersonName) }, nil},
		"markers stay here":       {left, func(w *acctest.World, _ string) { w.Workspace.SetSwitches(noUpdates) }},
		"PATCH changes nothing":   {left, func(w *acctest.World, _ string) { markersStay["PATCH changes nothing"](w) }},
		"a clock days ahead":      {left, func(w *acctest.World, _ string) { w.Tenant.Clock.Advance(3 * day) }},
		"the list is empty": {left, func(w *acctest.World, _ string) {
			w.Tenant.Faults.Add(fault("GET", managed, emulator.Fault{Status: 200, Body: "{}",
				ContentType: "application/json"}))
		}},
		"a later list is empty": {left, func(w *acctest.World, _ string) {
			w.Tenant.Faults.Add(fault("GET", managed, emulator.Fault{Status: 200, Body: "{}",
				ContentType: "application/json", After: 1}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := tc.token(t, w)
			if tc.spoil != nil {
				tc.spoil(w, id)
			}
			w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
			if !slices.Contains(ids(w), id) {
				t.Error("it was revoked")
			}
			revokeAll(w)
		})
	}
}

// A provider that is no admin sees only its own tokens, and not when they were last used. So it revokes no token as
// abandoned.
func TestNoSweepByNoAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	left := abandoned(w, w.Deployer.ClientID)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Workspace.SetGrant(rights, w.Deployer.ClientID, "CAN_USE")
	w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofProvider(w))
	if !slices.Contains(ids(w), left) {
		t.Error("it was revoked")
	}
	revokeAll(w)
}

// A token in a state of this run is never revoked as abandoned, even if all other evidence speaks for that. Its marker
// stayed because the workspace could not remove it when the token was created.
func TestTokenInStateIsNotRevokedAsAbandoned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetSwitches(noUpdates)
	first := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{})
	w.Tenant.Clock.Advance(6 * time.Minute)
	w.Workspace.AgeToken(first.State["token_id"].(string), 3*day)
	p := w.Protocol(t)
	first = p.MustRefresh(t, typeName, first)
	p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	lives(t, w, "the token of the state", first)
	// A plan without a refresh also notes that the token is in use.
	p = w.Protocol(t)
	p.MustPlan(t, typeName, first, ofApplication(w, nil))
	p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	lives(t, w, "the token of the state", first)
	revokeAll(w)
}

// Markers that stay cause one warning per run, however many tokens are created, and no warning in later plans.
func TestRemainingMarkersCauseOneWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetSwitches(noUpdates)
	p, said := w.Protocol(t), ""
	for i := range 3 {
		o := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, map[string]any{"comment": fmt.Sprint(i)}))
		said += o.Warnings
		next := w.Protocol(t)
		read := next.MustRefresh(t, typeName, o)
		plan := next.MustPlan(t, typeName, read, ofApplication(w, map[string]any{"comment": fmt.Sprint(i)}))
		if read.Warnings != "" || plan.Warnings != "" || len(plan.Changed) > 0 {
			t.Errorf("%q, %q, %v", read.Warnings, plan.Warnings, plan.Changed)
		}
	}
	if strings.Count(said, "The provider's marker stays in the token's comment: token ") != 1 ||
		!strings.Contains(said, "cannot change a token") {
		t.Errorf("said %q", said)
	}
	revokeAll(w)
}

// If the call that removes the marker fails once, the provider tries again and succeeds.
func TestMarkerRemovalIsRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Tenant.Faults.Add(fault("PATCH", update, emulator.Fault{Status: 500, Code: "INTERNAL_ERROR"}))
	o := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	if tokens := live(w, w.ScoringApp.ClientID); o.Warnings != "" || len(tokens) != 1 || tokens[0].Comment != "c" {
		t.Errorf("%q, %+v", o.Warnings, tokens)
	}
	revokeAll(w)
}

// Comment and scopes change in place if the workspace can change tokens, and a marker that stayed is removed with that
// change. In another workspace the apply fails and says what to do, and the state stays as it was.
func TestChangeTokenWithRemainingMarker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetSwitches(noUpdates)
	p := w.Protocol(t)
	made := p.MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
	for _, change := range []map[string]any{{"comment": "d"}, {"scopes": []any{"serving"}}} {
		after, errors := p.Apply(t, typeName, made, ofApplication(w, change))
		if !strings.Contains(errors, "Cannot change token") || !strings.Contains(errors, "cannot change a token") ||
			!strings.Contains(errors, "change rotation_triggers as well") {
			t.Errorf("%v: %q", change, errors)
		}
		acctest.Same(t, "the state", after.State, made.State)
	}
	if plan := p.MustPlan(t, typeName, made, ofApplication(w, nil)); len(plan.Changed) > 0 {
		t.Errorf("what is written as it was changes %v", plan.Changed)
	}
	rotated := p.MustApply(t, typeName, made,
		ofApplication(w, map[string]any{"comment": "d", "scopes": []any{"serving"},
			"rotation_triggers": map[string]any{"a": "1"}}))
	rotated = p.MustRefresh(t, typeName, rotated)
	if rotated.State["comment"] != "d" || fmt.Sprint(rotated.State["scopes"]) != "[serving]" {
		t.Errorf("%v", rotated.State)
	}
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{})
	p.MustApply(t, typeName, rotated, ofApplication(w, map[string]any{"comment": "d", "scopes": []any{"serving", "sql"},
		"rotation_triggers": map[string]any{"a": "1"}}))
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 2 || tokens[1].Comment != "d" {
		t.Errorf("%+v", tokens)
	}
	revokeAll(w)
}

// Terraform itself creates many tokens of one owner in one apply, in a workspace whose clock is ahead and which keeps
// markers. Then it creates more while the first tokens are as old as abandoned ones.
func TestEightTokensInOneApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetSwitches(noUpdates)
	w.Tenant.Clock.Advance(10 * time.Minute)
	c := w.CLI(t, bySecret(w, "count = 8", `comment = "c${count.index}"`))
	if said := c.MustRun(t, 0, "apply", "-auto-approve").Text(); strings.Count(said, "The provider's marker stays "+
		"in the token's comment") != 1 {
		t.Error(said)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	for _, token := range live(w, w.ScoringApp.ClientID) {
		w.Workspace.AgeToken(token.ID, 3*day)
	}
	rewrite(t, c, "count = 8", "count = 16")
	c.MustRun(t, 0, "apply", "-auto-approve")
	if n := len(live(w, w.ScoringApp.ClientID)); n != 16 {
		t.Errorf("%d of 16 tokens live", n)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

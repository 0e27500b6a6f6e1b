package serviceprincipaltoken_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// markersStay are the ways in which a workspace leaves the provider's marker on a token: for how many requests.
var markersStay = map[string]emulator.Fault{
	"with PATCH":            {},
	"one PATCH is refused":  {Status: 404, Code: "ENDPOINT_NOT_FOUND", Message: "No API found for 'PATCH /token'", Times: 1},
	"PATCH is not there":    {Status: 404, Code: "ENDPOINT_NOT_FOUND", Message: "No API found for 'PATCH /token'", Times: -1},
	"PATCH always fails":    {Status: 500, Code: "INTERNAL_ERROR", Message: "oops", Times: -1},
	"PATCH changes nothing": {Status: 200, Body: "{}", ContentType: "application/json", Times: -1},
}

// inEachWay runs a story in a world of its own for each of [markersStay].
func inEachWay(t *testing.T, story func(*testing.T, *acctest.World)) {
	t.Helper()
	t.Parallel()
	for name, f := range markersStay {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if f.Status != 0 {
				w.Tenant.Faults.Add(fault("PATCH", update, f))
			}
			story(t, w)
			for _, owner := range []string{w.ScoringApp.ClientID, w.Deployer.ClientID} {
				for _, token := range live(w, owner) {
					w.Workspace.RevokeToken(token.ID)
				}
			}
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

// lives demands that a token is on the server.
func lives(t *testing.T, w *acctest.World, what string, o acctest.Object) {
	t.Helper()
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.ID == o.State["token_id"] {
			return
		}
	}
	t.Errorf("%s is gone", what)
}

// A token that was not used yet, in another state than the one that is applied.
func TestUnusedTokenOfAnotherState(t *testing.T) {
	inEachWay(t, func(t *testing.T, w *acctest.World) {
		first := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
		w.Tenant.Clock.Advance(15 * time.Minute)
		second := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
		lives(t, w, "the token of the first folder", first)
		lives(t, w, "the token of the second folder", second)
	})
}

// A token in use, of a provider that is no admin: the list it gets does not say that the token is used.
func TestUsedTokenOfNoAdmin(t *testing.T) {
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

// A rotation with an overlap leaves the token before alive.
func TestPreviousTokenOutlivesTheRotation(t *testing.T) {
	inEachWay(t, func(t *testing.T, w *acctest.World) {
		first := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, ofApplication(w, nil))
		w.Tenant.Clock.Advance(15 * time.Minute)
		p := w.Protocol(t)
		second := p.MustApply(t, typeName, p.MustRefresh(t, typeName, first), ofApplication(w, map[string]any{"rotation_triggers": map[string]any{"a": "1"}}))
		if second.State["previous_token_id"] != first.State["token_id"] {
			t.Errorf("%v", second.State)
		}
		lives(t, w, "the token before", first)
		lives(t, w, "the new token", second)
	})
}

// Many tokens of one owner are made at once in a workspace whose clock is ahead. Each run is a process of its own.
func TestManyTokensUnderAClockAhead(t *testing.T) {
	inEachWay(t, func(t *testing.T, w *acctest.World) {
		w.Tenant.Clock.Advance(10 * time.Minute)
		const runs, each = 6, 8
		for range runs {
			p := w.Protocol(t)
			var all sync.WaitGroup
			for i := range each {
				all.Go(func() {
					if _, errors := p.Apply(t, typeName, acctest.Object{}, ofApplication(w, map[string]any{"comment": fmt.Sprint(i)})); errors != "" {
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

// The marker is the provider's business: state and plan show the comment as it was written, whatever the workspace shows.
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
		if comment := live(w, w.ScoringApp.ClientID)[0].Comment; comment != "c" && !strings.HasPrefix(comment, "c [dbxaccess:") {
			t.Errorf("on the server it is %q", comment)
		}
	})
}

package serviceprincipaloauthsecret_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// At every moment there is at least one working secret that applications can have, and never more than two secrets of
// the provider.
func TestRotationByTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Protocol(t)
	c := config(w, "overlap_seconds", 3600)
	o := p.MustApply(t, typeName, acctest.Object{}, c)
	first := o
	w.Tenant.Clock.Advance(6*time.Hour + time.Minute)
	p = w.Protocol(t)
	o = p.MustRefresh(t, typeName, o)
	plan := p.MustPlan(t, typeName, o, c)
	if plan.State["rotation_reason"] != "due" || len(plan.Replace) > 0 {
		t.Fatalf("plan: %v, replaces %v", plan.State, plan.Replace)
	}
	o, errors := p.ApplyPlan(t, plan, c)
	if errors != "" {
		t.Fatal(errors)
	}
	second := o
	if !logsIn(t, w, o, value(first)) || !logsIn(t, w, o, value(second)) || len(secrets(w)) != 2 {
		t.Errorf("after the rotation there are %v", secrets(w))
	}
	p = w.Protocol(t)
	o = p.MustRefresh(t, typeName, o)
	if plan := p.MustPlan(t, typeName, o, c); len(plan.Changed) > 0 {
		t.Errorf("within the overlap a plan changes %v", plan.Changed)
	}
	w.Tenant.Clock.Advance(61 * time.Minute)
	p = w.Protocol(t)
	o = p.MustRefresh(t, typeName, o)
	if plan = p.MustPlan(t, typeName, o, c); plan.State["rotation_reason"] != "overlap_ended" {
		t.Fatalf("after the overlap: %v", plan.State)
	}
	o = p.MustApply(t, typeName, o, c)
	if logsIn(t, w, o, value(first)) || !logsIn(t, w, o, value(second)) {
		t.Error("the first secret still logs in, or the second one does not")
	}
	p.MustApply(t, typeName, o, nil)
}

// A workspace has several names. A rotation under another one plans the address at which the new secret logs in.
func TestRotationUnderAnotherHostName(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		happens   func(w *acctest.World, id string)
		refreshes bool
		more      []any
	}{
		"deleted by hand":   {func(w *acctest.World, id string) { w.Workspace.DeleteOAuthSecret(id) }, true, nil},
		"without a refresh": {func(*acctest.World, string) {}, false, []any{"rotation_triggers", map[string]any{"run": "2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := w.Protocol(t).MustApply(t, typeName, acctest.Object{}, config(w))
			tc.happens(w, o.State["id"].(string))
			w.Env["DBXACCESS_HOST"] = strings.Replace(w.Env["DBXACCESS_HOST"], "127.0.0.1", "localhost", 1)
			p := w.Protocol(t)
			if tc.refreshes {
				o = p.MustRefresh(t, typeName, o)
			}
			o = p.MustApply(t, typeName, o, config(w, tc.more...))
			if !strings.HasPrefix(o.State["token_url"].(string), w.Env["DBXACCESS_HOST"]) ||
				!logsIn(t, w, o, value(o)) {
				t.Errorf("token_url: %v", o.State["token_url"])
			}
		})
	}
}

// The service allows five secrets per principal. The provider deletes none of the others, and sends no request that can
// only fail.
func TestAllOAuthSecretsInUse(t *testing.T) {
	t.Parallel()
	for others, want := range map[int]string{3: "", 4: "warns", 5: "fails"} {
		t.Run(fmt.Sprint(others), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for range others {
				w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, 0)
			}
			before := secrets(w)
			p := w.Protocol(t)
			o, errors := p.Apply(t, typeName, acctest.Object{}, config(w))
			if fails := errors != ""; fails != (want == "fails") {
				t.Fatalf("errors: %s", errors)
			}
			for _, id := range before {
				if !slices.Contains(secrets(w), id) {
					t.Errorf("%s was deleted", id)
				}
				if want == "fails" && !strings.Contains(errors, id) {
					t.Errorf("the error does not name %s: %s", id, errors)
				}
			}
			if posts := w.Count("workspace", http.MethodPost, "credentials/secrets"); want == "fails" && posts > 0 {
				t.Errorf("%d secrets were requested", posts)
			}
			if warns := strings.Contains(o.Warnings, "next rotation will fail"); warns != (want == "warns") {
				t.Errorf("warnings: %s", o.Warnings)
			}
			if want != "fails" {
				p.MustApply(t, typeName, o, nil)
			}
		})
	}
}

package serviceprincipaltoken_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const sweepAction = "dbxaccess_sweep_stray_tokens"

// withStrayTokens returns a workspace with three stray tokens and with tokens that must not be revoked, and the ids of
// the stray tokens.
func withStrayTokens(t *testing.T) (w *acctest.World, ids []string) {
	t.Helper()
	w = acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetGrant("authorization/tokens", w.ScoringApp.ClientID, "CAN_USE")
	const ago, lifetime = 50 * time.Hour, 60 * time.Hour
	mint := func(comment string, lifetime time.Duration) string {
		id, _ := w.Workspace.MintToken(w.ScoringApp.ClientID, comment, lifetime)
		return id
	}
	marker := func() string { return "[dbxaccess:" + uuid.NewString() + " until 2026-01-01T00:00:00Z]" }
	w.Tenant.Clock.Advance(-ago)
	for _, comment := range []string{"nightly [dbxaccess-ephemeral] " + marker(), "[dbxaccess-ephemeral]",
		"scoring " + marker()} {
		ids = append(ids, mint(comment, lifetime))
	}
	mint("no marker", lifetime)
	w.Workspace.UseToken(mint("in use, its comment could not be changed "+marker(), lifetime))
	w.Tenant.Clock.Advance(ago - 2*time.Hour)
	mint("made two hours ago, and its use does not show yet "+marker(), lifetime)
	w.Tenant.Clock.Advance(2 * time.Hour)
	mint("of a run that is going on [dbxaccess-ephemeral] "+marker(), lifetime)
	return w, ids
}

func tokenIDs(w *acctest.World) (ids []string) {
	for _, token := range w.Workspace.Snapshot().Tokens {
		ids = append(ids, token.ID)
	}
	return ids
}

// A dry run lists the tokens that the second run revokes. Both leave out the tokens of a run that has not ended, and
// tokens of others.
func TestSweepStrayTokens(t *testing.T) {
	t.Parallel()
	w, ids := withStrayTokens(t)
	all := tokenIDs(w)
	progress, _, failed := w.Protocol(t).Invoke(t, sweepAction, nil)
	said := strings.Join(progress, "\n")
	for _, want := range append(ids, "3 stray tokens found, none revoked, because dry_run is true.",
		w.ScoringApp.ClientID) {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if failed != "" || len(progress) != 4 || !slices.Equal(tokenIDs(w), all) {
		t.Errorf("%s\n%s", failed, said)
	}

	progress, _, failed = w.Protocol(t).Invoke(t, sweepAction, map[string]any{"dry_run": false})
	if said = strings.Join(progress, "\n"); failed != "" ||
		!strings.Contains(said, "Revoked 3 stray tokens; 0 could not be revoked.") {
		t.Errorf("%s\n%s", failed, said)
	}
	for _, id := range tokenIDs(w) {
		if slices.Contains(ids, id) {
			t.Errorf("left: %s", id)
		}
	}
	if n := len(tokenIDs(w)); n != len(all)-3 {
		t.Errorf("%d tokens are left of %d", n, len(all))
	}
	progress, _, failed = w.Protocol(t).Invoke(t, sweepAction, map[string]any{"dry_run": false,
		"older_than_seconds": 3 * 24 * 3600})
	if said = strings.Join(progress, "\n"); failed != "" ||
		!strings.Contains(said, "Revoked 0 stray tokens; 0 could not be revoked.") {
		t.Errorf("%s\n%s", failed, said)
	}
}

func TestSweepNamesRemainingTokens(t *testing.T) {
	t.Parallel()
	w, ids := withStrayTokens(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "DELETE",
		Path: "/api/2.0/token-management/tokens/" + ids[1], Status: 403, Code: "PERMISSION_DENIED",
		Message: "it is protected"})
	progress, _, failed := w.Protocol(t).Invoke(t, sweepAction, map[string]any{"dry_run": false})
	if !strings.Contains(failed, "Cannot revoke stray token") || !strings.Contains(failed, ids[1]) ||
		!strings.Contains(strings.Join(progress, "\n"), "Revoked 2 stray tokens; 1 could not be revoked.") {
		t.Errorf("%s\n%q", failed, progress)
	}
}

func TestSweepDenied(t *testing.T) {
	t.Parallel()
	w, _ := withStrayTokens(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	if _, _, failed := w.Protocol(t).Invoke(t, sweepAction, nil); !strings.Contains(failed,
		"Cannot list stray tokens") || !strings.Contains(failed, `"admins"`) {
		t.Error(failed)
	}
}

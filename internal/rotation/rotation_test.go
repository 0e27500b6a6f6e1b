package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds int) time.Time { return created.Add(time.Duration(seconds) * time.Second) }

func TestJudge(t *testing.T) {
	t.Parallel()
	// This credential lives for 90 seconds and is due 30 seconds before it expires.
	young := rotation.Recorded{ID: "now", ExpiresAt: at(90), RotateAt: at(60)}
	withPrevious := young
	withPrevious.PreviousID, withPrevious.PreviousEnd = "before", at(20)
	for name, tc := range map[string]struct {
		state rotation.Recorded
		facts rotation.Facts
		want  rotation.Verdict
	}{
		"young":                    {young, rotation.Facts{Now: at(59), Live: true}, rotation.Verdict{}},
		"due":                      {young, rotation.Facts{Now: at(60), Live: true}, rotation.Verdict{Reason: rotation.Due}},
		"never due":                {rotation.Recorded{ID: "now", ExpiresAt: at(90)}, rotation.Facts{Now: at(89), Live: true}, rotation.Verdict{}},
		"without an end":           {rotation.Recorded{ID: "now"}, rotation.Facts{Now: at(1000), Live: true}, rotation.Verdict{}},
		"revoked":                  {young, rotation.Facts{Now: at(89)}, rotation.Verdict{Reason: rotation.Revoked}},
		"expired":                  {young, rotation.Facts{Now: at(90)}, rotation.Verdict{Reason: rotation.Expired}},
		"of another":               {young, rotation.Facts{Now: at(70), Live: true, Owner: "other"}, rotation.Verdict{Reason: rotation.Owner}},
		"value lost":               {young, rotation.Facts{Now: at(70), Live: true, VaultLost: true}, rotation.Verdict{Reason: rotation.Vault}},
		"never stored":             {young, rotation.Facts{Now: at(10), Live: true, VaultLost: true, Unusable: true}, rotation.Verdict{Reason: rotation.Vault, Unusable: true}},
		"unusable, vault not seen": {young, rotation.Facts{Now: at(10), Live: true, Unusable: true}, rotation.Verdict{Reason: rotation.Vault, Unusable: true}},
		"within the overlap":       {withPrevious, rotation.Facts{Now: at(19), Live: true}, rotation.Verdict{}},
		"overlap over":             {withPrevious, rotation.Facts{Now: at(20), Live: true}, rotation.Verdict{Ended: "before"}},
		"overlap over, due":        {withPrevious, rotation.Facts{Now: at(60), Live: true}, rotation.Verdict{Ended: "before", Reason: rotation.Due}},
		"overlap, revoked":         {withPrevious, rotation.Facts{Now: at(10)}, rotation.Verdict{Reason: rotation.Revoked}},
	} {
		tc.want.ID = "now"
		got := rotation.Judge(tc.state, tc.facts)
		if got != tc.want {
			t.Errorf("%s: %+v, not %+v", name, got, tc.want)
		}
		if got.About("now") != got || got.About("other") != (rotation.Verdict{}) {
			t.Errorf("%s: the verdict is about %q", name, got.ID)
		}
	}
}

func TestCause(t *testing.T) {
	t.Parallel()
	unknown, changed, same := rotation.Change{Reason: rotation.Lifetime,
		Unknown: true}, rotation.Change{Reason: rotation.Trigger,
		Changed: true}, rotation.Change{Reason: rotation.Vault}
	for name, tc := range map[string]struct {
		verdict rotation.Reason
		changes []rotation.Change
		want    rotation.Reason
		known   bool
	}{
		"nothing":              {"", nil, "", true},
		"nothing changed":      {"", []rotation.Change{same, same}, "", true},
		"changed":              {"", []rotation.Change{same, changed}, rotation.Trigger, true},
		"unknown first":        {"", []rotation.Change{unknown, changed}, "", false},
		"changed first":        {"", []rotation.Change{changed, unknown}, rotation.Trigger, true},
		"verdict over unknown": {rotation.Due, []rotation.Change{unknown}, rotation.Due, true},
	} {
		if why, known := rotation.Cause(rotation.Verdict{Reason: tc.verdict}, tc.changes...); why != tc.want ||
			known != tc.known {
			t.Errorf("%s: %q, %t", name, why, known)
		}
	}
}

// service is a service with credentials. It records each step of a rotation, and fails the steps in fail.
type service struct {
	t     *testing.T
	live  []string
	saved rotation.Status
	steps []string
	fail  []string
}

var errRefused = errors.New("refused")

func (s *service) step(format string, a ...any) error {
	step := fmt.Sprintf(format, a...)
	s.steps = append(s.steps, step)
	if len(s.live) > 2 {
		s.t.Errorf("%v: more than two live: %v", s.steps, s.live)
	}
	if slices.Contains(s.fail, step) {
		return errRefused
	}
	return nil
}

func (s *service) Create(context.Context) (string, error) {
	if err := s.step("create"); err != nil {
		return "", err
	}
	s.live = append(s.live, "new")
	return "new", nil
}

func (s *service) Store(context.Context) error { return s.step("store") }

func (s *service) Revoke(ctx context.Context, id string) error {
	if ctx.Err() != nil {
		s.t.Errorf("revoked %s with a context that has ended", id)
	}
	if err := s.step("revoke %s", id); err != nil {
		return err
	}
	s.live = slices.DeleteFunc(s.live, func(have string) bool { return have == id })
	return nil
}

func (s *service) Save(now rotation.Status) {
	s.saved = now
	_ = s.step("save %s", strings.TrimRight(now.ID+" "+now.Previous, " "))
}

// TestRotate checks the order of the steps of a rotation, with and without an overlap, and what happens when a step
// fails.
func TestRotate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		plan  rotation.Plan
		fail  string // the steps that fail
		steps string
		live  string
		left  bool // whether the replaced credential is still live, and reported
		err   bool
	}{
		"due":                       {plan: rotation.Plan{Reason: rotation.Due, Overlap: 1}, steps: "create, store, save new now", live: "now new"},
		"due, no overlap":           {plan: rotation.Plan{Reason: rotation.Due}, steps: "create, store, save new now, revoke now, save new", live: "new"},
		"due, no overlap, it stays": {plan: rotation.Plan{Reason: rotation.Due}, fail: "revoke now", steps: "create, store, save new now, revoke now", live: "now new", left: true},
		"due again":                 {plan: rotation.Plan{Reason: rotation.Due, Previous: "before", Overlap: 1}, steps: "revoke before, save now, create, store, save new now", live: "now new"},
		"due again, no credential can be revoked": {plan: rotation.Plan{Reason: rotation.Due, Previous: "before", Overlap: 1}, fail: "revoke before", steps: "revoke before", live: "before now", err: true},
		"revoked":                    {plan: rotation.Plan{Reason: rotation.Revoked, Overlap: 1}, steps: "revoke now, create, store, save new", live: "new"},
		"revoked, previous in use":   {plan: rotation.Plan{Reason: rotation.Revoked, Previous: "before", Overlap: 1}, steps: "revoke now, create, store, save new before", live: "before new"},
		"revoked, previous ended":    {plan: rotation.Plan{Reason: rotation.Revoked, Previous: "before", Overlap: 1, Verdict: rotation.Verdict{Ended: "before"}}, steps: "revoke now, create, store, save new before, revoke before, save new", live: "new"},
		"never stored":               {plan: rotation.Plan{Reason: rotation.Vault, Verdict: rotation.Verdict{Unusable: true}, Overlap: 1}, steps: "revoke now, create, store, save new", live: "new"},
		"not created":                {plan: rotation.Plan{Reason: rotation.Due, Overlap: 1}, fail: "create", steps: "create", live: "now", err: true},
		"not stored":                 {plan: rotation.Plan{Reason: rotation.Due, Overlap: 1}, fail: "store", steps: "create, store, revoke new", live: "now", err: true},
		"not stored and not revoked": {plan: rotation.Plan{Reason: rotation.Due, Overlap: 1}, fail: "store, revoke new", steps: "create, store, revoke new, save new now", live: "now new", err: true},
	} {
		tc.plan.Current = "now"
		s := &service{t: t, live: []string{"now"}, fail: strings.Split(tc.fail, ", ")}
		if tc.plan.Previous != "" {
			s.live = []string{tc.plan.Previous, "now"}
		}
		left, err := rotation.Rotate(t.Context(), tc.plan, s)
		if got := strings.Join(s.steps, ", "); got != tc.steps {
			t.Errorf("%s: %s", name, got)
		}
		if got := strings.Join(s.live, " "); got != tc.live {
			t.Errorf("%s: %s live", name, got)
		}
		if (left != nil) != tc.left || (err != nil) != tc.err || err != nil && !errors.Is(err, errRefused) {
			t.Errorf("%s: left %v, error %v", name, left, err)
		}
		if useless := strings.Contains(tc.fail, "revoke new"); s.saved.Unusable != useless {
			t.Errorf("%s: saved %+v", name, s.saved)
		}
		var blocked *rotation.NotRevokedError
		if errors.As(err, &blocked) != strings.Contains(tc.fail, "revoke before") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// stopped is a service that cancels the run while a value is stored.
type stopped struct {
	service
	stop context.CancelFunc
}

func (s *stopped) Store(ctx context.Context) error {
	s.stop()
	return ctx.Err()
}

func TestStoppedRunRevokesWhatItCreated(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	s := &stopped{service{t: t}, stop}
	id, err := rotation.Issue(ctx, s)
	var unusable *rotation.UnusableError
	if id != "" || len(s.live) > 0 || !errors.As(err, &unusable) || unusable.ID != "new" || unusable.RevokeErr != nil {
		t.Errorf("%q, %v, live %v", id, err, s.live)
	}
}

// Package rotation decides when a credential is replaced, and in which order the new one is created and stored and the
// old one revoked. It knows neither Terraform nor what kind of credential it is: a resource passes plain values and
// the [Steps] of its own service.
//
// One rotation, from refresh to apply: [Judge] compares what a state records with what the service shows and returns a
// [Verdict]; [Cause] adds what the configuration changed and returns the reason that the plan shows; [Rotate] executes
// the plan. While the old credential works, it stays valid until the new one is stored, and never more than two live.
package rotation

import (
	"context"
	"fmt"
	"time"
)

// Reason is why a credential is rotated, as the attribute rotation_reason shows it. Empty: no rotation.
type Reason string

const (
	Due      Reason = "due"      // rotate_at is reached
	Trigger  Reason = "trigger"  // rotation_triggers changed
	Lifetime Reason = "lifetime" // lifetime_seconds changed
	Scopes   Reason = "scopes"   // scopes changed, where the service cannot change them in place
	Revoked  Reason = "revoked"  // somebody deleted it
	Expired  Reason = "expired"
	Owner    Reason = "owner" // it belongs to another principal
	Vault    Reason = "vault" // its value is no longer where it belongs, or belongs elsewhere now

	// OverlapEnded is no rotation: the previous credential is revoked, and no new one created.
	OverlapEnded Reason = "overlap_ended"
)

// Recorded is what a state holds of a credential. Times are the service's; the zero time means never.
type Recorded struct {
	ID          string
	ExpiresAt   time.Time
	RotateAt    time.Time
	PreviousID  string // the previous credential, while that one lives; empty: none
	PreviousEnd time.Time
}

// Facts are what a refresh learned about a credential.
type Facts struct {
	Now       time.Time // the service's clock
	Live      bool
	Owner     string // the principal that it belongs to, if that is not the configured one
	VaultLost bool   // the version in Key Vault that holds its value is gone or disabled
	Useless   bool   // it was found unusable at its creation, or its value was never stored anywhere
}

// Verdict is what a refresh decided about the credential with that ID. Private state holds it while there is something
// to do.
type Verdict struct {
	ID     string `json:"id"`
	Reason Reason `json:"reason,omitempty"` // empty: no reason to rotate
	Ended  string `json:"ended,omitempty"`  // the previous credential, once its time is over
	// Useless is whether nobody can use the credential: it did not work when it was created, or never reached the
	// vault.
	Useless bool `json:"useless,omitempty"`
}

// About returns the verdict if it is about that credential, else an empty one.
func (v Verdict) About(id string) Verdict {
	if v.ID != id {
		return Verdict{}
	}
	return v
}

// Empty reports whether there is nothing to do.
func (v Verdict) Empty() bool { return v.Reason == "" && v.Ended == "" }

// Judge decides what has to be done about a credential.
func Judge(r Recorded, f Facts) Verdict {
	v := Verdict{ID: r.ID, Useless: f.Useless}
	reached := func(at time.Time) bool { return !at.IsZero() && !f.Now.Before(at) }
	switch {
	case !f.Live && reached(r.ExpiresAt):
		v.Reason = Expired
	case !f.Live:
		v.Reason = Revoked
	case f.Owner != "":
		v.Reason = Owner
	case f.VaultLost, f.Useless:
		v.Reason = Vault
	case reached(r.RotateAt):
		v.Reason = Due
	}
	if r.PreviousID != "" && reached(r.PreviousEnd) {
		v.Ended = r.PreviousID
	}
	return v
}

// Change is an attribute that rotates the credential when it changes.
type Change struct {
	Reason           Reason
	Unknown, Changed bool // Unknown: the value is known only at apply
}

// Cause returns why a plan rotates; empty for no reason. known is false if that depends on a value that is known only
// at apply. The verdict comes first, because it cannot change between plan and apply: the plan then shows the reason
// that is applied.
func Cause(v Verdict, changes ...Change) (why Reason, known bool) {
	if v.Reason != "" {
		return v.Reason, true
	}
	for _, c := range changes {
		if c.Unknown {
			return "", false
		}
		if c.Changed {
			return c.Reason, true
		}
	}
	return "", true
}

// InUse reports whether applications may be using the credential that is rotated for that reason.
func InUse(why Reason, v Verdict) bool { return why != Revoked && why != Expired && !v.Useless }

// Steps are the four operations of a rotation.
type Steps interface {
	// Create creates the new credential and returns its id. An id together with an error means that it exists anyway.
	Create(ctx context.Context) (id string, err error)
	// Store writes the value of the new credential to where applications read it. After an error it has left nothing
	// there that works.
	Store(ctx context.Context) error
	// Revoke ends a credential. One that is gone already counts as done.
	Revoke(ctx context.Context, id string) error
	// Save records which credentials live. It is called each time that changes, before anything else can fail.
	Save(Status)
}

// Status is which credentials live.
type Status struct {
	ID       string
	Previous string // empty: no other one
	// Useless is whether the credential with that ID could not be verified or stored.
	Useless bool
}

// UnusableError is the error of a credential that was created, but could not be verified or stored.
type UnusableError struct {
	ID  string
	Err error // why not
	// RevokeErr is why it could not be revoked again either; nil: it was.
	RevokeErr error
}

func (e *UnusableError) Error() string {
	if e.RevokeErr != nil {
		return fmt.Sprintf("%v; credential %s could not be revoked again: %v", e.Err, e.ID, e.RevokeErr)
	}
	return e.Err.Error()
}

func (e *UnusableError) Unwrap() error { return e.Err }

// cleanupTimeout is how long revoking a credential takes at most when the run itself is out of time.
const cleanupTimeout = time.Minute

// Issue creates a credential and stores its value. If that fails, the credential is revoked again; the id of one that
// still lives comes back beside the error.
func Issue(ctx context.Context, s Steps) (id string, err error) {
	id, createErr := s.Create(ctx)
	err = createErr
	if err == nil {
		err = s.Store(ctx)
	}
	if err == nil || id == "" {
		return id, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	revokeErr := s.Revoke(ctx, id)
	err = &UnusableError{ID: id, Err: err, RevokeErr: revokeErr}
	if revokeErr == nil {
		return "", err
	}
	return id, err
}

// Plan is what a plan decided about the credentials of a state.
type Plan struct {
	Current, Previous string // ids; Previous is empty where none lives
	Reason            Reason
	Verdict           Verdict // of the refresh, about Current
	Overlap           time.Duration
}

// NotRevokedError is the error of a rotation that created no credential, because another one must be revoked first and
// could not be.
type NotRevokedError struct{ Err error }

func (e *NotRevokedError) Error() string { return e.Err.Error() }
func (e *NotRevokedError) Unwrap() error { return e.Err }

// Rotate creates and stores the new credential. Before that it revokes the previous one, or the current one if nobody
// can use it, so that never more than two live. Afterwards, where there is no overlap, it revokes the one that was
// replaced.
//
// A current one that was found revoked or expired is revoked too, in case that finding was wrong.
//
// left is why the replaced credential still lives; the rotation has succeeded then.
func Rotate(ctx context.Context, p Plan, s Steps) (left, err error) {
	inUse := InUse(p.Reason, p.Verdict)
	previous := p.Previous
	if first := firstToGo(p, inUse); first != "" {
		if err := s.Revoke(ctx, first); err != nil {
			return nil, &NotRevokedError{err}
		}
		if first == previous {
			previous = ""
			s.Save(Status{ID: p.Current})
		}
	}
	if inUse {
		previous = p.Current
	}
	id, err := Issue(ctx, s)
	if id != "" { // it exists, and this is the only moment at which its value is known
		s.Save(Status{ID: id, Previous: previous, Useless: err != nil})
	}
	if err != nil {
		return nil, err
	}
	if retires(p, inUse) {
		if left = s.Revoke(ctx, previous); left == nil {
			s.Save(Status{ID: id})
		}
	}
	return left, nil
}

// firstToGo returns the credential to revoke before a new one is created; empty: none.
func firstToGo(p Plan, inUse bool) string {
	if inUse {
		return p.Previous
	}
	return p.Current
}

// retires reports whether the previous credential is revoked right after the new one is stored. If the current one was
// in use, its overlap decides; if not, the previous one may still be in use, until its own overlap ends.
func retires(p Plan, inUse bool) bool {
	if inUse {
		return p.Overlap == 0
	}
	return p.Previous != "" && p.Verdict.Ended == p.Previous
}

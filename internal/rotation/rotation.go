// Package rotation decides when a credential is replaced, and in which order the new credential is created and stored
// and the old one is revoked. It knows neither Terraform nor the kind of the credential: a resource passes plain values
// and the [Steps] of its own service.
//
// A rotation begins at a refresh and ends with an apply. [Judge] compares what the state records with what the service
// shows, and returns a [Verdict]. [Cause] adds what the configuration has changed, and returns the reason that the plan
// shows. [Rotate] executes the plan. An old credential that works stays valid until the new one is stored. Never more
// than two credentials of a resource are live at once.
package rotation

import (
	"context"
	"fmt"
	"time"
)

// Reason says why a credential is rotated. The attribute rotation_reason shows it. An empty Reason means no rotation.
type Reason string

const (
	Due      Reason = "due"      // rotate_at is reached
	Trigger  Reason = "trigger"  // rotation_triggers changed
	Lifetime Reason = "lifetime" // lifetime_seconds changed
	Scopes   Reason = "scopes"   // scopes changed, where the service cannot change them in place
	Revoked  Reason = "revoked"  // somebody deleted the credential
	Expired  Reason = "expired"
	Owner    Reason = "owner" // the credential belongs to another principal
	Vault    Reason = "vault" // Key Vault no longer has the credential's value, or the value belongs elsewhere now

	// OverlapEnded means that the time is over in which the previous credential stays valid beside the current one. The
	// previous credential is revoked, and no new credential is created.
	OverlapEnded Reason = "overlap_ended"
)

// Recorded is what a state records of a credential. Times are by the service's clock; a zero time means never.
type Recorded struct {
	ID          string
	ExpiresAt   time.Time
	RotateAt    time.Time
	PreviousID  string // id of the previous credential while it is live, else empty
	PreviousEnd time.Time
}

// Facts are what a refresh has learned about a credential.
type Facts struct {
	Now       time.Time // by the service's clock
	Live      bool
	Owner     string // the principal that owns the credential, if it is not the configured one
	VaultLost bool   // the Key Vault version that holds the credential's value is gone or disabled
	Unusable  bool   // the credential did not work when it was created, or its value was never stored
}

// Verdict is what a refresh has decided about the credential with that ID. The resource's private state holds the
// verdict while there is something to do.
type Verdict struct {
	ID     string `json:"id"`
	Reason Reason `json:"reason,omitempty"` // empty: no reason to rotate
	Ended  string `json:"ended,omitempty"`  // id of the previous credential, once its overlap has ended
	// Unusable reports whether nobody can use the credential, because it did not work when it was created, or because
	// its value never reached the vault.
	Unusable bool `json:"useless,omitempty"`
}

// About returns v if it is about the credential with that id, else an empty verdict.
func (v Verdict) About(id string) Verdict {
	if v.ID != id {
		return Verdict{}
	}
	return v
}

// Empty reports whether the verdict demands nothing: neither a rotation nor the revocation of a previous credential.
func (v Verdict) Empty() bool { return v.Reason == "" && v.Ended == "" }

// Judge returns what has to be done about a credential. It compares what the state records with what a refresh learned.
func Judge(r Recorded, f Facts) Verdict {
	v := Verdict{ID: r.ID, Unusable: f.Unusable}
	reached := func(at time.Time) bool { return !at.IsZero() && !f.Now.Before(at) }
	switch {
	case !f.Live && reached(r.ExpiresAt):
		v.Reason = Expired
	case !f.Live:
		v.Reason = Revoked
	case f.Owner != "":
		v.Reason = Owner
	case f.VaultLost, f.Unusable:
		v.Reason = Vault
	case reached(r.RotateAt):
		v.Reason = Due
	}
	if r.PreviousID != "" && reached(r.PreviousEnd) {
		v.Ended = r.PreviousID
	}
	return v
}

// Change says whether the plan changes one attribute. A change of this attribute rotates the credential.
type Change struct {
	Reason           Reason
	Unknown, Changed bool // Unknown: the value is known only at apply
}

// Cause returns the reason for which a plan rotates the credential, or an empty reason for no rotation. known is false
// if that depends on a value that is known only at apply. The verdict takes precedence over the changes, because it
// cannot change between plan and apply. So the plan shows the reason that is applied.
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

// InUse reports whether applications may still be using the old credential when it is rotated for this reason.
func InUse(reason Reason, v Verdict) bool {
	return reason != Revoked && reason != Expired && !v.Unusable
}

// Steps are the four operations of a rotation. The resource of each kind of credential implements them.
type Steps interface {
	// Create creates the new credential and returns its id. If it returns an id with an error, the credential exists.
	Create(ctx context.Context) (id string, err error)
	// Store writes the value of the new credential to the place where applications read it. If Store fails, no value
	// that works is left in that place.
	Store(ctx context.Context) error
	// Revoke revokes a credential. It returns nil if the credential does not exist any more.
	Revoke(ctx context.Context, id string) error
	// Save records which credentials are live. It is called after each change to that, before another step can fail.
	Save(Status)
}

// Status says which credentials of a resource are live.
type Status struct {
	ID       string
	Previous string // id of the previous credential; empty if only one credential is live
	// Unusable reports whether the credential with that ID could not be verified or stored.
	Unusable bool
}

// UnusableError is the error for a credential that was created, but could not be verified or stored.
type UnusableError struct {
	ID  string
	Err error // why the credential could not be verified or stored
	// RevokeErr is the error of the revocation. It is nil if the credential was revoked.
	RevokeErr error
}

func (e *UnusableError) Error() string {
	if e.RevokeErr != nil {
		return fmt.Sprintf("%v; then the new credential %s could not be revoked: %v", e.Err, e.ID, e.RevokeErr)
	}
	return e.Err.Error()
}

func (e *UnusableError) Unwrap() error { return e.Err }

// cleanupTimeout bounds the cleanup after a failed step. The cleanup goes on when the context of the run has ended.
const cleanupTimeout = time.Minute

// Issue creates a credential and stores its value. If a step fails after the credential exists, Issue revokes the
// credential and returns an [*UnusableError]. If the revocation fails too, Issue also returns the id of the credential,
// which is still live.
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

// Plan is what a Terraform plan has decided about the credentials of one resource.
type Plan struct {
	Current, Previous string // ids; Previous is empty if no previous credential is live
	Reason            Reason
	Verdict           Verdict // of the refresh, about the credential Current
	Overlap           time.Duration
}

// NotRevokedError is the error of a rotation that created no credential, because an older credential had to be revoked
// first and could not be revoked.
type NotRevokedError struct{ Err error }

func (e *NotRevokedError) Error() string { return e.Err.Error() }
func (e *NotRevokedError) Unwrap() error { return e.Err }

// Rotate creates and stores a new credential. Before that it revokes the previous credential, or the current one if
// nobody can use it, so that never more than two credentials are live. If there is no overlap, Rotate revokes the
// replaced credential after the new one is stored.
//
// Rotate also revokes a current credential that a refresh found revoked or expired, in case that finding was wrong.
//
// left is the error of a failed revocation: the replaced credential is still live. The rotation itself has succeeded.
func Rotate(ctx context.Context, p Plan, s Steps) (left, err error) {
	inUse := InUse(p.Reason, p.Verdict)
	previous := p.Previous
	if first := revokedFirst(p, inUse); first != "" {
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
	if id != "" { // the credential exists, and its value is known only at this moment
		s.Save(Status{ID: id, Previous: previous, Unusable: err != nil})
	}
	if err != nil {
		return nil, err
	}
	if revokesPrevious(p, inUse) {
		if left = s.Revoke(ctx, previous); left == nil {
			s.Save(Status{ID: id})
		}
	}
	return left, nil
}

// revokedFirst returns the id of the credential to revoke before a new one is created, or an empty id if there is none.
func revokedFirst(p Plan, inUse bool) string {
	if inUse {
		return p.Previous
	}
	return p.Current
}

// revokesPrevious reports whether the previous credential is revoked right after the new one is stored. If the current
// credential was in use, it is now the previous one, and its overlap decides. Otherwise the previous credential may
// still be in use until its own overlap ends.
func revokesPrevious(p Plan, inUse bool) bool {
	if inUse {
		return p.Overlap == 0
	}
	return p.Previous != "" && p.Verdict.Ended == p.Previous
}

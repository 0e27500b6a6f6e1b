package fwkit

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// DefaultOverlap is how long, in seconds, the old credential stays valid after a rotation.
const DefaultOverlap = 24 * 60 * 60

// Rotating holds the attributes of a credential that take part in a rotation. Some of these attributes have a different
// name in each resource. So each resource converts its model to a Rotating and back.
type Rotating struct {
	ID, Value             types.String
	Lifetime              types.Int64 // in seconds
	RotateBefore, Overlap types.Int64 // in seconds
	Triggers              types.Map
	Reason                types.String
	Secret                *VaultSecret
	ValueInState          types.Bool
	CreatedAt, ExpiresAt  types.String // RFC 3339
	RotateAt              types.String // RFC 3339
	// PreviousID is the id of the previous credential. PreviousAt is when it is to be revoked, RFC 3339.
	PreviousID, PreviousAt types.String
}

// Recorded returns what the state records about the credential, in the form that [rotation.Judge] takes.
func (m Rotating) Recorded() rotation.Recorded {
	return rotation.Recorded{
		ID: m.ID.ValueString(), ExpiresAt: ParseTime(m.ExpiresAt), RotateAt: ParseTime(m.DueAt()),
		PreviousID: m.PreviousID.ValueString(), PreviousEnd: ParseTime(m.PreviousAt),
	}
}

// DueAt returns the time from which on the credential is due for rotation: its expiry minus RotateBefore. It returns
// null if the credential is never due, and unknown if one of the two values is unknown.
func (m Rotating) DueAt() types.String {
	switch {
	case m.RotateBefore.Equal(types.Int64Value(0)):
		return types.StringNull()
	case m.ExpiresAt.IsUnknown() || m.RotateBefore.IsUnknown():
		return types.StringUnknown()
	case m.RotateBefore.IsNull() || m.ExpiresAt.IsNull():
		return types.StringNull()
	}
	return Time(ParseTime(m.ExpiresAt).Add(-Seconds(m.RotateBefore)))
}

// Complete fills in the defaults that are missing in a state after an import, or in a state that was written before
// these attributes existed.
func (m *Rotating) Complete() {
	if m.RotateBefore.IsNull() {
		m.RotateBefore = defaultRotateBefore(m.Lifetime)
	}
	if m.Overlap.IsNull() {
		m.Overlap = defaultOverlap(m.Lifetime, m.RotateBefore)
	}
	if m.ValueInState.IsNull() {
		m.ValueInState = types.BoolValue(m.Secret == nil)
	}
}

// Settle fills into a plan the defaults of attributes that the configuration leaves out and that depend on other
// attributes.
func (m *Rotating) Settle(config Rotating) {
	if config.RotateBefore.IsNull() {
		m.RotateBefore = defaultRotateBefore(m.Lifetime)
	}
	if config.Overlap.IsNull() {
		m.Overlap = defaultOverlap(m.Lifetime, m.RotateBefore)
	}
	if config.ValueInState.IsNull() {
		m.ValueInState = types.BoolValue(config.Secret == nil)
	}
}

func defaultRotateBefore(lifetime types.Int64) types.Int64 {
	if lifetime.IsUnknown() {
		return lifetime
	}
	return types.Int64Value(lifetime.ValueInt64() / 3)
}

func defaultOverlap(lifetime, rotateBefore types.Int64) types.Int64 {
	limit := OverlapLimit(lifetime, rotateBefore)
	if limit.IsUnknown() {
		return limit
	}
	return types.Int64Value(min(DefaultOverlap, limit.ValueInt64()))
}

// OverlapLimit returns the longest allowed overlap in seconds: rotateBefore or, if that is 0, the lifetime. With this
// limit two credentials live at once until the next rotation at the latest.
func OverlapLimit(lifetime, rotateBefore types.Int64) types.Int64 {
	if rotateBefore.IsUnknown() || rotateBefore.ValueInt64() > 0 {
		return rotateBefore
	}
	return lifetime
}

// PlanCreate fills into the plan of a new credential the values that are known at plan time.
func (m *Rotating) PlanCreate(config Rotating) {
	m.Settle(config)
	m.Reason, m.PreviousID, m.PreviousAt = types.StringNull(), types.StringNull(), types.StringNull()
	m.planValue()
	if m.RotateBefore.Equal(types.Int64Value(0)) {
		m.RotateAt = types.StringNull()
	}
}

// PlanUpdate decides whether an update rotates the credential, ends the overlap or keeps the credential. It decides by
// the verdict of the last refresh and by what changed in the configuration. It reads no clock and sends no request. So
// it decides the same when Terraform plans a second time during the apply. imported says that the credential was
// imported and not changed since. more are changes that rotate only this kind of credential.
func (m *Rotating) PlanUpdate(config, state Rotating, v rotation.Verdict, imported bool, more ...rotation.Change) {
	m.Settle(config)
	v = v.About(state.ID.ValueString())
	why, known := rotation.Cause(v, append(m.changes(config, state, imported), more...)...)
	switch {
	case !known:
		m.forget()
		m.Reason, m.Value = types.StringUnknown(), types.StringUnknown()
		m.PreviousID, m.PreviousAt = types.StringUnknown(), types.StringUnknown()
	case why != "":
		m.forget()
		m.Reason = types.StringValue(string(why))
		m.planValue()
		m.planPrevious(state, v)
	default:
		m.keep(state)
		previous := state.PreviousID
		if !previous.IsNull() && (v.Ended == previous.ValueString() || m.Overlap.Equal(types.Int64Value(0))) {
			m.Reason = types.StringValue(string(rotation.OverlapEnded))
			m.PreviousID, m.PreviousAt = types.StringNull(), types.StringNull()
		}
	}
	s := m.Secret
	if s != nil && !s.unknown() && s.SamePlace(state.Secret) && (!m.Rotates() || !state.Secret.VersionlessID.IsNull()) {
		s.VersionlessID = state.Secret.VersionlessID
	}
}

func (m Rotating) changes(config, state Rotating, imported bool) []rotation.Change {
	// The first triggers of an imported credential count as no change, because nobody knows for which triggers it was
	// created.
	adopted := imported && state.Triggers.IsNull()
	return []rotation.Change{
		{Reason: rotation.Lifetime, Unknown: m.Lifetime.IsUnknown(), Changed: !m.Lifetime.Equal(state.Lifetime)},
		{Reason: rotation.Vault, Unknown: m.Secret.unknown(), Changed: !m.Secret.SamePlace(state.Secret)},
		{
			Reason:  rotation.Vault,
			Unknown: m.ValueInState.IsUnknown(),
			Changed: !m.ValueInState.Equal(state.ValueInState),
		},
		{
			Reason:  rotation.Trigger,
			Unknown: unknownMap(config.Triggers),
			Changed: !sameTriggers(m.Triggers, state.Triggers) && !adopted,
		},
	}
}

// sameTriggers reports whether two maps of triggers are equal. An empty map equals a null map.
func sameTriggers(a, b types.Map) bool {
	return len(a.Elements()) == 0 && len(b.Elements()) == 0 && !a.IsUnknown() || a.Equal(b)
}

func unknownMap(m types.Map) bool {
	if m.IsUnknown() {
		return true
	}
	for _, value := range m.Elements() {
		if value.IsUnknown() {
			return true
		}
	}
	return false
}

// planValue plans the credential's value in the state: unknown until the apply, or null if the state must not hold the
// value.
func (m *Rotating) planValue() {
	m.Value = types.StringUnknown()
	if !m.ValueInState.IsUnknown() && !m.ValueInState.ValueBool() {
		m.Value = types.StringNull()
	}
}

// forget marks the attributes as unknown that only the creation of a new credential determines.
func (m *Rotating) forget() {
	m.ID, m.CreatedAt, m.ExpiresAt = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	m.RotateAt = m.DueAt()
	if s := m.Secret; s != nil {
		s.ID, s.VersionlessID = types.StringUnknown(), types.StringUnknown()
	}
}

// keep copies the attributes of the credential from the state into the plan, because the credential stays as it is.
func (m *Rotating) keep(state Rotating) {
	m.ID, m.Value = state.ID, state.Value
	m.CreatedAt, m.ExpiresAt = state.CreatedAt, state.ExpiresAt
	m.RotateAt = m.DueAt()
	m.Reason = state.Reason
	m.PreviousID, m.PreviousAt = state.PreviousID, state.PreviousAt
	if s := m.Secret; s != nil && state.Secret != nil {
		s.ID = state.Secret.ID
	}
}

// planPrevious plans which credential is the previous one after a rotation. If applications may use the current
// credential and there is an overlap, the current credential becomes the previous one. If nobody can use the current
// credential, the previous credential of the state may still be in use, and stays until its overlap ends. In all other
// cases PreviousID and PreviousAt are unknown until the apply.
func (m *Rotating) planPrevious(state Rotating, v rotation.Verdict) {
	m.PreviousID, m.PreviousAt = types.StringUnknown(), types.StringUnknown()
	inUse := rotation.InUse(m.reason(), v)
	switch {
	case !inUse && (state.PreviousID.IsNull() || v.Ended == ""):
		m.PreviousID, m.PreviousAt = state.PreviousID, state.PreviousAt
	case inUse && m.Overlap.ValueInt64() > 0:
		m.PreviousID = state.ID
	}
}

func (m Rotating) reason() rotation.Reason { return rotation.Reason(m.Reason.ValueString()) }

// Rotates reports whether a plan creates a new credential.
func (m Rotating) Rotates() bool { return m.ID.IsUnknown() }

// EndsOverlap reports whether a plan revokes the previous credential and creates no new credential.
func (m Rotating) EndsOverlap(state Rotating) bool {
	return !state.PreviousID.IsNull() && m.PreviousID.IsNull() && !m.Rotates()
}

// Plan returns what the plan decided, in the form that [rotation.Rotate] takes.
func (m Rotating) Plan(state Rotating, v rotation.Verdict) rotation.Plan {
	return rotation.Plan{
		Current:  state.ID.ValueString(),
		Previous: state.PreviousID.ValueString(),
		Reason:   m.reason(),
		Verdict:  v,
		Overlap:  Seconds(m.Overlap),
	}
}

// Follow sets PreviousID and PreviousAt after a new credential was created at the time created. If applications may use
// the credential of the state, that credential becomes the previous one, and is to be revoked after the overlap, but no
// later than it expires. Otherwise the previous credential of the state stays the previous one.
func (m *Rotating) Follow(state Rotating, v rotation.Verdict, created time.Time) {
	if !rotation.InUse(m.reason(), v) {
		m.PreviousID, m.PreviousAt = state.PreviousID, state.PreviousAt
		return
	}
	end := created.Add(Seconds(m.Overlap))
	if expires := ParseTime(state.ExpiresAt); !expires.IsZero() && expires.Before(end) {
		end = expires
	}
	m.PreviousID, m.PreviousAt = state.ID, Time(end)
}

// Seconds converts an attribute that counts seconds into a duration.
func Seconds(v types.Int64) time.Duration { return time.Duration(v.ValueInt64()) * time.Second }

// ParseTime parses a time that the provider wrote into a state. It returns the zero time for null.
func ParseTime(v types.String) time.Time {
	t, _ := time.Parse(time.RFC3339, v.ValueString())
	return t
}

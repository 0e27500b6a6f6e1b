package fwkit

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// DefaultOverlap is how long, in seconds, the old credential stays valid after a rotation.
const DefaultOverlap = 24 * 60 * 60

// Rotating is the part of a credential's model that takes part in a rotation. Each resource names some of these
// attributes after its own credential, so it maps its model to this and back.
type Rotating struct {
	ID, Value              types.String
	Lifetime               types.Int64 // seconds, as are the next two
	RotateBefore, Overlap  types.Int64
	Triggers               types.Map
	Reason                 types.String
	Secret                 *VaultSecret
	ValueInState           types.Bool
	CreatedAt, ExpiresAt   types.String // RFC 3339, as are the other times
	RotateAt               types.String
	PreviousID, PreviousAt types.String // PreviousAt: when the previous credential is revoked
}

// Recorded returns what the state holds, for [rotation.Judge].
func (m Rotating) Recorded() rotation.Recorded {
	return rotation.Recorded{
		ID: m.ID.ValueString(), ExpiresAt: ParseTime(m.ExpiresAt), RotateAt: ParseTime(m.DueAt()),
		PreviousID: m.PreviousID.ValueString(), PreviousEnd: ParseTime(m.PreviousAt),
	}
}

// DueAt returns when the credential is to be rotated, computed from its end; null for never.
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

// Complete fills in the defaults that an import leaves out, or a state that was written before they existed.
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

// Settle fills into a plan the defaults that depend on other attributes.
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

// OverlapLimit returns the longest overlap in seconds: two credentials live at once until the next rotation, and not
// beyond.
func OverlapLimit(lifetime, rotateBefore types.Int64) types.Int64 {
	if rotateBefore.IsUnknown() || rotateBefore.ValueInt64() > 0 {
		return rotateBefore
	}
	return lifetime
}

// PlanCreate fills in the values of a new credential that are known at plan.
func (m *Rotating) PlanCreate(config Rotating) {
	m.Settle(config)
	m.Reason, m.PreviousID, m.PreviousAt = types.StringNull(), types.StringNull(), types.StringNull()
	m.planValue()
	if m.RotateBefore.Equal(types.Int64Value(0)) {
		m.RotateAt = types.StringNull()
	}
}

// PlanUpdate decides what an update does, from the verdict of the last refresh and from what configuration changed; it
// has neither clock nor service. Terraform plans a second time while it applies, and gets the same answer. more are
// changes that rotate this kind of credential alone.
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
	// Nobody knows which triggers an imported credential was created for.
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

// sameTriggers compares triggers; an empty map is the same as none.
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

// planValue plans whether the state will hold a value, which is not known before the apply.
func (m *Rotating) planValue() {
	m.Value = types.StringUnknown()
	if !m.ValueInState.IsUnknown() && !m.ValueInState.ValueBool() {
		m.Value = types.StringNull()
	}
}

// forget makes the attributes unknown that only a new credential will determine.
func (m *Rotating) forget() {
	m.ID, m.CreatedAt, m.ExpiresAt = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	m.RotateAt = m.DueAt()
	if s := m.Secret; s != nil {
		s.ID, s.VersionlessID = types.StringUnknown(), types.StringUnknown()
	}
}

// keep plans that the credential stays as it is.
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

// planPrevious plans which credential will be the previous one: the current one, if it is in use and there is an
// overlap. If it is not in use, the one before it may be, and stays until its time is over.
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

// EndsOverlap reports whether a plan revokes the previous credential and creates none.
func (m Rotating) EndsOverlap(state Rotating) bool {
	return !state.PreviousID.IsNull() && m.PreviousID.IsNull() && !m.Rotates()
}

// Plan returns what the plan decided, for [rotation.Rotate].
func (m Rotating) Plan(state Rotating, v rotation.Verdict) rotation.Plan {
	return rotation.Plan{
		Current:  state.ID.ValueString(),
		Previous: state.PreviousID.ValueString(),
		Reason:   m.reason(),
		Verdict:  v,
		Overlap:  Seconds(m.Overlap),
	}
}

// Follow writes which credential precedes the one that was created at that time. A current one that was in use is
// revoked after the overlap, and no later than it expires.
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

// Seconds converts an attribute in seconds.
func Seconds(v types.Int64) time.Duration { return time.Duration(v.ValueInt64()) * time.Second }

// ParseTime reads a time that the provider wrote into a state; for null it returns the zero time.
func ParseTime(v types.String) time.Time {
	t, _ := time.Parse(time.RFC3339, v.ValueString())
	return t
}

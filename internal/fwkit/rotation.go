package fwkit

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// longestDefaultOverlap is the longest overlap, in seconds, where the configuration sets none.
const longestDefaultOverlap = 24 * 60 * 60

// RotatedModel holds the attributes that the models of all rotated credentials have in common.
type RotatedModel struct {
	ID                  types.String   `tfsdk:"id"`
	Scopes              types.Set      `tfsdk:"scopes"`
	LifetimeSeconds     types.Int64    `tfsdk:"lifetime_seconds"`
	RotateBeforeSeconds types.Int64    `tfsdk:"rotate_before_seconds"`
	OverlapSeconds      types.Int64    `tfsdk:"overlap_seconds"`
	RotationTriggers    types.Map      `tfsdk:"rotation_triggers"`
	RotationReason      types.String   `tfsdk:"rotation_reason"`
	KeyVaultSecret      *VaultSecret   `tfsdk:"key_vault_secret"`
	OnUnverifiable      types.String   `tfsdk:"on_unverifiable"`
	CreatedAt           types.String   `tfsdk:"created_at"`
	ExpiresAt           types.String   `tfsdk:"expires_at"`
	RotateAt            types.String   `tfsdk:"rotate_at"`
	WorkspaceID         types.String   `tfsdk:"workspace_id"`
	Timeouts            timeouts.Value `tfsdk:"timeouts"`
}

// Rotating holds the attributes of a credential that take part in a rotation. Some of these attributes have a different
// name in each resource. So each resource converts its model to a Rotating and back.
type Rotating struct {
	RotatedModel
	Value        types.String
	ValueInState types.Bool
	// PreviousID is the id of the previous credential. PreviousAt is when it is to be revoked, RFC 3339.
	PreviousID, PreviousAt types.String
}

// Unmanaged returns the attributes of an existing credential that no configuration has written: an imported one, or one
// of another provider. Complete and Show fill in the rest.
func Unmanaged(lifetime types.Int64) RotatedModel {
	return RotatedModel{
		LifetimeSeconds: lifetime, RotationTriggers: types.MapNull(types.StringType), Timeouts: NoTimeouts(),
	}
}

// OnlyWarns reports whether a refresh that cannot check the credential adds only a warning, and no error.
func (m RotatedModel) OnlyWarns() bool { return m.OnUnverifiable.ValueString() == UnverifiableWarns }

// Show writes what the service showed of the credential into the model.
func (m *RotatedModel) Show(id string, scopes []string, created, expires time.Time, workspaceID string) {
	m.ID = types.StringValue(id)
	m.Scopes = types.SetNull(types.StringType)
	if len(scopes) > 0 { // an empty set would be refused in a configuration that is generated from the state
		m.Scopes = Strings(scopes)
	}
	m.CreatedAt, m.ExpiresAt = Time(created), Time(expires)
	m.RotateAt = m.DueAt()
	m.WorkspaceID = String(workspaceID)
}

// Recorded returns what the state records about the credential, in the form that [rotation.Judge] takes.
func (m Rotating) Recorded() rotation.Recorded {
	return rotation.Recorded{
		ID: m.ID.ValueString(), ExpiresAt: ParseTime(m.ExpiresAt), RotateAt: ParseTime(m.DueAt()),
		PreviousID: m.PreviousID.ValueString(), PreviousEnd: ParseTime(m.PreviousAt),
	}
}

// DueAt returns the time from which on the credential is due for rotation: its expiry minus RotateBeforeSeconds. It
// returns null if the credential is never due, and unknown if one of the two values is unknown.
func (m RotatedModel) DueAt() types.String {
	switch {
	case m.RotateBeforeSeconds.Equal(types.Int64Value(0)):
		return types.StringNull()
	case m.ExpiresAt.IsUnknown() || m.RotateBeforeSeconds.IsUnknown():
		return types.StringUnknown()
	case m.RotateBeforeSeconds.IsNull() || m.ExpiresAt.IsNull():
		return types.StringNull()
	}
	return Time(ParseTime(m.ExpiresAt).Add(-Seconds(m.RotateBeforeSeconds)))
}

// Complete fills in the defaults that are missing in a state after an import, or in a state that was written before
// these attributes existed.
func (m *Rotating) Complete() {
	m.FillDefaults(*m)
	if m.OnUnverifiable.IsNull() {
		m.OnUnverifiable = types.StringValue(UnverifiableFails)
	}
}

// FillDefaults fills into a plan the defaults of attributes that the configuration leaves out and that depend on other
// attributes.
func (m *Rotating) FillDefaults(config Rotating) {
	if config.RotateBeforeSeconds.IsNull() {
		m.RotateBeforeSeconds = defaultRotateBefore(m.LifetimeSeconds)
	}
	if config.OverlapSeconds.IsNull() {
		m.OverlapSeconds = defaultOverlap(m.LifetimeSeconds, m.RotateBeforeSeconds)
	}
	if config.ValueInState.IsNull() {
		m.ValueInState = types.BoolValue(config.KeyVaultSecret == nil)
	}
}

func defaultRotateBefore(lifetime types.Int64) types.Int64 {
	if lifetime.IsUnknown() {
		return lifetime
	}
	return types.Int64Value(lifetime.ValueInt64() / 3)
}

func defaultOverlap(lifetime, rotateBefore types.Int64) types.Int64 {
	limit := overlapLimit(lifetime, rotateBefore)
	if limit.IsUnknown() {
		return limit
	}
	return types.Int64Value(min(longestDefaultOverlap, limit.ValueInt64()))
}

// overlapLimit returns the longest allowed overlap in seconds: rotateBefore or, if that is 0, the lifetime. With this
// limit two credentials live at once until the next rotation at the latest.
func overlapLimit(lifetime, rotateBefore types.Int64) types.Int64 {
	if rotateBefore.IsUnknown() || rotateBefore.ValueInt64() > 0 {
		return rotateBefore
	}
	return lifetime
}

// PlanCreate fills into the plan of a new credential the values that are known at plan time.
func (m *Rotating) PlanCreate(config Rotating) {
	m.FillDefaults(config)
	m.RotationReason, m.PreviousID, m.PreviousAt = types.StringNull(), types.StringNull(), types.StringNull()
	m.planValue()
	if m.RotateBeforeSeconds.Equal(types.Int64Value(0)) {
		m.RotateAt = types.StringNull()
	}
}

// PlanUpdate decides whether an update rotates the credential, ends the overlap or keeps the credential. It decides by
// the verdict of the last refresh and by what changed in the configuration. It reads no clock and sends no request. So
// it decides the same when Terraform plans a second time during the apply. imported says that the credential was
// imported and not changed since. more are changes that rotate only this kind of credential.
func (m *Rotating) PlanUpdate(config, state Rotating, v rotation.Verdict, imported bool, more ...rotation.Change) {
	m.FillDefaults(config)
	v = v.About(state.ID.ValueString())
	why, known := rotation.Cause(v, append(m.changes(config, state, imported), more...)...)
	switch {
	case !known:
		m.markUnknown()
		m.RotationReason, m.Value = types.StringUnknown(), types.StringUnknown()
		m.PreviousID, m.PreviousAt = types.StringUnknown(), types.StringUnknown()
	case why != "":
		m.markUnknown()
		m.RotationReason = types.StringValue(string(why))
		m.planValue()
		m.planPrevious(state, v)
	default:
		m.keepCredential(state)
		previous := state.PreviousID
		if !previous.IsNull() && (v.Ended == previous.ValueString() || m.OverlapSeconds.Equal(types.Int64Value(0))) {
			m.RotationReason = types.StringValue(string(rotation.OverlapEnded))
			m.PreviousID, m.PreviousAt = types.StringNull(), types.StringNull()
		}
	}
	s := m.KeyVaultSecret
	if s != nil && !s.unknown() && s.SameSecret(state.KeyVaultSecret) &&
		(!m.Rotates() || !state.KeyVaultSecret.VersionlessID.IsNull()) {
		s.VersionlessID = state.KeyVaultSecret.VersionlessID
	}
}

func (m Rotating) changes(config, state Rotating, imported bool) []rotation.Change {
	// The first triggers of an imported credential count as no change, because nobody knows for which triggers it was
	// created.
	adopted := imported && state.RotationTriggers.IsNull()
	return []rotation.Change{
		{
			Reason:  rotation.Lifetime,
			Unknown: m.LifetimeSeconds.IsUnknown(),
			Changed: !m.LifetimeSeconds.Equal(state.LifetimeSeconds),
		},
		{
			Reason:  rotation.Vault,
			Unknown: m.KeyVaultSecret.unknown(),
			Changed: !m.KeyVaultSecret.SameSecret(state.KeyVaultSecret),
		},
		{
			Reason:  rotation.Vault,
			Unknown: m.ValueInState.IsUnknown(),
			Changed: !m.ValueInState.Equal(state.ValueInState),
		},
		{
			Reason:  rotation.Trigger,
			Unknown: unknownMap(config.RotationTriggers),
			Changed: !sameTriggers(m.RotationTriggers, state.RotationTriggers) && !adopted,
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

// markUnknown marks the attributes as unknown that only the creation of a new credential determines.
func (m *Rotating) markUnknown() {
	m.ID, m.CreatedAt, m.ExpiresAt = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	m.RotateAt = m.DueAt()
	if s := m.KeyVaultSecret; s != nil {
		s.ID, s.VersionlessID = types.StringUnknown(), types.StringUnknown()
	}
}

// keepCredential copies the attributes of the credential from the state into the plan, because the credential stays as
// it is.
func (m *Rotating) keepCredential(state Rotating) {
	m.ID, m.Value = state.ID, state.Value
	m.CreatedAt, m.ExpiresAt = state.CreatedAt, state.ExpiresAt
	m.RotateAt = m.DueAt()
	m.RotationReason = state.RotationReason
	m.PreviousID, m.PreviousAt = state.PreviousID, state.PreviousAt
	if s := m.KeyVaultSecret; s != nil && state.KeyVaultSecret != nil {
		s.ID = state.KeyVaultSecret.ID
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
	case inUse && m.OverlapSeconds.ValueInt64() > 0:
		m.PreviousID = state.ID
	}
}

func (m Rotating) reason() rotation.Reason { return rotation.Reason(m.RotationReason.ValueString()) }

// Rotates reports whether a plan creates a new credential.
func (m RotatedModel) Rotates() bool { return m.ID.IsUnknown() }

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
		Overlap:  Seconds(m.OverlapSeconds),
	}
}

// SetPrevious sets PreviousID and PreviousAt after a new credential was created at the time created. If applications
// may use the credential of the state, that credential becomes the previous one, and is to be revoked after the
// overlap, but no later than it expires. Otherwise the previous credential of the state stays the previous one.
func (m *Rotating) SetPrevious(state Rotating, v rotation.Verdict, created time.Time) {
	if !rotation.InUse(m.reason(), v) {
		m.PreviousID, m.PreviousAt = state.PreviousID, state.PreviousAt
		return
	}
	end := created.Add(Seconds(m.OverlapSeconds))
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

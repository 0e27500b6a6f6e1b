// Package serviceprincipaltoken is the resource dbxaccess_service_principal_token, a personal access token that belongs
// to a service principal, and the ephemeral resource of that name, such a token for the time of one run.
//
// Azure has no way to make a token for somebody else, so the provider logs in as the owner, with the owner's own
// credential, for as long as minting takes. Refreshing needs no such login: an admin's list of all tokens tells.
//
// A token is rotated in place: new token, consumers, then the old one. Whether it is time only Read decides, by the
// service's clock, and leaves its verdict in private state; planning obeys that and asks nobody (see decideUpdate).
package serviceprincipaltoken

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// Resources are what this package adds to the provider.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &tokenResource{} }}
}

// ListResources are what `terraform query` can find.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{func() list.ListResource { return &tokenList{} }}
}

// The values of rotation_reason.
const (
	reasonDue          = "due"
	reasonTrigger      = "trigger"
	reasonLifetime     = "lifetime"
	reasonRevoked      = "revoked"
	reasonExpired      = "expired"
	reasonOwner        = "owner"
	reasonVault        = "vault"
	reasonOverlapEnded = "overlap_ended"
)

// verdict is what Read found to be done, for which token. It is kept in private state, and only while there is something
// to do.
type verdict struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"` // to rotate; empty: no reason to
	Ended  string `json:"ended,omitempty"`  // the previous token, when its time is over
	// Useless says that nobody can have the value of the token: it never reached the vault.
	Useless bool `json:"useless,omitempty"`
}

// about is the verdict if it is one about the token in a state, else none.
func (v verdict) about(state tokenModel) verdict {
	if v.ID != state.ID.ValueString() {
		return verdict{}
	}
	return v
}

func (v verdict) nothing() bool { return v.Reason == "" && v.Ended == "" }

// The keys of private state: what Read found to be done, where the values of live tokens are, and whether the token was
// imported and not changed since.
const (
	verdictKey  = "verdict"
	placesKey   = "places"
	importedKey = "imported"
)

// remembered is private state.
type remembered struct {
	verdict  verdict
	places   map[string]place // by token id
	imported bool
}

type privateState interface {
	GetKey(context.Context, string) ([]byte, diag.Diagnostics)
}

func recall(ctx context.Context, from privateState, diags *diag.Diagnostics) remembered {
	m := remembered{places: map[string]place{}}
	for key, into := range map[string]any{verdictKey: &m.verdict, placesKey: &m.places, importedKey: &m.imported} {
		raw, more := from.GetKey(ctx, key)
		diags.Append(more...)
		if len(raw) > 0 {
			_ = json.Unmarshal(raw, into) // the provider wrote it
		}
	}
	return m
}

type writablePrivateState interface {
	SetKey(context.Context, string, []byte) diag.Diagnostics
}

// store writes what there is to remember, and deletes what there is not.
func (m remembered) store(ctx context.Context, to writablePrivateState, diags *diag.Diagnostics) {
	for key, value := range map[string]struct {
		any
		keep bool
	}{verdictKey: {m.verdict, !m.verdict.nothing()}, placesKey: {m.places, len(m.places) > 0}, importedKey: {m.imported, m.imported}} {
		var raw []byte
		if value.keep {
			raw, _ = json.Marshal(value.any) // strings and maps of them
		}
		diags.Append(to.SetKey(ctx, key, raw)...)
	}
}

// facts are what Read learned of a token.
type facts struct {
	Now       time.Time // the service's
	Live      bool
	Owner     string // who really owns it, where that is not who should
	VaultLost bool   // the version that holds its value is gone or disabled
	Useless   bool   // there never was one, and no other place for the value
}

// judge says what is to be done about a token.
func judge(state tokenModel, f facts) verdict {
	v := verdict{ID: state.ID.ValueString(), Useless: f.Useless}
	reached := func(at types.String) bool { return !at.IsNull() && !f.Now.Before(parsed(at)) }
	switch {
	case !f.Live && reached(state.ExpiresAt):
		v.Reason = reasonExpired
	case !f.Live:
		v.Reason = reasonRevoked
	case f.Owner != "":
		v.Reason = reasonOwner
	case f.VaultLost:
		v.Reason = reasonVault
	case reached(state.rotateAt()):
		v.Reason = reasonDue
	}
	if !state.PreviousTokenID.IsNull() && reached(state.PreviousTokenRevokeAt) {
		v.Ended = state.PreviousTokenID.ValueString()
	}
	return v
}

// cause is why a plan rotates: null for no reason, unknown where a value that is known only at apply decides. The order is
// that of what cannot change between plan and apply first, so that the reason a plan shows is the one that is applied.
func cause(config, plan, state tokenModel, v verdict, imported bool) types.String {
	if v.Reason != "" {
		return types.StringValue(v.Reason)
	}
	for _, change := range []struct {
		reason           string
		unknown, changed bool
	}{
		{reasonLifetime, plan.LifetimeSeconds.IsUnknown(), !plan.LifetimeSeconds.Equal(state.LifetimeSeconds)},
		{reasonVault, plan.KeyVaultSecret.placeUnknown(), !plan.KeyVaultSecret.samePlace(state.KeyVaultSecret)},
		{reasonVault, plan.TokenValueInState.IsUnknown(), !plan.TokenValueInState.Equal(state.TokenValueInState)},
		// Of an imported token nobody knows yet which triggers it was made for.
		{reasonTrigger, unknownMap(config.RotationTriggers), !sameTriggers(plan.RotationTriggers, state.RotationTriggers) && (!imported || !state.RotationTriggers.IsNull())},
	} {
		if change.unknown {
			return types.StringUnknown()
		}
		if change.changed {
			return types.StringValue(change.reason)
		}
	}
	return types.StringNull()
}

// sameTriggers compares triggers; none written and none in the map are the same.
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

func (m *secretModel) placeUnknown() bool {
	return m != nil && (m.VaultURI.IsUnknown() || m.Name.IsUnknown())
}

// samePlace compares as Key Vault does: without case.
func (m *secretModel) samePlace(other *secretModel) bool {
	if m == nil || other == nil {
		return m == other
	}
	host := func(s types.String) string { return strings.ToLower(strings.TrimRight(s.ValueString(), "/")) }
	return host(m.VaultURI) == host(other.VaultURI) && strings.EqualFold(m.Name.ValueString(), other.Name.ValueString())
}

// settle writes the defaults that hang on other attributes into a plan.
func (m *tokenModel) settle(config tokenModel) {
	if config.RotateBeforeSeconds.IsNull() {
		m.RotateBeforeSeconds = defaultRotateBefore(m.LifetimeSeconds)
	}
	if config.OverlapSeconds.IsNull() {
		m.OverlapSeconds = defaultOverlapFor(m.LifetimeSeconds, m.RotateBeforeSeconds)
	}
	if config.TokenValueInState.IsNull() {
		m.TokenValueInState = types.BoolValue(config.KeyVaultSecret == nil)
	}
}

// decideCreate settles what a plan to create knows already.
func (m *tokenModel) decideCreate(config tokenModel) {
	m.settle(config)
	m.RotationReason, m.PreviousTokenID, m.PreviousTokenRevokeAt = types.StringNull(), types.StringNull(), types.StringNull()
	m.planValue()
	if m.RotateBeforeSeconds.Equal(types.Int64Value(0)) {
		m.RotateAt = types.StringNull()
	}
}

// planValue says whether the state will hold a value that is not known before the apply.
func (m *tokenModel) planValue() {
	m.TokenValue = types.StringUnknown()
	if !m.TokenValueInState.IsUnknown() && !m.TokenValueInState.ValueBool() {
		m.TokenValue = types.StringNull()
	}
}

// decideUpdate settles what an update does. It has neither clock nor service: the verdict of the last refresh, and what
// configuration asks for. Terraform plans once more while it applies, and gets the same answer.
func (m *tokenModel) decideUpdate(config, state tokenModel, v verdict, imported bool) {
	m.settle(config)
	v = v.about(state)
	why := cause(config, *m, state, v, imported)
	switch {
	case why.IsUnknown():
		m.forget()
		m.RotationReason = types.StringUnknown()
		m.TokenValue = types.StringUnknown()
		m.PreviousTokenID, m.PreviousTokenRevokeAt = types.StringUnknown(), types.StringUnknown()
	case !why.IsNull():
		m.forget()
		m.RotationReason = why
		m.planValue()
		m.planPrevious(state, v)
	default:
		m.keep(state)
		previous := state.PreviousTokenID
		if !previous.IsNull() && (v.Ended == previous.ValueString() || m.OverlapSeconds.Equal(types.Int64Value(0))) {
			m.RotationReason = types.StringValue(reasonOverlapEnded)
			m.PreviousTokenID, m.PreviousTokenRevokeAt = types.StringNull(), types.StringNull()
		}
	}
	if s := m.KeyVaultSecret; s != nil && !s.placeUnknown() && s.samePlace(state.KeyVaultSecret) && (!m.rotates() || !state.KeyVaultSecret.VersionlessID.IsNull()) {
		s.VersionlessID = state.KeyVaultSecret.VersionlessID
	}
}

// forget makes unknown what a new token brings.
func (m *tokenModel) forget() {
	m.ID, m.TokenID, m.CreatedAt, m.ExpiresAt = types.StringUnknown(), types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	m.RotateAt = m.rotateAt()
	if m.RotateBeforeSeconds.Equal(types.Int64Value(0)) {
		m.RotateAt = types.StringNull()
	}
	if s := m.KeyVaultSecret; s != nil {
		s.ID, s.VersionlessID = types.StringUnknown(), types.StringUnknown()
	}
}

// keep says that the token stays as it is.
func (m *tokenModel) keep(state tokenModel) {
	m.ID, m.TokenID, m.TokenValue = state.ID, state.TokenID, state.TokenValue
	m.CreatedAt, m.ExpiresAt = state.CreatedAt, state.ExpiresAt
	m.RotateAt = m.rotateAt()
	m.RotationReason = state.RotationReason
	m.PreviousTokenID, m.PreviousTokenRevokeAt = state.PreviousTokenID, state.PreviousTokenRevokeAt
	if s := m.KeyVaultSecret; s != nil && state.KeyVaultSecret != nil {
		s.ID = state.KeyVaultSecret.ID
	}
}

// planPrevious says which token will be the previous one: that of now, if it is of use and there is an overlap. When it is
// not, the one before it may still be in use, and stays until its time is over.
func (m *tokenModel) planPrevious(state tokenModel, v verdict) {
	m.PreviousTokenID, m.PreviousTokenRevokeAt = types.StringUnknown(), types.StringUnknown()
	switch {
	case !m.wasOfUse(v) && (state.PreviousTokenID.IsNull() || v.Ended == ""):
		m.PreviousTokenID, m.PreviousTokenRevokeAt = state.PreviousTokenID, state.PreviousTokenRevokeAt
	case m.wasOfUse(v) && m.OverlapSeconds.ValueInt64() > 0:
		m.PreviousTokenID = state.ID
	}
}

// wasOfUse says whether somebody may score with the token that a plan rotates.
func (m tokenModel) wasOfUse(v verdict) bool {
	reason := m.RotationReason.ValueString()
	return reason != reasonRevoked && reason != reasonExpired && !v.Useless
}

// findOwner writes whose token it is, which must be a service principal's, and says whether it could.
func (r *tokenResource) findOwner(ctx context.Context, list client.TokenList, info client.TokenInfo, o *ownerModel, diags *diag.Diagnostics) bool {
	id := list.Owner(info)
	if info.CreatorID == "" {
		// Only the caller's own list leaves the owner out. It has to be asked again, because the caller is no admin.
		var err error
		if id, err = callerID(ctx, r.Client); fwkit.Failed(diags, err, "Cannot find the owner of token", "token "+short(info.ID)) {
			return false
		}
		o.UseProviderIdentity = types.BoolValue(true)
	}
	if id == "" {
		diags.AddError("Token has an owner that the workspace does not name", fmt.Sprintf("Token %s was made by %s and belongs to the principal with the SCIM id %s, "+
			"which made no token itself, so its application id is not in the list of tokens. Make a token of its own with this resource instead.", short(info.ID), info.Creator, info.OwnerID))
		return false
	}
	if uuid.Validate(id) != nil {
		diags.AddError("Token belongs to a person", fmt.Sprintf("Token %s was made by %s. This resource manages tokens of service principals.", short(info.ID), id))
		return false
	}
	o.ApplicationID = types.StringValue(id)
	return true
}

// imported is the state of a token that somebody made. Only a list that the caller gets of its own tokens leaves out who
// made them.
func imported(info client.TokenInfo, applicationID, workspaceID string) tokenModel {
	m := tokenModel{
		Owner: &ownerModel{ApplicationID: types.StringValue(applicationID)}, Comment: fwkit.String(client.Unmark(info.Comment)),
		LifetimeSeconds: lifetime(info), RotationTriggers: types.MapNull(types.StringType), Timeouts: fwkit.NoTimeouts(),
	}
	if info.CreatorID == "" {
		m.Owner.UseProviderIdentity = types.BoolValue(true)
	}
	m.complete()
	m.tell(info, workspaceID)
	return m
}

// lifetime is the token's whole life in seconds; one that never expires has none.
func lifetime(info client.TokenInfo) types.Int64 {
	if info.ExpiresAt.IsZero() {
		return types.Int64Null()
	}
	return types.Int64Value(int64(info.ExpiresAt.Sub(info.CreatedAt).Round(time.Second).Seconds()))
}

// rotates says whether a plan asks for a new token.
func (m tokenModel) rotates() bool { return m.ID.IsUnknown() }

package serviceprincipaltoken

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

type tokenModel struct {
	fwkit.RotatedModel
	Owner                 *ownerModel  `tfsdk:"owner"`
	Comment               types.String `tfsdk:"comment"`
	TokenValueInState     types.Bool   `tfsdk:"token_value_in_state"`
	TokenValue            types.String `tfsdk:"token_value"`
	TokenID               types.String `tfsdk:"token_id"`
	PreviousTokenID       types.String `tfsdk:"previous_token_id"`
	PreviousTokenRevokeAt types.String `tfsdk:"previous_token_revoke_at"`
}

// token describes the token that a configuration asks for.
type token struct {
	Owner    owner
	Comment  string
	Scopes   []string // nil: the configuration does not manage the scopes
	Lifetime time.Duration
	// Recorded is how long it may take until a state records the token. After that time another run may take an
	// unrecorded token for abandoned. 0 means that no state ever records the token; then no run takes it for abandoned.
	Recorded time.Duration
	Secret   *rotation.Secret // where in Key Vault the value is stored; nil: nowhere
}

func (m tokenModel) toToken() token {
	return token{
		Owner:    m.Owner.toOwner(writeOnly),
		Comment:  m.Comment.ValueString(),
		Scopes:   fwkit.Sorted(m.Scopes),
		Lifetime: fwkit.Seconds(m.LifetimeSeconds),
		Secret:   m.KeyVaultSecret.ToSecret(secretMark),
	}
}

// keepTokens notes in the client that the current and the previous token of a state are in use.
func (m tokenModel) keepTokens(c *client.Client) {
	c.KeepTokens(m.ID.ValueString(), m.PreviousTokenID.ValueString())
}

// show writes what the service showed of the token into the model. It leaves out the comment, because Create sends a
// comment with a marker first and the final comment afterwards. It leaves out the value, because the service returns it
// only once.
func (m *tokenModel) show(info client.TokenInfo, workspaceID string) {
	m.Show(info.ID, info.Scopes, info.CreatedAt, info.ExpiresAt, workspaceID)
	m.TokenID = m.ID
}

const (
	unusedLimit  = 90 * 24 * time.Hour // the service revokes a token that nobody has used for this time
	unusedNotice = 14 * 24 * time.Hour // a refresh warns this long before the service revokes an unused token
)

// unusedUntil returns when the service will revoke a token if nobody uses it. It returns the zero time if the list does
// not show when the token was used last.
func unusedUntil(info client.TokenInfo) time.Time {
	if info.CreatorID == "" {
		return time.Time{}
	}
	last := info.CreatedAt
	if info.LastUsed.After(last) {
		last = info.LastUsed
	}
	return last.Add(unusedLimit)
}

// Rotating returns the attributes of the model that take part in a rotation.
func (m tokenModel) Rotating() fwkit.Rotating {
	return fwkit.Rotating{
		RotatedModel: m.RotatedModel, Value: m.TokenValue, ValueInState: m.TokenValueInState,
		PreviousID: m.PreviousTokenID, PreviousAt: m.PreviousTokenRevokeAt,
	}
}

// SetRotating writes the attributes that a rotation has planned or recorded into the model.
func (m *tokenModel) SetRotating(r fwkit.Rotating) {
	m.RotatedModel, m.TokenID, m.TokenValue, m.TokenValueInState = r.RotatedModel, r.ID, r.Value, r.ValueInState
	m.PreviousTokenID, m.PreviousTokenRevokeAt = r.PreviousID, r.PreviousAt
}

// complete fills in the defaults that are missing in a state after an import, or in a state that was written before
// these attributes existed.
func (m *tokenModel) complete() {
	r := m.Rotating()
	r.Complete()
	m.SetRotating(r)
}

// planCreate fills into the plan of a new token the values that are known at plan time.
func (m *tokenModel) planCreate(config tokenModel) {
	r := m.Rotating()
	r.PlanCreate(config.Rotating())
	m.SetRotating(r)
}

// planUpdate fills into the plan what an update does: rotate the token, end the overlap, or keep the token.
func (m *tokenModel) planUpdate(config, state tokenModel, v rotation.Verdict, imported bool) {
	r := m.Rotating()
	r.PlanUpdate(config.Rotating(), state.Rotating(), v, imported)
	m.SetRotating(r)
	if config.Scopes.IsNull() && len(state.Scopes.Elements()) == 0 {
		// An older version of the provider may have stored an empty set of scopes.
		m.Scopes = types.SetNull(types.StringType)
	}
}

// isOthers reports whether the workspace has shown that a token of the state belongs to another principal than the
// owner. For the current token the last refresh has found that. For the previous token it was the reason to replace it.
func (m tokenModel) isOthers(id string, v rotation.Verdict) bool {
	if id == m.ID.ValueString() {
		return v.About(id).Reason == rotation.Owner
	}
	return m.RotationReason.ValueString() == string(rotation.Owner)
}

// changes holds the plan and the state of an update, and what follows from their differences.
type changes struct {
	plan, state tokenModel
	want, have  token
}

// secretChanged reports whether the version in Key Vault that holds the token needs another content type or other tags.
func (c changes) secretChanged() bool {
	return c.want.Secret.Changed(c.have.Secret)
}

// endsOverlap reports whether the update revokes the previous token, because its overlap is over, and creates no new
// token.
func (c changes) endsOverlap() bool { return c.plan.Rotating().EndsOverlap(c.state.Rotating()) }

// any reports whether the update sends any request.
func (c changes) any() bool {
	return c.plan.Rotates() || c.endsOverlap() || c.secretChanged() || len(c.mask()) > 0
}

// mask returns the API's names of the token's fields that the update changes. It always includes the comment if
// anything changes, because sending the comment removes a marker that may have stayed in it.
func (c changes) mask() []string {
	switch {
	case c.want.Scopes != nil && !slices.Equal(c.want.Scopes, c.have.Scopes):
		return []string{"comment", "scopes"}
	case c.want.Comment != c.have.Comment:
		return []string{"comment"}
	default:
		return nil
	}
}

// String returns the name of the token for messages, which never contains the token's value.
func (m tokenModel) String() string {
	name := "token"
	if id := m.TokenID.ValueString(); id != "" {
		name += " " + fwkit.ShortID(id)
	}
	// The application id is null in a state that was moved from the official provider and not refreshed yet.
	if owner := m.Owner.ApplicationID; !owner.IsNull() {
		name += " of service principal " + owner.ValueString()
	}
	if c := m.Comment.ValueString(); c != "" {
		name += " (" + c + ")"
	}
	return name
}

// imported returns the state of an existing token that is imported. A token without a creator is from the list of the
// caller's own tokens, the only list without creators. So its owner is the caller.
func imported(info client.TokenInfo, applicationID, workspaceID string) tokenModel {
	m := tokenModel{
		Owner: &ownerModel{
			ApplicationID: types.StringValue(applicationID),
		},
		Comment:      fwkit.String(client.Unmark(info.Comment)),
		RotatedModel: fwkit.Unmanaged(lifetime(info)),
	}
	if info.CreatorID == "" {
		m.Owner.UseProviderIdentity = types.BoolValue(true)
	}
	m.complete()
	m.show(info, workspaceID)
	return m
}

// lifetime returns the lifetime of a token in seconds, from its creation to its expiry. It returns null for a token
// that never expires.
func lifetime(info client.TokenInfo) types.Int64 {
	if info.ExpiresAt.IsZero() {
		return types.Int64Null()
	}
	return types.Int64Value(int64(info.ExpiresAt.Sub(info.CreatedAt).Round(time.Second).Seconds()))
}

// official is the state of a databricks_token, a resource of the official provider.
// https://registry.terraform.io/providers/databricks/databricks/latest/docs/resources/token
type official struct {
	fwkit.OfficialProvider
	ID              string `json:"id"`
	Comment         string `json:"comment"`
	LifetimeSeconds int64  `json:"lifetime_seconds"` // 0: the service decides
	CreationTime    int64  `json:"creation_time"`    // Unix time in milliseconds
	ExpiryTime      int64  `json:"expiry_time"`      // Unix time in milliseconds; -1: never
	TokenValue      string `json:"token_value"`
}

// fromOfficial converts the state of a databricks_token of the official provider into a model. That state does not say
// who owns the token, so the next refresh finds the owner. It returns an error if the state cannot be read or has no
// token id.
func fromOfficial(state []byte) (tokenModel, error) {
	var o official
	if err := json.Unmarshal(state, &o); err != nil {
		return tokenModel{}, fmt.Errorf("the moved state cannot be read: %w", err)
	}
	if o.ID == "" {
		return tokenModel{}, errors.New("the moved state has no token id; apply the resource once with the official " +
			"provider first")
	}
	info := client.TokenInfo{
		ID:        o.ID,
		CreatedAt: client.FromMillis(o.CreationTime),
		ExpiresAt: client.FromMillis(o.ExpiryTime),
	}
	m := tokenModel{
		Owner:        &ownerModel{},
		Comment:      fwkit.String(o.Comment),
		TokenValue:   fwkit.String(o.TokenValue),
		RotatedModel: fwkit.Unmanaged(lifetime(info)),
	}
	if o.LifetimeSeconds > 0 {
		m.LifetimeSeconds = types.Int64Value(o.LifetimeSeconds)
	}
	m.complete()
	m.show(info, o.WorkspaceID())
	return m, nil
}

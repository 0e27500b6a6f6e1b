package serviceprincipaloauthsecret

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

type secretModel struct {
	fwkit.RotatedModel
	ApplicationID          types.String `tfsdk:"application_id"`
	SecretValueInState     types.Bool   `tfsdk:"secret_value_in_state"`
	Verify                 types.Bool   `tfsdk:"verify"`
	ClientID               types.String `tfsdk:"client_id"`
	SecretValue            types.String `tfsdk:"secret_value"`
	SecretID               types.String `tfsdk:"secret_id"`
	ServicePrincipalID     types.String `tfsdk:"service_principal_id"`
	TokenURL               types.String `tfsdk:"token_url"`
	PreviousSecretID       types.String `tfsdk:"previous_secret_id"`
	PreviousSecretDeleteAt types.String `tfsdk:"previous_secret_delete_at"`
}

// secret describes the OAuth secret that a configuration asks for.
type secret struct {
	ApplicationID string
	Scopes        []string // sorted; nil: all rights of the principal
	Lifetime      time.Duration
	Verify        bool
	Secret        *rotation.Secret // where in Key Vault the value is stored; nil: nowhere
}

func (m secretModel) toSecret() secret {
	return secret{
		ApplicationID: m.ApplicationID.ValueString(),
		Scopes:        fwkit.Sorted(m.Scopes),
		Lifetime:      fwkit.Seconds(m.LifetimeSeconds),
		Verify:        m.Verify.ValueBool(),
		Secret:        m.KeyVaultSecret.ToSecret(versionMark),
	}
}

// Rotating returns the attributes of the model that take part in a rotation.
func (m secretModel) Rotating() fwkit.Rotating {
	return fwkit.Rotating{
		RotatedModel: m.RotatedModel, Value: m.SecretValue, ValueInState: m.SecretValueInState,
		PreviousID: m.PreviousSecretID, PreviousAt: m.PreviousSecretDeleteAt,
	}
}

// SetRotating writes the attributes that a rotation has planned or recorded into the model.
func (m *secretModel) SetRotating(r fwkit.Rotating) {
	m.RotatedModel, m.SecretID, m.SecretValue, m.SecretValueInState = r.RotatedModel, r.ID, r.Value, r.ValueInState
	m.PreviousSecretID, m.PreviousSecretDeleteAt = r.PreviousID, r.PreviousAt
}

// planCreate fills into the plan of a new secret the values that are known at plan time.
func (m *secretModel) planCreate(config secretModel) {
	r := m.Rotating()
	r.PlanCreate(config.Rotating())
	m.SetRotating(r)
	m.ClientID = m.ApplicationID
	if config.Scopes.IsNull() {
		m.Scopes = types.SetNull(types.StringType)
	}
}

// planUpdate fills into the plan what an update does: rotate the secret, end the overlap, or keep the secret. The
// service cannot change the scopes of a secret, so other scopes rotate it.
func (m *secretModel) planUpdate(config, state secretModel, v rotation.Verdict, imported bool) {
	r := m.Rotating()
	r.PlanUpdate(config.Rotating(), state.Rotating(), v, imported, rotation.Change{
		Reason: rotation.Scopes, Unknown: m.Scopes.IsUnknown(), Changed: !m.Scopes.Equal(state.Scopes),
	})
	m.SetRotating(r)
	if r.Rotates() { // a principal that was removed and added again may have another id
		m.ServicePrincipalID = types.StringUnknown()
	}
}

// complete fills in the defaults that are missing in a state after an import.
func (m *secretModel) complete() {
	r := m.Rotating()
	r.Complete()
	m.SetRotating(r)
	if m.Verify.IsNull() {
		m.Verify = types.BoolValue(true)
	}
}

// show writes what the service showed of the secret into the model, and where an application logs in with it.
func (m *secretModel) show(info client.OAuthSecret, principalID string, c *client.Client) {
	m.Show(info.ID, info.Scopes, info.CreatedAt, info.ExpiresAt, c.WorkspaceID())
	m.SecretID, m.ServicePrincipalID = m.ID, types.StringValue(principalID)
	m.ClientID = m.ApplicationID
	m.TokenURL = types.StringValue(tokenURL(c))
}

// imported returns the state of an existing secret that is imported.
func imported(info client.OAuthSecret, applicationID, principalID string, c *client.Client) secretModel {
	m := secretModel{
		ApplicationID: types.StringValue(applicationID),
		RotatedModel:  fwkit.Unmanaged(lifetime(info)),
	}
	m.complete()
	m.show(info, principalID, c)
	return m
}

// lifetime returns the value of lifetime_seconds for an imported secret; null for a secret that never expires. A
// lifetime that is a little less than whole days, by no more than [create] shortens it, is rounded up to whole days.
// Otherwise the import of a secret that this provider created would rotate it.
func lifetime(info client.OAuthSecret) types.Int64 {
	if info.ExpiresAt.IsZero() {
		return types.Int64Null()
	}
	const day = 24 * time.Hour
	shown := info.ExpiresAt.Sub(info.CreatedAt).Round(time.Second)
	if whole := (shown + day - 1).Truncate(day); whole-shown <= whole/shortened {
		shown = whole
	}
	return types.Int64Value(int64(shown.Seconds()))
}

// changes holds the plan and the state of an update, and what follows from their differences.
type changes struct {
	plan, state secretModel
	want, have  secret
}

// inVault reports whether the version in Key Vault that holds the secret needs another content type or other tags.
func (c changes) inVault() bool {
	return c.want.Secret.Changed(c.have.Secret)
}

// any reports whether the update sends any request.
func (c changes) any() bool {
	return c.plan.Rotates() || c.plan.Rotating().EndsOverlap(c.state.Rotating()) || c.inVault()
}

// String returns the name of the secret for messages, which never contains the secret's value.
func (m secretModel) String() string {
	name := "OAuth secret"
	if id := m.SecretID.ValueString(); id != "" {
		name += " " + fwkit.ShortID(id)
	}
	return name + " of service principal " + m.ApplicationID.ValueString()
}

// describe returns a list of secrets for a message, one secret per line.
func describe(secrets []client.OAuthSecret) string {
	lines := make([]string, 0, len(secrets))
	for _, s := range secrets {
		expires := "never expires"
		if !s.ExpiresAt.IsZero() {
			expires = "expires " + s.ExpiresAt.UTC().Format(time.RFC3339)
		}
		lines = append(
			lines,
			fmt.Sprintf("  %s  created %s, %s", s.ID, s.CreatedAt.UTC().Format(time.RFC3339), expires),
		)
	}
	return strings.Join(lines, "\n")
}

// fromImportID splits an import id of the form application_id/secret_id. It returns an error for any other form.
func fromImportID(id string) (applicationID, secretID string, err error) {
	applicationID, secretID, ok := strings.Cut(id, "/")
	if !ok || uuid.Validate(applicationID) != nil || secretID == "" {
		return "", "", errors.New(
			"the import id must have the form APPLICATION_ID/SECRET_ID, such as " +
				"11111111-2222-3333-4444-555555555555/5c1d…",
		)
	}
	return strings.ToLower(applicationID), secretID, nil
}

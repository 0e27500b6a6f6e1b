package serviceprincipaltoken

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenModel struct {
	ID              types.String   `tfsdk:"id"`
	Owner           *ownerModel    `tfsdk:"owner"`
	Comment         types.String   `tfsdk:"comment"`
	Scopes          types.Set      `tfsdk:"scopes"`
	LifetimeSeconds types.Int64    `tfsdk:"lifetime_seconds"`
	TokenValue      types.String   `tfsdk:"token_value"`
	TokenID         types.String   `tfsdk:"token_id"`
	CreatedAt       types.String   `tfsdk:"created_at"`
	ExpiresAt       types.String   `tfsdk:"expires_at"`
	WorkspaceID     types.String   `tfsdk:"workspace_id"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

type ownerModel struct {
	ApplicationID               types.String `tfsdk:"application_id"`
	TenantID                    types.String `tfsdk:"tenant_id"`
	ClientSecretWO              types.String `tfsdk:"client_secret_wo"`
	ClientCertificateWO         types.String `tfsdk:"client_certificate_wo"`
	ClientCertificatePath       types.String `tfsdk:"client_certificate_path"`
	ClientCertificatePasswordWO types.String `tfsdk:"client_certificate_password_wo"`
	UseProviderIdentity         types.Bool   `tfsdk:"use_provider_identity"`
}

// wholeKnown says that nothing of the owner waits for an apply.
func (m ownerModel) wholeKnown() bool {
	for _, v := range []types.String{m.ApplicationID, m.TenantID, m.ClientSecretWO, m.ClientCertificateWO, m.ClientCertificatePath, m.ClientCertificatePasswordWO} {
		if v.IsUnknown() {
			return false
		}
	}
	return !m.UseProviderIdentity.IsUnknown()
}

// owner is who the token belongs to, and how to log in as it. It holds secrets and is never printed.
type owner struct {
	ApplicationID    string
	ProviderIdentity bool
	Credential       auth.Settings // meaningless when ProviderIdentity
}

// token is what a configuration asks for.
type token struct {
	Owner    owner
	Comment  string
	Scopes   []string // nil: not managed
	Lifetime time.Duration
}

// toOwner maps the owner as configuration writes it; state and plan hold no write-only values.
func (m ownerModel) toOwner() owner {
	setting := func(v types.String, attribute string) auth.Setting {
		return auth.Setting{Value: v.ValueString(), Attribute: "owner." + attribute}
	}
	return owner{
		ApplicationID:    m.ApplicationID.ValueString(),
		ProviderIdentity: m.UseProviderIdentity.ValueBool(),
		Credential: auth.Settings{
			TenantID:            setting(m.TenantID, "tenant_id"),
			ClientID:            setting(m.ApplicationID, "application_id"),
			ClientSecret:        setting(m.ClientSecretWO, "client_secret_wo"),
			Certificate:         setting(m.ClientCertificateWO, "client_certificate_wo"),
			CertificatePath:     setting(m.ClientCertificatePath, "client_certificate_path"),
			CertificatePassword: setting(m.ClientCertificatePasswordWO, "client_certificate_password_wo"),
		},
	}
}

// credentials names the ways to log in that are written. One that is still unknown, as a module's variables are while
// Terraform validates, may yet turn out to be null: it counts neither way.
func (m ownerModel) credentials() (written []string, unknown bool) {
	for _, c := range []struct {
		name  string
		value types.String
	}{
		{"client_secret_wo", m.ClientSecretWO},
		{"client_certificate_wo", m.ClientCertificateWO},
		{"client_certificate_path", m.ClientCertificatePath},
	} {
		unknown = unknown || c.value.IsUnknown()
		if !c.value.IsNull() && !c.value.IsUnknown() {
			written = append(written, c.name)
		}
	}
	if m.UseProviderIdentity.ValueBool() {
		written = append(written, "use_provider_identity")
	}
	return written, unknown || m.UseProviderIdentity.IsUnknown()
}

func (m tokenModel) toToken() token {
	t := token{
		Owner:    m.Owner.toOwner(),
		Comment:  m.Comment.ValueString(),
		Lifetime: time.Duration(m.LifetimeSeconds.ValueInt64()) * time.Second,
	}
	if !m.Scopes.IsNull() && !m.Scopes.IsUnknown() {
		t.Scopes = fwkit.FromStrings(m.Scopes)
		slices.Sort(t.Scopes)
	}
	return t
}

// tell writes what the service showed into the model: everything but the comment, which Create sends twice, and the value,
// which is told once.
func (m *tokenModel) tell(info client.TokenInfo, workspaceID string) {
	m.ID = types.StringValue(info.ID)
	m.TokenID = types.StringValue(info.ID)
	m.Scopes = fwkit.Strings(info.Scopes)
	m.CreatedAt = fwkit.Time(info.CreatedAt)
	m.ExpiresAt = fwkit.Time(info.ExpiresAt)
	m.WorkspaceID = fwkit.String(workspaceID)
}

// String names the token in messages; never its value.
func (m tokenModel) String() string {
	name := "token of service principal " + m.Owner.ApplicationID.ValueString()
	if id := m.TokenID.ValueString(); id != "" {
		name = "token " + short(id) + " of service principal " + m.Owner.ApplicationID.ValueString()
	}
	if c := m.Comment.ValueString(); c != "" {
		name += " (" + c + ")"
	}
	return name
}

// short is enough of a token's id to find it.
func short(id string) string { return id[:min(12, len(id))] }

type ephemeralModel struct {
	Owner           *ephemeralOwnerModel `tfsdk:"owner"`
	Comment         types.String         `tfsdk:"comment"`
	Scopes          types.Set            `tfsdk:"scopes"`
	LifetimeSeconds types.Int64          `tfsdk:"lifetime_seconds"`
	TokenValue      types.String         `tfsdk:"token_value"`
	TokenID         types.String         `tfsdk:"token_id"`
	ExpiresAt       types.String         `tfsdk:"expires_at"`
}

// ephemeralOwnerModel is an [ownerModel] with plain names: nothing of an ephemeral resource is stored, so nothing in it
// needs to be write-only.
type ephemeralOwnerModel struct {
	ApplicationID             types.String `tfsdk:"application_id"`
	TenantID                  types.String `tfsdk:"tenant_id"`
	ClientSecret              types.String `tfsdk:"client_secret"`
	ClientCertificate         types.String `tfsdk:"client_certificate"`
	ClientCertificatePath     types.String `tfsdk:"client_certificate_path"`
	ClientCertificatePassword types.String `tfsdk:"client_certificate_password"`
	UseProviderIdentity       types.Bool   `tfsdk:"use_provider_identity"`
}

func (m ephemeralOwnerModel) managed() ownerModel {
	return ownerModel{
		ApplicationID: m.ApplicationID, TenantID: m.TenantID, ClientSecretWO: m.ClientSecret, ClientCertificateWO: m.ClientCertificate,
		ClientCertificatePath: m.ClientCertificatePath, ClientCertificatePasswordWO: m.ClientCertificatePassword, UseProviderIdentity: m.UseProviderIdentity,
	}
}

func (m ephemeralOwnerModel) toOwner() owner {
	o := m.managed().toOwner()
	for _, s := range []*auth.Setting{&o.Credential.ClientSecret, &o.Credential.Certificate, &o.Credential.CertificatePassword} {
		s.Attribute = strings.TrimSuffix(s.Attribute, "_wo")
	}
	return o
}

// credentials names the ways to log in that are written; see [ownerModel.credentials].
func (m ephemeralOwnerModel) credentials() (written []string, unknown bool) {
	written, unknown = m.managed().credentials()
	for i := range written {
		written[i] = strings.TrimSuffix(written[i], "_wo")
	}
	return written, unknown
}

// ephemeralMark stands in the comment of every ephemeral token, so that one which nobody revoked can be found.
const ephemeralMark = "[dbxaccess-ephemeral]"

func (m ephemeralModel) toToken() token {
	t := token{
		Owner:    m.Owner.toOwner(),
		Comment:  strings.TrimSpace(m.Comment.ValueString() + " " + ephemeralMark),
		Lifetime: ephemeralLifetime * time.Second,
	}
	if !m.LifetimeSeconds.IsNull() {
		t.Lifetime = time.Duration(m.LifetimeSeconds.ValueInt64()) * time.Second
	}
	if !m.Scopes.IsNull() {
		t.Scopes = fwkit.FromStrings(m.Scopes)
		slices.Sort(t.Scopes)
	}
	return t
}

func (m *ephemeralModel) tell(made minted) {
	m.LifetimeSeconds = types.Int64Value(int64(made.ExpiresAt.Sub(made.CreatedAt).Seconds() + 0.5))
	m.Scopes = fwkit.Strings(made.Scopes)
	m.TokenValue = types.StringValue(made.Value)
	m.TokenID = types.StringValue(made.ID)
	m.ExpiresAt = fwkit.Time(made.ExpiresAt)
}

// String names the token in messages; never its value.
func (m ephemeralModel) String() string {
	name := "ephemeral token of service principal " + m.Owner.ApplicationID.ValueString()
	if c := m.Comment.ValueString(); c != "" {
		name += " (" + c + ")"
	}
	return name
}

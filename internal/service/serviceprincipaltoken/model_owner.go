package serviceprincipaltoken

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

type ownerModel struct {
	ApplicationID             types.String   `tfsdk:"application_id"`
	TenantID                  types.String   `tfsdk:"tenant_id"`
	ClientSecret              types.String   `tfsdk:"client_secret_wo"`
	ClientCertificate         types.String   `tfsdk:"client_certificate_wo"`
	ClientCertificatePath     types.String   `tfsdk:"client_certificate_path"`
	ClientCertificatePassword types.String   `tfsdk:"client_certificate_password_wo"`
	DatabricksClientSecret    types.String   `tfsdk:"databricks_client_secret_wo"`
	KeyVault                  *ownerKeyVault `tfsdk:"key_vault"`
	UseOIDC                   types.Bool     `tfsdk:"use_oidc"`
	UseProviderIdentity       types.Bool     `tfsdk:"use_provider_identity"`
}

type ownerKeyVault struct {
	VaultURI                      types.String `tfsdk:"vault_uri"`
	CertificateName               types.String `tfsdk:"certificate_name"`
	ClientSecretName              types.String `tfsdk:"client_secret_name"`
	CertificatePasswordSecretName types.String `tfsdk:"certificate_password_secret_name"`
}

func (m ownerModel) values() []attr.Value {
	all := []attr.Value{
		m.ApplicationID,
		m.TenantID,
		m.ClientSecret,
		m.ClientCertificate,
		m.ClientCertificatePath,
		m.ClientCertificatePassword,
		m.DatabricksClientSecret,
		m.UseOIDC,
		m.UseProviderIdentity,
	}
	if k := m.KeyVault; k != nil {
		all = append(all, k.VaultURI, k.CertificateName, k.ClientSecretName, k.CertificatePasswordSecretName)
	}
	return all
}

// allKnown reports whether every value in the block owner is known.
func (m ownerModel) allKnown() bool { return !slices.ContainsFunc(m.values(), attr.Value.IsUnknown) }

// sameLogin reports whether the owner logs in with the same settings as before. It cannot compare write-only values
// with the state, because the state does not hold them.
func (m ownerModel) sameLogin(before ownerModel) bool {
	return slices.EqualFunc(m.values(), before.values(), attr.Value.Equal)
}

// text is an attribute of the block owner that holds a credential, or the path of one.
type text struct {
	name  string
	value types.String
}

// writeOnly is the suffix of the attributes that hold a secret in the managed resource. The ephemeral resource has them
// without a suffix, so functions that return the names of attributes have the suffix as a parameter.
const writeOnly = "_wo"

func (m ownerModel) texts(suffix string) []text {
	return []text{
		{"client_secret" + suffix, m.ClientSecret},
		{"client_certificate" + suffix, m.ClientCertificate},
		{"client_certificate_path", m.ClientCertificatePath},
		{"databricks_client_secret" + suffix, m.DatabricksClientSecret},
	}
}

// emptyCredential returns the name of a credential attribute that is set to an empty string. It returns an empty string
// if there is no such attribute.
func (m ownerModel) emptyCredential(suffix string) string {
	for _, c := range m.texts(suffix) {
		if c.value.Equal(types.StringValue("")) {
			return c.name
		}
	}
	return ""
}

// credentials returns the names of the ways to log in that the configuration sets. If an attribute is unknown, as a
// module's variables are while Terraform validates, its value may turn out to be null. Then its name is left out, and
// unknown is true.
func (m ownerModel) credentials(suffix string) (written []string, unknown bool) {
	for _, c := range m.texts(suffix) {
		unknown = unknown || c.value.IsUnknown()
		if !c.value.IsNull() && !c.value.IsUnknown() {
			written = append(written, c.name)
		}
	}
	if m.KeyVault != nil {
		written = append(written, "key_vault")
	}
	for _, c := range []struct {
		name  string
		value types.Bool
	}{{"use_oidc", m.UseOIDC}, {"use_provider_identity", m.UseProviderIdentity}} {
		unknown = unknown || c.value.IsUnknown()
		if c.value.ValueBool() {
			written = append(written, c.name)
		}
	}
	return written, unknown
}

// owner is the service principal that a token belongs to, and the credential to log in as that principal. It holds
// secrets and is never printed.
type owner struct {
	ApplicationID    string
	ProviderIdentity bool
	Credential       auth.Settings // not used if ProviderIdentity is true
}

// logsInWithoutConfig reports whether the provider can log in as the owner without the configuration, which a destroy
// does not see.
func (o owner) logsInWithoutConfig() bool {
	return o.ProviderIdentity || o.Credential.CertificatePath.IsSet() || o.Credential.KeyVault != nil ||
		o.Credential.UseOIDC.IsSet()
}

// logsInAtWorkspace reports whether the owner logs in at the workspace, with an OAuth secret that Databricks issued and
// Entra ID does not know.
func (o owner) logsInAtWorkspace() bool { return o.Credential.DatabricksClientSecret.IsSet() }

// hasCredential reports whether there is any credential with which the provider can log in as the owner.
func (o owner) hasCredential() bool {
	return o.logsInWithoutConfig() || o.logsInAtWorkspace() ||
		o.Credential.ClientSecret.IsSet() || o.Credential.Certificate.IsSet()
}

// toOwner converts the block owner. Only the block in a configuration has write-only values; in a state or a plan they
// are null.
func (m ownerModel) toOwner(suffix string) owner {
	setting := func(v types.String, attribute string) auth.Setting {
		return auth.Setting{Value: v.ValueString(), Attribute: "owner." + attribute}
	}
	o := owner{
		ApplicationID:    m.ApplicationID.ValueString(),
		ProviderIdentity: m.UseProviderIdentity.ValueBool(),
		Credential: auth.Settings{
			TenantID:            setting(m.TenantID, "tenant_id"),
			ClientID:            setting(m.ApplicationID, "application_id"),
			ClientSecret:        setting(m.ClientSecret, "client_secret"+suffix),
			Certificate:         setting(m.ClientCertificate, "client_certificate"+suffix),
			CertificatePath:     setting(m.ClientCertificatePath, "client_certificate_path"),
			CertificatePassword: setting(m.ClientCertificatePassword, "client_certificate_password"+suffix),
		},
	}
	if k := m.KeyVault; k != nil {
		o.Credential.KeyVault = &auth.KeyVaultSettings{
			ByProvider:       true,
			VaultURI:         setting(k.VaultURI, "key_vault.vault_uri"),
			CertificateName:  setting(k.CertificateName, "key_vault.certificate_name"),
			ClientSecretName: setting(k.ClientSecretName, "key_vault.client_secret_name"),
			CertificatePasswordSecretName: setting(
				k.CertificatePasswordSecretName,
				"key_vault.certificate_password_secret_name",
			),
		}
	}
	o.Credential.DatabricksClientSecret = setting(m.DatabricksClientSecret, "databricks_client_secret"+suffix)
	if o.logsInAtWorkspace() {
		o.Credential.DatabricksClientID = o.Credential.ClientID
	}
	if m.UseOIDC.ValueBool() {
		o.Credential.UseOIDC = auth.Setting{Value: "true", Attribute: "owner.use_oidc"}
	}
	return o
}

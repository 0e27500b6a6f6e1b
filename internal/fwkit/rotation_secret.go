package fwkit

import (
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// VaultSecret is the block key_vault_secret of a credential: where the credential's value is stored in Key Vault.
type VaultSecret struct {
	VaultURI          types.String `tfsdk:"vault_uri"`
	Name              types.String `tfsdk:"name"`
	ContentType       types.String `tfsdk:"content_type"`
	Tags              types.Map    `tfsdk:"tags"`
	OverwriteExisting types.Bool   `tfsdk:"overwrite_existing"`
	ID                types.String `tfsdk:"id"`
	VersionlessID     types.String `tfsdk:"versionless_id"`
}

// maxTags is how many tags a user can write. A secret in Key Vault can have 15 tags, and the provider adds one.
const maxTags = 14

// vaultSecretAttribute returns the schema of the block key_vault_secret.
func (c Credential) vaultSecretAttribute(mark string) schema.Attribute {
	credential := string(c)
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Secret in Azure Key Vault that holds the value. The provider's own identity writes the " +
			"secret, and needs the role `Key Vault Secrets Officer`.",
		Attributes: map[string]schema.Attribute{
			"vault_uri": schema.StringAttribute{
				Required: true,
				Validators: []validator.String{
					Checked("Not the address of a vault for the "+credential, auth.CheckVaultURI),
				},
				PlanModifiers: []planmodifier.String{FoldCase()},
				MarkdownDescription: "Address of the vault, `https://<name>.vault.azure.net/`. Changing it rotates the " +
					credential + ".",
			},
			"name": schema.StringAttribute{
				Required: true,
				Validators: []validator.String{
					Checked("Not the name of a Key Vault secret for the "+credential, auth.CheckSecretName),
				},
				PlanModifiers:       []planmodifier.String{FoldCase()},
				MarkdownDescription: "Name of the secret. Changing it rotates the " + credential + ".",
			},
			"content_type": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthBetween(1, 255)},
				MarkdownDescription: "Content type of the secret. Changed in place.",
			},
			"tags": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				Validators: []validator.Map{
					mapvalidator.SizeAtMost(maxTags),
					mapvalidator.KeysAre(stringvalidator.LengthBetween(1, 256), stringvalidator.NoneOf(mark)),
					mapvalidator.ValueStringsAre(stringvalidator.LengthAtMost(256)),
				},
				MarkdownDescription: "Tags of the secret, at most 14. The provider adds `" + mark + "`, by which " +
					"it recognizes its own versions. Changed in place.",
			},
			"overwrite_existing": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: fmt.Sprintf(
					"Whether to write a new version if the secret exists and this provider did not create it. "+
						"Default: `false`: the apply then fails. A secret that the provider wrote for another %[1]s "+
						"gets a new version in any case, so give each %[1]s its own secret name.",
					credential,
				),
			},
			"id": schema.StringAttribute{
				Computed: true, MarkdownDescription: "Address of the version that holds the value.",
			},
			"versionless_id": schema.StringAttribute{
				Computed: true, MarkdownDescription: "Address of the secret, whatever version is the newest.",
			},
		},
	}
}

// ToSecret returns the block key_vault_secret as plain values; nil if there is no block.
func (m *VaultSecret) ToSecret(mark string) *rotation.Secret {
	if m == nil {
		return nil
	}
	tags := map[string]string{}
	for name, value := range m.Tags.Elements() {
		if v, ok := value.(types.String); ok {
			tags[name] = v.ValueString()
		}
	}
	return &rotation.Secret{
		VaultURI: m.VaultURI.ValueString(), Name: m.Name.ValueString(), ContentType: m.ContentType.ValueString(),
		Tags: tags, Overwrite: m.OverwriteExisting.ValueBool(), Mark: mark,
	}
}

// Show writes what the vault shows of the version that holds the credential into the block: the content type and the
// tags, except for the provider's own tag, mark.
func (m *VaultSecret) Show(v auth.SecretVersion, mark string) {
	m.ContentType = String(v.ContentType)
	tags := maps.Clone(v.Tags)
	delete(tags, mark)
	if len(tags) == 0 && len(m.Tags.Elements()) == 0 {
		return // the vault does not distinguish an empty map of tags from no tags
	}
	values := map[string]attr.Value{}
	for name, value := range tags {
		values[name] = types.StringValue(value)
	}
	m.Tags = types.MapValueMust(types.StringType, values)
}

// unknown reports whether the vault or the name of the secret is known only at apply.
func (m *VaultSecret) unknown() bool {
	return m != nil && (m.VaultURI.IsUnknown() || m.Name.IsUnknown())
}

// SameSecret reports whether two blocks name the same secret. It compares without case, as Key Vault does.
func (m *VaultSecret) SameSecret(other *VaultSecret) bool {
	if m == nil || other == nil {
		return m == other
	}
	host := func(s types.String) string { return strings.ToLower(strings.TrimRight(s.ValueString(), "/")) }
	return host(m.VaultURI) == host(other.VaultURI) && strings.EqualFold(m.Name.ValueString(), other.Name.ValueString())
}

// StoredAt returns the vault and the name in the block key_vault_secret of a data source or an ephemeral resource. It
// returns empty strings if there is no block.
func StoredAt(block types.Object) (vaultURI, name string) {
	of := func(attribute string) string {
		text, _ := block.Attributes()[attribute].(types.String)
		return text.ValueString()
	}
	return of("vault_uri"), of("name")
}

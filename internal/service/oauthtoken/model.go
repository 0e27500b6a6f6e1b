package oauthtoken

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenModel struct {
	ClientID            types.String `tfsdk:"client_id"`
	ClientSecret        types.String `tfsdk:"client_secret"`
	KeyVaultSecret      types.Object `tfsdk:"key_vault_secret"`
	UseProviderIdentity types.Bool   `tfsdk:"use_provider_identity"`
	Scopes              types.Set    `tfsdk:"scopes"`
	EndpointName        types.String `tfsdk:"endpoint_name"`
	AccessToken         types.String `tfsdk:"access_token"`
	ExpiresAt           types.String `tfsdk:"expires_at"`
	Claims              types.String `tfsdk:"claims"`
	EndpointURL         types.String `tfsdk:"endpoint_url"`
}

func (m tokenModel) toWant() want {
	w := want{
		ProviderIdentity: m.UseProviderIdentity.ValueBool(),
		ClientID:         m.ClientID.ValueString(),
		Secret:           m.ClientSecret.ValueString(),
		Scopes:           fwkit.Sorted(m.Scopes),
		Endpoint:         m.EndpointName.ValueString(),
	}
	w.VaultURI, w.Name = fwkit.StoredAt(m.KeyVaultSecret)
	return w
}

func (m *tokenModel) show(t oauthToken) {
	m.AccessToken = types.StringValue(t.Value)
	m.ExpiresAt = fwkit.Time(t.ExpiresAt)
	m.Claims = types.StringValue(t.Claims)
	m.EndpointURL = fwkit.String(t.EndpointURL)
}

// String returns the name of the token for messages, which never contains the token's value.
func (m tokenModel) String() string {
	name := "OAuth token of the provider"
	if id := m.ClientID.ValueString(); id != "" {
		name = "OAuth token of application " + id
	}
	if endpoint := m.EndpointName.ValueString(); endpoint != "" {
		name += " for serving endpoint " + endpoint
	}
	return name
}

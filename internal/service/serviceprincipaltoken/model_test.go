package serviceprincipaltoken

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

func TestToToken(t *testing.T) {
	t.Parallel()
	written := func(attribute, value string) auth.Setting {
		return auth.Setting{Value: value, Attribute: "owner." + attribute}
	}
	full := tokenModel{
		Owner: &ownerModel{
			ApplicationID: types.StringValue("app"), TenantID: types.StringValue("tenant"),
			ClientSecret:      types.StringValue("s"),
			ClientCertificate: types.StringValue("c"), ClientCertificatePath: types.StringValue("p"),
			ClientCertificatePassword: types.StringValue("w"),
			UseProviderIdentity:       types.BoolValue(true), UseOIDC: types.BoolValue(true),
			KeyVault: &ownerKeyVault{VaultURI: types.StringValue("v"), CertificateName: types.StringValue("n"),
				ClientSecretName: types.StringValue("m"), CertificatePasswordSecretName: types.StringValue("o")},
		},
		RotatedModel: fwkit.RotatedModel{
			KeyVaultSecret: &fwkit.VaultSecret{
				VaultURI: types.StringValue("u"), Name: types.StringValue("t"), ContentType: types.StringValue("k"),
				OverwriteExisting: types.BoolValue(true),
				Tags: types.MapValueMust(types.StringType,
					map[string]attr.Value{"a": types.StringValue("b")}),
			},
			Scopes: fwkit.Strings([]string{"sql", "serving"}), LifetimeSeconds: types.Int64Value(90),
		},
		Comment: types.StringValue("why"),
	}
	want := token{
		Owner: owner{ApplicationID: "app", ProviderIdentity: true, Credential: auth.Settings{
			TenantID: written("tenant_id", "tenant"), ClientID: written("application_id", "app"),
			ClientSecret:        written("client_secret_wo", "s"),
			Certificate:         written("client_certificate_wo", "c"),
			CertificatePath:     written("client_certificate_path", "p"),
			CertificatePassword: written("client_certificate_password_wo", "w"), UseOIDC: written("use_oidc", "true"),
			DatabricksClientSecret: written("databricks_client_secret_wo", ""),
			KeyVault: &auth.KeyVaultSettings{
				ByProvider: true, VaultURI: written("key_vault.vault_uri", "v"),
				CertificateName:               written("key_vault.certificate_name", "n"),
				ClientSecretName:              written("key_vault.client_secret_name", "m"),
				CertificatePasswordSecretName: written("key_vault.certificate_password_secret_name", "o"),
			},
		}},
		Secret: &rotation.Secret{VaultURI: "u", Name: "t", ContentType: "k", Tags: map[string]string{"a": "b"},
			Overwrite: true, Mark: secretMark},
		Comment: "why", Scopes: []string{"serving", "sql"}, Lifetime: 90 * time.Second,
	}
	if got := full.toToken(); !reflect.DeepEqual(got, want) {
		t.Errorf("%#v", got)
	}

	for name, scopes := range map[string]types.Set{"null": types.SetNull(types.StringType),
		"unknown": types.SetUnknown(types.StringType)} {
		got := tokenModel{Owner: &ownerModel{}, RotatedModel: fwkit.RotatedModel{Scopes: scopes}}.toToken()
		if got.Secret != nil || got.Scopes != nil || got.Comment != "" || got.Owner.ProviderIdentity ||
			got.Owner.Credential.ClientSecret.IsSet() {
			t.Errorf("%s: %#v", name, got)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	some := types.StringValue("x")
	for name, tc := range map[string]struct {
		owner   ownerModel
		written []string
		unknown bool
	}{
		"none":              {ownerModel{ApplicationID: some, TenantID: some, ClientCertificatePassword: some}, nil, false},
		"secret":            {ownerModel{ClientSecret: some}, []string{"client_secret_wo"}, false},
		"certificate":       {ownerModel{ClientCertificate: some}, []string{"client_certificate_wo"}, false},
		"path":              {ownerModel{ClientCertificatePath: some}, []string{"client_certificate_path"}, false},
		"identity":          {ownerModel{UseProviderIdentity: types.BoolValue(true)}, []string{"use_provider_identity"}, false},
		"not the identity":  {ownerModel{UseProviderIdentity: types.BoolValue(false)}, nil, false},
		"perhaps":           {ownerModel{UseProviderIdentity: types.BoolUnknown()}, nil, true},
		"one and perhaps":   {ownerModel{ClientSecret: some, ClientCertificatePath: types.StringUnknown()}, []string{"client_secret_wo"}, true},
		"secret and path":   {ownerModel{ClientSecret: some, ClientCertificatePath: some}, []string{"client_secret_wo", "client_certificate_path"}, false},
		"vault":             {ownerModel{KeyVault: &ownerKeyVault{}}, []string{"key_vault"}, false},
		"oidc":              {ownerModel{UseOIDC: types.BoolValue(true)}, []string{"use_oidc"}, false},
		"perhaps oidc":      {ownerModel{UseOIDC: types.BoolUnknown()}, nil, true},
		"unknown app alone": {ownerModel{ApplicationID: types.StringUnknown()}, nil, false},
	} {
		if written, unknown := tc.owner.credentials(writeOnly); !slices.Equal(written, tc.written) || unknown != tc.unknown {
			t.Errorf("%s: %v, %t", name, written, unknown)
		}
	}
}

func TestAllKnown(t *testing.T) {
	t.Parallel()
	if !(ownerModel{ApplicationID: types.StringValue("x")}).allKnown() {
		t.Error("null counts as unknown")
	}
	for name, o := range map[string]ownerModel{
		"application_id": {ApplicationID: types.StringUnknown()}, "tenant_id": {TenantID: types.StringUnknown()},
		"client_secret_wo": {ClientSecret: types.StringUnknown()}, "client_certificate_wo": {ClientCertificate: types.StringUnknown()},
		"client_certificate_path": {ClientCertificatePath: types.StringUnknown()}, "client_certificate_password_wo": {ClientCertificatePassword: types.StringUnknown()},
		"use_provider_identity": {UseProviderIdentity: types.BoolUnknown()}, "use_oidc": {UseOIDC: types.BoolUnknown()},
		"key_vault.vault_uri": {KeyVault: &ownerKeyVault{VaultURI: types.StringUnknown()}},
	} {
		if o.allKnown() {
			t.Errorf("an unknown %s counts as known", name)
		}
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	m := tokenModel{Comment: types.StringValue("kept"), TokenValue: types.StringValue("kept too")}
	m.LifetimeSeconds = types.Int64Value(7)
	m.show(client.TokenInfo{ID: "id", Comment: "marked", Scopes: []string{"serving"}, CreatedAt: made}, "42")
	want := tokenModel{
		TokenID: types.StringValue("id"), Comment: types.StringValue("kept"), TokenValue: types.StringValue("kept too"),
		RotatedModel: fwkit.RotatedModel{
			ID: types.StringValue("id"), LifetimeSeconds: types.Int64Value(7),
			Scopes:    fwkit.Strings([]string{"serving"}),
			CreatedAt: types.StringValue("2026-01-02T03:04:05Z"), ExpiresAt: types.StringNull(),
			WorkspaceID: types.StringValue("42"),
		},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("%#v", m)
	}
}

func TestLifetimeOf(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for life, want := range map[time.Duration]int64{time.Hour: 3600, time.Hour + 300*time.Millisecond: 3600,
		time.Hour - 300*time.Millisecond: 3600} {
		if got := lifetime(client.TokenInfo{CreatedAt: made, ExpiresAt: made.Add(life)}); got.ValueInt64() != want {
			t.Errorf("%s is %s seconds", life, got)
		}
	}
	if got := lifetime(client.TokenInfo{CreatedAt: made}); !got.IsNull() {
		t.Errorf("a token without an end lives %s seconds", got)
	}
}

// Messages name a token so that it can be found, and never show its value.
func TestNames(t *testing.T) {
	t.Parallel()
	m := tokenModel{Owner: &ownerModel{ApplicationID: types.StringValue("app")},
		TokenValue: types.StringValue("dapi-secret")}
	if got := m.String(); got != "token of service principal app" {
		t.Errorf("%q", got)
	}
	m.TokenID, m.Comment = types.StringValue("0123456789abcdef"), types.StringValue("why")
	if got := m.String(); got != "token 0123456789ab of service principal app (why)" {
		t.Errorf("%q", got)
	}
	if fwkit.ShortID("abc") != "abc" || printable("abc") != "abc" || printable("dapi123") != "dapi…" {
		t.Errorf("%q %q %q", fwkit.ShortID("abc"), printable("abc"), printable("dapi123"))
	}
}

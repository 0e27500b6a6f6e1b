package serviceprincipaltoken

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func TestEphemeralToToken(t *testing.T) {
	t.Parallel()
	text := types.StringValue
	for name, c := range map[string]struct {
		model    ephemeralModel
		comment  string
		scopes   []string
		lifetime time.Duration
	}{
		"defaults": {ephemeralModel{}, "[dbxaccess-ephemeral]", nil, time.Hour},
		"all": {
			ephemeralModel{Comment: text("nightly"), Scopes: fwkit.Strings([]string{"sql", "serving"}),
				LifetimeSeconds: types.Int64Value(60)},
			"nightly [dbxaccess-ephemeral]", []string{"serving", "sql"}, time.Minute,
		},
	} {
		c.model.Owner = &ephemeralOwnerModel{}
		got := c.model.toToken()
		if got.Comment != c.comment || !slices.Equal(got.Scopes, c.scopes) || got.Lifetime != c.lifetime {
			t.Errorf("%s: %q %q %s", name, got.Comment, got.Scopes, got.Lifetime)
		}
		// No state records an ephemeral token, so no run may take it for abandoned.
		if got.Recorded != 0 {
			t.Errorf("%s: recorded within %s", name, got.Recorded)
		}
	}
}

// Errors point at attributes of the ephemeral resource, whose names lack the suffix _wo of the managed resource.
func TestEphemeralOwnerIsNamedPlainly(t *testing.T) {
	t.Parallel()
	value := types.StringValue("x")
	m := ephemeralOwnerModel{
		ApplicationID: value, TenantID: value, ClientSecret: value, ClientCertificate: value,
		ClientCertificatePath: value, ClientCertificatePassword: value,
		KeyVault: &ownerKeyVault{VaultURI: value, ClientSecretName: value}, UseOIDC: types.BoolValue(true),
		UseProviderIdentity: types.BoolValue(true),
	}
	o := ownerModel(m).toOwner("")
	credential := o.Credential
	for _, s := range []auth.Setting{credential.ClientID, credential.TenantID, credential.ClientSecret,
		credential.Certificate, credential.CertificatePath, credential.CertificatePassword, credential.KeyVault.ClientSecretName, credential.UseOIDC} {
		if !s.IsSet() || !strings.HasPrefix(s.Attribute, "owner.") || strings.HasSuffix(s.Attribute, "_wo") {
			t.Errorf("%s", s.Attribute)
		}
	}
	written, _ := ownerModel(m).credentials("")
	if want := []string{"client_secret", "client_certificate", "client_certificate_path", "key_vault", "use_oidc",
		"use_provider_identity"}; !slices.Equal(written, want) || !o.ProviderIdentity {
		t.Errorf("%q", written)
	}
}

package serviceprincipaltoken

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenEphemeral struct{ fwkit.EphemeralResource }

var (
	_ ephemeral.EphemeralResourceWithConfigure      = &tokenEphemeral{}
	_ ephemeral.EphemeralResourceWithValidateConfig = &tokenEphemeral{}
	_ ephemeral.EphemeralResourceWithClose          = &tokenEphemeral{}
)

func (e *tokenEphemeral) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_service_principal_token"
}

func (e *tokenEphemeral) ValidateConfig(ctx context.Context, req ephemeral.ValidateConfigRequest, resp *ephemeral.ValidateConfigResponse) {
	var config ephemeralModel
	var owner types.Object
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("owner"), &owner)...)
	if owner.IsUnknown() || owner.IsNull() || !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	written, unknown := config.Owner.credentials()
	switch {
	case len(written) == 0 && !unknown:
		resp.Diagnostics.AddAttributeError(path.Root("owner"), "Owner of an ephemeral token has no credential", "A token is made by logging in as its owner. "+
			"Write one of client_secret, client_certificate, client_certificate_path, or use_provider_identity = true when the provider's own identity is the owner.")
	case len(written) > 1:
		resp.Diagnostics.AddAttributeError(path.Root("owner"), "Owner of an ephemeral token has two credentials", strings.Join(written, " and ")+" are both written; keep one.")
	}
	password := config.Owner.ClientCertificatePassword
	if !password.IsNull() && !password.IsUnknown() && config.Owner.ClientCertificate.IsNull() && config.Owner.ClientCertificatePath.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("owner"), "Password of an ephemeral token's owner without a certificate",
			"client_certificate_password is written: write client_certificate or client_certificate_path beside it, or remove it.")
	}
}

// privateKey is where Open leaves for Close which token it was.
const privateKey = "token"

type private struct {
	ID string `json:"token_id"`
}

// Open makes the token, in a plan as in an apply. From the moment it exists the process knows that it is to be revoked,
// whether Terraform will say so or not.
func (e *tokenEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var config ephemeralModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()

	want := config.toToken()
	as, err := logIn(ctx, e.Client, want.Owner)
	if fwkit.Failed(&resp.Diagnostics, err, cannotLogIn, config.String()) {
		return
	}
	if as != e.Client {
		for _, w := range as.Login.Warnings {
			resp.Diagnostics.AddWarning(w.Summary, w.Detail)
		}
	}
	remember := e.Client.Opening(as)
	made, err := mint(ctx, as, want)
	remember(made.ID)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot open token", config.String()) {
		return
	}
	e.Client.ForgetTokens()
	if made.stray != nil {
		fwkit.Warn(&resp.Diagnostics, made.stray, "A second ephemeral token may be left over", config.String())
	}
	config.tell(made)
	resp.Diagnostics.Append(resp.Result.Set(ctx, config)...)
	text, err := json.Marshal(private{ID: made.ID})
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot remember the token to revoke", config.String()) {
		return
	}
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, privateKey, text)...)
}

// Close revokes the token. Failing to is an error: somebody must know that it is live until it expires.
func (e *tokenEphemeral) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	text, diags := req.Private.GetKey(ctx, privateKey)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || text == nil { // opened without a token
		return
	}
	var opened private
	if fwkit.Failed(&resp.Diagnostics, json.Unmarshal(text, &opened), "Cannot tell which token to revoke", "ephemeral token") {
		return
	}
	fwkit.Failed(&resp.Diagnostics, e.Client.CloseToken(ctx, opened.ID), "Cannot close token", "ephemeral token "+short(opened.ID))
}

package serviceprincipaltoken

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	ephemeral "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

const maxComment = 256 // the longest comment that leaves room for the provider's marker

// kind is the name of this kind of credential in messages.
const kind = fwkit.Credential("token")

// secretMark is the tag on each version in Key Vault that this resource has written. Its value is the token's id.
const secretMark = "dbxaccess-token-id"

// createTimeout is how long creating a token may take by default.
const createTimeout = 5 * time.Minute

func (r *tokenResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A personal access token that a service principal owns. It is rotated in place before " +
			"it expires, and its value is in the state or in Azure Key Vault.",
		Attributes: kind.RotationAttributes(
			"`owner` (it really belongs to another principal), ",
			secretMark,
			map[string]schema.Attribute{
				"id":    fwkit.StoredString("The token's id, as in `token_id`. It changes with each rotation."),
				"owner": ownerAttribute(),
				"comment": schema.StringAttribute{
					Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
					PlanModifiers: []planmodifier.String{
						fwkit.UnlessStored(stringvalidator.LengthAtMost(maxComment)),
					},
					MarkdownDescription: "Purpose of the token, shown in the workspace. Changed in place.",
				},
				"scopes": schema.SetAttribute{
					Optional: true, Computed: true, ElementType: types.StringType,
					Validators:    fwkit.ScopeValidators(),
					PlanModifiers: []planmodifier.Set{setplanmodifier.UseStateForUnknown()},
					MarkdownDescription: "API scopes the token is limited to; scoring needs `model-serving`. If " +
						"omitted, a new token has all the rights of its owner, and an existing one keeps its " +
						"scopes. Changed in place; the service can refuse to add scopes.",
				},
				"token_value_in_state": schema.BoolAttribute{
					Optional: true, Computed: true,
					MarkdownDescription: "Whether `token_value` holds the token. Default: false with " +
						"`key_vault_secret`, else true. Changing this rotates the token.",
				},
				"token_value": schema.StringAttribute{
					Computed:      true,
					Sensitive:     true,
					PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
					MarkdownDescription: "The bearer token. The service shows it once, when the token is created, so " +
						"it is null after an import, and it is null where `token_value_in_state` is false.",
				},
				"token_id": fwkit.StoredString(
					"Id of the token, 64 hexadecimal digits; not its value. It changes with each rotation.",
				),
				"previous_token_id": fwkit.StoredString(
					"Id of the previous token, while it is still valid.",
				),
				"previous_token_revoke_at": fwkit.StoredString(
					"From this time on an apply revokes the previous token, RFC 3339 in UTC.",
				),
				"timeouts": fwkit.Timeouts(ctx, createTimeout),
			},
		),
	}
}

func ownerAttribute() schema.Attribute {
	attributes := managed(ownerAttributes())
	id := attributes["application_id"].(schema.StringAttribute)
	id.PlanModifiers = []planmodifier.String{fwkit.FoldCase(), stringplanmodifier.RequiresReplace()}
	attributes["application_id"] = id
	return schema.SingleNestedAttribute{
		Required: true,
		MarkdownDescription: "The service principal that owns the token, and its credential to create, change and " +
			"revoke it. Exactly one of `client_secret_wo`, `client_certificate_wo`, `client_certificate_path`, " +
			"`databricks_client_secret_wo`, `key_vault`, `use_oidc`, `use_provider_identity`.",
		Attributes: attributes,
	}
}

// ownerAttributes returns the attributes of the block owner in the ephemeral resource.
func ownerAttributes() map[string]ephemeral.Attribute {
	return map[string]ephemeral.Attribute{
		"application_id": ephemeral.StringAttribute{
			Required: true, Validators: []validator.String{fwkit.ApplicationID()},
			MarkdownDescription: "Application (client) id of the owner, a UUID.",
		},
		"tenant_id": ephemeral.StringAttribute{
			Optional: true, Validators: []validator.String{fwkit.Checked("Not an Entra ID tenant", auth.CheckTenantID)},
			MarkdownDescription: "Entra ID tenant of the owner. Default: the provider's.",
		},
		"client_secret": ephemeral.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: "Client secret of the owner.",
		},
		"client_certificate": ephemeral.StringAttribute{
			Optional: true, Sensitive: true,
			MarkdownDescription: "Client certificate of the owner with its private key: base64 of a PFX or PEM file, " +
				"or PEM text.",
		},
		"client_certificate_path": ephemeral.StringAttribute{
			Optional: true, MarkdownDescription: "PFX or PEM file with the owner's client certificate and private key.",
		},
		"client_certificate_password": ephemeral.StringAttribute{
			Optional: true, Sensitive: true,
			MarkdownDescription: "Password of the certificate; absent if it has no password.",
		},
		"databricks_client_secret": ephemeral.StringAttribute{
			Optional: true, Sensitive: true,
			MarkdownDescription: "OAuth secret of the owner, created in Databricks: the credential of a service " +
				"principal that Databricks created. The owner then logs in at the workspace, not at Entra ID.",
		},
		"key_vault": ephemeral.SingleNestedAttribute{
			Optional: true,
			MarkdownDescription: "The owner's credential in Azure Key Vault. The provider's own identity reads it, " +
				"and needs the role `Key Vault Secrets User`.",
			Attributes: map[string]ephemeral.Attribute{
				"vault_uri": ephemeral.StringAttribute{
					Required:            true,
					Validators:          []validator.String{fwkit.Checked("Not the owner's vault", auth.CheckVaultURI)},
					MarkdownDescription: "Address of the vault, `https://<name>.vault.azure.net/`.",
				},
				"certificate_name": ephemeral.StringAttribute{
					Optional: true,
					Validators: []validator.String{
						fwkit.Checked("Not the name of a certificate in Key Vault", auth.CheckSecretName),
					},
					MarkdownDescription: "Name of a certificate, or of a secret that holds one with its private key " +
						"(PFX in base64, or PEM). Exactly one of this and `client_secret_name` is given.",
				},
				"client_secret_name": ephemeral.StringAttribute{
					Optional: true,
					Validators: []validator.String{
						fwkit.Checked("Not the name of a client secret in Key Vault", auth.CheckSecretName),
					},
					MarkdownDescription: "Name of a secret that holds the owner's client secret.",
				},
				"certificate_password_secret_name": ephemeral.StringAttribute{
					Optional: true,
					Validators: []validator.String{
						fwkit.Checked("Not the name of a password in Key Vault", auth.CheckSecretName),
					},
					MarkdownDescription: "Name of a secret that holds the password of a PFX that was stored as a " +
						"secret.",
				},
			},
		},
		"use_oidc": ephemeral.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Whether the owner logs in with a token of another issuer (workload identity " +
				"federation). The provider's `oidc_*` attributes say where the token comes from; the owner's " +
				"application must trust it.",
		},
		"use_provider_identity": ephemeral.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Whether the provider's own identity is the owner. `application_id` must then be " +
				"its own.",
		},
	}
}

// managed converts attributes of an ephemeral resource into attributes of a managed resource. A managed resource is
// stored in state. So each sensitive attribute becomes write-only there, and gets the suffix _wo.
func managed(plain map[string]ephemeral.Attribute) map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for name, attribute := range plain {
		switch a := attribute.(type) {
		case ephemeral.StringAttribute:
			s := schema.StringAttribute{Required: a.Required, Optional: a.Optional, Sensitive: a.Sensitive,
				Validators: a.Validators, MarkdownDescription: a.MarkdownDescription}
			if a.Sensitive {
				name, s.WriteOnly = name+writeOnly, true
				s.MarkdownDescription += " Write-only: neither in the plan nor in the state."
			}
			attributes[name] = s
		case ephemeral.BoolAttribute:
			attributes[name] = schema.BoolAttribute{Optional: a.Optional, MarkdownDescription: a.MarkdownDescription}
		case ephemeral.SingleNestedAttribute:
			attributes[name] = schema.SingleNestedAttribute{Optional: a.Optional,
				MarkdownDescription: a.MarkdownDescription, Attributes: foldedCase(managed(a.Attributes))}
		}
	}
	return attributes
}

// foldedCase adds [fwkit.FoldCase] to each string attribute, because Key Vault compares these values without case.
func foldedCase(attributes map[string]schema.Attribute) map[string]schema.Attribute {
	for name, attribute := range attributes {
		if s, ok := attribute.(schema.StringAttribute); ok {
			s.PlanModifiers = append(s.PlanModifiers, fwkit.FoldCase())
			attributes[name] = s
		}
	}
	return attributes
}

func (r *tokenResource) ValidateConfig(
	ctx context.Context,
	req resource.ValidateConfigRequest,
	resp *resource.ValidateConfigResponse,
) {
	config, known := decodeKnown(ctx, req.Config, &resp.Diagnostics)
	if !known {
		return
	}
	config.Owner.checkCredentials(writeOnly, &resp.Diagnostics)
	kind.Check(config.Rotating(), "token_value_in_state", &resp.Diagnostics)
}

// checkCredentials adds an error unless the block owner has exactly one way to log in. It checks only values that are
// known. suffix is that of the attributes that hold a secret; see [writeOnly]. Where the block may hold a secret, the
// error does not point at it, because Terraform would print the whole block.
func (m ownerModel) checkCredentials(suffix string, diags *diag.Diagnostics) {
	written, unknown := m.credentials(suffix)
	switch {
	case len(written) == 0 && !unknown:
		// Without this rule a user who forgets the owner's credential would get a token of the identity that runs
		// Terraform.
		diags.AddError(
			"Token owner has no credential",
			fmt.Sprintf("The provider creates the token by logging in as its owner. Write one of client_secret%[1]s, "+
				"client_certificate%[1]s, client_certificate_path, databricks_client_secret%[1]s, key_vault, "+
				"use_oidc = true, or use_provider_identity = true if the provider's own identity is the owner. A "+
				"value that is null counts as not set.", suffix),
		)
	case len(written) > 1:
		diags.AddError(
			"Token owner has two credentials",
			strings.Join(written, " and ")+" are both set. Remove one of them.",
		)
	}
	if name := m.emptyCredential(suffix); name != "" {
		diags.AddError(
			"Credential of the token's owner is empty",
			name+" is an empty string, perhaps from an unset variable or a missing secret. Set a value, or null to "+
				"leave the attribute out.",
		)
	}
	password := m.ClientCertificatePassword
	if !password.IsNull() && !password.IsUnknown() && m.ClientCertificate.IsNull() && m.ClientCertificatePath.IsNull() {
		diags.AddError(
			"Certificate password without a certificate",
			fmt.Sprintf("client_certificate_password%[1]s is set, but neither client_certificate%[1]s nor "+
				"client_certificate_path is. Set one of these two, or remove client_certificate_password%[1]s.",
				suffix),
		)
	}
	k := m.KeyVault
	switch {
	case k == nil || k.CertificateName.IsUnknown() || k.ClientSecretName.IsUnknown():
	case k.CertificateName.IsNull() == k.ClientSecretName.IsNull():
		diags.AddAttributeError(
			fwkit.Path("owner.key_vault"),
			"Key Vault credential of the owner is not clear",
			"Write either certificate_name or client_secret_name: the credential that the owner logs in with.",
		)
	case k.CertificateName.IsNull() && !k.CertificatePasswordSecretName.IsNull():
		diags.AddAttributeError(
			fwkit.Path("owner.key_vault.certificate_password_secret_name"),
			"Password in Key Vault without a certificate",
			"certificate_password_secret_name is set, but certificate_name is not. Set certificate_name too, or "+
				"remove certificate_password_secret_name.",
		)
	}
}

// decodeKnown reads a configuration or a plan into a model. It returns false if one of the blocks owner, key_vault and
// key_vault_secret is known only at apply, or if owner is null.
func decodeKnown(ctx context.Context, from fwkit.Data, diags *diag.Diagnostics) (m tokenModel, known bool) {
	m, known = fwkit.DecodeKnown[tokenModel](ctx, from, diags, "owner", "key_vault_secret", "owner.key_vault")
	return m, known && m.Owner != nil
}

// ModifyPlan decides what the plan does. It checks the owner's credential and the vault as far as the configuration
// shows them, so that a mistake stops the plan, and not an apply half way. It sends no request and reads no clock.
func (r *tokenResource) ModifyPlan(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) {
	if req.Plan.Raw.IsNull() {
		return
	}
	if !fwkit.CheckRequiredValues(req.State, nil, &resp.Diagnostics) {
		return
	}
	if !req.State.Raw.IsNull() {
		var owner, id, previous types.String
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, fwkit.Path("owner.application_id"), &owner)...)
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("previous_token_id"), &previous)...)
		if r.Client != nil {
			r.Client.KeepTokens(id.ValueString(), previous.ValueString())
		}
		if owner.IsNull() {
			fwkit.NotRefreshed(&resp.Diagnostics, "token "+fwkit.ShortID(id.ValueString()))
			return
		}
	}
	config, known := decodeKnown(ctx, req.Config, &resp.Diagnostics)
	plan, planKnown := decodeKnown(ctx, req.Plan, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !known || !planKnown {
		fwkit.MarkRotationUnknown(ctx, req, resp, "token_value_in_state",
			"token_id", "token_value", "previous_token_id", "previous_token_revoke_at")
		return
	}
	logsIn, report := true, refuseInPlan
	if req.State.Raw.IsNull() {
		plan.planCreate(config)
	} else {
		var state tokenModel
		if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
			return
		}
		m := fwkit.RecallRotation(ctx, req.Private, &resp.Diagnostics)
		plan.planUpdate(config, state, m.Verdict, m.Imported)
		logsIn = plan.Rotates() || !plan.Comment.Equal(state.Comment) || !plan.Scopes.Equal(state.Scopes) ||
			!plan.Owner.sameLogin(*state.Owner)
		report = warnInPlan
		kind.WarnOfScopes(config.Scopes, state.Scopes, state.String(), &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	if r.Client == nil || !r.Client.Ready() || !logsIn || !config.Owner.allKnown() {
		return
	}
	o := config.Owner.toOwner(writeOnly)
	if !o.hasCredential() {
		return
	}
	if err := checkOwner(r.Client, o, true); err != nil {
		report(&resp.Diagnostics, err, config.String())
		return
	}
	if s := config.KeyVaultSecret; s != nil && !s.VaultURI.IsUnknown() {
		_, err := rotation.VaultAt(r.Client, s.VaultURI.ValueString())
		switch {
		case err == nil:
		case req.State.Raw.IsNull():
			err = client.AddAdvice(err, wayOutOfPlan)
			fwkit.Failed(&resp.Diagnostics, err, "Cannot use the Key Vault of the token", config.String())
		// Terraform computes this plan before a destroy, too. A destroy needs no new vault, so the plan must not fail
		// here.
		default:
			err = client.AddAdvice(err, "An apply of this plan will fail.")
			fwkit.Warn(&resp.Diagnostics, err, "The Key Vault of the token cannot be used", config.String())
		}
	}
}

// wayOutOfPlan is the advice for an error in a plan, because the same error also stops terraform destroy.
const wayOutOfPlan = "terraform destroy computes this plan first, so it fails in the same way. To destroy, " +
	"remove this block and apply, or run terraform destroy -refresh=false."

// refuseInPlan adds an error about the owner's credential, for a token that the plan creates.
func refuseInPlan(diags *diag.Diagnostics, err error, object string) {
	fwkit.Failed(diags, client.AddAdvice(err, wayOutOfPlan), cannotLogIn, object)
}

// warnInPlan adds a warning about the owner's credential, for a token that exists. An error would stop a destroy too,
// although revoking the token may not need that credential.
func warnInPlan(diags *diag.Diagnostics, err error, object string) {
	fwkit.Warn(
		diags,
		client.AddAdvice(
			err,
			"An apply of this plan will fail. A destroy does not need this credential if the provider's identity is "+
				"a workspace admin.",
		),
		"Owner's credential does not work",
		object,
	)
}

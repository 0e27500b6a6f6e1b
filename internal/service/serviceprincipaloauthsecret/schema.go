package serviceprincipaloauthsecret

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// kind is the name of this kind of credential in messages.
const kind = fwkit.Credential("OAuth secret")

// versionMark is the tag on each version in Key Vault that this resource has written. Its value is the secret's id.
const versionMark = "dbxaccess-oauth-secret-id"

// createTimeout is how long creating a secret may take by default.
const createTimeout = 5 * time.Minute

func (r *secretResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "An OAuth secret of a service principal, created by a workspace admin. With it an " +
			"application requests access tokens at `token_url` " +
			"(client credentials), each valid for an hour. It is rotated in place before it expires.",
		Attributes: kind.RotationAttributes("`scopes`, ", versionMark, map[string]schema.Attribute{
			"id": fwkit.StoredString("The secret's id, as in `secret_id`. It changes with each rotation."),
			"application_id": schema.StringAttribute{
				Required: true, Validators: []validator.String{fwkit.ApplicationID()},
				PlanModifiers: []planmodifier.String{fwkit.FoldCase(), stringplanmodifier.RequiresReplace()},
				MarkdownDescription: "Application (client) id of the service principal, a UUID. A change replaces " +
					"the secret.",
			},
			"scopes": schema.SetAttribute{
				Optional: true, Computed: true, ElementType: types.StringType,
				Validators:    fwkit.ScopeValidators(),
				PlanModifiers: []planmodifier.Set{setplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "API scopes that tokens of this secret are limited to; scoring needs " +
					"`model-serving`. If omitted, a new secret has all the rights of its " +
					"service principal, and an existing one keeps its scopes. Changing them rotates the secret.",
			},
			"verify": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether the provider requests one access token with a new secret before it " +
					"deletes the old one. If that fails, the new secret is deleted again. Default: true.",
			},
			"secret_value_in_state": schema.BoolAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Whether `secret_value` holds the secret. Default: false with " +
					"`key_vault_secret`, else true. Changing this rotates the secret.",
			},
			"secret_value": schema.StringAttribute{
				Computed:      true,
				Sensitive:     true,
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "The client secret. The service shows it once, when the secret is created, so " +
					"it is null after an import, and it is null where `secret_value_in_state` is false. It is not a " +
					"bearer token.",
			},
			"secret_id": fwkit.StoredString("Id of the secret. It changes with each rotation."),
			"client_id": fwkit.StoredString(
				"Application id, which an application sends as `client_id`.",
			),
			"token_url":            fwkit.StoredString("Address at which an application requests access tokens."),
			"service_principal_id": fwkit.StoredString("SCIM id of the service principal in the workspace."),
			"previous_secret_id": fwkit.StoredString(
				"Id of the previous secret, while it is still valid.",
			),
			"previous_secret_delete_at": fwkit.StoredString("From this time on an apply deletes the previous secret, " +
				"RFC 3339 in UTC."),
			"timeouts": fwkit.Timeouts(ctx, createTimeout),
		}),
	}
}

func (r *secretResource) ValidateConfig(
	ctx context.Context,
	req resource.ValidateConfigRequest,
	resp *resource.ValidateConfigResponse,
) {
	config, known := decodeKnown(ctx, req.Config, &resp.Diagnostics)
	if !known {
		return
	}
	kind.Check(config.Rotating(), "secret_value_in_state", &resp.Diagnostics)
}

func decodeKnown(ctx context.Context, from fwkit.Data, diags *diag.Diagnostics) (m secretModel, known bool) {
	return fwkit.DecodeKnown[secretModel](ctx, from, diags, "key_vault_secret")
}

// ModifyPlan decides what the plan does. It sends no request and reads no clock.
func (r *secretResource) ModifyPlan(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) {
	if req.Plan.Raw.IsNull() {
		return
	}
	config, known := decodeKnown(ctx, req.Config, &resp.Diagnostics)
	plan, planKnown := decodeKnown(ctx, req.Plan, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !known || !planKnown {
		fwkit.MarkRotationUnknown(ctx, req, resp, "secret_value_in_state",
			"secret_id", "secret_value", "service_principal_id", "previous_secret_id", "previous_secret_delete_at")
		return
	}
	if req.State.Raw.IsNull() {
		plan.planCreate(config)
	} else {
		var state secretModel
		if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
			return
		}
		m := fwkit.RecallRotation(ctx, req.Private, &resp.Diagnostics)
		plan.planUpdate(config, state, m.Verdict, m.Imported)
		if plan.Rotates() {
			plan.TokenURL = r.plannedTokenURL()
		}
		kind.WarnOfScopes(config.Scopes, state.Scopes, state.String(), &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	if s := config.KeyVaultSecret; r.Client != nil && r.Client.Ready() && s != nil && !s.VaultURI.IsUnknown() {
		// Terraform computes this plan before a destroy, too. A destroy needs no vault, so this is only a warning.
		if _, err := rotation.VaultAt(r.Client, s.VaultURI.ValueString()); err != nil {
			fwkit.Warn(&resp.Diagnostics, err, "The apply will fail, because the Key Vault cannot be used",
				plan.String())
		}
	}
}

// plannedTokenURL returns the address at which a new secret logs in: the workspace may have another name than when the
// current secret was created. It is unknown until the workspace's address is known.
func (r *secretResource) plannedTokenURL() types.String {
	if r.Client == nil || !r.Client.Ready() || r.Client.Host() == "" {
		return types.StringUnknown()
	}
	return types.StringValue(tokenURL(r.Client))
}

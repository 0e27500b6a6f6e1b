package serviceprincipaltoken

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenResource struct{ fwkit.Resource }

const cannotLogIn = "Cannot log in as the token's owner"

var (
	_ resource.ResourceWithConfigure      = &tokenResource{}
	_ resource.ResourceWithValidateConfig = &tokenResource{}
	_ resource.ResourceWithModifyPlan     = &tokenResource{}
	_ resource.ResourceWithImportState    = &tokenResource{}
)

func (r *tokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_service_principal_token"
}

func (r *tokenResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	if config, known := decodeKnown(ctx, req.Config, &resp.Diagnostics); known {
		checkCredentials(*config.Owner, &resp.Diagnostics)
	}
}

// checkCredentials demands exactly one way to log in, as far as the values are known.
func checkCredentials(o ownerModel, diags *diag.Diagnostics) {
	written, unknown := o.credentials()
	switch {
	case len(written) == 0 && !unknown:
		// Without this rule a forgotten credential would mint the deployer's own token.
		diags.AddAttributeError(path.Root("owner"), "Token owner has no credential", "A token is made by logging in as its owner. "+
			"Write one of client_secret_wo, client_certificate_wo, client_certificate_path, or use_provider_identity = true when the provider's own identity is the owner. "+
			"(A write-only value that is null counts as not written.)")
	case len(written) > 1:
		diags.AddAttributeError(path.Root("owner"), "Token owner has two credentials", strings.Join(written, " and ")+" are both written; keep one.")
	}
	password := o.ClientCertificatePasswordWO
	if !password.IsNull() && !password.IsUnknown() && o.ClientCertificateWO.IsNull() && o.ClientCertificatePath.IsNull() {
		diags.AddAttributeError(fwkit.Path("owner.client_certificate_password_wo"), "Certificate password without a certificate",
			"Write client_certificate_wo or client_certificate_path beside it, or remove it.")
	}
}

// decodeKnown reads a configuration of which the owner is known.
func decodeKnown(ctx context.Context, from interface {
	Get(context.Context, any) diag.Diagnostics
	GetAttribute(context.Context, path.Path, any) diag.Diagnostics
}, diags *diag.Diagnostics) (tokenModel, bool) {
	var model tokenModel
	var owner types.Object
	diags.Append(from.GetAttribute(ctx, path.Root("owner"), &owner)...)
	if diags.HasError() || owner.IsUnknown() || owner.IsNull() {
		return model, false
	}
	return model, fwkit.Decode(ctx, from, &model, diags)
}

// ModifyPlan checks the owner's credential where configuration alone tells, so that a wrong one stops the plan and not an
// apply half way.
func (r *tokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.Client == nil || !r.Client.Ready() || !req.State.Raw.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	config, known := decodeKnown(ctx, req.Config, &resp.Diagnostics)
	if !known || !config.Owner.wholeKnown() {
		return
	}
	fwkit.Failed(&resp.Diagnostics, checkOwner(r.Client, config.Owner.toOwner()), cannotLogIn, config.String())
}

func (r *tokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config tokenModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	want := plan.toToken()
	want.Owner = config.Owner.toOwner() // write-only values stand in configuration alone

	as, err := logIn(ctx, r.Client, want.Owner)
	if fwkit.Failed(&resp.Diagnostics, err, cannotLogIn, plan.String()) {
		return
	}
	if as != r.Client { // the provider's own were told when it was configured
		for _, w := range as.Login.Warnings {
			resp.Diagnostics.AddWarning(w.Summary, w.Detail)
		}
	}
	made, err := mint(ctx, as, want)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot create token", plan.String()) {
		return
	}
	// The token exists from here on, and this is the only time its value is told: remember both before anything can fail.
	plan.TokenValue = types.StringValue(made.Value)
	plan.tell(made.TokenInfo, as.WorkspaceID())
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	r.Client.ForgetTokens()

	if made.stray != nil {
		fwkit.Warn(&resp.Diagnostics, made.stray, "A second token may be left over", plan.String())
	}
	if err := change(ctx, as, made.ID, []string{"comment"}, want.Comment, nil); err != nil {
		fwkit.Warn(&resp.Diagnostics, err, "The token's comment still carries the provider's marker", plan.String())
	}
}

func (r *tokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state tokenModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()

	info, found, err := findToken(ctx, r.Client, state.ID.ValueString(), state.Owner.UseProviderIdentity.ValueBool())
	if r.FailedRead(ctx, err, state.WorkspaceID, "Cannot read token", state.String(), &resp.Diagnostics) {
		return
	}
	if !found {
		resp.Diagnostics.AddWarning("Token is gone: "+state.String(), "It was revoked, or has expired, or its owner lost the right to use tokens. "+
			"The plan makes a new one; applications must take over its value.")
		resp.State.RemoveResource(ctx)
		return
	}
	state.Comment = fwkit.String(info.Comment)
	state.tell(info, r.Client.WorkspaceID())
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *tokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state, config tokenModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	want, have := plan.toToken(), state.toToken()

	var mask []string
	if want.Comment != have.Comment {
		mask = append(mask, "comment")
	}
	if want.Scopes != nil && !slices.Equal(want.Scopes, have.Scopes) {
		mask = append(mask, "scopes")
	}
	if len(mask) > 0 {
		if r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
			return
		}
		as, err := logIn(ctx, r.Client, config.Owner.toOwner())
		if err == nil {
			err = adviseOwner(change(ctx, as, state.ID.ValueString(), mask, want.Comment, want.Scopes))
		}
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot change token", state.String()) {
			return
		}
		r.Client.ForgetTokens()
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

func (r *tokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state tokenModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	fwkit.Failed(&resp.Diagnostics, revoke(ctx, r.Client, state.Owner.toOwner(), state.ID.ValueString()), "Cannot revoke token", state.String())
}

func (r *tokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	info, found, err := findToken(ctx, r.Client, req.ID, true)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot import token", "token "+printable(req.ID)) {
		return
	}
	if !found {
		resp.Diagnostics.AddError("No such token to import", fmt.Sprintf("The workspace has no live token with the id %q. A token's id has 64 hexadecimal digits; it is not its value (dapi…). "+
			"An admin lists them with GET /api/2.0/token-management/tokens.", printable(req.ID)))
		return
	}
	applicationID := info.Creator
	if applicationID == "" {
		// Only the caller's own list leaves the owner out. It has to be asked again, because the caller is no admin.
		if applicationID, err = callerID(ctx, r.Client); fwkit.Failed(&resp.Diagnostics, err, "Cannot import own token", "token "+short(req.ID)) {
			return
		}
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, fwkit.Path("owner.use_provider_identity"), true)...)
	}
	if uuid.Validate(applicationID) != nil {
		resp.Diagnostics.AddError("Token to import belongs to a person", fmt.Sprintf("Token %s was made by %s. This resource manages tokens of service principals.", short(req.ID), applicationID))
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), info.ID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, fwkit.Path("owner.application_id"), applicationID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("lifetime_seconds"), lifetime(info))...)
}

// lifetime is the token's whole life in seconds; one that never expires has none.
func lifetime(info client.TokenInfo) types.Int64 {
	if info.ExpiresAt.IsZero() {
		return types.Int64Null()
	}
	return types.Int64Value(int64(info.ExpiresAt.Sub(info.CreatedAt).Seconds() + 0.5))
}

// printable keeps a token's value out of an error when somebody takes it for its id.
func printable(id string) string {
	if strings.HasPrefix(id, "dapi") {
		return "dapi…"
	}
	return id
}

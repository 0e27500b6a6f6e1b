package serviceprincipal

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (r *principalResource) ValidateConfig(
	ctx context.Context,
	req resource.ValidateConfigRequest,
	resp *resource.ValidateConfigResponse,
) {
	var config principalModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	if config.ApplicationID.IsNull() && config.DisplayName.IsNull() {
		resp.Diagnostics.AddError(
			"Service principal has neither application id nor name",
			"Write application_id for an application of Entra ID, "+
				"or display_name for a service principal that Databricks itself creates.",
		)
	}
	if config.AdoptExisting.ValueBool() && config.OnDestroy.IsNull() {
		resp.Diagnostics.AddAttributeError(
			path.Root("on_destroy"),
			"adopt_existing requires on_destroy",
			"With adopt_existing = true the service principal may have been here before this configuration. "+
				"Choose what a destroy does to it: \"delete\", \"deactivate\" or \"retain\".",
		)
	}
	if config.AdoptExisting.ValueBool() && config.ApplicationID.IsNull() {
		resp.Diagnostics.AddAttributeError(
			path.Root("adopt_existing"),
			"Nothing to adopt without an application id",
			"The provider finds an existing service principal by its application id. Write application_id, or remove "+
				"adopt_existing.",
		)
	}
	entitlements := fwkit.FromStrings(config.Entitlements)
	if slices.Contains(entitlements, "workspace-consume") &&
		(slices.Contains(entitlements, "workspace-access") || slices.Contains(entitlements, "databricks-sql-access")) {
		resp.Diagnostics.AddAttributeError(
			path.Root("entitlements"),
			"workspace-consume excludes other entitlements",
			"The entitlement workspace-consume gives access to dashboards only, and the service refuses it together "+
				"with workspace-access or databricks-sql-access. Remove workspace-consume, or remove the other two.",
		)
	}
}

// ModifyPlan makes the plan show that an apply deletes the tokens of a service principal that others deactivated. It
// refuses a plan that would delete or deactivate the provider's own identity, if the login names its application id;
// otherwise the apply refuses.
func (r *principalResource) ModifyPlan(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) {
	if !fwkit.CheckRequiredValues(req.State, nil, &resp.Diagnostics) {
		return
	}
	applicationID, stays := r.planAddress(ctx, req, resp)
	if req.State.Raw.IsNull() || resp.Diagnostics.HasError() {
		return
	}
	if !req.Plan.Raw.IsNull() && !req.State.Raw.Equal(req.Plan.Raw) {
		was := fwkit.AttributesOf(req.State.Raw).String(ctx, "display_name")
		planned := fwkit.AttributesOf(req.Plan.Raw).String(ctx, "display_name")
		if !planned.Equal(was) {
			r.Client.NoteRename(applicationID) // grants show the principal's name
		}
	}
	own := r.Client.KnownApplicationID()
	self := !stays && own != "" && strings.EqualFold(own, applicationID)
	byOthers := deactivatedByOthers(ctx, req.Private, &resp.Diagnostics)
	kept := keptNameOf(ctx, req.Private, &resp.Diagnostics)
	if !self && byOthers == "" && kept == (unappliedName{}) {
		return // nearly always: decoding the models below costs more than the rest of a plan
	}
	var plan, state, config principalModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ends := state.OnDestroy.ValueString() != onDestroyRetain
	if !req.Plan.Raw.IsNull() {
		if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
			!fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
			return
		}
		if state.leftTokens(byOthers) && config.mayEndTokens(plan) {
			// Mark external_id unknown to force an update: no configured attribute differs.
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("external_id"), types.StringUnknown())...)
			resp.Diagnostics.AddWarning(
				"Deletes every token of "+state.String(),
				"The configuration has active = false, and the service principal is already inactive: somebody "+
					"deactivated it outside of Terraform, or an apply stopped before it deleted the tokens. To keep "+
					"the tokens, set delete_tokens_when_inactive = false. The apply also deletes its OAuth secrets, "+
					"unless delete_oauth_secrets_when_inactive = false.",
			)
		}
		if config.DisplayName.IsNull() && kept.explains(state.DisplayName.ValueString(), kept.Shown) {
			// The configuration no longer sets the name, so the state shows the workspace's name again.
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("display_name"), kept.Shown)...)
		}
		if !plan.replaces(state) {
			ends = plan.toDesired().changes(state.toServicePrincipal()).deactivates()
		}
	}
	if self && ends {
		fwkit.Failed(&resp.Diagnostics, adviseSelf(), "The plan would lock the provider out", state.String())
	}
}

// planAddress records whether the plan removes or keeps the service principal at this address. It returns the
// application id in the state, and whether the plan removes the principal here but keeps it at another address. It
// reads single attributes, because decoding a model costs more than the rest of a plan.
func (r *principalResource) planAddress(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) (applicationID string, stays bool) {
	state, plan := fwkit.AttributesOf(req.State.Raw), fwkit.AttributesOf(req.Plan.Raw)
	have, want := state.String(ctx, "application_id"), plan.String(ctx, "application_id")
	if !have.IsNull() && !strings.EqualFold(have.ValueString(), want.ValueString()) {
		if state.String(ctx, "on_destroy").ValueString() != onDestroyRetain {
			removed := shared(have.ValueString(), state.String(ctx, "display_name").ValueString())
			stays = len(r.PlanToRemove(ctx, removed.Name, resp.Private, &resp.Diagnostics, removed)) > 0
		}
	}
	if want.ValueString() == "" { // destroyed, or known only after apply
		return have.ValueString(), stays
	}
	kept := shared(want.ValueString(), "")
	r.PlanToKeep(kept.Name, req.State.Raw.Equal(req.Plan.Raw), &resp.Diagnostics, kept)
	if req.State.Raw.IsNull() {
		// A replacement deletes the service principal and creates it again. That fails if the creation would adopt
		// the old one, or if destroying only deactivates it.
		if plan.Bool(ctx, "adopt_existing").ValueBool() ||
			plan.String(ctx, "on_destroy").ValueString() == onDestroyDeactivate {
			fwkit.NoteCreation(ctx, resp.Private, client.Principal(want.ValueString()), &resp.Diagnostics)
		}
	}
	return have.ValueString(), stays
}

// shared returns the description by which a plan recognizes that two addresses manage the same service principal.
func shared(applicationID, displayName string) fwkit.SharedObject {
	return fwkit.SharedObject{
		PlannedObject: client.PlannedObject{
			ObjectKey: client.Principal(applicationID),
			Address:   client.Address{Resource: "dbxaccess_service_principal"},
		},
		Name: client.ServicePrincipal{ApplicationID: applicationID, DisplayName: displayName}.String(),
		Consequence: "the service principal loses its tokens, grants and memberships, or is deactivated, " +
			"depending on on_destroy",
	}
}

// deactivatedKey is the key in private state for the SCIM id of a service principal that somebody else deactivated, so
// that it may have kept its tokens.
const deactivatedKey = "deactivated_by_others"

func deactivatedByOthers(ctx context.Context, p fwkit.ReadablePrivate, diags *diag.Diagnostics) (id string) {
	return fwkit.Recall[string](ctx, p, deactivatedKey, diags)
}

// noteDeactivated stores the SCIM id in private state; an empty id deletes the entry.
func noteDeactivated(ctx context.Context, p fwkit.WritablePrivate, id string, diags *diag.Diagnostics) {
	fwkit.RememberUnlessZero(ctx, p, deactivatedKey, id, diags)
}

// unappliedNameKey is the key in private state for a [unappliedName].
const unappliedNameKey = "kept_name"

func keptNameOf(ctx context.Context, p fwkit.ReadablePrivate, diags *diag.Diagnostics) unappliedName {
	return fwkit.Recall[unappliedName](ctx, p, unappliedNameKey, diags)
}

// noteUnappliedName stores a rename that the workspace did not apply in private state; the zero value deletes the
// entry.
func noteUnappliedName(ctx context.Context, p fwkit.WritablePrivate, kept unappliedName, diags *diag.Diagnostics) {
	fwkit.RememberUnlessZero(ctx, p, unappliedNameKey, kept, diags)
}

package servingendpointpermissionsexclusive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// ModifyPlan uses the grants that Read found. Only for a creation it reads the access list itself, because the plan
// must show which grants the creation removes. The apply reads the list again before it writes, and fails if the plan
// does not show every removal.
func (r *exclusiveResource) ModifyPlan(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) {
	var plan, config, state exclusiveModel
	if !req.State.Raw.IsNull() {
		if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
			return
		}
		if state.EndpointName.IsNull() && req.Plan.Raw.IsNull() {
			return // Delete finds the endpoint's name itself
		}
		if state.EndpointName.IsNull() {
			fwkit.NotRefreshed(
				&resp.Diagnostics,
				"the access list of the endpoint with the id "+state.EndpointID.ValueString(),
			)
			return
		}
	}
	if !req.Plan.Raw.IsNull() &&
		(!fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
			!fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics)) {
		return
	}
	if name := state.EndpointName.ValueString(); name != "" && name != plan.EndpointName.ValueString() {
		have := state.toAccessList()
		removed := keysOf(remembered(ctx, req.Private, appliedKey, have.EndpointID, &resp.Diagnostics).Grants)
		have.Grants = have.Grants.without(not(removed.has))
		r.PlanToRemove(ctx, name, resp.Private, &resp.Diagnostics, have.shared()...)
	}
	if req.Plan.Raw.IsNull() {
		return
	}
	if name := plan.EndpointName.ValueString(); name != "" {
		r.PlanToKeep(name, req.State.Raw.Equal(req.Plan.Raw), &resp.Diagnostics, plan.toAccessList().shared()...)
	}
	r.warnOfSingleGrants(plan, &resp.Diagnostics)
	if req.State.Raw.IsNull() {
		removed := r.planCreate(ctx, plan, config, &resp.Diagnostics)
		resp.Diagnostics.Append(
			resp.Plan.SetAttribute(ctx, path.Root("removed_on_create"), stringList(grantTexts(removed)))...)
		return
	}
	want, have := plan.toAccessList(), state.toAccessList()
	if want.Endpoint != have.Endpoint && want.Endpoint != "" && !config.EndpointID.IsUnknown() && r.Client.Ready() {
		_, err := r.Client.EndpointID(ctx, want.Endpoint, client.AnyAge)
		fwkit.WarnOfReplacement(&resp.Diagnostics, err, "endpoint_name", have.String())
	}
	if !plan.whoIsKnown() || want.Endpoint != have.Endpoint {
		return // another endpoint means a replacement, and the plan of its creation warns itself
	}
	found := remembered(ctx, req.Private, unlistedKey, have.EndpointID, &resp.Diagnostics)
	if want.OnUnlisted != onUnlistedRemove {
		// If on_unlisted was "remove" until now, the state also holds unlisted grants.
		given := remembered(ctx, req.Private, appliedKey, have.EndpointID, &resp.Diagnostics)
		for _, e := range have.Grants.without(keysOf(given.Grants).has, keysOf(found.Grants).has) {
			found.Grants = append(found.Grants, e)
		}
	}
	unlisted := want.unlisted(found.Grants)
	want.warnOfUnlisted(unlisted, "", &resp.Diagnostics)
	if want.OnUnlisted == onUnlistedError && len(unlisted) > 0 {
		// The apply has to fail, so the plan must contain a change to apply.
		resp.Diagnostics.Append(
			resp.Plan.SetAttribute(ctx, path.Root("removed_on_create"), types.ListUnknown(types.StringType))...)
	}
}

// shared returns the descriptions by which a plan recognizes that another address manages one of these grants.
func (w accessList) shared() []fwkit.SharedObject {
	all := make([]fwkit.SharedObject, 0, len(w.Grants))
	for _, e := range w.Grants.sorted() {
		at := client.Address{Resource: "dbxaccess_serving_endpoint_permissions_exclusive", As: string(e.Direct)}
		all = append(all, fwkit.SharedObject{
			PlannedObject: client.PlannedObject{ObjectKey: acl.GrantKey(w.Endpoint, e.Principal), Address: at},
			Name:          e.Described(), Consequence: "the principals have no access in the meantime",
		})
	}
	return all
}

// warnOfSingleGrants warns if the same run also manages single grants on the endpoint.
func (r *exclusiveResource) warnOfSingleGrants(plan exclusiveModel, diags *diag.Diagnostics) {
	if plan.EndpointName.IsUnknown() || !plan.ignoredAreKnown() {
		return
	}
	ignored := slices.Collect(maps.Keys(principals(plan.IgnorePrincipals)))
	conflicts := acl.ManageList(r.Client, plan.EndpointName.ValueString(), ignored)
	if len(conflicts) == 0 {
		return
	}
	diags.AddAttributeWarning(
		path.Root("ignore_principals"),
		"Access list and single grants on one endpoint are both managed: "+plan.EndpointName.ValueString(),
		fmt.Sprintf(
			"The same configuration also manages these grants with dbxaccess_serving_endpoint_permission: %s. Name "+
				"their principals in ignore_principals, or manage the endpoint with only one of the two resources.",
			join(conflicts),
		),
	)
}

// planCreate returns the grants that the creation will remove, and warns about them.
func (r *exclusiveResource) planCreate(
	ctx context.Context,
	plan, config exclusiveModel,
	diags *diag.Diagnostics,
) acl.List {
	// An endpoint whose id is configured but unknown will be created by this apply.
	if !r.Client.Ready() || !plan.whoIsKnown() || plan.EndpointName.IsUnknown() || config.EndpointID.IsUnknown() ||
		plan.OnUnlisted.IsUnknown() {
		return nil
	}
	want := plan.toAccessList()
	id, list, err := acl.ReadEndpoint(ctx, r.Client, want.Endpoint, client.AnyAge)
	if errors.Is(err, client.ErrNotFound) {
		return nil // the same apply may create the endpoint
	}
	if err != nil {
		// The creation fails with the same error. An error in the plan would also stop the destruction of everything
		// else.
		fwkit.Warn(diags, err, "Cannot find out which grants the creation removes on serving endpoint", want.Endpoint)
		return nil
	}
	if want.EndpointID != "" && want.EndpointID != id {
		return nil // the creation reports that the id is wrong
	}
	extra := want.unlisted(list)
	if want.OnUnlisted != onUnlistedRemove {
		want.warnOfUnlisted(extra, "The creation does not revoke them. ", diags)
		return nil
	}
	if len(extra) > 0 {
		diags.AddWarning(
			"Creation removes grants on serving endpoint: "+want.Endpoint,
			fmt.Sprintf(
				"The endpoint has grants that are neither configured nor in ignore_principals. The apply revokes "+
					"them: %s.\n\nIf Terraform stops with \"Provider produced inconsistent final plan\", the access "+
					"list has changed since the plan was created, or the configuration has principals that were not "+
					"known when it was planned. Nothing was changed. Plan again.",
				extra,
			),
		)
	}
	return extra
}

// warnOfUnlisted warns about unlisted grants, as on_unlisted says. It never adds an error: Terraform plans before it
// destroys, and a grant of somebody else must not stop the destruction of a configuration.
func (w accessList) warnOfUnlisted(extra acl.List, what string, diags *diag.Diagnostics) {
	switch {
	case len(extra) == 0:
	case w.OnUnlisted == onUnlistedError:
		diags.AddAttributeWarning(
			path.Root("on_unlisted"),
			"The apply will fail because of unlisted grants on serving endpoint: "+w.Endpoint,
			fmt.Sprintf(
				"These grants are neither configured nor in ignore_principals: %s.\n\n%s They do not stop a destroy.",
				extra,
				nextOfUnlisted,
			),
		)
	case w.OnUnlisted == onUnlistedWarn:
		diags.AddAttributeWarning(
			path.Root("on_unlisted"),
			"Unlisted grants on serving endpoint: "+w.Endpoint,
			fmt.Sprintf("%sThese grants are neither configured nor in ignore_principals: %s.", what, extra),
		)
	default:
		diags.AddAttributeWarning(
			path.Root("on_unlisted"),
			"Unlisted grants will be removed later on serving endpoint: "+w.Endpoint,
			fmt.Sprintf(
				"These grants are neither configured nor in ignore_principals: %s. This plan does not revoke them "+
					"yet. The next plan shows that it revokes them.",
				extra,
			),
		)
	}
}

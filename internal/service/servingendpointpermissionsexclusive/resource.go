package servingendpointpermissionsexclusive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type exclusiveResource struct{ fwkit.Resource }

var (
	_ resource.ResourceWithConfigure      = &exclusiveResource{}
	_ resource.ResourceWithIdentity       = &exclusiveResource{}
	_ resource.ResourceWithImportState    = &exclusiveResource{}
	_ resource.ResourceWithModifyPlan     = &exclusiveResource{}
	_ resource.ResourceWithMoveState      = &exclusiveResource{}
	_ resource.ResourceWithValidateConfig = &exclusiveResource{}
)

func (r *exclusiveResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_serving_endpoint_permissions_exclusive"
}

func (r *exclusiveResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan exclusiveModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, fwkit.GrantTimeout, &resp.Diagnostics)
	defer cancel()
	want := plan.toAccessList()

	id, err := r.Client.EndpointIDGiven(ctx, want.Endpoint, want.EndpointID)
	if err == nil {
		err = createList(ctx, r.Client, id, want)
	}
	if unverified(err) {
		fwkit.Warn(&resp.Diagnostics, err, "The access list was accepted and could not be read back", want.Endpoint)
	} else if fwkit.Failed(&resp.Diagnostics, err, "Cannot take over the access list of serving endpoint", want.String()) {
		return
	}
	plan.ID = types.StringValue(want.Endpoint)
	plan.EndpointID = fwkit.SameID(plan.EndpointID, id)
	plan.WorkspaceID = fwkit.String(r.Client.WorkspaceID())
	fwkit.SetIdentity(ctx, resp.Identity, plan.toIdentity(), &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, appliedKey, want.appliedTo(id).encode())...)
}

func unverified(err error) bool {
	var u *acl.UnverifiedError
	return errors.As(err, &u)
}

func (r *exclusiveResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state exclusiveModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if state.EndpointName.IsNull() && !r.findName(ctx, &state, &resp.Diagnostics) {
		return
	}
	have := state.toAccessList()
	fwkit.SetIdentity(ctx, resp.Identity, state.toIdentity(), &resp.Diagnostics)

	id, list, err := acl.ReadEndpoint(ctx, r.Client, have.Endpoint, client.AnyAge)
	if r.FailedRead(
		ctx,
		err,
		state.WorkspaceID,
		"Cannot read the access list of serving endpoint",
		have.String(),
		&resp.Diagnostics,
	) {
		return
	}
	if err != nil {
		resp.Diagnostics.AddWarning("Serving endpoint is gone, and its access list with it: "+have.Endpoint,
			"The plan writes the list again, which needs the endpoint to exist by then.")
		resp.State.RemoveResource(ctx)
		return
	}
	if have.EndpointID != "" && have.EndpointID != id {
		resp.Diagnostics.AddWarning(
			"Serving endpoint was re-created under its name, with an access list of its own: "+have.Endpoint,
			fmt.Sprintf(
				"The list was written to the endpoint with the id %s; the id is %s now. The plan compares with the "+
					"list of the new one. "+
					"An endpoint_id that is written as a literal is the old one: remove it, or refer to the "+
					"endpoint's resource.",
				have.EndpointID,
				id,
			),
		)
	}
	left := state.show(id, list, r.Client.WorkspaceID())
	fwkit.SetIdentity(ctx, resp.Identity, state.toIdentity(), &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	var verdict []byte
	if len(left) > 0 {
		verdict = note{EndpointID: id, Grants: left}.encode()
	}
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, unlistedKey, verdict)...)
}

// ModifyPlan follows what Read found. A creation is the exception: the plan must show which grants it removes, so the
// list is read here. It is read again before the write, and a plan that does not show every removal is refused.
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
			return // destroying finds the name itself
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
		(!fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics)) {
		return
	}
	if name := state.EndpointName.ValueString(); name != "" && name != plan.EndpointName.ValueString() {
		have := state.toAccessList()
		removed := keysOf(remembered(ctx, req.Private, appliedKey, have.EndpointID, &resp.Diagnostics).Grants)
		have.Grants = have.Grants.without(func(key acl.Principal) bool { return !removed[key] })
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
			resp.Plan.SetAttribute(ctx, path.Root("removed_on_create"), lineList(lines(removed)))...)
		return
	}
	want, have := plan.toAccessList(), state.toAccessList()
	if want.Endpoint != have.Endpoint && want.Endpoint != "" && !config.EndpointID.IsUnknown() && r.Client.Ready() {
		_, err := r.Client.EndpointID(ctx, want.Endpoint, client.AnyAge)
		fwkit.WarnOfReplacement(&resp.Diagnostics, err, "endpoint_name", have.String())
	}
	if !plan.whoIsKnown() || want.Endpoint != have.Endpoint {
		return // a new endpoint means a replacement: the creation, which is planned next, warns itself
	}
	found := remembered(ctx, req.Private, unlistedKey, have.EndpointID, &resp.Diagnostics)
	if want.OnUnlisted != onUnlistedRemove {
		// Where unlisted grants were to be removed until now, the state holds them too.
		given := remembered(ctx, req.Private, appliedKey, have.EndpointID, &resp.Diagnostics)
		for _, e := range have.Grants.without(keysOf(given.Grants).has, keysOf(found.Grants).has) {
			found.Grants = append(found.Grants, e)
		}
	}
	unlisted := want.unlisted(found.Grants)
	want.warnOfUnlisted(unlisted, "", &resp.Diagnostics)
	if want.OnUnlisted == onUnlistedError && len(unlisted) > 0 {
		// It is the apply that fails, so there must be something to apply.
		resp.Diagnostics.Append(
			resp.Plan.SetAttribute(ctx, path.Root("removed_on_create"), types.ListUnknown(types.StringType))...)
	}
}

// shared are the grants of the list as other addresses of the plan may have them.
func (w accessList) shared() []fwkit.Shared {
	all := make([]fwkit.Shared, 0, len(w.Grants))
	for _, e := range w.Grants.sorted() {
		at := client.Address{Resource: "dbxaccess_serving_endpoint_permissions_exclusive", As: string(e.Direct)}
		all = append(all, fwkit.Shared{
			Placed: client.Placed{Thing: acl.Place(w.Endpoint, e.Principal), Address: at},
			Name:   e.Described(), Lost: "the principals have no access in between",
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
			"The same configuration manages these with dbxaccess_serving_endpoint_permission: %s. Name them in "+
				"ignore_principals, or manage the endpoint with one of the two resources.",
			join(conflicts),
		),
	)
}

// planCreate returns the grants that the creation will remove, and warns of them.
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
		return nil // the same apply may create it
	}
	if err != nil {
		// The creation fails on it as well. An error here would also stop the destruction of everything else.
		fwkit.Warn(diags, err, "Cannot find out which grants the creation removes on serving endpoint", want.Endpoint)
		return nil
	}
	if want.EndpointID != "" && want.EndpointID != id {
		return nil // the creation reports what is wrong with it
	}
	extra := want.unlisted(list)
	if want.OnUnlisted != onUnlistedRemove {
		want.warnOfUnlisted(extra, "Creation leaves them. ", diags)
		return nil
	}
	if len(extra) > 0 {
		diags.AddWarning(
			"Creation removes grants on serving endpoint: "+want.Endpoint,
			fmt.Sprintf(
				"These grants are neither listed nor ignored: %s.\n\nIf Terraform stops with "+
					"\"Provider produced inconsistent final plan\", "+
					"the list has changed since the plan was created, or it has new principals that were unknown "+
					"then. Nothing was changed. Plan again.",
				extra,
			),
		)
	}
	return extra
}

// warnOfUnlisted warns of grants that are not listed, as on_unlisted says. It is never an error: Terraform plans before
// it destroys, and a grant of others must not stop the destruction of a configuration.
func (w accessList) warnOfUnlisted(extra acl.List, what string, diags *diag.Diagnostics) {
	switch {
	case len(extra) == 0:
	case w.OnUnlisted == onUnlistedError:
		diags.AddAttributeWarning(
			path.Root("on_unlisted"),
			"The apply will fail because of unlisted grants on serving endpoint: "+w.Endpoint,
			fmt.Sprintf(
				"They are neither listed nor ignored: %s.\n\n%s They do not stop a destroy.",
				extra,
				nextOfUnlisted,
			),
		)
	case w.OnUnlisted == onUnlistedWarn:
		diags.AddAttributeWarning(
			path.Root("on_unlisted"),
			"Unlisted grants on serving endpoint: "+w.Endpoint,
			fmt.Sprintf("%sThey are neither listed nor ignored: %s.", what, extra),
		)
	default:
		diags.AddAttributeWarning(
			path.Root("on_unlisted"),
			"Unlisted grants will be removed later on serving endpoint: "+w.Endpoint,
			fmt.Sprintf(
				"They are neither listed nor ignored: %s. This plan does not remove them yet; the next one shows "+
					"their removal.",
				extra,
			),
		)
	}
}

func (r *exclusiveResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state exclusiveModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	want, have := plan.toAccessList(), state.toAccessList()
	id := have.EndpointID
	if fresh, drop := changes(ctx, want, have, req.Private, &resp.Diagnostics); want.EndpointID != have.EndpointID ||
		len(fresh)+len(drop) > 0 ||
		plan.RemovedOnCreate.IsUnknown() {
		var err error
		id, err = r.Client.EndpointIDGiven(ctx, want.Endpoint, want.EndpointID)
		// Any answer names the workspace. If it is another one, nothing may be written to it or believed from it.
		if (err == nil || r.Client.WorkspaceID() != "") &&
			r.WrongWorkspace(ctx, state.WorkspaceID, want.String(), &resp.Diagnostics) {
			return
		}
		var l left
		if err == nil {
			known := keysOf(remembered(ctx, req.Private, unlistedKey, id, &resp.Diagnostics).Grants)
			l, err = changeList(
				ctx,
				r.Client,
				id,
				want,
				fresh,
				drop,
				func(key acl.Principal) bool { return known[key] || have.Grants.has(key) },
			)
		}
		if unverified(err) {
			fwkit.Warn(
				&resp.Diagnostics,
				err,
				"The changed access list was accepted and could not be read back",
				want.Endpoint,
			)
		} else if fwkit.Failed(&resp.Diagnostics, err, "Cannot change the access list of serving endpoint", want.String()) {
			return
		}
		if len(l.foreign) > 0 {
			resp.Diagnostics.AddWarning(
				"Grants that the plan did not show were left on serving endpoint: "+want.Endpoint,
				fmt.Sprintf(
					"They were granted after the plan, and are neither listed nor ignored: %s. The next plan shows "+
						"them.",
					l.foreign,
				),
			)
		}
		warnOfKept(want, l.kept, &resp.Diagnostics)
	} else {
		want.keep(r.Client, id)
	}
	plan.EndpointID = fwkit.SameID(plan.EndpointID, id)
	plan.RemovedOnCreate = state.RemovedOnCreate
	fwkit.SetIdentity(ctx, resp.Identity, plan.toIdentity(), &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, appliedKey, want.appliedTo(id).encode())...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, unlistedKey, nil)...)
}

const cannotTake = "Cannot revoke the applied grants on serving endpoint"

func (r *exclusiveResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state exclusiveModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if state.EndpointName.IsNull() && !r.findName(ctx, &state, &resp.Diagnostics) {
		return
	}
	have := state.toAccessList()
	planned := fwkit.Planned(ctx, req.Private, &resp.Diagnostics)
	stays := func(key acl.Principal) bool {
		return r.Client.Keeps(placeOn(have.EndpointID, key)) || slices.Contains(planned, acl.Place(have.Endpoint, key))
	}
	given := remembered(ctx, req.Private, appliedKey, have.EndpointID, &resp.Diagnostics)
	if len(given.Grants) > 0 && !slices.ContainsFunc(given.Grants, func(e acl.Entry) bool { return !stays(e.Key()) }) {
		warnOfKept(have, given.Grants, &resp.Diagnostics)
		return
	}

	// Not the shared lookup: if the endpoint is replaced next, the old id must not be in the cache.
	e, err := r.Client.EndpointByName(ctx, have.Endpoint)
	if r.FailedRead(ctx, err, state.WorkspaceID, cannotTake, have.String(), &resp.Diagnostics) || err != nil {
		return // the endpoint is deleted, and its list with it
	}
	if given.EndpointID == "" || given.EndpointID != e.ID {
		resp.Diagnostics.AddWarning(
			"Nothing was removed from the access list of serving endpoint: "+have.Endpoint,
			"A destroy removes the grants that this resource applied, and it applied none to this endpoint: it was "+
				"imported, or "+
				"re-created under its name. Its grants stay as they are.",
		)
		return
	}
	l, err := revokeList(ctx, r.Client, have.Endpoint, given, stays)
	if fwkit.Failed(&resp.Diagnostics, err, cannotTake, have.String()) {
		return
	}
	warnOfKept(have, l.kept, &resp.Diagnostics)
	if len(l.own) > 0 {
		resp.Diagnostics.AddWarning(
			"The caller keeps its CAN_MANAGE on serving endpoint: "+have.Endpoint,
			fmt.Sprintf(
				"%s stays, so that somebody can manage the endpoint. An admin or another manager can remove it.",
				l.own,
			),
		)
	}
	if shown := slices.DeleteFunc(l.foreign, func(e acl.Entry) bool { return !have.Grants.has(e.Key()) }); len(
		shown,
	) > 0 {
		resp.Diagnostics.AddWarning(
			"Grants were left on serving endpoint: "+have.Endpoint,
			fmt.Sprintf(
				"A destroy removes only the grants that this resource applied. These existed before: %s. To take "+
					"their "+
					"access away, remove these grants by hand.",
				shown,
			),
		)
	}
}

// warnOfKept names the grants that were left because this run keeps them at another address.
func warnOfKept(w accessList, stay acl.List, diags *diag.Diagnostics) {
	if len(stay) > 0 {
		fwkit.WarnOfKept(
			diags,
			fmt.Sprintf("%s on serving endpoint %s", strings.Join(described(stay), ", "), w.Endpoint),
		)
	}
}

func (r *exclusiveResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := identityModel{EndpointName: types.StringValue(req.ID)}
	if req.ID == "" && req.Identity != nil {
		if resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...); resp.Diagnostics.HasError() {
			return
		}
	}
	name := identity.EndpointName.ValueString()
	if name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.AddError(
			"Import id of an access list is malformed",
			fmt.Sprintf("%q is not the name of a serving endpoint. Write the endpoint's name alone.", name),
		)
		return
	}
	_, _, err := acl.ReadEndpoint(ctx, r.Client, name, client.AnyAge)
	if r.WrongWorkspace(ctx, identity.WorkspaceID, name, &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import the access list of serving endpoint", name) {
		return
	}
	identity.WorkspaceID = fwkit.String(r.Client.WorkspaceID())
	fwkit.SetIdentity(ctx, resp.Identity, identity, &resp.Diagnostics)
	for attribute, value := range map[string]any{
		"id": name, "endpoint_name": name, "on_unlisted": onUnlistedRemove, "removed_on_create": []string{},
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// keyed is private state.
type keyed interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

// remembered returns the note about the endpoint of that id; the zero note if there is none for it.
func remembered(ctx context.Context, private keyed, key, endpointID string, diags *diag.Diagnostics) note {
	text, more := private.GetKey(ctx, key)
	diags.Append(more...)
	if n := decodeNote(text); n.EndpointID == endpointID {
		return n
	}
	return note{}
}

// changes returns the grants that an update writes (fresh) and those that it removes (drop). Unless on_unlisted is
// "remove", it removes only grants that this resource applied.
func changes(ctx context.Context, want, have accessList, private keyed, diags *diag.Diagnostics) (fresh, drop grants) {
	fresh = want.Grants.without(
		func(key acl.Principal) bool { return have.Grants[key].Direct == want.Grants[key].Direct },
	)
	drop = have.Grants.without(want.Grants.has, want.Ignored.has)
	if want.OnUnlisted != onUnlistedRemove {
		mine := keysOf(remembered(ctx, private, appliedKey, have.EndpointID, diags).Grants)
		drop = drop.without(func(key acl.Principal) bool { return !mine[key] })
	}
	return fresh, drop
}

func join(ps []acl.Principal) string {
	var names []string
	for _, p := range ps {
		names = append(names, p.String())
	}
	return strings.Join(names, ", ")
}

// MoveState adopts the access list of a serving endpoint from the state of the official provider.
func (r *exclusiveResource) MoveState(context.Context) []resource.StateMover {
	return fwkit.FromOfficial(
		"databricks_permissions",
		func(ctx context.Context, state []byte, resp *resource.MoveStateResponse) {
			m, err := fromOfficial(state)
			if fwkit.Failed(&resp.Diagnostics, err, "Cannot adopt the access list", "databricks_permissions") {
				return
			}
			resp.Diagnostics.Append(resp.TargetState.Set(ctx, m)...)
			// Terraform applied it, so destroying removes it, as before.
			resp.Diagnostics.Append(
				resp.TargetPrivate.SetKey(
					ctx,
					appliedKey,
					m.toAccessList().appliedTo(m.EndpointID.ValueString()).encode(),
				)...)
		},
	)
}

// findName completes a state that was moved from the official provider, and reports whether it could.
func (r *exclusiveResource) findName(ctx context.Context, state *exclusiveModel, diags *diag.Diagnostics) bool {
	id := state.EndpointID.ValueString()
	name, err := r.Client.EndpointName(ctx, id)
	object := "the access list of the endpoint with the id " + id
	if (err == nil || r.Client.WorkspaceID() != "") && r.WrongWorkspace(ctx, state.WorkspaceID, object, diags) {
		return false
	}
	if fwkit.Failed(diags, err, "Cannot find the serving endpoint of the moved access list", object) {
		return false
	}
	state.ID, state.EndpointName = types.StringValue(name), types.StringValue(name)
	return true
}

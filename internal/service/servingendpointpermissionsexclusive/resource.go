package servingendpointpermissionsexclusive

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type exclusiveResource struct{ fwkit.Resource }

const (
	cannotRead   = "Cannot read the access list of serving endpoint"
	cannotChange = "Cannot change the access list of serving endpoint"
	cannotRevoke = "Cannot revoke the applied grants on serving endpoint"
)

var (
	_ resource.ResourceWithImportState    = &exclusiveResource{}
	_ resource.ResourceWithModifyPlan     = &exclusiveResource{}
	_ resource.ResourceWithMoveState      = &exclusiveResource{}
	_ resource.ResourceWithValidateConfig = &exclusiveResource{}
)

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
	if client.IsUnverified(err) {
		fwkit.Warn(&resp.Diagnostics, err, "The access list was accepted and could not be read back", want.Endpoint)
	} else if fwkit.Failed(&resp.Diagnostics, err, "Cannot create the access list of serving endpoint", want.String()) {
		return
	}
	plan.ID = types.StringValue(want.Endpoint)
	plan.EndpointID = fwkit.SameID(plan.EndpointID, id)
	plan.WorkspaceID = fwkit.String(r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, plan, &resp.Diagnostics)
	fwkit.Remember(ctx, resp.Private, appliedKey, want.appliedTo(id), &resp.Diagnostics)
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
	fwkit.SetIdentity(ctx, resp.Identity, state, &resp.Diagnostics)

	id, list, err := acl.ReadEndpoint(ctx, r.Client, have.Endpoint, client.AnyAge)
	if r.FailedRead(ctx, err, state.WorkspaceID, cannotRead, have.String(), &resp.Diagnostics) {
		return
	}
	if err != nil {
		resp.Diagnostics.AddWarning("Serving endpoint is gone, and its access list with it: "+have.Endpoint,
			"The plan writes the access list again. Create the endpoint before the apply.")
		resp.State.RemoveResource(ctx)
		return
	}
	if have.EndpointID != "" && have.EndpointID != id {
		resp.Diagnostics.AddWarning(
			"Serving endpoint was re-created under its name, with an access list of its own: "+have.Endpoint,
			fmt.Sprintf(
				"The access list was that of the endpoint with the id %s. The endpoint with this name now has the id "+
					"%s, and the plan compares the configuration with its access list. If endpoint_id is written as "+
					"a fixed text in the configuration, it is the old id: remove it, or refer to the endpoint's "+
					"resource.",
				have.EndpointID,
				id,
			),
		)
	}
	unlisted := state.show(id, list, r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, state, &resp.Diagnostics)
	if len(unlisted) > 0 {
		fwkit.Remember(ctx, resp.Private, unlistedKey, note{EndpointID: id, Grants: unlisted}, &resp.Diagnostics)
	} else {
		fwkit.Forget(ctx, resp.Private, unlistedKey, &resp.Diagnostics)
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
	fresh, drop := changes(ctx, want, have, req.Private, &resp.Diagnostics)
	if want.EndpointID != have.EndpointID || len(fresh)+len(drop) > 0 || plan.RemovedOnCreate.IsUnknown() {
		var err error
		id, err = r.Client.EndpointIDGiven(ctx, want.Endpoint, want.EndpointID)
		if r.WrongWorkspaceAfter(ctx, err, state.WorkspaceID, want.String(), &resp.Diagnostics) {
			return
		}
		var l left
		if err == nil {
			found := keysOf(remembered(ctx, req.Private, unlistedKey, id, &resp.Diagnostics).Grants)
			shown := func(key acl.Principal) bool { return found[key] || have.Grants.has(key) }
			l, err = changeList(ctx, r.Client, id, want, fresh, drop, shown)
		}
		if client.IsUnverified(err) {
			fwkit.Warn(&resp.Diagnostics, err,
				"The changed access list was accepted and could not be read back", want.Endpoint)
		} else if fwkit.Failed(&resp.Diagnostics, err, cannotChange, want.String()) {
			return
		}
		if len(l.foreign) > 0 {
			resp.Diagnostics.AddWarning(
				"Grants that the plan did not show were left on serving endpoint: "+want.Endpoint,
				fmt.Sprintf(
					"These grants were made after the plan, and are neither configured nor in ignore_principals: "+
						"%s. The next plan shows them.",
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
	fwkit.Save(ctx, &resp.State, resp.Identity, plan, &resp.Diagnostics)
	fwkit.Remember(ctx, resp.Private, appliedKey, want.appliedTo(id), &resp.Diagnostics)
	fwkit.Forget(ctx, resp.Private, unlistedKey, &resp.Diagnostics)
}

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
	planned := fwkit.KeptByPlan(ctx, req.Private, &resp.Diagnostics)
	stays := func(key acl.Principal) bool {
		return r.Client.Keeps(grantKey(have.EndpointID, key)) ||
			slices.Contains(planned, acl.GrantKey(have.Endpoint, key))
	}
	given := remembered(ctx, req.Private, appliedKey, have.EndpointID, &resp.Diagnostics)
	if len(given.Grants) > 0 && !slices.ContainsFunc(given.Grants, func(e acl.Entry) bool { return !stays(e.Key()) }) {
		warnOfKept(have, given.Grants, &resp.Diagnostics)
		return
	}

	// The shared lookup is not used here: if the endpoint is replaced next, its old id must not be in the cache.
	e, err := r.Client.EndpointByName(ctx, have.Endpoint)
	if r.FailedRead(ctx, err, state.WorkspaceID, cannotRevoke, have.String(), &resp.Diagnostics) || err != nil {
		return // the endpoint was deleted together with its access list
	}
	if given.EndpointID == "" || given.EndpointID != e.ID {
		resp.Diagnostics.AddWarning(
			"Nothing was removed from the access list of serving endpoint: "+have.Endpoint,
			"A destroy revokes only grants that this resource has applied, and it has applied none to this endpoint: "+
				"the access list was imported, or the endpoint was re-created under its name. All grants on the "+
				"endpoint stay as they are.",
		)
		return
	}
	l, err := revokeList(ctx, r.Client, have.Endpoint, given, stays)
	if fwkit.Failed(&resp.Diagnostics, err, cannotRevoke, have.String()) {
		return
	}
	warnOfKept(have, l.kept, &resp.Diagnostics)
	if len(l.own) > 0 {
		resp.Diagnostics.AddWarning(
			"The provider keeps its own CAN_MANAGE on serving endpoint: "+have.Endpoint,
			fmt.Sprintf(
				"The destroy keeps %s, so that somebody can still manage the endpoint. A workspace admin or another "+
					"principal with CAN_MANAGE can revoke this grant.",
				l.own,
			),
		)
	}
	if shown := only(l.foreign, have.Grants.has); len(shown) > 0 {
		resp.Diagnostics.AddWarning(
			"Grants were left on serving endpoint: "+have.Endpoint,
			fmt.Sprintf(
				"A destroy revokes only grants that this resource has applied. These grants existed before: %s. To "+
					"revoke them, remove them in the Permissions dialog of the endpoint.",
				shown,
			),
		)
	}
}

// warnOfKept warns about the grants that were not removed because another resource of this Terraform run keeps them.
func warnOfKept(w accessList, stay acl.List, diags *diag.Diagnostics) {
	if len(stay) > 0 {
		fwkit.WarnOfKept(
			diags,
			fmt.Sprintf("%s on serving endpoint %s", strings.Join(described(stay), ", "), w.Endpoint),
		)
	}
}

// remembered returns the note in private state about the endpoint with that id; the zero note if there is none.
func remembered(
	ctx context.Context,
	private fwkit.ReadablePrivate,
	key, endpointID string,
	diags *diag.Diagnostics,
) note {
	if n := fwkit.Recall[note](ctx, private, key, diags); n.EndpointID == endpointID {
		return n
	}
	return note{}
}

// changes returns the grants that an update writes (fresh) and those that it removes (drop). Unless on_unlisted is
// "remove", it removes only grants that this resource applied.
func changes(
	ctx context.Context,
	want, have accessList,
	private fwkit.ReadablePrivate,
	diags *diag.Diagnostics,
) (fresh, drop grants) {
	same := func(key acl.Principal) bool { return have.Grants[key].Direct == want.Grants[key].Direct }
	fresh = want.Grants.without(same)
	drop = have.Grants.without(want.Grants.has, want.Ignored.has)
	if want.OnUnlisted != onUnlistedRemove {
		mine := keysOf(remembered(ctx, private, appliedKey, have.EndpointID, diags).Grants)
		drop = drop.without(not(mine.has))
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

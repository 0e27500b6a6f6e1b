package serviceprincipal

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type principalResource struct{ fwkit.Resource }

var (
	_ resource.ResourceWithValidateConfig = &principalResource{}
	_ resource.ResourceWithModifyPlan     = &principalResource{}
	_ resource.ResourceWithImportState    = &principalResource{}
	_ resource.ResourceWithMoveState      = &principalResource{}
)

func (r *principalResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan principalModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	want := plan.toDesired()

	sp, err := addServicePrincipal(ctx, r.Client, want)
	if errors.Is(err, ErrExists) && plan.AdoptExisting.ValueBool() {
		if sp = r.adopt(ctx, sp, plan, resp.Private, &resp.Diagnostics); resp.Diagnostics.HasError() {
			return // kept out of the state: a tainted principal, which others created, would be deleted next
		}
	} else {
		if errors.Is(err, ErrExists) {
			err = client.Advise(err, "application_id", fmt.Sprintf("To import the service principal, run terraform "+
				"import <address> %s. Or adopt it with adopt_existing = true and a value for on_destroy. If an "+
				"earlier run was killed directly after it created the service principal, import it.",
				want.ApplicationID))
		}
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot create service principal", want.String()) {
			return
		}
		// The service principal exists now: store its id before anything else can fail.
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), sp.ID)...)
		fwkit.NoteWritten(ctx, resp.Private, r.Client.Now(), &resp.Diagnostics)
		sp = r.complete(ctx, sp, want, resp.Private, &resp.Diagnostics)
	}
	if !sp.IsActive() && !want.deactivates() {
		noteDeactivated(ctx, resp.Private, sp.ID, &resp.Diagnostics)
	}
	plan.show(sp, r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, plan, &resp.Diagnostics)
}

// adopt changes an existing service principal to match the plan, and returns it.
func (r *principalResource) adopt(
	ctx context.Context,
	have client.ServicePrincipal,
	plan principalModel,
	private fwkit.WritablePrivate,
	diags *diag.Diagnostics,
) client.ServicePrincipal {
	want := plan.toDesired()
	if _, here := client.PerClient[deactivated](r.Client).byID.Load(have.ID); here && want.Active == nil {
		active := true // this run deactivated the principal, when it destroyed another address
		want.Active = &active
	}
	sp := r.applyChanges(ctx, have, want, diags)
	if !diags.HasError() && want.deactivates() && plan.DeleteTokens.ValueBool() {
		err := r.endTokens(ctx, have.ID, want.String(), diags)
		fwkit.Failed(diags, err, "Cannot delete the tokens of the adopted service principal", want.String())
	}
	if !diags.HasError() && want.deactivates() && plan.DeleteSecrets.ValueBool() {
		err := deleteSecrets(ctx, r.Client, have.ID)
		fwkit.Failed(diags, err, "Cannot delete the OAuth secrets of the adopted service principal", want.String())
	}
	if !diags.HasError() {
		sp = r.rename(ctx, sp, want, private, diags)
	}
	return want.after(sp)
}

// complete changes what a creation did not set: a service principal that the account already has comes into the
// workspace with the attributes that it has there. If a change fails, complete adds a warning. An error would taint the
// resource, and the next plan shows the difference anyway.
func (r *principalResource) complete(
	ctx context.Context,
	have client.ServicePrincipal,
	want desired,
	private fwkit.WritablePrivate,
	diags *diag.Diagnostics,
) client.ServicePrincipal {
	var failed diag.Diagnostics
	sp := r.applyChanges(ctx, have, want, &failed)
	if !failed.HasError() {
		sp = r.rename(ctx, sp, want, private, &failed)
	}
	for _, d := range failed {
		if d.Severity() == diag.SeverityWarning {
			diags.Append(d)
			continue
		}
		diags.AddWarning(
			"Service principal was created, but some attributes differ: "+want.String(),
			d.Summary()+". "+d.Detail(),
		)
	}
	return want.after(sp)
}

// applyChanges changes the attributes that differ from the desired ones, except the name, and returns the service
// principal that a read shows afterwards. It adds a warning if that read fails, and an error if the read still shows
// the old values.
func (r *principalResource) applyChanges(
	ctx context.Context,
	have client.ServicePrincipal,
	want desired,
	diags *diag.Diagnostics,
) client.ServicePrincipal {
	object := want.String()
	want.DisplayName = ""
	change := want.changes(have)
	if change.none() {
		return have
	}
	if change.deactivates() {
		err := refuseSelf(ctx, r.Client, have.ApplicationID)
		if fwkit.Failed(diags, err, "Refused to deactivate the provider's own identity", object) {
			return have
		}
	}
	err := changeServicePrincipal(ctx, r.Client, have.ID, change)
	if fwkit.Failed(diags, err, "Cannot change service principal", object) {
		return have
	}
	read, err := awaitValues(ctx, r.Client, have, change)
	if errors.Is(err, errNotDone) {
		fwkit.Failed(diags, err, "Service principal does not show the change", object)
		return read
	}
	if err != nil {
		fwkit.Warn(diags, err, "The change was accepted and could not be read back", object)
		return change.after(have)
	}
	return read
}

// rename sets the wanted display name. If the workspace does not apply the name, rename adds a warning and stores both
// names in private state: no later plan tries again while both names stay the same.
func (r *principalResource) rename(
	ctx context.Context,
	have client.ServicePrincipal,
	want desired,
	private fwkit.WritablePrivate,
	diags *diag.Diagnostics,
) client.ServicePrincipal {
	if want.DisplayName == "" {
		return have
	}
	remember := unappliedName{}
	defer func() { noteUnappliedName(ctx, private, remember, diags) }()
	if want.DisplayName == have.DisplayName {
		return have
	}
	renamed, err := renameServicePrincipal(ctx, r.Client, have.ID, want.DisplayName, want)
	var kept *NameNotAppliedError
	var unverified *UnverifiedNameError
	switch {
	case errors.As(err, &kept):
		remember = unappliedName{Written: want.DisplayName, Shown: kept.Name}
		diags.AddWarning(
			"Service principal keeps its name: "+have.String(),
			fmt.Sprintf("The configured name is %q. The provider tried to rename the service principal by PATCH and "+
				"by PUT: %v.\n\nAll other attributes are as planned. The state shows the configured name, and later "+
				"plans do not try again while both names stay the same. The name of an Entra ID application may come "+
				"from Entra ID: change the name there, or write display_name = %q.", want.DisplayName, kept, kept.Name),
		)
		return renamed
	case errors.As(err, &unverified):
		fwkit.Warn(diags, err, "The new name was accepted and could not be read back", have.String())
		have.DisplayName = want.DisplayName
		return have
	case fwkit.Failed(diags, err, "Cannot rename service principal", have.String()):
		return have
	}
	return renamed
}

func (r *principalResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state principalModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	before, have := state, state.toServicePrincipal()

	sp, err := refreshServicePrincipal(
		ctx,
		r.Client,
		have,
		fwkit.Written(ctx, req.Private, &resp.Diagnostics),
		state.WorkspaceID.ValueString(),
	)
	if r.FailedRead(ctx, err, state.WorkspaceID, "Cannot read service principal", state.String(), &resp.Diagnostics) {
		return
	}
	if err != nil {
		resp.Diagnostics.AddWarning(
			"Service principal is gone from the workspace: "+state.String(),
			"The service principal was removed, not only deactivated, and with it its tokens, grants and "+
				"memberships. The plan adds it again. If application_id is set, that is the same principal. A "+
				"service principal that Databricks itself created gets another application id.",
		)
		fwkit.SetIdentity(ctx, resp.Identity, state, &resp.Diagnostics)
		resp.State.RemoveResource(ctx)
		return
	}
	if have.IsActive() && !sp.IsActive() {
		resp.Diagnostics.AddWarning(
			"Service principal was deactivated: "+state.String(),
			"The service principal is still in the workspace, but cannot log in, and its tokens do not work. To "+
				"reactivate it, set active = true. With active = false, the apply also deletes its tokens.",
		)
	}
	byOthers := ""
	if !sp.IsActive() &&
		(have.IsActive() || state.leftTokens(deactivatedByOthers(ctx, req.Private, &resp.Diagnostics))) {
		byOthers = sp.ID
	}
	noteDeactivated(ctx, resp.Private, byOthers, &resp.Diagnostics)
	state.show(sp, r.Client.WorkspaceID())
	if kept := keptNameOf(ctx, req.Private, &resp.Diagnostics); kept.explains(have.DisplayName, sp.DisplayName) {
		state.DisplayName = before.DisplayName
	} else {
		// The configured name or the name that the workspace shows has changed.
		noteUnappliedName(ctx, resp.Private, unappliedName{}, &resp.Diagnostics)
	}
	fwkit.SetIdentity(ctx, resp.Identity, state, &resp.Diagnostics)
	fwkit.Refresh(ctx, &resp.State, before, state, &resp.Diagnostics)
}

func (r *principalResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state, config principalModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) ||
		!fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	r.Client.Keep(client.Principal(state.ApplicationID.ValueString()))
	have, want := state.toServicePrincipal(), plan.toDesired()
	if kept := keptNameOf(ctx, req.Private, &resp.Diagnostics); kept.explains(have.DisplayName, kept.Shown) {
		have.DisplayName = kept.Shown
	}
	if plan.DisplayName.Equal(state.DisplayName) {
		want.DisplayName = "" // no rename, even if the workspace shows another name
	}
	change := want.changes(have)
	// The configuration itself must set active = false: until then, the credentials of a principal that others
	// deactivated are not deleted.
	written := config.toDesired().deactivates()
	fresh := change.deactivates() || state.leftTokens(deactivatedByOthers(ctx, req.Private, &resp.Diagnostics))
	endsTokens := written && plan.DeleteTokens.ValueBool() && (fresh || !state.DeleteTokens.ValueBool())
	endsSecrets := written && plan.DeleteSecrets.ValueBool() && (fresh || !state.DeleteSecrets.ValueBool())
	if (!change.none() || endsTokens || endsSecrets) &&
		r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	sp := r.applyChanges(ctx, have, want, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	// The new state must equal the plan, including attributes that Terraform does not manage here. The next refresh
	// finds changes that others made to them.
	sp = want.after(sp)
	sp.DisplayName = plan.DisplayName.ValueString()
	if !plan.ExternalID.IsUnknown() {
		sp.ExternalID = plan.ExternalID.ValueString()
	}
	plan.show(sp, plan.WorkspaceID.ValueString())
	fwkit.SetIdentity(ctx, resp.Identity, plan, &resp.Diagnostics)
	ended := endsTokens || endsSecrets
	if endsTokens {
		err := r.endTokens(ctx, sp.ID, plan.String(), &resp.Diagnostics)
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot delete the tokens of the deactivated service principal",
			plan.String()) {
			plan.DeleteTokens, ended = types.BoolValue(false), false // the next plan shows that it is still to be done
		}
	}
	if endsSecrets {
		err := deleteSecrets(ctx, r.Client, sp.ID)
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot delete the OAuth secrets of the deactivated service principal",
			plan.String()) {
			plan.DeleteSecrets, ended = types.BoolValue(false), false
		}
	}
	if ended {
		noteDeactivated(ctx, resp.Private, "", &resp.Diagnostics)
	}
	// The rename comes last: the workspace may take long to apply a name, and nothing else should wait for that.
	var renaming diag.Diagnostics
	sp.DisplayName = have.DisplayName
	if r.rename(ctx, sp, want, resp.Private, &renaming); renaming.HasError() {
		plan.DisplayName = state.DisplayName
	}
	resp.Diagnostics.Append(renaming...)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// endTokens deletes every token of the service principal. If the workspace returns no list, endTokens adds a warning:
// that is how the workspace returns an empty list, but it does not prove that there are no tokens.
func (r *principalResource) endTokens(ctx context.Context, id, object string, diags *diag.Diagnostics) error {
	err := deleteTokens(ctx, r.Client, id)
	if errors.Is(err, errNoTokenList) {
		fwkit.Warn(diags, err, "The workspace shows no tokens to delete", object)
		return nil
	}
	return err
}

func (r *principalResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state principalModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if state.OnDestroy.ValueString() == onDestroyRetain {
		return
	}
	applicationID := state.ApplicationID.ValueString()
	mine := client.Principal(applicationID)
	if r.MustKeep(ctx, req.Private, mine, mine, state.String(), &resp.Diagnostics) ||
		r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	err := refuseSelf(ctx, r.Client, applicationID)
	if fwkit.Failed(&resp.Diagnostics, err, "Refused to delete or deactivate the provider's own identity",
		state.String()) {
		return
	}
	err = unlessKept(ctx, r.Client, applicationID, func() { r.end(ctx, state, &resp.Diagnostics) })
	if errors.Is(err, client.ErrKept) {
		fwkit.WarnOfKept(&resp.Diagnostics, state.String())
		return
	}
	fwkit.Failed(&resp.Diagnostics, err, "Cannot destroy service principal", state.String())
}

// end deletes or deactivates the service principal, as on_destroy says.
func (r *principalResource) end(ctx context.Context, state principalModel, diags *diag.Diagnostics) {
	id := state.ID.ValueString()
	if state.OnDestroy.ValueString() == onDestroyDelete {
		err := removeServicePrincipal(ctx, r.Client, state.toServicePrincipal())
		fwkit.Failed(diags, err, "Cannot delete service principal", state.String())
		return
	}
	inactive := false
	err := changeServicePrincipal(ctx, r.Client, id, desired{Active: &inactive})
	if err == nil {
		_, err = awaitValues(ctx, r.Client, state.toServicePrincipal(), desired{Active: &inactive})
	}
	if errors.Is(err, client.ErrNotFound) ||
		fwkit.Failed(diags, err, "Cannot deactivate service principal", state.String()) {
		return
	}
	client.PerClient[deactivated](r.Client).byID.Store(id, true)
	if state.DeleteTokens.ValueBool() {
		err := r.endTokens(ctx, id, state.String(), diags)
		fwkit.Failed(diags, err, "Cannot delete the tokens of the service principal deactivated on destroy",
			state.String())
	}
	if state.DeleteSecrets.ValueBool() {
		err := deleteSecrets(ctx, r.Client, id)
		fwkit.Failed(diags, err, "Cannot delete the OAuth secrets of the service principal deactivated on destroy",
			state.String())
	}
}

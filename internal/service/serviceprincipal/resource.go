package serviceprincipal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type servicePrincipalResource struct{ fwkit.Resource }

var (
	_ resource.ResourceWithConfigure      = &servicePrincipalResource{}
	_ resource.ResourceWithValidateConfig = &servicePrincipalResource{}
	_ resource.ResourceWithImportState    = &servicePrincipalResource{}
)

func (r *servicePrincipalResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_service_principal"
}

func (r *servicePrincipalResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config servicePrincipalModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	if config.ApplicationID.IsNull() && config.DisplayName.IsNull() {
		resp.Diagnostics.AddError("Service principal has neither application id nor name", "Write application_id for an application of Entra ID, "+
			"or display_name for a service principal that Databricks makes itself.")
	}
	if config.AdoptExisting.ValueBool() && config.OnDestroy.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("on_destroy"), "on_destroy must be written", "With adopt_existing = true the service principal may have been here before this configuration. "+
			"Say what destroying does to it: \"delete\", \"deactivate\" or \"retain\".")
	}
	if config.AdoptExisting.ValueBool() && config.ApplicationID.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("adopt_existing"), "Nothing to adopt without an application id", "An existing service principal is found by its application id. "+
			"Write application_id, or remove adopt_existing.")
	}
}

func (r *servicePrincipalResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan servicePrincipalModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Create, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	want := plan.toWish()

	sp, err := addServicePrincipal(ctx, r.Client, want)
	adopted := errors.Is(err, ErrExists) && plan.AdoptExisting.ValueBool()
	if adopted {
		err = nil
	} else if errors.Is(err, ErrExists) {
		err = client.Advise(err, "application_id", fmt.Sprintf("Import it: terraform import <address> %s. Or take it over with adopt_existing = true and on_destroy written. "+
			"If an earlier run was killed just after making it, importing is right.", want.ApplicationID))
	}
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot create service principal", want.String()) {
		return
	}
	if !adopted {
		// It exists from here on: remember it before anything else can fail.
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), sp.ID)...)
	}
	sp = r.fulfil(ctx, sp, want, &resp.Diagnostics)
	if adopted && resp.Diagnostics.HasError() {
		return // not taken over: in state it would be tainted, and the next apply would delete what others made
	}
	plan.tell(sp, r.Client.WorkspaceID())
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// fulfil changes what does not match the wishes and reads the result back. That it could not be read back is a warning.
func (r *servicePrincipalResource) fulfil(ctx context.Context, have servicePrincipal, want wish, diags *diag.Diagnostics) servicePrincipal {
	change := want.changes(have)
	if change.none() {
		return have
	}
	if fwkit.Failed(diags, changeServicePrincipal(ctx, r.Client, have.ID, change), "Cannot change service principal", want.String()) {
		return have
	}
	read, err := settle(ctx, r.Client, have.ID, change)
	if err != nil {
		fwkit.Warn(diags, err, "The change was accepted and could not be read back", want.String())
		return change.after(have)
	}
	return read
}

func (r *servicePrincipalResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state servicePrincipalModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Read, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()

	sp, err := refreshServicePrincipal(ctx, r.Client, state.ID.ValueString())
	if r.FailedRead(ctx, err, state.WorkspaceID, "Cannot read service principal", state.String(), &resp.Diagnostics) {
		return
	}
	if err != nil {
		resp.State.RemoveResource(ctx)
		return
	}
	state.tell(sp, r.Client.WorkspaceID())
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *servicePrincipalResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state servicePrincipalModel
	if !fwkit.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, plan.Timeouts.Update, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	have, want := state.toServicePrincipal(), plan.toWish()
	if !want.changes(have).none() && r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	sp := r.fulfil(ctx, have, want, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	// The plan has promised what it does not manage too; a change of that elsewhere is seen by the next refresh.
	sp = want.after(sp)
	sp.ExternalID = plan.ExternalID.ValueString()
	plan.tell(sp, plan.WorkspaceID.ValueString())
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

func (r *servicePrincipalResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state servicePrincipalModel
	if !fwkit.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	ctx, cancel := fwkit.Deadline(ctx, state.Timeouts.Delete, fwkit.DefaultTimeout, &resp.Diagnostics)
	defer cancel()
	if state.OnDestroy.ValueString() == onDestroyRetain {
		return
	}
	if r.WrongWorkspace(ctx, state.WorkspaceID, state.String(), &resp.Diagnostics) {
		return
	}
	if state.OnDestroy.ValueString() == onDestroyDeactivate {
		inactive := false
		err := changeServicePrincipal(ctx, r.Client, state.ID.ValueString(), wish{Active: &inactive})
		if !errors.Is(err, client.ErrNotFound) {
			fwkit.Failed(&resp.Diagnostics, err, "Cannot deactivate service principal", state.String())
		}
		return
	}
	fwkit.Failed(&resp.Diagnostics, removeServicePrincipal(ctx, r.Client, state.ID.ValueString()), "Cannot delete service principal", state.String())
}

func (r *servicePrincipalResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := req.ID
	switch {
	case len(id) == 36 && uuid.Validate(id) == nil: // Validate alone takes braces and a urn as well
		sp, err := findByApplicationID(ctx, r.Client, id)
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot import service principal", id) {
			return
		}
		if sp == nil {
			resp.Diagnostics.AddError("No such service principal to import", fmt.Sprintf("The workspace has no service principal with the application id %s. "+
				"Check that it is the application (client) id, not the object id, and that host is the right workspace.", id))
			return
		}
		id = sp.ID
	case id == "" || strings.Trim(id, "0123456789") != "":
		resp.Diagnostics.AddError("Import id of a service principal is malformed", fmt.Sprintf("%q is neither an application id (a UUID) nor a SCIM id (digits).", id))
		return
	}
	for attribute, value := range map[string]any{"id": id, "adopt_existing": false, "on_destroy": onDestroyDelete} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

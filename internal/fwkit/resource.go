package fwkit

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Resource holds the client of the workspace. Every managed resource embeds it.
type Resource struct{ Client *client.Client }

// Configure implements resource.ResourceWithConfigure.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// clientOf returns the workspace client from the data that the provider passes to Configure. It returns nil without an
// error if there is no data, because Terraform validates resources before it configures the provider.
func clientOf(data any, diags *diag.Diagnostics) *client.Client {
	c, ok := data.(*client.Client)
	if !ok && data != nil {
		diags.AddError(
			"Foreign provider data",
			fmt.Sprintf("%T came where the workspace client belongs. Please report this.", data),
		)
	}
	return c
}

// FailedRead adds err, the error of a refresh, to diags, and reports whether it added an error. It adds no error for an
// object that was not found, because the caller handles that.
//
// stored is the id of the object's workspace. If err is nil, or says "not found" or "permission denied", another
// workspace may have given the answer. So FailedRead compares the workspaces first. Otherwise a message might advise to
// grant a right in the wrong workspace.
func (r *Resource) FailedRead(
	ctx context.Context,
	err error,
	stored types.String,
	summary, object string,
	diags *diag.Diagnostics,
) bool {
	gone := errors.Is(err, client.ErrNotFound)
	if err == nil || gone || errors.Is(err, client.ErrPermissionDenied) {
		if r.WrongWorkspace(ctx, stored, object, diags) {
			return true
		}
	}
	return !gone && Failed(diags, err, summary, object)
}

// WrongWorkspace adds an error if the provider calls another workspace than the one in which the object was created, or
// if it cannot find out which workspace it calls. It reports whether it added an error. stored is the id of the
// object's workspace. [client.Client.CheckWorkspace] says when this check is needed.
func (r *Resource) WrongWorkspace(
	ctx context.Context,
	stored types.String,
	object string,
	diags *diag.Diagnostics,
) bool {
	err := r.Client.CheckWorkspace(ctx, stored.ValueString())
	summary := "Cannot find out which workspace this is"
	var wrong *client.WrongWorkspaceError
	if errors.As(err, &wrong) {
		summary = "Wrong workspace"
	}
	return Failed(diags, err, summary, object)
}

// DataSource holds the client of the workspace. Every data source embeds it.
type DataSource struct{ Client *client.Client }

// Configure implements datasource.DataSourceWithConfigure.
func (d *DataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// EphemeralResource holds the client of the workspace. Every ephemeral resource embeds it.
type EphemeralResource struct{ Client *client.Client }

// Configure implements ephemeral.EphemeralResourceWithConfigure.
func (e *EphemeralResource) Configure(
	_ context.Context,
	req ephemeral.ConfigureRequest,
	resp *ephemeral.ConfigureResponse,
) {
	e.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// Action holds the client of the workspace. Every action embeds it.
type Action struct{ Client *client.Client }

// Configure implements action.ActionWithConfigure.
func (a *Action) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// Progress returns a function that reports the progress of an action to the person who runs it.
func Progress(resp *action.InvokeResponse) func(format string, values ...any) {
	return func(format string, values ...any) {
		resp.SendProgress(action.InvokeProgressEvent{Message: fmt.Sprintf(format, values...)})
	}
}

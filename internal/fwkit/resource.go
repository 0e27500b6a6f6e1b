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

// Resource is embedded by every managed resource: it receives the client.
type Resource struct{ Client *client.Client }

// Configure implements resource.ResourceWithConfigure.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// clientOf is the client that the provider made. Terraform validates before it configures, so no data is no error.
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

// FailedRead adds what went wrong with a refresh, and reports whether anything did; that the object is not found is for
// the caller to handle. An answer that another workspace could have given, a refusal among them, is compared with the
// object's own workspace first: no message should advise a right in the wrong one.
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

// WrongWorkspace adds an error when the object was made in another workspace than the one the provider speaks to, or
// when the workspace could not be asked, and says so. See [client.Client.CheckWorkspace] for when it must be asked.
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

// DataSource is embedded by every data source: it receives the client.
type DataSource struct{ Client *client.Client }

// Configure implements datasource.DataSourceWithConfigure.
func (d *DataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// EphemeralResource is embedded by every ephemeral resource: it receives the client.
type EphemeralResource struct{ Client *client.Client }

// Configure implements ephemeral.EphemeralResourceWithConfigure.
func (e *EphemeralResource) Configure(
	_ context.Context,
	req ephemeral.ConfigureRequest,
	resp *ephemeral.ConfigureResponse,
) {
	e.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// Action is embedded by every action: it receives the client.
type Action struct{ Client *client.Client }

// Configure implements action.ActionWithConfigure.
func (a *Action) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// Progress returns a function that shows the person who runs an action how far it is.
func Progress(resp *action.InvokeResponse) func(format string, values ...any) {
	return func(format string, values ...any) {
		resp.SendProgress(action.InvokeProgressEvent{Message: fmt.Sprintf(format, values...)})
	}
}

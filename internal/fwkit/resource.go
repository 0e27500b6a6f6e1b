package fwkit

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Resource holds what all managed resources and list resources have in common. Each of them embeds it.
type Resource struct {
	Name string // such as "group_member" for dbxaccess_group_member
	// Identity holds the attributes of a managed resource's identity, except workspace_id, which all identities have.
	Identity        map[string]identityschema.Attribute
	MutableIdentity bool // whether an update may change the identity
	Client          *client.Client
}

func (r *Resource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.Name
	resp.ResourceBehavior.MutableIdentity = r.MutableIdentity
}

func (r *Resource) IdentitySchema(
	_ context.Context,
	_ resource.IdentitySchemaRequest,
	resp *resource.IdentitySchemaResponse,
) {
	attributes := map[string]identityschema.Attribute{"workspace_id": identityschema.StringAttribute{
		OptionalForImport: true,
		Description: "Id of the workspace, digits. Where an import gives it, it must be the one that the " +
			"provider speaks to.",
	}}
	maps.Copy(attributes, r.Identity)
	resp.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

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
			fmt.Sprintf("The framework passed a value of the type %T to this resource instead of the workspace "+
				"client. Please report this to the provider's maintainers.", data),
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
	if _, wrong := errors.AsType[*client.WrongWorkspaceError](err); wrong {
		summary = "Wrong workspace"
	}
	return Failed(diags, err, summary, object)
}

// WrongWorkspaceAfter is [Resource.WrongWorkspace] after a call that returned err. Every answer names its workspace: in
// the wrong one nothing may be written, and its errors say nothing about this object. If the call failed and nothing
// has answered yet, there is no workspace to compare.
func (r *Resource) WrongWorkspaceAfter(
	ctx context.Context,
	err error,
	stored types.String,
	object string,
	diags *diag.Diagnostics,
) bool {
	return (err == nil || r.Client.WorkspaceID() != "") && r.WrongWorkspace(ctx, stored, object, diags)
}

// EphemeralResource holds what all ephemeral resources have in common. Each of them embeds it.
type EphemeralResource struct {
	Name   string
	Client *client.Client
}

func (e *EphemeralResource) Metadata(
	_ context.Context,
	req ephemeral.MetadataRequest,
	resp *ephemeral.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_" + e.Name
}

func (e *EphemeralResource) Configure(
	_ context.Context,
	req ephemeral.ConfigureRequest,
	resp *ephemeral.ConfigureResponse,
) {
	e.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// Action holds what all actions have in common. Each of them embeds it.
type Action struct {
	Name   string
	Client *client.Client
}

func (a *Action) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + a.Name
}

func (a *Action) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.Client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// Progress returns a function that reports the progress of an action to the person who runs it.
func Progress(resp *action.InvokeResponse) func(format string, values ...any) {
	return func(format string, values ...any) {
		resp.SendProgress(action.InvokeProgressEvent{Message: fmt.Sprintf(format, values...)})
	}
}

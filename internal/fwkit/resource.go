package fwkit

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Resource is embedded by every managed resource: it receives the client.
type Resource struct{ Client *client.Client }

// Configure implements resource.ResourceWithConfigure. Terraform validates before it configures, so no data is no error.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	c, ok := req.ProviderData.(*client.Client)
	if !ok {
		resp.Diagnostics.AddError("Resource received foreign provider data", fmt.Sprintf("%T came where the workspace client belongs. Please report this.", req.ProviderData))
		return
	}
	r.Client = c
}

// WrongWorkspace adds an error when the object was made in another workspace than the one the provider speaks to, and
// says so. See [client.Client.CheckWorkspace] for when it must be asked.
func (r *Resource) WrongWorkspace(ctx context.Context, stored types.String, object string, diags *diag.Diagnostics) bool {
	return Failed(diags, r.Client.CheckWorkspace(ctx, stored.ValueString()), "Wrong workspace", object)
}

// DataSource is embedded by every data source: it receives the client.
type DataSource struct{ Client *client.Client }

// Configure implements datasource.DataSourceWithConfigure.
func (d *DataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	c, ok := req.ProviderData.(*client.Client)
	if !ok {
		resp.Diagnostics.AddError("Data source received foreign provider data", fmt.Sprintf("%T came where the workspace client belongs. Please report this.", req.ProviderData))
		return
	}
	d.Client = c
}

// EphemeralResource is embedded by every ephemeral resource: it receives the client.
type EphemeralResource struct{ Client *client.Client }

// Configure implements ephemeral.EphemeralResourceWithConfigure.
func (e *EphemeralResource) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	c, ok := req.ProviderData.(*client.Client)
	if !ok {
		resp.Diagnostics.AddError("Ephemeral resource received foreign provider data", fmt.Sprintf("%T came where the workspace client belongs. Please report this.", req.ProviderData))
		return
	}
	e.Client = c
}

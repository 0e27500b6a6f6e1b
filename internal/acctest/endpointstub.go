package acctest

import (
	"context"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// WithEndpoints adds a provider named "stub" to the providers and returns them. Its resource stub_endpoint stands for a
// serving endpoint that another provider manages. The configuration sets name, creator and version, and a change to any
// of them replaces the endpoint. The id is known after the endpoint is created.
func (w *World) WithEndpoints(
	providers map[string]func() (tfprotov6.ProviderServer, error),
) map[string]func() (tfprotov6.ProviderServer, error) {
	providers["stub"] = providerserver.NewProtocol6WithError(&endpointProvider{w.Workspace})
	return providers
}

// EndpointSource is the terraform block of a configuration that uses the provider of [World.ServeEndpoints].
const EndpointSource = `terraform {
  required_providers {
    stub      = { source = "example/stub" }
    dbxaccess = { source = "dbxaccess/dbxaccess" }
  }
}
`

// ServeEndpoints makes the stub provider of [World.WithEndpoints] available to the commands of a CLI.
func (w *World) ServeEndpoints(t *testing.T, cli *CLI) {
	t.Helper()
	serve(t, cli, "example/stub", providerserver.NewProtocol6(&endpointProvider{w.Workspace}))
}

type endpointProvider struct{ workspace *emulator.Workspace }

func (p *endpointProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "stub"
}

func (p *endpointProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {
}

func (p *endpointProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}

func (p *endpointProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (p *endpointProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &endpointResource{p.workspace} }}
}

type endpointResource struct{ workspace *emulator.Workspace }

type endpointModel struct {
	ID      types.String `tfsdk:"id"`
	Name    types.String `tfsdk:"name"`
	Creator types.String `tfsdk:"creator"`
	Version types.String `tfsdk:"version"`
}

func (r *endpointResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "stub_endpoint"
}

func (r *endpointResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	given := schema.StringAttribute{Required: true,
		PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}}
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":   schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
		"name": given, "creator": given, "version": given,
	}}
}

func (r *endpointResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m endpointModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.ID = types.StringValue(r.workspace.CreateEndpoint(m.Name.ValueString(), m.Creator.ValueString()))
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (r *endpointResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	if !slices.ContainsFunc(r.workspace.Snapshot().Endpoints, func(e emulator.EndpointState) bool {
		return e.ID == id.ValueString()
	}) {
		resp.State.RemoveResource(ctx)
	}
}

func (r *endpointResource) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {
}

func (r *endpointResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m endpointModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if !resp.Diagnostics.HasError() {
		r.workspace.DeleteEndpoint(m.Name.ValueString())
	}
}

package acctest

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
)

// OfficialSource begins a configuration that uses the official provider.
const OfficialSource = `terraform {
  required_providers {
    databricks = { source = "databricks/databricks" }
    dbxaccess  = { source = "dbxaccess/dbxaccess" }
  }
}
`

// Official stands for one resource of the official provider. It can only be made: coming over from there, the official
// provider is asked to change or destroy nothing, and a test in which it is fails.
// https://registry.terraform.io/providers/databricks/databricks/latest/docs
type Official struct {
	Type string
	// Schema lacks what every resource has: id, and the block provider_config.
	Schema schema.Schema
	// Make does on the server what the official provider would, and gives the computed attributes of its state.
	Make func(plan OfficialPlan) map[string]any
}

// OfficialPlan is what a configuration wants made.
type OfficialPlan struct {
	ctx   context.Context
	plan  tfsdk.Plan
	diags *diag.Diagnostics
}

// Get reads an attribute into what target points to.
func (p OfficialPlan) Get(attribute string, target any) {
	p.diags.Append(p.plan.GetAttribute(p.ctx, path.Root(attribute), target)...)
}

// ServeOfficial lets a CLI find the stand-in, in this process, under the official provider's address.
func ServeOfficial(t *testing.T, cli *CLI, resources ...Official) {
	t.Helper()
	serve(t, cli, "databricks/databricks", providerserver.NewProtocol6(&officialProvider{resources: resources, t: t}))
}

type officialProvider struct {
	resources []Official
	t         testing.TB
}

func (p *officialProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "databricks"
}
func (p *officialProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {
}
func (p *officialProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}
func (p *officialProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (p *officialProvider) Resources(context.Context) []func() resource.Resource {
	var all []func() resource.Resource
	for _, o := range p.resources {
		all = append(all, func() resource.Resource { return &officialResource{o, p.t} })
	}
	return all
}

type officialResource struct {
	Official
	t testing.TB
}

func (r *officialResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = r.Type
}

func (r *officialResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{"id": schema.StringAttribute{Computed: true}},
		Blocks: map[string]schema.Block{"provider_config": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{
			Attributes: map[string]schema.Attribute{"workspace_id": schema.StringAttribute{Optional: true}},
		}}},
	}
	for name, attribute := range r.Official.Schema.Attributes {
		resp.Schema.Attributes[name] = attribute
	}
	for name, block := range r.Official.Schema.Blocks {
		resp.Schema.Blocks[name] = block
	}
}

func (r *officialResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	resp.State.Raw = req.Plan.Raw
	for attribute, value := range r.Make(OfficialPlan{ctx, req.Plan, &resp.Diagnostics}) {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

func (r *officialResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

func (r *officialResource) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {
	r.t.Errorf("the official provider was asked to update a %s", r.Type)
}

func (r *officialResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
	r.t.Errorf("the official provider was asked to destroy a %s", r.Type)
}

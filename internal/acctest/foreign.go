package acctest

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	datasourceschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
)

// ForeignProvider describes a simulated provider that stands for another vendor's provider in a test.
type ForeignProvider struct {
	// Source is the source address, such as "databricks/databricks". The names of the resource types begin with its
	// last part.
	Source string
	Schema providerschema.Schema
	// Blocks are nested blocks that the schema of every resource has.
	Blocks    map[string]schema.Block
	Resources []Foreign
	Data      []ForeignData
}

// Foreign describes a simulated resource of another vendor's provider. A test fails if Terraform asks that provider to
// update the resource.
type Foreign struct {
	Type string
	// Schema is the resource's schema without the attribute id, which is added to every resource.
	Schema schema.Schema
	// Make creates the object on the emulated server, as the real provider would, and returns the computed attributes
	// for the state.
	Make func(plan ForeignValues) map[string]any
	// Read returns the attributes that a refresh changes. If Read is nil, a refresh changes nothing.
	Read func(state ForeignValues) map[string]any
	// Remove deletes the object on the emulated server. If Remove is nil, a test that destroys the resource fails.
	Remove func(state ForeignValues)
}

// ForeignData describes a simulated data source that has no arguments.
type ForeignData struct {
	Type string
	// Values are the attributes of the data source, which are all strings.
	Values map[string]string
}

// ForeignValues reads attributes from the plan or the state of one resource.
type ForeignValues struct {
	ctx  context.Context
	from interface {
		GetAttribute(context.Context, path.Path, any) diag.Diagnostics
	}
	diags *diag.Diagnostics
}

// Get reads an attribute into the variable that target points to.
func (v ForeignValues) Get(attribute string, target any) {
	v.diags.Append(v.from.GetAttribute(v.ctx, path.Root(attribute), target)...)
}

// String returns the value of a string attribute.
func (v ForeignValues) String(attribute string) (value string) {
	v.Get(attribute, &value)
	return value
}

// ServeForeign runs the simulated provider in this process and makes it available to the commands of a CLI under
// p.Source.
func ServeForeign(t *testing.T, cli *CLI, p ForeignProvider) {
	t.Helper()
	serve(t, cli, p.Source, providerserver.NewProtocol6(&foreignProvider{p, t}))
}

type foreignProvider struct {
	ForeignProvider
	t testing.TB
}

func (p *foreignProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	_, resp.TypeName, _ = strings.Cut(p.Source, "/")
}

func (p *foreignProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = p.ForeignProvider.Schema
}

func (p *foreignProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}

func (p *foreignProvider) DataSources(context.Context) []func() datasource.DataSource {
	var all []func() datasource.DataSource
	for _, d := range p.Data {
		all = append(all, func() datasource.DataSource { return &foreignData{d} })
	}
	return all
}

func (p *foreignProvider) Resources(context.Context) []func() resource.Resource {
	var all []func() resource.Resource
	for _, f := range p.ForeignProvider.Resources {
		all = append(all, func() resource.Resource { return &foreignResource{f, p.Blocks, p.t} })
	}
	return all
}

type foreignResource struct {
	Foreign
	blocks map[string]schema.Block
	t      testing.TB
}

func (r *foreignResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = r.Type
}

func (r *foreignResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{"id": schema.StringAttribute{Computed: true}},
		Blocks:     map[string]schema.Block{},
	}
	maps.Copy(resp.Schema.Attributes, r.Foreign.Schema.Attributes)
	maps.Copy(resp.Schema.Blocks, r.blocks)
	maps.Copy(resp.Schema.Blocks, r.Foreign.Schema.Blocks)
}

func (r *foreignResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	resp.State.Raw = req.Plan.Raw
	setAll(ctx, &resp.State, &resp.Diagnostics, r.Make(ForeignValues{ctx, req.Plan, &resp.Diagnostics}))
}

func (r *foreignResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if r.Foreign.Read != nil {
		setAll(ctx, &resp.State, &resp.Diagnostics, r.Foreign.Read(ForeignValues{ctx, req.State, &resp.Diagnostics}))
	}
}

func (r *foreignResource) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {
	r.t.Errorf("another provider was asked to update a %s", r.Type)
}

func (r *foreignResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	if r.Remove == nil {
		r.t.Errorf("another provider was asked to destroy a %s", r.Type)
		return
	}
	r.Remove(ForeignValues{ctx, req.State, &resp.Diagnostics})
}

func setAll(ctx context.Context, state *tfsdk.State, diags *diag.Diagnostics, values map[string]any) {
	for attribute, value := range values {
		diags.Append(state.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

type foreignData struct{ ForeignData }

func (d *foreignData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = d.Type
}

func (d *foreignData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema.Attributes = map[string]datasourceschema.Attribute{}
	for name := range d.Values {
		resp.Schema.Attributes[name] = datasourceschema.StringAttribute{Computed: true}
	}
}

func (d *foreignData) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	for name, value := range d.Values {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
}

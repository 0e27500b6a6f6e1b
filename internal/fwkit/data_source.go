package fwkit

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// DataSource implements a data source. A data source that checks its configuration embeds it.
type DataSource[Model any] struct {
	name     string
	describe func(context.Context) schema.Schema
	read     func(ctx context.Context, c *client.Client, m *Model, diags *diag.Diagnostics)
	client   *client.Client
}

// NewDataSource returns the data source with this name, such as "clusters" for dbxaccess_clusters. describe returns the
// schema. read gets the configuration in m, reads from the workspace what it asks for, and writes that into m. What m
// then holds becomes the state, unless read adds an error.
func NewDataSource[Model any](
	name string,
	describe func(context.Context) schema.Schema,
	read func(ctx context.Context, c *client.Client, m *Model, diags *diag.Diagnostics),
) *DataSource[Model] {
	return &DataSource[Model]{name: name, describe: describe, read: read}
}

func (d *DataSource[_]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + d.name
}

func (d *DataSource[_]) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.describe(ctx)
}

func (d *DataSource[_]) Configure(
	_ context.Context,
	req datasource.ConfigureRequest,
	resp *datasource.ConfigureResponse,
) {
	d.client = clientOf(req.ProviderData, &resp.Diagnostics)
}

func (d *DataSource[Model]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m Model
	if !Decode(ctx, req.Config, &m, &resp.Diagnostics) {
		return
	}
	if d.read(ctx, d.client, &m, &resp.Diagnostics); !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}

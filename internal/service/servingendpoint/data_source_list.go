package servingendpoint

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type endpointsModel struct {
	NamePrefix  types.String    `tfsdk:"name_prefix"`
	Tags        types.Map       `tfsdk:"tags"`
	WorkspaceID types.String    `tfsdk:"workspace_id"`
	Endpoints   []endpointInRow `tfsdk:"endpoints"`
}

type endpointInRow struct {
	commonModel
	ServedEntities []commonEntity `tfsdk:"served_entities"`
}

func endpointsSchema(context.Context) schema.Schema {
	rows := commonAttributes()
	rows["name"] = fwkit.DataString("Name of the endpoint.")
	rows["id"] = fwkit.DataString(
		"System id, 32 hexadecimal digits; null for a foundation-model endpoint, which has no access list.",
	)
	rows["served_entities"] = servedEntities(commonEntityAttributes())
	return schema.Schema{
		MarkdownDescription: "The model-serving endpoints of the workspace: all, or those that match a filter.",
		Attributes: map[string]schema.Attribute{
			"name_prefix": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "Only endpoints whose name begins with this text, case-sensitive.",
			},
			"tags": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Only endpoints that have all of these tags, case-sensitive: `{ team = " +
					"\"botany\" }`. A value of `null` matches any value: `{ team = null }`.",
			},
			"workspace_id": fwkit.DataString("Id of the workspace."),
			"endpoints": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The endpoints that match, sorted by name.",
				NestedObject: schema.NestedAttributeObject{Attributes: rows},
			},
		},
	}
}

func readEndpoints(ctx context.Context, c *client.Client, m *endpointsModel, diags *diag.Diagnostics) {
	all, err := c.Endpoints(ctx)
	if fwkit.Failed(diags, err, "Cannot list serving endpoints", "serving endpoints") {
		return
	}
	m.show(all, c.WorkspaceID())
}

// matches reports whether an endpoint has the configured name prefix and tags. The provider compares them itself,
// because the service does not filter endpoints.
func (m endpointsModel) matches(e client.Endpoint) bool {
	if !strings.HasPrefix(e.Name, m.NamePrefix.ValueString()) {
		return false
	}
	for key, want := range m.Tags.Elements() {
		value, tagged := e.Tags[key]
		if !tagged || !want.IsNull() && !want.Equal(types.StringValue(value)) {
			return false
		}
	}
	return true
}

func (m *endpointsModel) show(all []client.Endpoint, workspaceID string) {
	m.WorkspaceID, m.Endpoints = fwkit.String(workspaceID), []endpointInRow{}
	slices.SortFunc(all, func(a, b client.Endpoint) int { return cmp.Compare(a.Name, b.Name) })
	for _, e := range all {
		if !m.matches(e) {
			continue
		}
		row := endpointInRow{commonModel: toCommon(e), ServedEntities: []commonEntity{}}
		for _, served := range e.Entities {
			row.ServedEntities = append(row.ServedEntities, toCommonEntity(served))
		}
		m.Endpoints = append(m.Endpoints, row)
	}
}

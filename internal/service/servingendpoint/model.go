package servingendpoint

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type endpointModel struct {
	Name            types.String  `tfsdk:"name"`
	ID              types.String  `tfsdk:"id"`
	Creator         types.String  `tfsdk:"creator"`
	Description     types.String  `tfsdk:"description"`
	State           types.String  `tfsdk:"state"`
	ConfigUpdate    types.String  `tfsdk:"config_update"`
	Task            types.String  `tfsdk:"task"`
	PermissionLevel types.String  `tfsdk:"permission_level"`
	InvocationURL   types.String  `tfsdk:"invocation_url"`
	CreatedAt       types.String  `tfsdk:"created_at"`
	UpdatedAt       types.String  `tfsdk:"updated_at"`
	WorkspaceID     types.String  `tfsdk:"workspace_id"`
	RouteOptimized  types.Bool    `tfsdk:"route_optimized"`
	Tags            types.Map     `tfsdk:"tags"`
	ServedEntities  []entityModel `tfsdk:"served_entities"`
}

type entityModel struct {
	Name          types.String `tfsdk:"name"`
	EntityName    types.String `tfsdk:"entity_name"`
	EntityVersion types.String `tfsdk:"entity_version"`
	WorkloadSize  types.String `tfsdk:"workload_size"`
	ScaleToZero   types.Bool   `tfsdk:"scale_to_zero"`
	State         types.String `tfsdk:"state"`
	StateMessage  types.String `tfsdk:"state_message"`
}

func toModel(e client.Endpoint, host, workspaceID string) endpointModel {
	state := "NOT_READY"
	if e.Ready {
		state = "READY"
	}
	tags := map[string]attr.Value{}
	for k, v := range e.Tags {
		tags[k] = types.StringValue(v)
	}
	invocation := e.URL
	if invocation == "" {
		invocation = host + client.PathOf("/serving-endpoints", e.Name, "invocations")
	}
	m := endpointModel{
		Name:            types.StringValue(e.Name),
		ID:              fwkit.String(e.ID),
		Creator:         fwkit.String(e.Creator),
		Description:     fwkit.String(e.Description),
		State:           types.StringValue(state),
		ConfigUpdate:    fwkit.String(e.ConfigUpdate),
		Task:            fwkit.String(e.Task),
		PermissionLevel: fwkit.String(e.PermissionLevel),
		InvocationURL:   types.StringValue(invocation),
		CreatedAt:       fwkit.Time(e.CreatedAt),
		UpdatedAt:       fwkit.Time(e.UpdatedAt),
		WorkspaceID:     fwkit.String(workspaceID),
		RouteOptimized:  types.BoolValue(e.RouteOptimized),
		Tags:            types.MapValueMust(types.StringType, tags),
		ServedEntities:  []entityModel{},
	}
	for _, s := range e.Entities {
		m.ServedEntities = append(m.ServedEntities, entityModel{
			Name:          fwkit.String(s.Name),
			EntityName:    fwkit.String(s.EntityName),
			EntityVersion: fwkit.String(s.EntityVersion),
			WorkloadSize:  fwkit.String(s.WorkloadSize),
			ScaleToZero:   types.BoolValue(s.ScaleToZero),
			State:         fwkit.String(s.State),
			StateMessage:  fwkit.String(s.StateMessage),
		})
	}
	return m
}

package servingendpoint

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type endpointModel struct {
	commonModel
	PermissionLevel types.String  `tfsdk:"permission_level"`
	InvocationURL   types.String  `tfsdk:"invocation_url"`
	WorkspaceID     types.String  `tfsdk:"workspace_id"`
	RouteOptimized  types.Bool    `tfsdk:"route_optimized"`
	ServedEntities  []entityModel `tfsdk:"served_entities"`
}

// commonModel holds the attributes of an endpoint that both data sources show.
type commonModel struct {
	Name         types.String `tfsdk:"name"`
	ID           types.String `tfsdk:"id"`
	Creator      types.String `tfsdk:"creator"`
	Description  types.String `tfsdk:"description"`
	State        types.String `tfsdk:"state"`
	ConfigUpdate types.String `tfsdk:"config_update"`
	Task         types.String `tfsdk:"task"`
	CreatedAt    types.String `tfsdk:"created_at"`
	UpdatedAt    types.String `tfsdk:"updated_at"`
	Tags         types.Map    `tfsdk:"tags"`
}

type entityModel struct {
	commonEntity
	WorkloadSize types.String `tfsdk:"workload_size"`
	ScaleToZero  types.Bool   `tfsdk:"scale_to_zero"`
	State        types.String `tfsdk:"state"`
	StateMessage types.String `tfsdk:"state_message"`
}

// commonEntity holds the attributes of a served entity that both data sources show.
type commonEntity struct {
	Name          types.String `tfsdk:"name"`
	EntityName    types.String `tfsdk:"entity_name"`
	EntityVersion types.String `tfsdk:"entity_version"`
}

func toModel(e client.Endpoint, host, workspaceID string) endpointModel {
	invocation := e.URL
	if invocation == "" {
		invocation = host + client.PathOf("/serving-endpoints", e.Name, "invocations")
	}
	m := endpointModel{
		commonModel:     toCommon(e),
		PermissionLevel: fwkit.String(e.PermissionLevel),
		InvocationURL:   types.StringValue(invocation),
		WorkspaceID:     fwkit.String(workspaceID),
		RouteOptimized:  types.BoolValue(e.RouteOptimized),
		ServedEntities:  []entityModel{},
	}
	for _, s := range e.Entities {
		m.ServedEntities = append(m.ServedEntities, entityModel{
			commonEntity: toCommonEntity(s),
			WorkloadSize: fwkit.String(s.WorkloadSize),
			ScaleToZero:  types.BoolValue(s.ScaleToZero),
			State:        fwkit.String(s.State),
			StateMessage: fwkit.String(s.StateMessage),
		})
	}
	return m
}

func toCommon(e client.Endpoint) commonModel {
	state := "NOT_READY"
	if e.Ready {
		state = "READY"
	}
	tags := map[string]attr.Value{}
	for k, v := range e.Tags {
		tags[k] = types.StringValue(v)
	}
	return commonModel{
		Name:         types.StringValue(e.Name),
		ID:           fwkit.String(e.ID),
		Creator:      fwkit.String(e.Creator),
		Description:  fwkit.String(e.Description),
		State:        types.StringValue(state),
		ConfigUpdate: fwkit.String(e.ConfigUpdate),
		Task:         fwkit.String(e.Task),
		CreatedAt:    fwkit.Time(e.CreatedAt),
		UpdatedAt:    fwkit.Time(e.UpdatedAt),
		Tags:         types.MapValueMust(types.StringType, tags),
	}
}

func toCommonEntity(s client.ServedEntity) commonEntity {
	return commonEntity{fwkit.String(s.Name), fwkit.String(s.EntityName), fwkit.String(s.EntityVersion)}
}

package clusters

import (
	"cmp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type clustersModel struct {
	WorkspaceID types.String   `tfsdk:"workspace_id"`
	Clusters    []clusterModel `tfsdk:"clusters"`
}

type clusterModel struct {
	ID           types.String `tfsdk:"id"`
	Name         types.String `tfsdk:"name"`
	State        types.String `tfsdk:"state"`
	Source       types.String `tfsdk:"source"`
	Creator      types.String `tfsdk:"creator"`
	SparkVersion types.String `tfsdk:"spark_version"`
}

func toModel(all []cluster, workspaceID string) clustersModel {
	slices.SortFunc(all, func(a, b cluster) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	m := clustersModel{WorkspaceID: fwkit.String(workspaceID), Clusters: []clusterModel{}}
	for _, c := range all {
		m.Clusters = append(m.Clusters, clusterModel{
			ID:           fwkit.String(c.ID),
			Name:         fwkit.String(c.Name),
			State:        fwkit.String(c.State),
			Source:       fwkit.String(c.Source),
			Creator:      fwkit.String(c.Creator),
			SparkVersion: fwkit.String(c.SparkVersion),
		})
	}
	return m
}

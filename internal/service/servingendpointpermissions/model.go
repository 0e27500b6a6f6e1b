package servingendpointpermissions

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionsModel struct {
	EndpointName types.String `tfsdk:"endpoint_name"`
	EndpointID   types.String `tfsdk:"endpoint_id"`
	WorkspaceID  types.String `tfsdk:"workspace_id"`
	fwkit.AccessList
}

func (m *permissionsModel) show(endpointID, workspaceID string, list acl.List) {
	m.EndpointID, m.WorkspaceID = fwkit.String(endpointID), fwkit.String(workspaceID)
	rows := []fwkit.PermissionModel{}
	for _, h := range list.Levels() {
		rows = append(rows, fwkit.Permission(string(h.Kind), h.Name, h.DisplayName, string(h.Level), h.Inherited))
	}
	m.AccessList = fwkit.NewAccessList(rows)
}

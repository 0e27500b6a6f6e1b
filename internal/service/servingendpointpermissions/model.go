package servingendpointpermissions

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionsModel struct {
	EndpointName      types.String            `tfsdk:"endpoint_name"`
	EndpointID        types.String            `tfsdk:"endpoint_id"`
	WorkspaceID       types.String            `tfsdk:"workspace_id"`
	Permissions       []fwkit.PermissionModel `tfsdk:"permissions"`
	ServicePrincipals types.Map               `tfsdk:"service_principals"`
	Users             types.Map               `tfsdk:"users"`
	Groups            types.Map               `tfsdk:"groups"`
}

func (m *permissionsModel) show(endpointID, workspaceID string, list acl.List) {
	m.EndpointID, m.WorkspaceID = fwkit.String(endpointID), fwkit.String(workspaceID)
	m.Permissions = []fwkit.PermissionModel{}
	for _, h := range list.Levels() {
		m.Permissions = append(
			m.Permissions,
			fwkit.Permission(string(h.Kind), h.Name, h.DisplayName, string(h.Level), h.Inherited),
		)
	}
	m.ServicePrincipals, m.Users, m.Groups = fwkit.DirectLevels(m.Permissions)
}

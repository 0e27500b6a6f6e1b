package servingendpointpermissions

import (
	"cmp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionsModel struct {
	EndpointName      types.String      `tfsdk:"endpoint_name"`
	EndpointID        types.String      `tfsdk:"endpoint_id"`
	WorkspaceID       types.String      `tfsdk:"workspace_id"`
	Permissions       []permissionModel `tfsdk:"permissions"`
	ServicePrincipals types.Map         `tfsdk:"service_principals"`
	Users             types.Map         `tfsdk:"users"`
	Groups            types.Map         `tfsdk:"groups"`
}

type permissionModel struct {
	Principal            types.String `tfsdk:"principal"`
	ServicePrincipalName types.String `tfsdk:"service_principal_name"`
	UserName             types.String `tfsdk:"user_name"`
	GroupName            types.String `tfsdk:"group_name"`
	DisplayName          types.String `tfsdk:"display_name"`
	PermissionLevel      types.String `tfsdk:"permission_level"`
	Inherited            types.Bool   `tfsdk:"inherited"`
}

// kinds is the order in which principals are told.
var kinds = []acl.Kind{acl.ServicePrincipal, acl.User, acl.Group}

func (m *permissionsModel) tell(endpointID, workspaceID string, list acl.List) {
	m.EndpointID, m.WorkspaceID = fwkit.String(endpointID), fwkit.String(workspaceID)
	m.Permissions = []permissionModel{}
	direct := map[acl.Kind]map[string]attr.Value{acl.ServicePrincipal: {}, acl.User: {}, acl.Group: {}}
	for _, e := range sorted(list) {
		if e.Direct != "" {
			m.Permissions = append(m.Permissions, toPermission(e, e.Direct, false))
			direct[e.Kind][e.Name] = types.StringValue(string(e.Direct))
		}
		for _, level := range slices.Sorted(slices.Values(e.Inherited)) {
			m.Permissions = append(m.Permissions, toPermission(e, level, true))
		}
	}
	m.ServicePrincipals = types.MapValueMust(types.StringType, direct[acl.ServicePrincipal])
	m.Users = types.MapValueMust(types.StringType, direct[acl.User])
	m.Groups = types.MapValueMust(types.StringType, direct[acl.Group])
}

// sorted gives the list an order: the service's own differs from answer to answer, and outputs must not.
func sorted(list acl.List) acl.List {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b acl.Entry) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func toPermission(e acl.Entry, level acl.Level, inherited bool) permissionModel {
	p := permissionModel{
		Principal: types.StringValue(e.Principal.String()), DisplayName: fwkit.String(e.DisplayName),
		PermissionLevel: types.StringValue(string(level)), Inherited: types.BoolValue(inherited),
	}
	p.ServicePrincipalName, p.UserName, p.GroupName = fwkit.PrincipalValues(string(e.Kind), e.Name)
	return p
}

package tokenpermission

import (
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionModel struct {
	ID                   types.String   `tfsdk:"id"`
	ServicePrincipalName types.String   `tfsdk:"service_principal_name"`
	UserName             types.String   `tfsdk:"user_name"`
	GroupName            types.String   `tfsdk:"group_name"`
	DisplayName          types.String   `tfsdk:"display_name"`
	WorkspaceID          types.String   `tfsdk:"workspace_id"`
	Timeouts             timeouts.Value `tfsdk:"timeouts"`
}

func (m permissionModel) toPrincipal() acl.Principal {
	attribute, name := fwkit.Principal(m.ServicePrincipalName, m.UserName, m.GroupName)
	return acl.Principal{Kind: acl.Kind(attribute), Name: name}
}

// String returns the principal's name for messages, with its display name if that is known.
func (m permissionModel) String() string {
	return acl.Describe(m.toPrincipal(), m.DisplayName.ValueString())
}

// imported returns the state of an existing right to use personal access tokens.
func imported(e acl.Entry, workspaceID string) permissionModel {
	m := permissionModel{
		ID:          types.StringValue(e.Name),
		DisplayName: fwkit.String(e.DisplayName),
		WorkspaceID: fwkit.String(workspaceID),
		Timeouts:    fwkit.NoTimeouts(),
	}
	m.ServicePrincipalName, m.UserName, m.GroupName = fwkit.PrincipalValues(string(e.Kind), e.Name)
	return m
}

package tokenpermission

import (
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionModel struct {
	fwkit.PrincipalModel
	ID          types.String   `tfsdk:"id"`
	WorkspaceID types.String   `tfsdk:"workspace_id"`
	Timeouts    timeouts.Value `tfsdk:"timeouts"`
}

func (m permissionModel) toPrincipal() acl.Principal {
	attribute, name := m.Named()
	return acl.Principal{Kind: acl.Kind(attribute), Name: name}
}

// String returns the principal's name for messages, with its display name if that is known.
func (m permissionModel) String() string {
	return acl.Describe(m.toPrincipal(), m.DisplayName.ValueString())
}

// imported returns the state of an existing right to use personal access tokens.
func imported(e acl.Entry, workspaceID string) permissionModel {
	return permissionModel{
		PrincipalModel: fwkit.NewPrincipal(string(e.Kind), e.Name, e.DisplayName),
		ID:             types.StringValue(e.Name),
		WorkspaceID:    fwkit.String(workspaceID),
		Timeouts:       fwkit.NoTimeouts(),
	}
}

package groupmember

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type memberModel struct {
	ID                 types.String   `tfsdk:"id"`
	GroupName          types.String   `tfsdk:"group_name"`
	ApplicationID      types.String   `tfsdk:"application_id"`
	GroupID            types.String   `tfsdk:"group_id"`
	ServicePrincipalID types.String   `tfsdk:"service_principal_id"`
	WorkspaceID        types.String   `tfsdk:"workspace_id"`
	Timeouts           timeouts.Value `tfsdk:"timeouts"`
}

type identityModel struct {
	GroupName     types.String `tfsdk:"group_name"`
	ApplicationID types.String `tfsdk:"application_id"`
	WorkspaceID   types.String `tfsdk:"workspace_id"`
}

// membership is a service principal in a group.
type membership struct {
	Group, ApplicationID string
	GroupID, PrincipalID string // SCIM ids; empty: to be found
	ShownAs              string // the service principal's display name, where it is known
}

// ID is the resource's id.
func (m membership) ID() string { return m.Group + "/" + m.ApplicationID }

// String names it in messages.
func (m membership) String() string {
	who := "service principal " + m.ApplicationID
	if m.ShownAs != "" && !strings.EqualFold(m.ShownAs, m.ApplicationID) {
		who += " (" + m.ShownAs + ")"
	}
	return who + " in group " + m.Group
}

// splitID reads GROUP/APPLICATION_ID; a group's name may hold slashes, an application id none. Both are empty where it
// is something else.
func splitID(id string) (group, applicationID string) {
	i := strings.LastIndex(id, "/")
	if i < 1 {
		return "", ""
	}
	return id[:i], id[i+1:]
}

func (m memberModel) toMembership() membership {
	return membership{
		Group: m.GroupName.ValueString(), ApplicationID: m.ApplicationID.ValueString(),
		GroupID: m.GroupID.ValueString(), PrincipalID: m.ServicePrincipalID.ValueString(), // empty when unknown
	}
}

func (m memberModel) toIdentity() identityModel {
	return identityModel{m.GroupName, m.ApplicationID, m.WorkspaceID}
}

// show writes what the service showed into the model. The application id keeps its spelling.
func (m *memberModel) show(have membership, workspaceID string) {
	m.ID = types.StringValue(
		membership{Group: m.GroupName.ValueString(), ApplicationID: m.ApplicationID.ValueString()}.ID(),
	)
	m.GroupID = types.StringValue(have.GroupID)
	m.ServicePrincipalID = types.StringValue(have.PrincipalID)
	m.WorkspaceID = fwkit.String(workspaceID)
}

// imported returns the state of an existing membership.
func imported(have membership, workspaceID string) memberModel {
	m := memberModel{
		GroupName:     types.StringValue(have.Group),
		ApplicationID: types.StringValue(have.ApplicationID),
		Timeouts:      fwkit.NoTimeouts(),
	}
	m.show(have, workspaceID)
	return m
}

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

// membership is a service principal's direct membership of a group.
type membership struct {
	Group, ApplicationID string
	GroupID, PrincipalID string // SCIM ids; empty if they must be looked up
	ShownAs              string // the service principal's display name; empty if it is not known
}

// ID returns the id of the resource.
func (m membership) ID() string { return m.Group + "/" + m.ApplicationID }

// String returns the description of the membership for messages.
func (m membership) String() string {
	who := "service principal " + m.ApplicationID
	if m.ShownAs != "" && !strings.EqualFold(m.ShownAs, m.ApplicationID) {
		who += " (" + m.ShownAs + ")"
	}
	return who + " in group " + m.Group
}

// splitID parses an import id of the form GROUP/APPLICATION_ID. A group's name may contain slashes, an application id
// contains none. Both results are empty if the id has another form.
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

// show writes what the service returned into the model. The application id keeps its spelling.
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

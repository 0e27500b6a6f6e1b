package servingendpointpermission

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionModel struct {
	fwkit.PrincipalModel
	ID                types.String   `tfsdk:"id"`
	EndpointName      types.String   `tfsdk:"endpoint_name"`
	EndpointID        types.String   `tfsdk:"endpoint_id"`
	PermissionLevel   types.String   `tfsdk:"permission_level"`
	OverwriteExisting types.Bool     `tfsdk:"overwrite_existing"`
	WorkspaceID       types.String   `tfsdk:"workspace_id"`
	Timeouts          timeouts.Value `tfsdk:"timeouts"`
}

// grant is one principal's grant on one endpoint.
type grant struct {
	Endpoint   string // name
	EndpointID string // empty if it must be looked up by name
	Principal  acl.Principal
	ShownAs    string // the principal's display name; empty if it is not known
	Level      acl.Level
	Overwrite  bool
}

// ID returns the id of the resource.
func (g grant) ID() string { return g.Endpoint + "/" + g.Principal.Name }

// String returns the description of the grant for messages.
func (g grant) String() string {
	return string(g.Level) + " on serving endpoint " + g.Endpoint + " for " + acl.Describe(g.Principal, g.ShownAs)
}

func (m permissionModel) toGrant() grant {
	attribute, name := m.Named()
	return grant{
		Endpoint:   m.EndpointName.ValueString(),
		EndpointID: strings.ToLower(m.EndpointID.ValueString()), // empty when unknown
		Principal:  acl.Principal{Kind: acl.Kind(attribute), Name: name},
		ShownAs:    m.DisplayName.ValueString(),
		Level:      acl.Level(m.PermissionLevel.ValueString()),
		Overwrite:  m.OverwriteExisting.ValueBool(),
	}
}

// toGrant converts an entry of an access list to a direct grant.
func toGrant(endpoint, endpointID string, e acl.Entry) grant {
	return grant{
		Endpoint:   endpoint,
		EndpointID: endpointID,
		Principal:  e.Principal,
		ShownAs:    e.DisplayName,
		Level:      e.Direct,
	}
}

// show writes what the service returned into the model. The principal and the endpoint's id keep their spelling.
func (m *permissionModel) show(endpointID string, e acl.Entry, workspaceID string) {
	m.EndpointID = fwkit.SameID(m.EndpointID, endpointID)
	m.PermissionLevel = types.StringValue(string(e.Direct))
	m.DisplayName = fwkit.String(e.DisplayName)
	m.WorkspaceID = fwkit.String(workspaceID)
}

// imported returns the state of an existing grant.
func imported(have grant, workspaceID string) permissionModel {
	m := permissionModel{
		PrincipalModel: fwkit.NewPrincipal(string(have.Principal.Kind), have.Principal.Name, have.ShownAs),
		ID:             types.StringValue(have.ID()), EndpointName: types.StringValue(have.Endpoint),
		OverwriteExisting: types.BoolValue(false), Timeouts: fwkit.NoTimeouts(),
	}
	m.show(have.EndpointID, acl.Entry{Direct: have.Level, DisplayName: have.ShownAs}, workspaceID)
	return m
}

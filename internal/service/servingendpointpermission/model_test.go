package servingendpointpermission

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

const app = "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"

func TestToGrant(t *testing.T) {
	for name, c := range map[string]struct {
		model permissionModel
		want  grant
		id    string
		shown string
	}{
		"service principal": {
			permissionModel{
				EndpointName: types.StringValue("iris"), EndpointID: types.StringValue("0a"),
				PrincipalModel: fwkit.PrincipalModel{ServicePrincipalName: types.StringValue(app),
					DisplayName: types.StringValue("scoring")},
				PermissionLevel: types.StringValue("CAN_QUERY"), OverwriteExisting: types.BoolValue(true),
			},
			grant{Endpoint: "iris", EndpointID: "0a", Principal: acl.Principal{Kind: acl.ServicePrincipal, Name: app},
				ShownAs: "scoring", Level: acl.CanQuery, Overwrite: true},
			"iris/" + app, "CAN_QUERY on serving endpoint iris for service_principal_name=" + app + " (scoring)",
		},
		// What is unknown in a plan must be looked up.
		"unknown": {
			permissionModel{
				EndpointName: types.StringValue("iris"), EndpointID: types.StringUnknown(),
				PrincipalModel: fwkit.PrincipalModel{UserName: types.StringValue("bob@example.com"),
					DisplayName: types.StringUnknown()},
				PermissionLevel: types.StringValue("CAN_VIEW"), OverwriteExisting: types.BoolValue(false),
			},
			grant{Endpoint: "iris", Principal: acl.Principal{Kind: acl.User, Name: "bob@example.com"},
				Level: acl.CanView},
			"iris/bob@example.com", "CAN_VIEW on serving endpoint iris for user_name=bob@example.com",
		},
		"group": {
			permissionModel{EndpointName: types.StringValue("iris"), PrincipalModel: fwkit.NewPrincipal("group_name",
				"a/b", ""), PermissionLevel: types.StringValue("CAN_MANAGE")},
			grant{Endpoint: "iris", Principal: acl.Principal{Kind: acl.Group, Name: "a/b"}, Level: acl.CanManage},
			"iris/a/b", "CAN_MANAGE on serving endpoint iris for group_name=a/b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.model.toGrant()
			if got != c.want {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
			if got.ID() != c.id || got.String() != c.shown {
				t.Errorf("id %q, shown as %q", got.ID(), got)
			}
		})
	}
}

func TestShow(t *testing.T) {
	m := permissionModel{PrincipalModel: fwkit.NewPrincipal("service_principal_name", "UPPER", "before")}
	m.show("0a", acl.Entry{Principal: acl.Principal{Kind: acl.ServicePrincipal, Name: "upper"}, Direct: acl.CanView,
		Inherited: []acl.Level{acl.CanManage}}, "42")
	if m.EndpointID.ValueString() != "0a" || m.PermissionLevel.ValueString() != "CAN_VIEW" ||
		m.WorkspaceID.ValueString() != "42" {
		t.Errorf("got %+v", m)
	}
	if !m.DisplayName.IsNull() {
		t.Errorf("an empty display name became %s, want null", m.DisplayName)
	}
	if m.ServicePrincipalName.ValueString() != "UPPER" {
		t.Error("the principal lost its spelling")
	}
}

package servingendpointpermissions

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
)

func TestShow(t *testing.T) {
	app := acl.Principal{Kind: acl.ServicePrincipal, Name: "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"}
	ada, admins := acl.Principal{Kind: acl.User, Name: "ada@example.com"}, acl.Principal{Kind: acl.Group,
		Name: "admins"}
	for name, c := range map[string]struct {
		list acl.List
		want string // columns: principal, level, inherited
		maps string
	}{
		"empty": {nil, "", "0 0 0"},
		"one of each, whatever the order": {
			acl.List{{Principal: admins, Inherited: []acl.Level{acl.CanManage}},
				{Principal: ada, Direct: acl.CanManage}, {Principal: app, Direct: acl.CanQuery}},
			"service_principal_name=" + app.Name + " CAN_QUERY false, user_name=ada@example.com CAN_MANAGE false, " +
				"group_name=admins CAN_MANAGE true", "1 1 0",
		},
		"direct and inherited at once": {
			acl.List{{Principal: admins, Direct: acl.CanView, Inherited: []acl.Level{acl.CanQuery, acl.CanManage}}},
			"group_name=admins CAN_VIEW false, group_name=admins CAN_MANAGE true, group_name=admins CAN_QUERY true",
			"0 0 1",
		},
		"no level": {acl.List{{Principal: ada}}, "", "0 0 0"},
	} {
		t.Run(name, func(t *testing.T) {
			var m permissionsModel
			m.show("id", "42", c.list)
			var lines []string
			for _, p := range m.Permissions {
				lines = append(lines, fmt.Sprintf("%s %s %s", p.Principal.ValueString(),
					p.PermissionLevel.ValueString(), p.Inherited))
				if n := len(p.ServicePrincipalName.ValueString()) + len(p.UserName.ValueString()) + len(
					p.GroupName.ValueString()); n == 0 {
					t.Errorf("%s stands under none of the three names", p.Principal)
				}
			}
			if got := strings.Join(lines, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if maps := fmt.Sprint(len(m.ServicePrincipals.Elements()), len(m.Users.Elements()),
				len(m.Groups.Elements())); maps != c.maps {
				t.Errorf("maps of %s entries, want %s", maps, c.maps)
			}
			if m.Permissions == nil || m.Users.IsNull() {
				t.Error("null where an empty list belongs: a loop over it would fail")
			}
		})
	}
}

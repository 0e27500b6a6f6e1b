package tokenpermission

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func TestToPrincipal(t *testing.T) {
	for name, test := range map[string]struct {
		model permissionModel
		want  acl.Principal
		shown string
	}{
		"service principal": {
			permissionModel{PrincipalModel: fwkit.PrincipalModel{ServicePrincipalName: types.StringValue("a"),
				DisplayName: types.StringValue("scoring")}},
			acl.Principal{Kind: acl.ServicePrincipal, Name: "a"}, "service_principal_name=a (scoring)",
		},
		"user":  {permissionModel{PrincipalModel: fwkit.PrincipalModel{UserName: types.StringValue("ada@example.com")}}, acl.Principal{Kind: acl.User, Name: "ada@example.com"}, "user_name=ada@example.com"},
		"group": {permissionModel{PrincipalModel: fwkit.PrincipalModel{GroupName: types.StringValue("g")}}, acl.Principal{Kind: acl.Group, Name: "g"}, "group_name=g"},
		"known after apply": {
			permissionModel{PrincipalModel: fwkit.PrincipalModel{ServicePrincipalName: types.StringUnknown(),
				DisplayName: types.StringUnknown()}},
			acl.Principal{Kind: acl.ServicePrincipal}, "service_principal_name=",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.model.toPrincipal(); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if got := test.model.String(); got != test.shown {
				t.Errorf("shown as %q, want %q", got, test.shown)
			}
		})
	}
}

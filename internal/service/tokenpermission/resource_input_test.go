package tokenpermission_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func TestBadInput(t *testing.T) {
	t.Parallel()
	const id = "11111111-2222-3333-4444-555555555555"
	for name, test := range map[string]struct {
		lines []string
		want  string
	}{
		"nobody":                  {nil, `service_principal_name.*user_name.*group_name`},
		"two":                     {[]string{attr("service_principal_name", id), attr("user_name", user)}, `user_name and service_principal_name are both set`},
		"display name as id":      {[]string{attr("service_principal_name", "iris scoring")}, `Not an application id.*display name`},
		"e-mail as id":            {[]string{attr("service_principal_name", user)}, `Not an application id.*e-mail.*user_name`},
		"application id as user":  {[]string{attr("user_name", id)}, `Not a user name.*service_principal_name`},
		"display name as user":    {[]string{attr("user_name", "Bob")}, `Not a user name.*not an e-mail`},
		"the admins":              {[]string{attr("group_name", "admins")}, `group_name.*the group "admins" always has all rights`},
		"a group without a name":  {[]string{attr("group_name", "")}, `group_name.*at least 1`},
		"attribute of other kind": {[]string{attr("group_name", group), attr("permission_level", "CAN_USE")}, `permission_level`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Test(t, resource.TestStep{Config: hcl(test.lines...), PlanOnly: true,
				ExpectError: acctest.Words(test.want)})
			if n := w.Count("", "", ""); n != 0 {
				t.Errorf("%d requests for what the configuration alone shows", n)
			}
		})
	}
}

func TestUnknownPrincipal(t *testing.T) {
	t.Parallel()
	const id = "11111111-2222-3333-4444-555555555555"
	for name, test := range map[string]struct{ config, want string }{
		"service principal": {hcl(attr("service_principal_name", id)), `no service principal with the application id ` + id + `.*dbxaccess_service_principal.*not its object id`},
		"user":              {hcl(attr("user_name", "nobody@example.com")), `no user "nobody@example.com"`},
		"group":             {hcl(attr("group_name", "Data scientists")), `no group "Data scientists".*case-sensitive`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Test(t, resource.TestStep{Config: test.config,
				ExpectError: acctest.Words(`Cannot grant the right to use tokens.*` + test.want)})
			holds(t, w)(nil)
		})
	}
}

func TestBadImport(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ id, want string }{
		"nobody of a kind":              {"group_name=", `Import id of a right to use tokens is malformed.*does not name a principal`},
		"a principal without the right": {user, `Import id does not match exactly one right to use tokens.*matches 0 principals.*` + neighbor},
		"another kind":                  {"user_name=" + neighbor, `matches 0 principals`},
		"the admins":                    {"admins", `matches 0 principals`},
		"two of one name":               {"twin@example.com", `matches 2 principals.*group_name=NAME`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			// The group comes first, because later a grant goes to the user of that name.
			w.Workspace.AddGroup("twin@example.com")
			w.Workspace.SetGrant(object, "twin@example.com", "CAN_USE")
			w.Workspace.AddUser("twin@example.com", "Twin")
			w.Workspace.SetGrant(object, "twin@example.com", "CAN_USE")
			before := w.Workspace.Snapshot()
			w.Test(t, resource.TestStep{Config: toApp(w) + importBlock(test.id), ExpectError: acctest.Words(test.want)})
			checkUnchanged(t, w, before)
		})
	}
}

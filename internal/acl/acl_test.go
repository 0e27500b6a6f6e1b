package acl_test

import (
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
)

const app = "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"

func sp(name string) acl.Principal    { return acl.Principal{Kind: acl.ServicePrincipal, Name: name} }
func user(name string) acl.Principal  { return acl.Principal{Kind: acl.User, Name: name} }
func group(name string) acl.Principal { return acl.Principal{Kind: acl.Group, Name: name} }

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b acl.Principal
		same bool
	}{
		{sp(app), sp("6F5A8F9E-0D1C-4C57-9A3E-3B8F5A1C7D20"), true},
		{user("bob@example.com"), user("Bob@Example.COM"), true},
		{group("team"), group("team"), true},
		{group("team"), group("Team"), false}, // the names of two groups may differ in case only
		{user("team"), group("team"), false},
		{sp(app), user(app), false},
	} {
		if c.a.Same(c.b) != c.same || c.b.Same(c.a) != c.same || (c.a.Key() == c.b.Key()) != c.same {
			t.Errorf("%s and %s: want same = %t", c.a, c.b, c.same)
		}
	}
}

func TestFind(t *testing.T) {
	list := acl.List{
		{Principal: group("bob@example.com"), Direct: acl.CanView},
		{Principal: user("bob@example.com"), DisplayName: "Bob", Direct: acl.CanQuery},
		{Principal: group("admins"), Inherited: []acl.Level{acl.CanManage}},
		{Principal: sp(app), DisplayName: app, Direct: acl.CanQuery},
	}
	if e, ok := list.Find(user("BOB@example.com")); !ok || e.Direct != acl.CanQuery {
		t.Errorf("found %v %t, want the user and not the group of that name", e, ok)
	}
	if e, ok := list.Find(group("admins")); !ok || e.Direct != "" {
		t.Errorf("found %v %t: an inherited level is not a direct one", e, ok)
	}
	if e, ok := list.Find(group("Admins")); ok {
		t.Errorf("found %v under another spelling", e)
	}
	if found := list.Direct("", "Bob@example.com"); len(found) != 1 || found[0].Kind != acl.User {
		t.Errorf("found %v: a group's name is compared as it is", found)
	}
	if found := list.Direct("", "bob@example.com"); len(found) != 2 {
		t.Errorf("found %v, want the user and the group", found)
	}
	if found := list.Direct(acl.Group, "bob@example.com"); len(found) != 1 || found[0].Kind != acl.Group {
		t.Errorf("found %v, want the group", found)
	}
	if found := list.Direct("", "admins"); found != nil {
		t.Errorf("found %v, who only inherits", found)
	}
	if found := (acl.List)(nil).Direct("", "x"); found != nil {
		t.Errorf("found %v in an empty list", found)
	}
}

// TestListInMessages checks that the text of a list shows the direct grants, each with its display name, and always in
// the same order.
func TestListInMessages(t *testing.T) {
	list := acl.List{
		{Principal: user("bob@example.com"), DisplayName: "Bob", Direct: acl.CanQuery},
		{Principal: group("admins"), Inherited: []acl.Level{acl.CanManage}},
		{Principal: group("team"), Direct: acl.CanView},
		{Principal: sp(app), DisplayName: app, Direct: acl.CanManage},
	}
	const want = "group_name=team CAN_VIEW, service_principal_name=" + app +
		" CAN_MANAGE, user_name=bob@example.com (Bob) CAN_QUERY"
	if got := list.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

package servingendpointpermissionsexclusive

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func levelsOf(pairs map[string]string) types.Map {
	elements := map[string]attr.Value{}
	for k, v := range pairs {
		elements[k] = types.StringValue(v)
	}
	return types.MapValueMust(types.StringType, elements)
}

func shown(m types.Map) map[string]string {
	if m.IsNull() {
		return nil
	}
	levels := map[string]string{}
	for k, v := range m.Elements() {
		levels[k] = v.(types.String).ValueString()
	}
	return levels
}

// The list of the service becomes the maps of the model: spelling is kept, foreign grants show if they are to be
// removed, and grants that are inherited, ignored or those of admins never show.
func TestShow(t *testing.T) {
	bob, eve := acl.Principal{Kind: acl.User, Name: "bob@example.com"}, acl.Principal{Kind: acl.User,
		Name: "eve@example.com"}
	team := acl.Principal{Kind: acl.Group, Name: "team"}
	list := acl.List{
		{Principal: eve, DisplayName: "Eve", Direct: acl.CanView},
		{Principal: bob, Direct: acl.CanManage, Inherited: []acl.Level{acl.CanManage}},
		{Principal: team, Inherited: []acl.Level{acl.CanQuery}},
		{Principal: admins, Direct: acl.CanManage},
		{Principal: acl.Principal{Kind: acl.Group, Name: "ignored"}, Direct: acl.CanQuery},
	}
	none := types.MapNull(types.StringType)
	for name, c := range map[string]struct {
		users, groups         types.Map
		onUnlisted            string
		wantUsers, wantGroups map[string]string
		left                  []string
	}{
		"remove":          {levelsOf(map[string]string{"Bob@example.com": "CAN_VIEW"}), none, "remove", map[string]string{"Bob@example.com": "CAN_MANAGE", "eve@example.com": "CAN_VIEW"}, nil, nil},
		"warn":            {levelsOf(map[string]string{"Bob@example.com": "CAN_VIEW"}), none, "warn", map[string]string{"Bob@example.com": "CAN_MANAGE"}, nil, []string{"user_name/eve@example.com CAN_VIEW"}},
		"imported":        {none, none, "remove", map[string]string{"bob@example.com": "CAN_MANAGE", "eve@example.com": "CAN_VIEW"}, nil, nil},
		"only inherited":  {none, levelsOf(map[string]string{"team": "CAN_QUERY"}), "error", nil, map[string]string{}, []string{"user_name/bob@example.com CAN_MANAGE", "user_name/eve@example.com CAN_VIEW"}},
		"an empty map is": {levelsOf(map[string]string{"bob@example.com": "x", "eve@example.com": "x"}), levelsOf(nil), "error", map[string]string{"bob@example.com": "CAN_MANAGE", "eve@example.com": "CAN_VIEW"}, map[string]string{}, nil},
	} {
		m := exclusiveModel{
			ServicePrincipals: none, Users: c.users, Groups: c.groups, OnUnlisted: types.StringValue(c.onUnlisted),
			IgnorePrincipals: fwkit.Strings([]string{"group_name=ignored"}), RemovedOnCreate: stringList(nil),
		}
		left := grantTexts(m.show("id", list, "1"))
		if !maps.Equal(shown(m.Users), c.wantUsers) || !maps.Equal(shown(m.Groups), c.wantGroups) ||
			!slices.Equal(left, c.left) {
			t.Errorf("%s: users %v, groups %v, left %v", name, shown(m.Users), shown(m.Groups), left)
		}
		if m.Groups.IsNull() != c.groups.IsNull() || !m.ServicePrincipals.IsNull() {
			t.Errorf("%s: a map came or went without an entry", name)
		}
	}
}

// privateState is private state by key.
type privateState map[string][]byte

func (p privateState) GetKey(_ context.Context, key string) ([]byte, diag.Diagnostics) {
	return p[key], nil
}

func (p privateState) SetKey(_ context.Context, key string, text []byte) diag.Diagnostics {
	p[key] = text
	return nil
}

func TestNote(t *testing.T) {
	n := note{EndpointID: "abc", Grants: acl.List{{Principal: acl.Principal{Kind: acl.User, Name: "bob@example.com"},
		DisplayName: "Bob", Direct: acl.CanView}}}
	const stored = `{"endpoint_id":"abc","grants":[{"k":"user_name","n":"bob@example.com","d":"Bob","l":"CAN_VIEW"}]}`
	p := privateState{}
	var diags diag.Diagnostics
	fwkit.Remember(t.Context(), p, appliedKey, n, &diags)
	if text := string(p[appliedKey]); text != stored {
		t.Errorf("stored as %s, want %s, as in the states of earlier versions", text, stored)
	}
	back := fwkit.Recall[note](t.Context(), p, appliedKey, &diags)
	if back.EndpointID != "abc" || len(back.Grants) != 1 ||
		back.Grants[0].Described() != "user_name=bob@example.com (Bob)" || back.Grants[0].Direct != acl.CanView {
		t.Errorf("came back as %+v", back)
	}
	for _, broken := range []string{"", "{", "[]"} {
		p[appliedKey] = []byte(broken)
		if n := fwkit.Recall[note](t.Context(), p, appliedKey, &diags); n.EndpointID != "" || n.Grants != nil {
			t.Errorf("%q: %+v", broken, n)
		}
	}
}

// Applying a list over another keeps the grants that are not mentioned, in any spelling.
func TestAppliedOver(t *testing.T) {
	bob, eve, ada := acl.Principal{Kind: acl.User, Name: "bob@example.com"}, acl.Principal{Kind: acl.User,
		Name: "eve@example.com"}, acl.Principal{Kind: acl.User, Name: "ada@example.com"}
	want := accessList{Grants: grants{}}
	for _, e := range []acl.Entry{{Principal: acl.Principal{Kind: acl.User, Name: "BOB@example.com"},
		Direct: acl.CanQuery}, {Principal: ada, Direct: acl.CanManage}} {
		want.Grants[e.Key()] = e
	}
	other := acl.Principal{Kind: acl.Group, Name: "other"}
	now := acl.List{{Principal: bob, Direct: acl.CanView}, {Principal: eve, Direct: acl.CanView},
		{Principal: other, Direct: acl.CanView}}
	const after = "group_name=other CAN_VIEW, user_name=ada@example.com CAN_MANAGE, user_name=bob@example.com CAN_QUERY"
	if got := want.appliedOver(now, principalSet{eve: true}.has).String(); got != after {
		t.Errorf("got  %s\nwant %s", got, after)
	}
	if now[0].Direct != acl.CanView || now[1].Direct != acl.CanView {
		t.Error("the list that was read is shared, and was changed")
	}
}

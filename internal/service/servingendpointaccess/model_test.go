package servingendpointaccess

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

func group(id, name string, members ...string) client.Group {
	g := client.Group{ID: id, Name: name}
	for _, m := range members {
		collection, id, _ := strings.Cut(m, "/")
		g.Members = append(g.Members, client.Member{ID: id, Collection: collection, DisplayName: "name of " + id})
	}
	return g
}

func onGroup(name string, direct acl.Level, inherited ...acl.Level) acl.Entry {
	return acl.Entry{Principal: acl.Principal{Kind: acl.Group, Name: name}, Direct: direct, Inherited: inherited}
}

// lines formats the result of gather: "ada CAN_QUERY direct+ml" for a holder, and "!group CAN_QUERY reason" for a group
// that is not expanded.
func lines(holders []holder, missing []unexpanded) []string {
	var out []string
	for _, h := range holders {
		out = append(out, fmt.Sprintf("%s %s %s", h.Name, h.Level, strings.Join(h.Via, "+")))
	}
	for _, m := range missing {
		out = append(out, fmt.Sprintf("!%s %s %s", m.Group, m.Level, m.Reason))
	}
	return out
}

func TestEffectiveGrantsAndGather(t *testing.T) {
	yes := true
	known := people{
		ServicePrincipals: []client.ServicePrincipal{{ID: "10", ApplicationID: "app", Active: &yes}},
		Users: []client.User{{ID: "20", UserName: "ada", Active: &yes},
			{ID: "21", UserName: "bob", Active: &yes}},
	}
	ada, app := acl.Principal{Kind: acl.User, Name: "Ada"}, acl.Principal{Kind: acl.ServicePrincipal, Name: "APP"}
	account := group("3", "everywhere", "Users/21")
	account.Account = true
	for name, c := range map[string]struct {
		list   acl.List
		groups []client.Group
		want   []string
	}{
		"nobody": {nil, nil, nil},
		"direct, whatever the case": {
			acl.List{{Principal: ada, Direct: acl.CanView}, {Principal: app, Direct: acl.CanQuery}}, nil,
			[]string{"app CAN_QUERY direct", "ada CAN_VIEW direct"},
		},
		"direct and inherited": {
			acl.List{{Principal: ada, Direct: acl.CanView, Inherited: []acl.Level{acl.CanManage}}}, nil,
			[]string{"ada CAN_MANAGE direct+inherited"},
		},
		"the highest of several ways": {
			acl.List{onGroup("ml", acl.CanManage), onGroup("aa", acl.CanView), {Principal: ada, Direct: acl.CanQuery}},
			[]client.Group{group("1", "ml", "Users/20"), group("2", "aa", "Users/20", "ServicePrincipals/10")},
			[]string{"app CAN_VIEW aa", "ada CAN_MANAGE direct+aa+ml"},
		},
		"a group's own two levels": {
			acl.List{onGroup("ml", acl.CanView, acl.CanManage)}, []client.Group{group("1", "ml", "Users/20")},
			[]string{"ada CAN_MANAGE ml"},
		},
		"nested": {
			acl.List{onGroup("science", acl.CanQuery)},
			[]client.Group{group("1", "science", "Groups/2", "Users/21"), group("2", "botany", "Groups/4"),
				group("4", "iris", "Users/20")},
			[]string{"ada CAN_QUERY science > botany > iris", "bob CAN_QUERY science"},
		},
		"round in circles": {
			acl.List{onGroup("a", acl.CanQuery)},
			[]client.Group{group("1", "a", "Groups/2", "Groups/1"), group("2", "b", "Groups/1", "Users/20")},
			[]string{"ada CAN_QUERY a > b"},
		},
		"two ways down to one group": {
			acl.List{onGroup("a", acl.CanQuery)},
			[]client.Group{group("1", "a", "Groups/2", "Groups/4"), group("2", "b", "Groups/4"),
				group("4", "c", "Users/20")},
			[]string{"ada CAN_QUERY a > c"},
		},
		"everybody": {
			acl.List{onGroup("users", acl.CanQuery)}, []client.Group{group("9", "users", "Users/20")},
			[]string{"!users CAN_QUERY " + everybody},
		},
		"a group of the account, nested": {
			acl.List{onGroup("a", acl.CanQuery)}, []client.Group{group("1", "a", "Groups/3", "Users/20"), account},
			// The members that the workspace shows are listed, too.
			[]string{"ada CAN_QUERY a", "bob CAN_QUERY a > everywhere", "!everywhere CAN_QUERY " + accountGroup},
		},
		"a group that is not listed": {
			acl.List{onGroup("a", acl.CanQuery), onGroup("gone", acl.CanView)}, []client.Group{group("1", "a",
				"Groups/77")},
			[]string{"!gone CAN_VIEW " + notListed, "!name of 77 CAN_QUERY " + notListed},
		},
		"members nobody knows": {
			acl.List{onGroup("a", acl.CanQuery)}, []client.Group{group("1", "a", "Users/98", "ServicePrincipals/99",
				"Users/20")},
			[]string{"ada CAN_QUERY a", "!a CAN_QUERY 2 members of the group could not be read"},
		},
		"a member nobody knows": {
			acl.List{onGroup("a", acl.CanQuery)}, []client.Group{group("1", "a", "Users/98")},
			[]string{"!a CAN_QUERY 1 member of the group could not be read"},
		},
		"a service that does not say what a member is": {
			acl.List{onGroup("a", acl.CanQuery)}, []client.Group{group("1", "a", "/20", "/2"), group("2", "b", "/10")},
			[]string{"app CAN_QUERY a > b", "ada CAN_QUERY a"},
		},
		"a grant of a deleted principal": {
			acl.List{{Principal: acl.Principal{Kind: acl.User, Name: "eve"}, Direct: acl.CanQuery}}, nil,
			[]string{"eve CAN_QUERY direct"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			grants, missing := effectiveGrants(c.list, newDirectory(c.groups))
			got := lines(gather(grants, missing, known))
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
	grants, missing := effectiveGrants(acl.List{onGroup("a", acl.CanQuery)}, directory{})
	if got := lines(gather(grants, missing, known)); len(got) != 1 || got[0] != "!a CAN_QUERY "+adminsOnly {
		t.Errorf("without groups: %q", got)
	}
}

func TestHigher(t *testing.T) {
	for _, c := range [][3]acl.Level{
		{"", acl.CanView, acl.CanView}, {acl.CanView, "", acl.CanView}, {acl.CanManage, acl.CanQuery, acl.CanManage}, {acl.CanView, acl.CanQuery, acl.CanQuery},
		{acl.CanView, "CAN_DREAM", acl.CanView}, {"CAN_DREAM", acl.CanView, acl.CanView}, {"", "CAN_DREAM", "CAN_DREAM"},
	} {
		if got := higher(c[0], c[1]); got != c[2] {
			t.Errorf("%q and %q: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func TestShowWhoCanQuery(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		level  acl.Level
		active *bool
		want   bool
	}{
		"may query": {acl.CanQuery, &yes, true}, "may manage": {acl.CanManage, &yes, true}, "may look": {acl.CanView, &yes, false},
		"deactivated": {acl.CanManage, &no, false}, "not known": {acl.CanQuery, nil, true}, "a level that is new": {"CAN_DREAM", &yes, false},
	} {
		var m accessModel
		m.show(access{Holders: []holder{{Level: c.level, Active: c.active}}}, "42")
		if p := m.Principals[0]; p.CanQuery.ValueBool() != c.want || p.Active.IsNull() != (c.active == nil) {
			t.Errorf("%s: can query %s, active %s", name, p.CanQuery, p.Active)
		}
	}
}

// A level that the provider does not know never makes it report that somebody cannot query an endpoint.
func TestUnknownLevelDoesNotDenyQuery(t *testing.T) {
	inactive := false
	for name, c := range map[string]struct {
		levels []acl.Level
		active *bool
		want   string
	}{
		"new":               {[]acl.Level{"CAN_DO_MORE"}, nil, "<null>"},
		"new and a low one": {[]acl.Level{acl.CanView, "CAN_DO_MORE"}, nil, "<null>"},
		"new and enough":    {[]acl.Level{"CAN_DO_MORE", acl.CanQuery}, nil, "true"},
		"low":               {[]acl.Level{acl.CanView}, nil, "false"},
		"new, inactive":     {[]acl.Level{"CAN_DO_MORE"}, &inactive, "false"},
	} {
		who := acl.Principal{Kind: acl.User, Name: "bob@example.com"}
		var grants []grant
		for _, level := range c.levels {
			grants = append(grants, grant{Principal: who, Level: level, Via: viaDirect})
		}
		holders, _ := gather(grants, nil, people{Users: []client.User{{ID: "1", UserName: who.Name, Active: c.active}}})
		var m accessModel
		m.show(access{Holders: holders}, "")
		if got := m.Principals[0].CanQuery.String(); got != c.want {
			t.Errorf("%s: can_query is %s, want %s", name, got, c.want)
		}
	}
}

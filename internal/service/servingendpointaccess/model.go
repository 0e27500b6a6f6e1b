package servingendpointaccess

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type accessModel struct {
	EndpointName     types.String      `tfsdk:"endpoint_name"`
	EndpointID       types.String      `tfsdk:"endpoint_id"`
	WorkspaceID      types.String      `tfsdk:"workspace_id"`
	Principals       []principalModel  `tfsdk:"principals"`
	UnexpandedGroups []unexpandedModel `tfsdk:"unexpanded_groups"`
}

type principalModel struct {
	Principal            types.String   `tfsdk:"principal"`
	ServicePrincipalName types.String   `tfsdk:"service_principal_name"`
	UserName             types.String   `tfsdk:"user_name"`
	DisplayName          types.String   `tfsdk:"display_name"`
	PermissionLevel      types.String   `tfsdk:"permission_level"`
	CanQuery             types.Bool     `tfsdk:"can_query"`
	Active               types.Bool     `tfsdk:"active"`
	Via                  []types.String `tfsdk:"via"`
}

type unexpandedModel struct {
	GroupName       types.String `tfsdk:"group_name"`
	PermissionLevel types.String `tfsdk:"permission_level"`
	Reason          types.String `tfsdk:"reason"`
}

// holder is a user or service principal that holds a permission level on the endpoint.
type holder struct {
	acl.Principal
	DisplayName string
	Level       acl.Level
	Via         []string
	Active      *bool
	Unranked    bool // it also holds a level that the provider does not know
}

// canQuery reports whether the holder can query the endpoint; nil if that is not known.
func (h holder) canQuery() *bool {
	can := higher(h.Level, acl.CanQuery) == h.Level && (h.Active == nil || *h.Active)
	if !can && h.Unranked && (h.Active == nil || *h.Active) {
		return nil
	}
	return &can
}

// unexpanded is a group that grants a permission level, but whose members could not all be read.
type unexpanded struct {
	Group  string
	Level  acl.Level
	Reason string
}

const (
	everybody    = "everybody in the workspace is a member of the group"
	accountGroup = "the group belongs to the account, and the workspace does not show its members"
	notListed    = "the workspace does not list the group, which may belong to the account"
	adminsOnly   = "the workspace shows the members of groups to admins only"
	usersGroup   = "users"
	viaDirect    = "direct"
	viaInherited = "inherited"
)

// directory holds the groups of the workspace. Groups is nil if the workspace did not show them.
type directory struct {
	Groups map[string]client.Group // by name
	byID   map[string]client.Group
}

func newDirectory(groups []client.Group) directory {
	d := directory{Groups: map[string]client.Group{}, byID: map[string]client.Group{}}
	for _, g := range groups {
		d.Groups[g.Name], d.byID[g.ID] = g, g
	}
	return d
}

// grant is a permission level that somebody holds in one way: directly, inherited or through a group.
type grant struct {
	ID        string        // SCIM id; empty for a principal of the access list itself
	Principal acl.Principal // empty for a member of a group, which shows only its id
	Display   string
	Member    client.Member
	Level     acl.Level
	Via       string
	In        string // the group that directly contains the member
}

// effectiveGrants returns every grant that follows from the access list, and the groups whose members are not known.
func effectiveGrants(list acl.List, d directory) (grants []grant, missing []unexpanded) {
	for _, e := range list {
		level := e.Direct
		for _, l := range e.Inherited {
			level = higher(level, l)
		}
		switch {
		case e.Kind == acl.Group:
			more, lost := d.expand(e.Name, level)
			grants, missing = append(grants, more...), append(missing, lost...)
			continue
		case e.Direct != "":
			grants = append(
				grants,
				grant{Principal: e.Principal, Display: e.DisplayName, Level: e.Direct, Via: viaDirect},
			)
		}
		for _, l := range e.Inherited {
			grants = append(grants, grant{Principal: e.Principal, Display: e.DisplayName, Level: l, Via: viaInherited})
		}
	}
	return grants, missing
}

// expand returns the grants of all members of one group, including those of nested groups, and the groups whose members
// are not known. It visits each group once, by its shortest path: groups may contain each other in several ways, and
// the service may let a group contain itself.
func (d directory) expand(root string, level acl.Level) (grants []grant, missing []unexpanded) {
	miss := func(group, reason string) { missing = append(missing, unexpanded{group, level, reason}) }
	first, listed := d.Groups[root]
	switch {
	case root == usersGroup:
		miss(root, everybody)
		return nil, missing
	case d.Groups == nil:
		miss(root, adminsOnly)
		return nil, missing
	case !listed:
		miss(root, notListed)
		return nil, missing
	}
	type step struct {
		group client.Group
		via   string
	}
	entered := map[string]bool{first.ID: true}
	for queue := []step{{first, root}}; len(queue) > 0; queue = queue[1:] {
		group, via := queue[0].group, queue[0].via
		if group.Account {
			miss(group.Name, accountGroup) // the workspace may show only some of its members
		}
		for _, m := range group.Members {
			nested, isGroup := d.byID[m.ID]
			switch {
			case isGroup && nested.Name == usersGroup:
				miss(nested.Name, everybody)
			case isGroup && !entered[m.ID]:
				entered[m.ID] = true
				queue = append(queue, step{nested, via + " > " + nested.Name})
			case isGroup:
			case m.Collection == "Groups":
				miss(cmp.Or(m.DisplayName, m.ID), notListed)
			default:
				grants = append(
					grants,
					grant{ID: m.ID, Member: m, Display: m.DisplayName, Level: level, Via: via, In: group.Name},
				)
			}
		}
	}
	return grants, missing
}

// people holds the service principals and users whose names and states were read.
type people struct {
	ServicePrincipals []client.ServicePrincipal
	Users             []client.User
}

// gather merges the grants into one holder per principal. If a member's name is not known, gather reports its group as
// not fully read: the member may have been added or removed during the reads.
func gather(grants []grant, missing []unexpanded, known people) ([]holder, []unexpanded) {
	byID, byName := map[string]holder{}, map[string]holder{}
	key := func(p acl.Principal) string { return string(p.Kind) + "=" + strings.ToLower(p.Name) }
	note := func(id string, kind acl.Kind, name, displayName string, active *bool) {
		h := holder{Principal: acl.Principal{Kind: kind, Name: name}, DisplayName: displayName, Active: active}
		byID[id], byName[key(h.Principal)] = h, h
	}
	for _, sp := range known.ServicePrincipals {
		note(sp.ID, acl.ServicePrincipal, sp.ApplicationID, sp.DisplayName, sp.Active)
	}
	for _, u := range known.Users {
		note(u.ID, acl.User, u.UserName, u.DisplayName, u.Active)
	}

	found := map[string]*holder{}
	lost := map[unexpanded]int{}
	for _, g := range grants {
		h, ok := byID[g.ID]
		if g.ID == "" {
			if h, ok = byName[key(g.Principal)]; !ok { // the access list itself contains the name
				h, ok = holder{Principal: g.Principal, DisplayName: g.Display}, true
			}
		}
		if !ok {
			lost[unexpanded{Group: g.In, Level: g.Level}]++
			continue
		}
		k := key(h.Principal)
		if found[k] == nil {
			found[k] = &h
		}
		found[k].Level = higher(found[k].Level, g.Level)
		found[k].Unranked = found[k].Unranked || !slices.Contains(ranks, g.Level)
		if !slices.Contains(found[k].Via, g.Via) {
			found[k].Via = append(found[k].Via, g.Via)
		}
	}
	for group, n := range lost {
		group.Reason = fwkit.Counted(n, "member") + " of the group could not be read"
		missing = append(missing, group)
	}
	var holders []holder
	for _, h := range found {
		slices.SortFunc(h.Via, func(a, b string) int { // entries of the access list itself come first
			return cmp.Or(cmp.Compare(rankOf(a), rankOf(b)), cmp.Compare(a, b))
		})
		holders = append(holders, *h)
	}
	slices.SortFunc(holders, func(a, b holder) int { return cmp.Compare(key(a.Principal), key(b.Principal)) })
	slices.SortFunc(missing, func(a, b unexpanded) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Level, b.Level), cmp.Compare(a.Reason, b.Reason))
	})
	return holders, slices.Compact(missing)
}

func rankOf(via string) int {
	if via == viaDirect || via == viaInherited {
		return 0
	}
	return 1
}

var ranks = []acl.Level{"", acl.CanView, acl.CanQuery, acl.CanManage}

// higher returns the higher of two levels, which includes the other. A level that the provider does not know counts as
// the lowest.
func higher(a, b acl.Level) acl.Level {
	if a == "" || slices.Index(ranks, b) > slices.Index(ranks, a) {
		return b
	}
	return a
}

func (m *accessModel) show(a access, workspaceID string) {
	m.EndpointID, m.WorkspaceID = fwkit.String(a.EndpointID), fwkit.String(workspaceID)
	m.Principals, m.UnexpandedGroups = []principalModel{}, []unexpandedModel{}
	for _, h := range a.Holders {
		p := principalModel{
			Principal: types.StringValue(h.Principal.String()), DisplayName: fwkit.String(h.DisplayName),
			PermissionLevel: types.StringValue(string(h.Level)), Active: types.BoolPointerValue(h.Active),
			CanQuery: types.BoolPointerValue(h.canQuery()),
		}
		if h.Kind == acl.ServicePrincipal {
			p.ServicePrincipalName = types.StringValue(h.Name)
		} else {
			p.UserName = types.StringValue(h.Name)
		}
		for _, via := range h.Via {
			p.Via = append(p.Via, types.StringValue(via))
		}
		m.Principals = append(m.Principals, p)
	}
	for _, g := range a.Unexpanded {
		m.UnexpandedGroups = append(m.UnexpandedGroups, unexpandedModel{
			GroupName:       types.StringValue(g.Group),
			PermissionLevel: types.StringValue(string(g.Level)),
			Reason:          types.StringValue(g.Reason),
		})
	}
}

package emulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

func (w *Workspace) permissionRoutes(api func(string, handler)) {
	for path, list := range map[string]func(c *call) (*accessList, error){
		"/api/2.0/permissions/serving-endpoints/{id}": endpointList,
		"/api/2.0/permissions/authorization/tokens":   tokensList,
	} {
		api("GET "+path, func(c *call) (any, error) {
			l, err := c.managed(list)
			if err != nil {
				return nil, err
			}
			return c.w.render(l), nil
		})
		api("GET "+path+"/permissionLevels", func(c *call) (any, error) {
			l, err := c.managed(list)
			if err != nil {
				return nil, err
			}
			return renderLevels(l), nil
		})
		api("PUT "+path, func(c *call) (any, error) { return c.writeList(list, true) })
		api("PATCH "+path, func(c *call) (any, error) { return c.writeList(list, false) })
	}
}

// endpointList returns the access list of the serving endpoint whose id is in the path. It refuses an endpoint's name.
func endpointList(c *call) (*accessList, error) {
	id, s := c.r.PathValue("id"), &c.w.switches
	if !isEndpointID(id) {
		return nil, s.NotAnEndpointID.or(http.StatusBadRequest, "INVALID_PARAMETER_VALUE",
			"'{}' is not a valid Inference Endpoint ID.", id)
	}
	l := c.w.lists[endpointsObjects+id]
	if l == nil || l.deleted && (s.DeletedListGone || s.DeletedListReadOnly && c.r.Method != http.MethodGet) {
		return nil, s.UnknownEndpointID.or(http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", "Inference endpoint "+
			"with ID {} does not exist.", id)
	}
	return l, nil
}

func tokensList(c *call) (*accessList, error) {
	if !c.w.tokensSeen && !c.w.switches.TokenListAlwaysThere {
		return nil, missing("tokens tokens does not exist")
	}
	return c.w.lists[tokensObject], nil
}

// managed returns an access list, or an error if the caller has no CAN_MANAGE on its object.
func (c *call) managed(list func(*call) (*accessList, error)) (*accessList, error) {
	l, err := list(c)
	if err != nil {
		return nil, err
	}
	if c.w.level(l, c.who) != levelManage {
		object := "Inference Endpoint with ID: " + c.r.PathValue("id")
		if l.ofTokens() {
			object = "tokens"
		}
		return nil, denied("%s does not have Manage permissions on %s. Please contact the owner or an "+
			"administrator for access.", c.who.name(), object)
	}
	return l, nil
}

type permission struct {
	PermissionLevel string `json:"permission_level"`
	// Inherited is part of the answer even if it is false.
	Inherited           bool     `json:"inherited"`
	InheritedFromObject []string `json:"inherited_from_object,omitempty"`
}

type accessControl struct {
	ServicePrincipalName string       `json:"service_principal_name,omitempty"`
	UserName             string       `json:"user_name,omitempty"`
	GroupName            string       `json:"group_name,omitempty"`
	DisplayName          string       `json:"display_name,omitempty"`
	AllPermissions       []permission `json:"all_permissions"`
}

type objectPermissions struct {
	ObjectID          string          `json:"object_id"`
	ObjectType        string          `json:"object_type"`
	AccessControlList []accessControl `json:"access_control_list,omitempty"`
}

// render returns an access list as answers show it: the direct grants and, for a serving endpoint, the permission that
// admins inherit. The order changes from answer to answer, as on the real service, so that tests find clients that rely
// on it.
func (w *Workspace) render(l *accessList) objectPermissions {
	var rows []accessControl
	direct := map[string]int{}
	for id, g := range l.grants {
		row := accessControl{AllPermissions: []permission{{PermissionLevel: g.level}}}
		displayName := g.displayName
		if p := w.byID(id); p != nil {
			displayName = p.displayName
		}
		switch {
		case g.kind == groupKind:
			row.GroupName = g.name
		case g.kind == userKind, g.asUser && w.switches.UserNameEchoed:
			row.UserName, row.DisplayName = g.name, displayName
		default:
			row.ServicePrincipalName, row.DisplayName = g.name, displayName
		}
		direct[id] = len(rows)
		rows = append(rows, row)
	}
	answer := objectPermissions{ObjectID: "/" + l.object, ObjectType: "tokens"}
	if !l.ofTokens() {
		answer.ObjectType = "serving-endpoint"
		from := w.switches.InheritedFromObject
		if from == "" {
			from = "/serving-endpoints/"
		}
		inherited := permission{PermissionLevel: levelManage, Inherited: true, InheritedFromObject: []string{from}}
		if i, both := direct[w.admins.id]; both {
			rows[i].AllPermissions = append(rows[i].AllPermissions, inherited)
		} else {
			rows = append(rows, accessControl{GroupName: w.admins.displayName, AllPermissions: []permission{inherited}})
		}
	}
	rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	for _, row := range rows {
		rand.Shuffle(len(row.AllPermissions), func(i, j int) {
			row.AllPermissions[i], row.AllPermissions[j] = row.AllPermissions[j], row.AllPermissions[i]
		})
	}
	answer.AccessControlList = rows
	return answer
}

func renderLevels(l *accessList) any {
	type level struct {
		PermissionLevel string `json:"permission_level"`
		Description     string `json:"description"`
	}
	levels := []level{
		{levelManage, "Can Manage permission on serving endpoint"},
		{levelQuery, "Can Query permission on serving endpoint"},
		{levelView, "Can View permission on serving endpoint"},
	}
	if l.ofTokens() {
		levels = []level{
			{levelUse, "Can use personal access tokens"},
			{levelManage, "Can manage permissions on personal access tokens"},
		}
	}
	return map[string]any{"permission_levels": levels}
}

type accessControlRequest struct {
	ServicePrincipalName *string `json:"service_principal_name"`
	UserName             *string `json:"user_name"`
	GroupName            *string `json:"group_name"`
	PermissionLevel      string  `json:"permission_level"`
}

// resolve returns the principal that an entry of an access list names. asUser is true if the entry names a service
// principal under user_name. It returns an error unless the entry names exactly one principal that access lists know.
func (a accessControlRequest) resolve(w *Workspace, now time.Time) (p *principal, asUser bool, err error) {
	var kind, name = principalKind(""), ""
	for _, field := range []struct {
		kind  principalKind
		value *string
	}{{servicePrincipalKind, a.ServicePrincipalName}, {userKind, a.UserName}, {groupKind, a.GroupName}} {
		if field.value == nil {
			continue
		}
		if kind != "" {
			return nil, false, badParameter("Exactly one of user_name, group_name and service_principal_name " +
				"must be given.")
		}
		kind, name = field.kind, *field.value
	}
	if kind == "" {
		return nil, false, badParameter("Principal name not defined")
	}
	p = w.find(kind, name)
	// Databricks also accepts a service principal under user_name.
	if p == nil && kind == userKind {
		p, asUser = w.findServicePrincipal(name), true
	}
	if p == nil || now.Before(p.accessFrom) {
		typed := map[principalKind]string{servicePrincipalKind: "ServicePrincipalName", userKind: "UserName",
			groupKind: "GroupName"}[kind]
		return nil, false, w.switches.UnknownPrincipal.or(http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST",
			"Principal: {} does not exist", fmt.Sprintf("%s(%s)", typed, name))
	}
	return p, asUser, nil
}

type wantedGrant struct {
	p      *principal
	asUser bool
	level  string
}

// writeList sets an access list (replace is true) or updates it. It changes nothing unless all entries of the request
// are valid. If two entries name the same principal, the last one counts.
func (c *call) writeList(list func(*call) (*accessList, error), replace bool) (any, error) {
	l, err := c.managed(list)
	if err != nil {
		return nil, err
	}
	var request struct {
		AccessControlList []accessControlRequest `json:"access_control_list"`
	}
	if err := c.decode(&request); err != nil {
		return nil, err
	}
	if !replace && len(request.AccessControlList) == 0 && c.w.switches.EmptyPatchRefused {
		return nil, badParameter("access_control_list must not be empty")
	}
	var wanted []wantedGrant
	for _, entry := range request.AccessControlList {
		p, asUser, err := entry.resolve(c.w, c.now)
		if err != nil {
			return nil, err
		}
		if !validLevel(l, entry.PermissionLevel) {
			return nil, badParameter("'%s' is not a valid permission level for %s.", entry.PermissionLevel,
				c.w.render(l).ObjectType)
		}
		if p == c.w.admins && entry.PermissionLevel != levelManage {
			return nil, refuse(http.StatusBadRequest, "BAD_REQUEST", "Cannot change permissions for group "+
				"'admins' to %s.", entry.PermissionLevel)
		}
		if l.ofTokens() && p != c.w.admins && entry.PermissionLevel == levelManage {
			return nil, badParameter("Only the group 'admins' can have CAN_MANAGE on tokens.")
		}
		wanted = append(wanted, wantedGrant{p, asUser, entry.PermissionLevel})
	}
	named := map[string]bool{}
	for _, g := range wanted {
		named[g.p.id] = true
	}
	var dropped []string
	if replace {
		// Admins hold CAN_MANAGE on tokens by a direct grant, and a request must not remove this grant.
		if l.ofTokens() && !named[c.w.admins.id] {
			return nil, refuse(http.StatusBadRequest, "BAD_REQUEST", "Cannot change permissions for group "+
				"'admins' to None.")
		}
		for id := range l.grants {
			if !named[id] {
				dropped = append(dropped, id)
				delete(l.grants, id)
			}
		}
	}
	for _, g := range wanted {
		if held := l.grants[g.p.id]; held != nil && !replace && c.w.switches.PatchNeverLowers &&
			levelRank[g.level] < levelRank[held.level] {
			continue
		}
		l.set(g.p, g.level, c.now).asUser = g.asUser
	}
	c.w.dropped(l, dropped...)
	if !replace && c.w.switches.PatchShowsPart {
		part := newAccessList(l.object)
		for _, g := range wanted {
			part.grants[g.p.id] = l.grants[g.p.id]
		}
		answer := c.w.render(part)
		answer.AccessControlList = slices.DeleteFunc(answer.AccessControlList, func(row accessControl) bool {
			return len(row.AllPermissions) == 1 && row.AllPermissions[0].Inherited
		})
		return answer, nil
	}
	return c.w.render(l), nil
}

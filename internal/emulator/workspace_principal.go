package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A principalKind is the kind of a principal: the field under which access lists name it.
type principalKind string

const (
	servicePrincipalKind principalKind = "service_principal_name"
	userKind             principalKind = "user_name"
	groupKind            principalKind = "group_name"
)

// A principal is a service principal, a user or a group. Ids are unique across all three, because the members of a
// group are named only by id.
type principal struct {
	id            string
	kind          principalKind
	applicationID string // only for service principals
	userName      string // only for users
	displayName   string // for a group, its name
	externalID    string
	active        bool
	entitlements  []string
	roles         []string
	members       map[string]bool // only for groups: the ids of the direct members
	account       bool            // whether it is a group of the account that is assigned to the workspace

	accessFrom time.Time // when access lists begin to accept the principal
	changed    time.Time // the time of the last write through SCIM
	before     *principal
	created    bool // whether the last write created the principal
}

// name returns the name by which access lists and the workspace refer to the principal.
func (p *principal) name() string {
	switch p.kind {
	case servicePrincipalKind:
		return p.applicationID
	case userKind:
		return p.userName
	}
	return p.displayName
}

func (p *principal) clone() *principal {
	c := *p
	c.entitlements, c.roles, c.members = slices.Clone(p.entitlements), slices.Clone(p.roles), maps.Clone(p.members)
	c.before = nil
	return &c
}

// principalName is the key of a user or a service principal. Names are compared case-insensitively.
type principalName struct {
	kind principalKind
	name string // in lower case
}

func principalNamed(kind principalKind, name string) principalName {
	return principalName{kind, strings.ToLower(name)}
}

// add gives a principal a new id, unless it has one, and adds it to the workspace.
func (w *Workspace) add(p *principal) *principal {
	for p.id == "" || w.byID(p.id) != nil {
		p.id = randomDigits()
	}
	if p.kind == groupKind {
		p.active = true
		if p.members == nil {
			p.members = map[string]bool{}
		}
	}
	w.principals = append(w.principals, p)
	w.byIDs[p.id] = p
	if p.kind == groupKind {
		w.groups = append(w.groups, p)
	} else {
		w.byNames[principalNamed(p.kind, p.name())] = p
	}
	return p
}

// remove removes a principal from the workspace, with its tokens, memberships and grants.
func (w *Workspace) remove(p *principal) {
	same := func(q *principal) bool { return q == p }
	w.principals = slices.DeleteFunc(w.principals, same)
	w.groups = slices.DeleteFunc(w.groups, same)
	delete(w.byIDs, p.id)
	delete(w.byNames, principalNamed(p.kind, p.name()))
	for _, group := range w.groups {
		delete(group.members, p.id)
	}
	w.deleteTokensOf(p.id)
	if !w.switches.IdentityFederation { // otherwise the secrets belong to the account
		w.deleteOAuthSecretsOf(p.id)
	}
	if w.switches.StaleGrantsShown {
		return
	}
	for _, list := range w.lists {
		delete(list.grants, p.id)
	}
}

func (w *Workspace) byID(id string) *principal { return w.byIDs[id] }

func (w *Workspace) find(kind principalKind, name string) *principal {
	if kind != groupKind {
		return w.byNames[principalNamed(kind, name)]
	}
	for _, g := range w.groups {
		if g.displayName == name {
			return g
		}
	}
	return nil
}

func (w *Workspace) findServicePrincipal(applicationID string) *principal {
	return w.find(servicePrincipalKind, applicationID)
}

// memberOf reports whether p is a direct member of the group. Users and service principals are members of the group
// users without being listed there.
func (w *Workspace) memberOf(group, p *principal) bool {
	return group.members[p.id] || group.id == w.users.id && p.kind != groupKind
}

// groupsOf returns the groups that a principal belongs to, directly or through other groups.
func (w *Workspace) groupsOf(p *principal) []*principal {
	var found []*principal
	for queue := []*principal{p}; len(queue) > 0; queue = queue[1:] {
		for _, g := range w.groups {
			if w.memberOf(g, queue[0]) && !slices.Contains(found, g) {
				found = append(found, g)
				queue = append(queue, g)
			}
		}
	}
	return found
}

func (w *Workspace) isAdmin(p *principal) bool {
	return slices.Contains(w.groupsOf(p), w.admins)
}

// mustFind returns the principal with this application id, user name or group name. It panics if there is none.
func (w *Workspace) mustFind(name string) *principal {
	for _, kind := range []principalKind{servicePrincipalKind, userKind, groupKind} {
		if p := w.find(kind, name); p != nil {
			return p
		}
	}
	panic(fmt.Sprintf("emulator: workspace %s has no principal %q", w.id, name))
}

func (w *Workspace) mustFindGroup(name string) *principal {
	if g := w.find(groupKind, name); g != nil {
		return g
	}
	panic(fmt.Sprintf("emulator: workspace %s has no group %q", w.id, name))
}

// AddServicePrincipal adds an active service principal without entitlements, and returns its SCIM id. An empty
// application id is replaced by a generated one, an empty display name by the application id.
func (w *Workspace) AddServicePrincipal(applicationID, displayName string) (scimID string) {
	if applicationID == "" {
		applicationID = uuid.NewString()
	}
	if displayName == "" {
		displayName = applicationID
	}
	return w.addBehind(&principal{kind: servicePrincipalKind, applicationID: applicationID, displayName: displayName,
		active: true})
}

// AddUser adds an active user, and returns its SCIM id. An empty display name is replaced by the user name.
func (w *Workspace) AddUser(userName, displayName string) (scimID string) {
	if displayName == "" {
		displayName = userName
	}
	return w.addBehind(&principal{kind: userKind, userName: userName, displayName: displayName, active: true})
}

// AddGroup adds an empty group, and returns its id.
func (w *Workspace) AddGroup(name string) (id string) {
	return w.addBehind(&principal{kind: groupKind, displayName: name})
}

func (w *Workspace) addBehind(p *principal) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.find(p.kind, p.name()) != nil {
		panic(fmt.Sprintf("emulator: workspace %s already has %s %q", w.id, p.kind, p.name()))
	}
	return w.add(p).id
}

// AddToAccount adds an active service principal to the account, but not to the workspace, and returns its SCIM id. See
// [WorkspaceSwitches].IdentityFederation.
func (w *Workspace) AddToAccount(applicationID, displayName string) (scimID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &principal{id: randomDigits(), kind: servicePrincipalKind, applicationID: applicationID,
		displayName: displayName, active: true}
	w.account[strings.ToLower(applicationID)] = p
	return p.id
}

// SetExternalID sets the id that a service principal has at the identity provider. For a service principal that Entra
// ID manages, this is its object id.
func (w *Workspace) SetExternalID(name, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustFind(name).externalID = id
}

// AddToGroup adds a member to a group. The member is a service principal (by application id), a user (by user name) or
// another group (by name).
func (w *Workspace) AddToGroup(group, member string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustFindGroup(group).members[w.mustFind(member).id] = true
}

// RemoveFromGroup removes a member from a group. The member is named as in [Workspace.AddToGroup].
func (w *Workspace) RemoveFromGroup(group, member string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.mustFindGroup(group).members, w.mustFind(member).id)
}

// RemovePrincipal removes a principal with its memberships, tokens and grants.
func (w *Workspace) RemovePrincipal(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(w.mustFind(name))
}

// SetActive activates or deactivates a user or service principal.
func (w *Workspace) SetActive(name string, active bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustFind(name).active = active
}

// SetDisplayName renames a user or service principal.
func (w *Workspace) SetDisplayName(name, displayName string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustFind(name).displayName = displayName
}

// SetEntitlements replaces all entitlements of a principal.
func (w *Workspace) SetEntitlements(name string, entitlements ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range entitlements {
		if !w.knowsEntitlement(e) {
			panic(fmt.Sprintf("emulator: there is no entitlement %q", e))
		}
	}
	w.mustFind(name).entitlements = slices.Clone(entitlements)
}

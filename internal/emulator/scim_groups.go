package emulator

import (
	"net/http"
	"slices"
)

// The groups of a workspace: docs.databricks.com/api/azure/workspace/groups. The groups admins and users are system
// groups (learn.microsoft.com/azure/databricks/admin/users-groups/groups).

func (w *Workspace) groupRoutes(api func(string, handler)) {
	root := scimRoot + "Groups"
	api("POST "+root, createGroup)
	api("PATCH "+root+"/{id}", func(c *call) (any, error) { return c.patchResource(groupKind) })
	api("DELETE "+root+"/{id}", func(c *call) (any, error) {
		if err := c.scimAdminsOnly(groupKind); err != nil {
			return nil, err
		}
		p, err := c.scimFind(groupKind)
		if err != nil {
			return nil, err
		}
		if p == c.w.admins || p == c.w.users {
			return nil, scimRefuse(http.StatusBadRequest, "mutability", "Group '%s' is a system group and cannot "+
				"be deleted.", p.displayName)
		}
		c.w.remove(p)
		return noContent{}, nil
	})
}

func usersAreFixed() error {
	return scimRefuse(http.StatusBadRequest, "mutability", "The members of the group 'users' cannot be changed.")
}

func createGroup(c *call) (any, error) {
	if err := c.scimAdminsOnly(groupKind); err != nil {
		return nil, err
	}
	var request struct {
		DisplayName  string         `json:"displayName"`
		ExternalID   string         `json:"externalId"`
		Entitlements []complexValue `json:"entitlements"`
		Roles        []complexValue `json:"roles"`
		Members      []complexValue `json:"members"`
		Groups       []complexValue `json:"groups"`
	}
	if err := c.scimDecode(&request); err != nil {
		return nil, err
	}
	if request.DisplayName == "" {
		return nil, scimRefuse(http.StatusBadRequest, "invalidValue", "displayName must be given.")
	}
	if c.w.find(groupKind, request.DisplayName) != nil {
		return nil, scimRefuse(http.StatusConflict, "", "Group with name %s already exists.", request.DisplayName)
	}
	entitlements, err := c.checkedEntitlements(plainValues(request.Entitlements))
	if err != nil {
		return nil, err
	}
	p := &principal{kind: groupKind, displayName: request.DisplayName, externalID: request.ExternalID,
		entitlements: entitlements,
		roles:        plainValues(request.Roles), members: map[string]bool{}, active: true}
	d := &draft{principal: p, groups: plainValues(request.Groups)}
	if err := c.checkGroups(d.groups); err != nil {
		return nil, err
	}
	members := plainValues(request.Members)
	if err := c.checkMembers(p, members); err != nil {
		return nil, err
	}
	for _, id := range members {
		p.members[id] = true
	}
	c.w.add(p)
	c.commit(p, d)
	p.created, p.accessFrom = true, c.now.Add(c.w.switches.AccessPlaneDelay)
	c.status = http.StatusCreated
	return c.resource(p), nil
}

// checkMembers returns an error if an id belongs to no principal, or if the group would contain itself.
func (c *call) checkMembers(group *principal, ids []string) error {
	for _, id := range ids {
		member := c.w.byID(id)
		if member == nil {
			return scimRefuse(http.StatusNotFound, "", "Member with id %s is not found", id)
		}
		above := c.w.groupsOf(group)
		if id == group.id || slices.Contains(above, member) {
			return scimRefuse(http.StatusBadRequest, "invalidValue", "Group '%s' cannot contain itself.",
				group.displayName)
		}
	}
	return nil
}

// groupType returns the resourceType with which SCIM distinguishes a group of the workspace from a group of the account
// that is assigned to the workspace (learn.microsoft.com/azure/databricks/admin/users-groups/groups). The account
// manages the members of its groups, and the workspace does not show them.
func groupType(group *principal) string {
	if group.account {
		return "Group"
	}
	return "WorkspaceGroup"
}

// AddAccountGroup assigns a group of the account to the workspace. The members must be principals of the workspace.
// They have the group's rights there, but the workspace does not show them as members.
func (w *Workspace) AddAccountGroup(name string, members ...string) (id string) {
	p := &principal{kind: groupKind, displayName: name, account: true}
	id = w.addBehind(p)
	for _, member := range members {
		w.AddToGroup(name, member)
	}
	return id
}

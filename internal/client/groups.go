package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// AdminsGroup is the group whose members may do everything in a workspace. Every workspace has it.
const AdminsGroup = "admins"

// Group is a group of the workspace with its direct members.
type Group struct {
	ID      string // SCIM id, digits
	Name    string
	Account bool // a group of the account, assigned to the workspace: its members are managed in the account
	Members []Member
	Parents []string // SCIM ids of the groups that it is a direct member of; only from a read of a single group
}

// Member is a direct member of a group.
type Member struct {
	ID          string // SCIM id, digits
	DisplayName string
	Collection  string // ServicePrincipals, Users or Groups; empty if the service does not show it
}

// builtInGroups lists the groups that the service creates in each workspace, and the group that it creates in each
// account.
// https://learn.microsoft.com/azure/databricks/admin/users-groups/groups
var builtInGroups = []string{AdminsGroup, "users", "account users"}

// IsBuiltInGroup reports whether the service itself creates the group of that name.
func IsBuiltInGroup(name string) bool { return slices.Contains(builtInGroups, name) }

// Has reports whether the principal with that SCIM id is a direct member of the group.
func (g Group) Has(id string) bool {
	return slices.ContainsFunc(g.Members, func(m Member) bool { return m.ID == id })
}

// ErrAccountGroup is the error for a change of a group that only the Databricks account can change.
var ErrAccountGroup = errors.New("the group belongs to the Databricks account")

// GroupByName reads the group with that name, with its direct members. Names are case-sensitive. The error is
// [ErrNotFound] if there is no such group. One request, shared by all callers in this run within the time [RecentAge],
// until this process changes the group.
// https://docs.databricks.com/api/azure/workspace/groups/list
func (c *Client) GroupByName(ctx context.Context, name string) (Group, error) {
	return c.groups.at(name).Get(ctx, RecentAge, func(ctx context.Context) (Group, error) {
		found, err := listSCIM(ctx, c, "Groups", url.Values{"filter": {SCIMEquals("displayName", name)}}, toGroup)
		if err != nil {
			return Group{}, adviseGroups(err)
		}
		for _, g := range found {
			if g.Name == name { // the filter of the service ignores case
				return g, nil
			}
		}
		return Group{}, fmt.Errorf("the workspace has no group %q: %w", name, ErrNotFound)
	})
}

// ForgetGroup drops the shared copy of a group, so that the next read asks the service.
func (c *Client) ForgetGroup(name string) { c.groups.at(name).Forget() }

// groupByID reads the group with that SCIM id. One request.
// https://docs.databricks.com/api/azure/workspace/groups/get
func (c *Client) groupByID(ctx context.Context, id string) (Group, error) {
	found, err := getSCIM(ctx, c, "Groups", id, toGroup)
	return found, adviseGroups(err)
}

// Changeable returns nil, or an error with the reason why the workspace cannot change the members of the group.
func (g Group) Changeable() error {
	if g.Account {
		return adviseAccountGroup(g.Name)
	}
	return nil
}

// AddMember adds a direct member to a group, and changes no other member. It returns nil if the membership exists
// already. One request. More if the answer does not show the new member, or leaves open whether the work was done.
func (c *Client) AddMember(ctx context.Context, group Group, memberID string) error {
	if err := group.Changeable(); err != nil {
		return err
	}
	unlock, err := c.LockMemberships(ctx, memberID)
	if err != nil {
		return err
	}
	defer unlock()
	member := SCIMValues([]string{memberID})
	g, err := c.patchGroup(ctx, group, SCIMOperation{Op: "add", Path: "members", Value: member})
	if MayBeDone(err) {
		// An existing membership must be recorded in the state, or nobody would ever remove it.
		look, cancel := FinalReadContext(ctx)
		defer cancel()
		if now, lookErr := c.groupByID(look, group.ID); lookErr == nil && now.Has(memberID) {
			return nil
		}
	}
	if err != nil || g.Has(memberID) {
		return err
	}
	return c.settleMember(ctx, group, memberID, true)
}

// RemoveMember ends the direct membership of a principal in a group, and changes no other member. It returns nil if the
// group or the membership does not exist. If this run keeps the membership, nothing is removed and the error is
// [ErrKept]. One request. More if the answer does not show the removal.
func (c *Client) RemoveMember(ctx context.Context, group Group, memberID string) error {
	unlock, err := c.LockMemberships(ctx, memberID)
	if err != nil {
		return err
	}
	defer unlock()
	if c.Keeps(Membership(group.ID, memberID)) { // under the lock, so that nobody can add it in between
		return ErrKept
	}
	g, err := c.patchGroup(ctx, group, SCIMOperation{Op: "remove", Path: `members[value eq "` + memberID + `"]`})
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case errors.Is(err, ErrInvalid):
		// The service refuses to remove a principal that is not a member, even if an earlier request removed the
		// principal and the answer was lost.
		if now, readErr := c.groupByID(ctx, group.ID); errors.Is(readErr, ErrNotFound) ||
			readErr == nil && !now.Has(memberID) {
			return nil
		}
		return err
	case err != nil || g.ID != "" && !g.Has(memberID):
		return err
	}
	return c.settleMember(ctx, group, memberID, false)
}

// LockMemberships is [Client.Lock] for the groups that the principal with that SCIM id is a direct member of. A write
// that replaces a whole principal also replaces its memberships, so it needs this lock, too.
func (c *Client) LockMemberships(ctx context.Context, memberID string) (unlock func(), err error) {
	return c.Lock(ctx, "memberships of "+memberID)
}

func (c *Client) settleMember(ctx context.Context, group Group, memberID string, want bool) error {
	shown, err := c.AwaitSCIM(ctx, time.Time{}, "group "+group.Name, func(ctx context.Context) (bool, error) {
		now, err := c.groupByID(ctx, group.ID)
		return now.Has(memberID) == want, err
	})
	switch {
	case err != nil:
		return &UnverifiedError{err}
	case !shown:
		return errors.New("the service accepted the change of the group's members, but still shows the old members")
	default:
		return nil
	}
}

// patchGroup changes the group in one operation. If others change the group at the same time, the service merges the
// changes. It returns the group that the answer shows, or the zero Group for an answer without a body. Writers of one
// group in this process wait for each other, because the service may refuse two changes at once.
// https://docs.databricks.com/api/azure/workspace/groups/patch
func (c *Client) patchGroup(ctx context.Context, group Group, operation SCIMOperation) (Group, error) {
	unlock, err := c.Lock(ctx, "group "+group.ID)
	if err != nil {
		return Group{}, err
	}
	defer unlock()
	defer c.ForgetGroup(group.Name)
	answer := scimResource{want: group.ID} // the group in the answer saves a read
	err = c.Call(ctx, http.MethodPatch, PathOf(scimRoot+"Groups", group.ID), nil, NewSCIMPatch(operation),
		&Optional{Answer: &answer})
	return toGroup(answer), adviseGroups(err)
}

// LeadsToAdmins reports whether a member of the group is a workspace admin through the group: the group is admins, or
// is directly or indirectly a member of admins. No request for admins itself, otherwise one per group on the way up.
func (c *Client) LeadsToAdmins(ctx context.Context, group Group) (bool, error) {
	seen := map[string]bool{}
	for queue := []string{group.ID}; len(queue) > 0; queue = queue[1:] {
		if seen[queue[0]] {
			continue
		}
		seen[queue[0]] = true
		if group.ID != queue[0] || group.Name == "" {
			var err error
			if group, err = c.groupByID(ctx, queue[0]); err != nil {
				return false, err
			}
		}
		if group.Name == AdminsGroup {
			return true, nil
		}
		queue = append(queue, group.Parents...)
	}
	return false, nil
}

func adviseGroups(err error) error {
	return AdviseDenied(err, "Only a workspace admin may see and change groups: add the provider's identity to the "+
		"group \"admins\".")
}

func adviseAccountGroup(name string) error {
	return Advise(fmt.Errorf("group %q: %w", name, ErrAccountGroup), "group_name", "A workspace can show a group of "+
		"the account, but cannot change its members. Change the members in the account console under User management "+
		"> Groups, or with the account's SCIM API. Or use a group of the workspace.")
}

// Groups lists every group of the workspace with its direct members; the caller must be a workspace admin. One request
// per 10,000 groups.
// https://docs.databricks.com/api/azure/workspace/groups/list
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	return listSCIM(ctx, c, "Groups", allGroups(), toGroup)
}

// EachGroup calls visit for each group that [Client.Groups] would list, until visit returns false. It is for a caller
// that shows groups as they arrive. One request per 500 groups.
func (c *Client) EachGroup(ctx context.Context, visit func(Group) bool) error {
	return eachSCIM(ctx, c, "Groups", allGroups(), toGroup, visit)
}

func allGroups() url.Values {
	return url.Values{"excludedAttributes": {"entitlements,roles,groups"}}
}

func toGroup(r scimResource) Group {
	g := Group{
		ID:      r.ID,
		Name:    r.DisplayName,
		Account: r.Meta.ResourceType == "Group", // else WorkspaceGroup, or empty in older services
		Parents: fromValues(r.Groups),
	}
	for _, m := range r.Members {
		collection, _, _ := strings.Cut(m.Ref, "/")
		g.Members = append(g.Members, Member{ID: m.Value, DisplayName: m.Display, Collection: collection})
	}
	return g
}

package groupmember

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// errNotMember reports that the group exists, but the service principal is not a direct member.
var errNotMember = errors.New("the service principal is not a direct member of the group")

// errSelf is the error of an attempt to remove the membership that makes the provider's own identity a workspace admin:
// without it the provider could not manage the workspace any more.
var errSelf = errors.New(
	"the provider itself is logged in as this service principal, and this membership makes it a workspace admin",
)

// addMember adds the service principal to the group. Three requests: one for the group, which is shared; one for the
// service principal, or none if this Terraform run has added the principal; and one for the change.
func addMember(ctx context.Context, c *client.Client, want membership) (membership, error) {
	group, err := findGroup(ctx, c, want.Group)
	if err != nil {
		return want, err
	}
	id, shownAs, err := c.PrincipalID(ctx, want.ApplicationID)
	if err != nil {
		return want, err
	}
	want.GroupID, want.PrincipalID, want.ShownAs = group.ID, id, shownAs
	undo := want.keep(c)
	err = c.AddMember(ctx, group, id)
	if err != nil && !client.IsUnverified(err) {
		undo()
	}
	return want, err
}

// keep records that this Terraform run needs the membership, so that a removal by another resource leaves it. undo
// deletes the record.
func (m membership) keep(c *client.Client) (undo func()) { return c.Keep(m.keyByIDs(), m.keyByNames()) }

// keyByIDs returns the key of the membership by which this Terraform run records that it keeps the membership. The key
// has the ids that the service uses.
func (m membership) keyByIDs() client.ObjectKey { return client.Membership(m.GroupID, m.PrincipalID) }

// keyByNames returns a second key of the membership, with the group's name and the application id, because a plan may
// not know the ids.
func (m membership) keyByNames() client.ObjectKey { return client.Membership(m.Group, m.ApplicationID) }

// readMember reads the membership as it is now, including in a group that was re-created under its name. created is the
// time when the membership was created: SCIM may not show a new membership yet. One request per group, shared by all
// its members; more while SCIM lags behind.
func readMember(
	ctx context.Context,
	c *client.Client,
	have membership,
	created time.Time,
	workspaceID string,
) (membership, error) {
	var group client.Group
	found := false
	member := func(ctx context.Context) (bool, error) {
		var err error
		group, err = findGroup(ctx, c, have.Group)
		if err == nil && !group.Has(have.PrincipalID) {
			c.ForgetGroup(have.Group)                             // the next read must not use the cache
			return c.CheckWorkspace(ctx, workspaceID) != nil, nil // a different workspace will never show it
		}
		found = err == nil
		return true, err
	}
	_, err := c.AwaitSCIM(ctx, created, have.String(), member)
	have.GroupID = group.ID
	if err == nil && !found {
		err = errNotMember
	}
	return have, err
}

// removeMember removes the service principal from the group. If another resource of this Terraform run keeps the
// membership, it returns [client.ErrKept] instead. One request.
func removeMember(ctx context.Context, c *client.Client, have membership) error {
	return c.RemoveMember(ctx, client.Group{ID: have.GroupID, Name: have.Group}, have.PrincipalID)
}

// importMember finds a membership by the group's name and the application id. Two requests.
func importMember(ctx context.Context, c *client.Client, want membership) (membership, error) {
	group, err := findGroup(ctx, c, want.Group)
	if err != nil {
		return want, err
	}
	if want.PrincipalID, want.ShownAs, err = c.PrincipalID(ctx, want.ApplicationID); err != nil {
		return want, err
	}
	if want.GroupID = group.ID; !group.Has(want.PrincipalID) {
		return want, client.Advise(
			errNotMember,
			"",
			"Only a direct membership can be imported, not a membership through another group. To create a direct "+
				"membership, remove the import block and apply.",
		)
	}
	return want, nil
}

func findGroup(ctx context.Context, c *client.Client, name string) (client.Group, error) {
	group, err := c.GroupByName(ctx, name)
	if errors.Is(err, client.ErrNotFound) {
		return group, client.Advise(
			err,
			"group_name",
			"Names of groups are case-sensitive. A group of the account is visible only after it was assigned to the "+
				"workspace. An admin can create a group of the workspace under Settings > Identity and access > "+
				"Groups.",
		)
	}
	return group, err
}

// refuseSelf returns an error if the membership makes the provider's own identity a workspace admin. No request if the
// login itself shows that the service principal is another identity.
func refuseSelf(ctx context.Context, c *client.Client, have membership) error {
	self, err := c.IsSelf(ctx, have.ApplicationID)
	if err != nil || !self {
		return err
	}
	if have.Group != client.AdminsGroup {
		leads, err := c.LeadsToAdmins(ctx, client.Group{ID: have.GroupID})
		if errors.Is(err, client.ErrNotFound) || err == nil && !leads {
			return nil // the group does not exist, or grants no admin rights
		}
		if err != nil {
			return err
		}
		admins, err := c.GroupByName(ctx, client.AdminsGroup)
		if err == nil && admins.Has(have.PrincipalID) {
			return nil // the identity stays an admin, as a direct member of admins
		}
	}
	return adviseSelf(have)
}

func adviseSelf(have membership) error {
	return client.Advise(
		errSelf,
		"",
		fmt.Sprintf(
			"Without this membership the provider would lose its admin rights, and could not restore them. Nothing "+
				"was changed. To let Terraform forget the membership, write a removed block with lifecycle { destroy "+
				"= false }, or run terraform state rm. To remove the service principal from %s, log in as another "+
				"workspace admin.",
			have.Group,
		),
	)
}

// search says which memberships to find.
type search struct {
	group          string // name; if empty, every group that can be managed here
	self, builtIns bool   // include the provider's own identity, and groups that the service creates
}

// groups reports whether a search that names no group includes the members of the group g.
func (s search) groups(g client.Group) bool {
	return !g.Account && checkGroupName(g.Name) == nil && (s.builtIns || !client.IsBuiltInGroup(g.Name))
}

// eachMember calls visit for each service principal that is a direct member of the group, or of every group, until
// visit returns false. One request for the application ids of the service principals, more if there are over 10,000 of
// them, and one for the group or per 500 groups.
func eachMember(ctx context.Context, c *client.Client, s search, visit func(membership) bool) error {
	applicationIDs, err := c.ApplicationIDs(ctx)
	if err != nil {
		return err
	}
	var unknownSelf error
	each := func(g client.Group) bool {
		for _, m := range g.Members {
			applicationID, self := applicationIDs[m.ID], false
			if applicationID != "" && !s.self {
				self, unknownSelf = c.IsSelf(ctx, applicationID)
			}
			if unknownSelf != nil ||
				applicationID != "" && !self && !visit(membership{g.Name, applicationID, g.ID, m.ID, m.DisplayName}) {
				return false
			}
		}
		return true
	}
	if s.group != "" {
		group, err := findGroup(ctx, c, s.group)
		if err == nil {
			err = group.Changeable()
		}
		if err == nil {
			each(group)
		}
		return cmp.Or(err, unknownSelf)
	}
	err = c.EachGroup(ctx, func(g client.Group) bool { return !s.groups(g) || each(g) })
	return cmp.Or(err, unknownSelf)
}

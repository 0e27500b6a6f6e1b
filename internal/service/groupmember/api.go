package groupmember

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// errNotMember: the group is there, and the service principal is not in it.
var errNotMember = errors.New("it is not a direct member of the group")

// errSelf: without this membership the provider could not manage the workspace any more.
var errSelf = errors.New(
	"it is the identity that the provider itself is logged in as, and this membership makes it a workspace admin",
)

// addMember puts the service principal into the group. Three requests: the group (shared), the service principal (none
// if this run has added it), and the change.
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
	var unverified *client.UnverifiedMemberError
	if err != nil && !errors.As(err, &unverified) {
		undo()
	}
	return want, err
}

// keep notes that this run keeps the membership.
func (m membership) keep(c *client.Client) (undo func()) { return c.Keep(m.byID(), m.byName()) }

// byID is the membership in the register of what a run keeps, as the service knows it.
func (m membership) byID() client.Thing { return client.Membership(m.GroupID, m.PrincipalID) }

// byName is the membership as a plan knows it.
func (m membership) byName() client.Thing { return client.Membership(m.Group, m.ApplicationID) }

// readMember reads the membership as it is now, also in a group that was re-created under its name. One request for a
// group, shared by all its members; more while SCIM may not show yet what was created at that time.
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
			c.ForgetGroup(have.Group)                             // the next look must ask the service
			return c.CheckWorkspace(ctx, workspaceID) != nil, nil // another workspace will never have it
		}
		found = err == nil
		return true, err
	}
	_, err := c.Settle(ctx, created, have.String(), member)
	have.GroupID = group.ID
	if err == nil && !found {
		err = errNotMember
	}
	return have, err
}

// removeMember removes the service principal from the group, or returns [client.ErrKept]. One request.
func removeMember(ctx context.Context, c *client.Client, have membership) error {
	return c.RemoveMember(ctx, client.Group{ID: have.GroupID, Name: have.Group}, have.PrincipalID)
}

// importMember finds a membership by its names. Two requests.
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
			"Only direct memberships can be imported, not those through another group. To create a "+
				"direct membership, remove the import and apply.",
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
			"Names are case-sensitive. A group of the account must be assigned to the workspace before it is seen; "+
				"one of the workspace is created under Settings > Identity and access > Groups.",
		)
	}
	return group, err
}

// refuseSelf returns an error if the membership is what makes the provider's own identity a workspace admin. No request
// if the login itself shows that it is another identity.
func refuseSelf(ctx context.Context, c *client.Client, have membership) error {
	self, err := c.IsSelf(ctx, have.ApplicationID)
	if err != nil || !self {
		return err
	}
	if have.Group != client.AdminsGroup {
		leads, err := c.LeadsToAdmins(ctx, client.Group{ID: have.GroupID})
		if errors.Is(err, client.ErrNotFound) || err == nil && !leads {
			return nil // the group is gone, or grants no admin rights
		}
		if err != nil {
			return err
		}
		admins, err := c.GroupByName(ctx, client.AdminsGroup)
		if err == nil && admins.Has(have.PrincipalID) {
			return nil // it stays an admin by its own membership of admins
		}
	}
	return adviseSelf(have)
}

func adviseSelf(have membership) error {
	return client.Advise(
		errSelf,
		"",
		fmt.Sprintf(
			"Without it, neither this run nor the next could undo anything. Nothing was changed. To let go of it, "+
				"write a removed block with lifecycle { destroy = false }, or terraform state rm. To really take "+
				"it out of %s, log in as another workspace admin.",
			have.Group,
		),
	)
}

// search says which memberships are looked for.
type search struct {
	group          string // name; empty: every group that can be managed here
	self, builtIns bool   // also those of the provider's own identity, and in groups that the service creates
}

// groups reports whether the members of a group are looked for where none is named.
func (s search) groups(g client.Group) bool {
	return !g.Account && checkGroupName(g.Name) == nil && (s.builtIns || !client.IsBuiltInGroup(g.Name))
}

// eachMember visits the service principals that are direct members of a group, or of every group, until visit returns
// false. One request for the service principals' application ids, more beyond 10,000 of them, and one for the group or
// for each 500 groups.
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

package servingendpointpermissionsexclusive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// admins is the group that holds all rights by a rule of the service. A direct grant to this group changes nothing, so
// such a grant stays as it is.
var admins = acl.Principal{Kind: acl.Group, Name: client.AdminsGroup}

// unlisted returns, sorted, the direct grants of the list that the configuration neither lists nor ignores. It leaves
// out the grant of the group admins.
func (w accessList) unlisted(list acl.List) acl.List {
	var found acl.List
	for _, e := range list {
		key := e.Key()
		if e.Direct != "" && key != admins && !w.Grants.has(key) && !w.Ignored.has(key) {
			found = append(found, e)
		}
	}
	return sorted(found)
}

// appliedOver returns the list after the wanted grants are set and the direct grants that drop matches are removed. All
// other grants stay.
func (w accessList) appliedOver(now acl.List, drop func(acl.Principal) bool) acl.List {
	next := make(acl.List, 0, len(now)+len(w.Grants))
	seen := principalSet{}
	for _, e := range now {
		key := e.Key()
		seen[key] = true
		if want, ok := w.Grants[key]; ok {
			e.Direct = want.Direct
		} else if drop(key) {
			e.Direct = ""
		}
		next = append(next, e)
	}
	return append(next, w.Grants.without(seen.has).sorted()...)
}

// createList sets the wanted access list. It returns an error if that would revoke a grant whose removal the plan did
// not show. Two requests; for a possible third see [refuseLockout].
func createList(ctx context.Context, c *client.Client, id string, want accessList) error {
	create := func(now acl.List) (acl.List, error) {
		extra := want.unlisted(now)
		switch want.OnUnlisted {
		case onUnlistedWarn:
			return refuseLockout(ctx, c, now, want.appliedOver(now, principalSet{}.has))
		case onUnlistedError:
			if len(extra) > 0 {
				return nil, refuseUnlisted(extra)
			}
		}
		// A grant that the plan showed may be missing from the list: somebody else removed it, or an earlier write of
		// this provider did, whose answer was lost.
		unseen := slices.DeleteFunc(slices.Clone(extra), func(e acl.Entry) bool {
			return slices.Contains(want.Removed, grantText(e))
		})
		if len(unseen) > 0 {
			return nil, client.Advise(
				fmt.Errorf(
					"the access list has changed since the plan was created: it now also has %s, which the plan does "+
						"not show as removed",
					unseen,
				),
				"",
				"Nothing was changed. Plan again, and check which grants the new plan removes.",
			)
		}
		return refuseLockout(ctx, c, now, want.appliedOver(now, keysOf(extra).has))
	}
	undo := want.keep(c, id)
	_, err := write(ctx, c, want.Endpoint, id, want.Grants, func(now acl.List) (next acl.List, l left, err error) {
		next, err = create(now)
		return next, left{}, err
	})
	if err != nil && !client.IsUnverified(err) {
		undo()
	}
	return err
}

// keep records that this Terraform run needs the wanted grants on the endpoint with that id, so that a revocation by
// another resource leaves them. undo deletes the record.
func (w accessList) keep(c *client.Client, id string) (undo func()) {
	objects := make([]client.ObjectKey, 0, 2*len(w.Grants))
	for key := range w.Grants {
		objects = append(objects, grantKey(id, key), acl.GrantKey(w.Endpoint, key))
	}
	return c.Keep(objects...)
}

// grantKey returns the key by which this Terraform run records that it keeps a principal's grant on the endpoint with
// that id.
func grantKey(id string, key acl.Principal) client.ObjectKey {
	return acl.GrantKey(acl.Endpoint(id).String(), key)
}

// changeList sets the wanted access list. It does not remove a grant that the plan did not show (planned reports
// whether the plan showed the principal's grant), nor a grant that another resource of this Terraform run keeps. Two
// requests; for a possible third see [refuseLockout].
func changeList(
	ctx context.Context,
	c *client.Client,
	id string,
	want accessList,
	fresh, drop grants,
	planned func(acl.Principal) bool,
) (left, error) {
	undo := want.keep(c, id)
	l, err := write(ctx, c, want.Endpoint, id, fresh, func(now acl.List) (acl.List, left, error) {
		stays := func(key acl.Principal) bool { return drop.has(key) && c.Keeps(grantKey(id, key)) }
		unlisted := want.unlisted(now)
		l := left{kept: only(unlisted, stays), foreign: only(unlisted, not(planned))}
		extra := only(unlisted, not(drop.has))
		if want.OnUnlisted == onUnlistedError && len(extra) > 0 {
			return nil, left{}, refuseUnlisted(extra)
		}
		next, err := refuseLockout(ctx, c, now, want.appliedOver(now, drop.without(stays).has))
		return next, l, err
	})
	if err != nil && !client.IsUnverified(err) {
		undo()
	}
	return l, err
}

const nextOfUnlisted = "Add these grants to the maps, name their principals in ignore_principals, revoke the grants, " +
	"or set on_unlisted = \"remove\", with which the plan shows and revokes them."

// refuseUnlisted returns the error that on_unlisted = "error" demands for unlisted grants.
func refuseUnlisted(extra acl.List) error {
	return client.Advise(
		fmt.Errorf("the endpoint has grants that are neither configured nor in ignore_principals: %s", extra),
		"on_unlisted",
		"Nothing was changed. "+nextOfUnlisted,
	)
}

// left holds the grants that a write has not removed: own holds the caller's grants, kept those that another resource
// of this Terraform run keeps, and foreign those of others.
type left struct{ own, kept, foreign acl.List }

// write reads the access list, calls change for the list that is wanted, and writes that list in one request, or in
// none if it is equal. The grants in fresh may have principals that are so new that the access list does not accept
// them yet; then write retries. At the end write compares the list that the service shows with the wanted list.
func write(
	ctx context.Context,
	c *client.Client,
	endpoint, id string,
	fresh grants,
	change func(acl.List) (acl.List, left, error),
) (left, error) {
	var wanted []acl.Principal
	for _, e := range fresh.sorted() {
		wanted = append(wanted, e.Principal)
	}
	type decision struct {
		asked acl.List
		left  left
	}
	after, made, err := acl.Replace(ctx, c, acl.Endpoint(id), wanted, func(now acl.List) (acl.List, decision, error) {
		next, l, err := change(now)
		return next, decision{next, l}, err
	})
	if err != nil && !client.IsUnverified(err) {
		if advice, ok := errors.AsType[*client.Advice](err); ok {
			if attribute := attributeOf(acl.Kind(advice.Attribute)); attribute != "" {
				err = client.AtAttribute(err, attribute)
			}
		}
		return made.left, err
	}
	c.NoteGrant(endpoint) // a query that the endpoint refused may succeed soon
	if err != nil {
		return made.left, err
	}
	shown := map[acl.Principal]acl.Level{}
	for _, e := range after {
		shown[e.Key()] = e.Direct
	}
	differ := slices.DeleteFunc(slices.Clone(made.asked), func(e acl.Entry) bool { return shown[e.Key()] == e.Direct })
	if len(differ) > 0 {
		return made.left, &client.UnverifiedError{
			Err: fmt.Errorf(
				"the service accepted the access list, but now shows another list; the two lists differ at %s",
				described(differ),
			),
		}
	}
	return made.left, nil
}

// described returns the names of the principals in a list, without their levels.
func described(list acl.List) []string {
	var names []string
	for _, e := range list {
		names = append(names, e.Described())
	}
	return names
}

// revokeList removes the applied grants that still exist, and nothing else. It leaves the caller's own CAN_MANAGE, and
// the grants of the principals that stays matches. If the list was deleted with its endpoint, that counts as success.
// Two requests; three if the caller's identity must be looked up.
func revokeList(
	ctx context.Context,
	c *client.Client,
	endpoint string,
	applied note,
	stays func(acl.Principal) bool,
) (left, error) {
	given := keysOf(applied.Grants)
	l, err := write(ctx, c, endpoint, applied.EndpointID, nil, func(now acl.List) (acl.List, left, error) {
		// stays is called here, where no other write to the access list can come in between.
		drop := principalSet{}
		for key := range given {
			drop[key] = !stays(key)
		}
		next := accessList{}.appliedOver(now, drop.has)
		kept, err := own(ctx, c, now, next)
		mine := keysOf(kept)
		standing := accessList{}.unlisted(next)
		l := left{own: kept, kept: only(standing, given.has), foreign: only(standing, not(given.has))}
		return accessList{}.appliedOver(now, func(key acl.Principal) bool { return drop[key] && !mine[key] }), l, err
	})
	if errors.Is(err, client.ErrNotFound) {
		// Either the access list or a principal in it does not exist. Looking up the endpoint by name shows which.
		e, lookup := c.EndpointByName(ctx, endpoint)
		if errors.Is(lookup, client.ErrNotFound) || lookup == nil && e.ID != applied.EndpointID {
			return left{}, nil
		}
	}
	return l, err
}

// managers returns the grants of the principals that hold CAN_MANAGE directly.
func managers(list acl.List) grants {
	found := grants{}
	for _, e := range list {
		if e.Direct == acl.CanManage {
			found[e.Key()] = e
		}
	}
	return found
}

// caller describes the identity that sends the provider's requests: its principal, its groups, and whether it is a
// workspace admin.
type caller struct {
	self   acl.Principal
	groups principalSet
	admin  bool
}

func (w caller) is(key acl.Principal) bool { return key == w.self.Key() || w.groups[key] }

// whoCalls looks up the caller's identity if one of the managers that lose access could be the caller; asked reports
// whether it was looked up. If the login names its own application id, other service principals and users cannot be the
// caller. A group always could be the caller's: only the workspace knows the caller's groups.
func whoCalls(ctx context.Context, c *client.Client, lost grants) (caller, bool, error) {
	if len(lost) == 0 {
		return caller{}, false, nil
	}
	if id := c.KnownApplicationID(); id != "" {
		self := acl.Principal{Kind: acl.ServicePrincipal, Name: id}.Key()
		foreign := func(key acl.Principal) bool { return key.Kind != acl.Group && key != self }
		if len(lost.without(foreign)) == 0 {
			return caller{}, false, nil
		}
	}
	me, err := c.Me(ctx)
	if err != nil {
		return caller{}, false, err
	}
	who := caller{
		self:   acl.Principal{Kind: acl.User, Name: me.UserName},
		groups: principalSet{{Kind: acl.Group, Name: "users"}: true},
	}
	if uuid.Validate(me.UserName) == nil {
		who.self.Kind = acl.ServicePrincipal
	}
	for _, name := range me.Groups {
		group := acl.Principal{Kind: acl.Group, Name: name}
		who.groups[group] = true
		who.admin = who.admin || group == admins
	}
	return who, true, nil
}

// refuseLockout returns next, or an error if next would take away the caller's own right to manage the endpoint, which
// only an admin could undo. If next revokes a CAN_MANAGE that could be the caller's, one more request finds out who the
// caller is.
func refuseLockout(ctx context.Context, c *client.Client, now, next acl.List) (acl.List, error) {
	before, after := managers(now), managers(next)
	who, asked, err := whoCalls(ctx, c, before.without(after.has))
	if err != nil || !asked || who.admin {
		return next, err
	}
	others := not(who.is)
	held := before.without(others)
	if len(held) == 0 || len(after.without(others)) > 0 {
		return next, nil
	}
	attribute := attributeOf(who.self.Kind)
	return nil, client.Advise(
		fmt.Errorf(
			"the change would revoke CAN_MANAGE of the provider's own identity %s, which has it through %s and is "+
				"not a workspace admin",
			who.self,
			held.sorted(),
		),
		attribute,
		fmt.Sprintf(
			"Nothing was changed. Add %q = \"CAN_MANAGE\" to %s (or a group of this identity), or add %q to "+
				"ignore_principals.",
			who.self.Name,
			attribute,
			who.self,
		),
	)
}

// own returns the grants that a destroy leaves to the caller: its own CAN_MANAGE or, if it has none, the CAN_MANAGE of
// its groups.
func own(ctx context.Context, c *client.Client, now, next acl.List) (acl.List, error) {
	after := managers(next)
	lost := managers(now).without(after.has)
	who, asked, err := whoCalls(ctx, c, lost)
	if err != nil || !asked {
		return nil, err
	}
	others := not(who.is)
	if mine, ok := lost[who.self.Key()]; ok {
		return acl.List{mine}, nil
	}
	if who.admin || len(after.without(others)) > 0 {
		return nil, nil
	}
	return lost.without(others).sorted(), nil
}

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

// admins hold everything by the service's own rule; a direct grant of theirs changes nothing and is left alone.
var admins = acl.Principal{Kind: acl.Group, Name: client.AdminsGroup}

// unlisted are the direct grants that are neither wanted nor left to others, in one order.
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

// appliedOver returns the list with the wanted grants set and those that drop matches removed. All others stay.
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

// createList sets the wanted list, and fails if that would revoke a grant whose removal the plan did not show. Two
// requests; see [refuseLockout].
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
		planned := map[string]bool{}
		for _, l := range want.Removed {
			planned[l] = true
		}
		// A grant that the plan showed and the list lacks is gone already: others removed it, or a write of ours did
		// whose answer was lost.
		unseen := slices.DeleteFunc(slices.Clone(extra), func(e acl.Entry) bool { return planned[line(e)] })
		if len(unseen) > 0 {
			return nil, client.Advise(
				fmt.Errorf(
					"the list has changed since the plan was created: the plan does not show the removal of %s",
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
	if err != nil && !unverified(err) {
		undo()
	}
	return err
}

// keep notes that this run keeps the wanted grants on the endpoint of that id.
func (w accessList) keep(c *client.Client, id string) (undo func()) {
	things := make([]client.Thing, 0, 2*len(w.Grants))
	for key := range w.Grants {
		things = append(things, placeOn(id, key), acl.Place(w.Endpoint, key))
	}
	return c.Keep(things...)
}

// placeOn is a grant in the register of what a run keeps.
func placeOn(id string, key acl.Principal) client.Thing {
	return acl.Place(acl.Endpoint(id).String(), key)
}

// changeList sets the wanted list. It leaves grants that the plan did not show (known reports which it showed), and
// those that this run keeps at another address. Two requests; see [refuseLockout].
func changeList(
	ctx context.Context,
	c *client.Client,
	id string,
	want accessList,
	fresh, drop grants,
	known func(acl.Principal) bool,
) (left, error) {
	undo := want.keep(c, id)
	l, err := write(ctx, c, want.Endpoint, id, fresh, func(now acl.List) (acl.List, left, error) {
		stays := func(key acl.Principal) bool { return drop.has(key) && c.Keeps(placeOn(id, key)) }
		unlisted := want.unlisted(now)
		l := left{
			kept:    slices.DeleteFunc(slices.Clone(unlisted), func(e acl.Entry) bool { return !stays(e.Key()) }),
			foreign: slices.DeleteFunc(unlisted, func(e acl.Entry) bool { return known(e.Key()) }),
		}
		extra := slices.DeleteFunc(want.unlisted(now), func(e acl.Entry) bool { return drop.has(e.Key()) })
		if want.OnUnlisted == onUnlistedError && len(extra) > 0 {
			return nil, left{}, refuseUnlisted(extra)
		}
		next, err := refuseLockout(ctx, c, now, want.appliedOver(now, drop.without(stays).has))
		return next, l, err
	})
	if err != nil && !unverified(err) {
		undo()
	}
	return l, err
}

const nextOfUnlisted = "List them, name them in ignore_principals, remove them, or let on_unlisted = \"remove\" show " +
	"and remove them."

// refuseUnlisted is the error of on_unlisted = "error".
func refuseUnlisted(extra acl.List) error {
	return client.Advise(
		fmt.Errorf("these are neither listed nor ignored: %s", extra),
		"on_unlisted",
		"Nothing was changed. "+nextOfUnlisted,
	)
}

// left are grants that a write has not removed: the caller's own, those that this run keeps at another address, and
// those of others.
type left struct{ own, kept, foreign acl.List }

// write reads the list and replaces it in one write, or in none when nothing changes. fresh are principals that may be
// too new for access lists to accept them yet. Afterwards the list that the service shows is compared with the wanted
// one.
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
	var unverified *acl.UnverifiedError
	if err != nil && !errors.As(err, &unverified) {
		var advice *client.Advice
		if errors.As(err, &advice) {
			if attribute := attributeOf(acl.Kind(advice.Attribute)); attribute != "" {
				err = client.AtAttribute(err, attribute)
			}
		}
		return made.left, err
	}
	c.NoteGrant(endpoint) // a refusal to score it may be worth a second try now
	if err != nil {
		return made.left, err
	}
	shown := map[acl.Principal]acl.Level{}
	for _, e := range after {
		shown[e.Key()] = e.Direct
	}
	differ := slices.DeleteFunc(slices.Clone(made.asked), func(e acl.Entry) bool { return shown[e.Key()] == e.Direct })
	if len(differ) > 0 {
		return made.left, &acl.UnverifiedError{
			Err: fmt.Errorf(
				"the service accepted the list, but shows another one; they differ at %s",
				described(differ),
			),
		}
	}
	return made.left, nil
}

// described names the principals of a list whatever they hold.
func described(list acl.List) []string {
	var names []string
	for _, e := range list {
		names = append(names, e.Described())
	}
	return names
}

// revokeList removes the applied grants that still exist, and nothing else: neither the caller's own CAN_MANAGE, nor
// those that stay. A list that is gone with its endpoint is done. Two requests, three where it must be known who calls.
func revokeList(
	ctx context.Context,
	c *client.Client,
	endpoint string,
	applied note,
	stays func(acl.Principal) bool,
) (left, error) {
	given := keysOf(applied.Grants)
	l, err := write(ctx, c, endpoint, applied.EndpointID, nil, func(now acl.List) (acl.List, left, error) {
		// Asked here, where no other write to the list can come in between.
		drop := principalSet{}
		for key := range given {
			drop[key] = !stays(key)
		}
		next := accessList{}.appliedOver(now, drop.has)
		kept, err := own(ctx, c, now, next)
		mine := keysOf(kept)
		standing := accessList{}.unlisted(next)
		l := left{
			own:     kept,
			kept:    slices.DeleteFunc(slices.Clone(standing), func(e acl.Entry) bool { return !given[e.Key()] }),
			foreign: slices.DeleteFunc(standing, func(e acl.Entry) bool { return given[e.Key()] }),
		}
		return accessList{}.appliedOver(now, func(key acl.Principal) bool { return drop[key] && !mine[key] }), l, err
	})
	if errors.Is(err, client.ErrNotFound) {
		// Either the list is gone or a principal in it. Looking up the endpoint by name decides.
		e, lookup := c.EndpointByName(ctx, endpoint)
		if errors.Is(lookup, client.ErrNotFound) || lookup == nil && e.ID != applied.EndpointID {
			return left{}, nil
		}
	}
	return l, err
}

// managers are the principals that hold CAN_MANAGE directly.
func managers(list acl.List) grants {
	found := grants{}
	for _, e := range list {
		if e.Direct == acl.CanManage {
			found[e.Key()] = e
		}
	}
	return found
}

// caller is the identity that the provider calls as: its principal, its groups, and whether it is a workspace admin.
type caller struct {
	self   acl.Principal
	groups principalSet
	admin  bool
}

func (w caller) is(key acl.Principal) bool { return key == w.self.Key() || w.groups[key] }

// whoCalls looks up the caller if one of the managers that lose access could be the caller; asked reports whether it
// did. If the login names its own application id, other service principals and users cannot be the caller; only the
// workspace knows its groups.
func whoCalls(ctx context.Context, c *client.Client, lost grants) (caller, bool, error) {
	if len(lost) == 0 {
		return caller{}, false, nil
	}
	if id := c.KnownSelf(); id != "" {
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

// refuseLockout returns next, or an error if next would lock the caller out: only an admin could undo that. If next
// revokes a CAN_MANAGE that could be the caller's, one more request finds out who calls.
func refuseLockout(ctx context.Context, c *client.Client, now, next acl.List) (acl.List, error) {
	before, after := managers(now), managers(next)
	who, asked, err := whoCalls(ctx, c, before.without(after.has))
	if err != nil || !asked || who.admin {
		return next, err
	}
	others := func(key acl.Principal) bool { return !who.is(key) }
	held := before.without(others)
	if len(held) == 0 || len(after.without(others)) > 0 {
		return next, nil
	}
	attribute := attributeOf(who.self.Kind)
	return nil, client.Advise(
		fmt.Errorf(
			"this would remove CAN_MANAGE from the provider's own identity %s, which holds it through %s and is not "+
				"a workspace admin",
			who.self,
			held.sorted(),
		),
		attribute,
		fmt.Sprintf(
			"Nothing was changed. Add %q = \"CAN_MANAGE\" to %s (or a group that it is a member of), or add "+
				"%q to ignore_principals.",
			who.self.Name,
			attribute,
			who.self,
		),
	)
}

// own are the grants that a destroy leaves to the caller: its own CAN_MANAGE, or if it has none, that of its groups.
func own(ctx context.Context, c *client.Client, now, next acl.List) (acl.List, error) {
	after := managers(next)
	lost := managers(now).without(after.has)
	who, asked, err := whoCalls(ctx, c, lost)
	if err != nil || !asked {
		return nil, err
	}
	others := func(key acl.Principal) bool { return !who.is(key) }
	if mine, ok := lost[who.self.Key()]; ok {
		return acl.List{mine}, nil
	}
	if who.admin || len(after.without(others)) > 0 {
		return nil, nil
	}
	return lost.without(others).sorted(), nil
}

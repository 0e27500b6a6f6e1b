package servingendpointpermission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// createGrant grants access, and returns the id of the endpoint and the entry in its access list. Three requests; all
// grants on the endpoint share the first two.
func createGrant(ctx context.Context, c *client.Client, want grant) (string, acl.Entry, error) {
	id, err := c.EndpointIDGiven(ctx, want.Endpoint, want.EndpointID)
	if err != nil {
		return "", acl.Entry{}, err
	}
	undo := want.keep(c, id)
	entry, wrote, err := acl.Grant(ctx, c, acl.Endpoint(id), want.Principal, want.Level, want.Overwrite)
	if wrote {
		c.NoteGrant(want.Endpoint) // a refusal to score it may be worth a second try now
	}
	if err != nil && !unverified(err) {
		undo()
	}
	var held *acl.HeldError
	if errors.As(err, &held) {
		return "", acl.Entry{}, client.Advise(
			err,
			"permission_level",
			fmt.Sprintf(
				"It was granted outside of this resource. Write permission_level = %q, set overwrite_existing = "+
					"true to make it %s, or import the grant: terraform import <address> '%s'.",
				held.Level,
				want.Level,
				want.ID(),
			),
		)
	}
	return id, entry, err
}

// readGrant finds the endpoint by name and the principal in its access list; an entry without a direct level is one
// that only inherits. Two requests, shared by all grants on the endpoint.
func readGrant(ctx context.Context, c *client.Client, have grant) (id string, entry acl.Entry, err error) {
	id, err = c.EndpointID(ctx, have.Endpoint, client.AnyAge)
	if err != nil {
		return "", acl.Entry{}, err
	}
	entry, _, err = acl.Find(ctx, c, acl.Endpoint(id), have.Principal)
	return id, entry, err
}

// changeGrant moves the grant to another level in place. One request.
func changeGrant(ctx context.Context, c *client.Client, want grant) error {
	undo := want.keep(c, want.EndpointID)
	_, err := acl.Change(ctx, c, acl.Endpoint(want.EndpointID), want.Principal, want.Level)
	if err == nil {
		c.NoteGrant(want.Endpoint)
	} else if !unverified(err) {
		undo()
	}
	return err
}

// unverified reports whether a grant was accepted but could not be read back.
func unverified(err error) bool {
	var u *acl.UnverifiedError
	return errors.As(err, &u)
}

// revokeGrant removes the grant and nothing else, or returns [client.ErrKept]. Two requests; a third when the service
// answers that the list or the principal does not exist.
func revokeGrant(ctx context.Context, c *client.Client, have grant) error {
	err := acl.Revoke(ctx, c, acl.Endpoint(have.EndpointID), have.Principal)
	if !errors.Is(err, client.ErrNotFound) {
		return err
	}
	// The list of a deleted endpoint may be readable but not writable: look up its name to see whether it exists.
	e, lookup := c.EndpointByName(ctx, have.Endpoint)
	if errors.Is(lookup, client.ErrNotFound) || lookup == nil && e.ID != have.EndpointID {
		return nil
	}
	return err
}

// eachGrant visits the direct grants that the search finds on the endpoint of that name or, where it is empty, on every
// one that has an access list, until visit returns false. It skips the grant of admins, which nobody can change. One
// request for the endpoints, and one for each access list, sent when its turn comes. unseen are the names of endpoints
// whose list the caller may not see.
func eachGrant(
	ctx context.Context,
	c *client.Client,
	endpoint string,
	search acl.Search,
	visit func(grant) bool,
) (unseen []string, err error) {
	if endpoint != "" {
		id, list, err := acl.ReadEndpoint(ctx, c, endpoint, client.AnyAge)
		if err == nil {
			_, err = visitGrants(ctx, c, endpoint, id, list, search, visit)
		}
		return nil, err
	}
	endpoints, err := c.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		if e.ID == "" {
			continue
		}
		list, err := acl.Read(ctx, c, acl.Endpoint(e.ID), client.AnyAge)
		more := true
		if err == nil {
			more, err = visitGrants(ctx, c, e.Name, e.ID, list, search, visit)
		}
		switch {
		case errors.Is(err, client.ErrNotFound): // deleted since
		case errors.Is(err, client.ErrPermissionDenied):
			unseen = append(unseen, e.Name)
		case err != nil:
			return unseen, fmt.Errorf("serving endpoint %s: %w", e.Name, err)
		case !more:
			return unseen, nil
		}
	}
	return unseen, nil
}

// visitGrants visits grants in sorted order, because the service shuffles them. more is false if visit returned false.
func visitGrants(
	ctx context.Context,
	c *client.Client,
	endpoint, id string,
	list acl.List,
	search acl.Search,
	visit func(grant) bool,
) (more bool, err error) {
	for _, e := range slices.SortedFunc(slices.Values(list), func(a, b acl.Entry) int { return strings.Compare(a.String(), b.String()) }) {
		if e.Direct == "" || e.Kind == acl.Group && e.Name == client.AdminsGroup {
			continue
		}
		found, err := search.Finds(ctx, c, e.Principal)
		if err != nil {
			return false, err
		}
		if found && !visit(toGrant(endpoint, id, e)) {
			return false, nil
		}
	}
	return true, nil
}

// place is the grant in the register of what a run keeps, as a plan knows it.
func (g grant) place() client.Thing { return acl.Place(g.Endpoint, g.Principal) }

// keep notes that this run keeps the grant on the endpoint of that id.
func (g grant) keep(c *client.Client, endpointID string) (undo func()) {
	return c.Keep(acl.Place(acl.Endpoint(endpointID).String(), g.Principal), g.place())
}

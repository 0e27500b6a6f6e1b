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

// createGrant grants access to an endpoint, and returns the endpoint's id and the principal's entry in its access list.
// Three requests; all grants on the endpoint share the first two.
func createGrant(ctx context.Context, c *client.Client, want grant) (string, acl.Entry, error) {
	id, err := c.EndpointIDGiven(ctx, want.Endpoint, want.EndpointID)
	if err != nil {
		return "", acl.Entry{}, err
	}
	undo := want.keep(c, id)
	entry, wrote, err := acl.Grant(ctx, c, acl.Endpoint(id), want.Principal, want.Level, want.Overwrite)
	if wrote {
		c.NoteGrant(want.Endpoint) // a query that the endpoint refused may succeed soon
	}
	if err != nil && !client.IsUnverified(err) {
		undo()
	}
	if held, ok := errors.AsType[*acl.HeldError](err); ok {
		return "", acl.Entry{}, client.Advise(
			err,
			"permission_level",
			fmt.Sprintf(
				"The principal's current grant was made outside of this resource. To keep it, write permission_level "+
					"= %q. To change it to %s, set overwrite_existing = true. To manage it with this resource, "+
					"import it: terraform import <address> '%s'.",
				held.Level,
				want.Level,
				want.ID(),
			),
		)
	}
	return id, entry, err
}

// readGrant finds the endpoint by name, and returns its id and the principal's entry in its access list. If the entry
// has no direct level, the principal only inherits one. Two requests, shared by all grants on the endpoint.
func readGrant(ctx context.Context, c *client.Client, have grant) (id string, entry acl.Entry, err error) {
	id, err = c.EndpointID(ctx, have.Endpoint, client.AnyAge)
	if err != nil {
		return "", acl.Entry{}, err
	}
	entry, _, err = acl.Find(ctx, c, acl.Endpoint(id), have.Principal)
	return id, entry, err
}

// changeGrant changes the level of an existing grant. One request.
func changeGrant(ctx context.Context, c *client.Client, want grant) error {
	undo := want.keep(c, want.EndpointID)
	_, err := acl.Change(ctx, c, acl.Endpoint(want.EndpointID), want.Principal, want.Level)
	if err == nil {
		c.NoteGrant(want.Endpoint)
	} else if !client.IsUnverified(err) {
		undo()
	}
	return err
}

// revokeGrant revokes the grant and nothing else. If another resource of this Terraform run keeps the grant, it returns
// [client.ErrKept] instead. Two requests; a third if the service answers that the list or the principal does not exist.
func revokeGrant(ctx context.Context, c *client.Client, have grant) error {
	err := acl.Revoke(ctx, c, acl.Endpoint(have.EndpointID), have.Principal)
	if !errors.Is(err, client.ErrNotFound) {
		return err
	}
	// The access list of a deleted endpoint may be readable but not writable. Looking up the endpoint by name shows
	// whether it still exists.
	e, lookup := c.EndpointByName(ctx, have.Endpoint)
	if errors.Is(lookup, client.ErrNotFound) || lookup == nil && e.ID != have.EndpointID {
		return nil
	}
	return err
}

// eachGrant calls visit for each direct grant that the search finds, until visit returns false. It reads the endpoint
// of that name or, if the name is empty, every endpoint that has an access list. It skips the grant of the group
// admins, which nobody can change. One request for the endpoints, and one per access list, sent when its turn comes.
// unseen returns the names of the endpoints whose access list the caller may not see.
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
		case errors.Is(err, client.ErrNotFound): // deleted after the endpoints were listed
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

// visitGrants calls visit for the grants of one access list in sorted order, because the service returns them in random
// order. more is false if visit returned false.
func visitGrants(
	ctx context.Context,
	c *client.Client,
	endpoint, id string,
	list acl.List,
	search acl.Search,
	visit func(grant) bool,
) (more bool, err error) {
	for _, e := range slices.SortedFunc(slices.Values(list), func(a, b acl.Entry) int {
		return strings.Compare(a.String(), b.String())
	}) {
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

// keyByName returns the key of the grant by which this Terraform run records that it keeps the grant. The key has the
// endpoint's name, because a plan may not know the endpoint's id.
func (g grant) keyByName() client.ObjectKey { return acl.GrantKey(g.Endpoint, g.Principal) }

// keep records that this Terraform run needs the grant on the endpoint with that id, so that a revocation by another
// resource leaves it. undo deletes the record.
func (g grant) keep(c *client.Client, endpointID string) (undo func()) {
	return c.Keep(acl.GrantKey(acl.Endpoint(endpointID).String(), g.Principal), g.keyByName())
}

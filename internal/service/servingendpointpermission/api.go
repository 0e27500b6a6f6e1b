package servingendpointpermission

import (
	"context"
	"errors"
	"fmt"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// giveGrant makes the grant, and gives the id of the endpoint it was made on. Three requests, of which the first two are
// shared by all grants on the endpoint.
func giveGrant(ctx context.Context, c *client.Client, want grant) (string, acl.Entry, error) {
	id, err := c.EndpointID(ctx, want.Endpoint, client.Lately)
	if err == nil && want.EndpointID != "" && want.EndpointID != id {
		// What was looked up for another grant may be from before the endpoint was replaced.
		var e client.Endpoint
		e, err = c.EndpointByName(ctx, want.Endpoint)
		id = e.ID
	}
	if err != nil {
		return "", acl.Entry{}, err
	}
	if want.EndpointID != "" && want.EndpointID != id {
		return "", acl.Entry{}, client.Advise(fmt.Errorf("endpoint_id is %s, and the endpoint of that name has the id %s", want.EndpointID, id), "endpoint_id",
			"The service keeps the access list of a deleted endpoint, so a grant on the other id would help nobody. Correct endpoint_id, or leave it out.")
	}
	entry, wrote, err := acl.Grant(ctx, c, acl.Endpoint(id), want.Principal, want.Level, want.Overwrite)
	if wrote {
		c.NoteGrant(want.Endpoint) // a refusal to score it may be worth a second try now
	}
	var held *acl.HeldError
	if errors.As(err, &held) {
		return "", acl.Entry{}, client.Advise(err, "permission_level", fmt.Sprintf("Somebody gave it before. Write permission_level = %q, set overwrite_existing = true to make it %s, "+
			"or import the grant: terraform import <address> '%s'.", held.Level, want.Level, want.ID()))
	}
	return id, entry, err
}

// readGrants looks the endpoint up by name and reads its access list. Two requests, shared by all grants on the endpoint.
func readGrants(ctx context.Context, c *client.Client, endpoint string) (id string, list acl.List, err error) {
	id, err = c.EndpointID(ctx, endpoint, client.AnyAge)
	if err != nil {
		return "", nil, err
	}
	list, err = acl.Read(ctx, c, acl.Endpoint(id), client.AnyAge)
	return id, list, err
}

// readGrant is readGrants for one principal; an entry without a direct level is one that only inherits.
func readGrant(ctx context.Context, c *client.Client, have grant) (id string, entry acl.Entry, err error) {
	id, err = c.EndpointID(ctx, have.Endpoint, client.AnyAge)
	if err != nil {
		return "", acl.Entry{}, err
	}
	entry, _, err = acl.Find(ctx, c, acl.Endpoint(id), have.Principal)
	return id, entry, err
}

// changeGrant moves the grant to another level in place. One request.
func changeGrant(ctx context.Context, c *client.Client, want grant) (acl.Entry, error) {
	entry, err := acl.Change(ctx, c, acl.Endpoint(want.EndpointID), want.Principal, want.Level)
	if err == nil {
		c.NoteGrant(want.Endpoint)
	}
	return entry, err
}

// takeGrant removes the grant and nothing else. Two requests; a third when the service no longer knows what was asked for.
func takeGrant(ctx context.Context, c *client.Client, have grant) error {
	err := acl.Revoke(ctx, c, acl.Endpoint(have.EndpointID), have.Principal)
	if !errors.Is(err, client.ErrNotFound) {
		return err
	}
	// The list of a deleted endpoint may be readable and yet not writable: its name tells whether it is still there.
	e, lookup := c.EndpointByName(ctx, have.Endpoint)
	if errors.Is(lookup, client.ErrNotFound) || lookup == nil && e.ID != have.EndpointID {
		return nil
	}
	return err
}

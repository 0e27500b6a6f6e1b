package servingendpointpermission

import (
	"context"
	"errors"
	"fmt"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// giveGrant makes the grant, and gives the id of the endpoint it was made on. Three requests.
func giveGrant(ctx context.Context, c *client.Client, want grant) (string, acl.Entry, error) {
	id, err := c.EndpointID(ctx, want.Endpoint)
	if err != nil {
		return "", acl.Entry{}, err
	}
	if want.EndpointID != "" && want.EndpointID != id {
		return "", acl.Entry{}, client.Advise(fmt.Errorf("endpoint_id is %s, and the endpoint of that name has the id %s", want.EndpointID, id), "endpoint_id",
			"The service keeps the access list of a deleted endpoint, so a grant on the other id would help nobody. Correct endpoint_id, or leave it out.")
	}
	entry, err := acl.Grant(ctx, c, acl.Endpoint(id), want.Principal, want.Level, want.Overwrite)
	var held *acl.HeldError
	if errors.As(err, &held) {
		return "", acl.Entry{}, client.Advise(err, "permission_level", fmt.Sprintf("Somebody gave it before. Write permission_level = %q, set overwrite_existing = true to make it %s, "+
			"or import the grant: terraform import <address> '%s'.", held.Level, want.Level, want.ID()))
	}
	noteGrant(c, want.Endpoint, err)
	return id, entry, err
}

// noteGrant tells those who score the endpoint in this run that a refusal may be worth a second try.
func noteGrant(c *client.Client, endpoint string, err error) {
	var unverified *acl.UnverifiedError
	if err == nil || errors.As(err, &unverified) {
		c.NoteGrant(endpoint)
	}
}

// readGrants looks the endpoint up by name and reads its access list. Two requests.
func readGrants(ctx context.Context, c *client.Client, endpoint string) (id string, list acl.List, err error) {
	id, err = c.EndpointID(ctx, endpoint)
	if err != nil {
		return "", nil, err
	}
	list, err = acl.Read(ctx, c, acl.Endpoint(id))
	return id, list, err
}

// changeGrant moves the grant to another level in place. One request.
func changeGrant(ctx context.Context, c *client.Client, want grant) (acl.Entry, error) {
	entry, err := acl.Change(ctx, c, acl.Endpoint(want.EndpointID), want.Principal, want.Level)
	noteGrant(c, want.Endpoint, err)
	return entry, err
}

// takeGrant removes the grant and nothing else. Two requests; a third when the service no longer knows what was asked for.
func takeGrant(ctx context.Context, c *client.Client, have grant) error {
	err := acl.Revoke(ctx, c, acl.Endpoint(have.EndpointID), have.Principal)
	if !errors.Is(err, client.ErrNotFound) {
		return err
	}
	// The list of a deleted endpoint may be readable and yet not writable: its name tells whether it is still there.
	id, lookup := c.EndpointID(ctx, have.Endpoint)
	if errors.Is(lookup, client.ErrNotFound) || lookup == nil && id != have.EndpointID {
		return nil
	}
	return err
}

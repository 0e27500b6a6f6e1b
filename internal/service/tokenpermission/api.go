package tokenpermission

import (
	"context"
	"errors"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// allowTokens gives CAN_USE; a principal that holds more (admins have CAN_MANAGE) is left as it is. Two requests.
func allowTokens(ctx context.Context, c *client.Client, p acl.Principal) (acl.Entry, error) {
	undo := c.Keep(right(p))
	entry, _, err := acl.Grant(ctx, c, acl.Tokens, p, acl.CanUse, false)
	var unverified *acl.UnverifiedError
	if err != nil && !errors.As(err, &unverified) {
		undo()
	}
	return entry, err
}

// right is the right of that principal in the register of what a run keeps.
func right(p acl.Principal) client.Thing { return acl.Place(acl.Tokens.String(), p) }

// readTokens reads who may use tokens. One request, shared by all.
func readTokens(ctx context.Context, c *client.Client) (acl.List, error) {
	return acl.Read(ctx, c, acl.Tokens, client.AnyAge)
}

// refuseTokens takes CAN_USE away, or gives [client.ErrKept]; the service then deletes the principal's tokens. Two requests.
func refuseTokens(ctx context.Context, c *client.Client, p acl.Principal) error {
	return acl.Revoke(ctx, c, acl.Tokens, p)
}

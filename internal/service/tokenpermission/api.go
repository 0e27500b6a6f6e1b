package tokenpermission

import (
	"context"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// allowTokens gives CAN_USE; a principal that holds more (admins have CAN_MANAGE) is left as it is. Two requests.
func allowTokens(ctx context.Context, c *client.Client, p acl.Principal) (acl.Entry, error) {
	entry, _, err := acl.Grant(ctx, c, acl.Tokens, p, acl.CanUse, false)
	return entry, err
}

// readTokens reads who may use tokens. One request, shared by all.
func readTokens(ctx context.Context, c *client.Client) (acl.List, error) {
	return acl.Read(ctx, c, acl.Tokens, client.AnyAge)
}

// refuseTokens takes CAN_USE away; the service then deletes the principal's tokens. Two requests.
func refuseTokens(ctx context.Context, c *client.Client, p acl.Principal) error {
	return acl.Revoke(ctx, c, acl.Tokens, p)
}

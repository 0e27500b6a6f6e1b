package tokenpermission

import (
	"context"
	"errors"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// grantTokenUse grants CAN_USE. A principal that holds more (admins have CAN_MANAGE) stays as it is. Two requests.
func grantTokenUse(ctx context.Context, c *client.Client, p acl.Principal) (acl.Entry, error) {
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

// listTokens reads the list of the principals that may use tokens. A workspace has no such list before its first token
// was created: then exists is false. One request, or none where a copy is not older than maxAge.
func listTokens(ctx context.Context, c *client.Client, maxAge time.Duration) (list acl.List, exists bool, err error) {
	list, err = acl.Read(ctx, c, acl.Tokens, maxAge)
	if errors.Is(err, client.ErrNotFound) {
		return nil, false, nil
	}
	return list, err == nil, err
}

// search returns the principals that hold CAN_USE directly and match, sorted. One request, and another where the
// login does not name its identity.
func search(ctx context.Context, c *client.Client, s acl.Search) (found acl.List, err error) {
	list, _, err := listTokens(ctx, c, client.AnyAge)
	for _, h := range list.Levels() {
		if h.Inherited || h.Level != acl.CanUse {
			continue
		}
		ok, err := s.Finds(ctx, c, h.Principal)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, acl.Entry{Principal: h.Principal, DisplayName: h.DisplayName, Direct: h.Level})
		}
	}
	return found, err
}

// revokeTokenUse revokes CAN_USE, or returns [client.ErrKept]. The service then deletes the principal's tokens. Two
// requests.
func revokeTokenUse(ctx context.Context, c *client.Client, p acl.Principal) error {
	return acl.Revoke(ctx, c, acl.Tokens, p)
}

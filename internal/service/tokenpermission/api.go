package tokenpermission

import (
	"context"
	"errors"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// grantTokenUse grants the principal CAN_USE on tokens. If the principal holds a higher level (admins have CAN_MANAGE),
// that level stays. Two requests.
func grantTokenUse(ctx context.Context, c *client.Client, p acl.Principal) (acl.Entry, error) {
	undo := c.Keep(rightKey(p))
	entry, _, err := acl.Grant(ctx, c, acl.Tokens, p, acl.CanUse, false)
	if err != nil && !client.IsUnverified(err) {
		undo()
	}
	return entry, err
}

// rightKey returns the key by which this Terraform run records that it keeps the principal's right to use tokens.
func rightKey(p acl.Principal) client.ObjectKey { return acl.GrantKey(acl.Tokens.String(), p) }

// listTokens reads the list of the principals that may use personal access tokens. A workspace has no such list before
// its first token is created; then exists is false. One request, or none if a cached copy is not older than maxAge.
func listTokens(ctx context.Context, c *client.Client, maxAge time.Duration) (list acl.List, exists bool, err error) {
	list, err = acl.Read(ctx, c, acl.Tokens, maxAge)
	if errors.Is(err, client.ErrNotFound) {
		return nil, false, nil
	}
	return list, err == nil, err
}

// search returns, sorted, the principals that hold CAN_USE directly and match the search. One request, and a second one
// if the login does not name its identity.
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

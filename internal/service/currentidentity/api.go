package currentidentity

import (
	"context"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// whoAmI reads the caller's identity from the workspace, and the claims of the token that the request used. One
// request.
func whoAmI(ctx context.Context, c *client.Client) (session, error) {
	me, err := c.Me(ctx)
	if err != nil {
		return session{}, err
	}
	s := session{Identity: me, Login: c.Login, Host: c.Host(), WorkspaceID: c.WorkspaceID()}
	if c.Login.Kind == auth.KindToken {
		return s, nil
	}
	token, err := c.Token(ctx, auth.DatabricksScope) // from the cache, because the request above used this token
	if err != nil {
		return session{}, err
	}
	s.Claims, err = auth.Claims(token.Value)
	return s, err
}

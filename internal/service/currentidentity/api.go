package currentidentity

import (
	"context"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// whoAmI asks the workspace who calls, and reads the token it was called with. One request.
func whoAmI(ctx context.Context, c *client.Client) (session, error) {
	me, err := c.Me(ctx)
	if err != nil {
		return session{}, err
	}
	s := session{Identity: me, Login: c.Login, Host: c.Host(), WorkspaceID: c.WorkspaceID()}
	if c.Login.Kind == auth.KindToken {
		return s, nil
	}
	token, err := c.Token(ctx, auth.DatabricksScope) // from the cache: the call before used it
	if err != nil {
		return session{}, err
	}
	s.Claims, err = auth.Claims(token.Value)
	return s, err
}

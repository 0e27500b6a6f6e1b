package entratoken

import (
	"context"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// entraToken is a bearer token of Entra ID with the claims in it. It is never printed.
type entraToken struct {
	auth.Token
	Claims string // JSON
}

// getToken returns a token for the audience from the provider's login, which caches tokens until shortly before they
// expire.
func getToken(ctx context.Context, c *client.Client, audience string) (entraToken, error) {
	scope := auth.DatabricksScope
	switch audience {
	case forManagement:
		scope = c.Login.ManagementScope()
	case forKeyVault:
		scope = c.Login.KeyVaultScope()
	}
	token, err := c.Token(ctx, scope)
	if err != nil {
		return entraToken{}, err
	}
	claims, err := auth.Claims(token.Value)
	return entraToken{token, claims}, err
}

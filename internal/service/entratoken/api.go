package entratoken

import (
	"context"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// entraToken is a bearer token with what it says of itself. It is never printed.
type entraToken struct {
	auth.Token
	Claims string // JSON
}

// getToken asks the provider's login, which keeps tokens until shortly before they expire.
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

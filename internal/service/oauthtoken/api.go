package oauthtoken

import (
	"context"
	"fmt"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// want describes the access token that a configuration asks for. It may hold a secret and is never printed.
type want struct {
	ProviderIdentity bool
	ClientID         string
	Secret           string // empty: the secret is in Key Vault, or the provider is the client
	VaultURI, Name   string // where the secret is in Key Vault; empty: not there
	Scopes           []string
	Endpoint         string // serving endpoint that the token is for; empty: the workspace
}

// oauthToken is an access token with its claims. It is never printed.
type oauthToken struct {
	auth.Token
	Claims string // JSON
	// EndpointURL is the address at which an application calls the configured serving endpoint with this token.
	EndpointURL string
}

// getToken returns an access token of the workspace for an application or for the provider's own identity. If the
// configuration names a secret in Key Vault, getToken reads that secret first. Then it sends one request for the token,
// or two if a serving endpoint is named. It sends none if this run already has such a token.
func getToken(ctx context.Context, c *client.Client, w want) (oauthToken, error) {
	as, err := logIn(ctx, c, w)
	if err != nil {
		return oauthToken{}, err
	}
	var t oauthToken
	if w.Endpoint == "" {
		t.Token, err = as.Token(ctx, auth.DatabricksScope)
	} else {
		t.Token, t.EndpointURL, err = forEndpoint(ctx, c, as, w.Endpoint)
	}
	if err != nil {
		return oauthToken{}, err
	}
	t.Claims, err = auth.Claims(t.Value)
	return t, err
}

func logIn(ctx context.Context, c *client.Client, w want) (*client.Client, error) {
	if w.ProviderIdentity {
		if !c.Login.Kind.HasEndpointTokens() {
			return nil, client.Advise(
				fmt.Errorf("the provider is logged in by %s", c.Login.Kind),
				"use_provider_identity",
				"This is not a login by Databricks OAuth. Set the provider's login to databricks_oauth or "+
					"databricks_oidc, or write client_id and client_secret here. For a token of Entra ID, use "+
					"dbxaccess_entra_token.",
			)
		}
		return c, nil
	}
	secret := auth.Setting{Value: w.Secret, Attribute: "client_secret"}
	if w.Name != "" {
		var err error
		if secret, err = c.ReadSecret(ctx, "key_vault_secret", w.VaultURI, w.Name); err != nil {
			return nil, err
		}
	}
	return c.LogIn(auth.Settings{
		DatabricksClientID:     auth.Setting{Value: w.ClientID, Attribute: "client_id"},
		DatabricksClientSecret: secret,
		DatabricksScopes:       auth.Setting{Value: strings.Join(w.Scopes, " "), Attribute: "scopes"},
	})
}

// forEndpoint returns a token for a serving endpoint, and the address at which the endpoint is called with that token.
// Only a route-optimized endpoint needs a token of its own; for any other endpoint it returns a token for the
// workspace.
func forEndpoint(ctx context.Context, c, as *client.Client, name string) (auth.Token, string, error) {
	endpoint, err := c.EndpointByName(ctx, name)
	if err != nil && as != c { // the application may be allowed to read an endpoint that the provider cannot read
		if seen, asErr := as.EndpointByName(ctx, name); asErr == nil {
			endpoint, err = seen, nil
		}
	}
	if err != nil {
		return auth.Token{}, "", err
	}
	if !endpoint.RouteOptimized {
		host, err := c.FindHost(ctx)
		if err != nil {
			return auth.Token{}, "", err
		}
		token, err := as.Token(ctx, auth.DatabricksScope)
		return token, host + client.PathOf("/serving-endpoints", name, "invocations"), err
	}
	// Check the address before requesting the token, because the token will be sent to that address.
	address, err := c.OptimizedAddress(endpoint)
	if err != nil {
		return auth.Token{}, "", err
	}
	token, err := as.Login.EndpointToken(ctx, endpoint.AuthorizationDetails())
	return token, address, err
}

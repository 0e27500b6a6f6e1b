package oauthtoken

import (
	"context"
	"fmt"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// want is which token is asked for. It may hold a secret and is never printed.
type want struct {
	ProviderIdentity bool
	ClientID         string
	Secret           string // empty: it is in the vault, or the provider is the client
	VaultURI, Name   string // of the secret in Key Vault
	Scopes           []string
	Endpoint         string // empty: a token for the workspace
}

// oauthToken is an access token and its claims. It is never printed.
type oauthToken struct {
	auth.Token
	Claims string // JSON
	// EndpointURL is the address at which the token calls the named endpoint.
	EndpointURL string
}

// getToken gets a token from the workspace, as an application or as the provider itself. One request, and one more for
// an endpoint; none if this run has such a token already. Before that it reads a secret in Key Vault, if one is named.
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
				"That is not a login by Databricks OAuth. Log in by databricks_oauth or databricks_oidc, or write "+
					"client_id and client_secret. For a token of Entra ID there is dbxaccess_entra_token.",
			)
		}
		return c, nil
	}
	secret := auth.Setting{Value: w.Secret, Attribute: "client_secret"}
	if w.Name != "" {
		vault, err := c.Vault(auth.Setting{Value: w.VaultURI, Attribute: "key_vault_secret.vault_uri"})
		if err != nil {
			return nil, err
		}
		value, err := vault.ReadSecret(ctx, auth.Setting{Value: w.Name, Attribute: "key_vault_secret.name"})
		if err != nil {
			return nil, err
		}
		secret = auth.Setting{Value: value, Attribute: "key_vault_secret"}
	}
	return c.LogIn(auth.Settings{
		DatabricksClientID:     auth.Setting{Value: w.ClientID, Attribute: "client_id"},
		DatabricksClientSecret: secret,
		DatabricksScopes:       auth.Setting{Value: strings.Join(w.Scopes, " "), Attribute: "scopes"},
	})
}

// forEndpoint returns a token for the endpoint, and the address at which the token calls it. Only a route-optimized
// endpoint needs a token of its own.
func forEndpoint(ctx context.Context, c, as *client.Client, name string) (auth.Token, string, error) {
	endpoint, err := c.EndpointByName(ctx, name)
	if err != nil && as != c { // the provider may not see what the application may
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
	// Checked before the token is issued, because it is sent to that address.
	address, err := c.OptimizedAddress(endpoint)
	if err != nil {
		return auth.Token{}, "", err
	}
	token, err := as.Login.EndpointToken(ctx, endpoint.AuthorizationDetails())
	return token, address, err
}

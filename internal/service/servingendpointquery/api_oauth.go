package servingendpointquery

import (
	"context"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// oauthClient is the login of an application at the workspace.
func (q query) oauthClient(secret auth.Setting) auth.Settings {
	s := auth.Settings{
		DatabricksClientID:     auth.Setting{Value: q.ClientID, Attribute: "client_id"},
		DatabricksClientSecret: secret,
	}
	if q.fewScopes {
		s.DatabricksScopes.Value = auth.ModelServing
	}
	return s
}

// ownAddress is the endpoint where it is to be asked at its own address: a route-optimised one, by who can get a token
// for it. Nil where it is asked at the workspace's. One request, or none for an identity that gets no such token; a
// second one where the provider may not see the endpoint.
func ownAddress(ctx context.Context, c, as *client.Client, q query) *client.Endpoint {
	if !as.Login.Kind.HasEndpointTokens() {
		return nil
	}
	endpoint, err := c.EndpointByName(ctx, q.Endpoint)
	if err != nil && as != c {
		endpoint, err = as.EndpointByName(ctx, q.Endpoint)
	}
	if err != nil || !endpoint.RouteOptimized {
		// Who may query an endpoint need not see it; what is not there the query itself says.
		return nil
	}
	return &endpoint
}

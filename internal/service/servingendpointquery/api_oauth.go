package servingendpointquery

import (
	"context"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// oauthClient returns the settings to log in to the workspace as the application whose client id the query names.
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

// ownAddress returns the endpoint if it must be called at its own address: it is route-optimized, and the identity can
// get a token for it. It returns nil if the endpoint must be called at the workspace's address. One request; none for
// an identity that cannot get such a token; a second one if the provider may not see the endpoint.
func ownAddress(ctx context.Context, c, as *client.Client, q query) *client.Endpoint {
	if !as.Login.Kind.HasEndpointTokens() {
		return nil
	}
	endpoint, err := c.EndpointByName(ctx, q.Endpoint)
	if err != nil && as != c {
		endpoint, err = as.EndpointByName(ctx, q.Endpoint)
	}
	if err != nil || !endpoint.RouteOptimized {
		// An identity may query an endpoint without seeing it. If the endpoint does not exist, the query reports that.
		return nil
	}
	return &endpoint
}

package client

import (
	"context"
	"fmt"
	"net/http"
)

// Endpoints lists the endpoints that the caller may see, in the service's order. A list tells less than [Client.EndpointByName]
// does: neither the caller's level, nor where a route-optimised one is called, nor the state of what it serves. One request.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/list
func (c *Client) Endpoints(ctx context.Context) ([]Endpoint, error) {
	var answer endpointList
	if err := c.Call(ctx, http.MethodGet, servingEndpoints, nil, nil, &answer); err != nil {
		return nil, err
	}
	list := make([]Endpoint, 0, len(answer.Endpoints))
	for i := range answer.Endpoints {
		list = append(list, answer.Endpoints[i].endpoint())
	}
	return list, nil
}

// EndpointName is the name behind a system id, for a state that knows the id alone. [ErrNotFound] where the list of
// endpoints does not show it. One request, shared by everything in this run.
func (c *Client) EndpointName(ctx context.Context, id string) (string, error) {
	ids, err := c.endpoints.all.Get(ctx, AnyAge, c.endpointIDs)
	if err != nil {
		return "", err
	}
	for name, other := range ids {
		if other == id {
			return name, nil
		}
	}
	return "", Advise(fmt.Errorf("no serving endpoint has the id %s: %w", id, ErrNotFound), "",
		"It was deleted, or made anew under its name, which gives it another id; or the provider's identity may not see it (it needs CAN_VIEW on the endpoint). "+
			"If it is gone, remove the moved block and take the old address out of the state: terraform state rm <address>. The list of one made anew is imported by the endpoint's name.")
}

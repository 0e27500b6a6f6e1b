package client

import (
	"context"
	"fmt"
)

// EndpointIDGiven is the id behind a name, for a write to the endpoint's access list, where an id may be given beside the
// name: then both must mean one endpoint. The service goes on answering for a deleted endpoint's id, so a grant written
// there would be lost without an error. One request, shared by everything that looks at the same time; a second one when
// the id differs from what was looked up a moment ago.
func (c *Client) EndpointIDGiven(ctx context.Context, name, given string) (string, error) {
	id, err := c.EndpointID(ctx, name, Lately)
	if err == nil && given != "" && given != id {
		// What was looked up for another resource may be from before the endpoint was replaced.
		var e Endpoint
		e, err = c.EndpointByName(ctx, name)
		id = e.ID
	}
	if err != nil {
		return "", err
	}
	if given != "" && given != id {
		return "", Advise(fmt.Errorf("endpoint_id is %s, and the endpoint of that name has the id %s", given, id), "endpoint_id",
			"The service keeps the access list of a deleted endpoint, so a grant on the other id would help nobody. Correct endpoint_id, or leave it out; "+
				"where it is not written, the endpoint was made anew after the plan: plan again.")
	}
	return id, nil
}

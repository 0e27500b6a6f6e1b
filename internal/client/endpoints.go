package client

import (
	"context"

	"github.com/databricks/databricks-sdk-go/service/serving"
)

// Endpoints lists the endpoints that the caller may see, in the service's order. A list tells less than [Client.EndpointByName]
// does: neither the caller's level, nor where a route-optimised one is called, nor the state of what it serves. One request.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/list
func (c *Client) Endpoints(ctx context.Context) ([]Endpoint, error) {
	all, err := serving.NewServingEndpoints(c.sdk).ListAll(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Endpoint, 0, len(all))
	for _, e := range all {
		out := Endpoint{
			Name: e.Name, ID: e.Id, Creator: e.Creator, Description: e.Description, Task: e.Task,
			CreatedAt: fromMillis(e.CreationTimestamp), UpdatedAt: fromMillis(e.LastUpdatedTimestamp), Tags: map[string]string{},
		}
		if e.State != nil {
			out.Ready = e.State.Ready == serving.EndpointStateReadyReady
			out.ConfigUpdate = string(e.State.ConfigUpdate)
		}
		if e.Config != nil {
			for _, s := range e.Config.ServedEntities {
				out.Entities = append(out.Entities, ServedEntity{Name: s.Name, EntityName: s.EntityName, EntityVersion: s.EntityVersion})
			}
		}
		for _, t := range e.Tags {
			out.Tags[t.Key] = t.Value
		}
		list = append(list, out)
	}
	return list, nil
}

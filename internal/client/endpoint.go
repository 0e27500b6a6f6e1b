package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/databricks/databricks-sdk-go/service/serving"
)

// Endpoint is a model-serving endpoint.
type Endpoint struct {
	Name            string
	ID              string // system id, 32 hex digits; empty for a foundation-model endpoint
	Creator         string // user name or application id
	Description     string
	Ready           bool
	ConfigUpdate    string // NOT_UPDATING, IN_PROGRESS, UPDATE_FAILED, UPDATE_CANCELED
	Task            string // such as llm/v1/chat; empty for custom models
	RouteOptimized  bool
	URL             string // of a route-optimised endpoint only
	PermissionLevel string // the caller's own level: CAN_VIEW, CAN_QUERY or CAN_MANAGE
	CreatedAt       time.Time
	UpdatedAt       time.Time
	Entities        []ServedEntity
	Tags            map[string]string
}

// ServedEntity is a model behind an endpoint.
type ServedEntity struct {
	Name          string
	EntityName    string // Unity Catalog or registry name
	EntityVersion string
	WorkloadSize  string
	ScaleToZero   bool
	State         string // such as DEPLOYMENT_READY
	StateMessage  string // such as "Scaled to zero"
}

// ErrNoEndpointID: a foundation-model (pay-per-token) endpoint. It has no id, hence no access list.
var ErrNoEndpointID = errors.New("the endpoint has no id")

// EndpointByName reads an endpoint. One request.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/get
func (c *Client) EndpointByName(ctx context.Context, name string) (Endpoint, error) {
	e, err := serving.NewServingEndpoints(c.sdk).Get(ctx, serving.GetServingEndpointRequest{Name: name})
	if err != nil {
		return Endpoint{}, adviseEndpoint(err, name)
	}
	out := Endpoint{
		Name:            e.Name,
		ID:              e.Id,
		Creator:         e.Creator,
		Description:     e.Description,
		Task:            e.Task,
		RouteOptimized:  e.RouteOptimized,
		URL:             e.EndpointUrl,
		PermissionLevel: string(e.PermissionLevel),
		CreatedAt:       FromMillis(e.CreationTimestamp),
		UpdatedAt:       FromMillis(e.LastUpdatedTimestamp),
		Tags:            map[string]string{},
	}
	if e.State != nil {
		out.Ready = e.State.Ready == serving.EndpointStateReadyReady
		out.ConfigUpdate = string(e.State.ConfigUpdate)
	}
	if e.Config != nil {
		for _, s := range e.Config.ServedEntities {
			entity := ServedEntity{
				Name: s.Name, EntityName: s.EntityName, EntityVersion: s.EntityVersion,
				WorkloadSize: s.WorkloadSize, ScaleToZero: s.ScaleToZeroEnabled,
			}
			if s.State != nil {
				entity.State = string(s.State.Deployment)
				entity.StateMessage = s.State.DeploymentStateMessage
			}
			out.Entities = append(out.Entities, entity)
		}
	}
	for _, t := range e.Tags {
		out.Tags[t.Key] = t.Value
	}
	return out, nil
}

// EndpointID is the id behind a name, or an error that says why there is none. One request for a name or two, then one
// list for all of them, shared by everything in this run; what is known may be maxAge old, or [AnyAge].
func (c *Client) EndpointID(ctx context.Context, name string, maxAge time.Duration) (string, error) {
	id, err := c.endpoints.Get(ctx, name, maxAge, func(ctx context.Context) (string, error) {
		e, err := c.EndpointByName(ctx, name)
		return e.ID, err
	}, c.endpointIDs)
	if err != nil {
		return "", err
	}
	if id == "" {
		return "", Advise(fmt.Errorf("serving endpoint %q: %w", name, ErrNoEndpointID), "endpoint_name",
			"It is a foundation-model (pay-per-token) endpoint. The service keeps no access list for those: every workspace member may call them. "+
				"Serve the model from an endpoint of your own (provisioned throughput, external or custom model) to say who may call it.")
	}
	return id, nil
}

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

// https://docs.databricks.com/api/azure/workspace/servingendpoints/list
func (c *Client) endpointIDs(ctx context.Context) (map[string]string, error) {
	var answer struct {
		Endpoints []struct {
			Name string `json:"name"`
			ID   string `json:"id"`
		} `json:"endpoints"`
	}
	if err := c.Call(ctx, http.MethodGet, "/api/2.0/serving-endpoints", nil, nil, &answer); err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(answer.Endpoints))
	for _, e := range answer.Endpoints {
		ids[e.Name] = e.ID
	}
	return ids, nil
}

func adviseEndpoint(err error, name string) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return Advise(err, "endpoint_name", fmt.Sprintf("There is no serving endpoint named %q in this workspace. Names are case-sensitive; "+
			"an endpoint that the same configuration creates must be created first (refer to its name, or use depends_on).", name))
	case errors.Is(err, ErrPermissionDenied):
		return Advise(err, "endpoint_name", fmt.Sprintf("The endpoint %q exists, but the provider's identity may not see it. "+
			"Give it CAN_MANAGE on the endpoint (CAN_VIEW to read only), or make it a workspace admin.", name))
	default:
		return err
	}
}

// FromMillis is a time as the workspace writes it, in milliseconds; for none it writes 0 or -1.
func FromMillis(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

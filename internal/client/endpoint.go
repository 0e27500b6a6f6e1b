package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"
)

// Endpoint is a model-serving endpoint.
type Endpoint struct {
	Name            string
	ID              string // the system id, 32 hex digits; empty for a foundation-model endpoint
	Creator         string // user name or application id
	Description     string
	Ready           bool
	ConfigUpdate    string // NOT_UPDATING, IN_PROGRESS, UPDATE_FAILED, UPDATE_CANCELED
	Task            string // such as llm/v1/chat; empty for custom models
	RouteOptimized  bool
	URL             string // of a route-optimized endpoint only
	Details         string // JSON of a route-optimized endpoint; may be empty, see [Endpoint.AuthorizationDetails]
	PermissionLevel string // the caller's own level: CAN_VIEW, CAN_QUERY or CAN_MANAGE
	CreatedAt       time.Time
	UpdatedAt       time.Time
	Entities        []ServedEntity
	Tags            map[string]string
}

// ServedEntity is a model that an endpoint serves.
type ServedEntity struct {
	Name          string
	EntityName    string // name in Unity Catalog or in the model registry
	EntityVersion string
	WorkloadSize  string
	ScaleToZero   bool
	State         string // such as DEPLOYMENT_READY
	StateMessage  string // such as "Scaled to zero"
}

// ErrNoEndpointID is the error for a foundation-model (pay-per-token) endpoint, which has no id and so no access list.
var ErrNoEndpointID = errors.New("the endpoint has no id")

const servingEndpoints = "/api/2.0/serving-endpoints"

// EndpointByName reads the endpoint with that name. One request.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/get
func (c *Client) EndpointByName(ctx context.Context, name string) (Endpoint, error) {
	answer := endpointAnswer{want: name}
	err := c.Call(ctx, http.MethodGet, PathOf(servingEndpoints, name), nil, nil, &answer)
	if err != nil {
		return Endpoint{}, c.AdviseEndpoint(ctx, err, name)
	}
	return answer.endpoint(), nil
}

// EndpointID returns the id of the endpoint with that name, or an error with the reason why there is none. The id may
// be a copy that is at most maxAge old, or of any age for [AnyAge]. One request for one or two names; for more names,
// one list of all endpoints, shared by all callers in this run.
func (c *Client) EndpointID(ctx context.Context, name string, maxAge time.Duration) (string, error) {
	id, err := c.endpoints.Get(ctx, name, maxAge, func(ctx context.Context) (string, error) {
		e, err := c.EndpointByName(ctx, name)
		return e.ID, err
	})
	if err != nil {
		return "", err
	}
	if id == "" {
		return "", Advise(fmt.Errorf("serving endpoint %q: %w", name, ErrNoEndpointID), "endpoint_name",
			"The endpoint is a foundation-model (pay-per-token) endpoint. Such endpoints have no access list: by "+
				"default every member of the workspace may call them, and Unity Catalog can restrict that. To decide "+
				"who may call the model, serve it from an endpoint of your own (provisioned throughput, external or "+
				"custom model).")
	}
	return id, nil
}

// EndpointIDGiven returns the id of the endpoint with that name, for a write to its access list. If an id is also
// given, both must identify the same endpoint, or it returns an error. The service still answers for the id of a
// deleted endpoint, so a grant that is written there would be lost without an error. One request, shared by concurrent
// callers; a second one if the given id differs from a cached one.
func (c *Client) EndpointIDGiven(ctx context.Context, name, given string) (string, error) {
	id, err := c.EndpointID(ctx, name, RecentAge)
	if err == nil && given != "" && !strings.EqualFold(given, id) {
		// The endpoint may have been replaced since its id was cached.
		var e Endpoint
		e, err = c.EndpointByName(ctx, name)
		id = e.ID
	}
	if err != nil {
		return "", err
	}
	if given != "" && !strings.EqualFold(given, id) {
		return "", Advise(fmt.Errorf("endpoint_id is %s, but the endpoint with this name has the id %s", given, id),
			"endpoint_id", "The service keeps the access list of a deleted endpoint, so a grant on the wrong id "+
				"would have no effect. Correct endpoint_id, or remove it from the configuration. If the "+
				"configuration does not set endpoint_id, the endpoint was re-created after the plan: plan again.")
	}
	return id, nil
}

// endpointIDs returns the ids of all endpoints by their names. One request.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/list
func (c *Client) endpointIDs(ctx context.Context) (map[string]string, error) {
	var answer endpointList
	if err := c.Call(ctx, http.MethodGet, servingEndpoints, nil, nil, &answer); err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(answer.Endpoints))
	for _, e := range answer.Endpoints {
		ids[e.Name] = e.ID
	}
	return ids, nil
}

// AdviseEndpoint adds the user's next step to an error about the endpoint with that name. If there is no such endpoint,
// the advice names endpoints with similar names. These are looked up when the error is shown.
func (c *Client) AdviseEndpoint(ctx context.Context, err error, name string) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return &Advice{
			Err: err, Attribute: "endpoint_name",
			Next: fmt.Sprintf("There is no serving endpoint named %q in this workspace. Names are case-sensitive; an "+
				"endpoint of the same configuration must be created first, so refer to its resource, or use "+
				"depends_on.", name),
			lookUp: func() string { return c.meantEndpoint(ctx, name) },
		}
	case errors.Is(err, ErrPermissionDenied):
		return Advise(err, "endpoint_name", fmt.Sprintf("The endpoint %q exists, but the provider's identity may not "+
			"see it. The identity needs CAN_VIEW on the endpoint to read it, and CAN_MANAGE to change who may call it.",
			name))
	default:
		return err
	}
}

// meantEndpoint returns a sentence about the endpoint that the user probably meant, if the given value is an endpoint's
// id or a mistyped name. It returns an empty string if no name is similar or the endpoints cannot be listed. No request
// if this run has listed the endpoints, otherwise one.
func (c *Client) meantEndpoint(ctx context.Context, given string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookUpTime)
	defer cancel()
	ids, err := c.endpoints.All(ctx)
	if err != nil {
		return ""
	}
	var near []string
	for name, id := range ids {
		if id != "" && strings.EqualFold(id, given) {
			return fmt.Sprintf("The value is the id of the endpoint %q. Write the endpoint's name instead.", name)
		}
		if name != given && closeNames(name, given) {
			near = append(near, strconv.Quote(name))
		}
	}
	switch {
	case len(near) > 0:
		slices.Sort(near)
		return "Endpoints with similar names: " + strings.Join(near[:min(len(near), 5)], ", ") + "."
	case len(given) == endpointIDLength && strings.Trim(strings.ToLower(given), "0123456789abcdef") == "":
		return "The value looks like the id of an endpoint, but no endpoint that the provider's identity can see has " +
			"this id."
	default:
		return ""
	}
}

const endpointIDLength = 32

// closeNames reports whether the given name is probably a mistyped form of name. The two may differ in case and
// separators, or in a part that is left out at one end, or in one letter of four, but at most three letters.
func closeNames(name, given string) bool {
	name, given = strings.ToLower(name), strings.ToLower(given)
	letters := strings.NewReplacer("-", "", "_", "", " ", "", ".", "")
	if plain := letters.Replace(given); plain != "" && letters.Replace(name) == plain {
		return true
	}
	short, long := given, name
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) >= 4 && (strings.HasPrefix(long, short) || strings.HasSuffix(long, short)) {
		return true
	}
	return levenshtein.Distance(name, given, nil) <= min(len(short)/4, 3)
}

// endpointList is a list of endpoints. It is {} if there are none. A foundation-model endpoint in the list has no id.
type endpointList struct {
	Endpoints []endpointAnswer `json:"endpoints"`
}

func (l *endpointList) Lacks(bare bool) string {
	if l.Endpoints == nil && !bare {
		return "the answer has no endpoints"
	}
	for i := range l.Endpoints {
		if lack := l.Endpoints[i].Lacks(false); lack != "" {
			return "in one of its endpoints " + lack
		}
	}
	return ""
}

// endpointAnswer is an endpoint as the service returns it. A list of endpoints leaves some fields out.
type endpointAnswer struct {
	Name           string `json:"name"`
	ID             string `json:"id"`
	Creator        string `json:"creator"`
	Description    string `json:"description"`
	Task           string `json:"task"`
	RouteOptimized bool   `json:"route_optimized"`
	URL            string `json:"endpoint_url"`
	DataPlane      struct {
		Query struct {
			URL     string `json:"endpoint_url"`
			Details string `json:"authorization_details"`
		} `json:"query_info"`
	} `json:"data_plane_info"`
	PermissionLevel string `json:"permission_level"`
	CreatedAt       int64  `json:"creation_timestamp"`
	UpdatedAt       int64  `json:"last_updated_timestamp"`
	State           struct {
		Ready        string `json:"ready"`
		ConfigUpdate string `json:"config_update"`
	} `json:"state"`
	Config struct {
		Entities []struct {
			Name          string `json:"name"`
			EntityName    string `json:"entity_name"`
			EntityVersion string `json:"entity_version"`
			WorkloadSize  string `json:"workload_size"`
			ScaleToZero   bool   `json:"scale_to_zero_enabled"`
			State         struct {
				Deployment string `json:"deployment"`
				Message    string `json:"deployment_state_message"`
			} `json:"state"`
		} `json:"served_entities"`
	} `json:"config"`
	Tags []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"tags"`

	want string // the requested name
}

func (e *endpointAnswer) Lacks(bool) string {
	// CheckName ignores case, but the names of endpoints are case-sensitive.
	if e.want != "" && e.Name != e.want && strings.EqualFold(e.Name, e.want) {
		return fmt.Sprintf("the name in the answer is %s, not %s", clean(e.Name), e.want)
	}
	return CheckName("name", e.Name, e.want)
}

func (e *endpointAnswer) endpoint() Endpoint {
	out := Endpoint{
		Name: e.Name, ID: e.ID, Creator: e.Creator, Description: e.Description, Task: e.Task,
		Ready: e.State.Ready == "READY", ConfigUpdate: e.State.ConfigUpdate,
		RouteOptimized:  e.RouteOptimized,
		URL:             cmp.Or(e.DataPlane.Query.URL, e.URL),
		Details:         e.DataPlane.Query.Details,
		PermissionLevel: e.PermissionLevel,
		CreatedAt:       FromMillis(e.CreatedAt), UpdatedAt: FromMillis(e.UpdatedAt), Tags: map[string]string{},
	}
	for _, s := range e.Config.Entities {
		out.Entities = append(out.Entities, ServedEntity{
			Name: s.Name, EntityName: s.EntityName, EntityVersion: s.EntityVersion, WorkloadSize: s.WorkloadSize,
			ScaleToZero: s.ScaleToZero, State: s.State.Deployment, StateMessage: s.State.Message,
		})
	}
	for _, t := range e.Tags {
		out.Tags[t.Key] = t.Value
	}
	return out
}

// FromMillis returns a time that the workspace writes in milliseconds. The workspace writes 0 or -1 for no time, and
// FromMillis returns the zero time for them.
func FromMillis(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

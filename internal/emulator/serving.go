package emulator

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The serving endpoints of a workspace: docs.databricks.com/api/azure/workspace/servingendpoints. Scoring follows
// learn.microsoft.com/azure/databricks/machine-learning/model-serving/score-custom-model-endpoints.

// An endpoint is a serving endpoint. Requests name it by its name, but its access list belongs to its id. An endpoint
// that is deleted and created again has a new id.
type endpoint struct {
	name        string
	id          string // empty for a foundation model
	creator     string
	description string
	created     time.Time
	entities    []servedEntity
	tags        []endpointTag
	version     int // the version of the configuration
	updated     time.Time
	coldCalls   int
	optimized   bool   // whether the endpoint is route-optimized
	movedTo     string // the address that the workspace reports instead of the right one, if a test set it
}

type endpointTag struct {
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
}

type servedEntity struct {
	Name               string `json:"name,omitempty"`
	EntityName         string `json:"entity_name,omitempty"`
	EntityVersion      string `json:"entity_version,omitempty"`
	WorkloadSize       string `json:"workload_size,omitempty"`
	WorkloadType       string `json:"workload_type,omitempty"`
	ScaleToZeroEnabled bool   `json:"scale_to_zero_enabled"`
}

func (e *endpoint) foundation() bool { return e.id == "" }

func newEndpointID() string {
	id := uuid.New()
	return hex.EncodeToString(id[:])
}

// CreateEndpoint creates a serving endpoint for the iris classifier, and returns its id. The creator, if not empty,
// gets CAN_MANAGE.
func (w *Workspace) CreateEndpoint(name, creator string) (id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.endpoints[name] != nil {
		panic(fmt.Sprintf("emulator: workspace %s already has an endpoint %q", w.id, name))
	}
	e := &endpoint{name: name, entities: []servedEntity{{Name: "iris-1", EntityName: "main.default.iris",
		EntityVersion: "1",
		WorkloadSize:  "Small", WorkloadType: "CPU", ScaleToZeroEnabled: true}}}
	var who *principal
	if creator != "" {
		who = w.mustFind(creator)
	}
	w.addEndpoint(e, who)
	return e.id
}

// CreateRouteOptimizedEndpoint creates an endpoint like [Workspace.CreateEndpoint], but with its own address for
// scoring requests. That address accepts only OAuth tokens that were issued for the endpoint, and none of the
// credentials that the workspace's address accepts
// (learn.microsoft.com/azure/databricks/machine-learning/model-serving/query-route-optimization).
func (w *Workspace) CreateRouteOptimizedEndpoint(name, creator string) (id string) {
	id = w.CreateEndpoint(name, creator)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endpoints[name].optimized = true
	return id
}

// TagEndpoint adds a tag to an endpoint. With an empty value, the tag has only a key.
func (w *Workspace) TagEndpoint(name, key, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.mustFindEndpoint(name)
	e.tags = append(e.tags, endpointTag{key, value})
}

func (w *Workspace) addEndpoint(e *endpoint, creator *principal) {
	e.id, e.created, e.version = newEndpointID(), w.tenant.Clock.Now(), 1
	e.updated = e.created
	list := newAccessList(endpointsObjects + e.id)
	if creator != nil {
		e.creator = creator.name()
		list.set(creator, levelManage, e.created)
	}
	w.endpoints[e.name], w.lists[list.object] = e, list
}

// CreateFoundationEndpoint creates a pay-per-token endpoint. Such an endpoint has no id, no access list and no creator.
func (w *Workspace) CreateFoundationEndpoint(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.tenant.Clock.Now()
	w.endpoints[name] = &endpoint{name: name, created: now, updated: now, version: 1,
		entities: []servedEntity{{Name: name, EntityName: "system.ai." + name, EntityVersion: "1"}}}
}

// DeleteEndpoint deletes an endpoint. It panics if there is no endpoint with this name.
func (w *Workspace) DeleteEndpoint(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deleteEndpoint(w.mustFindEndpoint(name))
}

func (w *Workspace) deleteEndpoint(e *endpoint) {
	delete(w.endpoints, e.name)
	if list := w.lists[endpointsObjects+e.id]; list != nil {
		list.deleted = true
	}
}

// ScaleToZero makes the given number of next scoring requests to an endpoint time out, as they do while a model starts.
func (w *Workspace) ScaleToZero(name string, calls int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustFindEndpoint(name).coldCalls = calls
}

func (w *Workspace) mustFindEndpoint(name string) *endpoint {
	if e := w.endpoints[name]; e != nil {
		return e
	}
	panic(fmt.Sprintf("emulator: workspace %s has no endpoint %q", w.id, name))
}

func (w *Workspace) servingRoutes(api func(string, handler)) {
	const root = "/api/2.0/serving-endpoints"
	api("GET "+root, listEndpoints)
	api("POST "+root, createEndpoint)
	api("GET "+root+"/{name}", func(c *call) (any, error) {
		e, err := c.endpointFor(levelView, "View")
		if err != nil {
			return nil, err
		}
		return c.detailed(e), nil
	})
	api("DELETE "+root+"/{name}", func(c *call) (any, error) {
		e, err := c.endpointFor(levelManage, "Manage")
		if err != nil {
			return nil, err
		}
		c.w.deleteEndpoint(e)
		return nil, nil
	})
	api("PUT "+root+"/{name}/config", updateEndpointConfig)
	api("POST /serving-endpoints/{name}/invocations", invoke)
}

// endpointLevel returns the caller's permission level on an endpoint. Everybody may query a foundation model.
func (c *call) endpointLevel(e *endpoint) string {
	if e.foundation() {
		return levelQuery
	}
	return c.w.level(c.w.lists[endpointsObjects+e.id], c.who)
}

// endpointFor returns the endpoint that the request's path names, or an error if the caller's level on it is too low.
// The error shows that the endpoint exists, as on the real service.
func (c *call) endpointFor(level, verb string) (*endpoint, error) {
	name := c.r.PathValue("name")
	e := c.w.endpoints[name]
	if e == nil {
		return nil, missing("Endpoint with name '%s' does not exist.", name)
	}
	if levelRank[c.endpointLevel(e)] < levelRank[level] {
		return nil, denied("User does not have permission '%s' on Endpoint %s", verb, name)
	}
	return e, nil
}

type entityState struct {
	servedEntity
	State             map[string]string `json:"state"`
	Creator           string            `json:"creator,omitempty"`
	CreationTimestamp int64             `json:"creation_timestamp"`
}

// summary returns an endpoint as the list of endpoints shows it.
func (c *call) summary(e *endpoint) map[string]any {
	m := map[string]any{
		"name":                   e.name,
		"description":            e.description,
		"creation_timestamp":     e.created.UnixMilli(),
		"last_updated_timestamp": e.updated.UnixMilli(),
		"state":                  map[string]string{"ready": "READY", "config_update": "NOT_UPDATING"},
		"config":                 map[string]any{"served_entities": e.entities},
		// permission_level is not in the public description of the API, but is in every recorded answer.
		"permission_level": c.endpointLevel(e),
		"capabilities":     map[string]any{},
		"endpoint_type":    "UNITY_CATALOG_MODEL",
	}
	if e.foundation() {
		m["task"], m["endpoint_type"] = "llm/v1/chat", "FOUNDATION_MODEL_API"
		m["capabilities"] = map[string]any{"function_calling": true}
		return m
	}
	m["id"] = e.id
	if e.creator != "" {
		m["creator"] = e.creator
	}
	if len(e.tags) > 0 {
		m["tags"] = e.tags
	}
	return m
}

func (c *call) detailed(e *endpoint) map[string]any {
	m := c.summary(e)
	message := ""
	if e.coldCalls > 0 {
		message = "Scaled to zero"
	}
	var entities []entityState
	var routes []map[string]any
	share := 100
	for i, entity := range e.entities {
		entities = append(entities, entityState{entity, map[string]string{"deployment": "DEPLOYMENT_READY",
			"deployment_state_message": message},
			e.creator, e.created.UnixMilli()})
		part := share / (len(e.entities) - i)
		share -= part
		routes = append(routes, map[string]any{"served_entity_name": entity.Name, "served_model_name": entity.Name,
			"traffic_percentage": part})
	}
	m["config"] = map[string]any{"config_version": e.version, "served_entities": entities, "served_models": entities,
		"traffic_config": map[string]any{"routes": routes}}
	m["route_optimized"] = e.optimized
	if e.optimized {
		m["endpoint_url"] = c.w.endpointURL(e)
		m["data_plane_info"] = map[string]any{"query_info": map[string]any{
			"endpoint_url": c.w.endpointURL(e), "authorization_details": authorizationDetails(e),
		}}
	}
	return m
}

func listEndpoints(c *call) (any, error) {
	var names []string
	for name, e := range c.w.endpoints {
		if c.endpointLevel(e) != "" {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil, nil
	}
	slices.Sort(names)
	var summaries []any
	for _, name := range names {
		summaries = append(summaries, c.summary(c.w.endpoints[name]))
	}
	return map[string]any{"endpoints": summaries}, nil
}

var endpointName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$`)

func createEndpoint(c *call) (any, error) {
	var request struct {
		Name        string        `json:"name"`
		Description string        `json:"description"`
		Tags        []endpointTag `json:"tags"`
		Config      *struct {
			Name           string         `json:"name"`
			ServedEntities []servedEntity `json:"served_entities"`
			TrafficConfig  any            `json:"traffic_config"`
		} `json:"config"`
		RouteOptimized bool `json:"route_optimized"`
	}
	if err := c.decode(&request); err != nil {
		return nil, err
	}
	if !endpointName.MatchString(request.Name) {
		return nil, badParameter("Endpoint name '%s' must be alphanumeric with hyphens and underscores allowed in "+
			"between.", request.Name)
	}
	if request.Config == nil {
		return nil, noServedEntity()
	}
	if request.RouteOptimized {
		return nil, refuse(http.StatusNotFound, "FEATURE_DISABLED", "Route optimization is not enabled for "+
			"this workspace")
	}
	if err := checkEntities(request.Config.ServedEntities); err != nil {
		return nil, err
	}
	if c.w.endpoints[request.Name] != nil {
		return nil, refuse(http.StatusConflict, "RESOURCE_ALREADY_EXISTS", "Endpoint with name '%s' already exists.",
			request.Name)
	}
	e := &endpoint{name: request.Name, description: request.Description, tags: request.Tags,
		entities: request.Config.ServedEntities}
	c.w.addEndpoint(e, c.who)
	return c.detailed(e), nil
}

func noServedEntity() error {
	return badParameter("The endpoint must have at least one served entity.")
}

// checkEntities returns an error if there are no served entities, or if one has no entity_name. It sets the missing
// names of served entities.
func checkEntities(entities []servedEntity) error {
	if len(entities) == 0 {
		return noServedEntity()
	}
	for i := range entities {
		entity := &entities[i]
		if entity.EntityName == "" {
			return badParameter("A served entity must have an entity_name.")
		}
		if entity.Name == "" {
			entity.Name = strings.TrimSuffix(entity.EntityName[strings.LastIndex(entity.EntityName, ".")+1:]+"-"+
				entity.EntityVersion, "-")
		}
	}
	return nil
}

// updateEndpointConfig replaces the served entities of an endpoint (…/servingendpoints/updateconfig). The endpoint
// keeps its id and its access list. The real update takes minutes; here it is complete at once.
func updateEndpointConfig(c *call) (any, error) {
	e, err := c.endpointFor(levelManage, "Manage")
	if err != nil {
		return nil, err
	}
	var request struct {
		Name           string         `json:"name"`
		ServedEntities []servedEntity `json:"served_entities"`
		TrafficConfig  any            `json:"traffic_config"`
	}
	if err := c.decode(&request); err != nil {
		return nil, err
	}
	if err := checkEntities(request.ServedEntities); err != nil {
		return nil, err
	}
	e.entities, e.version, e.updated = request.ServedEntities, e.version+1, c.now
	return c.detailed(e), nil
}

func invoke(c *call) (any, error) {
	name := c.r.PathValue("name")
	e := c.w.endpoints[name]
	if e == nil {
		return nil, missing("Endpoint with name '%s' does not exist.", name)
	}
	if e.optimized && !c.w.switches.OptimizedAtWorkspace {
		refusal := c.w.switches.RouteOptimizedRefused.or(http.StatusUnauthorized, "", "Credential was not sent or "+
			"was of an unsupported type for this API.", name)
		refusal.gateway = refusal.code == ""
		return nil, refusal
	}
	if !e.foundation() && levelRank[c.w.honouredLevel(c.w.lists[endpointsObjects+e.id], c.who,
		c.now)] < levelRank[levelQuery] {
		return nil, c.w.switches.ScoringDenied.or(http.StatusForbidden, "PERMISSION_DENIED", "User does not have "+
			"permission 'Query' on Endpoint {}", name)
	}
	return c.predict(e)
}

// predict returns the answer of the endpoint's model. The caller's right must have been checked before.
func (c *call) predict(e *endpoint) (any, error) {
	if e.coldCalls > 0 {
		e.coldCalls--
		return nil, &apiError{status: http.StatusGatewayTimeout, plain: true, message: "upstream request timeout"}
	}
	if e.foundation() {
		return c.chat(e)
	}
	predictions, err := irisClassifier().score(c.body)
	if err != nil {
		return nil, err
	}
	c.rw.Header().Set("served-model-name", e.entities[0].Name)
	return map[string]any{"predictions": predictions}, nil
}

// chat answers a chat request to a foundation model (docs.databricks.com/api/azure/workspace/servingendpoints/query).
func (c *call) chat(e *endpoint) (any, error) {
	var request struct {
		Messages []struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(c.body, &request); err != nil {
		return nil, malformed()
	}
	if len(request.Messages) == 0 {
		return nil, badInput("Missing required chat parameter: 'messages'")
	}
	words := 0
	for _, m := range request.Messages {
		words += len(strings.Fields(m.Content))
	}
	c.rw.Header().Set("served-model-name", e.entities[0].Name)
	reply := fmt.Sprintf("You sent %d words.", words)
	return map[string]any{
		"id": uuid.NewString(), "object": "chat.completion", "created": c.now.Unix(), "model": e.name,
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]string{"role": "assistant", "content": reply}}},
		"usage":   map[string]int{"prompt_tokens": words, "completion_tokens": 4, "total_tokens": words + 4},
	}, nil
}

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// Endpoints lists the endpoints that the caller may see, in the service's order. The list shows less than
// [Client.EndpointByName]: it lacks the caller's permission level, the address of a route-optimized endpoint, and the
// state of the served models. One request; a second one if the list is empty.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/list
func (c *Client) Endpoints(ctx context.Context) ([]Endpoint, error) {
	var answer endpointList
	if err := c.Call(ctx, http.MethodGet, servingEndpoints, nil, nil, &answer); err != nil {
		return nil, err
	}
	if len(answer.Endpoints) == 0 {
		return nil, c.ConfirmEmpty(ctx)
	}
	if err := Bounded(len(answer.Endpoints), "serving endpoints"); err != nil {
		return nil, err
	}
	list := make([]Endpoint, 0, len(answer.Endpoints))
	for i := range answer.Endpoints {
		list = append(list, answer.Endpoints[i].endpoint())
	}
	return list, nil
}

// Score queries the model of an endpoint, and returns the model's answer and the name of the served model. One request.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/query
func (c *Client) Score(ctx context.Context, endpoint, request string) (body []byte, servedModel string, err error) {
	var answer prediction
	path := PathOf("/serving-endpoints", endpoint, "invocations")
	response, err := c.call(web.WithLimit(ctx, longestPrediction), http.MethodPost, path, nil, request, &answer)
	if err != nil {
		return nil, "", err
	}
	return answer.text, response.servedModel, nil
}

// longestPrediction is the largest size in bytes of a model's answer. It is the limit that model serving documents.
// https://learn.microsoft.com/azure/databricks/machine-learning/model-serving/model-serving-limits
const longestPrediction = 16 << 20

// prediction is the answer of a model. Its form depends on the model, except for the member that holds the result.
type prediction struct {
	text    json.RawMessage
	members map[string]present
}

// present reports whether a JSON member has a value. It does not keep the value, which may be as long as the answer.
type present bool

func (p *present) UnmarshalJSON(text []byte) error {
	*p = string(text) != "null"
	return nil
}

func (p *prediction) UnmarshalJSON(text []byte) error {
	p.text = bytes.Clone(text)
	return json.Unmarshal(text, &p.members)
}

// Lacks demands one of the members in which the service returns results. The result may be that of a custom model, a
// feature function, a chat or completion, an embedding, or an agent.
func (p *prediction) Lacks(bool) string {
	for _, member := range []string{"predictions", "outputs", "choices", "data", "output", "messages"} {
		if p.members[member] {
			return ""
		}
	}
	return "the answer has no predictions, outputs, choices, data, output or messages"
}

// EndpointName returns the name of the endpoint with that system id, for a state that holds only the id. The error is
// [ErrNotFound] if the list of endpoints does not show the id. One request, shared by all callers in this run.
func (c *Client) EndpointName(ctx context.Context, id string) (string, error) {
	ids, err := c.endpoints.All(ctx)
	if err != nil {
		return "", err
	}
	for name, other := range ids {
		if other == id {
			return name, nil
		}
	}
	return "", Advise(fmt.Errorf("no serving endpoint has the id %s: %w", id, ErrNotFound), "", "The endpoint was "+
		"deleted, or re-created under the same name with another id, or the provider's identity may not see it (it "+
		"needs CAN_VIEW on the endpoint). If the endpoint does not exist any more, remove the moved block, and "+
		"remove the old address from the state: terraform state rm <address>. Import the access list of a re-created "+
		"endpoint by the endpoint's name.")
}

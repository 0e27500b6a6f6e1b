package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/databricks/databricks-sdk-go/common"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// A route-optimized endpoint has an address of its own. It accepts only OAuth tokens that the workspace issued for this
// endpoint (learn.microsoft.com/azure/databricks/machine-learning/model-serving/query-route-optimization).

// AuthorizationDetails returns the JSON that a token for a route-optimized endpoint must carry. The JSON is the one
// that the endpoint shows, or else is built from the endpoint's id. It is empty for an endpoint of another kind.
func (e Endpoint) AuthorizationDetails() string {
	if !e.RouteOptimized || e.Details != "" {
		return e.Details
	}
	type detail struct {
		Type       string   `json:"type"`
		ObjectType string   `json:"object_type"`
		ObjectPath string   `json:"object_path"`
		Actions    []string `json:"actions"`
	}
	text, err := json.Marshal([]detail{{
		"workspace_permission", "serving-endpoints", "/serving-endpoints/" + e.ID, []string{"query_inference_endpoint"},
	}})
	if err != nil {
		return "" // json.Marshal cannot fail for constants and a string
	}
	return string(text)
}

// OptimizedAddress returns the address at which a route-optimized endpoint is called. The workspace names this address,
// and a token is sent there. So it is an error if the host is not the endpoint's own host in the domain that the cloud
// has for model serving.
func (c *Client) OptimizedAddress(e Endpoint) (string, error) {
	foreign := func(why string) error {
		return Advise(
			fmt.Errorf("the workspace returned the address %s for the endpoint, which %s, so no token was sent to it",
				clean(e.URL), why),
			"",
			fmt.Sprintf("The address of a route-optimized endpoint is https://<its id>.<…>.serving%s/…. Compare it "+
				"with the address on the endpoint's page under Serving. A proxy may have answered instead of the "+
				"workspace.",
				c.Login.ServingDomain()),
		)
	}
	u, err := url.Parse(e.URL)
	switch {
	case e.URL == "":
		return "", Advise(errors.New("the workspace does not show the address of the endpoint"), "",
			"The workspace shows the address as endpoint_url when the endpoint is ready. Try again later.")
	case err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" || u.RawQuery != "" || u.Fragment != "":
		return "", foreign("is not a plain https address")
	case !c.Login.IsServingHost(u.Hostname(), e.ID):
		return "", foreign("is not an address of this endpoint in the cloud " + c.Login.Cloud)
	}
	return u.String(), nil
}

// ScoreOptimized queries a route-optimized endpoint at its own address, with a token that is issued for the endpoint.
// It returns what [Client.Score] returns. One request, and one to the workspace for the token, which is cached. If the
// caller may not query the endpoint, the request for the token is refused already.
func (c *Client) ScoreOptimized(
	ctx context.Context,
	e Endpoint,
	request string,
) (body []byte, servedModel string, err error) {
	address, err := c.OptimizedAddress(e)
	if err != nil {
		return nil, "", err
	}
	token, err := c.Login.EndpointToken(ctx, e.AuthorizationDetails())
	if err != nil {
		return nil, "", err
	}
	var answer prediction
	want := &expected{answer: &answer}
	ctx = context.WithValue(web.WithLimit(ctx, longestPrediction), expectedKey{}, want)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(request))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+token.Value)
	// The SDK cannot send this request, because it knows one host only. Pace and limits are the same as for the SDK's
	// requests, and a redirect is not followed either.
	resp, err := c.transport.send(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if err := mapper(c.Login)(ctx, common.ResponseWrapper{Response: resp, ReadCloser: resp.Body}); err != nil {
		return nil, "", err
	}
	return answer.text, want.servedModel, nil
}

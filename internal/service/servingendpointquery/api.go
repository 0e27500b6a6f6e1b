package servingendpointquery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/databricks/databricks-sdk-go/httpclient"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

const (
	pause        = 5 * time.Second // between tries
	grantSpreads = 2 * time.Minute // how long the serving plane may take to honour a grant
)

// score asks the endpoint until it answers or ctx ends. One request, or more while an endpoint starts or a grant of this
// run spreads.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/query
func score(ctx context.Context, c *client.Client, q query) (scored, error) {
	as := c
	if q.Token != "" {
		var err error
		if as, err = c.LogIn(auth.Settings{Token: auth.Setting{Value: q.Token, Attribute: "token"}}); err != nil {
			return scored{}, err
		}
	}
	started := time.Now()
	for {
		answer, err := ask(ctx, as, q)
		denied := errors.Is(err, client.ErrPermissionDenied) && c.GrantedLately(q.Endpoint, grantSpreads)
		starting := isStarting(err)
		if err == nil || !denied && !starting {
			return answer, advise(err, q)
		}
		tflog.Info(ctx, "waiting for the serving endpoint", map[string]any{
			"endpoint": q.Endpoint, "seconds": int(time.Since(started).Seconds()), "starting": starting, "grant_spreading": denied,
		})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return scored{}, advise(err, q)
		}
	}
}

// isStarting tells an endpoint that is not up yet from a model that fails: waiting does not mend an error 500.
func isStarting(err error) bool {
	return errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrAnswerLost) && !errors.Is(err, client.ErrOther)
}

func ask(ctx context.Context, as *client.Client, q query) (scored, error) {
	headers := map[string]string{"Content-Type": "application/json", "Accept": "application/json"}
	if id := as.SDK().Config.WorkspaceID; id != "" {
		headers["X-Databricks-Workspace-Id"] = id
	}
	var body bytes.Buffer
	var served string
	err := as.SDK().ApiClient().Do(ctx, http.MethodPost, "/serving-endpoints/"+url.PathEscape(q.Endpoint)+"/invocations",
		httpclient.WithRequestHeaders(headers), httpclient.WithRequestData(q.Request),
		httpclient.WithResponseHeader("served-model-name", &served), httpclient.WithResponseUnmarshal(&body))
	if err != nil {
		return scored{}, err
	}
	return scored{Status: http.StatusOK, ServedModel: served, Body: body.String()}, nil
}

func advise(err error, q query) error {
	switch {
	case errors.Is(err, client.ErrNotFound):
		return client.Advise(err, "endpoint_name", fmt.Sprintf("There is no serving endpoint named %q in this workspace. Names are case-sensitive.", q.Endpoint))
	case errors.Is(err, client.ErrPermissionDenied):
		return client.Advise(err, "query_as", "Who asks needs CAN_QUERY on the endpoint. Grant it with dbxaccess_serving_endpoint_permission, and let this data source depend_on the grant.")
	case errors.Is(err, client.ErrUnauthenticated) && q.Token != "":
		return client.Advise(err, "token", "The workspace does not accept the token: it was revoked, has expired, or belongs to another workspace. A route-optimised endpoint takes no personal access token at all.")
	case isStarting(err):
		return client.Advise(err, "", "The endpoint did not answer in time; one that scaled to zero takes minutes to start. Raise timeouts.read, or look at the endpoint's events.")
	case errors.Is(err, client.ErrInvalid):
		return client.Advise(err, "request", "The endpoint refused the payload. Compare it with the model's signature: column names, types and the number of values.")
	default:
		return err
	}
}

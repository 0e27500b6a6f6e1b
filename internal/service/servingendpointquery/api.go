package servingendpointquery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

const (
	pause        = 5 * time.Second // between two attempts
	grantSpreads = 2 * time.Minute // how long a change of the access list may take to take effect
	// longestRun is how long the service lets a model work on one request, and a little more
	// (learn.microsoft.com/azure/databricks/machine-learning/model-serving/model-serving-limits).
	longestRun = 300 * time.Second
)

// errAnswered reports that the endpoint answered a query although expect_denied expects a refusal.
var errAnswered = errors.New("the endpoint answered, but with expect_denied = true it must refuse the request")

// score queries the endpoint until the endpoint answers or ctx ends. One request; more while an endpoint starts, or
// while a change that this Terraform run made to the access list takes effect; one more after a refusal, to find out
// why. A token in Key Vault is read first.
func score(ctx context.Context, c *client.Client, q query) (scored, error) {
	as, err := clientFor(ctx, c, q)
	if err != nil {
		return scored{}, err
	}
	own := ownAddress(ctx, c, as, q)
	started := time.Now()
	for {
		answer, err := ask(ctx, as, own, q)
		if errors.Is(err, auth.ErrScopeRefused) && q.OAuthSecret != "" && !q.fewScopes {
			q.fewScopes = true // a careful owner may have limited the secret to model serving
			if as, err = clientFor(ctx, c, q); err != nil {
				return scored{}, err
			}
			continue
		}
		denied := errors.Is(err, client.ErrPermissionDenied) || errors.Is(err, auth.ErrDetailsRefused)
		switch {
		case errors.Is(err, auth.ErrDetailsRefused) && q.ExpectDenied:
			return scored{Status: http.StatusUnauthorized}, nil
		case denied && q.ExpectDenied && own != nil:
			return scored{Status: http.StatusForbidden}, nil
		case denied && q.ExpectDenied:
			if err := routeOptimized(ctx, c, err, q); err != nil {
				return scored{}, err // the endpoint refuses everybody at this address, so the refusal proves nothing
			}
			return scored{Status: http.StatusForbidden}, nil
		}
		if err == nil && q.ExpectDenied {
			err = errAnswered
		}
		spreading := (denied || errors.Is(err, errAnswered)) && c.GrantedLately(q.Endpoint, grantSpreads)
		starting := isStarting(err)
		if !spreading && !starting {
			return answer, explain(ctx, c, err, q, own != nil)
		}
		tflog.Info(ctx, "waiting for the serving endpoint", map[string]any{
			"endpoint":        q.Endpoint,
			"seconds":         int(time.Since(started).Seconds()),
			"starting":        starting,
			"grant_spreading": spreading,
		})
		if web.Pause(ctx, pause) != nil {
			return scored{}, advise(ctx, c, err, q)
		}
	}
}

// clientFor returns the client that sends the query, logged in as query_as says.
func clientFor(ctx context.Context, c *client.Client, q query) (*client.Client, error) {
	token := auth.Setting{Value: cmp.Or(q.Token, q.OAuthSecret), Attribute: q.credentialAttribute()}
	if q.Secret != (secret{}) {
		var err error
		if token, err = c.ReadSecret(ctx, asSecret, q.Secret.VaultURI, q.Secret.Name); err != nil {
			return nil, err
		}
	}
	if q.ClientID != "" {
		return c.LogIn(q.oauthClient(token))
	}
	if token.Value == "" {
		return c, nil
	}
	return c.LogIn(auth.Settings{Token: token})
}

// isStarting reports whether the error means that the endpoint is not running yet. A model that fails answers 500, and
// waiting does not help then.
func isStarting(err error) bool {
	return errors.Is(err, client.ErrUnavailable) ||
		errors.Is(err, client.ErrAnswerLost) && !errors.Is(err, client.ErrOther) &&
			!errors.Is(err, client.ErrNotAnAnswer)
}

func ask(ctx context.Context, as *client.Client, own *client.Endpoint, q query) (scored, error) {
	ctx = client.WithLongAttempts(ctx, longestRun)
	var body []byte
	var served string
	var err error
	if own == nil {
		body, served, err = as.Score(ctx, q.Endpoint, q.Request)
	} else {
		if q.ExpectDenied { // a cached token stays valid for an hour after the grant was revoked
			as.Login.ForgetEndpointToken(own.AuthorizationDetails())
		}
		body, served, err = as.ScoreOptimized(ctx, *own, q.Request)
	}
	if err != nil {
		return scored{}, err
	}
	return scored{Status: http.StatusOK, ServedModel: served, Body: string(body)}, nil
}

// explain adds the reason for a refusal, and the next step, to the error of a query.
func explain(ctx context.Context, c *client.Client, err error, q query, atOwnAddress bool) error {
	refused := errors.Is(err, client.ErrUnauthenticated) || errors.Is(err, client.ErrInvalid) ||
		errors.Is(err, client.ErrPermissionDenied)
	if refused && !atOwnAddress {
		if err := routeOptimized(ctx, c, err, q); err != nil {
			return err
		}
	}
	return advise(ctx, c, err, q)
}

// routeOptimized returns the refusal with its reason if the endpoint is route-optimized. The refusal itself does not
// mention that, so the endpoint is read. It returns nil if the endpoint is not route-optimized, or if the provider may
// not see the endpoint. One request.
func routeOptimized(ctx context.Context, c *client.Client, refusal error, q query) error {
	if endpoint, err := c.EndpointByName(ctx, q.Endpoint); err == nil && endpoint.RouteOptimized {
		return client.Advise(
			refusal,
			q.credentialAttribute(),
			fmt.Sprintf(
				"The endpoint is route-optimized. Such an endpoint accepts no personal access token and no token of "+
					"Entra ID, only OAuth tokens that the workspace issues for it, and it has its own address: %s. "+
					"Query it with query_as = \"oauth_secret\", or with a provider that logs in by databricks_oauth "+
					"or databricks_oidc.",
				cmp.Or(endpoint.URL, "see its page under Serving"),
			),
		)
	}
	return nil
}

func advise(ctx context.Context, c *client.Client, err error, q query) error {
	switch {
	case errors.Is(err, errAnswered):
		return client.Advise(
			err,
			"expect_denied",
			"The principal that sends the request has CAN_QUERY or CAN_MANAGE on the endpoint, directly or through a "+
				"group, or is a workspace admin. To see how it has access, use data "+
				"dbxaccess_serving_endpoint_access. A grant that was revoked a moment ago may still work for a "+
				"minute or two.",
		)
	case errors.Is(err, client.ErrNotFound):
		return c.AdviseEndpoint(ctx, err, q.Endpoint)
	case errors.Is(err, client.ErrPermissionDenied):
		return client.Advise(
			err,
			"query_as",
			"The principal that sends the request needs CAN_QUERY on the endpoint. Grant it with "+
				"dbxaccess_serving_endpoint_permission, and write depends_on in this data source, so that the grant "+
				"is made first.",
		)
	case errors.Is(err, client.ErrUnauthenticated) && q.ClientID != "":
		return client.Advise(
			err,
			"client_id",
			"The endpoint does not accept the token that was issued for the OAuth secret."+q.afterRefusal(),
		)
	case errors.Is(err, client.ErrUnauthenticated) && q.credentialAttribute() == asToken:
		return client.Advise(
			err,
			asToken,
			"The workspace does not accept the token: it was revoked, has expired, belongs to another workspace, "+
				"or its owner is deactivated."+q.afterRefusal(),
		)
	case errors.Is(err, client.ErrUnauthenticated) && q.credentialAttribute() == asSecret:
		return client.Advise(
			err,
			asSecret,
			fmt.Sprintf(
				"The workspace does not accept the token in secret %s of %s: it was revoked, has expired, belongs to "+
					"another workspace, its owner is deactivated, or the secret holds something else.%s",
				q.Secret.Name,
				q.Secret.VaultURI,
				q.afterRefusal(),
			),
		)
	case isStarting(err):
		return client.Advise(
			err,
			"",
			"The endpoint did not answer in time. An endpoint that has scaled to zero takes some minutes to start. "+
				"Set a longer timeouts.read, or look at the endpoint's events.",
		)
	case errors.Is(err, client.ErrInvalid):
		return client.Advise(
			err,
			"request",
			"The endpoint refused the payload. Compare it with the model's signature: column names, types and the "+
				"number of values.",
		)
	default:
		return err
	}
}

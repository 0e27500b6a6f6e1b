package emulator

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Route-optimized endpoints, each with its own host name:
// learn.microsoft.com/azure/databricks/machine-learning/model-serving/query-route-optimization. They accept only OAuth
// tokens of the workspace whose authorization details name the endpoint.

const servingLabel = ".serving"

// servingHost returns the endpoint's host name: <endpoint id>.<shard>.serving.<cloud suffix>. The meaning of the shard
// is not documented.
func (w *Workspace) servingHost(e *endpoint) string {
	suffix := cloudNamed(PublicCloud).workspaceSuffix
	for _, c := range clouds {
		if strings.HasSuffix(w.hostName, c.workspaceSuffix) {
			suffix = c.workspaceSuffix
		}
	}
	return e.id + ".3" + servingLabel + suffix
}

func (w *Workspace) servingPath(e *endpoint) string {
	return "/" + w.id + "/serving-endpoints/" + e.name + "/invocations"
}

// endpointURL returns the address of a route-optimized endpoint as the workspace reports it. A test may have set it by
// [Workspace.SetEndpointURL].
func (w *Workspace) endpointURL(e *endpoint) string {
	if e.movedTo != "" {
		return e.movedTo
	}
	return "https://" + w.servingHost(e) + w.servingPath(e)
}

// authorizationDetails returns, as JSON, the authorization details that a token needs to query the endpoint.
func authorizationDetails(e *endpoint) string {
	return fmt.Sprintf(`[{"type":"workspace_permission","object_type":"serving-endpoints","object_path":"/%s","actions":["query_inference_endpoint"]}]`, endpointsObjects+e.id)
}

// SetEndpointURL makes the workspace report another address for an endpoint, as a service that was tampered with would.
func (w *Workspace) SetEndpointURL(name, url string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustFindEndpoint(name).movedTo = url
}

// EndpointHost returns the host name of a route-optimized endpoint. [Tenant.Proxy] serves this host.
func (w *Workspace) EndpointHost(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.servingHost(w.mustFindEndpoint(name))
}

// servingAt returns the handler for the host of a route-optimized endpoint, or nil if no endpoint has this host.
func (w *Workspace) servingAt(host string) http.Handler {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.endpoints {
		if e.optimized && w.servingHost(e) == host {
			return w.serving
		}
	}
	return nil
}

// dataPlane returns the handler for the hosts of all route-optimized endpoints of the workspace.
func (w *Workspace) dataPlane() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{workspace}/serving-endpoints/{name}/invocations", w.invokeOptimized)
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "no healthy upstream", http.StatusNotFound)
	})
	return routeMux{mux}
}

func (w *Workspace) invokeOptimized(rw http.ResponseWriter, r *http.Request) {
	body, readErr := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	c := &call{w: w, rw: rw, r: r, body: body, now: w.tenant.Clock.Now(), status: http.StatusOK}
	cred, authErr := w.readCredential(r, c.now)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := c.checkNetwork(); err != nil {
		c.fail(err)
		return
	}
	e := w.endpoints[r.PathValue("name")]
	if e == nil || !e.optimized || r.PathValue("workspace") != w.id || w.servingHost(e) != hostName(r.Host) {
		http.Error(rw, "no healthy upstream", http.StatusNotFound)
		return
	}
	if err := c.authenticateOptimized(e, cred, authErr); err != nil {
		c.fail(err)
		return
	}
	noteCaller(r, c.who.name())
	if readErr != nil || len(body) > maxBody {
		c.fail(malformed())
		return
	}
	answer, err := c.predict(e)
	if err != nil {
		c.fail(err)
		return
	}
	c.answer(answer)
}

// authenticateOptimized accepts an OAuth token whose authorization details name the endpoint. It returns an error for
// every other credential.
func (c *call) authenticateOptimized(e *endpoint, cred credential, authErr error) error {
	s := &c.w.switches
	refused := func(by Refusal, text string) error {
		refusal := by.or(http.StatusUnauthorized, "", text, e.name)
		refusal.gateway = refusal.code == ""
		return refusal
	}
	switch {
	case authErr != nil:
		return authErr
	case cred.tokenValue != "":
		return refused(s.PersonalTokenAtOptimized, "Personal access tokens are not supported for this endpoint.")
	case cred.oauth == nil:
		return refused(s.EntraTokenAtOptimized, "Credential was not sent or was of an unsupported type for this API.")
	case !cred.oauth.expires.After(c.now):
		return c.w.refuseEntraToken(credentialError{expired: true})
	case len(cred.oauth.details) == 0:
		return refused(s.DetailsMissing, "Missing authorization details for accessing model serving endpoints")
	}
	covered := slices.ContainsFunc(cred.oauth.details, func(d authorizationDetail) bool {
		return d.ObjectPath == "/"+endpointsObjects+e.id && slices.Contains(d.Actions, "query_inference_endpoint")
	})
	if !covered {
		return refused(s.DetailsMissing, "Missing authorization details for accessing model serving endpoints")
	}
	who := c.w.findServicePrincipal(cred.oauth.subject)
	if who == nil || !who.active {
		return c.w.refuseStranger()
	}
	c.who, c.oauth = who, cred.oauth
	if s.OptimizedChecksGrants &&
		levelRank[c.w.honouredLevel(c.w.lists[endpointsObjects+e.id], who, c.now)] < levelRank[levelQuery] {
		return s.ScoringDenied.or(http.StatusForbidden, "PERMISSION_DENIED", "User does not have permission "+
			"'Query' on Endpoint {}", e.name)
	}
	return nil
}

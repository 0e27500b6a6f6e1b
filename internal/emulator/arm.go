package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A publication is a workspace that Azure Resource Manager shows under an Azure resource id.
type publication struct {
	id        string
	workspace *Workspace
	readers   map[string]bool // the client ids or object ids of applications that may read the workspace, in lower case
}

// resourceID holds the variable parts of the Azure resource id of a workspace:
// /subscriptions/…/resourceGroups/…/providers/Microsoft.Databricks/workspaces/….
type resourceID struct{ subscription, group, name string }

func parseResourceID(id string) (resourceID, bool) {
	parts := strings.Split(strings.TrimPrefix(id, "/"), "/")
	names := []string{"subscriptions", "", "resourcegroups", "", "providers", "microsoft.databricks", "workspaces", ""}
	if len(parts) != len(names) {
		return resourceID{}, false
	}
	for i, name := range names {
		if parts[i] == "" || name != "" && !strings.EqualFold(parts[i], name) {
			return resourceID{}, false
		}
	}
	return resourceID{parts[1], parts[3], parts[7]}, true
}

// PublishWorkspace makes Azure Resource Manager show the workspace under the resource id. Two kinds of applications may
// read the workspace there: the readers, each named by its client id or object id, and the contributors that
// [Workspace.SetAzureResource] sets. PublishWorkspace panics if id is not the resource id of a workspace.
func (t *Tenant) PublishWorkspace(w *Workspace, id string, readers ...string) {
	if _, ok := parseResourceID(id); !ok {
		panic(fmt.Sprintf("emulator: %q is no resource id of a workspace", id))
	}
	p := &publication{id: id, workspace: w, readers: map[string]bool{}}
	for _, reader := range readers {
		p.readers[strings.ToLower(reader)] = true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.published[strings.ToLower(id)] = p
}

func (p *publication) admits(claims AccessClaims) bool {
	if p.readers[strings.ToLower(claims.AppID)] || p.readers[strings.ToLower(claims.ObjectID)] {
		return true
	}
	w := p.workspace
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.EqualFold(w.azure.id, p.id) && w.azure.contributors[strings.ToLower(claims.AppID)]
}

// databricksVersions are the api-version values that
// learn.microsoft.com/azure/templates/microsoft.databricks/workspaces lists.
var databricksVersions = []string{
	"2018-04-01", "2021-04-01-preview", "2022-04-01-preview", "2023-02-01", "2023-09-15-preview", "2024-05-01",
	"2024-09-01-preview", "2025-03-01-preview", "2025-08-01-preview", "2025-10-01-preview", "2026-01-01",
}

// ARM returns the part of Azure Resource Manager that lists subscriptions and reads one workspace, as
// learn.microsoft.com/rest/api/databricks/workspaces/get describes. Its errors are those of "Troubleshoot common Azure
// deployment errors".
func (t *Tenant) ARM() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /subscriptions", t.armSubscriptions)
	mux.HandleFunc("GET /subscriptions/{subscription}/{groups}/{group}/providers/{provider}/{type}/{name}",
		t.armWorkspace)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if _, e := t.armCaller(w, r); e != nil {
			e.write(w)
			return
		}
		armRefusal(http.StatusNotFound, "InvalidResourceType", "There is no operation %s %s.", r.Method,
			r.URL.Path).write(w)
	})
	return t.instrument("arm", armFault, routeMux{mux})
}

// An armError is an error answer of Azure Resource Manager, in the form of "Common error response" of the Azure REST
// API.
type armError struct {
	status        int
	code, message string
}

func armRefusal(status int, code, format string, args ...any) *armError {
	return &armError{status, code, fmt.Sprintf(format, args...)}
}

func (e *armError) body() []byte {
	raw, err := json.Marshal(map[string]any{"error": map[string]string{"code": e.code, "message": e.message}})
	if err != nil {
		panic("emulator: a map of strings does not marshal: " + err.Error())
	}
	return raw
}

func (e *armError) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("x-ms-failure-cause", "gateway")
	w.WriteHeader(e.status)
	_, _ = w.Write(e.body())
}

func armFault(f Fault) (contentType string, body []byte) {
	e := &armError{status: f.Status, code: f.Code, message: f.Message}
	if e.code == "" {
		e.code, e.message = "InternalServerError", "The server encountered an internal error. Please retry the request."
		if f.Status == http.StatusTooManyRequests {
			e.code, e.message = "SubscriptionRequestsThrottled", "Number of requests for the subscription exceeded the limit. Please retry later."
		}
	}
	return "application/json; charset=utf-8", e.body()
}

// armCaller returns the claims of the request's access token, or an error answer with status 401. Every handler calls
// armCaller first, because Azure Resource Manager checks the token before anything else.
func (t *Tenant) armCaller(w http.ResponseWriter, r *http.Request) (AccessClaims, *armError) {
	w.Header().Set("x-ms-request-id", w.Header().Get("X-Request-Id"))
	refuse := func(code, format string, args ...any) (AccessClaims, *armError) {
		w.Header().Set("WWW-Authenticate",
			fmt.Sprintf(`Bearer authorization_uri="https://%s/%s", error="invalid_token"`,
				cloudsOf(r.Host)[0].logins[0], t.ID))
		return AccessClaims{}, armRefusal(http.StatusUnauthorized, code, format, args...)
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return refuse("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	}
	scheme, raw, _ := strings.Cut(header, " ")
	claims, err := t.VerifyAccessToken(strings.TrimSpace(raw))
	now := t.Clock.Now()
	switch {
	case !strings.EqualFold(scheme, "Bearer") || err != nil:
		return refuse("InvalidAuthenticationToken", "The access token is invalid.")
	case !isManagementAudience(r.Host, claims.Audience):
		return refuse("InvalidAuthenticationTokenAudience", "The access token has been obtained for wrong audience "+
			"or resource '%s'. It should exactly match with one of the allowed audiences '%s'.", claims.Audience,
			strings.Join(cloudsOf(r.Host)[0].management, "','"))
	case !claims.ExpiresAt.After(now):
		return refuse("ExpiredAuthenticationToken", "The access token expiry UTC time '%s' is earlier than current "+
			"UTC time '%s'.",
			claims.ExpiresAt.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	noteCaller(r, claims.AppID)
	return claims, nil
}

// armSubscriptions lists the subscriptions in which the caller may read a workspace
// (learn.microsoft.com/rest/api/resources/subscriptions/list). The command az login sends this request.
func (t *Tenant) armSubscriptions(w http.ResponseWriter, r *http.Request) {
	claims, e := t.armCaller(w, r)
	if e == nil && r.URL.Query().Get("api-version") == "" {
		e = armRefusal(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter "+
			"(?api-version=) is required for all requests.")
	}
	if e != nil {
		e.write(w)
		return
	}
	ids := map[string]bool{}
	for _, p := range t.publications() {
		if id, ok := parseResourceID(p.id); ok && p.admits(claims) {
			ids[id.subscription] = true
		}
	}
	subscriptions := []any{}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		subscriptions = append(subscriptions, map[string]any{"id": "/subscriptions/" + id, "subscriptionId": id,
			"tenantId":    t.ID,
			"displayName": "Subscription " + id, "state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": []any{}})
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"value": subscriptions, "count": map[string]any{"type": "Total",
		"value": len(subscriptions)}})
}

func (t *Tenant) publications() []*publication {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.published))
}

func (t *Tenant) armWorkspace(w http.ResponseWriter, r *http.Request) {
	claims, e := t.armCaller(w, r)
	var found *publication
	if e == nil {
		found, e = t.findPublished(r, claims)
	}
	if e != nil {
		e.write(w)
		return
	}
	id, _ := parseResourceID(found.id)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id":       found.id,
		"name":     id.name,
		"type":     "Microsoft.Databricks/workspaces",
		"location": "westeurope",
		"sku":      map[string]string{"name": "premium"},
		"properties": map[string]any{
			"workspaceUrl":           found.workspace.HostName(),
			"workspaceId":            found.workspace.ID(),
			"provisioningState":      "Succeeded",
			"managedResourceGroupId": "/subscriptions/" + id.subscription + "/resourceGroups/databricks-rg-" + id.name,
			"parameters":             map[string]any{"enableNoPublicIp": map[string]any{"type": "Bool", "value": true}},
		},
	})
}

// findPublished returns the workspace that the request's path names. It checks the request in the order in which Azure
// does. A caller who may not read the workspace, or may read nothing in its subscription, gets AuthorizationFailed, so
// that the answer does not show whether the workspace exists.
func (t *Tenant) findPublished(r *http.Request, claims AccessClaims) (*publication, *armError) {
	id, ok := parseResourceID(r.URL.Path)
	if !ok {
		return nil, armRefusal(http.StatusNotFound, "InvalidResourceType", "The resource type could not be found "+
			"in the namespace '%s'.", r.PathValue("provider"))
	}
	version := r.URL.Query().Get("api-version")
	if version == "" {
		return nil, armRefusal(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query "+
			"parameter (?api-version=) is required for all requests.")
	}
	if !slices.Contains(databricksVersions, version) {
		return nil, armRefusal(http.StatusBadRequest, "NoRegisteredProviderFound", "No registered resource "+
			"provider found for location 'westeurope' and API version '%s' for type 'workspaces'. The supported "+
			"api-versions are '%s'.", version, strings.Join(databricksVersions, ", "))
	}
	all := t.publications()
	inSubscription, inGroup := false, false
	for _, p := range all {
		if !p.admits(claims) {
			continue
		}
		if strings.EqualFold(p.id, r.URL.Path) {
			return p, nil
		}
		other, _ := parseResourceID(p.id)
		if strings.EqualFold(other.subscription, id.subscription) {
			inSubscription = true
			inGroup = inGroup || strings.EqualFold(other.group, id.group)
		}
	}
	exists := slices.ContainsFunc(all, func(p *publication) bool { return strings.EqualFold(p.id, r.URL.Path) })
	switch {
	case exists || !inSubscription:
		return nil, armRefusal(http.StatusForbidden, "AuthorizationFailed", "The client '%s' with object id '%s' "+
			"does not have authorization to perform action 'Microsoft.Databricks/workspaces/read' over scope '%s' "+
			"or the scope is invalid. If access was recently granted, please refresh your credentials.",
			claims.AppID, claims.ObjectID, r.URL.Path)
	case !inGroup:
		return nil, armRefusal(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '%s' could not be found.",
			id.group)
	}
	return nil, armRefusal(http.StatusNotFound, "ResourceNotFound", "The Resource "+
		"'Microsoft.Databricks/workspaces/%s' under resource group '%s' was not found. For more details please go "+
		"to https://aka.ms/ARMResourceNotFoundFix", id.name, id.group)
}

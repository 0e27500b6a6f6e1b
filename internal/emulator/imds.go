package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// imdsHost is the address of the instance metadata service on every virtual machine of Azure. The service speaks plain
// http there.
const imdsHost = "169.254.169.254"

// managedIdentities are the managed identities of the machine on which the client runs.
type managedIdentities struct {
	system *App
	user   []*App
}

// AssignManagedIdentity makes an application a managed identity of the machine on which the client runs. If system is
// true, it becomes the only system-assigned identity; otherwise it becomes one more user-assigned identity.
func (t *Tenant) AssignManagedIdentity(app *App, system bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if system {
		t.identities.system = app
		return
	}
	t.identities.user = append(t.identities.user, app)
}

// UnassignManagedIdentities removes all managed identities of the machine.
func (t *Tenant) UnassignManagedIdentities() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.identities = managedIdentities{}
}

// imdsVersions are the api-version values that the token endpoint of the instance metadata service accepts.
var imdsVersions = []string{"2018-02-01", "2019-08-01", "2019-11-01", "2020-06-01", "2021-02-01"}

// IMDS returns the token endpoint of the Azure Instance Metadata Service, as in "How to use managed identities for
// Azure resources on an Azure VM to acquire an access token". Through [Tenant.Proxy] it is reached at its fixed
// address.
func (t *Tenant) IMDS() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata/identity/oauth2/token", t.managedToken)
	mux.HandleFunc("/metadata/identity/oauth2/token", func(w http.ResponseWriter, _ *http.Request) {
		imdsRefuse(w, http.StatusMethodNotAllowed, "invalid_request", "The HTTP method is not allowed.")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		imdsRefuse(w, http.StatusNotFound, "Not found", "")
	})
	return t.instrument("imds", imdsFault, routeMux{mux})
}

func (t *Tenant) managedToken(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	// The header Metadata, and the absence of X-Forwarded-For, show that a program on this machine sent the request
	// itself and did not forward it for somebody else.
	case !strings.EqualFold(r.Header.Get("Metadata"), "true"):
		imdsRefuse(w, http.StatusBadRequest, "invalid_request", "Required metadata header not specified")
		return
	case r.Header.Get("X-Forwarded-For") != "":
		imdsRefuse(w, http.StatusBadRequest, "invalid_request", "Request contains a forbidden header: X-Forwarded-For")
		return
	case !slices.Contains(imdsVersions, query.Get("api-version")):
		w.Header().Set("Content-Type", imdsContentType)
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"error": "Bad request. api-version is invalid or was not specified in the request.", "newest-versions": imdsVersions,
		})
		return
	case query.Get("resource") == "":
		imdsRefuse(w, http.StatusBadRequest, "invalid_request", "Required query variable 'resource' is missing")
		return
	}
	app, complaint := t.identityFor(query.Get("client_id"), query.Get("object_id"), query.Get("msi_res_id"))
	if complaint != "" {
		imdsRefuse(w, http.StatusBadRequest, "invalid_request", complaint)
		return
	}
	noteCaller(r, app.ClientID)
	// A machine belongs to the same cloud as its tenant. If the tenant is bound to no cloud, the requested host
	// decides.
	login := r.Host
	if t.cloud != nil {
		login = t.cloud.logins[0]
	}
	resource, e := t.resourceOf(login, query.Get("resource"), "resource")
	if e == nil && app.isDisabled() {
		e = complain(entraAppDisabled, "Application '%s'(%s) is disabled.", app.ClientID, app.Name)
	}
	if e != nil {
		imdsRefuse(w, e.status, e.name, e.Error())
		return
	}
	t.mu.Lock()
	lifetime := t.tokenLifetime
	t.mu.Unlock()
	raw, err := t.issue(app, resource, provedByCertificate, lifetime)
	if err != nil {
		imdsRefuse(w, http.StatusInternalServerError, "unknown", err.Error())
		return
	}
	now, seconds := t.Clock.Now().Unix(), int64(lifetime/time.Second)
	w.Header().Set("Content-Type", imdsContentType)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"access_token":   raw,
		"client_id":      app.ClientID,
		"expires_in":     strconv.FormatInt(seconds, 10),
		"expires_on":     strconv.FormatInt(now+seconds, 10),
		"ext_expires_in": strconv.FormatInt(seconds, 10),
		"not_before":     strconv.FormatInt(now, 10),
		"resource":       query.Get("resource"),
		"token_type":     "Bearer",
	})
}

// identityFor returns the managed identity that the request names, or the text of an error. If the request names none,
// it returns the system-assigned identity or, without one, the only user-assigned identity.
func (t *Tenant) identityFor(clientID, objectID, resourceID string) (app *App, complaint string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	given := 0
	for _, name := range []string{clientID, objectID, resourceID} {
		if name != "" {
			given++
		}
	}
	const notFound = "Identity not found"
	switch {
	case given > 1:
		return nil, "Only one of client_id, object_id and msi_res_id may be specified"
	case given == 0 && t.identities.system != nil:
		return t.identities.system, ""
	case given == 0 && len(t.identities.user) == 1:
		return t.identities.user[0], ""
	case given == 0 && len(t.identities.user) > 1:
		return nil, "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"
	case given == 0:
		return nil, notFound
	}
	candidates := t.identities.user
	if t.identities.system != nil && resourceID == "" {
		candidates = append(slices.Clone(candidates), t.identities.system)
	}
	name := resourceID[strings.LastIndexByte(resourceID, '/')+1:]
	for _, candidate := range candidates {
		if strings.EqualFold(candidate.ClientID, clientID) || strings.EqualFold(candidate.ObjectID, objectID) ||
			resourceID != "" && strings.EqualFold(candidate.Name, name) {
			return candidate, ""
		}
	}
	return nil, notFound
}

const imdsContentType = "application/json; charset=utf-8"

func imdsErrorBody(name, description string) []byte {
	body := map[string]string{"error": name}
	if description != "" {
		body["error_description"] = description
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic("emulator: a map of strings does not marshal: " + err.Error())
	}
	return raw
}

func imdsRefuse(w http.ResponseWriter, status int, name, description string) {
	w.Header().Set("Content-Type", imdsContentType)
	w.WriteHeader(status)
	_, _ = w.Write(imdsErrorBody(name, description))
}

func imdsFault(f Fault) (contentType string, body []byte) {
	name := f.Code
	if name == "" {
		name = "unknown"
	}
	return imdsContentType, imdsErrorBody(name, f.Message)
}

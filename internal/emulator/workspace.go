package emulator

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// WorkspaceOptions describe a new workspace. An empty ID is replaced by a generated one.
type WorkspaceOptions struct {
	// ID is the workspace id, which consists of decimal digits.
	ID       string
	Switches WorkspaceSwitches
}

// A Workspace is one Azure Databricks workspace of a tenant, with its principals (SCIM), serving endpoints, access
// lists and personal access tokens. It follows docs.databricks.com/api/azure/workspace/introduction; each file names
// the page of the API that it implements.
//
// A Workspace is an [http.Handler] and opens no port. Its methods change the workspace without a request, as if
// somebody else had changed it, and return what it really holds. They panic if the workspace does not have what a name
// refers to, because a test with a misspelt name would otherwise prove nothing.
type Workspace struct {
	id        string
	accountID string
	hostName  string // protected by mu
	tenant    *Tenant
	standard  http.Handler
	scim      http.Handler
	oidc      http.Handler
	serving   http.Handler
	oauthKey  func() (*rsa.PrivateKey, string)

	mu         sync.Mutex
	switches   WorkspaceSwitches
	principals []*principal // in order of creation
	groups     []*principal // those of the principals that are groups
	byIDs      map[string]*principal
	byNames    map[principalName]*principal // without groups, whose names change
	account    map[string]*principal        // service principals only in the account, by application id in lower case
	writes     scimWrites
	deleted    []*principal // service principals deleted through SCIM, which lists may still show
	admins     *principal
	users      *principal
	endpoints  map[string]*endpoint // by name
	lists      map[string]*accessList
	tokens     map[string]*token // by token id
	// The key of oauthSecrets is the secret's id; the key of federation is the SCIM id of the service principal.
	oauthSecrets map[string]*oauthSecret
	federation   map[string][]federationPolicy
	clusters     []cluster
	// tokensSeen becomes true with the first token. Until then the service answers that the access list of tokens does
	// not exist.
	tokensSeen bool
	azure      azureResource
}

// NewWorkspace creates a workspace of the tenant with the groups admins and users, and without other principals.
func (t *Tenant) NewWorkspace(opts WorkspaceOptions) *Workspace {
	if opts.ID == "" {
		opts.ID = randomDigits()
	}
	if _, err := strconv.ParseInt(opts.ID, 10, 64); err != nil {
		panic(fmt.Sprintf("emulator: workspace id %q is not a number", opts.ID))
	}
	w := &Workspace{
		id:           opts.ID,
		accountID:    uuid.NewString(),
		tenant:       t,
		hostName:     publicHostName(opts.ID),
		switches:     opts.Switches,
		byIDs:        map[string]*principal{},
		byNames:      map[principalName]*principal{},
		account:      map[string]*principal{},
		endpoints:    map[string]*endpoint{},
		lists:        map[string]*accessList{},
		tokens:       map[string]*token{},
		oauthSecrets: map[string]*oauthSecret{},
		federation:   map[string][]federationPolicy{},
		oauthKey:     sync.OnceValues(t.newOAuthKey),
	}
	w.admins = w.add(&principal{kind: groupKind, displayName: "admins", entitlements: []string{"workspace-access",
		"databricks-sql-access", "allow-cluster-create"}})
	w.users = w.add(&principal{kind: groupKind, displayName: "users", entitlements: []string{"workspace-access",
		"databricks-sql-access"}})
	w.lists[tokensObject] = newAccessList(tokensObject)
	w.lists[tokensObject].set(w.admins, levelManage, t.Clock.Now())
	if opts.Switches.UsersMayUseTokens {
		w.lists[tokensObject].set(w.users, levelUse, t.Clock.Now())
	}
	routes := w.routes()
	w.standard = t.instrument("workspace", workspaceFault, routes)
	w.scim = t.instrument("workspace", scimFault, routes)
	w.oidc = t.instrument("workspace", oauthFault, routes)
	w.serving = t.instrument("serving", workspaceFault, w.dataPlane())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.workspaces = append(t.workspaces, w)
	return w
}

// randomDigits returns a random decimal id that fits into an int64, like workspace ids and SCIM ids.
func randomDigits() string {
	return strconv.FormatInt(1_000_000_000_000_000+rand.Int64N(8_999_999_999_999_999), 10)
}

// ID returns the workspace id.
func (w *Workspace) ID() string { return w.id }

// ServeHTTP serves the workspace's APIs. The faults of the tenant apply, and the tenant's journal records the request.
func (w *Workspace) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, scimRoot) {
		w.scim.ServeHTTP(rw, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, oidcRoot) {
		w.oidc.ServeHTTP(rw, r)
		return
	}
	w.standard.ServeHTTP(rw, r)
}

// Switches returns the current switches of the workspace.
func (w *Workspace) Switches() WorkspaceSwitches {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.switches
}

// SetSwitches replaces all switches of the workspace.
func (w *Workspace) SetSwitches(s WorkspaceSwitches) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// UsersMayUseTokens changes the workspace's content, not its answers: turning it on grants the group users CAN_USE
	// on tokens, which can be removed afterwards.
	if s.UsersMayUseTokens && !w.switches.UsersMayUseTokens {
		w.lists[tokensObject].set(w.users, levelUse, w.tenant.Clock.Now())
	}
	w.switches = s
}

// A call is one authenticated request. Handlers run while the workspace's mutex is held, after the body was read.
type call struct {
	w      *Workspace
	rw     http.ResponseWriter
	r      *http.Request
	body   []byte
	now    time.Time
	who    *principal
	with   *token       // nil unless the caller sent a personal access token
	oauth  *oauthClaims // nil unless the caller sent an OAuth token of the workspace
	status int
}

// A handler returns a value that is written as JSON, nil for the JSON object {}, or an error.
type handler func(c *call) (any, error)

// A handler returns noContent for an answer with status 204 and without a body.
type noContent struct{}

// routeMux is an http.ServeMux that does not redirect paths such as /a//b to a cleaned path. The real service answers
// such paths itself, for example if a client sends an empty endpoint id.
type routeMux struct{ *http.ServeMux }

func (m routeMux) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "//") || strings.Contains(r.URL.Path, "/./") ||
		strings.Contains(r.URL.Path, "/../") {
		plain := r.Clone(r.Context())
		plain.URL.Path, plain.URL.RawPath = "/", ""
		h, _ := m.Handler(plain)
		h.ServeHTTP(rw, r)
		return
	}
	m.ServeMux.ServeHTTP(rw, r)
}

func (w *Workspace) routes() http.Handler {
	mux := http.NewServeMux()
	w.publicRoutes(mux)
	w.oidcRoutes(mux)
	api := func(pattern string, h handler) { mux.Handle(pattern, w.authenticated(h)) }
	w.scimRoutes(api)
	w.servingRoutes(api)
	w.permissionRoutes(api)
	w.tokenRoutes(api)
	w.oauthSecretRoutes(api)
	w.clusterRoutes(api)
	w.confRoutes(api)
	api("/", func(c *call) (any, error) { return nil, noSuchAPI(c.r.Method, c.r.URL.Path) })
	return workspaceMux{routeMux{mux}, w}
}

// workspaceMux redirects every request while the workspace can only be reached through a private link.
type workspaceMux struct {
	routeMux
	w *Workspace
}

func (m workspaceMux) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if m.w.Switches().Network == NetworkPrivateLink {
		http.Redirect(rw, r, privateLinkErrorLogin+m.w.id, http.StatusSeeOther)
		return
	}
	m.routeMux.ServeHTTP(rw, r)
}

// publicRoutes registers the routes that need no credential.
func (w *Workspace) publicRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /.well-known/databricks-config", func(rw http.ResponseWriter, r *http.Request) {
		scheme := "https"
		if r.TLS == nil {
			scheme = "http"
		}
		host := scheme + "://" + r.Host
		metadata := map[string]any{
			"oidc_endpoint": host + "/oidc",
			"account_id":    w.accountID,
			"workspace_id":  w.id,
			"cloud":         "Azure",
			"host_type":     "workspace",
			"token_federation_default_oidc_audiences": []string{host + "/oidc/v1/token"},
		}
		rw.Header().Set("Content-Type", "application/json")
		switch w.Switches().HostMetadata {
		case HostMetadataMissing:
			missing := noSuchAPI(r.Method, r.URL.Path)
			rw.WriteHeader(missing.status)
			_, _ = rw.Write(standardErrorBody(missing.code, missing.message, uuid.NewString()))
			return
		case HostMetadataWithoutWorkspaceID:
			delete(metadata, "workspace_id")
		}
		_ = json.NewEncoder(rw).Encode(metadata)
	})
	// Clients that do not know the tenant read its id from the address of this redirect.
	mux.HandleFunc("GET /aad/auth", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "https://"+cloudsOf(r.Host)[0].logins[0]+"/"+w.tenant.ID+
			"/oauth2/authorize?response_type=code&client_id="+DatabricksResource, http.StatusFound)
	})
}

// maxBody is the largest size of a request body in bytes: the payload limit of model serving, the highest limit of all
// APIs (learn.microsoft.com/azure/databricks/machine-learning/model-serving/model-serving-limits).
const maxBody = 16 << 20

func (w *Workspace) authenticated(h handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		c := &call{w: w, rw: rw, r: r, body: body, now: w.tenant.Clock.Now(), status: http.StatusOK}
		bearer, authErr := w.readCredential(r, c.now)
		management := w.readManagementToken(r, c.now)
		w.mu.Lock()
		defer w.mu.Unlock()
		if networkErr := c.checkNetwork(); networkErr != nil {
			c.fail(networkErr)
			return
		}
		if authErr == nil {
			authErr = c.authenticate(bearer, management)
		}
		if authErr != nil {
			c.fail(authErr)
			return
		}
		noteCaller(r, c.who.name())
		if on := w.switches.OrgIDHeader; on == OrgIDOnEveryAnswer || on == OrgIDOnMe && r.URL.Path == scimRoot+"Me" {
			rw.Header().Set("X-Databricks-Org-Id", w.id)
		}
		if err != nil {
			c.fail(malformed())
			return
		}
		if len(body) > maxBody {
			c.fail(refuse(http.StatusRequestEntityTooLarge, "MAX_REQUEST_SIZE_EXCEEDED",
				"Request size cannot exceed %d bytes.", maxBody))
			return
		}
		if err := c.countWrite(); err != nil {
			c.fail(err)
			return
		}
		answer, err := h(c)
		if err != nil {
			c.fail(err)
			return
		}
		c.answer(answer)
	})
}

func (c *call) answer(v any) {
	if _, empty := v.(noContent); empty {
		c.rw.WriteHeader(http.StatusNoContent)
		return
	}
	if v == nil {
		v = struct{}{}
	}
	contentType := "application/json"
	if strings.HasPrefix(c.r.URL.Path, scimRoot) {
		contentType = "application/scim+json"
	}
	body, err := json.Marshal(v)
	if err != nil {
		c.fail(err)
		return
	}
	c.rw.Header().Set("Content-Type", contentType)
	c.rw.WriteHeader(c.status)
	_, _ = c.rw.Write(body)
}

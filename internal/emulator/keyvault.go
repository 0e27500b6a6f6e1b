package emulator

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// VaultSwitches configure a vault, and select its behaviour where public documentation leaves it open. The zero value
// is a new vault: it checks rights by Azure RBAC, accepts calls from every network, and has soft delete.
type VaultSwitches struct {
	// AccessPolicies makes the vault use access policies, the older permission model. [Vault.Allow] grants the same
	// rights in both models; only the texts of refusals differ.
	AccessPolicies bool
	// Firewall makes the vault refuse calls from every address.
	Firewall bool
	// RoleAssignmentDelay is how long a role granted by [Vault.Allow] has no effect yet. On Azure, a role assignment
	// takes up to ten minutes.
	RoleAssignmentDelay time.Duration
	// RefuseOutsideDates makes the vault refuse to return a secret before its nbf or after its exp. "About Azure Key
	// Vault secrets" says that such a secret can be read, but users have reported the refusal.
	RefuseOutsideDates bool
	// LoginWindowsNet makes the WWW-Authenticate challenge name login.windows.net, the older address of Entra ID.
	LoginWindowsNet bool
	// PurgeProtected makes the vault refuse to purge deleted secrets, as a vault with purge protection does.
	PurgeProtected bool
	// BodyBeforeRights makes the vault check the body of a request to set a secret before it checks the caller's right.
	// The order of these checks is not documented.
	BodyBeforeRights bool
	// VersionsRefused answers a list of the versions of a missing or deleted secret with 404 instead of an empty list.
	VersionsRefused bool
	// DeletionDelay is how long the deletion of a secret takes; RecoveryDelay is how long its recovery takes. During
	// this time the secret is neither among the secrets nor among the deleted ones, and its name cannot be used. On
	// Azure, both take some seconds.
	DeletionDelay time.Duration
	RecoveryDelay time.Duration
}

// A Vault is one Azure Key Vault of a tenant. It serves only secrets: learn.microsoft.com/rest/api/keyvault/secrets,
// and the secret that belongs to each certificate, as in "Certificates" of "About keys, secrets and certificates".
//
// A Vault is an [http.Handler] and opens no port. azsecrets reaches it through [Tenant.Proxy] at [Vault.URL], and at no
// other address.
type Vault struct {
	name     string
	location string
	tenant   *Tenant
	handler  http.Handler

	mu       sync.Mutex
	switches VaultSwitches
	secrets  map[string]*vaultSecret         // by name in lower case; includes deleted secrets
	rights   map[string]map[string]time.Time // by id in lower case, then by role: the time of the assignment
}

var vaultName = regexp.MustCompile(`^[a-z](-?[a-z0-9]){2,23}$`)

// NewVault creates an empty vault on which nobody has a role.
func (t *Tenant) NewVault(name string) *Vault {
	if !vaultName.MatchString(name) {
		panic(fmt.Sprintf("emulator: %q is no name for a vault in lower case", name))
	}
	v := &Vault{
		name: name, location: "westeurope", tenant: t,
		secrets: map[string]*vaultSecret{}, rights: map[string]map[string]time.Time{},
	}
	v.handler = t.instrument("vault", vaultFault, v.routes())
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.vaults[name] != nil {
		panic(fmt.Sprintf("emulator: the tenant already has a vault %q", name))
	}
	t.vaults[name] = v
	return v
}

// RemoveVault deletes a vault and its content. The vault's name can be used again, as after a purge.
func (t *Tenant) RemoveVault(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.vaults, name)
}

// Vault returns the vault with this name, or nil if there is none.
func (t *Tenant) Vault(name string) *Vault {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.vaults[name]
}

// Name returns the vault's name.
func (v *Vault) Name() string { return v.name }

// URL returns the vault's address in the public cloud. In another cloud, the vault has the same name with that cloud's
// suffix.
func (v *Vault) URL() string { return "https://" + v.name + cloudNamed(PublicCloud).vaultSuffix }

// Switches returns the current switches of the vault.
func (v *Vault) Switches() VaultSwitches {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.switches
}

// SetSwitches replaces all switches of the vault.
func (v *Vault) SetSwitches(s VaultSwitches) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.switches = s
}

// ServeHTTP serves the vault's API. The faults of the tenant apply, and the tenant's journal records the request.
func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.handler.ServeHTTP(w, r) }

// vaultCall is one request to a vault from a caller with a valid token. Handlers run while the vault's mutex is held.
type vaultCall struct {
	v    *Vault
	r    *http.Request
	body []byte
	now  time.Time
	who  AccessClaims
	// base is the vault's address under the name that the caller used. Every id in an answer begins with it.
	base string
}

// A vaultHandler returns a value that is written as JSON, nil for an answer without content, or an error.
type vaultHandler func(c *vaultCall) (any, error)

func (v *Vault) routes() http.Handler {
	mux := http.NewServeMux()
	add := func(pattern string, needs vaultAction, h vaultHandler) { mux.Handle(pattern, v.serve(needs, h)) }
	add("GET /secrets", vaultList, listSecrets)
	add("GET /secrets/{name}/versions", vaultList, listVersions)
	for _, latest := range []string{"", "/{$}"} { // azsecrets sends a final slash if the version is empty
		add("GET /secrets/{name}"+latest, vaultGet, getSecret)
		add("PUT /secrets/{name}"+latest, vaultSet, setSecret)
		add("PATCH /secrets/{name}"+latest, vaultUpdate, updateSecret)
		add("DELETE /secrets/{name}"+latest, vaultDelete, deleteSecret)
	}
	add("GET /secrets/{name}/{version}", vaultGet, getSecret)
	add("PATCH /secrets/{name}/{version}", vaultUpdate, updateSecret)
	add("GET /deletedsecrets", vaultList, listDeletedSecrets)
	add("GET /deletedsecrets/{name}", vaultGetDeleted, getDeletedSecret)
	add("DELETE /deletedsecrets/{name}", vaultPurge, purgeSecret)
	add("POST /deletedsecrets/{name}/recover", vaultRecover, recoverSecret)
	add("/", vaultAnything, func(c *vaultCall) (any, error) {
		return nil, vaultRefusal(http.StatusNotFound, "NotFound", "There is no operation %s %s.",
			c.r.Method, c.r.URL.Path)
	})
	return routeMux{mux}
}

// maxSecret is the largest size of a secret's value in bytes, according to "About Azure Key Vault secrets". The body of
// the request may be larger.
const maxSecret = 25 << 10

// serve returns the handler of one operation. It checks a request in the same order as the service: the token, the
// network address, the API version, the caller's right.
func (v *Vault) serve(needs vaultAction, h vaultHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-cache")
		header.Set("x-ms-keyvault-region", v.location)
		header.Set("x-ms-keyvault-service-version", "1.9.0-emulator")
		header.Set("x-ms-request-id", header.Get("X-Request-Id"))
		if id := r.Header.Get("x-ms-client-request-id"); id != "" {
			header.Set("x-ms-client-request-id", id)
		}
		c := &vaultCall{v: v, r: r, now: v.tenant.Clock.Now(), base: v.baseFor(r)}
		var err error
		if c.who, err = v.readToken(r, c.now); err != nil {
			header.Set("WWW-Authenticate", v.challenge(r.Host))
			writeVaultError(w, err)
			return
		}
		noteCaller(r, c.who.AppID)
		c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, 4*maxSecret))
		if err != nil {
			writeVaultError(w, vaultRefusal(http.StatusRequestEntityTooLarge, "RequestTooLarge",
				"The request body is too large."))
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		answer, err := c.run(needs, h)
		switch {
		case err != nil:
			writeVaultError(w, err)
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			writeVaultJSON(w, http.StatusOK, answer)
		}
	})
}

func (c *vaultCall) run(needs vaultAction, h vaultHandler) (any, error) {
	if c.v.switches.Firewall {
		return nil, c.firewalled()
	}
	if err := checkVaultVersion(c.r.URL.Query().Get("api-version")); err != nil {
		return nil, err
	}
	if c.v.switches.BodyBeforeRights && c.r.Method == http.MethodPut {
		if err := c.checkValue(); err != nil {
			return nil, err
		}
	}
	if needs != vaultAnything && !c.allowed(needs) {
		return nil, c.denied(needs)
	}
	if name := c.r.PathValue("name"); name != "" && !secretName.MatchString(name) {
		return nil, badVaultParameter("The request URI contains an invalid name: %s", name)
	}
	return h(c)
}

var (
	secretName = regexp.MustCompile(`^[0-9a-zA-Z-]{1,127}$`)
	// vaultVersion matches every api-version that Key Vault has had: 7.0 to 7.6, then dates.
	vaultVersion = regexp.MustCompile(
		`^(7\.[0-6](-preview(\.[0-9])?)?|20[0-9]{2}-[01][0-9]-[0-3][0-9](-preview(\.[0-9])?)?)$`)
)

func checkVaultVersion(version string) error {
	if version == "" {
		return badVaultParameter("api-version must be specified")
	}
	if !vaultVersion.MatchString(version) {
		return badVaultParameter("The specified version (%s) is not recognized. Consider using the latest "+
			"supported version (2025-07-01).", version)
	}
	return nil
}

// baseFor returns the vault's address for an answer. It has the host name of the request if that is one of the vault's
// names. Otherwise, as for a request to an address of this machine, it has the vault's name in the public cloud.
func (v *Vault) baseFor(r *http.Request) string {
	for _, c := range clouds {
		if hostName(r.Host) == v.name+c.vaultSuffix {
			return "https://" + v.name + c.vaultSuffix
		}
	}
	return v.URL()
}

// decode reads the JSON body of the request. It returns an error if the body has an unknown field.
func (c *vaultCall) decode(into any) error {
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return badVaultParameter("The request body could not be read: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return badVaultParameter("The request body could not be read: more than one JSON value")
	}
	return nil
}

// page returns one page of a list, with the address of the next page. Its size is maxresults, by default 25.
func (c *vaultCall) page(all []any) (any, error) {
	const most = 25
	query := c.r.URL.Query()
	size, from := most, 0
	if raw := query.Get("maxresults"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > most {
			return nil, badVaultParameter("Invalid maxresults: %s. It must be between 1 and %d.", raw, most)
		}
		size = n
	}
	if raw := query.Get("$skiptoken"); raw != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(raw, "at-"))
		if err != nil || n < 0 || !strings.HasPrefix(raw, "at-") {
			return nil, badVaultParameter("Invalid skiptoken.")
		}
		from = min(n, len(all))
	}
	to := min(from+size, len(all))
	answer := map[string]any{"value": append([]any{}, all[from:to]...), "nextLink": nil}
	if to < len(all) {
		next := url.Values{"api-version": {query.Get("api-version")}, "$skiptoken": {"at-" +
			strconv.Itoa(to)}, "maxresults": {strconv.Itoa(size)}}
		answer["nextLink"] = c.base + c.r.URL.Path + "?" + next.Encode()
	}
	return answer, nil
}

// newVersion returns a new version id: 32 hexadecimal digits, as Azure uses.
func newVersion() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // the documentation of crypto/rand says that Read never fails
	return hex.EncodeToString(raw)
}

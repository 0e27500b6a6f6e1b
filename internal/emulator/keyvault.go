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

// VaultSwitches choose how a vault is set up, and among behaviours that public
// pages leave open. The zero value is a new vault: rights by Azure RBAC, open to
// every network, soft delete on.
type VaultSwitches struct {
	// AccessPolicies is the older permission model. What [Vault.Allow] grants is
	// the same; a refusal reads differently.
	AccessPolicies bool
	// Firewall closes the vault to every caller's address.
	Firewall bool
	// RoleAssignmentDelay is how long what [Vault.Allow] grants is not yet
	// honoured; real assignments take up to ten minutes.
	RoleAssignmentDelay time.Duration
	// RefuseOutsideDates refuses to read a secret before its nbf or after its exp.
	// "About Azure Key Vault secrets" says that reading works outside of them;
	// users have met the refusal.
	RefuseOutsideDates bool
	// LoginWindowsNet names the older authority in the challenge.
	LoginWindowsNet bool
	// PurgeProtected refuses to purge, as on a vault with purge protection.
	PurgeProtected bool
	// BodyBeforeRights judges what is to be set before who may set it. Which of
	// the two comes first is not documented.
	BodyBeforeRights bool
	// VersionsRefused answers 404 to the versions of a secret that is not there, or is deleted, instead of listing none.
	VersionsRefused bool
	// DeletionDelay is how long a deletion takes, and RecoveryDelay a recovery. Meanwhile the secret is neither there nor
	// among the deleted ones, and its name is taken. On the service both take some seconds.
	DeletionDelay time.Duration
	RecoveryDelay time.Duration
}

// A Vault is one Azure Key Vault over a tenant, as far as secrets go:
// learn.microsoft.com/rest/api/keyvault/secrets, and "Certificates" of "About
// keys, secrets and certificates" for the secret that each certificate has.
//
// It is an [http.Handler] and opens no port. azsecrets reaches it through
// [Tenant.Proxy] at [Vault.URL], and under no other name.
type Vault struct {
	name     string
	location string
	tenant   *Tenant
	handler  http.Handler

	mu       sync.Mutex
	switches VaultSwitches
	secrets  map[string]*vaultSecret         // by lower-case name, deleted ones too
	rights   map[string]map[string]time.Time // by lower-case id, then role: since when
}

var vaultName = regexp.MustCompile(`^[a-z](-?[a-z0-9]){2,23}$`)

// NewVault makes an empty vault that nobody may read.
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

// RemoveVault deletes a vault with all that is in it. Its name is free again, as after a purge.
func (t *Tenant) RemoveVault(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.vaults, name)
}

// Vault finds a vault by its name; nil where there is none.
func (t *Tenant) Vault(name string) *Vault {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.vaults[name]
}

// Name is the vault's name.
func (v *Vault) Name() string { return v.name }

// URL is the vault's address in the public cloud. In another cloud it is found
// under the same name with that cloud's suffix.
func (v *Vault) URL() string { return "https://" + v.name + cloudNamed(PublicCloud).vaultSuffix }

// Switches are the vault's switches now.
func (v *Vault) Switches() VaultSwitches {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.switches
}

// SetSwitches changes all switches at once.
func (v *Vault) SetSwitches(s VaultSwitches) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.switches = s
}

// ServeHTTP serves the vault, with the faults and the journal of its tenant.
func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.handler.ServeHTTP(w, r) }

// vaultCall is one request of a caller with a valid token. Handlers run under the vault's mutex.
type vaultCall struct {
	v    *Vault
	r    *http.Request
	body []byte
	now  time.Time
	who  AccessClaims
	// base is the vault's address as the caller knows it, which begins every id.
	base string
}

// A vaultHandler answers with a value written as JSON (nil is no content), or an
// error.
type vaultHandler func(c *vaultCall) (any, error)

func (v *Vault) routes() http.Handler {
	mux := http.NewServeMux()
	add := func(pattern string, needs vaultAction, h vaultHandler) { mux.Handle(pattern, v.serve(needs, h)) }
	add("GET /secrets", vaultList, listSecrets)
	add("GET /secrets/{name}/versions", vaultList, listVersions)
	for _, latest := range []string{"", "/{$}"} { // azsecrets leaves the slash of an empty version
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
		return nil, vaultRefusal(http.StatusNotFound, "NotFound", "There is no operation %s %s.", c.r.Method, c.r.URL.Path)
	})
	return routeMux{mux}
}

// maxSecret is how large a secret's value may be, per "About Azure Key Vault
// secrets"; the body around it may be larger.
const maxSecret = 25 << 10

// serve checks a request in the order of the service: who asks, from where, in
// which version of the API, with which right.
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
			writeVaultError(w, vaultRefusal(http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request body is too large."))
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
	// vaultVersion is the shape of every version the API has had: 7.0 to 7.6, then
	// dates.
	vaultVersion = regexp.MustCompile(`^(7\.[0-6](-preview(\.[0-9])?)?|20[0-9]{2}-[01][0-9]-[0-3][0-9](-preview(\.[0-9])?)?)$`)
)

func checkVaultVersion(version string) error {
	if version == "" {
		return badVaultParameter("api-version must be specified")
	}
	if !vaultVersion.MatchString(version) {
		return badVaultParameter("The specified version (%s) is not recognized. Consider using the latest supported version (2025-07-01).", version)
	}
	return nil
}

// baseFor returns the vault's address for a response: with the host name of the request if that is one of the vault's
// names, else, as for a request to an address of this machine, with its public name.
func (v *Vault) baseFor(r *http.Request) string {
	for _, c := range clouds {
		if hostName(r.Host) == v.name+c.vaultSuffix {
			return "https://" + v.name + c.vaultSuffix
		}
	}
	return v.URL()
}

// decode reads a JSON body strictly.
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

// page returns one page of a list, of maxresults (by default 25) entries, with the address of the next page.
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

// newVersion is 32 hexadecimal digits, as every version of the service.
func newVersion() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails, by its documentation
	return hex.EncodeToString(raw)
}

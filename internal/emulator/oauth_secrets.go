package emulator

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The OAuth secrets of service principals, as the workspace serves them:
// docs.databricks.com/api/authentication/v1/service-principal-secret-proxy, with the limits of
// learn.microsoft.com/azure/databricks/dev-tools/auth/oauth-m2m. The path contains no account id, because the workspace
// serves only the secrets of its own service principals.

const (
	oauthSecretQuota    = 5
	oauthSecretLifetime = 730 * 24 * time.Hour
	oauthSecretPage     = 100
	oauthSecretActive   = "ACTIVE"
)

// oauthSecret is an OAuth secret of a service principal. It stores a digest of the value, not the value.
type oauthSecret struct {
	id      string
	ownerID string // SCIM id of the service principal
	owner   string // application id of the service principal
	digest  string
	status  string
	scopes  []string
	created time.Time
	expires time.Time // zero means that the secret never expires
}

func (s *oauthSecret) expired(now time.Time) bool {
	return !s.expires.IsZero() && !now.Before(s.expires)
}

// usable reports whether a login with the secret succeeds. It fails if the secret is expired, is not active, or was
// created less than delay ago.
func (s *oauthSecret) usable(now time.Time, delay time.Duration) bool {
	return !s.expired(now) && strings.EqualFold(s.status, oauthSecretActive) && now.Sub(s.created) >= delay
}

func secretDigest(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// mintOAuthSecret creates an OAuth secret and returns it with its value. A zero expires means that it never expires.
func (w *Workspace) mintOAuthSecret(owner *principal, scopes []string, now, expires time.Time) (*oauthSecret, string) {
	raw := make([]byte, 48)
	_, _ = rand.Read(raw) // the documentation of crypto/rand says that Read never fails
	value := "dose" + hex.EncodeToString(raw[:16])
	s := &oauthSecret{id: hex.EncodeToString(raw[16:]), ownerID: owner.id, owner: owner.applicationID,
		digest: secretDigest(value),
		status: oauthSecretActive, scopes: scopes, created: now.Truncate(time.Millisecond),
		expires: expires.Truncate(time.Millisecond)}
	w.oauthSecrets[s.id] = s
	return s, value
}

// oauthSecretsWhere returns the OAuth secrets for which keep returns true, oldest first.
func (w *Workspace) oauthSecretsWhere(keep func(*oauthSecret) bool) []*oauthSecret {
	var found []*oauthSecret
	for _, s := range w.oauthSecrets {
		if keep(s) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *oauthSecret) int {
		return cmp.Or(a.created.Compare(b.created), strings.Compare(a.id, b.id))
	})
	return found
}

func (w *Workspace) deleteOAuthSecretsOf(principalID string) {
	for id, s := range w.oauthSecrets {
		if s.ownerID == principalID {
			delete(w.oauthSecrets, id)
		}
	}
}

// AddOAuthSecret creates an OAuth secret of a service principal without a request, as if somebody else had created it.
// A zero lifetime means that the secret never expires, like secrets created before 2025.
func (w *Workspace) AddOAuthSecret(applicationID string, lifetime time.Duration, scopes ...string) (id, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, expires := w.tenant.Clock.Now(), time.Time{}
	if lifetime != 0 {
		expires = now.Add(lifetime)
	}
	s, value := w.mintOAuthSecret(w.mustFind(applicationID), scopes, now, expires)
	return s.id, value
}

// SetOAuthSecretStatus sets the status of an OAuth secret. With a status other than ACTIVE a login fails. ACTIVE is the
// only status in recorded answers of the service.
func (w *Workspace) SetOAuthSecretStatus(id, status string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustFindOAuthSecret(id).status = status
}

// DeleteOAuthSecret deletes an OAuth secret. It panics if there is no such secret.
func (w *Workspace) DeleteOAuthSecret(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.oauthSecrets, w.mustFindOAuthSecret(id).id)
}

func (w *Workspace) mustFindOAuthSecret(id string) *oauthSecret {
	if s := w.oauthSecrets[id]; s != nil {
		return s
	}
	panic(fmt.Sprintf("emulator: workspace %s has no OAuth secret %q", w.id, id))
}

func (w *Workspace) oauthSecretRoutes(api func(string, handler)) {
	const root = "/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets"
	api("POST "+root, secretsOf(createOAuthSecret))
	api("GET "+root, secretsOf(listOAuthSecrets))
	api("DELETE "+root+"/{secret_id}", secretsOf(deleteOAuthSecret))
}

// secretsOf returns a handler that passes the service principal in the request's path to h. It refuses callers who are
// no workspace admins.
func secretsOf(h func(*call, *principal) (any, error)) handler {
	return func(c *call) (any, error) {
		s, id := &c.w.switches, c.r.PathValue("id")
		if !c.w.isAdmin(c.who) {
			return nil, s.OAuthSecretsDenied.or(http.StatusForbidden, "PERMISSION_DENIED",
				"Only workspace admins can manage the secrets of service principals.", c.who.name())
		}
		if _, err := strconv.ParseInt(id, 10, 64); err != nil {
			return nil, badParameter("Service principal ID must be a number.") // an application id is refused
		}
		p := c.w.byID(id)
		if p == nil || p.kind != servicePrincipalKind {
			return nil, s.OAuthSecretsOfUnknown.or(http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST",
				"Service principal with id {} not found", id)
		}
		return h(c, p)
	}
}

type oauthSecretInfo struct {
	ID         string   `json:"id"`
	Secret     string   `json:"secret,omitempty"`
	SecretHash string   `json:"secret_hash"`
	Status     string   `json:"status"`
	CreateTime string   `json:"create_time"`
	UpdateTime string   `json:"update_time"`
	ExpireTime string   `json:"expire_time,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
}

// info returns an OAuth secret as lists show it. How the service computes the hash in it is not documented.
func (s *oauthSecret) info() oauthSecretInfo {
	const layout = "2006-01-02T15:04:05.000Z"
	created := s.created.UTC().Format(layout)
	info := oauthSecretInfo{ID: s.id, SecretHash: secretDigest("hash of " + s.id)[:16], Status: s.status,
		CreateTime: created, UpdateTime: created, Scopes: s.scopes}
	if !s.expires.IsZero() {
		info.ExpireTime = s.expires.UTC().Format(layout)
	}
	return info
}

// protoDuration matches whole seconds as protobuf's JSON format writes them, such as 3600s.
var protoDuration = regexp.MustCompile(`^([0-9]+)s$`)

func createOAuthSecret(c *call, p *principal) (any, error) {
	var request struct {
		Lifetime string   `json:"lifetime"`
		Scopes   []string `json:"scopes"`
	}
	if err := c.decode(&request); err != nil {
		return nil, err
	}
	s := &c.w.switches
	lifetime := oauthSecretLifetime
	if request.Lifetime != "" {
		digits := protoDuration.FindStringSubmatch(request.Lifetime)
		if digits == nil {
			return nil, s.OAuthSecretDuration.or(http.StatusBadRequest, "INVALID_PARAMETER_VALUE",
				"lifetime is not a duration: {}", request.Lifetime)
		}
		seconds, err := strconv.ParseInt(digits[1], 10, 64)
		if err != nil || seconds < 1 || seconds > int64(oauthSecretLifetime/time.Second) {
			return nil, s.OAuthSecretLifetimeAbove.or(http.StatusBadRequest, "INVALID_PARAMETER_VALUE",
				"Lifetime {} is not between 1s and 63072000s", request.Lifetime)
		}
		lifetime = time.Duration(seconds) * time.Second
	}
	live := c.w.oauthSecretsWhere(func(o *oauthSecret) bool { return o.ownerID == p.id && !o.expired(c.now) })
	if len(live) >= oauthSecretQuota {
		return nil, s.OAuthSecretQuota.or(http.StatusBadRequest, "QUOTA_EXCEEDED",
			fmt.Sprintf("Service principal {} has reached the limit of %d OAuth secrets.", oauthSecretQuota),
			p.applicationID)
	}
	if s.OAuthSecretScopesIgnored {
		request.Scopes = nil
	}
	made, value := c.w.mintOAuthSecret(p, request.Scopes, c.now, c.now.Add(lifetime))
	info := made.info()
	info.Secret = value
	c.status = cmp.Or(s.OAuthSecretCreated, http.StatusOK)
	return info, nil
}

func listOAuthSecrets(c *call, p *principal) (any, error) {
	query := c.r.URL.Query()
	for name := range query {
		if name != "page_size" && name != "page_token" && name != "account_id" {
			return nil, badParameter("Unknown query parameter %s", name)
		}
	}
	size, from := oauthSecretPage, 0
	if text := query.Get("page_size"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, badParameter("page_size must be a positive number")
		}
		size = min(n, oauthSecretPage)
	}
	if most := c.w.switches.OAuthSecretPageSize; most > 0 {
		size = min(size, most)
	}
	secrets := c.w.oauthSecretsWhere(func(o *oauthSecret) bool {
		return o.ownerID == p.id && (c.w.switches.OAuthSecretsExpiredShown || !o.expired(c.now))
	})
	if after := query.Get("page_token"); after != "" {
		from = slices.IndexFunc(secrets, func(o *oauthSecret) bool { return o.id == after })
		if from < 0 {
			return nil, badParameter("page_token is not valid")
		}
	}
	if len(secrets) == 0 {
		return nil, nil
	}
	page := secrets[from:min(from+size, len(secrets))]
	answer := map[string]any{}
	var infos []oauthSecretInfo
	for _, o := range page {
		infos = append(infos, o.info())
	}
	answer["secrets"] = infos
	if from+size < len(secrets) {
		answer["next_page_token"] = secrets[from+size].id
	}
	return answer, nil
}

func deleteOAuthSecret(c *call, p *principal) (any, error) {
	id := c.r.PathValue("secret_id")
	s := c.w.oauthSecrets[id]
	if s == nil || s.ownerID != p.id {
		return nil, c.w.switches.UnknownOAuthSecret.or(http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST",
			"Secret {} not found", id)
	}
	delete(c.w.oauthSecrets, id)
	return nil, nil
}

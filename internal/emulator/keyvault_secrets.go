package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// This file has the operations on secrets. Each is described on its own page below
// learn.microsoft.com/rest/api/keyvault/secrets.

// A vaultSecret is the name of a secret with all its versions, oldest first.
type vaultSecret struct {
	name     string
	versions []*secretVersion
	deleted  time.Time // zero if the secret is not deleted
	// recovered is the time of the secret's last recovery; zero if it was never recovered.
	recovered time.Time
}

func (v *Vault) beingDeleted(s *vaultSecret, now time.Time) bool {
	return !s.deleted.IsZero() && now.Before(s.deleted.Add(v.switches.DeletionDelay))
}

func (v *Vault) beingRecovered(s *vaultSecret, now time.Time) bool {
	return s.deleted.IsZero() && !s.recovered.IsZero() && now.Before(s.recovered.Add(v.switches.RecoveryDelay))
}

// A secretVersion is one version of a secret: its value and its attributes.
type secretVersion struct {
	id          string
	value       string
	contentType string
	tags        map[string]string
	enabled     bool
	notBefore   *int64 // seconds since 1970; nil if not set
	expires     *int64
	created     time.Time
	updated     time.Time
	certificate *vaultCertificate // nil for a plain secret
}

// recoverableDays is the number of days for which a deleted secret can be recovered.
const recoverableDays = 90

func (s *vaultSecret) latest() *secretVersion { return s.versions[len(s.versions)-1] }

func (s *vaultSecret) purged() time.Time { return s.deleted.AddDate(0, 0, recoverableDays) }

// find returns the secret with this name, even if it is deleted. It returns nil if there is none, or if the time for
// which the deleted secret could be recovered is over.
func (v *Vault) find(name string) *vaultSecret {
	key := strings.ToLower(name)
	s := v.secrets[key]
	if s != nil && !s.deleted.IsZero() && !v.tenant.Clock.Now().Before(s.purged()) {
		delete(v.secrets, key)
		return nil
	}
	return s
}

// there returns the secret that the request's path names. It returns an error if the secret is missing, deleted or
// still being recovered.
func (c *vaultCall) there() (*vaultSecret, error) {
	name := c.r.PathValue("name")
	if s := c.v.find(name); s != nil && s.deleted.IsZero() && !c.v.beingRecovered(s, c.now) {
		return s, nil
	}
	return nil, secretNotFound(name)
}

// version returns the secret that the request's path names, and the version in the path, or else the latest version.
func (c *vaultCall) version() (*vaultSecret, *secretVersion, error) {
	s, err := c.there()
	if err != nil {
		return nil, nil, err
	}
	asked := c.r.PathValue("version")
	if asked == "" {
		return s, s.latest(), nil
	}
	for _, version := range s.versions {
		if strings.EqualFold(version.id, asked) {
			return s, version, nil
		}
	}
	return nil, nil, secretNotFound(s.name + "/" + asked)
}

func (c *vaultCall) properties(s *vaultSecret, version *secretVersion, withVersion bool) map[string]any {
	id := c.base + "/secrets/" + s.name
	if withVersion {
		id += "/" + version.id
	}
	level := "Recoverable+Purgeable"
	if c.v.switches.PurgeProtected {
		level = "Recoverable"
	}
	attributes := map[string]any{
		"enabled": version.enabled, "created": version.created.Unix(), "updated": version.updated.Unix(),
		"recoveryLevel": level, "recoverableDays": recoverableDays,
	}
	if version.notBefore != nil {
		attributes["nbf"] = *version.notBefore
	}
	if version.expires != nil {
		attributes["exp"] = *version.expires
	}
	tags := version.tags
	if tags == nil {
		tags = map[string]string{}
	}
	out := map[string]any{"id": id, "attributes": attributes, "tags": tags}
	if version.contentType != "" {
		out["contentType"] = version.contentType
	}
	if version.certificate != nil {
		out["managed"] = true
		if withVersion {
			out["kid"] = c.base + "/keys/" + s.name + "/" + version.id
		}
	}
	return out
}

func getSecret(c *vaultCall) (any, error) {
	s, version, err := c.version()
	if err != nil {
		return nil, err
	}
	switch now := c.now.Unix(); {
	case !version.enabled:
		return nil, vaultForbidden("SecretDisabled", "Operation get is not allowed on a disabled secret.")
	case c.v.switches.RefuseOutsideDates && version.expires != nil && now >= *version.expires:
		return nil, vaultForbidden("SecretDisabled", "Operation get is not allowed on an expired secret.")
	case c.v.switches.RefuseOutsideDates && version.notBefore != nil && now < *version.notBefore:
		return nil, vaultForbidden("SecretDisabled", "Operation get is not allowed on a secret that is not yet valid.")
	}
	out := c.properties(s, version, true)
	out["value"] = version.value
	switch asked := c.r.URL.Query().Get("outContentType"); {
	case asked == "" || asked == version.contentType:
	case asked == CertificatePEM && version.certificate != nil:
		if out["value"], err = version.certificate.encode(asked); err != nil {
			return nil, err
		}
		out["contentType"] = asked
	default:
		return nil, badVaultParameter("The conversion of content type '%s' to '%s' is not supported.",
			version.contentType, asked)
	}
	return out, nil
}

// secretBody is the body of a request to set or update a secret. A nil pointer means that the field was not sent.
type secretBody struct {
	Value       *string `json:"value"`
	ContentType *string `json:"contentType"`
	Attributes  *struct {
		Enabled   *bool  `json:"enabled"`
		NotBefore *int64 `json:"nbf"`
		Expires   *int64 `json:"exp"`
	} `json:"attributes"`
	Tags map[string]string `json:"tags"`
}

// apply copies the fields that the request sent into a version. It returns an error for values that Key Vault refuses.
func (b *secretBody) apply(version *secretVersion) error {
	const mostTags, longestTag, longestType = 15, 256, 255
	if b.ContentType != nil {
		if len(*b.ContentType) > longestType {
			return badVaultParameter("Invalid value: contentType is longer than %d characters.", longestType)
		}
		version.contentType = *b.ContentType
	}
	if b.Tags != nil {
		if len(b.Tags) > mostTags {
			return badVaultParameter("Too many tags: %d. The maximum is %d.", len(b.Tags), mostTags)
		}
		for name, value := range b.Tags {
			if name == "" || len(name) > longestTag || len(value) > longestTag {
				return badVaultParameter("Invalid tag name or value.")
			}
		}
		version.tags = maps.Clone(b.Tags)
	}
	if a := b.Attributes; a != nil {
		if a.Enabled != nil {
			version.enabled = *a.Enabled
		}
		if a.NotBefore != nil {
			version.notBefore = a.NotBefore
		}
		if a.Expires != nil {
			version.expires = a.Expires
		}
		if version.notBefore != nil && version.expires != nil && *version.notBefore >= *version.expires {
			return badVaultParameter("Invalid attributes: nbf must be before exp.")
		}
	}
	return nil
}

func setSecret(c *vaultCall) (any, error) {
	name := c.r.PathValue("name")
	s := c.v.find(name)
	switch {
	case s != nil && c.v.beingDeleted(s, c.now):
		return nil, secretIsBeingDeleted(s.name)
	case s != nil && c.v.beingRecovered(s, c.now):
		return nil, secretIsBeingRecovered(s.name)
	case s != nil && !s.deleted.IsZero():
		return nil, secretIsDeleted(s.name)
	case s != nil && s.latest().certificate != nil:
		return nil, managedSecret("set", s.name)
	}
	if err := c.checkValue(); err != nil {
		return nil, err
	}
	var body secretBody
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if len(*body.Value) > maxSecret {
		return nil, badVaultParameter("The secret value is larger than %d bytes.", maxSecret)
	}
	version := &secretVersion{id: newVersion(), value: *body.Value, enabled: true, created: c.now, updated: c.now}
	if err := body.apply(version); err != nil {
		return nil, err
	}
	s = c.v.put(name, version)
	out := c.properties(s, version, true)
	out["value"] = version.value
	return out, nil
}

// checkValue returns an error if the request's body has no value for the secret.
func (c *vaultCall) checkValue() error {
	var body secretBody
	if err := c.decode(&body); err != nil {
		return err
	}
	if body.Value == nil {
		return badVaultParameter("The parameter value is not specified or invalid.")
	}
	return nil
}

// managedSecret returns the error for a change of a secret that belongs to a certificate. Such a secret changes only
// together with its certificate. The text of the real error is not documented.
func managedSecret(operation, name string) error {
	return vaultRefusal(http.StatusForbidden, "Forbidden", "Operation %s is not allowed on the secret %s, which is "+
		"managed by a certificate.", operation, name)
}

func (v *Vault) put(name string, version *secretVersion) *vaultSecret {
	s := v.find(name)
	if s == nil {
		s = &vaultSecret{name: name}
		v.secrets[strings.ToLower(name)] = s
	}
	s.versions = append(s.versions, version)
	return s
}

func updateSecret(c *vaultCall) (any, error) {
	s, version, err := c.version()
	if err != nil {
		return nil, err
	}
	if version.certificate != nil {
		return nil, managedSecret("update", s.name)
	}
	var body secretBody
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if body.Value != nil {
		return nil, badVaultParameter("The value of a secret cannot be updated.")
	}
	changed := *version
	if err := body.apply(&changed); err != nil {
		return nil, err
	}
	changed.updated = c.now
	*version = changed
	return c.properties(s, version, true), nil
}

func deleteSecret(c *vaultCall) (any, error) {
	s, err := c.there()
	if err != nil {
		return nil, err
	}
	if s.latest().certificate != nil {
		return nil, managedSecret("delete", s.name)
	}
	s.deleted = c.now
	return c.deletedProperties(s, true), nil
}

func (c *vaultCall) deletedProperties(s *vaultSecret, withVersion bool) map[string]any {
	out := c.properties(s, s.latest(), withVersion)
	out["recoveryId"] = c.base + "/deletedsecrets/" + s.name
	out["deletedDate"] = s.deleted.Unix()
	out["scheduledPurgeDate"] = s.purged().Unix()
	return out
}

func (c *vaultCall) deleted() (*vaultSecret, error) {
	name := c.r.PathValue("name")
	s := c.v.find(name)
	switch {
	case s == nil || s.deleted.IsZero():
		return nil, secretNotFound(name)
	case !c.v.beingDeleted(s, c.now):
		return s, nil
	case c.r.Method == http.MethodGet:
		return nil, secretNotFound(name)
	}
	return nil, secretIsBeingDeleted(s.name)
}

func getDeletedSecret(c *vaultCall) (any, error) {
	s, err := c.deleted()
	if err != nil {
		return nil, err
	}
	return c.deletedProperties(s, true), nil
}

func recoverSecret(c *vaultCall) (any, error) {
	s, err := c.deleted()
	if err != nil {
		return nil, err
	}
	s.deleted, s.recovered = time.Time{}, c.now
	return c.properties(s, s.latest(), true), nil
}

func purgeSecret(c *vaultCall) (any, error) {
	s, err := c.deleted()
	if err != nil {
		return nil, err
	}
	if c.v.switches.PurgeProtected {
		return nil, vaultRefusal(http.StatusForbidden, "Forbidden", "Operation purge is not allowed because purge "+
			"protection is enabled for this vault.")
	}
	delete(c.v.secrets, strings.ToLower(s.name))
	return nil, nil
}

// names returns the deleted secrets or the other secrets, sorted by name. It leaves out secrets whose deletion or
// recovery is still in progress.
func (v *Vault) names(deleted bool) []*vaultSecret {
	var found []*vaultSecret
	now := v.tenant.Clock.Now()
	for _, key := range slices.Sorted(maps.Keys(v.secrets)) {
		if s := v.find(key); s != nil && s.deleted.IsZero() != deleted && !v.beingDeleted(s, now) &&
			!v.beingRecovered(s, now) {
			found = append(found, s)
		}
	}
	return found
}

func listSecrets(c *vaultCall) (any, error) {
	var all []any
	for _, s := range c.v.names(false) {
		all = append(all, c.properties(s, s.latest(), false))
	}
	return c.page(all)
}

func listDeletedSecrets(c *vaultCall) (any, error) {
	var all []any
	for _, s := range c.v.names(true) {
		all = append(all, c.deletedProperties(s, false))
	}
	return c.page(all)
}

func listVersions(c *vaultCall) (any, error) {
	s, err := c.there()
	if err != nil && c.v.switches.VersionsRefused {
		return nil, err
	}
	if err != nil {
		return c.page(nil)
	}
	// The versions are sorted by their random ids, not by time, because Key Vault promises no order.
	versions := slices.SortedFunc(slices.Values(s.versions), func(a, b *secretVersion) int {
		return strings.Compare(a.id, b.id)
	})
	var all []any
	for _, version := range versions {
		all = append(all, c.properties(s, version, true))
	}
	return c.page(all)
}

// SetSecret sets the value of a secret without a request and without checking a right, and returns the new version.
func (v *Vault) SetSecret(name, value, contentType string) (version string) {
	return v.putBehind(name, &secretVersion{value: value, contentType: contentType})
}

func (v *Vault) putBehind(name string, version *secretVersion) string {
	if !secretName.MatchString(name) {
		panic(fmt.Sprintf("emulator: %q is no name for a secret", name))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.find(name); s != nil && !s.deleted.IsZero() {
		panic(fmt.Sprintf("emulator: the secret %q of vault %s is deleted", name, v.name))
	}
	now := v.tenant.Clock.Now()
	version.id, version.enabled, version.created, version.updated = newVersion(), true, now, now
	v.put(name, version)
	return version.id
}

// SetEnabled enables or disables a version of a secret. An empty version means the latest version.
func (v *Vault) SetEnabled(name, version string, enabled bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.find(name); s != nil && s.deleted.IsZero() {
		for _, candidate := range s.versions {
			if candidate.id == version || version == "" && candidate == s.latest() {
				candidate.enabled = enabled
				return
			}
		}
	}
	panic(fmt.Sprintf("emulator: vault %s has no secret %q in version %q", v.name, name, version))
}

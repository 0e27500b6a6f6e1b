package emulator

import (
	"crypto/x509"
	"fmt"
	"maps"
	"time"
)

// SecretVersionState describes one version of a secret in a vault, without the value. A zero Expires means that the
// version never expires.
type SecretVersionState struct {
	ID          string
	Enabled     bool
	ContentType string
	Tags        map[string]string
	Expires     time.Time
}

// Versions returns the versions of a secret, oldest first. It returns nil if the secret is deleted or never existed.
func (v *Vault) Versions(name string) []SecretVersionState {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.find(name)
	if s == nil || !s.deleted.IsZero() {
		return nil
	}
	var states []SecretVersionState
	for _, version := range s.versions {
		state := SecretVersionState{ID: version.id, Enabled: version.enabled, ContentType: version.contentType,
			Tags: maps.Clone(version.tags)}
		if version.expires != nil {
			state.Expires = time.Unix(*version.expires, 0).UTC()
		}
		states = append(states, state)
	}
	return states
}

// Value returns the value of the newest version of a secret. It panics if there is no such secret.
func (v *Vault) Value(name string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mustSecret(name).latest().value
}

// Certificate returns the newest version of a certificate object. It panics if there is no such certificate.
func (v *Vault) Certificate(name string) *x509.Certificate {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mustSecret(name).latest().certificate.cert
}

// DeleteSecret deletes a secret, as a request of an authorized caller does. The secret can be recovered; until then its
// name cannot be used.
func (v *Vault) DeleteSecret(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mustSecret(name).deleted = v.tenant.Clock.Now()
}

// RecoverSecret recovers a deleted secret. It panics if there is no such deleted secret.
func (v *Vault) RecoverSecret(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.find(name)
	if s == nil || s.deleted.IsZero() {
		panic(fmt.Sprintf("emulator: vault %s has no deleted secret %q", v.name, name))
	}
	s.deleted, s.recovered = time.Time{}, v.tenant.Clock.Now()
}

func (v *Vault) mustSecret(name string) *vaultSecret {
	s := v.find(name)
	if s == nil || !s.deleted.IsZero() {
		panic(fmt.Sprintf("emulator: vault %s has no secret %q", v.name, name))
	}
	return s
}

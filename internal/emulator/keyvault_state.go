package emulator

import (
	"crypto/x509"
	"fmt"
	"maps"
	"time"
)

// SecretVersionState is one version of a secret in a vault, without its value. A
// zero Expires is never.
type SecretVersionState struct {
	ID          string
	Enabled     bool
	ContentType string
	Tags        map[string]string
	Expires     time.Time
}

// Versions are those of a secret, oldest first; none for one that is deleted or
// was never there.
func (v *Vault) Versions(name string) []SecretVersionState {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.find(name)
	if s == nil || !s.deleted.IsZero() {
		return nil
	}
	var states []SecretVersionState
	for _, version := range s.versions {
		state := SecretVersionState{ID: version.id, Enabled: version.enabled, ContentType: version.contentType, Tags: maps.Clone(version.tags)}
		if version.expires != nil {
			state.Expires = time.Unix(*version.expires, 0).UTC()
		}
		states = append(states, state)
	}
	return states
}

// Value is what a reader of the newest version gets.
func (v *Vault) Value(name string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mustSecret(name).latest().value
}

// Certificate is the newest version of a certificate object.
func (v *Vault) Certificate(name string) *x509.Certificate {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mustSecret(name).latest().certificate.cert
}

// DeleteSecret deletes a secret as somebody with the right would: it can be
// recovered, and its name is taken until then.
func (v *Vault) DeleteSecret(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mustSecret(name).deleted = v.tenant.Clock.Now()
}

// RecoverSecret takes that back.
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

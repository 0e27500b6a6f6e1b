package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Secret is where in Key Vault the value of a credential goes.
type Secret struct {
	VaultURI, Name, ContentType string
	Tags                        map[string]string
	Overwrite                   bool // also a secret that we did not write
	// Mark is the tag that shows which versions are ours; its value is the id of the credential.
	Mark string
}

// Place is one version of a secret, as private state keeps it.
type Place struct {
	VaultURI string `json:"vault_uri"`
	Name     string `json:"name"`
	Version  string `json:"version"`
}

// VaultAt returns the vault at an address. It checks the configuration alone and sends no request.
func VaultAt(c *client.Client, uri string) (*auth.Vault, error) {
	return c.Vault(auth.Setting{Value: uri, Attribute: "key_vault_secret.vault_uri"})
}

// Store is a secret in Key Vault to which the provider has proved that it can write.
type Store struct {
	vault *auth.Vault
	Secret
}

// OpenStore proves that a value can be written, before there is one: the vault answers, the name is free or ours, and
// the provider may write. patient waits for a role that was given a moment ago. ours are the versions that this
// resource wrote. Nil without a secret. Two requests, or three where there is no such secret yet.
func OpenStore(ctx context.Context, c *client.Client, s *Secret, ours []Place, patient bool) (*Store, error) {
	if s == nil {
		return nil, nil
	}
	v, err := VaultAt(c, s.VaultURI)
	if err != nil {
		return nil, err
	}
	prove := func() error {
		versions, err := v.Versions(ctx, s.Name)
		switch {
		case errors.Is(err, auth.ErrNoSecret):
			deleted, err := v.IsDeleted(ctx, s.Name)
			if err != nil {
				return err
			}
			if deleted {
				return v.Deleted(s.Name)
			}
		case err != nil:
			return err
		case !s.Overwrite && !s.isOurs(versions, ours):
			return client.Advise(
				fmt.Errorf("secret %s in Key Vault %s was not written by this resource", s.Name, v.Host()),
				"key_vault_secret.name",
				"Nothing was written, and no credential was created. Choose another name, or set overwrite_existing "+
					"= true: "+
					"the secret then gets a new version, and the current one stays below it.",
			)
		}
		return v.TryWrite(ctx, s.Name)
	}
	settled := func() error { return v.Settled(ctx, prove) }
	if patient {
		err = v.Await(ctx, settled)
	} else {
		err = settled()
	}
	if err != nil {
		return nil, err
	}
	return &Store{v, *s}, nil
}

// isOurs reports whether this provider wrote a secret: the newest version has our tag, or we know one of the versions.
// A resource that is created before the one it replaces is destroyed has only the tag to go by.
func (s Secret) isOurs(versions []auth.SecretVersion, ours []Place) bool {
	if len(versions) > 0 && versions[0].Tags[s.Mark] != "" {
		return true
	}
	return slices.ContainsFunc(ours, func(p Place) bool {
		return slices.ContainsFunc(versions, func(v auth.SecretVersion) bool { return v.ID == p.Version })
	})
}

// tags are those of a configuration, and ours.
func (s Secret) tags(id string) map[string]string {
	tags := map[string]string{s.Mark: id}
	maps.Copy(tags, s.Tags)
	return tags
}

// Write stores the value of a credential, with its end; nil keeps no values. It disables what a failed write may have
// left. One request, and one for each such version.
func (s *Store) Write(ctx context.Context, id, value string, expires time.Time) (auth.SecretVersion, error) {
	if s == nil {
		return auth.SecretVersion{}, nil
	}
	version, err := s.vault.Write(ctx, auth.NewSecret{
		Name: s.Name, Value: value, ContentType: s.ContentType, Tags: s.tags(id), Expires: expires,
	}, s.Mark)
	if err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		err = s.retract(cleanup, id, err)
	}
	return version, err
}

// retract disables what a failed write may have left, and returns the error of the write with what became of that:
// readers of the newest version would get it, and the credential in it is about to be revoked.
func (s *Store) retract(ctx context.Context, id string, failed error) error {
	versions, err := s.vault.Versions(ctx, s.Name)
	if err != nil && !errors.Is(err, auth.ErrNoSecret) {
		return client.Also(failed, fmt.Sprintf("Key Vault may have stored the value; that could not be checked (%v). "+
			"If "+
			"so, it is in the newest version of secret %s, and applications that read it get a value that does not "+
			"work, until an apply succeeds.", err, s.Name))
	}
	for _, v := range versions {
		if !v.Enabled || v.Tags[s.Mark] != id {
			continue
		}
		then := "It was disabled, so reading the newest version fails until an apply succeeds."
		if err := s.vault.Disable(ctx, s.Name, v.ID); err != nil {
			then = fmt.Sprintf("It could not be disabled (%v), so applications that read the newest version get a "+
				"value that does not work, until an apply succeeds.", err)
		}
		failed = client.Also(
			failed,
			fmt.Sprintf("Key Vault has stored the value, in version %s of secret %s. %s", v.ID, s.Name, then),
		)
	}
	return failed
}

// VersionsOf lists the versions of a secret that was written before, newest first. One request per 25 versions.
func VersionsOf(ctx context.Context, c *client.Client, uri, name string) ([]auth.SecretVersion, error) {
	v, err := VaultAt(c, uri)
	if err == nil {
		return v.KnownVersions(ctx, name)
	}
	return nil, err
}

// ChangeSecret sets content type and tags of the version that holds a credential. One request.
func ChangeSecret(ctx context.Context, c *client.Client, at Place, s Secret, id string) error {
	v, err := VaultAt(c, at.VaultURI)
	if err == nil {
		err = v.Change(ctx, at.Name, at.Version, s.ContentType, s.tags(id))
	}
	return err
}

// Disable disables the version that holds a revoked credential; one that is gone already counts as done. One request.
func Disable(ctx context.Context, c *client.Client, at Place) error {
	v, err := VaultAt(c, at.VaultURI)
	if err == nil {
		err = v.Disable(ctx, at.Name, at.Version)
	}
	return err
}

// SameInVault reports whether a stored version already has the content type and the tags that are wanted.
func (s Secret) SameInVault(other Secret) bool {
	return s.ContentType == other.ContentType && maps.Equal(s.Tags, other.Tags)
}

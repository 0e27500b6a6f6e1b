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
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// Secret says where in Key Vault the value of a credential is stored, and with which content type and tags.
type Secret struct {
	VaultURI, Name, ContentType string
	Tags                        map[string]string
	Overwrite                   bool // write a new version even if this provider did not write the secret
	// Mark is the name of the tag on versions that this provider wrote. The value of the tag is the credential's id.
	Mark string
}

// StoredVersion identifies one version of a Key Vault secret. The resource's private state holds it.
type StoredVersion struct {
	VaultURI string `json:"vault_uri"`
	Name     string `json:"name"`
	Version  string `json:"version"`
}

// VaultAt returns the Key Vault at the address uri. It only checks the configuration, and sends no request.
func VaultAt(c *client.Client, uri string) (*auth.Vault, error) {
	return c.Vault(auth.Setting{Value: uri, Attribute: "key_vault_secret.vault_uri"})
}

// Store is a Key Vault secret to which the provider can write, as [OpenStore] has proved.
type Store struct {
	vault *auth.Vault
	Secret
}

// OpenStore proves, before a credential exists, that its value can be written to Key Vault. The vault must answer, and
// the provider must have the permission to write. A secret of that name must not exist yet, unless this resource wrote
// it or s.Overwrite is set. ours lists the versions that this resource wrote. If patient, OpenStore waits for a role
// that was assigned a moment ago. It returns nil if s is nil. Two requests, or three if the secret does not exist yet.
func OpenStore(ctx context.Context, c *client.Client, s *Secret, ours []StoredVersion, patient bool) (*Store, error) {
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
				"key_vault_secret.name", "Nothing was written, and no credential was created. Choose another name "+
					"for the secret. Or set overwrite_existing = true: the secret then gets a new version, and its "+
					"current version stays in Key Vault as an older one.")
		}
		return v.CheckMayWrite(ctx, s.Name)
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

// isOurs reports whether this provider wrote a secret: the newest version has the provider's tag, or one of the
// versions is in ours. A resource that is created before its predecessor is destroyed has only the tag to recognize the
// secret by.
func (s Secret) isOurs(versions []auth.SecretVersion, ours []StoredVersion) bool {
	if len(versions) > 0 && versions[0].Tags[s.Mark] != "" {
		return true
	}
	return slices.ContainsFunc(ours, func(p StoredVersion) bool {
		return slices.ContainsFunc(versions, func(v auth.SecretVersion) bool { return v.ID == p.Version })
	})
}

// tags returns the configured tags together with the provider's own tag, whose value is the credential's id.
func (s Secret) tags(id string) map[string]string {
	tags := map[string]string{s.Mark: id}
	maps.Copy(tags, s.Tags)
	return tags
}

// Write stores the value of a credential with the time at which the credential expires. It does nothing if s is nil. If
// the write fails, Write disables the versions that it may have left. One request; after a failure, also those to list
// the versions and one per version to disable.
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

// retract disables the versions that a failed write may have left, and returns the error of the write with a sentence
// about the result. Otherwise applications that read the newest version would get a credential that is about to be
// revoked.
func (s *Store) retract(ctx context.Context, id string, failed error) error {
	versions, err := s.vault.Versions(ctx, s.Name)
	if err != nil && !errors.Is(err, auth.ErrNoSecret) {
		return client.AddAdvice(failed, fmt.Sprintf("Key Vault may have stored the value; the provider "+
			"could not check "+
			"that (%v). If the value was stored, it is the newest version of secret %s. Applications that read this "+
			"version get a value that does not work, until an apply succeeds.", err, s.Name))
	}
	for _, v := range versions {
		if !v.Enabled || v.Tags[s.Mark] != id {
			continue
		}
		then := "The provider disabled this version, so applications that read the newest version get an " +
			"error, until " +
			"an apply succeeds."
		if err := s.vault.Disable(ctx, s.Name, v.ID); err != nil {
			then = fmt.Sprintf("The provider could not disable this version (%v), so applications that read the "+
				"newest version get a value that does not work, until an apply succeeds.", err)
		}
		failed = client.AddAdvice(failed,
			fmt.Sprintf("Key Vault has stored the value, in version %s of secret %s. %s", v.ID, s.Name, then))
	}
	return failed
}

// VersionsOf lists the versions of a secret that the provider wrote earlier, newest first. One request per 25 versions.
func VersionsOf(ctx context.Context, c *client.Client, uri, name string) ([]auth.SecretVersion, error) {
	v, err := VaultAt(c, uri)
	if err == nil {
		return v.KnownVersions(ctx, name)
	}
	return nil, err
}

// ChangeSecret sets the content type and the tags of the secret version that holds the credential with that id. One
// request.
func ChangeSecret(ctx context.Context, c *client.Client, at StoredVersion, s Secret, id string) error {
	v, err := VaultAt(c, at.VaultURI)
	if err == nil {
		err = v.Change(ctx, at.Name, at.Version, s.ContentType, s.tags(id))
	}
	return err
}

// Disable disables the secret version that holds a revoked credential. It returns nil if the version does not exist any
// more. If the run is stopped, Disable still tries for some seconds: after a destroy, no later run would disable the
// version. One request.
func Disable(ctx context.Context, c *client.Client, at StoredVersion) error {
	v, err := VaultAt(c, at.VaultURI)
	if err != nil {
		return err
	}
	longer, end := web.Outlive(ctx, disableAfterStop)
	defer end()
	return v.Disable(longer, at.Name, at.Version)
}

// disableAfterStop is how long a stopped run still tries to disable a version. A terminated process has eight seconds
// for everything.
const disableAfterStop = 5 * time.Second

// Changed reports whether a secret has another content type or other tags than before, so that the stored version must
// be changed. It returns false if one of the two is nil.
func (s *Secret) Changed(before *Secret) bool {
	return s != nil && before != nil && (s.ContentType != before.ContentType || !maps.Equal(s.Tags, before.Tags))
}

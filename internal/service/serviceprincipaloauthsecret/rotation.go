package serviceprincipaloauthsecret

import (
	"context"
	"fmt"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// steps implements the operations with which package rotation creates one secret and deletes others.
type steps struct {
	c           *client.Client
	principalID string
	want        secret
	store       *rotation.Store // nil: the value is not stored in Key Vault
	// onCreate is called when the new secret exists. save is called each time that the set of live secrets has changed.
	// Both are nil if only one secret is created and none is replaced.
	onCreate func()
	save     func(rotation.Status)

	made    created
	left    client.OAuthSecretList // the secrets that the principal had before this creation
	warning error                  // why the new secret could not be verified, if that is no reason to delete it
	version auth.SecretVersion     // zero: the value is not in Key Vault
}

var _ rotation.Steps = &steps{}

// Create creates the secret and checks that it works. It lists the secrets of the principal at the last moment before
// that, because the service allows only a few.
func (s *steps) Create(ctx context.Context) (string, error) {
	if err := s.post(ctx); err != nil {
		return "", err
	}
	if s.onCreate != nil {
		s.onCreate()
	}
	err := checkScopes(s.made.Scopes, s.want.Scopes)
	if err == nil && s.want.Verify {
		s.warning, err = verify(ctx, s.c, s.want.ApplicationID, s.made.Value, s.want.Scopes)
	}
	return s.made.ID, err
}

func (s *steps) post(ctx context.Context) error {
	unlock, err := lock(ctx, s.c, s.principalID)
	if err != nil {
		return err
	}
	defer unlock()
	if s.left, err = secretsNow(ctx, s.c, s.principalID); err != nil {
		return err
	}
	if err := checkFree(s.left, s.want.ApplicationID); err != nil {
		return err
	}
	s.made, err = create(ctx, s.c, s.principalID, s.want, s.left)
	return err
}

func (s *steps) Store(ctx context.Context) (err error) {
	s.version, err = s.store.Write(ctx, s.made.ID, s.made.Value, s.made.ExpiresAt)
	return err
}

func (s *steps) Revoke(ctx context.Context, id string) error {
	left, err := remove(ctx, s.c, s.principalID, id)
	if left {
		return fmt.Errorf(
			"service principal %s is no longer in this workspace, so the workspace cannot delete its OAuth secret "+
				"%s, which may still exist in the account",
			s.want.ApplicationID,
			id,
		)
	}
	return err
}

func (s *steps) Save(now rotation.Status) { s.save(now) }

// noneFree reports whether the principal now has as many secrets as the service allows, so that the next rotation could
// not create one.
func (s *steps) noneFree() bool { return len(s.left.Secrets)+1 >= maxSecrets }

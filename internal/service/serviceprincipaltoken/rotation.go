package serviceprincipaltoken

import (
	"context"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// steps implements the operations with which package rotation creates one token and revokes others.
type steps struct {
	c, as *client.Client // c sends requests with the provider's identity, as with the owner's
	want  token
	store *rotation.Store // nil: the value is not stored in Key Vault
	// others reports whether the workspace has shown that a token belongs to another principal than the owner.
	others func(id string) bool
	// created is called when the new token exists. save is called each time that the set of live tokens has changed.
	// Both are nil if only one token is created and none is replaced.
	created func()
	save    func(rotation.Status)

	made    createdToken
	version auth.SecretVersion // zero: the value is not in Key Vault
	until   time.Time          // after this time another run takes the token for abandoned, by its marker
}

var _ rotation.Steps = &steps{}

func (s *steps) Create(ctx context.Context) (string, error) {
	s.until = time.Now().Add(s.want.Recorded)
	ctx, cancel := context.WithDeadline(ctx, s.until)
	defer cancel()
	var err error
	s.made, err = createToken(ctx, s.as, s.want)
	if err == nil && s.created != nil {
		s.created()
	}
	return s.made.ID, err
}

func (s *steps) Store(ctx context.Context) (err error) {
	ctx, cancel := context.WithDeadline(ctx, s.until)
	defer cancel()
	s.version, err = s.store.Write(ctx, s.made.ID, s.made.Value, s.made.ExpiresAt)
	return err
}

// Revoke revokes a token. It revokes the new token as its owner or, if that fails, as a workspace admin. It revokes any
// other token by [revoke].
func (s *steps) Revoke(ctx context.Context, id string) error {
	if id != s.made.ID {
		return revoke(ctx, s.c, s.want.Owner, id, s.others(id))
	}
	err := s.as.RevokeOwnToken(ctx, id)
	if err != nil && s.c.RevokeAnyToken(ctx, id) == nil {
		return nil
	}
	return err
}

func (s *steps) Save(now rotation.Status) { s.save(now) }

package serviceprincipal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// revoked counts the credentials of a service principal that one revocation has deleted.
type revoked struct{ Tokens, OAuthSecrets int }

func (r revoked) String() string {
	return fmt.Sprintf("%s and %s deleted", fwkit.Counted(r.Tokens, "token"),
		fwkit.Counted(r.OAuthSecrets, "OAuth secret"))
}

// LeftCredentialsError lists the credentials of a service principal that could not be deleted.
type LeftCredentialsError struct {
	Left []string // such as: token 5c1d… "nightly"
	Err  error    // the first failed deletion; nil if the workspace accepted every deletion and still shows some
}

func (e *LeftCredentialsError) Error() string {
	text := fmt.Sprintf("%s could not be deleted: %s", fwkit.Counted(len(e.Left), "credential"),
		strings.Join(e.Left, ", "))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *LeftCredentialsError) Unwrap() error { return e.Err }

// findForRevocation returns the service principal whose credentials are to be revoked. It returns an error for the
// provider's own identity, because the rest of the work needs its login. One request if the login names its application
// id; otherwise two.
func findForRevocation(ctx context.Context, c *client.Client, applicationID string) (client.ServicePrincipal, error) {
	sp, err := findByApplicationID(ctx, c, applicationID)
	if err != nil {
		return client.ServicePrincipal{}, err
	}
	if sp == nil {
		return client.ServicePrincipal{}, adviseNone(ctx, c, applicationID, "application_id",
			"Write the application (client) id, not the object id, and check that host is the right workspace. "+
				"Nothing was changed.")
	}
	self, err := c.IsSelf(ctx, sp.ApplicationID)
	if err != nil {
		return client.ServicePrincipal{}, fmt.Errorf("checking whether this service principal is the provider's own "+
			"identity: %w", err)
	}
	if self {
		return client.ServicePrincipal{}, client.Advise(
			ErrSelf,
			"application_id",
			"If it could not log in any more, the provider could not finish this action. Nothing was changed. Log in "+
				"as another workspace admin.",
		)
	}
	return *sp, nil
}

// deactivate deactivates a service principal and waits until the workspace shows that. Two requests.
func deactivate(ctx context.Context, c *client.Client, sp client.ServicePrincipal) error {
	inactive := desired{Active: new(bool)}
	if err := changeServicePrincipal(ctx, c, sp.ID, inactive); err != nil {
		return err
	}
	_, err := awaitValues(ctx, c, sp, inactive)
	return err
}

// credential is a token or an OAuth secret of a service principal.
type credential struct {
	name   string // such as: token 5c1d… "nightly"
	secret bool   // true for an OAuth secret, false for a token
	delete func(context.Context) error
}

// credentials lists all tokens and OAuth secrets of a service principal without a cache, including expired ones. If one
// list fails, it returns the other list with the error. Two requests, and one more if a list is empty.
func credentials(ctx context.Context, c *client.Client, sp client.ServicePrincipal) (found []credential, err error) {
	list, err := c.WorkspaceTokensNow(ctx)
	if err == nil && !list.Shown {
		err = c.ConfirmEmpty(ctx)
	}
	if err != nil {
		err = fmt.Errorf("listing the tokens of the service principal: %w", err)
	}
	for _, t := range list.Tokens {
		if ownsOrMade(sp.ID, t) {
			found = append(found, credential{
				name:   strings.TrimSpace("token " + t.ID + " " + strconv.Quote(t.Comment)),
				delete: func(ctx context.Context) error { return c.RevokeAnyToken(ctx, t.ID) },
			})
		}
	}
	secrets, secretsErr := c.OAuthSecretsNow(ctx, sp.ID)
	if secretsErr != nil {
		err = errors.Join(err, fmt.Errorf("listing the OAuth secrets of the service principal: %w", secretsErr))
	}
	for _, s := range secrets.Secrets {
		found = append(found, credential{
			name: "OAuth secret " + s.ID, secret: true,
			delete: func(ctx context.Context) error { return c.DeleteOAuthSecret(ctx, sp.ID, s.ID) },
		})
	}
	return found, err
}

// ownsOrMade reports whether the principal with that SCIM id owns the token or has created it.
func ownsOrMade(principalID string, t client.TokenInfo) bool {
	return t.CreatorID == principalID || t.OwnerID == principalID
}

// revokeCredentials deletes every token and OAuth secret of a service principal, and lists them again to check. A
// credential that cannot be deleted does not stop the deletion of the others. say reports the result for each
// credential. Two requests per list, which is read before and after, and two per credential.
func revokeCredentials(
	ctx context.Context,
	c *client.Client,
	sp client.ServicePrincipal,
	say func(format string, values ...any),
) (revoked, error) {
	var done revoked
	var first error
	found, err := credentials(ctx, c, sp)
	for _, one := range found {
		if deleteErr := one.delete(ctx); deleteErr != nil {
			say("Not deleted: %s", one.name)
			if first == nil {
				first = deleteErr
			}
			continue
		}
		say("Deleted: %s", one.name)
		if one.secret {
			done.OAuthSecrets++
		} else {
			done.Tokens++
		}
	}
	left, proofErr := credentials(ctx, c, sp)
	if err == nil {
		err = proofErr
	}
	if len(left) > 0 {
		e := &LeftCredentialsError{Err: first}
		for _, one := range left {
			e.Left = append(e.Left, one.name)
		}
		err = errors.Join(e, err)
	} else if err == nil && first != nil {
		say("The credentials that could not be deleted at first no longer exist.")
	}
	if err != nil {
		return done, client.Advise(
			err,
			"",
			"Only a workspace admin may list and delete credentials of others. Run the action again as workspace "+
				"admin, or delete the credentials in the workspace: tokens under Settings > Advanced > Personal "+
				"access tokens, OAuth secrets on the page of the service principal.",
		)
	}
	return done, nil
}

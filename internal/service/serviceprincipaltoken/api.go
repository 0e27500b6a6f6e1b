package serviceprincipaltoken

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/common/types/fieldmask"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// minted is a token that was just made: the one moment at which its value is known.
type minted struct {
	client.TokenInfo
	Value string
	stray error // another token of this attempt may be left; nil when none is
}

// logIn gives a client that calls as the owner, and makes sure that it really is the owner. No request but Entra's; with
// the provider's identity one more where only the workspace knows who that is.
func logIn(ctx context.Context, c *client.Client, o owner) (*client.Client, error) {
	if !o.ProviderIdentity {
		if !o.Credential.TenantID.IsSet() {
			tenant, err := c.TenantID(ctx)
			if err != nil {
				return nil, err
			}
			o.Credential.TenantID.Value = tenant
		}
		return c.LogIn(o.Credential)
	}
	actual, err := callerID(ctx, c)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(actual, o.ApplicationID) {
		return nil, notOwner(actual)
	}
	return c, nil
}

// checkOwner finds at plan what configuration alone can tell of the owner's credential. It touches no network. A
// certificate file that does not exist yet may be made by the same apply, so it is left for then.
func checkOwner(c *client.Client, o owner) error {
	if o.ProviderIdentity {
		if id := c.Login.Identity().ClientID; id != "" && !strings.EqualFold(id, o.ApplicationID) {
			return notOwner(id)
		}
		return nil
	}
	if path := o.Credential.CertificatePath; path.IsSet() {
		if _, err := os.Stat(path.Value); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if !o.Credential.TenantID.IsSet() {
		// The provider's own. Where only its login will tell it, any will do for this check.
		o.Credential.TenantID.Value = cmp.Or(c.Login.Identity().TenantID, uuid.Nil.String())
	}
	_, err := c.LogIn(o.Credential)
	return err
}

func notOwner(actual string) error {
	return client.Advise(fmt.Errorf("the provider is logged in as %s", actual), "owner.use_provider_identity",
		"The token would belong to that identity. Write its application id under owner.application_id, or give the credential of the owner you mean.")
}

// mint makes the token. The service may do the work and lose the answer, and the value is told only once: so the comment
// carries a nonce, the same at each try, by which such a token is found and revoked before another is made, and once more
// after: a try that was given up may still be worked on. One request; after a lost answer one to look, one to revoke and
// one to try again.
// https://docs.databricks.com/api/azure/workspace/tokens/create
func mint(ctx context.Context, as *client.Client, want token) (minted, error) {
	began, marked := time.Now(), mark(want.Comment)
	for try := 1; ; try++ {
		answer, err := settings.NewTokens(as.SDK()).Create(ctx, settings.CreateTokenRequest{
			Comment: marked, LifetimeSeconds: int64(want.Lifetime.Seconds()), Scopes: want.Scopes,
		})
		var made minted
		if err == nil {
			made = fromAnswer(answer)
		}
		var login *auth.Error
		lost := err != nil && !errors.As(err, &login) && (errors.Is(err, client.ErrAnswerLost) || ctx.Err() != nil)
		if try == 1 && !lost {
			return made, adviseMint(err)
		}
		lookErr := revokeMarked(ctx, as, marked, made.ID)
		var stray error
		if lookErr != nil {
			stray = client.Advise(cmp.Or(err, lookErr), "", fmt.Sprintf("A token may exist that nobody knows the value of, and looking for it failed: %v. "+
				"It would be in the owner's list with the comment %q: revoke it there, then apply again.", lookErr, marked))
		}
		switch {
		case err == nil: // ours is made: it must not be lost over the look
			made.stray = stray
			return made, nil
		case stray != nil:
			return minted{}, stray
		case !lost:
			return minted{}, adviseMint(err)
		case !as.Again(ctx, err, began, try):
			return minted{}, client.Advise(err, "", "The owner's list was looked through, and no token of this attempt is left. Apply again.")
		}
	}
}

// mark adds the nonce to a comment.
func mark(comment string) string {
	return strings.TrimSpace(comment + " [dbxaccess:" + uuid.NewString() + "]")
}

// revokeMarked finds tokens by their comment and revokes them, but for the one to keep. It takes its own time: a run that
// was stopped, or is out of time, must not leave a token behind.
func revokeMarked(ctx context.Context, as *client.Client, marked, keep string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	list, err := as.OwnTokens(ctx)
	if err != nil {
		return err
	}
	for _, t := range list.Tokens {
		if t.Comment == marked && t.ID != keep {
			err = errors.Join(err, as.RevokeOwnToken(ctx, t.ID))
		}
	}
	return err
}

// change sets comment and scopes of a token of the caller. One request.
// https://docs.databricks.com/api/azure/workspace/tokens/update
func change(ctx context.Context, as *client.Client, id string, mask []string, comment string, scopes []string) error {
	_, err := settings.NewTokens(as.SDK()).Update(ctx, settings.UpdateTokenRequest{
		TokenId:    id,
		Token:      settings.PublicTokenInfo{Comment: comment, Scopes: scopes, ForceSendFields: []string{"Comment"}},
		UpdateMask: fieldmask.FieldMask{Paths: mask},
	})
	return err
}

// findToken looks a token up in the one list of the run. When the provider's identity is the owner and not an admin, its
// own list does. One request, shared by every token of the run.
func findToken(ctx context.Context, c *client.Client, id string, providerIdentity bool) (client.TokenInfo, bool, error) {
	list, err := c.WorkspaceTokens(ctx)
	if errors.Is(err, client.ErrPermissionDenied) && providerIdentity {
		list, err = c.OwnTokens(ctx)
	}
	if errors.Is(err, client.ErrPermissionDenied) {
		err = client.Advise(err, "", "To see the tokens of others the provider's identity needs to be a workspace admin: add it to the group \"admins\".")
	}
	if err != nil {
		return client.TokenInfo{}, false, err
	}
	info, found := list.ByID(id)
	return info, found, nil
}

// revoke ends a token: as its owner where a login is at hand, else as an admin. A token that is gone counts as done. One
// request, and the owner's login to Entra.
func revoke(ctx context.Context, c *client.Client, o owner, id string) error {
	var asOwner error
	if o.ProviderIdentity || o.Credential.CertificatePath.IsSet() {
		as, err := logIn(ctx, c, o)
		if err == nil {
			err = as.RevokeOwnToken(ctx, id)
		}
		if err == nil {
			c.ForgetTokens()
			return nil
		}
		asOwner = err // the credential may be gone by now; an admin can still revoke
	}
	err := c.RevokeAnyToken(ctx, id)
	if err == nil {
		return nil
	}
	var next []string
	if errors.Is(err, client.ErrPermissionDenied) {
		next = append(next, "The token is still live. To revoke tokens of others the provider's identity needs to be a workspace admin: add it to the group \"admins\", then apply again.")
	}
	if asOwner != nil { // as text: a refused login would else take the place of what matters
		next = append(next, "Revoking it as its owner failed as well: "+asOwner.Error())
	}
	return client.Advise(err, "", strings.Join(next, "\n\n"))
}

// callerID is the application id behind the provider's login. No request; one where only the workspace knows who that is.
func callerID(ctx context.Context, c *client.Client) (string, error) {
	if id := c.Login.Identity().ClientID; id != "" {
		return id, nil
	}
	me, err := c.Me(ctx) // logged in with a Databricks token
	return me.UserName, err
}

func fromAnswer(a *settings.CreateTokenResponse) minted {
	m := minted{Value: a.TokenValue}
	if i := a.TokenInfo; i != nil {
		m.TokenInfo = client.TokenInfo{ID: i.TokenId, Comment: i.Comment, Scopes: i.Scopes, CreatedAt: millis(i.CreationTime), ExpiresAt: millis(i.ExpiryTime)}
		slices.Sort(m.Scopes)
	}
	return m
}

func millis(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func adviseMint(err error) error {
	if errors.Is(err, client.ErrInvalid) {
		return client.Advise(err, "lifetime_seconds", "The workspace may set a shorter maximum lifetime, may not know one of the scopes, or the owner may have used up its 600 tokens.")
	}
	return adviseOwner(err)
}

// adviseOwner is for calls made as the owner, so that the advice names who lacks the right.
func adviseOwner(err error) error {
	var login *auth.Error
	switch {
	case errors.As(err, &login):
		return err
	case errors.Is(err, client.ErrUnauthenticated):
		return client.Advise(err, "owner.application_id", "Entra ID accepted the owner's credential, but the workspace does not know the owner, or it is deactivated there. "+
			"Add it with dbxaccess_service_principal and refer to its application_id, so that it exists first.")
	case errors.Is(err, client.ErrPermissionDenied):
		return client.Advise(err, "owner.application_id", "The owner may not use personal access tokens. Give it that right with dbxaccess_token_permission and let this resource depend on it. "+
			"If the workspace has tokens switched off, an admin allows them under Settings > Advanced.")
	default:
		return err
	}
}

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

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// minted is a token that was just created. Only now is its value known.
type minted struct {
	client.TokenInfo
	Value string
	stray error // set if another token of this attempt may be left
	// doubles are other tokens that this attempt created, and that are revoked now: their answers were lost.
	doubles []client.TokenInfo
}

// logIn returns a client that calls as the owner, and checks that its identity is the owner. Requests to Entra ID only;
// with the provider's identity one more if only the workspace knows who that is.
func logIn(ctx context.Context, c *client.Client, o owner) (*client.Client, error) {
	if !o.ProviderIdentity {
		if !o.Credential.TenantID.IsSet() && !o.atDatabricks() {
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

// checkOwner checks the owner's credential as far as possible without network access. A certificate file that does not
// exist during a plan may be created by the same apply, so it is checked at apply.
func checkOwner(c *client.Client, o owner, planning bool) error {
	if o.ProviderIdentity {
		if id := c.Login.Identity().ClientID; id != "" && !strings.EqualFold(id, o.ApplicationID) {
			return notOwner(id)
		}
		return nil
	}
	if path := o.Credential.CertificatePath; planning && path.IsSet() {
		if _, err := os.Stat(path.Value); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if !o.Credential.TenantID.IsSet() && c.Login.Kind.Entra() {
		// The provider's own tenant. If only a login would reveal it, any tenant id serves for this check.
		o.Credential.TenantID.Value = cmp.Or(c.Login.Identity().TenantID, uuid.Nil.String())
	}
	_, err := c.LogIn(o.Credential)
	return err
}

func notOwner(actual string) error {
	return client.Advise(
		fmt.Errorf("the provider is logged in as %s", actual),
		"owner.use_provider_identity",
		"The token would belong to that identity. Write its application id under owner.application_id, or give the "+
			"credential of the owner you mean.",
	)
}

// await logs in as the owner, and waits while Entra ID does not know the owner yet. One request to Entra ID for each
// try; none if this run has logged in already.
func await(ctx context.Context, as *client.Client) error {
	err := as.Await(ctx)
	if login, ok := errors.AsType[*auth.Error](err); ok && login.Code == 700016 {
		return client.Also(
			err,
			"A service principal that Databricks created (dbxaccess_service_principal without application_id) is "+
				"not an application of Entra ID and cannot log in there: log in with its OAuth secret of "+
				"Databricks (databricks_client_secret_wo), or log the provider in as this principal and set "+
				"use_provider_identity = true.",
		)
	}
	return err
}

// mint creates the token. The service returns its value only once, and that answer may get lost after the work is done.
// So the comment carries a marker, the same at each try. A token whose value was lost is found by the marker, and
// revoked before the next try and again after it: the service may still be working on an abandoned try. The time in the
// marker is the service's, so the workspace must have answered before. One request; after a lost answer one to list,
// one to revoke and one to retry.
func mint(ctx context.Context, as *client.Client, want token) (minted, error) {
	began := time.Now()
	var until time.Time
	if want.Recorded > 0 {
		until = as.Now().Add(want.Recorded)
	}
	marked := client.Mark(want.Comment, until)
	var doubles []client.TokenInfo
	for try := 1; ; try++ {
		info, value, err := as.CreateToken(ctx, marked, want.Lifetime, want.Scopes)
		slices.Sort(info.Scopes)
		made := minted{Value: value, TokenInfo: info}
		as.KeepTokens(info.ID)
		var login *auth.Error
		lost := err != nil && !errors.As(err, &login) && (errors.Is(err, client.ErrAnswerLost) || ctx.Err() != nil)
		if try == 1 && !lost {
			return made, adviseMint(err)
		}
		revoked, lookErr := revokeMarked(ctx, as, marked, made.ID)
		doubles = append(doubles, revoked...)
		var stray error
		if lookErr != nil {
			stray = client.Advise(
				cmp.Or(err, lookErr),
				"",
				fmt.Sprintf("A token may exist whose value nobody has, and looking for it failed: %v. Look in the "+
					"owner's list for the comment %q, revoke that token, then apply again.", lookErr, marked),
			)
		}
		switch {
		case err == nil: // our token exists: a failed look must not lose it
			made.stray, made.doubles = stray, doubles
			return made, nil
		case stray != nil:
			return minted{}, stray
		case !lost:
			return minted{}, adviseMint(err)
		case !as.Again(ctx, err, began, try):
			return minted{}, client.Advise(
				err,
				"",
				"The owner's list has no token of this attempt. Apply again.",
			)
		}
	}
}

// unmark sets the final comment of a token that the state records. It has its own timeout: a stopped run must not leave
// the marker on a token in use. One request; a second one where the first failed and the call exists.
func unmark(ctx context.Context, as *client.Client, id, comment string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := as.ChangeOwnToken(ctx, id, []string{"comment"}, comment, nil)
	if err != nil && !noSuchCall(err) {
		err = as.ChangeOwnToken(ctx, id, []string{"comment"}, comment, nil)
	}
	return err
}

// noSuchCall reports whether the workspace lacks the call that changes a token, which is newer than the others.
func noSuchCall(err error) bool {
	service, ok := errors.AsType[*client.Error](err)
	return ok && service.Code == "ENDPOINT_NOT_FOUND"
}

// revokeMarked finds tokens by their comment, revokes all but the one to keep, and returns the revoked ones. It has a
// timeout of its own: a run that was stopped or has timed out must not leave a token behind.
func revokeMarked(ctx context.Context, as *client.Client, marked, keep string) (revoked []client.TokenInfo, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	list, err := as.OwnTokensForSure(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range list.Tokens {
		if t.Comment != marked || t.ID == keep {
			continue
		}
		found, revokeErr := as.RevokeIfOwn(ctx, t.ID)
		if found && revokeErr == nil {
			revoked = append(revoked, t)
		}
		err = errors.Join(err, revokeErr)
	}
	return revoked, err
}

// revoke ends a token: with the provider's own identity where that is the owner, as the owner where its credential is
// at hand without configuration, else as an admin, else as the owner with what configuration holds. A token that is
// gone counts as done. That the owner has no such token shows it only where the token was the owner's, and not where it
// is known as another's. Two requests, and the owner's login to Entra ID.
func revoke(ctx context.Context, c *client.Client, o owner, id string, others bool) error {
	var asOwner error
	if o.lasting() {
		found, err := revokeAsOwner(ctx, c, o, id)
		if found && err == nil {
			return nil
		}
		asOwner = err // the credential may be gone by now; an admin can still revoke
	}
	gone := o.lasting() && asOwner == nil && !others
	err := c.RevokeAnyToken(ctx, id)
	if err == nil || gone && errors.Is(err, client.ErrPermissionDenied) {
		return nil
	}
	if !o.lasting() && o.atHand() && errors.Is(err, client.ErrPermissionDenied) {
		var found bool
		if found, asOwner = revokeAsOwner(ctx, c, o, id); asOwner == nil && (found || !others) {
			return nil
		}
	}
	var next []string
	if errors.Is(err, client.ErrPermissionDenied) {
		next = append(
			next,
			"The token is still live. To revoke tokens of others the provider's identity needs to be a workspace "+
				"admin: add it to the group \"admins\", then apply again. "+
				"To leave the token as it is and only forget it: terraform state rm ADDRESS.",
		)
	}
	if asOwner != nil { // as text: a refused login would else take the place of what matters
		next = append(next, "Revoking it as its owner failed as well: "+asOwner.Error())
	}
	return client.Advise(err, "", strings.Join(next, "\n\n"))
}

// revokeAsOwner logs in as the owner to revoke a token, and reports whether the owner had it.
func revokeAsOwner(ctx context.Context, c *client.Client, o owner, id string) (found bool, err error) {
	as, err := logIn(ctx, c, o)
	if err != nil {
		return false, err
	}
	return as.RevokeIfOwn(ctx, id)
}

// callerID is the application id behind the provider's login. No request; one where only the workspace knows who that
// is.
func callerID(ctx context.Context, c *client.Client) (string, error) {
	if id := c.Login.Identity().ClientID; id != "" {
		return id, nil
	}
	me, err := c.Me(ctx) // logged in with a Databricks token
	return me.UserName, err
}

func adviseMint(err error) error {
	var service *client.Error
	switch {
	case errors.As(err, &service) && service.Code == "QUOTA_EXCEEDED":
		return client.Advise(
			err,
			"owner.application_id",
			"A principal can have 600 tokens in a workspace, and this one has 600. Revoke those that nobody uses; "+
				"an admin lists them with their last use under /api/2.0/token-management/tokens.",
		)
	case errors.Is(err, client.ErrInvalid):
		return client.Advise(
			err,
			"lifetime_seconds",
			"The workspace may set a shorter maximum lifetime, may not know one of the scopes, or the owner may have "+
				"used up its 600 tokens.",
		)
	}
	return adviseOwner(err)
}

// adviseOwner adds advice to errors of calls as the owner: it is the owner who lacks a right.
func adviseOwner(err error) error {
	var login *auth.Error
	switch {
	case errors.As(err, &login):
		return err
	case errors.Is(err, client.ErrUnauthenticated):
		return client.Advise(
			err,
			"owner.application_id",
			"Entra ID accepted the owner's credential, but the workspace does not know the owner, or it is "+
				"deactivated there. Add it with dbxaccess_service_principal and refer to its application_id, so "+
				"that it exists first. "+client.GoneSincePlan,
		)
	case errors.Is(err, client.ErrPermissionDenied):
		return client.Advise(
			err,
			"owner.application_id",
			"The owner may not use personal access tokens. Give it that right with dbxaccess_token_permission and "+
				"let this resource depend on it. "+
				"If the workspace has tokens switched off, an admin allows them under Settings > Advanced.",
		)
	default:
		return err
	}
}

// adviseChange adds advice to an error of the call that changes a token.
func adviseChange(err error) error {
	switch {
	case noSuchCall(err):
		return client.Advise(
			err,
			"",
			"This workspace has no call that changes a token. Write comment and scopes as they were, "+
				"or change rotation_triggers as well: the new token is created with the new comment and scopes.",
		)
	case errors.Is(err, client.ErrNotFound):
		return client.Advise(
			err,
			"",
			"The token was revoked after the plan was created. Plan again: the new plan creates another one.",
		)
	default:
		return adviseOwner(err)
	}
}

// adviseMarker says what it means that a marker stays.
func adviseMarker(err error) error {
	next := "Terraform compares the comment without the marker, so no plan is affected, and the token works. Other " +
		"tokens of this run may keep theirs; only one is named here."
	if noSuchCall(err) {
		return client.Advise(
			err,
			"",
			next+" This workspace has no call that changes a token. As long as it has none, no token is "+
				"revoked because of its marker.",
		)
	}
	return client.Advise(
		err,
		"",
		next+" A later apply for the same owner may take a token for left over that carries the marker, is two "+
			"days old and was never used. To take it off, change the comment or rotate the token.",
	)
}

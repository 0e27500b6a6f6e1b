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

// createdToken is a token that was just created, with its value, which the service shows only now.
type createdToken struct {
	client.TokenInfo
	Value string
	// stray is not nil if a second token of this creation may still exist. It says why the search for that token
	// failed.
	stray error
	// duplicates are further tokens that this creation has created and then revoked, because the answers with their
	// values were lost.
	duplicates []client.TokenInfo
}

// logIn returns a client that calls the workspace as the owner of a token. If the owner is the provider's own identity,
// logIn returns c, or an error if the provider is logged in as somebody else. It sends requests to Entra ID only. With
// the provider's identity it sends one more request if only the workspace knows whose identity that is.
func logIn(ctx context.Context, c *client.Client, o owner) (*client.Client, error) {
	if !o.ProviderIdentity {
		if !o.Credential.TenantID.IsSet() && !o.logsInAtWorkspace() {
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

// checkOwner checks the owner's credential as far as possible without network access. While planning it accepts a
// certificate file that does not exist, because the same apply may create that file. The apply then checks it.
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
		// The owner's tenant defaults to the provider's tenant. This check needs a tenant id, but not the right one. So
		// it uses any id if the provider's tenant is unknown before a login.
		o.Credential.TenantID.Value = cmp.Or(c.Login.Identity().TenantID, uuid.Nil.String())
	}
	_, err := c.LogIn(o.Credential)
	return err
}

func notOwner(actual string) error {
	return client.Advise(
		fmt.Errorf("the provider is logged in as %s", actual),
		"owner.use_provider_identity",
		"With use_provider_identity, the token would belong to that identity. Write its application id in "+
			"owner.application_id, or write the credential of the owner that you mean.",
	)
}

// awaitOwner logs in as the owner, and waits while Entra ID does not know the owner yet. It sends one request to Entra
// ID per try, and none if this run has already logged in as the owner.
func awaitOwner(ctx context.Context, as *client.Client) error {
	err := as.Await(ctx)
	if login, ok := errors.AsType[*auth.Error](err); ok && login.Code == 700016 {
		return client.AddAdvice(
			err,
			"A service principal that Databricks created (dbxaccess_service_principal without application_id) is not "+
				"an application of Entra ID and cannot log in there. For such an owner, set its OAuth secret of "+
				"Databricks (databricks_client_secret_wo). Or log the provider in as this service principal, and set "+
				"use_provider_identity = true.",
		)
	}
	return err
}

// createToken creates the token. The service returns the token's value only once, and that answer may get lost after
// the token was created. So the comment of the token contains a marker, which is the same in every try. If a value was
// lost, createToken finds the token by its marker and revokes it before the next try. It searches again after the next
// try, because the service may still be working on the earlier request. The marker contains a time of the service's
// clock, so the workspace must have answered a request before. createToken sends one request; after a lost answer one
// to list, one to revoke and one to retry.
func createToken(ctx context.Context, as *client.Client, want token) (createdToken, error) {
	began := time.Now()
	var until time.Time
	if want.Recorded > 0 {
		until = as.Now().Add(want.Recorded)
	}
	marked := client.Mark(want.Comment, until)
	var duplicates []client.TokenInfo
	for try := 1; ; try++ {
		info, value, err := as.CreateToken(ctx, marked, want.Lifetime, want.Scopes)
		slices.Sort(info.Scopes)
		made := createdToken{Value: value, TokenInfo: info}
		as.KeepTokens(info.ID)
		lost := errors.Is(err, client.ErrAnswerLost)
		if try == 1 && !lost {
			return made, adviseCreate(err)
		}
		revoked, lookErr := revokeMarked(ctx, as, marked, made.ID)
		duplicates = append(duplicates, revoked...)
		var stray error
		if lookErr != nil {
			stray = client.Advise(
				cmp.Or(err, lookErr),
				"",
				fmt.Sprintf("The request may have created a token whose value nobody has, and the provider could not "+
					"look for it: %v. Look among the owner's tokens for the comment %q, revoke that token, then "+
					"apply again.", lookErr, marked),
			)
		}
		switch {
		case err == nil: // the token exists, and must not be lost because the search for others failed
			made.stray, made.duplicates = stray, duplicates
			return made, nil
		case stray != nil:
			return createdToken{}, stray
		case !lost:
			return createdToken{}, adviseCreate(err)
		case !as.Again(ctx, err, began, try):
			return createdToken{}, client.Advise(
				err,
				"",
				fmt.Sprintf("The list of the owner's tokens shows no token of this attempt. If the workspace creates "+
					"one later, nobody has its value: revoke the token with the comment %q. Apply again.", marked),
			)
		}
	}
}

// removeMarker replaces the comment of a token that the state records by its final comment, which has no marker. It has
// its own timeout, because even a stopped run must not leave the marker on a token in use. It sends one request, and a
// second one if the first failed although the workspace has this call.
func removeMarker(ctx context.Context, as *client.Client, id, comment string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := as.ChangeOwnToken(ctx, id, []string{"comment"}, comment, nil)
	if err != nil && !noSuchCall(err) {
		err = as.ChangeOwnToken(ctx, id, []string{"comment"}, comment, nil)
	}
	return err
}

// noSuchCall reports whether an error says that the workspace lacks the API call that changes a token. That call is
// newer than the other calls for tokens.
func noSuchCall(err error) bool {
	service, ok := errors.AsType[*client.Error](err)
	return ok && service.Code == "ENDPOINT_NOT_FOUND"
}

// revokeMarked finds the caller's tokens that have the comment marked, revokes all of them except the token with the id
// keep, and returns the revoked tokens. It has its own timeout, because a run that was stopped or has timed out must
// not leave a token behind.
func revokeMarked(ctx context.Context, as *client.Client, marked, keep string) (revoked []client.TokenInfo, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	list, err := as.OwnTokensConfirmed(ctx)
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

// revoke revokes a token. A token that does not exist any more counts as revoked. First it tries to revoke the token as
// the owner, if the provider can log in as the owner without the configuration. Then it tries as a workspace admin.
// Last it tries as the owner with the credential in the configuration. The answer that the owner has no such token
// proves that the token is gone only if the token belonged to the owner; others says that the token is known to belong
// to another principal. revoke sends two requests, and the owner's login to Entra ID.
func revoke(ctx context.Context, c *client.Client, o owner, id string, others bool) error {
	var asOwner error
	if o.logsInWithoutConfig() {
		found, err := revokeAsOwner(ctx, c, o, id)
		if found && err == nil {
			return nil
		}
		asOwner = err // the credential may not exist any more, and an admin can still revoke the token
	}
	gone := o.logsInWithoutConfig() && asOwner == nil && !others
	err := c.RevokeAnyToken(ctx, id)
	if err == nil || gone && errors.Is(err, client.ErrPermissionDenied) {
		return nil
	}
	if !o.logsInWithoutConfig() && o.hasCredential() && errors.Is(err, client.ErrPermissionDenied) {
		var found bool
		if found, asOwner = revokeAsOwner(ctx, c, o, id); asOwner == nil && (found || !others) {
			return nil
		}
	}
	var next []string
	if errors.Is(err, client.ErrPermissionDenied) {
		next = append(
			next,
			"The token is still valid. Only a workspace admin may revoke tokens of others. Add the provider's "+
				"identity to the group \"admins\", then apply again. To leave the token as it is and let Terraform "+
				"forget it, run terraform state rm ADDRESS.",
		)
	}
	// The error as the owner is added as text. A wrapped login error would replace the summary of the error that
	// matters.
	if asOwner != nil {
		next = append(next, "The provider also could not revoke the token with the login of its "+
			"owner: "+asOwner.Error())
	}
	return client.Advise(err, "", strings.Join(next, "\n\n"))
}

// revokeAsOwner logs in as the owner to revoke a token, and reports whether the owner had that token.
func revokeAsOwner(ctx context.Context, c *client.Client, o owner, id string) (found bool, err error) {
	as, err := logIn(ctx, c, o)
	if err != nil {
		return false, err
	}
	return as.RevokeIfOwn(ctx, id)
}

// callerID returns the application id of the identity that the provider is logged in as. It sends no request, or one if
// only the workspace knows that identity.
func callerID(ctx context.Context, c *client.Client) (string, error) {
	if id := c.Login.Identity().ClientID; id != "" {
		return id, nil
	}
	me, err := c.Me(ctx) // a Databricks token does not show whose it is
	return me.UserName, err
}

func adviseCreate(err error) error {
	var service *client.Error
	switch {
	case errors.As(err, &service) && service.Code == "QUOTA_EXCEEDED":
		return client.Advise(
			err,
			"owner.application_id",
			"A principal can have 600 tokens in a workspace, and the owner has 600. Revoke tokens that nobody uses. "+
				"An admin can list them with their last use at /api/2.0/token-management/tokens.",
		)
	case errors.Is(err, client.ErrInvalid):
		return client.Advise(
			err,
			"lifetime_seconds",
			"There are three possible causes: the workspace has a shorter maximum lifetime, it does not have one of "+
				"the scopes, or the owner already has 600 tokens, the most that a principal can have.",
		)
	}
	return adviseOwner(err)
}

// adviseOwner adds advice to the error of a call that was sent as the owner of the token. In such a call it is the
// owner who lacks a right, not the provider.
func adviseOwner(err error) error {
	var login *auth.Error
	switch {
	case errors.As(err, &login):
		return err
	case errors.Is(err, client.ErrUnauthenticated):
		return client.Advise(
			err,
			"owner.application_id",
			"Entra ID accepted the owner's credential, but the owner is not in the workspace, or is deactivated in "+
				"it. Add the owner with dbxaccess_service_principal, and refer to its application_id, so that "+
				"Terraform creates it first. "+client.GoneSincePlan,
		)
	case errors.Is(err, client.ErrPermissionDenied):
		return client.Advise(
			err,
			"owner.application_id",
			"The owner may not use personal access tokens. Grant the owner that right with "+
				"dbxaccess_token_permission, and let this resource depend on the grant. If personal access tokens "+
				"are switched off in the workspace, an admin can allow them under Settings > Advanced.",
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
			"The API of this workspace cannot change a token. Write the old comment and scopes again. Or change "+
				"rotation_triggers as well: the apply then creates a new token with the new comment and scopes.",
		)
	case errors.Is(err, client.ErrNotFound):
		return client.Advise(
			err,
			"",
			"The token was revoked after the plan was created. Plan again: the new plan creates a new token.",
		)
	default:
		return adviseOwner(err)
	}
}

// adviseMarker adds to the error of [removeMarker] what it means that the marker stays in the comment of a token.
func adviseMarker(err error) error {
	next := "The provider adds a marker to the comment of a new token, by which it finds tokens of interrupted runs, " +
		"and removes the marker at the end. Here that failed. The token works, and Terraform compares the comment " +
		"without the marker, so no plan is affected. Other tokens of this run may also keep their markers; this " +
		"warning names only one token."
	if noSuchCall(err) {
		return client.Advise(
			err,
			"",
			next+" The API of this workspace cannot change a token. As long as that is so, the provider revokes no "+
				"token because of its marker.",
		)
	}
	return client.Advise(
		err,
		"",
		next+" A later apply for the same owner revokes a token as left over if it has a marker, is two days old and "+
			"was never used. To remove the marker, change the comment or rotate the token.",
	)
}

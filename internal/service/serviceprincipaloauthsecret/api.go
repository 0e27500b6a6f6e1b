package serviceprincipaloauthsecret

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// maxSecrets is how many OAuth secrets the service allows for one service principal.
const maxSecrets = 5

func tokenURL(c *client.Client) string { return strings.TrimSuffix(c.Host(), "/") + "/oidc/v1/token" }

// lock waits until no other operation of this process works on the OAuth secrets of a service principal, and returns
// the function that releases the lock. The provider can see which secret a lost request has created only if nobody else
// creates one meanwhile.
func lock(ctx context.Context, c *client.Client, principalID string) (unlock func(), err error) {
	return c.Lock(ctx, "OAuth secrets of "+principalID)
}

// secretsNow lists the OAuth secrets that a service principal has now. It adds advice to the error if the caller may
// not see them. It sends one request.
func secretsNow(ctx context.Context, c *client.Client, principalID string) (client.OAuthSecretList, error) {
	found, err := c.OAuthSecretsNow(ctx, principalID)
	return found, adviseAdmin(err)
}

func adviseAdmin(err error) error {
	return client.AdviseDenied(err, "Only a workspace admin may see, create and delete OAuth secrets. Add the "+
		"provider's identity to the group \"admins\".")
}

// checkFree returns an error if a service principal already has as many OAuth secrets as the service allows. The error
// lists these secrets.
func checkFree(have client.OAuthSecretList, applicationID string) error {
	if len(have.Secrets) < maxSecrets {
		return nil
	}
	return client.Advise(fmt.Errorf("service principal %s already has %d OAuth secrets, and the service allows %d:\n%s",
		applicationID, len(have.Secrets), maxSecrets, describe(have.Secrets)), "application_id",
		"No secret was created. Delete a secret that nobody uses. The provider itself deletes only secrets that it "+
			"manages.")
}

// created is a new OAuth secret with its value, which the service shows only now.
type created struct {
	client.OAuthSecret
	Value string
	// strays are secrets that may still exist. A request of this process, whose answer was lost, may have created them.
	strays []client.OAuthSecret
	// revoked are secrets that a request of this process created, whose answer was lost. This process has deleted them.
	revoked []client.OAuthSecret
	// lookErr is why the search for secrets of lost requests failed, or why the secret that was found could not be
	// deleted.
	lookErr error
}

// create creates an OAuth secret. The service shows the value only once, and that answer may get lost after the secret
// was created. Then create lists the secrets, and compares them with the list before. It deletes a new secret that
// looks like the requested one, and tries once more. The caller must hold the lock of the service principal, and must
// have listed its secrets. create sends one request; after a lost answer one to list, two to delete and one to try
// again, and one more to list in case the service has executed the first try late.
func create(
	ctx context.Context,
	c *client.Client,
	principalID string,
	want secret,
	before client.OAuthSecretList,
) (created, error) {
	// OAuth secrets have no name. A lifetime that is shortened by a random number of seconds shows which secret this
	// request has created.
	lifetime := want.Lifetime - time.Duration(rand.Int64N(int64(want.Lifetime/time.Second/shortened)+1))*time.Second
	var gone []client.OAuthSecret
	for try := 1; ; try++ {
		info, value, err := c.CreateOAuthSecret(ctx, principalID, lifetime, want.Scopes)
		// A secret that existed before is somebody else's. If it were recorded, it would be deleted later as ours.
		if _, had := before.ByID(info.ID); had {
			err = fmt.Errorf("%w: the answer names OAuth secret %s, which existed before", client.ErrAnswerLost,
				info.ID)
			info = client.OAuthSecret{}
		}
		lost := errors.Is(err, client.ErrAnswerLost)
		made := created{OAuthSecret: info, Value: value}
		if try == 1 && !lost {
			return made, adviseCreate(err)
		}
		deleted, strays, lookErr := deleteLost(ctx, c, principalID, want, lifetime, before, info.ID)
		gone = append(gone, deleted...)
		switch {
		case err == nil: // the secret exists, and must not be lost because of what the list shows
			made.strays, made.revoked, made.lookErr = strays, gone, lookErr
			return made, nil
		case lookErr != nil:
			return created{}, client.Advise(
				err,
				"",
				fmt.Sprintf("The request may have created a secret whose value nobody has, and the provider could "+
					"not look for it: %v. Look among the OAuth secrets of service principal %s for one that was "+
					"created at about %s, and delete it if nobody uses it.",
					lookErr, want.ApplicationID, c.Now().UTC().Format(time.RFC3339)),
			)
		case len(strays) > 0:
			return created{}, client.Advise(
				err,
				"",
				"The request may have created one of these secrets. But another run may have created it, so the "+
					"provider deleted none of them:\n"+
					describe(strays)+"\nDelete the ones that nobody uses, then apply again.",
			)
		case !lost || try == 2:
			return created{}, client.AddAdvice(adviseCreate(err), "The workspace does not show a secret of "+
				"this request. If a secret appears later, nobody has its value: delete it. Apply again.")
		}
	}
}

// shortened limits how much a lifetime is shortened: by at most one thousandth of it.
const shortened = 1000

// deleteLost searches for secrets that a lost request of this process may have created: new secrets that look like the
// requested one. If there is exactly one, deleteLost deletes it; otherwise it returns all of them as strays. It ignores
// the secret with the id keep, because its value is known. It has its own timeout, because a stopped run must not leave
// a secret behind.
func deleteLost(
	ctx context.Context,
	c *client.Client,
	principalID string,
	want secret,
	lifetime time.Duration,
	before client.OAuthSecretList,
	keep string,
) (deleted, strays []client.OAuthSecret, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	after, err := confirmed(ctx, c, principalID, c.OAuthSecretsNow)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range after.Secrets {
		if _, had := before.ByID(s.ID); !had && s.ID != keep && looksLike(s, want, lifetime) {
			strays = append(strays, s)
		}
	}
	if len(strays) != 1 {
		return nil, strays, nil
	}
	if err := c.DeleteOAuthSecret(ctx, principalID, strays[0].ID); err != nil {
		return nil, strays, err
	}
	return strays, nil, nil
}

// looksLike reports whether a secret has the requested scopes and the requested lifetime.
func looksLike(s client.OAuthSecret, want secret, lifetime time.Duration) bool {
	return slices.Equal(s.Scopes, want.Scopes) && s.ExpiresAt.Sub(s.CreatedAt).Round(time.Second) == lifetime
}

func adviseCreate(err error) error {
	var service *client.Error
	switch {
	case errors.As(err, &service) && (service.Code == "QUOTA_EXCEEDED" || service.Code == "RESOURCE_EXHAUSTED"):
		return client.Advise(
			err,
			"application_id",
			fmt.Sprintf(
				"The service allows %d OAuth secrets for one service principal. Delete a secret that nobody uses.",
				maxSecrets,
			),
		)
	case errors.Is(err, client.ErrInvalid):
		return client.Advise(
			err,
			"",
			"The service may only allow a shorter lifetime than lifetime_seconds, or may not have one of the scopes. "+
				"Correct them.",
		)
	case errors.Is(err, client.ErrNotFound):
		return client.Advise(
			err,
			"application_id",
			"The service principal is not in this workspace. Add the service principal with "+
				"dbxaccess_service_principal, and refer to its application_id, so that Terraform creates it first. "+
				"If it was removed after the plan was created, plan again.",
		)
	}
	return adviseAdmin(err)
}

// checkScopes returns an error if a new secret does not have the requested scopes. The service then ignored the scopes,
// and the secret gives more rights than it should.
func checkScopes(got, want []string) error {
	if slices.Equal(got, want) {
		return nil
	}
	return client.Advise(
		fmt.Errorf(
			"the workspace created a secret with the scopes [%s] instead of [%s]",
			strings.Join(got, ", "),
			strings.Join(want, ", "),
		),
		"scopes",
		"This workspace may not support scopes on OAuth secrets yet. A secret without scopes has all the rights of "+
			"its service principal. Remove scopes only if the application may have all these rights.",
	)
}

// remove deletes an OAuth secret. If the service principal is no longer in the workspace, the workspace cannot delete
// the secret, and remove returns true and no error. It sends two requests.
func remove(ctx context.Context, c *client.Client, principalID, id string) (left bool, err error) {
	unlock, err := lock(ctx, c, principalID)
	if err != nil {
		return false, err
	}
	defer unlock()
	err = adviseAdmin(c.DeleteOAuthSecret(ctx, principalID, id))
	if errors.Is(err, client.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// find returns the SCIM id of a service principal and the list of its OAuth secrets. A principal that was removed from
// the workspace and added again has another id than the recorded one. In that case, and without a recorded id, find
// looks the principal up by its application id. It returns ErrNotFound if the workspace has no such principal. It sends
// one request, which every secret of that principal shares, and two with the lookup.
func find(
	ctx context.Context,
	c *client.Client,
	applicationID, recordedID string,
) (principalID string, found client.OAuthSecretList, err error) {
	if recordedID != "" {
		found, err = confirmed(ctx, c, recordedID, c.OAuthSecrets)
		if err == nil || !errors.Is(err, client.ErrNotFound) {
			return recordedID, found, err
		}
	}
	principalID, _, err = c.PrincipalID(ctx, applicationID)
	if err != nil {
		return "", client.OAuthSecretList{}, err
	}
	found, err = confirmed(ctx, c, principalID, c.OAuthSecrets)
	return principalID, found, err
}

// confirmed lists the OAuth secrets of a service principal, for a caller that draws conclusions from what the list
// lacks. The service writes an empty list as {}, but something other than the service may answer {} too. So after an
// empty list confirmed asks the workspace who the caller is, and then reads the list once more.
func confirmed(
	ctx context.Context,
	c *client.Client,
	principalID string,
	list func(context.Context, string) (client.OAuthSecretList, error),
) (client.OAuthSecretList, error) {
	found, err := list(ctx, principalID)
	if err == nil && len(found.Secrets) == 0 {
		if err = c.ConfirmEmpty(ctx); err == nil {
			found, err = c.OAuthSecretsNow(ctx, principalID)
		}
	}
	return found, adviseAdmin(err)
}

// firstLogin is how long the workspace may take to accept a secret that was just created.
const firstLogin = 90 * time.Second

// verify checks that a new secret works: it requests an access token with the secret for exactly its scopes. warning is
// why that cannot be checked, if nothing shows that the secret is wrong. verify sends one request. While the workspace
// does not accept the secret yet, it sends one request every two seconds.
func verify(ctx context.Context, c *client.Client, applicationID, value string, scopes []string) (warning, err error) {
	as, err := c.LogIn(auth.Settings{
		Host:                   auth.Setting{Value: c.Host()},
		DatabricksClientID:     auth.Setting{Value: applicationID, Attribute: "application_id"},
		DatabricksClientSecret: auth.Setting{Value: value, Attribute: "verify"},
		DatabricksScopes:       auth.Setting{Value: strings.Join(scopes, " ")},
	})
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; {
		_, err = as.Token(ctx, auth.DatabricksScope)
		switch {
		case errors.Is(err, auth.ErrAddressRefused):
			return client.AddAdvice(
				err,
				"The secret itself may be valid: the workspace may accept logins from other addresses only.",
			), nil
		case !errors.Is(err, auth.ErrClientRefused) || time.Since(began) > firstLogin:
			return nil, err
		}
		if web.Pause(ctx, 2*time.Second) != nil {
			return nil, err
		}
	}
}

package serviceprincipal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// A workspace may apply a new display name, refuse it, or accept it and still show the old name: if Entra ID manages
// the service principal, its name comes from there. So a rename is a request of its own, after all other changes.

// NameNotAppliedError reports that the workspace did not apply the new display name of a service principal.
type NameNotAppliedError struct {
	Name string // the name that the workspace keeps
	Err  error  // the refusals; nil if the workspace accepted the new name and does not show it
}

func (e *NameNotAppliedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the workspace accepted the new name, but still shows %q", e.Name)
	}
	return fmt.Sprintf("the workspace refused the new name and shows %q: %v", e.Name, e.Err)
}

// Unwrap returns the errors with which the workspace refused the name.
func (e *NameNotAppliedError) Unwrap() error { return e.Err }

// UnverifiedNameError reports that the workspace accepted a new display name, but that the name could not be read back.
type UnverifiedNameError struct{ Err error }

func (e *UnverifiedNameError) Error() string { return e.Err.Error() }

// Unwrap returns the reason why the name could not be read back.
func (e *UnverifiedNameError) Unwrap() error { return e.Err }

// unappliedName records that the workspace shows the name Shown although the name Written was sent.
type unappliedName struct {
	Written string `json:"written"`
	Shown   string `json:"real"`
}

// explains reports whether the state and the workspace show two different names because the workspace did not apply the
// rename that k records.
func (k unappliedName) explains(inState, shown string) bool {
	return k != unappliedName{} && k.Written == inState && k.Shown == shown
}

// renameServicePrincipal changes the display name by PATCH, and by PUT if the PATCH has no effect. A PUT replaces the
// whole principal, so it contains what a read just before it returned, with the wanted values of besides. Two requests
// if the PATCH has an effect.
//
// A PUT also replaces the principal's memberships, so a lock excludes other changes of its memberships in this process.
func renameServicePrincipal(
	ctx context.Context,
	c *client.Client,
	id, name string,
	besides desired,
) (client.ServicePrincipal, error) {
	unlock, err := c.LockMemberships(ctx, id)
	if err != nil {
		return client.ServicePrincipal{}, err
	}
	defer unlock()

	byPatch := changeServicePrincipal(ctx, c, id, desired{DisplayName: name})
	if byPatch != nil && !refused(ctx, c, byPatch) {
		return client.ServicePrincipal{}, byPatch
	}
	now, err := readServicePrincipal(ctx, c, id)
	switch {
	case err != nil && byPatch != nil:
		return client.ServicePrincipal{}, byPatch
	case err != nil:
		return client.ServicePrincipal{}, &UnverifiedNameError{err}
	case now.DisplayName == name:
		return now, nil
	}
	besides.DisplayName = name
	byPut := putServicePrincipal(ctx, c, now, besides)
	if byPut != nil && !refused(ctx, c, byPut) {
		return client.ServicePrincipal{}, byPut
	}
	refusals := errors.Join(byPatch, byPut)
	if byPatch != nil && byPut != nil {
		return now, &NameNotAppliedError{Name: now.DisplayName, Err: refusals}
	}
	return awaitName(ctx, c, now, name, refusals)
}

// refused reports whether the error means that the workspace accepts the new name from nobody. It returns false if only
// the caller lacks the right to change service principals.
func refused(ctx context.Context, c *client.Client, err error) bool {
	if errors.Is(err, client.ErrPermissionDenied) {
		admin, adminErr := c.IsAdmin(ctx)
		return admin && adminErr == nil
	}
	return errors.Is(err, client.ErrInvalid)
}

// awaitName reads the service principal until it shows the new name, for as long as SCIM may lag behind. It returns an
// [UnverifiedNameError] if a read fails, and a [NameNotAppliedError] if the old name remains.
func awaitName(
	ctx context.Context,
	c *client.Client,
	have client.ServicePrincipal,
	name string,
	refusals error,
) (sp client.ServicePrincipal, err error) {
	shown, err := c.AwaitSCIM(ctx, time.Time{}, have.String(), func(ctx context.Context) (bool, error) {
		var err error
		sp, err = readServicePrincipal(ctx, c, have.ID)
		return sp.DisplayName == name, err
	})
	switch {
	case err != nil:
		return have, &UnverifiedNameError{err}
	case !shown:
		return sp, &NameNotAppliedError{Name: sp.DisplayName, Err: refusals}
	default:
		return sp, nil
	}
}

// putServicePrincipal replaces a service principal with the value now, which was just read, changed as want says. One
// request.
func putServicePrincipal(ctx context.Context, c *client.Client, now client.ServicePrincipal, want desired) error {
	full := want.after(now)
	full.Active = new(full.IsActive()) // in an answer to an admin, an absent "active" means false
	return adviseChange(c.ReplaceServicePrincipal(ctx, full))
}

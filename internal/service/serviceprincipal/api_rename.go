package serviceprincipal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// A workspace may take a new name, refuse it, or accept it and go on showing the old one: where Entra ID manages the
// principal, its name comes from there. So a rename goes alone, after everything else.

// KeptNameError reports that the workspace did not apply a new name.
type KeptNameError struct {
	Name string // the one that it keeps
	Err  error  // the refusals; nil where the new name was accepted and is not shown
}

func (e *KeptNameError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the workspace accepted the new name and still shows %q", e.Name)
	}
	return fmt.Sprintf("the workspace refused the new name and shows %q: %v", e.Name, e.Err)
}

// Unwrap is the refusals.
func (e *KeptNameError) Unwrap() error { return e.Err }

// UnverifiedNameError reports that a new name was accepted, but could not be read back.
type UnverifiedNameError struct{ Err error }

func (e *UnverifiedNameError) Error() string { return e.Err.Error() }

// Unwrap is why it could not be read.
func (e *UnverifiedNameError) Unwrap() error { return e.Err }

// keptName remembers that the workspace keeps another name than the one that was written.
type keptName struct {
	Written string `json:"written"`
	Real    string `json:"real"`
}

// explains reports whether the state has that name because the workspace keeps showing the other one.
func (k keptName) explains(inState, shown string) bool {
	return k != keptName{} && k.Written == inState && k.Real == shown
}

// renameServicePrincipal changes the name by PATCH, and by PUT if that has no effect. A PUT replaces everything, so it
// contains what a read just before it returned, with the wishes in besides. Two requests if the PATCH has an effect.
//
// Memberships are part of what a PUT replaces, so nobody else of this process changes them meanwhile.
func renameServicePrincipal(
	ctx context.Context,
	c *client.Client,
	id, name string,
	besides wish,
) (client.ServicePrincipal, error) {
	unlock, err := c.LockMemberships(ctx, id)
	if err != nil {
		return client.ServicePrincipal{}, err
	}
	defer unlock()

	byPatch := changeServicePrincipal(ctx, c, id, wish{DisplayName: name})
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
		return now, &KeptNameError{Name: now.DisplayName, Err: refusals}
	}
	return awaitName(ctx, c, now, name, refusals)
}

// refused reports whether the workspace accepts the new name from nobody: a caller without the right to change service
// principals is no such case.
func refused(ctx context.Context, c *client.Client, err error) bool {
	if errors.Is(err, client.ErrPermissionDenied) {
		admin, adminErr := c.IsAdmin(ctx)
		return admin && adminErr == nil
	}
	return errors.Is(err, client.ErrInvalid)
}

// awaitName reads until the new name is shown, for as long as SCIM may lag behind.
func awaitName(
	ctx context.Context,
	c *client.Client,
	have client.ServicePrincipal,
	name string,
	refusals error,
) (sp client.ServicePrincipal, err error) {
	shown, err := c.Settle(ctx, time.Time{}, have.String(), func(ctx context.Context) (bool, error) {
		var err error
		sp, err = readServicePrincipal(ctx, c, have.ID)
		return sp.DisplayName == name, err
	})
	switch {
	case err != nil:
		return have, &UnverifiedNameError{err}
	case !shown:
		return sp, &KeptNameError{Name: sp.DisplayName, Err: refusals}
	default:
		return sp, nil
	}
}

// putServicePrincipal replaces one with what was just read of it, changed as wanted. One request.
func putServicePrincipal(ctx context.Context, c *client.Client, now client.ServicePrincipal, want wish) error {
	full := want.after(now)
	full.Active = new(full.IsActive()) // an admin's read without it means inactive
	return adviseChange(c.ReplaceServicePrincipal(ctx, full))
}

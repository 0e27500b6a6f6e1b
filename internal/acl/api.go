package acl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// HeldError says that a principal already holds another direct level.
type HeldError struct {
	Principal   Principal
	DisplayName string
	Level       Level
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s already holds %s directly", Describe(e.Principal, e.DisplayName), e.Level)
}

// Read asks for the access list. One request. The caller of it needs CAN_MANAGE on the object or to be a workspace admin.
func Read(ctx context.Context, c *client.Client, object Object) (List, error) {
	answer, err := iam.NewPermissions(c.SDK()).Get(ctx, iam.GetPermissionRequest{RequestObjectType: object.Type, RequestObjectId: object.ID})
	if err != nil {
		return nil, advise(err, object)
	}
	return fromAPI(answer), nil
}

// Grant gives the principal that direct level, up or down. When it holds another one and overwrite is false, nothing is
// written and the error is a [*HeldError]; when it holds this one, nothing needs to be written. Two requests, or one when
// the grant stands already; a third when the answer to the write does not show it, a fourth and fifth when the service
// did not lower a level by PATCH.
func Grant(ctx context.Context, c *client.Client, object Object, p Principal, level Level, overwrite bool) (Entry, error) {
	unlock, err := c.Lock(ctx, object.String())
	if err != nil {
		return Entry{}, err
	}
	defer unlock()

	list, err := Read(ctx, c, object)
	if err != nil {
		return Entry{}, err
	}
	if held, ok := list.Find(p); ok && held.Direct != "" {
		if held.Direct == level {
			return held, nil
		}
		if !overwrite {
			return Entry{}, &HeldError{Principal: p, DisplayName: held.DisplayName, Level: held.Direct}
		}
	}
	return set(ctx, c, object, p, level)
}

// Change moves the principal from whatever direct level it holds to that one. One request and the checks of [Grant].
func Change(ctx context.Context, c *client.Client, object Object, p Principal, level Level) (Entry, error) {
	unlock, err := c.Lock(ctx, object.String())
	if err != nil {
		return Entry{}, err
	}
	defer unlock()
	return set(ctx, c, object, p, level)
}

func set(ctx context.Context, c *client.Client, object Object, p Principal, level Level) (Entry, error) {
	api := iam.NewPermissions(c.SDK())
	answer, err := api.Update(ctx, iam.UpdateObjectPermissions{
		RequestObjectType: object.Type, RequestObjectId: object.ID,
		AccessControlList: []iam.AccessControlRequest{request(p, level)},
	})
	if err != nil {
		return Entry{}, adviseWrite(err, object, p)
	}
	if e, ok := fromAPI(answer).Find(p); ok && e.Direct == level {
		return e, nil
	}
	// The write's answer does not show the grant, so the service is asked once more before anything is believed.
	list, err := Read(ctx, c, object)
	if err != nil {
		return Entry{}, &UnverifiedError{Err: err}
	}
	if e, ok := list.Find(p); ok && e.Direct == level {
		return e, nil
	}
	// PATCH is not documented to lower a level; a replacement of the whole list is.
	replaced, err := replace(ctx, c, object, append(list.without(p), Entry{Principal: p, Direct: level}))
	if err != nil {
		return Entry{}, adviseWrite(err, object, p)
	}
	if e, ok := replaced.Find(p); ok && e.Direct == level {
		return e, nil
	}
	return Entry{}, fmt.Errorf("the service accepted %s for %s and does not show it", level, p)
}

// UnverifiedError says that a grant was accepted, and could not be read back.
type UnverifiedError struct{ Err error }

func (e *UnverifiedError) Error() string { return e.Err.Error() }

// Unwrap is why it could not be read.
func (e *UnverifiedError) Unwrap() error { return e.Err }

// Revoke takes the principal's direct grant away and leaves every other one as the read just before showed it. An object
// or a grant that is gone counts as done. Two requests, or one when there is nothing to take.
func Revoke(ctx context.Context, c *client.Client, object Object, p Principal) error {
	unlock, err := c.Lock(ctx, object.String())
	if err != nil {
		return err
	}
	defer unlock()

	list, err := Read(ctx, c, object)
	if errors.Is(err, client.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if e, ok := list.Find(p); !ok || e.Direct == "" {
		return nil
	}
	after, err := replace(ctx, c, object, list.without(p))
	if errors.Is(err, client.ErrNotFound) && gone(ctx, c, object) {
		return nil
	}
	if err != nil {
		return adviseWrite(err, object, p)
	}
	if e, ok := after.Find(p); ok && e.Direct != "" {
		return fmt.Errorf("the service accepted the removal of %s and still shows %s", p, e.Direct)
	}
	return nil
}

// gone asks once more whether the object exists: the 404 of a write may speak of a principal in the list instead.
func gone(ctx context.Context, c *client.Client, object Object) bool {
	_, err := Read(ctx, c, object)
	return errors.Is(err, client.ErrNotFound)
}

// replace puts the direct entries of the list in place of those that stand.
func replace(ctx context.Context, c *client.Client, object Object, list List) (List, error) {
	body := iam.SetObjectPermissions{RequestObjectType: object.Type, RequestObjectId: object.ID, AccessControlList: []iam.AccessControlRequest{}}
	for _, e := range list {
		if e.Direct != "" { // an inherited level sent back would become a direct grant
			body.AccessControlList = append(body.AccessControlList, request(e.Principal, e.Direct))
		}
	}
	answer, err := iam.NewPermissions(c.SDK()).Set(ctx, body)
	if err != nil {
		return nil, err
	}
	return fromAPI(answer), nil
}

func request(p Principal, level Level) iam.AccessControlRequest {
	r := iam.AccessControlRequest{PermissionLevel: iam.PermissionLevel(level)}
	switch p.Kind {
	case ServicePrincipal:
		r.ServicePrincipalName = p.Name
	case User:
		r.UserName = p.Name
	case Group:
		r.GroupName = p.Name
	}
	return r
}

func fromAPI(answer *iam.ObjectPermissions) List {
	var list List
	for _, a := range answer.AccessControlList {
		p := principal(a)
		i := slices.IndexFunc(list, func(e Entry) bool { return e.Same(p) })
		if i < 0 {
			i = len(list)
			list = append(list, Entry{Principal: p, DisplayName: a.DisplayName})
		}
		// A principal may hold a direct and an inherited level at once, in any order.
		for _, held := range a.AllPermissions {
			if held.Inherited {
				list[i].Inherited = append(list[i].Inherited, Level(held.PermissionLevel))
			} else {
				list[i].Direct = Level(held.PermissionLevel)
			}
		}
	}
	return list
}

// principal reads whose row it is. The API takes an application id under user_name too and may show it there; it is a
// service principal all the same.
func principal(a iam.AccessControlResponse) Principal {
	switch {
	case a.ServicePrincipalName != "":
		return Principal{ServicePrincipal, a.ServicePrincipalName}
	case len(a.UserName) == uuidLength && uuid.Validate(a.UserName) == nil:
		return Principal{ServicePrincipal, a.UserName}
	case a.UserName != "":
		return Principal{User, a.UserName}
	default:
		return Principal{Group, a.GroupName}
	}
}

const uuidLength = 36 // uuid.Validate takes forms without hyphens too, which could be somebody's user name

func advise(err error, object Object) error {
	switch {
	case errors.Is(err, client.ErrPermissionDenied) && object == Tokens:
		return client.Advise(err, "", "Only a workspace admin may see and change who uses personal access tokens. Add the provider's service principal to the group \"admins\".")
	case errors.Is(err, client.ErrPermissionDenied):
		return client.Advise(err, "", "The provider's identity needs CAN_MANAGE on this endpoint, or to be a workspace admin. "+
			"Ask the endpoint's owner or an admin to grant it.")
	case errors.Is(err, client.ErrNotFound) && object == Tokens:
		return client.Advise(err, "", "The workspace keeps this access list only once its first personal access token exists. "+
			"Create one token (as an admin: Settings > Developer > Access tokens), then apply again.")
	default:
		return err
	}
}

func adviseWrite(err error, object Object, p Principal) error {
	var e *client.Error
	// The API answers 404 for an unknown object and for an unknown principal. The prefix serves the advice only.
	if errors.As(err, &e) && strings.HasPrefix(strings.TrimSpace(e.Message), "Principal:") {
		switch {
		case !strings.Contains(strings.ToLower(e.Message), strings.ToLower(p.Name)):
			return client.Advise(err, "", "The access list still shows a grant of a principal that the workspace does not know any more, and the service refuses the list with that "+
				"grant in it. Remove that grant in the object's Permissions dialog, then apply again.")
		case p.Kind == ServicePrincipal:
			return client.Advise(err, string(p.Kind), fmt.Sprintf("The workspace has no service principal with the application id %s. "+
				"Add it with dbxaccess_service_principal (and refer to its application_id, so that it is created first). "+
				"The value is the application (client) id of the app registration, not its object id and not its name.", p.Name))
		case p.Kind == User:
			return client.Advise(err, string(p.Kind), fmt.Sprintf("The workspace has no user %q. A service principal belongs in service_principal_name, by its application id.", p.Name))
		default:
			return client.Advise(err, string(p.Kind), fmt.Sprintf("The workspace has no group %q. Group names are case-sensitive; an account group must be assigned to the workspace first.", p.Name))
		}
	}
	return advise(err, object)
}

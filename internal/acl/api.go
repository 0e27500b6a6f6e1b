package acl

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// HeldError is the error when a principal already holds another direct level than the level to grant.
type HeldError struct {
	Principal   Principal
	DisplayName string
	Level       Level
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s already has the direct permission level %s", Describe(e.Principal, e.DisplayName), e.Level)
}

// Read returns the access list of an object. The list may be a copy that is at most maxAge old, or of any age for
// [client.AnyAge]. One request, shared by all callers in this run. The provider's identity needs CAN_MANAGE on the
// object, or must be a workspace admin.
func Read(ctx context.Context, c *client.Client, object Object, maxAge time.Duration) (List, error) {
	v, err := listOf(c, object).read(ctx, c, maxAge)
	return v.list, err
}

// ReadEndpoint returns the id and the access list of the serving endpoint with that name; see [Read] for maxAge. Two
// requests. For many endpoints, one request lists the ids of all.
// https://docs.databricks.com/api/azure/workspace/servingendpoints/getpermissions
func ReadEndpoint(
	ctx context.Context,
	c *client.Client,
	name string,
	maxAge time.Duration,
) (id string, list List, err error) {
	if id, err = c.EndpointID(ctx, name, maxAge); err != nil {
		return "", nil, err
	}
	list, err = Read(ctx, c, Endpoint(id), maxAge)
	return id, list, err
}

// Find returns the principal's entry in the access list of an object, and whether there is one. The list may be a copy
// of any age. One request for all principals of an object.
func Find(ctx context.Context, c *client.Client, object Object, p Principal) (Entry, bool, error) {
	v, err := listOf(c, object).read(ctx, c, client.AnyAge)
	e, found := v.find(p)
	return e, found, err
}

// FindNow is [Find] with a list that is read now, never with a copy. One request.
func FindNow(ctx context.Context, c *client.Client, object Object, p Principal) (Entry, bool, error) {
	v, err := listOf(c, object).readNow(ctx, c)
	e, found := v.find(p)
	return e, found, err
}

// Grant sets the principal's direct level on the object, and reports whether it wrote anything. If the principal
// already holds this level, nothing is written. If the principal holds another direct level and overwrite is false,
// nothing is written and the error is a [*HeldError].
//
// Grant sends one request if the grant exists already, and two otherwise. It sends a third request if the answer to the
// write does not show the grant, and two more if a PATCH leaves a higher level in the list. Grants that wait for
// another write to the same list are written together. They need no more requests than a single grant.
//
// If the workspace knows a principal, but its access lists do not know it yet, Grant waits for the access lists until
// ctx ends.
func Grant(
	ctx context.Context,
	c *client.Client,
	object Object,
	p Principal,
	level Level,
	overwrite bool,
) (e Entry, wrote bool, err error) {
	r := retryUntilKnown(ctx, c, object, func() outcome {
		op := &operation{kind: opGrant, principal: p, level: level, overwrite: overwrite, readFirst: true}
		return listOf(c, object).do(ctx, c, op)
	}, p)
	return r.entry, r.wrote, r.err
}

// Change sets the principal's direct level on the object, whatever level the principal holds. One request, and the
// requests by which [Grant] checks a write.
func Change(ctx context.Context, c *client.Client, object Object, p Principal, level Level) (Entry, error) {
	r := retryUntilKnown(ctx, c, object, func() outcome {
		return listOf(c, object).do(ctx, c, &operation{kind: opGrant, principal: p, level: level})
	}, p)
	return r.entry, r.err
}

// Revoke removes the principal's direct grant on the object, and keeps every other grant that a read just before
// showed. It returns nil if the object or the grant does not exist, and [client.ErrKept] if this run keeps the grant.
// Two requests, or one if there is nothing to revoke. Revocations that wait for another write to the same list are
// written together.
func Revoke(ctx context.Context, c *client.Client, object Object, p Principal) error {
	return listOf(c, object).do(ctx, c, &operation{kind: opRevoke, principal: p}).err
}

// Replace sets the direct grants of the object to those that change returns. It returns the list after the write, and
// what change found in the list before the last write. change gets the list that was read just before the write, and
// may return an error. It is called again when the write is repeated. change must not write to variables of its caller,
// because it may still run after a cancelled caller has returned.
//
// If no grant is removed, the write is an upsert, which keeps the grants that others add meanwhile. Two requests, or
// one if nothing changes. A third and a fourth if an upsert did not lower a level.
//
// wanted lists the principals that may be so new that the access lists do not know them yet. Replace waits for them as
// [Grant] does.
func Replace[T any](
	ctx context.Context,
	c *client.Client,
	object Object,
	wanted []Principal,
	change func(List) (List, T, error),
) (after List, found T, err error) {
	r := retryUntilKnown(ctx, c, object, func() outcome {
		op := &operation{kind: opReplace, change: func(now List) (List, any, error) { return change(now) }}
		return listOf(c, object).do(ctx, c, op)
	}, wanted...)
	found, _ = r.found.(T)
	return r.after.list, found, r.err
}

// get reads the access list of an object. One request.
// https://docs.databricks.com/api/azure/workspace/permissions/get
func (o Object) get(ctx context.Context, c *client.Client) (view, error) {
	answer := objectPermissions{object: o, complete: true}
	if err := c.Call(ctx, http.MethodGet, o.path(), nil, nil, &answer); err != nil {
		return view{}, advise(err, o)
	}
	return fromAPI(answer), nil
}

// patch upserts the direct grants in entries, and returns the list in the answer, which may be incomplete or empty. One
// request.
// https://docs.databricks.com/api/azure/workspace/permissions/update
func (o *accessList) patch(c *client.Client, entries List) (view, error) {
	defer o.timeWrite(time.Now())
	answer := objectPermissions{object: o.Object}
	written := client.Optional{Answer: &answer}
	if err := c.Call(o.writing, http.MethodPatch, o.path(), nil, toAPI(entries), &written); err != nil {
		return view{}, adviseWrite(err, o.Object, entries)
	}
	return fromAPI(answer), nil
}

// put replaces all direct grants by entries, and returns the list after the write. changed lists the entries that the
// list did not have before; an error may be about one of these. entries are correct only directly after a read of the
// list, so a failed request is not sent again. One request, and a second one if the answer shows no list.
// https://docs.databricks.com/api/azure/workspace/permissions/set
func (o *accessList) put(ctx context.Context, c *client.Client, entries, changed List) (view, error) {
	defer o.timeWrite(time.Now())
	if o.Object == Tokens && !entries.has(admins) {
		// Admins have a direct grant in the access list of tokens, and the service refuses to set this list without
		// that grant.
		entries = append(slices.Clone(entries), Entry{Principal: admins, Direct: CanManage})
	}
	answer := objectPermissions{object: o.Object}
	written := client.Optional{Answer: &answer}
	err := c.Call(client.WithoutRetry(o.writing), http.MethodPut, o.path(), nil, toAPI(entries), &written)
	if err != nil {
		return view{}, adviseWrite(err, o.Object, changed)
	}
	if len(answer.AccessControlList) > 0 {
		return fromAPI(answer), nil
	}
	// An answer without a list does not show what was written. Taken as an empty list, it would mean that every grant
	// was removed.
	v, err := o.get(ctx, c)
	if err != nil {
		return view{}, &client.UnverifiedError{Err: err}
	}
	return v, nil
}

var admins = Principal{Group, "admins"}

func (o Object) path() string {
	return client.PathOf("/api/2.0/permissions", o.Type, o.ID)
}

type accessControlRequest struct {
	ServicePrincipalName string `json:"service_principal_name,omitempty"`
	UserName             string `json:"user_name,omitempty"`
	GroupName            string `json:"group_name,omitempty"`
	PermissionLevel      Level  `json:"permission_level"`
}

type writeRequest struct {
	AccessControlList []accessControlRequest `json:"access_control_list"` // an empty list is sent as []
}

type accessControl struct {
	ServicePrincipalName string `json:"service_principal_name"`
	UserName             string `json:"user_name"`
	GroupName            string `json:"group_name"`
	DisplayName          string `json:"display_name"`
	AllPermissions       []struct {
		PermissionLevel Level `json:"permission_level"`
		Inherited       bool  `json:"inherited"`
	} `json:"all_permissions"`
}

type objectPermissions struct {
	ObjectID          string          `json:"object_id"`
	AccessControlList []accessControl `json:"access_control_list"`

	object Object
	// complete reports whether the answer must be the complete list. A complete list is never empty, because it has at
	// least the entry by which the caller may read the list.
	complete bool
}

func (p *objectPermissions) Lacks(bool) string {
	if p.complete && len(p.AccessControlList) == 0 {
		return "the answer has no access_control_list"
	}
	if err := client.Bounded(len(p.AccessControlList), "entries"); err != nil {
		return err.Error()
	}
	return client.CheckName("object_id", p.ObjectID, "/"+p.object.String())
}

// toAPI returns the request that writes the direct levels in entries. It leaves out inherited levels, because the
// service would make direct grants of them.
func toAPI(entries List) writeRequest {
	list := []accessControlRequest{}
	for _, e := range entries {
		if e.Direct == "" {
			continue
		}
		r := accessControlRequest{PermissionLevel: e.Direct}
		switch e.Kind {
		case ServicePrincipal:
			r.ServicePrincipalName = e.Name
		case User:
			r.UserName = e.Name
		case Group:
			r.GroupName = e.Name
		}
		list = append(list, r)
	}
	return writeRequest{list}
}

func fromAPI(answer objectPermissions) view {
	v := newView(len(answer.AccessControlList))
	for _, a := range answer.AccessControlList {
		i := v.add(principal(a), a.DisplayName)
		// A principal may hold a direct and an inherited level at once, in any order, and in one row of the answer or
		// in two.
		for _, held := range a.AllPermissions {
			if held.Inherited {
				v.list[i].Inherited = append(v.list[i].Inherited, held.PermissionLevel)
			} else {
				v.list[i].Direct = held.PermissionLevel
			}
		}
	}
	return v
}

// principal returns the principal in one row of the API's answer. The API also accepts an application id as user_name,
// and may show a service principal in that field.
func principal(a accessControl) Principal {
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

const uuidLength = 36 // uuid.Validate also accepts UUIDs without hyphens, which could be user names

func advise(err error, object Object) error {
	switch {
	case errors.Is(err, client.ErrPermissionDenied) && object == Tokens:
		return client.Advise(err, "", "Only a workspace admin may see and change who uses personal access tokens. Add "+
			"the provider's service principal to the group \"admins\".")
	case errors.Is(err, client.ErrPermissionDenied):
		return client.Advise(err, "", "The provider's identity needs CAN_MANAGE on this endpoint. It does not have "+
			"to be a workspace admin. A principal with CAN_MANAGE, such as the endpoint's creator, or a workspace "+
			"admin can grant that.")
	case errors.Is(err, client.ErrNotFound) && object == Tokens:
		return client.Advise(err, "", "The workspace has this access list only after its first personal access token "+
			"was created. Create a token (as an admin: Settings > Developer > Access tokens), then try again.")
	default:
		return err
	}
}

func adviseWrite(err error, object Object, written List) error {
	text, ok := unknownPrincipal(err)
	if !ok {
		return advise(err, object)
	}
	p, ok := principalIn(text, written)
	if !ok {
		return client.Advise(err, "", "The access list still has a grant of a principal that no longer exists in the "+
			"workspace, and the service refuses every list that contains this grant. Remove the grant in the "+
			"Permissions dialog of the object, then apply again.")
	}
	var next string
	switch p.Kind {
	case ServicePrincipal:
		next = fmt.Sprintf("The workspace has no service principal with the application id %s. Add the service "+
			"principal with dbxaccess_service_principal, and refer to its application_id, so that Terraform creates "+
			"it first. The value must be the application (client) id of the app registration, not its object id or "+
			"its name.", p.Name)
	case User:
		next = fmt.Sprintf("The workspace has no user %q. To name a service principal, write its application id in "+
			"service_principal_name.", p.Name)
	default:
		next = fmt.Sprintf("The workspace has no group %q. Group names are case-sensitive; a group of the account "+
			"must be assigned to the workspace first.", p.Name)
	}
	return client.Advise(err, string(p.Kind), next+" "+client.GoneSincePlan)
}

// unknownPrincipal reports whether the service refused a write because it does not know a principal, and returns the
// service's words. The service answers 404 for an unknown object and for an unknown principal, and its older builds
// answer 400. Only the prefix of the text tells these apart. So the result decides only which advice the error has, and
// whether to wait for a new principal.
func unknownPrincipal(err error) (text string, ok bool) {
	e, ok := errors.AsType[*client.Error](err)
	if !ok || !errors.Is(e, client.ErrNotFound) && !errors.Is(e, client.ErrInvalid) {
		return "", false
	}
	return e.Message, strings.HasPrefix(strings.TrimSpace(e.Message), "Principal:")
}

// principalIn returns the principal of the list that the text of a refusal names, and whether there is one.
func principalIn(text string, among List) (Principal, bool) {
	text = strings.ToLower(text)
	for _, e := range among {
		if strings.Contains(text, "("+strings.ToLower(e.Name)+")") {
			return e.Principal, true
		}
	}
	return Principal{}, false
}

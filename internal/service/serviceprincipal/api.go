package serviceprincipal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// ErrExists reports that the workspace already has a service principal with that application id.
var ErrExists = errors.New("the service principal is already in this workspace")

// addServicePrincipal creates a service principal, and no second one if the answer to the first attempt is lost: a
// principal that was absent before and exists afterwards was created by that attempt. Two requests for one principal, a
// thousand and three for a thousand principals; more after a lost answer.
func addServicePrincipal(ctx context.Context, c *client.Client, want desired) (client.ServicePrincipal, error) {
	if want.ApplicationID == "" {
		sp, err := addDatabricksManaged(ctx, c, want)
		if err == nil {
			c.Keep(client.Principal(sp.ApplicationID))
			c.NotePrincipal(sp.ApplicationID, sp.DisplayName, sp.ID)
		}
		return sp, err
	}
	unlock, err := lock(ctx, c, want.ApplicationID)
	if err != nil {
		return client.ServicePrincipal{}, err
	}
	defer unlock()
	undo := c.Keep(client.Principal(want.ApplicationID))
	sp, err := addEntraManaged(ctx, c, want)
	switch {
	case err == nil:
		c.NotePrincipal(sp.ApplicationID, sp.DisplayName, sp.ID)
	case !errors.Is(err, ErrExists): // an existing principal stays recorded, whether or not it may be adopted
		undo()
	}
	return sp, err
}

// lock waits until nobody else in this process adds, adopts, deactivates or deletes the service principal. unlock
// releases the lock.
func lock(ctx context.Context, c *client.Client, applicationID string) (unlock func(), err error) {
	return c.Lock(ctx, "service principal "+strings.ToLower(applicationID))
}

// unlessKept calls end, which deletes or deactivates the service principal, while nothing else in this process can
// adopt the principal. If another resource of this Terraform run keeps the principal, unlessKept returns
// [client.ErrKept] instead.
func unlessKept(ctx context.Context, c *client.Client, applicationID string, end func()) error {
	unlock, err := lock(ctx, c, applicationID)
	if err != nil {
		return err
	}
	defer unlock()
	if c.Keeps(client.Principal(applicationID)) {
		return client.ErrKept
	}
	end()
	return nil
}

// deactivated holds the SCIM ids of the service principals that this Terraform run deactivated when it destroyed their
// resources.
type deactivated struct{ byID sync.Map }

func addEntraManaged(ctx context.Context, c *client.Client, want desired) (client.ServicePrincipal, error) {
	look := func(ctx context.Context) (*client.ServicePrincipal, error) {
		return findByApplicationID(ctx, c, want.ApplicationID)
	}
	present, err := c.PrincipalBefore(ctx, want.ApplicationID)
	if err != nil {
		return client.ServicePrincipal{}, advise(err)
	}
	if present {
		// Read the principal again: a cached copy is not enough to adopt it.
		existing, err := look(ctx)
		if err != nil {
			return client.ServicePrincipal{}, err
		}
		if existing != nil &&
			!c.HasRemoved(existing.ID) { // SCIM may still show a principal that this run removed to re-create it
			return *existing, ErrExists
		}
	}
	// Two reads suffice, because the service refuses a second principal with the same application id.
	sp, err := postUntilAnswered(ctx, c, want, look, 2)
	if errors.Is(err, client.ErrConflict) {
		shown, cancel := client.FinalReadContext(ctx)
		defer cancel()
		if found, lookErr := look(shown); lookErr == nil && found != nil &&
			!c.HasRemoved(found.ID) { // somebody else has created it meanwhile
			return *found, ErrExists
		}
		err = client.Advise(
			err,
			"application_id",
			"The workspace refuses the service principal as a duplicate, but does not list it. It may have been "+
				"added or removed a moment ago. Apply again in a minute. If the workspace lists the service "+
				"principal then, the error says how to import or adopt it. If not, it exists in the Databricks "+
				"account only, and an account admin can assign it to the workspace.",
		)
	}
	return sp, err
}

// addDatabricksManaged creates a service principal whose application id Databricks chooses. To find out whether a
// request with a lost answer created a principal, it compares the SCIM ids of the principals with that display name
// before and after. The service accepts two principals with one name, so a lock excludes other calls of this process.
// The reads are repeated while they lag behind the write.
func addDatabricksManaged(ctx context.Context, c *client.Client, want desired) (client.ServicePrincipal, error) {
	unlock, err := c.Lock(ctx, "service principals named "+want.DisplayName)
	if err != nil {
		return client.ServicePrincipal{}, err
	}
	defer unlock()

	before, err := c.NamedBefore(ctx, want.DisplayName)
	if err != nil {
		return client.ServicePrincipal{}, advise(err)
	}
	look := func(ctx context.Context) (*client.ServicePrincipal, error) {
		after, err := idsOfName(ctx, c, want.DisplayName)
		if err != nil {
			return nil, err
		}
		after = slices.DeleteFunc(after, func(id string) bool { return slices.Contains(before, id) })
		switch len(after) {
		case 0:
			return nil, nil
		case 1:
			sp, err := readServicePrincipal(ctx, c, after[0])
			if err != nil {
				return nil, err
			}
			return &sp, nil
		default:
			return nil, fmt.Errorf(
				"%d service principals named %q were created at the same time (SCIM ids %s), and the provider cannot "+
					"find out which of them this request created; find it in the workspace and import it",
				len(after),
				want.DisplayName,
				strings.Join(after, ", "),
			)
		}
	}
	return postUntilAnswered(ctx, c, want, look, 5)
}

// post sends the request that creates the service principal. One request.
func post(ctx context.Context, c *client.Client, want desired) (client.ServicePrincipal, error) {
	sp, err := c.CreateServicePrincipal(ctx, want.after(client.ServicePrincipal{
		ApplicationID: want.ApplicationID, Active: new(true),
	}))
	return sp, advise(err)
}

// postUntilAnswered creates a service principal. After a lost answer it first reads several times, with pauses that
// double, and sends the creation again only if no read finds what the first request may have created. The reads have a
// timeout of their own: a run that was stopped or has timed out should still find out what it created.
func postUntilAnswered(
	ctx context.Context,
	c *client.Client,
	want desired,
	look func(context.Context) (*client.ServicePrincipal, error),
	looks int,
) (client.ServicePrincipal, error) {
	began, lost := time.Now(), false
	for try := 1; ; try++ {
		created, err := post(ctx, c, want)
		switch {
		case err == nil:
			return created, nil
		case errors.Is(err, client.ErrAnswerLost):
			lost = true
		case lost && errors.Is(err, client.ErrConflict):
			looks = 6 // the attempt with the lost answer created it, and SCIM does not show it yet
		case lost && ctx.Err() != nil: // stopped: the attempt with the lost answer may have created it since
		default:
			return client.ServicePrincipal{}, err
		}
		found, lookErr := lookFor(context.WithoutCancel(ctx), look, looks)
		if lookErr != nil {
			return client.ServicePrincipal{}, client.Advise(
				err,
				"",
				fmt.Sprintf("The service principal may have been created anyway, and the provider could not look for "+
					"it: %v. Before the next apply, look for it in the workspace under Settings > Identity and "+
					"access > Service principals. If it exists, import it.", lookErr),
			)
		}
		if found != nil {
			return *found, nil
		}
		if !c.Again(ctx, err, began, try) {
			return client.ServicePrincipal{}, err
		}
	}
}

func lookFor(
	ctx context.Context,
	look func(context.Context) (*client.ServicePrincipal, error),
	looks int,
) (*client.ServicePrincipal, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for n := range looks {
		if n > 0 {
			if err := web.Pause(ctx, time.Second<<(n-1)); err != nil {
				return nil, err
			}
		}
		if found, err := look(ctx); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// changeServicePrincipal changes only the attributes that change sets, so that groups and roles stay as they are. One
// request; a second one if the service refuses the first as invalid.
func changeServicePrincipal(ctx context.Context, c *client.Client, id string, change desired) error {
	var operations []client.SCIMOperation
	if change.DisplayName != "" {
		operations = append(operations,
			client.SCIMOperation{Op: "replace", Path: "displayName", Value: change.DisplayName})
	}
	if change.Active != nil {
		operations = append(operations, client.SCIMOperation{
			Op: "replace", Path: "active", Value: client.SCIMValues([]string{strconv.FormatBool(*change.Active)}),
		})
	}
	if change.Entitlements != nil {
		operation := client.SCIMOperation{Op: "remove", Path: "entitlements"}
		if len(*change.Entitlements) > 0 {
			operation.Op, operation.Value = "replace", client.SCIMValues(*change.Entitlements)
		}
		operations = append(operations, operation)
	}
	err := c.PatchServicePrincipal(ctx, id, operations...)
	if errors.Is(err, client.ErrInvalid) {
		// A removal sent again after a lost answer is refused, because nothing is left to remove.
		if have, readErr := readServicePrincipal(ctx, c, id); readErr == nil && change.changes(have).none() {
			return nil
		}
	}
	return adviseChange(err)
}

// awaitValues reads the service principal until it has the wanted values, for as long as SCIM may lag behind, and
// returns it. It returns errNotDone if the old values remain. One request if the first read shows the wanted values.
func awaitValues(
	ctx context.Context,
	c *client.Client,
	have client.ServicePrincipal,
	want desired,
) (sp client.ServicePrincipal, err error) {
	shown, err := c.AwaitSCIM(ctx, time.Time{}, have.String(), func(ctx context.Context) (bool, error) {
		var err error
		sp, err = readServicePrincipal(ctx, c, have.ID)
		return want.changes(sp).none(), err
	})
	if err == nil && !shown {
		err = errNotDone
	}
	return sp, err
}

// errNotDone is the error of a change after which a read still returns the old value.
var errNotDone = errors.New("the service accepted the change of the service principal, but still shows the old values")

// refreshServicePrincipal reads a service principal for a refresh. made is the time of its creation, and workspaceID
// its workspace. It repeats the read for a while, because SCIM may not show a new principal yet. It returns
// [client.ErrNotFound] if the principal stays absent. One request if the first read shows the principal.
func refreshServicePrincipal(
	ctx context.Context,
	c *client.Client,
	have client.ServicePrincipal,
	made time.Time,
	workspaceID string,
) (sp client.ServicePrincipal, err error) {
	found, read := false, sharedServicePrincipal
	_, err = c.AwaitSCIM(ctx, made, have.String(), func(ctx context.Context) (bool, error) {
		var err error
		sp, err = read(ctx, c, have.ID)
		read = readServicePrincipal // the second read must not use the cache
		if errors.Is(err, client.ErrNotFound) {
			return c.CheckWorkspace(ctx, workspaceID) != nil, nil // a different workspace will never show it
		}
		found = err == nil
		return true, err
	})
	if err == nil && !found {
		err = fmt.Errorf("SCIM id %s: %w", have.ID, client.ErrNotFound)
	}
	return sp, err
}

// refuseSelf returns an error if the service principal is the identity that the provider itself is logged in as. No
// request if the login names its application id; otherwise one.
func refuseSelf(ctx context.Context, c *client.Client, applicationID string) error {
	self, err := c.IsSelf(ctx, applicationID)
	if err != nil {
		return fmt.Errorf("checking whether this service principal is the provider's own identity: %w", err)
	}
	if self {
		return adviseSelf()
	}
	return nil
}

// ErrSelf is the error of an attempt to delete or deactivate the identity that the provider itself is logged in as:
// without that service principal the provider could not log in any more.
var ErrSelf = errors.New("the provider itself is logged in as this service principal")

func adviseSelf() error {
	return client.Advise(
		ErrSelf,
		"",
		"Without this service principal the provider could not log in any more, and could not undo the change. "+
			"Nothing was changed. To let Terraform forget the service principal, apply on_destroy = \"retain\" "+
			"before you remove the resource block, or write a removed block with lifecycle { destroy = false }. To "+
			"delete or deactivate it, log in as another workspace admin.",
	)
}

// removeServicePrincipal deletes a service principal from the workspace. If the principal does not exist, that counts
// as success. Two requests: the second checks that the principal no longer exists. More while SCIM lags behind.
func removeServicePrincipal(ctx context.Context, c *client.Client, have client.ServicePrincipal) error {
	c.NoteRemoval(have.ApplicationID, have.ID)
	err := c.DeleteServicePrincipal(ctx, have.ID)
	if errors.Is(err, client.ErrNotFound) {
		return nil
	}
	if err != nil {
		return advise(err)
	}
	gone, err := c.AwaitSCIM(ctx, time.Time{}, have.String(), func(ctx context.Context) (bool, error) {
		_, err := c.ServicePrincipalByID(ctx, have.ID)
		if errors.Is(err, client.ErrNotFound) {
			return true, nil
		}
		return false, err
	})
	if err == nil && gone {
		return nil
	}
	return client.Advise(
		&client.UnconfirmedError{Object: have.String(), Look: err},
		"",
		"The service principal stays in the state. Apply again: each apply repeats the deletion until the workspace "+
			"no longer shows the service principal.",
	)
}

func advise(err error) error {
	return client.AdviseDenied(err, "Only a workspace admin may manage service principals. Add the provider's "+
		"identity to the group \"admins\".")
}

// adviseChange adds advice to an error of a call that changes a service principal.
func adviseChange(err error) error {
	if errors.Is(err, client.ErrNotFound) {
		return client.Advise(
			err,
			"",
			"The service principal was removed from the workspace after the plan was created. Plan again: the new "+
				"plan adds the service principal.",
		)
	}
	return advise(err)
}

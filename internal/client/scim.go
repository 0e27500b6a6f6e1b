package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// SCIMOperation is one change in a PATCH of a SCIM object.
type SCIMOperation struct {
	Op    string `json:"op"` // add, replace, remove
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"` // none in a removal
}

// SCIMPatch is the body of such a PATCH.
type SCIMPatch struct {
	Schemas    []string        `json:"schemas"`
	Operations []SCIMOperation `json:"Operations"`
}

// NewSCIMPatch makes the body of a PATCH.
func NewSCIMPatch(operations ...SCIMOperation) SCIMPatch {
	return SCIMPatch{[]string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, operations}
}

// StaleFor is how long after a write SCIM may go on answering with what stood before.
const StaleFor = time.Minute

// Settle asks until look is content, for as long as SCIM may lag behind a write that the service took at written (zero:
// just now), and reports whether it was. A failed look ends it. One look at best; each that was in vain is told in the log.
func (c *Client) Settle(ctx context.Context, written time.Time, object string, look func(context.Context) (bool, error)) (bool, error) {
	began := time.Now()
	for try := 1; ; try++ {
		content, err := look(ctx)
		if content || err != nil {
			return content, err
		}
		// By the service's clock, because the write may be that of an earlier run on another machine; by ours too,
		// because that one need not move.
		now := c.Now()
		if written.IsZero() {
			written = now
		}
		if now.Sub(written) >= StaleFor || time.Since(began) >= StaleFor {
			return false, nil
		}
		tflog.Info(ctx, "waiting: the workspace still shows what stood before a change", map[string]any{"object": object, "try": try})
		if err := Pause(ctx, 2*time.Second); err != nil {
			return false, err
		}
	}
}

// PrincipalID is the SCIM id of the service principal of an application id. No request for one that this process has
// added, else one; ErrNotFound when the workspace has none.
func (c *Client) PrincipalID(ctx context.Context, applicationID string) (id, displayName string, err error) {
	if id := c.addedPrincipal(applicationID); id != "" {
		return id, "", nil
	}
	filter := url.Values{"filter": {"applicationId eq " + SCIMString(applicationID)}, "attributes": {"id,applicationId,displayName"}}
	found, err := listSCIM(ctx, c, "ServicePrincipals", filter, toServicePrincipal)
	if err != nil {
		return "", "", adviseGroups(err)
	}
	for _, sp := range found {
		if strings.EqualFold(sp.ApplicationID, applicationID) {
			return sp.ID, sp.DisplayName, nil
		}
	}
	return "", "", Advise(fmt.Errorf("the workspace has no service principal with the application id %s: %w", applicationID, ErrNotFound), "application_id",
		strings.TrimSpace(c.WhoIsMeant(ctx, applicationID)+" Add it with dbxaccess_service_principal, and refer to its application_id, so that it is created first. "+
			"The value is the application (client) id of the app registration, not its object id and not its name. "+GoneSincePlan))
}

// ApplicationIDs are the application ids of all service principals by their SCIM ids. One request for each 10,000.
func (c *Client) ApplicationIDs(ctx context.Context) (map[string]string, error) {
	all, err := listSCIM(ctx, c, "ServicePrincipals", url.Values{"attributes": {"id,applicationId"}}, toServicePrincipal)
	ids := make(map[string]string, len(all))
	for _, sp := range all {
		ids[sp.ID] = sp.ApplicationID
	}
	return ids, err
}

// WhoIsMeant helps somebody who gave something else than an application id: it finds out whose object id or display name
// that is. Empty when nobody's, or when it cannot be found out. One request.
func (c *Client) WhoIsMeant(ctx context.Context, given string) string {
	attribute := "displayName"
	if uuid.Validate(given) == nil {
		attribute = "externalId"
	}
	filter := url.Values{"filter": {attribute + " eq " + SCIMString(given)}, "attributes": {"id,applicationId,displayName,externalId"}}
	found, _ := listSCIM(ctx, c, "ServicePrincipals", filter, func(r scimResource) string {
		return fmt.Sprintf("application id %s, display name %q, SCIM id %s", r.ApplicationID, r.DisplayName, r.ID)
	})
	switch {
	case len(found) == 0:
		return ""
	case attribute == "externalId":
		return "It is the object id of this one: " + strings.Join(found, "; ") + "."
	case len(found) == 1:
		return "One has it as its display name: " + found[0] + "."
	default:
		return fmt.Sprintf("%d have it as their display name: %s.", len(found), strings.Join(found, "; "))
	}
}

// SuggestPrincipal adds to the advice of err whose object id was given for an application id, once somebody is shown the error.
func (c *Client) SuggestPrincipal(ctx context.Context, err error, given string) error {
	var advice *Advice
	if !errors.As(err, &advice) {
		return err
	}
	more := *advice
	more.lookUp = func() string {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookUpTime)
		defer cancel()
		return c.WhoIsMeant(ctx, given)
	}
	return &more
}

// NoteRemoval remembers a service principal that this process removes: SCIM may go on showing it for a while.
func (c *Client) NoteRemoval(applicationID, id string) {
	c.line.principals.Delete(strings.ToLower(applicationID))
	c.line.removed.Store(id, true)
}

// HasRemoved reports whether this process has removed the service principal of that SCIM id.
func (c *Client) HasRemoved(id string) bool {
	_, ok := c.line.removed.Load(id)
	return ok
}

// MadePrincipal reports whether this process has added the service principal of that application id: then the workspace has
// it, whatever a read that lags behind shows.
func (c *Client) MadePrincipal(applicationID string) bool {
	return c.addedPrincipal(applicationID) != ""
}

// addedPrincipal is the SCIM id of a service principal that this process has added; empty for others.
func (c *Client) addedPrincipal(applicationID string) string {
	id, _ := c.line.principals.Load(strings.ToLower(applicationID))
	s, _ := id.(string)
	return s
}

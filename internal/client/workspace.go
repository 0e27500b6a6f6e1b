package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/databricks/databricks-sdk-go/service/iam"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// WorkspaceID is the workspace's id as the last answer told it (header X-Databricks-Org-Id); empty before the first one.
func (c *Client) WorkspaceID() string {
	id, _ := c.line.workspaceID.Load().(string)
	return id
}

// WrongWorkspaceError says that an object in state was made in another workspace than the one the provider speaks to.
type WrongWorkspaceError struct{ Stored, Actual, Host string }

func (e *WrongWorkspaceError) Error() string {
	return fmt.Sprintf("it was made in workspace %s, and %s is workspace %s", e.Stored, e.Host, e.Actual)
}

// CheckWorkspace compares the workspace an object was made in with the one behind the host. When nothing has been asked
// yet, one call finds out, and everybody shares it. It must come before a write and before "not found" is believed:
// otherwise a host that points elsewhere reads as "everything is gone".
func (c *Client) CheckWorkspace(ctx context.Context, stored string) error {
	if stored == "" {
		return nil
	}
	if c.WorkspaceID() == "" {
		if _, err := c.self.Get(ctx, AnyAge, c.Me); err != nil {
			return err
		}
	}
	if actual := c.WorkspaceID(); actual != "" && actual != stored {
		return &WrongWorkspaceError{Stored: stored, Actual: actual, Host: c.Host()}
	}
	return nil
}

// TenantID is the Entra ID tenant of the caller; empty for a Databricks token. Where configuration does not tell it, the
// caller's own access token does.
func (c *Client) TenantID(ctx context.Context) (string, error) {
	if id := c.Login.Identity().TenantID; id != "" || c.Login.Kind == auth.KindToken {
		return id, nil
	}
	token, err := c.Token(ctx, auth.DatabricksScope)
	if err != nil {
		return "", err
	}
	if id := c.Login.Identity().TenantID; id != "" { // a vault told it
		return id, nil
	}
	text, err := auth.Claims(token.Value)
	if err != nil {
		return "", err
	}
	var claims struct {
		TenantID string `json:"tid"`
	}
	return claims.TenantID, json.Unmarshal([]byte(text), &claims)
}

// Identity is who the workspace takes the caller for.
type Identity struct {
	ID          string // SCIM id, digits
	UserName    string // e-mail of a user, application id of a service principal
	DisplayName string
	Active      bool
	Groups      []string // names of the groups it is a direct member of
}

// Me asks the workspace who calls. One request.
func (c *Client) Me(ctx context.Context) (Identity, error) {
	me, err := iam.NewCurrentUser(c.sdk).Me(ctx, iam.MeRequest{})
	if err != nil {
		return Identity{}, err
	}
	identity := Identity{ID: me.Id, UserName: me.UserName, DisplayName: me.DisplayName, Active: me.Active}
	for _, g := range me.Groups {
		identity.Groups = append(identity.Groups, g.Display)
	}
	return identity, nil
}

// NoteGrant remembers that this process has changed the access list of the endpoint.
func (c *Client) NoteGrant(endpoint string) { c.line.wrote.Store(endpoint, time.Now()) }

// GrantedLately says whether this process changed the access list of the endpoint within the last d. The serving plane
// may take a minute or two to honour a new grant, and only then is a refusal worth a second try.
func (c *Client) GrantedLately(endpoint string, d time.Duration) bool {
	at, ok := c.line.wrote.Load(endpoint)
	return ok && time.Since(at.(time.Time)) < d
}

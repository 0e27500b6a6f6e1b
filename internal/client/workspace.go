package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// TenantID is the Entra ID tenant of the caller; empty for a Databricks token. Where configuration does not tell it, the
// caller's own access token does.
func (c *Client) TenantID(ctx context.Context) (string, error) {
	if id := c.Login.Identity().TenantID; id != "" || !c.Login.Kind.Entra() {
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
	me := meAnswer{scimResource{want: c.KnownSelf()}}
	if err := c.Call(ctx, http.MethodGet, scimRoot+"Me", nil, nil, &me); err != nil {
		return Identity{}, err
	}
	identity := Identity{ID: me.ID, UserName: me.UserName, DisplayName: me.DisplayName, Active: me.Active != nil && *me.Active}
	for _, g := range me.Groups {
		identity.Groups = append(identity.Groups, g.Display)
	}
	return identity, nil
}

// meAnswer must say who calls; want is the user name, where the login tells it.
type meAnswer struct{ scimResource }

func (m *meAnswer) Lacks(bool) string {
	if lack := Named("id", m.ID, ""); lack != "" {
		return lack
	}
	return Named("userName", m.UserName, m.want)
}

// NoteGrant remembers that this process has changed the access list of the endpoint.
func (c *Client) NoteGrant(endpoint string) { c.line.wrote.Store(endpoint, time.Now()) }

// GrantedLately reports whether this process changed the access list of the endpoint within the last d. The serving plane
// may take a minute or two to honour a new grant, and only then is a refusal worth a second try.
func (c *Client) GrantedLately(endpoint string, d time.Duration) bool {
	at, ok := c.line.wrote.Load(endpoint)
	return ok && time.Since(at.(time.Time)) < d
}

package client

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// TenantID returns the Entra ID tenant of the caller, and an empty string for a Databricks token. If the configuration
// does not name the tenant, TenantID reads it from the caller's own access token.
func (c *Client) TenantID(ctx context.Context) (string, error) {
	if id := c.Login.Identity().TenantID; id != "" || !c.Login.Kind.Entra() {
		return id, nil
	}
	token, err := c.Token(ctx, auth.DatabricksScope)
	if err != nil {
		return "", err
	}
	if id := c.Login.Identity().TenantID; id != "" { // the login has read it from a vault
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

// Identity is the caller as the workspace knows it.
type Identity struct {
	ID          string // SCIM id, digits
	UserName    string // e-mail of a user, application id of a service principal
	DisplayName string
	Active      bool
	Groups      []string // names of the groups that the caller is a direct member of
}

// Me asks the workspace who the caller is. One request.
func (c *Client) Me(ctx context.Context) (Identity, error) {
	me := meAnswer{scimResource{want: c.KnownApplicationID()}}
	if err := c.Call(ctx, http.MethodGet, scimRoot+"Me", nil, nil, &me); err != nil {
		return Identity{}, err
	}
	identity := Identity{
		ID:          me.ID,
		UserName:    me.UserName,
		DisplayName: me.DisplayName,
		Active:      me.Active != nil && *me.Active,
	}
	for _, g := range me.Groups {
		identity.Groups = append(identity.Groups, g.Display)
	}
	return identity, nil
}

// meAnswer is the answer about the caller, and must name the caller. want is the caller's user name, if the login knows
// it.
type meAnswer struct{ scimResource }

func (m *meAnswer) Lacks(bool) string {
	if lack := CheckName("id", m.ID, ""); lack != "" {
		return lack
	}
	return CheckName("userName", m.UserName, m.want)
}

// KnownApplicationID returns the application id of the caller, if it is known without a request. It is empty for a
// Databricks token, and for a managed identity or an Azure CLI login that the configuration does not name.
func (c *Client) KnownApplicationID() string { return c.Login.Identity().ClientID }

// IsSelf reports whether the service principal with that application id, or the user with that e-mail address, is the
// caller. No request if the login names its application; otherwise one, shared by all callers in this run.
func (c *Client) IsSelf(ctx context.Context, name string) (bool, error) {
	if known := c.KnownApplicationID(); known != "" {
		return strings.EqualFold(known, name), nil
	}
	me, err := c.self.Get(ctx, AnyAge, c.Me)
	return err == nil && strings.EqualFold(me.UserName, name), err
}

// IsAdmin reports whether the caller is a direct member of the group admins. One request, shared by all callers in this
// run.
func (c *Client) IsAdmin(ctx context.Context) (bool, error) {
	me, err := c.self.Get(ctx, AnyAge, c.Me)
	return err == nil && slices.Contains(me.Groups, AdminsGroup), err
}

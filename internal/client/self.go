package client

import (
	"context"
	"slices"
	"strings"
)

// KnownSelf is the application id of who calls, as far as that is known without asking anybody; empty for a Databricks
// token, and for a managed identity or the Azure CLI that configuration does not name.
func (c *Client) KnownSelf() string { return c.Login.Identity().ClientID }

// IsSelf reports whether the service principal of that application id is the one that calls. No request where the login
// tells; else one, shared by everything in this run.
func (c *Client) IsSelf(ctx context.Context, applicationID string) (bool, error) {
	if known := c.KnownSelf(); known != "" {
		return strings.EqualFold(known, applicationID), nil
	}
	me, err := c.self.Get(ctx, AnyAge, c.Me)
	return err == nil && strings.EqualFold(me.UserName, applicationID), err
}

// IsAdmin reports whether who calls is a direct member of admins. One request, shared by everything in this run.
func (c *Client) IsAdmin(ctx context.Context) (bool, error) {
	me, err := c.self.Get(ctx, AnyAge, c.Me)
	return err == nil && slices.Contains(me.Groups, AdminsGroup), err
}

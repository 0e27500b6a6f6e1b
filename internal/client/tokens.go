package client

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/service/settings"
)

// TokenInfo is what the workspace tells of a personal access token; never its value.
type TokenInfo struct {
	ID        string // 64 hex digits
	Comment   string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	Scopes    []string
	OwnerID   string    // SCIM id; empty in an owner's own list
	Creator   string    // user name or application id; empty in an owner's own list
	LastUsed  time.Time // to the day; zero: never, or an owner's own list
	CreatorID string    // SCIM id; empty in an owner's own list
}

// TokenList is a list of tokens, and the service's clock when it was made.
type TokenList struct {
	Tokens []TokenInfo
	Now    time.Time
}

// Live says whether a token of the list opens anything: one that has expired does not.
func (l TokenList) Live(t TokenInfo) bool { return t.ExpiresAt.IsZero() || t.ExpiresAt.After(l.Now) }

// ByID finds a live token. One that has expired counts as absent.
func (l TokenList) ByID(id string) (TokenInfo, bool) {
	for _, t := range l.Tokens {
		if t.ID == id && l.Live(t) {
			return t, true
		}
	}
	return TokenInfo{}, false
}

// Owner is the name of who owns a token of the list, an application id or a user name; empty where the list does not tell.
// A token may have been made by another principal than the one it belongs to.
func (l TokenList) Owner(t TokenInfo) string {
	if t.OwnerID == "" || t.OwnerID == t.CreatorID {
		return t.Creator
	}
	for _, other := range l.Tokens {
		if other.CreatorID == t.OwnerID {
			return other.Creator
		}
	}
	return ""
}

// WorkspaceTokens lists every token of the workspace; the caller must be a workspace admin. One request, shared by
// everything in this run until a token is made or revoked.
// https://docs.databricks.com/api/azure/workspace/tokenmanagement/list
func (c *Client) WorkspaceTokens(ctx context.Context) (TokenList, error) {
	return c.tokens.Get(ctx, AnyAge, func(ctx context.Context) (TokenList, error) {
		all, err := settings.NewTokenManagement(c.sdk).ListAll(ctx, settings.ListTokenManagementRequest{})
		if err != nil {
			return TokenList{}, err
		}
		list := TokenList{Now: c.Now()}
		for _, t := range all {
			info := TokenInfo{
				ID: t.TokenId, Comment: t.Comment, Scopes: t.Scopes, Creator: t.CreatedByUsername,
				CreatedAt: FromMillis(t.CreationTime), ExpiresAt: FromMillis(t.ExpiryTime),
				LastUsed: FromMillis(t.LastUsedDay),
			}
			if t.CreatedById != 0 {
				info.CreatorID = strconv.FormatInt(t.CreatedById, 10)
			}
			if t.OwnerId != 0 {
				info.OwnerID = strconv.FormatInt(t.OwnerId, 10)
			}
			list.Tokens = append(list.Tokens, info)
		}
		return list, nil
	})
}

// OwnedBy says whether a token of the list belongs to a principal, as far as the list tells, and to whom it belongs if not.
func (l TokenList) OwnedBy(t TokenInfo, name string) (yes bool, who string) {
	who = l.Owner(t)
	switch {
	case who != "":
		return strings.EqualFold(who, name), who
	case t.OwnerID == "" || !strings.EqualFold(t.Creator, name):
		return true, "" // nothing says that it does not
	}
	return false, "the principal with the id " + t.OwnerID
}

// TokensBefore is the list of every token of the workspace as the first caller of this run found it; it is not asked for
// again after tokens were made or revoked. The caller must be a workspace admin. One request, shared.
func (c *Client) TokensBefore(ctx context.Context) (TokenList, error) {
	return c.line.before.Get(ctx, AnyAge, c.WorkspaceTokens)
}

// OwnTokens lists the caller's own tokens. One request.
// https://docs.databricks.com/api/azure/workspace/tokens/list
func (c *Client) OwnTokens(ctx context.Context) (TokenList, error) {
	all, err := settings.NewTokens(c.sdk).ListAll(ctx)
	if err != nil {
		return TokenList{}, err
	}
	list := TokenList{Now: c.Now()}
	for _, t := range all {
		list.Tokens = append(list.Tokens, TokenInfo{
			ID: t.TokenId, Comment: t.Comment, Scopes: t.Scopes,
			CreatedAt: FromMillis(t.CreationTime), ExpiresAt: FromMillis(t.ExpiryTime),
		})
	}
	return list, nil
}

// ForgetTokens drops the shared list: a token was made, changed or revoked.
func (c *Client) ForgetTokens() { c.tokens.Forget() }

// RevokeOwnToken revokes a token of the caller; one that is gone already counts as done. One request.
// https://docs.databricks.com/api/azure/workspace/tokens/delete
func (c *Client) RevokeOwnToken(ctx context.Context, id string) error {
	_, err := c.RevokeIfOwn(ctx, id)
	return err
}

// RevokeIfOwn revokes a token of the caller and says whether there was one: a token of somebody else is not found either.
// One request.
// https://docs.databricks.com/api/azure/workspace/tokens/delete
func (c *Client) RevokeIfOwn(ctx context.Context, id string) (found bool, err error) {
	defer c.ForgetTokens()
	err = settings.NewTokens(c.sdk).Delete(Idempotent(ctx), settings.RevokeTokenRequest{TokenId: id})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// RevokeAnyToken revokes a token of anybody; the caller must be a workspace admin. One that is gone counts as done. One
// request.
// https://docs.databricks.com/api/azure/workspace/tokenmanagement/delete
func (c *Client) RevokeAnyToken(ctx context.Context, id string) error {
	defer c.ForgetTokens()
	err := settings.NewTokenManagement(c.sdk).Delete(ctx, settings.DeleteTokenManagementRequest{TokenId: id})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

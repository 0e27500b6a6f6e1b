package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// TokenInfo is what the workspace shows of a personal access token; never its value.
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

// TokenList is a list of tokens, and the service's clock at that answer.
type TokenList struct {
	Tokens []TokenInfo
	Now    time.Time
	// Shown is whether the answer held a list. The service leaves an empty one out and answers {}, which something else
	// may have sent: then a token that is missing here is not proved to be gone; see [Client.TokenGone].
	Shown bool
}

// Live reports whether a token of the list opens anything: one that has expired does not.
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

// Owner is the name of the owner of a token of the list, an application id or a user name; empty where the list does
// not show it. A token may have been created by another principal than its owner.
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

// tokenInfo is a token as both APIs write it; an owner's own list has less of it.
type tokenInfo struct {
	ID        string   `json:"token_id"`
	Comment   string   `json:"comment"`
	Scopes    []string `json:"scopes"`
	CreatedAt int64    `json:"creation_time"`
	ExpiresAt int64    `json:"expiry_time"`
	LastUsed  int64    `json:"last_used_day"`
	CreatorID int64    `json:"created_by_id"`
	Creator   string   `json:"created_by_username"`
	OwnerID   int64    `json:"owner_id"`
}

func (t tokenInfo) info() TokenInfo {
	info := TokenInfo{
		ID: t.ID, Comment: t.Comment, Scopes: t.Scopes, Creator: t.Creator,
		CreatedAt: FromMillis(t.CreatedAt), ExpiresAt: FromMillis(t.ExpiresAt), LastUsed: FromMillis(t.LastUsed),
	}
	if t.CreatorID != 0 {
		info.CreatorID = strconv.FormatInt(t.CreatorID, 10)
	}
	if t.OwnerID != 0 {
		info.OwnerID = strconv.FormatInt(t.OwnerID, 10)
	}
	return info
}

type tokenInfos struct {
	Infos []tokenInfo `json:"token_infos"`
}

func (l *tokenInfos) Lacks(bare bool) string {
	if l.Infos == nil && !bare {
		return "it has no token_infos"
	}
	for _, t := range l.Infos {
		if lack := Named("token_id", t.ID, ""); lack != "" {
			return lack
		}
	}
	return ""
}

func (c *Client) listTokens(ctx context.Context, path string, query map[string]any) (TokenList, error) {
	var answer tokenInfos
	came, err := c.call(ctx, http.MethodGet, path, query, nil, &answer)
	if err != nil {
		return TokenList{}, err
	}
	list := TokenList{Now: came.date, Shown: answer.Infos != nil}
	for _, t := range answer.Infos {
		list.Tokens = append(list.Tokens, t.info())
	}
	return list, nil
}

const managedTokens = "/api/2.0/token-management/tokens"

// WorkspaceTokens lists every token of the workspace; the caller must be a workspace admin. One request, shared by
// everything in this run until a token is created or revoked.
// https://docs.databricks.com/api/azure/workspace/tokenmanagement/list
func (c *Client) WorkspaceTokens(ctx context.Context) (TokenList, error) {
	return c.tokens.Get(ctx, AnyAge, c.managedTokens)
}

// WorkspaceTokensNow is [Client.WorkspaceTokens] without what was read before this call: another provider of the same
// configuration, which is another process, may have created or revoked a token since. One request, two for many calls
// at once.
func (c *Client) WorkspaceTokensNow(ctx context.Context) (TokenList, error) {
	return c.tokens.GetSince(ctx, time.Now(), c.managedTokens)
}

func (c *Client) managedTokens(ctx context.Context) (TokenList, error) {
	return c.listTokens(ctx, managedTokens, nil)
}

// OwnedBy reports whether a token of the list belongs to a principal, as far as the list shows, and if not, to whom.
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

// OwnTokens lists the caller's own tokens. One request.
// https://docs.databricks.com/api/azure/workspace/tokens/list
func (c *Client) OwnTokens(ctx context.Context) (TokenList, error) {
	return c.listTokens(ctx, "/api/2.0/token/list", nil)
}

// OwnTokensForSure is [Client.OwnTokens] for a caller that concludes something from what the list lacks. {} may be no
// list at all: then it asks who calls, and for the list once more. One request; three where the caller has no token.
func (c *Client) OwnTokensForSure(ctx context.Context) (TokenList, error) {
	list, err := c.OwnTokens(ctx)
	if err != nil || list.Shown {
		return list, err
	}
	if err := c.ConfirmEmpty(ctx); err != nil {
		return TokenList{}, err
	}
	return c.OwnTokens(ctx)
}

type managedToken struct {
	Info tokenInfo `json:"token_info"`
	id   string
}

func (t *managedToken) Lacks(bool) string { return Named("token_info.token_id", t.Info.ID, t.id) }

// TokenByID reads one token of the workspace, which may have expired; the caller must be a workspace admin. One
// request; ErrNotFound when the service says that there is none of that id.
// https://docs.databricks.com/api/azure/workspace/tokenmanagement/get
func (c *Client) TokenByID(ctx context.Context, id string) (TokenInfo, error) {
	answer := managedToken{id: id}
	err := c.Call(ctx, http.MethodGet, PathOf(managedTokens, id), nil, nil, &answer)
	return answer.Info.info(), err
}

// TokenGone reports whether the service itself says that a token does not exist; its absence from a list proves less.
// The caller must be a workspace admin. One request.
func (c *Client) TokenGone(ctx context.Context, id string) (bool, error) {
	_, err := c.TokenByID(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return false, err
}

// OwnTokenGone is [Client.TokenGone] for a token of the caller that was just revoked: the service must refuse to revoke
// it once more, or list the caller's other tokens without it. One request; two when it does not refuse.
func (c *Client) OwnTokenGone(ctx context.Context, id string) (bool, error) {
	err := c.deleteOwnToken(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	list, err := c.OwnTokens(ctx)
	_, there := list.ByID(id)
	return list.Shown && !there, err
}

type createdToken struct {
	Value string    `json:"token_value"`
	Info  tokenInfo `json:"token_info"`
}

func (t *createdToken) Lacks(bool) string {
	if t.Value == "" {
		return "it has no token_value"
	}
	return Named("token_info.token_id", t.Info.ID, "")
}

// CreateToken creates a token of the caller, and returns its value, which the service shows only now. One request.
// https://docs.databricks.com/api/azure/workspace/tokens/create
func (c *Client) CreateToken(
	ctx context.Context,
	comment string,
	lifetime time.Duration,
	scopes []string,
) (TokenInfo, string, error) {
	request := struct {
		Comment         string   `json:"comment,omitempty"`
		LifetimeSeconds int64    `json:"lifetime_seconds,omitempty"`
		Scopes          []string `json:"scopes,omitempty"`
	}{comment, int64(lifetime.Seconds()), scopes}
	var answer createdToken
	if err := c.Call(ctx, http.MethodPost, "/api/2.0/token/create", nil, request, &answer); err != nil {
		return TokenInfo{}, "", err
	}
	web.Conceal(answer.Value)
	return answer.Info.info(), answer.Value, nil
}

// ChangeOwnToken sets what mask names of a token of the caller: comment, scopes. One request.
// https://docs.databricks.com/api/azure/workspace/tokens/update
func (c *Client) ChangeOwnToken(ctx context.Context, id string, mask []string, comment string, scopes []string) error {
	type token struct {
		Comment string   `json:"comment"`
		Scopes  []string `json:"scopes,omitempty"`
	}
	request := struct {
		Token token  `json:"token"`
		Mask  string `json:"update_mask"`
	}{token{comment, scopes}, strings.Join(mask, ",")}
	return c.Call(ctx, http.MethodPatch, PathOf("/api/2.0/token", id), nil, request, nil)
}

// UnconfirmedError is the error of a deletion that the service accepted, without showing afterwards that the object is
// gone. It does not wrap the error of the read that was to show it: callers must not conclude from that error that the
// object is gone, or that the deletion was refused.
type UnconfirmedError struct {
	Object string // such as "token 5c1d…"
	Look   error  // why it could not be read; nil: it is still there
}

func (e *UnconfirmedError) Error() string {
	if e.Look != nil {
		return fmt.Sprintf(
			"the workspace accepted the deletion of %s, and reading it back failed: %v",
			e.Object,
			e.Look,
		)
	}
	return fmt.Sprintf("the workspace accepted the deletion of %s, and still shows it", e.Object)
}

// confirmed reads, and once more a moment later, whether a deleted object is gone.
func confirmed(ctx context.Context, object string, gone func(context.Context) (bool, error)) error {
	for try := 1; ; try++ {
		is, err := gone(ctx)
		switch {
		case err != nil:
			return &UnconfirmedError{object, err}
		case is:
			return nil
		case try == 2 || web.Pause(ctx, time.Second) != nil:
			return &UnconfirmedError{object, nil}
		}
	}
}

// RevokeOwnToken revokes a token of the caller; one that does not exist any more counts as revoked. Two requests.
// https://docs.databricks.com/api/azure/workspace/tokens/delete
func (c *Client) RevokeOwnToken(ctx context.Context, id string) error {
	_, err := c.RevokeIfOwn(ctx, id)
	return err
}

// RevokeIfOwn revokes a token of the caller and reports whether there was one: a token of somebody else is not found
// either. Two requests: the second one is refused when the first has done its work, or must show that there is no such
// token when the service says so.
// https://docs.databricks.com/api/azure/workspace/tokens/delete
func (c *Client) RevokeIfOwn(ctx context.Context, id string) (found bool, err error) {
	err = c.deleteOwnToken(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		list, err := c.OwnTokensForSure(ctx)
		if _, there := list.ByID(id); there {
			err = fmt.Errorf("the workspace answers that the caller has no token %s, and lists it", id)
		}
		return false, err
	case err != nil:
		return false, err
	}
	return true, confirmed(ctx, "token "+id, func(ctx context.Context) (bool, error) { return c.OwnTokenGone(ctx, id) })
}

func (c *Client) deleteOwnToken(ctx context.Context, id string) error {
	request := map[string]string{"token_id": id}
	return c.Call(Idempotent(ctx), http.MethodPost, "/api/2.0/token/delete", nil, request, nil)
}

// RevokeAnyToken revokes a token of anybody; the caller must be a workspace admin. One that is gone counts as done. Two
// requests: the revocation, and the read that shows it done.
// https://docs.databricks.com/api/azure/workspace/tokenmanagement/delete
func (c *Client) RevokeAnyToken(ctx context.Context, id string) error {
	err := c.Call(ctx, http.MethodDelete, PathOf(managedTokens, id), nil, nil, nil)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return confirmed(ctx, "token "+id, func(ctx context.Context) (bool, error) { return c.TokenGone(ctx, id) })
}

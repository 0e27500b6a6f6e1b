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

// TokenInfo is what the workspace shows of a personal access token. The token's value is not shown.
type TokenInfo struct {
	ID        string // 64 hex digits
	Comment   string
	CreatedAt time.Time
	ExpiresAt time.Time // zero means never
	Scopes    []string
	OwnerID   string    // SCIM id; empty in an owner's own list
	Creator   string    // user name or application id; empty in an owner's own list
	LastUsed  time.Time // to the day; zero means never, or an owner's own list
	CreatorID string    // SCIM id; empty in an owner's own list
}

// TokenList is a list of tokens, and the service's clock when it answered.
type TokenList struct {
	Tokens []TokenInfo
	Now    time.Time
	// Shown reports whether the answer held a list. The service leaves an empty list out and answers {}, which
	// something else may have sent. A token that {} does not show is not proved to be gone; see [Client.TokenGone].
	Shown bool
}

// Live reports whether a token of the list can still be used: it has not expired.
func (l TokenList) Live(t TokenInfo) bool { return t.ExpiresAt.IsZero() || t.ExpiresAt.After(l.Now) }

// ByID returns the token with that id, and whether the list has it. An expired token counts as absent.
func (l TokenList) ByID(id string) (TokenInfo, bool) {
	for _, t := range l.Tokens {
		if t.ID == id && l.Live(t) {
			return t, true
		}
	}
	return TokenInfo{}, false
}

// Owner returns the application id or the user name of the owner of a token, and an empty string if the list does not
// show it. A token may have been created by another principal than its owner.
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

// tokenInfo is a token as both token APIs write it. An owner's own list leaves some fields out.
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
		return "the answer has no token_infos"
	}
	for _, t := range l.Infos {
		if lack := CheckName("token_id", t.ID, ""); lack != "" {
			return lack
		}
	}
	return ""
}

func (c *Client) listTokens(ctx context.Context, path string) (TokenList, error) {
	var answer tokenInfos
	response, err := c.call(ctx, http.MethodGet, path, nil, nil, &answer)
	if err != nil {
		return TokenList{}, err
	}
	list := TokenList{Now: response.date, Shown: answer.Infos != nil}
	for _, t := range answer.Infos {
		list.Tokens = append(list.Tokens, t.info())
	}
	return list, nil
}

const managedTokens = "/api/2.0/token-management/tokens"

// WorkspaceTokens lists every token of the workspace. The caller must be a workspace admin. One request, shared by all
// callers in this run until a token is created or revoked.
// https://docs.databricks.com/api/azure/workspace/tokenmanagement/list
func (c *Client) WorkspaceTokens(ctx context.Context) (TokenList, error) {
	return c.tokens.Get(ctx, AnyAge, c.managedTokens)
}

// WorkspaceTokensNow is [Client.WorkspaceTokens] with a list that was read no earlier than this call. Another provider
// of the same configuration, which is another process, may have created or revoked a token just before. One request, or
// two for many calls at once.
func (c *Client) WorkspaceTokensNow(ctx context.Context) (TokenList, error) {
	return c.tokens.GetSince(ctx, time.Now(), c.managedTokens)
}

func (c *Client) managedTokens(ctx context.Context) (TokenList, error) {
	return c.listTokens(ctx, managedTokens)
}

// OwnedBy reports whether a token of the list belongs to the principal of that name. It reports false only if the list
// shows another owner. who names the owner, as far as the list shows it.
func (l TokenList) OwnedBy(t TokenInfo, name string) (yes bool, who string) {
	who = l.Owner(t)
	switch {
	case who != "":
		return strings.EqualFold(who, name), who
	case t.OwnerID == "" || !strings.EqualFold(t.Creator, name):
		return true, "" // nothing shows another owner
	}
	return false, "the principal with the id " + t.OwnerID
}

// OwnTokens lists the caller's own tokens. One request.
// https://docs.databricks.com/api/azure/workspace/tokens/list
func (c *Client) OwnTokens(ctx context.Context) (TokenList, error) {
	return c.listTokens(ctx, "/api/2.0/token/list")
}

// OwnTokensConfirmed is [Client.OwnTokens] for a caller that concludes something from what the list lacks. The service
// answers {} for an empty list, and so may a proxy. After {}, OwnTokensConfirmed asks the workspace who calls, and
// requests the list once more. One request, or three if the caller has no token.
func (c *Client) OwnTokensConfirmed(ctx context.Context) (TokenList, error) {
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

func (t *managedToken) Lacks(bool) string { return CheckName("token_info.token_id", t.Info.ID, t.id) }

// TokenByID reads the token with that id, which may have expired. The error is [ErrNotFound] if the service says that
// the workspace has no such token. The caller must be a workspace admin. One request.
// https://docs.databricks.com/api/azure/workspace/tokenmanagement/get
func (c *Client) TokenByID(ctx context.Context, id string) (TokenInfo, error) {
	answer := managedToken{id: id}
	err := c.Call(ctx, http.MethodGet, PathOf(managedTokens, id), nil, nil, &answer)
	return answer.Info.info(), err
}

// TokenGone reports whether the service itself says that the token with that id does not exist. A list without the
// token proves less. The caller must be a workspace admin. One request.
func (c *Client) TokenGone(ctx context.Context, id string) (bool, error) {
	_, err := c.TokenByID(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return false, err
}

// OwnTokenGone is [Client.TokenGone] for a token of the caller that was just revoked. It reports true if the service
// refuses to revoke the token once more, or lists the caller's other tokens without it. One request, or two if the
// service does not refuse.
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
		return "the answer has no token_value"
	}
	return CheckName("token_info.token_id", t.Info.ID, "")
}

// CreateToken creates a token of the caller. It returns the token's value, which the service shows only this once. One
// request.
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

// ChangeOwnToken sets those fields of a token of the caller that mask names: comment, scopes. One request.
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

// UnconfirmedError is the error of a deletion that the service accepted and did not confirm. It does not wrap the error
// of the read that should have confirmed the deletion. From such an error, callers could wrongly conclude that the
// object is gone, or that the deletion was refused.
type UnconfirmedError struct {
	Object string // such as "token 5c1d…"
	Look   error  // why the object could not be read; nil if it is still there
}

func (e *UnconfirmedError) Error() string {
	if e.Look != nil {
		return fmt.Sprintf("the workspace accepted the deletion of %s, but the provider could not check that it is "+
			"gone: %v", e.Object, e.Look)
	}
	return fmt.Sprintf("the workspace accepted the deletion of %s, but still shows it", e.Object)
}

// confirmed calls gone to check that a deleted object is gone. If the object is still there, it checks once more a
// second later. It returns an [*UnconfirmedError] if the object is still there or could not be read.
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

// RevokeOwnToken revokes a token of the caller. It returns nil if the token does not exist any more. Two requests.
// https://docs.databricks.com/api/azure/workspace/tokens/delete
func (c *Client) RevokeOwnToken(ctx context.Context, id string) error {
	_, err := c.RevokeIfOwn(ctx, id)
	return err
}

// RevokeIfOwn revokes a token of the caller, and reports whether the caller had that token. The service does not find a
// token of somebody else either. Two requests, or four if the caller has no token. After a revocation, the second
// request revokes once more and must be refused. If the service finds no such token, the second request is a list,
// which must not show the token.
// https://docs.databricks.com/api/azure/workspace/tokens/delete
func (c *Client) RevokeIfOwn(ctx context.Context, id string) (found bool, err error) {
	err = c.deleteOwnToken(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		list, err := c.OwnTokensConfirmed(ctx)
		if _, there := list.ByID(id); there {
			err = fmt.Errorf("the workspace answers that the caller has no token %s, but lists this token", id)
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

// RevokeAnyToken revokes a token of any principal. It returns nil if the token does not exist any more. The caller must
// be a workspace admin. Two requests: the revocation, and the read that confirms it.
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

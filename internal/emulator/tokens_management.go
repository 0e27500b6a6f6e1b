package emulator

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// The API with which workspace admins manage all tokens: docs.databricks.com/api/azure/workspace/tokenmanagement.
// Creating a token on behalf of a service principal is documented only for other clouds than Azure.

func (w *Workspace) tokenManagementRoutes(api func(string, handler)) {
	const root = "/api/2.0/token-management"
	api("GET "+root+"/tokens", adminsOnly(listManagedTokens))
	api("GET "+root+"/tokens/{id}", adminsOnly(func(c *call) (any, error) {
		t, err := c.managedToken()
		if err != nil {
			return nil, err
		}
		return map[string]any{"token_info": c.w.managed(t)}, nil
	}))
	api("DELETE "+root+"/tokens/{id}", adminsOnly(func(c *call) (any, error) {
		t, err := c.managedToken()
		if err != nil {
			return nil, err
		}
		delete(c.w.tokens, t.id)
		return nil, nil
	}))
	api("PATCH "+root+"/tokens/{id}", adminsOnly(func(c *call) (any, error) {
		t, err := c.managedToken()
		if err != nil {
			return nil, err
		}
		if err := c.patchToken(t); err != nil {
			return nil, err
		}
		return c.w.managed(t), nil
	}))
	api("POST "+root+"/on-behalf-of/tokens", adminsOnly(func(c *call) (any, error) {
		return nil, c.w.switches.OnBehalfOfTokens.or(http.StatusNotFound, "FEATURE_DISABLED",
			"On-behalf-of token creation for service principals is not enabled for this workspace", c.who.name())
	}))
}

// adminsOnly returns a handler that refuses everybody but workspace admins.
func adminsOnly(h handler) handler {
	return func(c *call) (any, error) {
		if !c.w.isAdmin(c.who) {
			return nil, denied("%s is only accessible by admins.", c.r.URL.Path)
		}
		return h(c)
	}
}

type managedTokenInfo struct {
	TokenID           string   `json:"token_id"`
	CreationTime      int64    `json:"creation_time"`
	ExpiryTime        int64    `json:"expiry_time"`
	Comment           string   `json:"comment"`
	CreatedByID       int64    `json:"created_by_id"`
	CreatedByUsername string   `json:"created_by_username"`
	OwnerID           int64    `json:"owner_id"`
	LastUsedDay       int64    `json:"last_used_day,omitempty"`
	WorkspaceID       int64    `json:"workspace_id"`
	Scopes            []string `json:"scopes,omitempty"`
}

func (w *Workspace) managed(t *token) managedTokenInfo {
	owner, _ := strconv.ParseInt(t.ownerID, 10, 64)
	creator, _ := strconv.ParseInt(cmp.Or(t.creatorID, t.ownerID), 10, 64)
	workspace, _ := strconv.ParseInt(w.id, 10, 64)
	info := managedTokenInfo{
		TokenID: t.id, CreationTime: t.created.UnixMilli(), ExpiryTime: t.expiryMillis(), Comment: t.comment,
		CreatedByID: creator, CreatedByUsername: cmp.Or(t.creatorName, t.ownerName), OwnerID: owner,
		WorkspaceID: workspace, Scopes: t.scopes,
	}
	delay := cmp.Or(w.switches.LastUsedDelay, 24*time.Hour)
	if used := t.lastUsedDay(w.tenant.Clock.Now().Add(-max(delay, 0))); !used.IsZero() {
		info.LastUsedDay = used.UnixMilli()
	}
	return info
}

// listManagedTokens lists all tokens. It includes expired tokens unless [WorkspaceSwitches].HideExpiredTokens is set,
// so a client must check the expiry.
func listManagedTokens(c *call) (any, error) {
	query := c.r.URL.Query()
	byID, byName := query.Get("created_by_id"), query.Get("created_by_username")
	if _, err := strconv.ParseInt(byID, 10, 64); byID != "" && err != nil {
		return nil, badParameter("created_by_id must be a number")
	}
	var infos []managedTokenInfo
	for _, t := range c.w.tokensWhere(func(t *token) bool {
		return (byID == "" || t.ownerID == byID) && (byName == "" || t.ownerName == byName) &&
			!(c.w.switches.HideExpiredTokens && t.expired(c.now))
	}) {
		infos = append(infos, c.w.managed(t))
	}
	if infos == nil {
		return nil, nil
	}
	return map[string]any{"token_infos": infos}, nil
}

func (c *call) managedToken() (*token, error) {
	t := c.w.tokens[c.r.PathValue("id")]
	if t == nil {
		return nil, missing("Token with ID %s does not exist", c.r.PathValue("id"))
	}
	return t, nil
}

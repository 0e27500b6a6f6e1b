package emulator

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The personal access tokens of the caller: docs.databricks.com/api/azure/workspace/tokens, with the rules of
// learn.microsoft.com/azure/databricks/dev-tools/auth/pat and
// learn.microsoft.com/azure/databricks/security/auth/api-access-permissions.

const (
	tokenQuota        = 600 // the largest number of unexpired tokens of one principal in a workspace
	platformTokenDays = 730
	maxTokenComment   = 1024
)

// A token is a personal access token. Its id is a hash of its value, which is not stored.
type token struct {
	id        string
	ownerID   string
	ownerName string
	comment   string
	scopes    []string
	created   time.Time
	expires   time.Time   // zero means that the token never expires
	uses      []time.Time // the first use of each day
	// creatorID and creatorName are empty if the owner created the token.
	creatorID, creatorName string
}

// tokenID returns the id of a token: the SHA-256 of its value.
func tokenID(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

func (t *token) expired(now time.Time) bool {
	return !t.expires.IsZero() && !now.Before(t.expires)
}

// mint creates a token and returns it with its value. A zero expires means that the token never expires.
func (w *Workspace) mint(owner *principal, comment string, scopes []string, now, expires time.Time) (*token, string) {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // the documentation of crypto/rand says that Read never fails
	value := "dapi" + hex.EncodeToString(raw) + "-2"
	t := &token{id: tokenID(value), ownerID: owner.id, ownerName: owner.name(), comment: comment, scopes: scopes,
		created: now.Truncate(time.Millisecond), expires: expires.Truncate(time.Millisecond)}
	w.tokens[t.id] = t
	w.tokensSeen = true
	return t, value
}

// use records a use of the token. It keeps only the first use of a day.
func (t *token) use(now time.Time) {
	if n := len(t.uses); n == 0 || !day(t.uses[n-1]).Equal(day(now)) {
		t.uses = append(t.uses, now)
	}
}

// lastUsedDay returns the day of the token's newest use that is not after known, or zero if there is none.
func (t *token) lastUsedDay(known time.Time) time.Time {
	for _, use := range slices.Backward(t.uses) {
		if !use.After(known) {
			return day(use)
		}
	}
	return time.Time{}
}

func day(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }

func (w *Workspace) deleteTokensOf(principalID string) {
	for id, t := range w.tokens {
		if t.ownerID == principalID {
			delete(w.tokens, id)
		}
	}
}

// tokensWhere returns the tokens for which keep returns true, oldest first.
func (w *Workspace) tokensWhere(keep func(*token) bool) []*token {
	var found []*token
	for _, t := range w.tokens {
		if keep(t) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *token) int {
		return cmp.Or(a.created.Compare(b.created), strings.Compare(a.id, b.id))
	})
	return found
}

// MintToken creates a token of a principal, and returns its id and value. It checks neither the principal's rights nor
// the workspace's rules. A zero lifetime means that the token never expires. The token works only while its owner is
// active and may use tokens, as an admin or by CAN_USE (see [Workspace.SetGrant]).
func (w *Workspace) MintToken(principal, comment string, lifetime time.Duration) (id, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.tenant.Clock.Now()
	expires := time.Time{}
	if lifetime != 0 {
		expires = now.Add(lifetime)
	}
	t, value := w.mint(w.mustFind(principal), comment, nil, now, expires)
	return t.id, value
}

// GiveToken makes a principal the owner of a token that another principal created. The list of all tokens then shows
// both the owner and the creator.
func (w *Workspace) GiveToken(tokenID, principal string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, owner := w.tokens[tokenID], w.mustFind(principal)
	if t == nil {
		panic(fmt.Sprintf("emulator: workspace %s has no token %q", w.id, tokenID))
	}
	t.creatorID, t.creatorName = cmp.Or(t.creatorID, t.ownerID), cmp.Or(t.creatorName, t.ownerName)
	t.ownerID, t.ownerName = owner.id, owner.name()
}

// UseToken records a use of a token now, as a request with the token does. [WorkspaceSwitches].LastUsedDelay decides
// when answers show the use.
func (w *Workspace) UseToken(tokenID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens[tokenID].use(w.tenant.Clock.Now())
}

// AgeToken moves the creation, the uses and the expiry of a token back in time by this duration.
func (w *Workspace) AgeToken(tokenID string, by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tokens[tokenID]
	t.created = t.created.Add(-by)
	if !t.expires.IsZero() {
		t.expires = t.expires.Add(-by)
	}
	for i := range t.uses {
		t.uses[i] = t.uses[i].Add(-by)
	}
}

// RevokeToken deletes a token. It panics if there is no such token.
func (w *Workspace) RevokeToken(tokenID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tokens[tokenID] == nil {
		panic(fmt.Sprintf("emulator: workspace %s has no token %q", w.id, tokenID))
	}
	delete(w.tokens, tokenID)
}

func (w *Workspace) tokenRoutes(api func(string, handler)) {
	api("POST /api/2.0/token/create", createToken)
	api("GET /api/2.0/token/list", listTokens)
	api("POST /api/2.0/token/delete", deleteToken)
	api("PATCH /api/2.0/token/{id}", updateToken)
	w.tokenManagementRoutes(api)
}

type publicTokenInfo struct {
	TokenID      string   `json:"token_id"`
	CreationTime int64    `json:"creation_time"`
	ExpiryTime   int64    `json:"expiry_time"`
	Comment      string   `json:"comment"`
	Scopes       []string `json:"scopes,omitempty"`
}

func (t *token) expiryMillis() int64 {
	if t.expires.IsZero() {
		return -1
	}
	return t.expires.UnixMilli()
}

func (t *token) public() publicTokenInfo {
	return publicTokenInfo{TokenID: t.id, CreationTime: t.created.UnixMilli(), ExpiryTime: t.expiryMillis(),
		Comment: t.comment, Scopes: t.scopes}
}

func (c *call) checkTokenRight() error {
	if c.w.switches.PersonalAccessTokensOff {
		return c.w.switches.TokensOff.or(http.StatusForbidden, "PERMISSION_DENIED", "Personal access tokens are "+
			"disabled for this workspace.", c.who.name())
	}
	if !c.w.mayUseTokens(c.who) {
		return denied("User does not have permission to use tokens.")
	}
	return nil
}

func createToken(c *call) (any, error) {
	var request struct {
		LifetimeSeconds  *int64   `json:"lifetime_seconds"`
		Comment          string   `json:"comment"`
		Scopes           []string `json:"scopes"`
		AutoscopeEnabled bool     `json:"autoscope_enabled"`
	}
	if err := c.decode(&request); err != nil {
		return nil, err
	}
	if err := c.checkTokenRight(); err != nil {
		return nil, err
	}
	if len(request.Comment) > maxTokenComment {
		return nil, badParameter("Token comment must be at most %d characters.", maxTokenComment)
	}
	if err := c.checkScopes(request.Scopes); err != nil {
		return nil, err
	}
	expires, err := c.tokenExpiry(request.LifetimeSeconds)
	if err != nil {
		return nil, err
	}
	live := c.w.tokensWhere(func(t *token) bool { return t.ownerID == c.who.id && !t.expired(c.now) })
	if len(live) >= tokenQuota {
		return nil, c.w.switches.TokenQuota.or(http.StatusBadRequest, "QUOTA_EXCEEDED",
			fmt.Sprintf("User {} has reached the limit of %d tokens in this workspace.", tokenQuota), c.who.name())
	}
	t, value := c.w.mint(c.who, request.Comment, request.Scopes, c.now, expires)
	return map[string]any{"token_value": value, "token_info": t.public()}, nil
}

// checkScopes returns an error for a scope that is not in [WorkspaceSwitches].KnownTokenScopes, unless that list is
// empty.
func (c *call) checkScopes(scopes []string) error {
	known := c.w.switches.KnownTokenScopes
	for _, scope := range scopes {
		if len(known) > 0 && !slices.Contains(known, scope) {
			return badParameter("Unknown scope: %s", scope)
		}
	}
	return nil
}

func (c *call) tokenExpiry(lifetimeSeconds *int64) (time.Time, error) {
	s := &c.w.switches
	limit := time.Duration(cmp.Or(s.MaxTokenLifetimeDays, platformTokenDays)) * 24 * time.Hour
	if lifetimeSeconds == nil {
		if s.DefaultTokenLifetimeDays < 0 {
			return time.Time{}, nil
		}
		lifetime := time.Duration(cmp.Or(s.DefaultTokenLifetimeDays, platformTokenDays)) * 24 * time.Hour
		return c.now.Add(min(lifetime, limit)), nil
	}
	if *lifetimeSeconds <= 0 {
		return time.Time{}, badParameter("requirement failed: Invalid timeout: %d", *lifetimeSeconds)
	}
	if *lifetimeSeconds > int64(limit/time.Second) {
		return time.Time{}, s.TokenLifetimeAbove.or(http.StatusBadRequest, "INVALID_PARAMETER_VALUE",
			fmt.Sprintf("Token lifetime of {} seconds exceeds the maximum of %d days for this workspace.",
				limit/(24*time.Hour)), fmt.Sprint(*lifetimeSeconds))
	}
	return c.now.Add(time.Duration(*lifetimeSeconds) * time.Second), nil
}

func listTokens(c *call) (any, error) {
	if err := c.checkTokenRight(); err != nil {
		return nil, err
	}
	var infos []publicTokenInfo
	for _, t := range c.w.tokensWhere(func(t *token) bool { return t.ownerID == c.who.id && !t.expired(c.now) }) {
		infos = append(infos, t.public())
	}
	if infos == nil {
		return nil, nil
	}
	return map[string]any{"token_infos": infos}, nil
}

// ownToken returns a token of the caller. A token of another owner is answered like a missing token.
func (c *call) ownToken(id string) (*token, error) {
	t := c.w.tokens[id]
	if t == nil || t.ownerID != c.who.id {
		return nil, missing("Token with ID %s does not exist", id)
	}
	return t, nil
}

func deleteToken(c *call) (any, error) {
	var request struct {
		TokenID string `json:"token_id"`
	}
	if err := c.decode(&request); err != nil {
		return nil, err
	}
	if request.TokenID == "" {
		return nil, badParameter("token_id must be given")
	}
	t, err := c.ownToken(request.TokenID)
	if err != nil {
		return nil, err
	}
	delete(c.w.tokens, t.id)
	return nil, nil
}

func updateToken(c *call) (any, error) {
	if c.w.switches.NoTokenUpdates {
		return nil, noSuchAPI(c.r.Method, c.r.URL.Path)
	}
	id := c.r.PathValue("id")
	t, err := c.ownToken(id)
	if err != nil {
		return nil, c.w.switches.UnknownToken.or(http.StatusNotFound, "NOT_FOUND",
			"Token with ID {} does not exist", id)
	}
	if err := c.checkTokenRight(); err != nil {
		return nil, err
	}
	return nil, c.patchToken(t)
}

// patchToken changes the fields that the request's update mask names. Only the comment and the scopes of a token can be
// changed.
func (c *call) patchToken(t *token) error {
	var request struct {
		Token struct {
			managedTokenInfo
			AutoscopeState string   `json:"autoscope_state"`
			InferredScopes []string `json:"inferred_scopes"`
			BackfillScopes []string `json:"backfill_scopes"`
		} `json:"token"`
		UpdateMask string `json:"update_mask"`
	}
	if err := c.decode(&request); err != nil {
		return err
	}
	if request.UpdateMask == "" {
		return badParameter("update_mask must be given")
	}
	fields := strings.Split(request.UpdateMask, ",")
	for _, field := range fields {
		if field != "comment" && field != "scopes" {
			return badParameter("update_mask names '%s', which cannot be updated", field)
		}
	}
	if len(request.Token.Comment) > maxTokenComment {
		return badParameter("Token comment must be at most %d characters.", maxTokenComment)
	}
	if slices.Contains(fields, "scopes") {
		if err := c.checkScopes(request.Token.Scopes); err != nil {
			return err
		}
	}
	for _, field := range fields {
		if field == "comment" {
			t.comment = request.Token.Comment
		} else {
			t.scopes = request.Token.Scopes
		}
	}
	return nil
}

package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/common/types/fieldmask"
	"github.com/databricks/databricks-sdk-go/service/settings"
)

func TestOwnTokensWithTheSDK(t *testing.T) {
	ctx := context.Background()
	l := newLab(t, WorkspaceSwitches{})
	l.SetGrant("authorization/tokens", l.member.ClientID, "CAN_USE")
	api := settings.NewTokens(l.sdk(l.entraToken(l.member)))
	made, err := api.Create(ctx, settings.CreateTokenRequest{LifetimeSeconds: 7776000, Comment: "c",
		Scopes: []string{"all-apis"}})
	if err != nil {
		t.Fatal(err)
	}
	info, sum := made.TokenInfo, sha256.Sum256([]byte(made.TokenValue))
	if !regexp.MustCompile(`^dapi[0-9a-f]{32}-2$`).MatchString(made.TokenValue) ||
		info.TokenId != hex.EncodeToString(sum[:]) {
		t.Errorf("a value of %d characters, id %s", len(made.TokenValue), info.TokenId)
	}
	if info.ExpiryTime-info.CreationTime != 7776000*1000 || info.Comment != "c" || len(info.Scopes) != 1 {
		t.Errorf("info %+v", info)
	}
	// A token logs its owner in.
	own := settings.NewTokens(l.sdk(made.TokenValue))
	if list, err := own.ListAll(ctx); err != nil || len(list) != 1 || list[0].TokenId != info.TokenId {
		t.Errorf("list %+v, %v", list, err)
	}
	if _, err := own.Update(ctx, settings.UpdateTokenRequest{TokenId: info.TokenId,
		UpdateMask: *fieldmask.New([]string{"comment"}),
		Token:      settings.PublicTokenInfo{Comment: "changed"}}); err != nil {
		t.Error(err)
	}
	if tokens := l.Snapshot().Tokens; tokens[0].Comment != "changed" || tokens[0].Owner != l.member.ClientID {
		t.Errorf("tokens %+v", tokens)
	}
	// In this API nobody but the owner sees or deletes a token, not even an admin.
	others := settings.NewTokens(l.sdk(l.entraToken(l.admin)))
	if list, err := others.ListAll(ctx); err != nil || len(list) != 0 {
		t.Errorf("another's list: %+v, %v", list, err)
	}
	err = others.Delete(ctx, settings.RevokeTokenRequest{TokenId: info.TokenId})
	if !errors.Is(err, apierr.ErrNotFound) {
		t.Errorf("another deletes it: %v", err)
	}
	// An expired token is not listed and not accepted.
	l.tenant.Clock.Advance(90*24*time.Hour + time.Second)
	api = settings.NewTokens(l.sdk(l.entraToken(l.member)))
	if list, err := api.ListAll(ctx); err != nil || len(list) != 0 {
		t.Errorf("after expiry: %+v, %v", list, err)
	}
	if err := api.Delete(ctx, settings.RevokeTokenRequest{TokenId: info.TokenId}); err != nil {
		t.Error(err)
	}
	if err := api.Delete(ctx, settings.RevokeTokenRequest{TokenId: info.TokenId}); !errors.Is(err, apierr.ErrNotFound) {
		t.Errorf("second delete: %v", err)
	}
}

func TestTokenRefusals(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin, member := l.entraToken(l.admin), l.entraToken(l.member)
	const create, list = "/api/2.0/token/create", "/api/2.0/token/list"
	noRight := "User does not have permission to use tokens."
	l.refused(l.ask(member, "POST", create, `{}`), 403, "PERMISSION_DENIED", noRight)
	l.refused(l.ask(member, "GET", list, ""), 403, "PERMISSION_DENIED", noRight)
	if a := l.ask(admin, "GET", list, ""); a.status != 200 || a.body != "{}" {
		t.Errorf("an empty list: %d %s", a.status, a.body)
	}
	for body, message := range map[string]string{
		`{"lifetime_seconds":0}`:                          "requirement failed: Invalid timeout: 0",
		`{"lifetime_seconds":-1}`:                         "requirement failed: Invalid timeout: -1",
		`{"lifetime_seconds":63072001}`:                   "Token lifetime of 63072001 seconds exceeds the maximum of 730 days for this workspace.",
		`{"comment":"` + strings.Repeat("c", 1025) + `"}`: "Token comment must be at most 1024 characters.",
	} {
		l.refused(l.ask(admin, "POST", create, body), 400, "INVALID_PARAMETER_VALUE", message)
	}
	l.refused(l.ask(admin, "POST", create, `{"lifetime":60}`), 400, "MALFORMED_REQUEST",
		`Could not parse request object: unknown field "lifetime"`)
	l.refused(l.ask(admin, "POST", create, `{"lifetime_seconds":"60"}`), 400, "MALFORMED_REQUEST", "Could not "+
		"parse request object: lifetime_seconds is not a int64")
	l.refused(l.ask(admin, "POST", create, `{} {}`), 400, "MALFORMED_REQUEST", "Invalid JSON given in the body of "+
		"the request - failed to parse given JSON")
	if tokens := l.Snapshot().Tokens; len(tokens) != 0 {
		t.Fatalf("refused requests made %v", tokens)
	}

	lifetime := func(body string) time.Duration {
		info, ok := l.ask(admin, "POST", create, body).json(t)["token_info"].(map[string]any)
		if !ok {
			t.Fatalf("%s makes no token", body)
		}
		if info["expiry_time"] == -1.0 {
			return -1
		}
		return time.UnixMilli(int64(info["expiry_time"].(float64))).Sub(
			time.UnixMilli(int64(info["creation_time"].(float64))))
	}
	if got := lifetime(`{}`); got != 730*24*time.Hour {
		t.Errorf("default lifetime %s", got)
	}
	l.SetSwitches(WorkspaceSwitches{DefaultTokenLifetimeDays: -1})
	if got := lifetime(``); got != -1 {
		t.Errorf("never: %s", got)
	}
	l.SetSwitches(WorkspaceSwitches{MaxTokenLifetimeDays: 1, TokenLifetimeAbove: Refusal{Status: 403, Code: "X",
		Message: "{} is too long"}})
	if got := lifetime(`{"lifetime_seconds":86400}`); got != 24*time.Hour {
		t.Errorf("the maximum: %s", got)
	}
	l.refused(l.ask(admin, "POST", create, `{"lifetime_seconds":86401}`), 403, "X", "86401 is too long")
	l.SetSwitches(WorkspaceSwitches{PersonalAccessTokensOff: true})
	l.refused(l.ask(admin, "POST", create, `{}`), 403, "PERMISSION_DENIED", "Personal access tokens are disabled "+
		"for this workspace.")
	l.SetSwitches(WorkspaceSwitches{})

	path := "/api/2.0/token/" + l.Snapshot().Tokens[0].ID
	l.refused(l.ask(admin, "PATCH", path, `{"token":{"expiry_time":1},"update_mask":"expiry_time"}`), 400,
		"INVALID_PARAMETER_VALUE", "update_mask names 'expiry_time', which cannot be updated")
	l.refused(l.ask(admin, "PATCH", path, `{"token":{"comment":"x"}}`), 400, "INVALID_PARAMETER_VALUE",
		"update_mask must be given")
	l.refused(l.ask(admin, "POST", "/api/2.0/token/delete", `{}`), 400, "INVALID_PARAMETER_VALUE",
		"token_id must be given")

	narrow := l.ask(admin, "POST", create, `{"scopes":["clusters"]}`).json(t)["token_value"].(string)
	const lacks = "Provided access token does not have required scopes: "
	l.refused(l.ask(narrow, "POST", create, `{}`), 403, "PERMISSION_DENIED", lacks+"authentication")
	score := func(scope string) rawAnswer {
		token := l.ask(admin, "POST", create, `{"scopes":["`+scope+`"]}`).json(t)["token_value"].(string)
		return l.ask(token, "POST", "/serving-endpoints/iris/invocations",
			`{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`)
	}
	for _, scope := range []string{"clusters", "serving", "serving.serving-endpoints"} {
		l.refused(score(scope), 403, "PERMISSION_DENIED", lacks+"model-serving")
	}
	for _, scope := range []string{"model-serving", "all-apis"} {
		if a := score(scope); a.status != 200 {
			t.Errorf("a token with the scope %s does not score: %d %s", scope, a.status, a.body)
		}
	}
}

func TestTokenQuota(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	for range tokenQuota - 1 {
		l.MintToken(l.admin.ClientID, "", time.Hour)
	}
	l.MintToken(l.admin.ClientID, "expired ones do not count", time.Nanosecond)
	if a := l.ask(admin, "POST", "/api/2.0/token/create", `{}`); a.status != 200 {
		t.Errorf("number 600: %d %s", a.status, a.body)
	}
	l.refused(l.ask(admin, "POST", "/api/2.0/token/create", `{}`), 400, "QUOTA_EXCEEDED", "User "+l.admin.ClientID+
		" has reached the limit of 600 tokens in this workspace.")
	if l.ask(l.entraToken(l.admin), "GET", "/api/2.0/clusters/list", "").status != 200 {
		t.Error("a full quota refuses more than tokens")
	}
}

func TestTokenManagement(t *testing.T) {
	ctx := context.Background()
	l := newLab(t, WorkspaceSwitches{})
	l.SetGrant("authorization/tokens", l.member.ClientID, "CAN_USE")
	id, value := l.MintToken(l.member.ClientID, "scores", time.Hour)
	l.MintToken("ada@example.com", "", 0)
	l.SetSwitches(WorkspaceSwitches{LastUsedDelay: -1})
	api := settings.NewTokenManagement(l.sdk(l.entraToken(l.admin)))
	if l.ask(value, "GET", "/api/2.0/clusters/list", "").status != 200 {
		t.Fatal("the token does not work")
	}
	all, err := api.ListAll(ctx, settings.ListTokenManagementRequest{})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	one, err := api.Get(ctx, settings.GetTokenManagementRequest{TokenId: id})
	if err != nil {
		t.Fatal(err)
	}
	info := one.TokenInfo
	if a := l.ask(l.entraToken(l.member), "GET", "/api/2.0/preview/scim/v2/Me",
		""); a.json(t)["id"] != fmt.Sprint(info.OwnerId) {
		t.Errorf("owner %d is not %s", info.OwnerId, a.body)
	}
	if info.CreatedByUsername != l.member.ClientID || info.CreatedById != info.OwnerId ||
		fmt.Sprint(info.WorkspaceId) != l.ID() ||
		time.UnixMilli(info.LastUsedDay).UTC() != l.tenant.Clock.Now().Truncate(24*time.Hour) ||
		info.Comment != "scores" {
		t.Errorf("info %+v", info)
	}
	for name, request := range map[string]settings.ListTokenManagementRequest{
		"by id":   {CreatedById: info.OwnerId},
		"by name": {CreatedByUsername: l.member.ClientID},
	} {
		if list, err := api.ListAll(ctx, request); err != nil || len(list) != 1 || list[0].TokenId != id {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
	if list, err := api.ListAll(ctx, settings.ListTokenManagementRequest{CreatedByUsername: "nobody"}); err != nil ||
		len(list) != 0 {
		t.Errorf("nobody's: %+v, %v", list, err)
	}
	if changed, err := api.UpdateTokenManagement(ctx, settings.UpdateTokenManagementRequest{TokenId: id,
		Token: settings.TokenInfo{Comment: "new"}, UpdateMask: *fieldmask.New([]string{"comment"})}); err != nil ||
		changed.Comment != "new" {
		t.Errorf("%+v, %v", changed, err)
	}
	_, err = api.CreateOboToken(ctx, settings.CreateOboTokenRequest{ApplicationId: l.member.ClientID,
		LifetimeSeconds: 60})
	if err == nil || err.Error() != "On-behalf-of token creation for service principals is not enabled for "+
		"this workspace" {
		t.Errorf("on behalf of: %v", err)
	}
	l.tenant.Clock.Advance(2 * time.Hour)
	admin := l.entraToken(l.admin)
	count := func() int {
		return strings.Count(l.ask(admin, "GET", "/api/2.0/token-management/tokens", "").body, `"token_id"`)
	}
	if count() != 2 {
		t.Error("an expired token is hidden")
	}
	l.SetSwitches(WorkspaceSwitches{HideExpiredTokens: true})
	if count() != 1 {
		t.Error("an expired token is not hidden")
	}
	api = settings.NewTokenManagement(l.sdk(admin))
	if err := api.Delete(ctx, settings.DeleteTokenManagementRequest{TokenId: id}); err != nil {
		t.Error(err)
	}
	if _, err := api.Get(ctx, settings.GetTokenManagementRequest{TokenId: id}); !errors.Is(err, apierr.ErrNotFound) {
		t.Errorf("after delete: %v", err)
	}
	for _, request := range []string{"GET /tokens", "GET /tokens/x", "DELETE /tokens/x", "PATCH /tokens/x",
		"POST /on-behalf-of/tokens"} {
		method, path, _ := strings.Cut(request, " ")
		path = "/api/2.0/token-management" + path
		l.refused(l.ask(l.entraToken(l.member), method, path, ""), 403, "PERMISSION_DENIED",
			path+" is only accessible by admins.")
	}
}

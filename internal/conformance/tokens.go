package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sourceTokens     = "docs.databricks.com/api/azure/workspace/tokens"
	sourceManagement = "docs.databricks.com/api/azure/workspace/tokenmanagement"
	sourceOwnTokens  = "learn.microsoft.com/azure/databricks/dev-tools/auth/pat"
	managementPath   = "/api/2.0/token-management/tokens"
	day              = 24 * time.Hour
	platformDays     = 730
)

// tokenChecks returns the checks about personal access tokens.
func tokenChecks() []Check {
	return []Check{
		{
			Name:      "tokens/on",
			Statement: "Personal access tokens are allowed.",
			Switches:  []string{"PersonalAccessTokensOff"},
			Source:    "docs.databricks.com/api/azure/workspace/workspaceconf/getstatus: enableTokensConfig",
			Expected:  "true",
			run: func(ctx context.Context, p *probe) Outcome {
				value, err := p.configured(ctx, "enableTokensConfig")
				switch {
				case err != nil:
					return failed(err)
				case value == "false":
					return open("false", workspaceSwitch("PersonalAccessTokensOff", true))
				}
				return open("true")
			}},
		{
			Name:      "tokens/maximum",
			Statement: "The workspace sets no maximum of its own for the lifetime of tokens.",
			Switches:  []string{"MaxTokenLifetimeDays"},
			Source: "docs.databricks.com/api/azure/workspace/workspaceconf/getstatus: maxTokenLifetimeDays; " +
				"workspaces differ",
			Expected: "none, or 730",
			run: func(ctx context.Context, p *probe) Outcome {
				value, err := p.configured(ctx, "maxTokenLifetimeDays")
				if err != nil {
					return failed(err)
				}
				if days, err := strconv.Atoi(value); err == nil && days > 0 && days != platformDays {
					return open(value, workspaceSwitch("MaxTokenLifetimeDays", days))
				}
				return open("none, or 730")
			}},
		{
			Name:      "tokens/own-list",
			Statement: "The list of one's own tokens does not tell when they were used.",
			Source:    "databricks-sdk-go service/settings/model.go",
			Expected:  "no last_used_day",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, "/api/2.0/token/list")
				if a.status == 403 || p.tokensOff(ctx) {
					return skipped("the login may not use tokens")
				}
				if !a.ok() || len(a.raw) == 0 {
					return byAnswer(a, false)
				}
				for _, info := range a.items("token_infos") {
					if info["last_used_day"] != nil {
						return wrong("last_used_day")
					}
				}
				return holds("no last_used_day in %d tokens", len(a.items("token_infos")))
			}},
		{
			Name:      "tokens/managed-list",
			Statement: "The list of all tokens tells who owns each.",
			Source:    sourceManagement + "/list",
			Expected:  "token_id, owner_id and created_by_username on each",
			run: func(ctx context.Context, p *probe) Outcome {
				if err := p.needAdmin(ctx); err != nil {
					return failed(err)
				}
				a := p.get(ctx, managementPath)
				if !a.ok() || len(a.raw) == 0 {
					return byAnswer(a, false)
				}
				for _, info := range a.items("token_infos") {
					for _, field := range []string{"token_id", "owner_id", "created_by_username"} {
						if info[field] == nil {
							return wrong("a token without %s", field)
						}
					}
				}
				return holds("on each of %d", len(a.items("token_infos")))
			}},
		{
			Name:      "tokens/managed-unknown",
			Statement: "A token that is not there is a 404 in the list of all tokens.",
			Source:    sourceManagement + "/get",
			Expected:  "404",
			run: func(ctx context.Context, p *probe) Outcome {
				if err := p.needAdmin(ctx); err != nil {
					return failed(err)
				}
				a := p.get(ctx, managementPath+"/"+randomHex(32))
				return byAnswer(a, a.status == 404 && a.code() != "ENDPOINT_NOT_FOUND")
			}},

		{
			Name: "tokens/create", Writes: true,
			Statement: "A token's id is the SHA-256 of its value.",
			Source:    sourceTokens + "/create; reported for the id",
			Expected:  "token_value, and token_id is its SHA-256",
			run: func(ctx context.Context, p *probe) Outcome {
				t, err := p.testToken(ctx)
				if err != nil {
					return failed(err)
				}
				sum := sha256.Sum256([]byte(t.value))
				if t.id != hex.EncodeToString(sum[:]) {
					return wrong("token_id %s is something else", t.id)
				}
				return holds("it is")
			}},
		{
			Name: "tokens/off", Writes: true,
			Statement: "Where personal access tokens are off, none can be made.",
			Switches:  []string{"TokensOff"},
			Source:    sourceOwnTokens + "; the text is not recorded",
			Expected:  "403 PERMISSION_DENIED",
			run: func(ctx context.Context, p *probe) Outcome {
				if !p.tokensOff(ctx) {
					return skipped("personal access tokens are on")
				}
				t := p.createToken(ctx, object{"lifetime_seconds": 60})
				return refusal(t.created, "TokensOff", 403, "PERMISSION_DENIED",
					"Personal access tokens are disabled for this workspace.", "")
			}},
		{
			Name: "tokens/default-lifetime", Writes: true,
			Statement: "A token without a lifetime lives for two years.",
			Switches:  []string{"DefaultTokenLifetimeDays"},
			Source:    sourceTokens + "/create; older pages say for ever",
			Expected:  "730 days",
			run:       defaultLifetime},
		{
			Name: "tokens/lifetime-zero", Writes: true,
			Statement: "A lifetime of 0 is refused.",
			Source:    "terraform-provider-databricks issue 494, recorded on Azure",
			Expected:  "400",
			run: func(ctx context.Context, p *probe) Outcome {
				if _, err := p.testToken(ctx); err != nil {
					return failed(err)
				}
				a := p.createToken(ctx, object{"lifetime_seconds": 0}).created
				return byAnswer(a, a.status == 400)
			}},
		{
			Name: "tokens/lifetime-above", Writes: true,
			Statement: "A lifetime above the maximum is refused.",
			Switches:  []string{"TokenLifetimeAbove"},
			Source:    sourceOwnTokens + "; the text is not recorded",
			Expected:  "400 INVALID_PARAMETER_VALUE",
			run:       lifetimeAbove},
		{
			Name: "tokens/scopes", Writes: true,
			Statement: "A scope that is made up is accepted.",
			Switches:  []string{"KnownTokenScopes"},
			Source:    "the public list of scopes grows",
			Expected:  "200",
			run: func(ctx context.Context, p *probe) Outcome {
				if _, err := p.testToken(ctx); err != nil {
					return failed(err)
				}
				switch a := p.createToken(ctx, object{"lifetime_seconds": 60,
					"scopes": []string{"no-such-scope"}}).created; {
				case a.err != nil:
					return failed(a.err)
				case a.ok():
					return open("200")
				case a.status == 400:
					// The refusal does not tell which scopes exist. So the switch allows only all-apis, which most
					// tokens have.
					return open(a.String(), workspaceSwitch("KnownTokenScopes", []string{"all-apis"}))
				default:
					return wrong("%s", a)
				}
			}},
		{
			Name: "tokens/update", Writes: true,
			Statement: "The comment of a token can be changed.",
			Switches:  []string{"NoTokenUpdates"},
			Source:    sourceTokens + "/update; in databricks-sdk-go since v0.130.0 of April 2026",
			Expected:  "changed",
			run:       tokenUpdate},
		{
			Name: "tokens/update-unknown", Writes: true,
			Statement: "Changing a token that is not there is refused as NOT_FOUND.",
			Switches:  []string{"UnknownToken", "NoTokenUpdates"},
			Source:    "recorded: NOT_FOUND, where other calls say RESOURCE_DOES_NOT_EXIST",
			Expected:  "404 NOT_FOUND",
			run: func(ctx context.Context, p *probe) Outcome {
				id := randomHex(32)
				a := p.setComment(ctx, id, p.prefix)
				if a.refused(404, "ENDPOINT_NOT_FOUND") {
					return open(a.String(), workspaceSwitch("NoTokenUpdates", true))
				}
				return refusal(a, "UnknownToken", 404, "NOT_FOUND", "Token with ID {} does not exist", id)
			}},
		{
			Name: "tokens/last-used", Writes: true,
			Statement: "The use of a token shows in the list of all tokens a day later.",
			Switches:  []string{"LastUsedDelay"},
			Source:    "databricks-sdk-go service/settings/model.go: accurate up to 1 day",
			Expected:  "no last_used_day at once",
			run:       lastUsed},
		{
			Name: "tokens/expired", Writes: true,
			Statement: "Expired tokens stay in the list of all tokens.",
			Switches:  []string{"HideExpiredTokens"},
			Source:    "not recorded",
			Expected:  "listed",
			run:       expiredTokens},
		{
			Name: "tokens/on-behalf-of", Writes: true,
			Statement: "Tokens on behalf of a service principal are not made on Azure.",
			Switches:  []string{"OnBehalfOfTokens"},
			Source:    "databricks/cli issue 596 and MicrosoftDocs/azure-docs issue 105809; the status is not recorded",
			Expected:  "404 FEATURE_DISABLED",
			run:       onBehalfOf},
		{
			Name: "tokens/denied", Writes: true,
			Statement: "Who may not use tokens makes none.",
			Source:    sourceOwnTokens,
			Expected:  "403 PERMISSION_DENIED",
			run: func(ctx context.Context, p *probe) Outcome {
				if _, err := p.workspaceMember(ctx); err != nil {
					return failed(err)
				}
				rows, err := p.tokenRows(ctx)
				if err != nil {
					return failed(err)
				}
				if p.tokensOff(ctx) || slices.ContainsFunc(rows, ofEverybody) {
					return skipped("all users may use tokens, or nobody")
				}
				a := p.second(ctx, "GET", "/api/2.0/token/list", nil)
				return byAnswer(a, a.refused(403, "PERMISSION_DENIED"))
			}},
		{
			Name: "tokens/delete", Writes: true,
			Statement: "A revoked token is refused, and revoking it again is a 404.",
			Source:    sourceTokens + "/revoke",
			Expected:  "200, then 403 and 404",
			run:       tokenDelete},
	}
}

// configured returns the value of a workspace setting, or an empty string if the setting has no value. Only an admin
// can read settings.
func (p *probe) configured(ctx context.Context, key string) (string, error) {
	if err := p.needAdmin(ctx); err != nil {
		return "", err
	}
	a := p.get(ctx, "/api/2.0/workspace-conf?keys="+key)
	if a.err != nil {
		return "", a.err
	}
	if !a.ok() || len(a.raw) == 0 {
		return "", fmt.Errorf("%s", a)
	}
	return a.text(key), nil
}

// tokensOff reports whether personal access tokens are disabled in the workspace. It returns false if the login is not
// an admin, because only an admin can read that setting.
func (p *probe) tokensOff(ctx context.Context) bool {
	value, err := p.configured(ctx, "enableTokensConfig")
	return err == nil && value == "false"
}

func defaultLifetime(ctx context.Context, p *probe) Outcome {
	if _, err := p.testToken(ctx); err != nil {
		return failed(err)
	}
	a := p.createToken(ctx, object{}).created
	created, _ := a.at("token_info", "creation_time").(float64)
	expires, present := a.at("token_info", "expiry_time").(float64)
	if !a.ok() || !present {
		return byAnswer(a, false)
	}
	if expires < 0 {
		return open("for ever", workspaceSwitch("DefaultTokenLifetimeDays", -1))
	}
	days := int((expires-created)/float64(day.Milliseconds()) + 0.5)
	value, err := p.configured(ctx, "maxTokenLifetimeDays")
	if most, _ := strconv.Atoi(value); err == nil && days == most {
		return open(fmt.Sprintf("%d days, the workspace's maximum", days))
	}
	if days != platformDays {
		return open(fmt.Sprintf("%d days", days), workspaceSwitch("DefaultTokenLifetimeDays", days))
	}
	return open("730 days")
}

func lifetimeAbove(ctx context.Context, p *probe) Outcome {
	if _, err := p.testToken(ctx); err != nil {
		return failed(err)
	}
	most := platformDays
	if value, err := p.configured(ctx, "maxTokenLifetimeDays"); err == nil {
		if days, err := strconv.Atoi(value); err == nil && days > 0 {
			most = days
		}
	}
	seconds := (most + 1) * int(day/time.Second)
	a := p.createToken(ctx, object{"lifetime_seconds": seconds}).created
	return refusal(a, "TokenLifetimeAbove", 400, "INVALID_PARAMETER_VALUE",
		fmt.Sprintf("Token lifetime of {} seconds exceeds the maximum of %d days for this workspace.", most),
		strconv.Itoa(seconds))
}

func (p *probe) setComment(ctx context.Context, tokenID, comment string) answer {
	return p.send(ctx, "PATCH", "/api/2.0/token/"+tokenID,
		object{"token": object{"comment": comment}, "update_mask": "comment"})
}

func tokenUpdate(ctx context.Context, p *probe) Outcome {
	t, err := p.testToken(ctx)
	if err != nil {
		return failed(err)
	}
	comment := p.prefix + "changed"
	a := p.setComment(ctx, t.id, comment)
	switch {
	case a.err != nil:
		return failed(a.err)
	case a.refused(404, "ENDPOINT_NOT_FOUND"):
		return open(a.String(), workspaceSwitch("NoTokenUpdates", true))
	case !a.ok():
		return wrong("%s", a)
	}
	if _, ok := p.eventually(ctx, func() bool {
		return slices.ContainsFunc(p.get(ctx, "/api/2.0/token/list").items("token_infos"), func(info object) bool {
			return info["token_id"] == t.id && info["comment"] == comment
		})
	}); !ok {
		return wrong("%s, and the comment stays", a)
	}
	return open("changed")
}

func lastUsed(ctx context.Context, p *probe) Outcome {
	t, err := p.testToken(ctx)
	if err != nil {
		return failed(err)
	}
	if err := p.needAdmin(ctx); err != nil {
		return failed(err)
	}
	if a := p.me(ctx, t.value); !a.ok() {
		return byAnswer(a, false)
	}
	a := p.get(ctx, managementPath+"/"+t.id)
	if !a.ok() || a.text("token_info", "token_id") != t.id {
		return byAnswer(a, false)
	}
	if used, _ := a.at("token_info", "last_used_day").(float64); used > 0 {
		return open("last_used_day at once", workspaceSwitch("LastUsedDelay", "-1ns"))
	}
	return open("no last_used_day at once")
}

func expiredTokens(ctx context.Context, p *probe) Outcome {
	if _, err := p.testToken(ctx); err != nil {
		return failed(err)
	}
	if err := p.needAdmin(ctx); err != nil {
		return failed(err)
	}
	t := p.createToken(ctx, object{"lifetime_seconds": 1})
	if t.created.err != nil || !t.created.ok() {
		return byAnswer(t.created, false)
	}
	if _, over := p.eventually(ctx, func() bool { return !p.me(ctx, t.value).ok() }); !over {
		return wrong("a token with a lifetime of a second works after %s", p.wait)
	}
	a := p.get(ctx, managementPath)
	if !a.ok() || len(a.raw) == 0 {
		return byAnswer(a, false)
	}
	if slices.ContainsFunc(a.items("token_infos"), func(info object) bool { return info["token_id"] == t.id }) {
		return open("listed")
	}
	return open("not listed", workspaceSwitch("HideExpiredTokens", true))
}

func onBehalfOf(ctx context.Context, p *probe) Outcome {
	made, err := p.testPrincipal(ctx)
	if err != nil {
		return failed(err)
	}
	a := p.send(ctx, "POST", "/api/2.0/token-management/on-behalf-of/tokens",
		object{"application_id": made.applicationID, "lifetime_seconds": 60, "comment": p.prefix + "on-behalf-of"})
	p.keepSecret(a.text("token_value"))
	if id := a.text("token_info", "token_id"); a.ok() && id != "" {
		removed := p.send(ctx, "DELETE", managementPath+"/"+id, nil)
		return wrong("a token was made; revoking it: %s", removed)
	}
	return refusal(a, "OnBehalfOfTokens", 404, "FEATURE_DISABLED",
		"On-behalf-of token creation for service principals is not enabled for this workspace", "")
}

func tokenDelete(ctx context.Context, p *probe) Outcome {
	t, err := p.testToken(ctx)
	if err != nil {
		return failed(err)
	}
	revoke := func() answer { return p.send(ctx, "POST", "/api/2.0/token/delete", object{"token_id": t.id}) }
	if a := revoke(); !a.ok() {
		return byAnswer(a, false)
	}
	var used answer
	_, refused := p.eventually(ctx, func() bool {
		used = p.me(ctx, t.value)
		return used.status == 403
	})
	again := revoke()
	if !refused || !strings.HasPrefix(used.message(), "Invalid access token.") || again.status != 404 {
		return wrong("then %s and %s", used, again)
	}
	return holds("200, then 403 and 404")
}

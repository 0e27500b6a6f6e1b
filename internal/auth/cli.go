package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// cliTimeout is the time limit of one run of the Azure CLI. It is well above the time that the first start of the Azure
// CLI takes on a slow machine.
const cliTimeout = time.Minute

// cliLimit returns the time limit of one run of the Azure CLI. Without a limit, a login would hang while the Azure CLI
// waits for input or for a lock.
func (o *opening) cliLimit() time.Duration { return min(cliTimeout, o.options.RetryTimeout) }

// openCLI opens a login as the account of the Azure CLI, in the tenant of the settings, if they name a tenant.
func openCLI(o *opening, s Settings) (finisher, error) {
	o.login.Source = switchSource(s, s.UseCLI)
	attribute := s.UseCLI.attributeOr("use_cli")
	return func(s Settings, _ *vaultContent) (*session, error) {
		identity := o.identity(s)
		credential, err := azidentity.NewAzureCLICredential(
			&azidentity.AzureCLICredentialOptions{TenantID: identity.TenantID})
		if err != nil {
			return nil, clientError(attribute)
		}
		explain := o.explainer(s, identity)
		explain.credential, explain.serviceName = attribute, "Azure CLI"
		kept := &tokenCache{inner: credential, limit: o.cliLimit()}
		a := &acquirer{
			try: func(ctx context.Context, scope string, fresh bool) (Token, error) {
				if fresh { // the Azure CLI may still return the same token from its own cache
					kept.drop()
				}
				token, err := kept.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
				return Token{Value: token.Token, ExpiresAt: token.ExpiresOn}, err
			},
			inspect:      inspectCLI,
			explain:      explain.azureCLI,
			interrupted:  explain.interrupted,
			retryTimeout: o.options.RetryTimeout,
			tryTimeout:   o.cliLimit(),
		}
		return &session{Identity: identity, acquire: a.token, forget: a.forget}, nil
	}, nil
}

// inspectCLI turns an error of the Azure CLI into a failure. Every failure is final, because the Azure CLI itself
// retries temporary failures.
func inspectCLI(err error, _ bool) failure {
	text := strings.TrimPrefix(err.Error(), "AzureCLICredential: ")
	text, _, _ = strings.Cut(text, "To troubleshoot, visit")
	text = strings.TrimSuffix(strings.TrimSpace(text), ".")
	if errors.Is(err, context.DeadlineExceeded) {
		text = "no answer in time; the Azure CLI may be waiting for input, or for a lock"
	}
	return failure{contact: contactNone, proposal: proposedLogin(text), answer: answer{
		Description:   text,
		Codes:         codesInText(text),
		CorrelationID: submatch(correlationInText(), text),
		Timestamp:     submatch(timestampInText(), text),
	}}
}

var (
	correlationInText = pattern(`Correlation ID: ([0-9A-Fa-f-]{36})`)
	timestampInText   = pattern(`Timestamp: ([0-9][0-9: TZ-]{17,22})`)
)

var azLine = pattern(`az (?:login|logout)\b[^\n\r'` + "`" + `]*`)

// proposedLogin returns the commands that the Azure CLI proposes in its error text, joined by &&; "" if it proposes no
// command, or only az login or az logout without options.
func proposedLogin(text string) string {
	var lines []string
	for _, line := range azLine().FindAllString(text, 4) {
		if line = strings.TrimRight(strings.TrimSpace(line), ".,;"); line != "az login" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 1 && lines[0] == "az logout" {
		return ""
	}
	return strings.Join(lines, " && ")
}

func submatch(pattern *regexp.Regexp, text string) string {
	if found := pattern.FindStringSubmatch(text); found != nil {
		return strings.TrimSpace(found[1])
	}
	return ""
}

// azureCLI turns a failed run of the Azure CLI into an error for the user.
func (e explainer) azureCLI(f failure, scope string) *Error {
	said := strings.ToLower(f.answer.Description)
	out := &Error{Attribute: e.credential, Code: f.answer.code(), CorrelationID: clean(f.answer.CorrelationID)}
	login := "az login"
	if e.identity.TenantID != "" {
		login += " --tenant " + e.identity.TenantID
	}
	if f.proposal != "" {
		login = clean(f.proposal)
	}
	var hint string
	switch {
	case strings.Contains(said, "executable not found"):
		out.Summary = "Azure CLI not found"
		hint = "There is no program az on the PATH of Terraform. Install the Azure CLI, or log in another way, such " +
			"as with a client certificate."
	case f.answer.has(conditionalAccessCodes...):
		out.Summary = "Conditional Access blocks the Azure CLI"
		hint = "A Conditional Access policy blocks the account of the Azure CLI here, because of the location, the " +
			"device or a risk. Give the correlation ID below to the Microsoft Entra administrator, or log in another " +
			"way, such as with a client certificate."
		if f.proposal != "" {
			hint += " If the policy only requires a new sign-in, run the command that the Azure CLI proposes: " + login
		}
	case f.answer.has(multiFactorCodes...):
		out.Summary = "Azure CLI needs multi-factor authentication"
		hint = "The account of the Azure CLI must sign in with multi-factor authentication to get this token. Run: " +
			e.withScope(login, f, scope)
	case f.answer.has(expiredSessionCodes...):
		out.Summary = "Azure CLI session has expired"
		hint = "The sign-in of the Azure CLI has expired or was revoked. Run: " + e.withScope(login, f, scope)
	case f.answer.code() != 0:
		out.Summary = "Azure CLI was refused a token"
		hint = "Microsoft Entra ID refused to give the account of the Azure CLI a token. Its reason is below."
		if f.proposal != "" {
			hint += " The Azure CLI proposes to run: " + login
		}
	case strings.Contains(said, "az login"), strings.Contains(said, "setup account"):
		out.Summary = "Azure CLI is not logged in"
		hint = fmt.Sprintf("The Azure CLI is not logged in, or its login has expired or cannot be used here. Run: %s",
			login)
	default:
		out.Summary = "Azure CLI returned no token"
		hint = "The Azure CLI could not get a token. To see the cause, run: az account get-access-token"
		if f.proposal != "" {
			hint += ". The Azure CLI proposes to run: " + login
		}
	}
	out.Detail = e.detail(hint, f.answer)
	return out
}

// withScope returns the login command with the scope added, because a policy may require more for one resource than for
// another. A command that the Azure CLI itself proposed is returned unchanged.
func (explainer) withScope(login string, f failure, scope string) string {
	if f.proposal != "" || scope == "" {
		return login
	}
	return login + " --scope " + scope
}

// The AADSTS codes that Microsoft Entra ID returns for the sign-in of a person ("Microsoft Entra authentication and
// authorization error codes").
var (
	conditionalAccessCodes = []int{53000, 53001, 53002, 53003, 53004, 530001, 530002, 530003, 530031, 530032, 530033,
		530034, 530035, 530036}
	multiFactorCodes    = []int{50072, 50074, 50076, 50078, 50079, 50158}
	expiredSessionCodes = []int{50055, 50089, 50132, 50133, 50173, 70008, 70043, 70044, 700081, 700082, 700084}
)

// tokenCache caches the tokens of a credential that has no cache, or that has many concurrent callers. Without this
// cache, each call could start the Azure CLI.
type tokenCache struct {
	inner azcore.TokenCredential
	// limit is the time limit of one request for a token; 0 means the caller's deadline, or [cliTimeout] if the caller
	// has no deadline.
	limit time.Duration
	mu    sync.Mutex
	kept  map[string]azcore.AccessToken
}

// drop removes all cached tokens.
func (k *tokenCache) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.kept)
}

// GetToken returns a cached token if the token is valid for more than five minutes. Otherwise it requests a new token,
// for one caller at a time. A request with claims (o.Claims) does not use the cache, because the answer to a claims
// challenge is for one request only.
func (k *tokenCache) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := o.TenantID + " " + strings.Join(o.Scopes, " ")
	if token, ok := k.kept[key]; ok && o.Claims == "" && time.Until(token.ExpiresOn) > freshness {
		return token, nil
	}
	// Without a deadline in ctx, the library would set its own time limit of ten seconds.
	_, limited := ctx.Deadline()
	if limit := k.limit; limit > 0 || !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cmp.Or(limit, cliTimeout))
		defer cancel()
	}
	token, err := k.inner.GetToken(ctx, o)
	if err != nil && ctx.Err() != nil {
		// The library's own error says only that the program was killed.
		return azcore.AccessToken{}, fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	if err != nil {
		return azcore.AccessToken{}, err
	}
	web.Conceal(token.Token)
	if k.kept == nil {
		k.kept = map[string]azcore.AccessToken{}
	}
	k.kept[key] = token
	return token, nil
}

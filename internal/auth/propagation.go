package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// summaryNotRegistered is the summary of the only refusal with AADSTS code 700027 that may be temporary.
const summaryNotRegistered = "Client certificate is not registered"

// secretPatience is how long the provider retries when a client secret is refused as wrong, because the secret may be
// new. A new secret is known within a minute. A wrong secret is refused with the same text, so a longer wait would only
// delay the error.
const secretPatience = 90 * time.Second

// mayBeNew reports whether a refusal may mean only that the application or the credential is new. patience is how long
// that is plausible; 0 means that only the caller limits the time.
func mayBeNew(err error) (patience time.Duration, ok bool) {
	refusal, isOurs := errors.AsType[*Error](err)
	switch {
	case !isOurs:
		return 0, false
	case errors.Is(refusal, ErrClientRefused): // the workspace refuses a Databricks OAuth secret
		return secretPatience, true
	case refusal.Code == 700016,
		refusal.Code == 7000229,
		refusal.Code == 700027 && refusal.Summary == summaryNotRegistered:
		return 0, true
	case refusal.Code == 7000215:
		return secretPatience, true
	}
	return 0, false
}

// Await returns an access token of a login whose application or credential may be new. Entra ID knows a new application
// or credential only after some time, and refuses it as unknown until then. A workspace does the same with a new OAuth
// secret. Await retries while that is plausible and ctx allows, and writes each retry to the log.
func (l *Login) Await(ctx context.Context, scope string) (Token, error) {
	began := time.Now()
	pause := time.Second
	for {
		token, err := l.AccessToken(ctx, scope)
		patience, ok := mayBeNew(err)
		if !ok {
			return token, err
		}
		spent := time.Since(began)
		end, limited := ctx.Deadline()
		if patience > 0 && spent+pause > patience || limited && time.Now().Add(pause).After(end) {
			return Token{}, waited(err, spent)
		}
		refusal, _ := errors.AsType[*Error](err)
		tflog.Info(ctx, "the application or its credential may be new and not yet visible to the login service; "+
			"trying again", map[string]any{
			"client_id":      l.Identity().ClientID,
			"aadsts":         refusal.Code,
			"waited_seconds": int(spent.Seconds()),
			"pause_seconds":  int(pause.Seconds()),
		})
		if web.Pause(ctx, pause) != nil {
			return Token{}, waited(err, time.Since(began))
		}
		pause = min(2*pause, 15*time.Second)
	}
}

// waited returns a copy of a refusal with a sentence that says how long the provider retried.
func waited(err error, spent time.Duration) error {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	service := "Microsoft Entra ID"
	if errors.Is(refusal, ErrClientRefused) {
		service = "the workspace"
	}
	longer := *refusal
	longer.Detail += fmt.Sprintf("\n\nThe provider repeated this login at %s for %s, in case the application or its "+
		"credential was created a moment ago.", service, spent.Round(time.Second))
	return &longer
}

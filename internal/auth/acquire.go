package auth

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

const (
	// tryTimeout is the time limit of one attempt to get a token, which is one discovery request and one token request.
	// It applies if the HTTP client has no timeout of its own.
	tryTimeout = 30 * time.Second
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	// freshness is the minimum time for which a cached token must still be valid to be returned. MSAL uses the same
	// minimum.
	freshness = 5 * time.Minute
	// longestLife is longer than the lifetime of any access token. The longest lifetime of a token of Entra ID is 28
	// hours.
	longestLife = 48 * time.Hour
)

// acquirer gets access tokens from one source for one identity. It adds what the authentication libraries leave to
// their caller: concurrent callers share one request, and temporary failures are retried.
type acquirer struct {
	// try makes one attempt to get a token, and is expected to cache tokens. If fresh is true, it must not return a
	// cached token.
	try func(ctx context.Context, scope string, fresh bool) (Token, error)
	// inspect reduces an error of try to the parts that may be shown to the user. reached reports whether the source of
	// tokens has ever answered.
	inspect func(err error, reached bool) failure
	// explain turns the failure of the last attempt to get a token into an error for the user. The string is the scope.
	explain func(failure, string) *Error
	// interrupted returns the error for a caller whose context has ended. last is the last failed attempt before that;
	// nil if no attempt has failed.
	interrupted func(why error, last *failure) *Error

	retryTimeout time.Duration
	tryTimeout   time.Duration // 0 if try needs no time limit
	// firstTryTimeout replaces tryTimeout until the source of tokens has answered once; 0 means that tryTimeout always
	// applies.
	firstTryTimeout time.Duration
	// reached is true once the source of tokens has answered. From then on a failed connection is a temporary fault and
	// not a wrong setting.
	reached atomic.Bool

	flights flights[Token]

	mu       sync.Mutex
	returned map[string]string // the last token returned, keyed by scope
	refused  map[string]bool   // the scopes whose last token a service has refused
}

// forget makes sure that token is not returned for the scope again. It does nothing if another token was returned for
// the scope since.
func (a *acquirer) forget(scope, token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if token != "" && a.returned[scope] == token {
		a.refused[scope] = true
	}
}

func (a *acquirer) isRefused(scope string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused[scope]
}

func (a *acquirer) noteReturned(scope string, token Token) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.returned == nil {
		a.returned, a.refused = map[string]string{}, map[string]bool{}
	}
	a.returned[scope] = token.Value
	delete(a.refused, scope)
}

func (a *acquirer) token(ctx context.Context, scope string) (Token, error) {
	return a.flights.do(ctx, scope, func(ctx context.Context) (Token, bool, error) {
		return a.acquire(ctx, scope)
	}, func(why error) error { return a.interrupted(why, nil) })
}

// acquire retries until it has a token, until a failure cannot be temporary, or until no time is left. abandoned
// reports whether acquire stopped because ctx had ended or would end before the next attempt. Each attempt calls the
// authentication library again, because a client assertion needs a new id and new times.
func (a *acquirer) acquire(ctx context.Context, scope string) (token Token, abandoned bool, err error) {
	began := time.Now()
	for try := 1; ; try++ {
		token, err := a.attempt(ctx, scope)
		if err == nil {
			a.reached.Store(true)
			a.noteReturned(scope, token)
			if time.Until(token.ExpiresAt).Abs() > longestLife {
				token.ExpiresAt = time.Time{} // no token expires then: the number is wrong, or it overflowed
			}
			return token, false, nil
		}
		f := a.inspect(err, a.reached.Load())
		if f.contact == contactAnswered {
			a.reached.Store(true)
		}
		if ctx.Err() != nil {
			return Token{}, true, a.interrupted(ctx.Err(), &f)
		}
		f.tries, f.spent = try, time.Since(began)
		if !f.transient {
			return Token{}, false, a.explain(f, scope)
		}
		pause := max(backoff(try), f.retryAfter)
		next := time.Now().Add(pause)
		own, limited := ctx.Deadline()
		if abandoned := limited && next.After(own); abandoned || next.After(began.Add(a.retryTimeout)) {
			return Token{}, abandoned, a.explain(f, scope)
		}
		tflog.Debug(ctx, "no token yet; trying again", map[string]any{
			"try": try, "status": f.status, "aadsts": f.answer.code(), "pause_ms": pause.Milliseconds(),
		})
		if err := web.Pause(ctx, pause); err != nil {
			return Token{}, true, a.interrupted(err, &f)
		}
	}
}

func (a *acquirer) attempt(ctx context.Context, scope string) (Token, error) {
	limit := a.tryTimeout
	if a.firstTryTimeout > 0 && !a.reached.Load() {
		limit = a.firstTryTimeout
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return a.try(ctx, scope, a.isRefused(scope))
}

// limitOf returns the time limit for one attempt to get a token: [tryTimeout] if the HTTP client has no timeout of its
// own, else 0 (no limit).
func limitOf(c *http.Client) time.Duration {
	if c.Timeout == 0 {
		return tryTimeout
	}
	return 0
}

// backoff returns the pause after attempt number try. The pause doubles from attempt to attempt until it is [maxPause].
// Up to a quarter of the pause is added at random, so that many providers that were refused together do not retry
// together.
func backoff(try int) time.Duration {
	pause := maxPause
	if try < 7 {
		pause = firstPause << (try - 1)
	}
	return pause + rand.N(pause/4)
}

// retryAfter returns the pause that the headers of a response ask for; 0 if they ask for none.
func retryAfter(h http.Header) time.Duration {
	pause, _ := web.RetryAfter(h)
	return pause
}

// isTimeout reports whether err means that a request or an attempt exceeded its time limit. A cancelled context is no
// timeout.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

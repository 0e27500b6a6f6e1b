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
	// tryTimeout bounds one try (discovery and token request) when the HTTP
	// client has no limit of its own.
	tryTimeout = 30 * time.Second
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	// freshness is how long a cached token must still be valid to be returned; MSAL uses
	// the same time.
	freshness = 5 * time.Minute
	// longestLife is longer than any access token lives: the longest of Entra ID live 28 hours.
	longestLife = 48 * time.Hour
)

// acquirer gets tokens from one source for one identity. It adds what the
// libraries below leave to their caller: concurrent callers share one request,
// and temporary failures are retried.
type acquirer struct {
	// try makes one attempt, and is expected to cache tokens; with fresh it must not
	// return a cached one.
	try func(ctx context.Context, scope string, fresh bool) (Token, error)
	// inspect reduces an error of try to what may be shown; reached is whether the source of tokens has ever answered.
	inspect func(err error, reached bool) failure
	// explain turns a final failure into an error for the user.
	explain func(failure, string) *Error
	// interrupted returns the error for a cancelled caller; last is the last failure before.
	interrupted func(why error, last *failure) *Error

	retryTimeout time.Duration
	tryTimeout   time.Duration // 0 when try needs no limit
	// firstTryTimeout is the limit until the source has answered once; 0 for none
	// of its own.
	firstTryTimeout time.Duration
	// reached is whether the source has answered at least once: from then on a failing
	// connection is a temporary fault, and not a wrong setting.
	reached atomic.Bool

	flights flights[Token]

	mu       sync.Mutex
	returned map[string]string // the last token returned, by scope
	refused  map[string]bool   // the scopes whose last token a service has refused
}

// forget makes sure that the token of a scope is not returned again, unless another one
// was returned since.
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

// acquire tries until there is a token, an error that cannot be temporary, or no time left. abandoned is whether it
// stopped because of ctx. Every try calls the authentication library again, so that an assertion has a new id and new
// times.
func (a *acquirer) acquire(ctx context.Context, scope string) (token Token, abandoned bool, err error) {
	began := time.Now()
	for try := 1; ; try++ {
		token, err := a.attempt(ctx, scope)
		if err == nil {
			a.reached.Store(true)
			a.noteReturned(scope, token)
			if time.Until(token.ExpiresAt).Abs() > longestLife {
				token.ExpiresAt = time.Time{} // a number that no token has, or that overflowed
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

// limitOf is the limit of one try that an HTTP client without its own needs.
func limitOf(c *http.Client) time.Duration {
	if c.Timeout == 0 {
		return tryTimeout
	}
	return 0
}

// backoff doubles from try to try, with a quarter of jitter so that many
// providers that were refused together do not come back together.
func backoff(try int) time.Duration {
	pause := maxPause
	if try < 7 {
		pause = firstPause << (try - 1)
	}
	return pause + rand.N(pause/4)
}

// retryAfter returns the pause that a service asks for; 0 for none.
func retryAfter(h http.Header) time.Duration {
	pause, _ := web.RetryAfter(h)
	return pause
}

// isTimeout reports whether a try ran out of time, and not its caller.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

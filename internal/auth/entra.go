package auth

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/hashicorp/terraform-plugin-log/tflog"
)

const (
	// tryTimeout bounds one try (discovery and token request) when the HTTP
	// client has no limit of its own.
	tryTimeout = 30 * time.Second
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	// noRegion is what MSAL takes for "no region, whatever MSAL_FORCE_REGION
	// says". The variable would turn the login host into another one behind the
	// back of who set authority_host.
	noRegion = "DisableMsalForceRegion"
)

// entra gets tokens for one application. MSAL caches them; it neither retries
// nor keeps concurrent callers from asking for the same token.
type entra struct {
	client       confidential.Client
	explain      explainer
	retryTimeout time.Duration
	tryTimeout   time.Duration // 0 when the HTTP client has its own
	// answered tells that the login host has been reached at least once: from
	// then on a failing connection is a disturbance and not a wrong setting.
	answered atomic.Bool

	mu      sync.Mutex
	flights map[string]*flight
}

// flight is a token request that callers with one scope share.
type flight struct {
	done  chan struct{}
	token Token
	err   error
	// abandoned tells that the request ended because the one caller whose ctx it
	// ran under went away or had no time left; that is no outcome for the others.
	abandoned bool
}

func openEntra(l *Login, s Settings, o Options, credential confidential.Credential, attribute string, secrets ...string) (tokenFunc, error) {
	options := []confidential.Option{
		confidential.WithHTTPClient(o.HTTPClient),
		confidential.WithInstanceDiscovery(!s.DisableInstanceDiscovery && !s.AuthorityHost.IsSet()),
		confidential.WithAzureRegion(noRegion),
	}
	if s.SendChain {
		options = append(options, confidential.WithX5C())
	}
	client, err := confidential.New(l.Authority, l.ClientID, credential, options...)
	if err != nil {
		return nil, clientError(attribute)
	}
	e := &entra{
		client: client,
		explain: explainer{
			login:         l,
			credential:    attribute,
			tenant:        s.TenantID.named("tenant_id"),
			client:        s.ClientID.named("client_id"),
			authorityHost: s.AuthorityHost.named("authority_host"),
			secrets:       secrets,
			now:           o.Now,
		},
		retryTimeout: o.RetryTimeout,
		flights:      map[string]*flight{},
	}
	if o.HTTPClient.Timeout == 0 {
		e.tryTimeout = tryTimeout
	}
	return e.token, nil
}

func (e *entra) token(ctx context.Context, scope string) (Token, error) {
	for {
		e.mu.Lock()
		f, shared := e.flights[scope]
		if !shared {
			f = &flight{done: make(chan struct{})}
			e.flights[scope] = f
		}
		e.mu.Unlock()

		if !shared {
			e.lead(ctx, scope, f)
			return f.token, f.err
		}
		select {
		case <-f.done:
			if !f.abandoned {
				return f.token, f.err
			}
		case <-ctx.Done():
			return Token{}, e.explain.interrupted(ctx.Err(), nil)
		}
	}
}

// lead makes the request that others wait for. The flight is over even if MSAL
// panics, lest everybody waits for ever.
func (e *entra) lead(ctx context.Context, scope string, f *flight) {
	f.abandoned = true
	defer func() {
		e.mu.Lock()
		delete(e.flights, scope)
		e.mu.Unlock()
		close(f.done)
	}()
	f.token, f.abandoned, f.err = e.acquire(ctx, scope)
}

// acquire tries until there is a token, a final answer, or no time left;
// abandoned tells that it was ctx that left no time. Every try goes through MSAL
// again, which gives the assertion a new id and times.
func (e *entra) acquire(ctx context.Context, scope string) (token Token, abandoned bool, err error) {
	began := time.Now()
	for try := 1; ; try++ {
		token, err := e.try(ctx, scope)
		if err == nil {
			return token, false, nil
		}
		if ctx.Err() != nil {
			return Token{}, true, e.explain.interrupted(ctx.Err(), err)
		}
		f := inspect(err, e.answered.Load())
		if !f.transient {
			return Token{}, false, e.explain.failure(f, scope)
		}
		f.tries, f.spent = try, time.Since(began)
		pause := max(backoff(try), f.retryAfter)
		next := time.Now().Add(pause)
		own, limited := ctx.Deadline()
		if abandoned := limited && next.After(own); abandoned || next.After(began.Add(e.retryTimeout)) {
			return Token{}, abandoned, e.explain.failure(f, scope)
		}
		tflog.Debug(ctx, "Microsoft Entra ID did not give a token; trying again", map[string]any{
			"try": try, "status": f.status, "aadsts": f.answer.code(), "pause_ms": pause.Milliseconds(),
		})
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Token{}, true, e.explain.interrupted(ctx.Err(), err)
		}
	}
}

func (e *entra) try(ctx context.Context, scope string) (Token, error) {
	if e.tryTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.tryTimeout)
		defer cancel()
	}
	result, err := e.client.AcquireTokenByCredential(ctx, []string{scope})
	if err != nil {
		var call msal.CallErr
		if errors.As(err, &call) {
			e.answered.Store(true)
		}
		return Token{}, err
	}
	e.answered.Store(true)
	return Token{Value: result.AccessToken, ExpiresAt: result.ExpiresOn}, nil
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

// retryAfter reads the header, in seconds or as a date (RFC 9110 section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(time.Until(date), 0)
	}
	return 0
}

// isTimeout tells a try that ran out of time from one whose caller gave up.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

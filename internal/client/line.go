package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// line is the way to one workspace, shared by every identity that calls it: pace, time of one attempt, and what each
// answer tells about the workspace.
type line struct {
	base     http.RoundTripper
	timeout  time.Duration // of one attempt
	patience time.Duration // of all attempts of one call
	limiter  *rate.Limiter
	pause    pause

	host     Shared[string] // asked of Azure Resource Manager at the first call, where configuration does not tell
	findHost func(context.Context) (string, error)

	answered    atomic.Bool // the host has answered at least once
	workspaceID atomic.Value
	ahead       atomic.Int64 // nanoseconds by which the workspace's clock is ahead of this machine's
	askMe       Shared[struct{}]
	locks       sync.Map     // object → chan struct{} of one place
	wrote       sync.Map     // endpoint name → time of the last change to its access list by this process
	made        sync.Map     // application id in lower case → of the service principals that this process has made
	scimWrites  atomic.Int64 // attempts to change a principal or a group, counted at their begin and at their end
	identities  identities
	before      Shared[TokenList] // the tokens as the first who makes one finds them
}

func newLine(cfg Config) *line {
	limit := rate.Inf
	if cfg.RateLimit > 0 {
		limit = rate.Limit(cfg.RateLimit)
	}
	return &line{
		base:     cfg.Transport,
		timeout:  cfg.AttemptTimeout,
		patience: cfg.RetryTimeout,
		limiter:  rate.NewLimiter(limit, max(1, cfg.RateLimit)),
		findHost: hostFinder(cfg),
	}
}

// RoundTrip sends one attempt. It reads the answer's body to its end, so that a connection that breaks half way counts
// as an attempt without an answer, not as an answer of half a body.
func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Response != nil {
		// A redirect would carry the tokens in our headers to whatever host it names; the API never redirects.
		return nil, &Error{Kind: ErrOther, Method: r.Method, Path: r.URL.Path, Status: r.Response.StatusCode,
			Message: "redirected to " + r.URL.Host + ", which is not followed: a proxy or a private link stands before the workspace, or host is not a workspace"}
	}
	if err := l.pause.wait(r.Context()); err != nil {
		return nil, err
	}
	if err := l.limiter.Wait(r.Context()); err != nil {
		if r.Context().Err() == nil { // it refuses early to wait for a turn that comes too late
			return nil, context.DeadlineExceeded
		}
		return nil, r.Context().Err()
	}
	if err := l.address(r); err != nil {
		return nil, err
	}
	ctx := r.Context()
	if limit := l.attemptLimit(ctx); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, scimRoot) {
		l.scimWrites.Add(1)
		defer l.scimWrites.Add(1)
	}
	resp, err := l.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, l.noAnswer(r, err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, l.noAnswer(r, err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	// The SDK reads the final URL and the context's values off the request it made.
	resp.Request = r

	l.answered.Store(true)
	if id := resp.Header.Get("X-Databricks-Org-Id"); id != "" {
		l.workspaceID.Store(id)
	}
	observe(r.Context(), resp.Header)
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		l.ahead.Store(int64(time.Until(date)))
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" {
		// No longer than a call may take in all, or everything would hang on a service that asks for a day.
		l.pause.until(time.Now().Add(min(retryAfter(resp.Header), l.patience)))
	}
	return resp, nil
}

// noAnswer says what is known of an attempt that ended without an answer.
func (l *line) noAnswer(r *http.Request, err error) error {
	e := &Error{Method: r.Method, Path: r.URL.Path, Message: err.Error(), cause: err, idempotent: isIdempotent(r.Context(), r.Method)}
	var dial *net.OpError
	var dns *net.DNSError
	switch {
	case r.Context().Err() != nil: // the caller gave up: no fault of the workspace
		return r.Context().Err()
	case errors.As(err, &dns), errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect"):
		// Nothing was sent. A host that has never answered is most likely misspelled; one that has will be back.
		e.Kind, e.notSent = ErrUnreachable, l.answered.Load()
	case isTLS(err):
		e.Kind = ErrUnreachable
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind = ErrAnswerLost
		e.Message = "no answer within " + l.attemptLimit(r.Context()).String()
	default:
		e.Kind = ErrAnswerLost
	}
	return e
}

// retryAfter is what the service asks for in whole seconds, else one second: Databricks documents no header, only the status.
func retryAfter(h http.Header) time.Duration {
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 24*60*60)) * time.Second
	}
	return time.Second
}

// pause holds every call back after the workspace said that there are too many, so that the provider slows as a whole
// instead of each call finding out for itself.
type pause struct {
	mu   sync.Mutex
	over time.Time
}

func (p *pause) until(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.over) {
		p.over = t
	}
}

// wait holds until the pause is over, also when it grows meanwhile.
func (p *pause) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		rest := time.Until(p.over)
		p.mu.Unlock()
		if rest <= 0 {
			return nil
		}
		if err := sleep(ctx, rest); err != nil {
			return err
		}
	}
}

// Pause waits, or gives the error of ctx when that ends before.
func Pause(ctx context.Context, d time.Duration) error { return sleep(ctx, d) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

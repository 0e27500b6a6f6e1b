package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/time/rate"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
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
	wantID      string      // the workspace's id in the provider block; may be empty
	foundID     Shared[string]
	workspaceID atomic.Value // a string, from the moment that it is known
	ahead       atomic.Int64 // nanoseconds by which the workspace's clock is ahead of this machine's
	locks       sync.Map     // object → chan struct{} of one place
	principals  sync.Map     // lower-case application id → SCIM id, of those this process has added
	renamed     sync.Map     // lower-case application ids of service principals that this run plans another name for
	removed     sync.Map     // SCIM ids of service principals that this process has removed
	wrote       sync.Map     // endpoint name → time of the last change to its access list by this process
	scimWrites  atomic.Int64 // attempts to change a principal or a group, counted at their begin and at their end
	identities  identities
	keptTokens  sync.Map // ids of tokens that this process keeps; see [Client.KeepTokens]
}

func newLine(cfg Config) *line {
	limit := rate.Inf
	if cfg.RateLimit > 0 {
		limit = rate.Limit(cfg.RateLimit)
	}
	return &line{
		base:     web.Guard(cfg.Transport, web.LargeAnswer),
		timeout:  cfg.AttemptTimeout,
		patience: cfg.RetryTimeout,
		limiter:  rate.NewLimiter(limit, max(1, cfg.RateLimit)),
		findHost: hostFinder(cfg),
		wantID:   cfg.WorkspaceID,
	}
}

// RoundTrip sends one attempt to the workspace, and finds out which workspace answers.
func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := l.address(r); err != nil {
		return nil, err
	}
	resp, err := l.send(r)
	if err == nil {
		err = l.identify(resp)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// send sends one attempt, again while the workspace refuses it for being one too many. It reads the answer's body to
// its end, so that a connection that breaks half way counts as an attempt without an answer, not as an answer of half a
// body.
func (l *line) send(r *http.Request) (*http.Response, error) {
	renewed := false
	for first := time.Now(); ; {
		if err := l.turn(r.Context()); err != nil {
			return nil, err
		}
		sent := time.Now()
		resp, body, err := l.attempt(r)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" {
			l.pause.until(time.Now().Add(min(retryAfter(resp.Header), l.patience)))
		}
		if resp.StatusCode == http.StatusUnauthorized && !renewed {
			renewed = true
			again, err := l.renewed(r)
			if again == nil || err != nil {
				return resp, err
			}
			r = again
			continue
		}
		if who := callerOfRequest(r); who != nil && resp.StatusCode < http.StatusMultipleChoices {
			who.accepted(r)
		}
		if !refusedForNumber(resp, body) {
			l.pause.passed()
			return resp, nil
		}
		// No longer than a call may take in all, or everything would hang on a service that asks for a day.
		l.pause.until(time.Now().Add(min(retryAfter(resp.Header), l.patience)))
		if l.pause.slow(sent) {
			tflog.Info(r.Context(), "waiting: the workspace asks for fewer calls, so all of them are spaced out", map[string]any{"path": r.URL.Path, "status": resp.StatusCode})
		}
		if r.Context().Value(onceKey{}) != nil {
			return resp, nil
		}
		// It was refused before any work was done, so it is sent again here, whatever its method, for as long as others get
		// through: the caller's time for repeating is not used up by standing in line.
		if l.pause.stuck(first) >= l.patience || r.Body != nil && r.GetBody == nil {
			return resp, nil
		}
		if r, err = anew(r); err != nil {
			return nil, err
		}
	}
}

// renewed is a request once more, with a fresh token, after the workspace refused the one that it had taken before; nil where
// that must be believed. The workspace refused it before any work was done, so it may be sent again whatever its method; but
// for a call that is right only directly after a read, whose caller is asked to read again.
func (l *line) renewed(r *http.Request) (*http.Request, error) {
	who := callerOfRequest(r)
	if who == nil || r.Body != nil && r.GetBody == nil {
		return nil, nil
	}
	if ok, err := who.renew(r); !ok || err != nil {
		return nil, err
	}
	tflog.Info(r.Context(), "the workspace refused a token that it had taken before; logged in afresh", map[string]any{"path": r.URL.Path})
	if r.Context().Value(onceKey{}) != nil {
		if want, ok := r.Context().Value(expectedKey{}).(*expected); ok {
			want.renewed = true
		}
		return nil, nil
	}
	return anew(r)
}

// turn waits until the next call may leave.
func (l *line) turn(ctx context.Context) error {
	if err := l.pause.wait(ctx); err != nil {
		return err
	}
	err := l.limiter.Wait(ctx)
	if err != nil && ctx.Err() == nil { // it refuses early to wait for a turn that comes too late
		return context.DeadlineExceeded
	}
	return err
}

func (l *line) attempt(r *http.Request) (*http.Response, []byte, error) {
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
	var got progress
	resp, err := l.base.RoundTrip(r.WithContext(got.watch(ctx)))
	if err != nil {
		return nil, nil, l.noAnswer(r, err, &got)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, nil, l.noAnswer(r, err, &got)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	// The SDK reads the final URL and the context's values off the request it made.
	resp.Request = r

	l.answered.Store(true)
	return resp, body, nil
}

// redirected is the error of an answer that leads elsewhere. It is not followed: that would carry the token in our headers
// to whatever host it names. A workspace that takes calls over a private link only redirects others to its login page.
func redirected(r *http.Request, answer *web.Redirected) error {
	e := &Error{Kind: ErrRedirected, Method: r.Method, Path: r.URL.Path, Status: answer.Status, RequestID: clean(answer.RequestID)}
	location := answer.Target
	if location == nil {
		e.Message = r.URL.Host + " redirected it, and says nowhere to"
		return e
	}
	// Not its query, nor the user in it: they may hold secrets.
	target := url.URL{Scheme: location.Scheme, Host: location.Host, Path: location.Path}
	e.Message = r.URL.Host + " redirected it to " + clean(target.String()) + ", which is not followed"
	reason, workspace, _ := strings.Cut(location.Query().Get("error"), ":")
	if location.Path == "/login.html" && reason == "private-link-validation-error" {
		e.Kind = ErrPrivateLink
		e.Message += "; the reason is " + reason
		if workspace != "" && strings.Trim(workspace, "0123456789") == "" {
			e.Message += " of workspace " + workspace
		}
	}
	return e
}

// refusedForNumber says that the call was one too many. SCIM says so in the text of a 500, too.
func refusedForNumber(resp *http.Response, body []byte) bool {
	return resp.StatusCode == http.StatusTooManyRequests && !bytes.Contains(body, []byte("QUOTA_EXCEEDED")) || // which is of objects
		resp.StatusCode >= 400 && bytes.Contains(body, []byte("REQUEST_LIMIT_EXCEEDED"))
}

// caller is who a request is sent as.
type caller interface {
	// sign puts the caller's token on a request.
	sign(*http.Request) error
	// accepted notes that the workspace has let a request in.
	accepted(*http.Request)
	// renew logs in afresh after the workspace refused the token of a request, where that may help, and reports whether the
	// caller has another token now.
	renew(*http.Request) (bool, error)
}

type callerKey struct{}

// callerOfRequest is nil for a request without a login.
func callerOfRequest(r *http.Request) caller {
	who, _ := r.Context().Value(callerKey{}).(caller)
	return who
}

// anew is the request once more, with its body from the start and a token that has not expired in line.
func anew(r *http.Request) (*http.Request, error) {
	r = r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		r.Body = body
	}
	if who := callerOfRequest(r); who != nil {
		return r, who.sign(r)
	}
	return r, nil
}

// noAnswer says what is known of an attempt that ended without an answer.
func (l *line) noAnswer(r *http.Request, err error, got *progress) error {
	e := &Error{Method: r.Method, Path: r.URL.Path, Message: clean(err.Error()), cause: err, idempotent: isIdempotent(r.Context(), r.Method)}
	var dial *net.OpError
	var dns *net.DNSError
	var elsewhere *web.Redirected
	var endless *web.NoAnswer
	var insecure *web.NotSecure
	switch {
	case r.Context().Err() != nil: // the caller gave up: no fault of the workspace
		return r.Context().Err()
	case errors.As(err, &elsewhere):
		l.answered.Store(true)
		return redirected(r, elsewhere)
	case errors.As(err, &endless):
		e.Kind, e.Status, e.Message = ErrNotAnAnswer, endless.Status, endless.Host+" sent "+endless.Got
	case errors.As(err, &insecure):
		e.Kind = ErrUnreachable
	case errors.As(err, &dns), errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect"):
		// Nothing was sent. A host that has never answered is most likely misspelled; one that has will be back.
		e.Kind, e.notSent = ErrUnreachable, l.answered.Load()
	case got.handshakeFailed(err):
		e.Kind = ErrUnreachable
		e.Message = "nothing was sent, because the TLS handshake failed: " + clean(err.Error())
	case got.nothingSent():
		e.Kind, e.notSent = ErrUnreachable, l.answered.Load()
		if errors.Is(err, context.DeadlineExceeded) {
			e.Message = "no connection within " + l.attemptLimit(r.Context()).String()
		}
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind = ErrAnswerLost
		e.Message = "no answer within " + l.attemptLimit(r.Context()).String()
	default:
		e.Kind = ErrAnswerLost
	}
	return e
}

// retryAfter is what the service asks for, else one second: Databricks documents no header, only the status.
func retryAfter(h http.Header) time.Duration {
	if pause, ok := web.RetryAfter(h); ok {
		return pause
	}
	return time.Second
}

// pause holds every call back after the workspace said that there are too many, so that the provider slows as a whole
// instead of each call finding out for itself, and lets them go one by one from then on. The gap between two doubles with
// each refusal and closes again as calls get through.
type pause struct {
	mu       sync.Mutex
	over     time.Time
	gap      time.Duration
	next     time.Time // when the next call may leave
	slowed   time.Time // when the gap grew last
	progress time.Time // when a call got through last
}

const (
	firstGap    = 50 * time.Millisecond
	longestGap  = 10 * time.Second
	smallestGap = 10 * time.Millisecond
)

func (p *pause) until(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.over) {
		p.over = t
	}
}

// slow widens the gap, and reports whether it did: calls that were under way together are refused together, and count once.
func (p *pause) slow(sent time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !sent.After(p.slowed) {
		return false
	}
	p.slowed = time.Now()
	p.gap = min(max(2*p.gap, firstGap), longestGap)
	return true
}

func (p *pause) passed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress = time.Now()
	if p.gap -= p.gap / 20; p.gap < smallestGap {
		p.gap = 0
	}
}

// stuck is for how long no call has got through, for one who has tried since then.
func (p *pause) stuck(since time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.progress.After(since) {
		since = p.progress
	}
	return time.Since(since)
}

// wait holds until the pause is over, also when it grows meanwhile, and until the caller's turn has come.
func (p *pause) wait(ctx context.Context) error {
	for {
		rest := p.turn(time.Now())
		if rest <= 0 {
			return nil
		}
		if err := Pause(ctx, rest); err != nil {
			return err
		}
	}
}

// turn takes the caller's turn, or says how long to wait before asking again.
func (p *pause) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rest := p.over.Sub(now); rest > 0 {
		return rest
	}
	if rest := p.next.Sub(now); rest > 0 && p.gap > 0 {
		return rest
	}
	p.next = now.Add(p.gap)
	return 0
}

// Pause waits, or gives the error of ctx when that ends before.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

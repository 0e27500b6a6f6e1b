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
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/time/rate"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// transport sends requests to one workspace, for every identity that calls it. It keeps what any answer shows of the
// workspace: whether it has answered, which workspace it is, its clock, and how many calls it accepts.
type transport struct {
	base         http.RoundTripper
	timeout      time.Duration // bounds one attempt of a call
	retryTimeout time.Duration // bounds all attempts of one call
	limiter      *rate.Limiter
	throttle     throttle
	models       perKey[throttle]    // of the scoring calls, by host and path
	written      func(*http.Request) // called before and after each attempt of a request that is not a GET

	host     Cache[string] // from Azure Resource Manager, at the first call, if the configuration has no host
	findHost func(context.Context) (string, error)

	answered    atomic.Bool // the host has answered at least once
	wantID      string      // the workspace's id in the provider block; may be empty
	foundID     Cache[string]
	workspaceID atomic.Value // a string, once the id is known
	ahead       atomic.Int64 // nanoseconds by which the workspace's clock is ahead of this machine's
}

func newTransport(cfg Config, written func(*http.Request)) *transport {
	limit := rate.Inf
	if cfg.RateLimit > 0 {
		limit = rate.Limit(cfg.RateLimit)
	}
	return &transport{
		base:         web.Guard(cfg.Transport, web.LargeAnswer),
		timeout:      cfg.AttemptTimeout,
		retryTimeout: cfg.RetryTimeout,
		limiter:      rate.NewLimiter(limit, max(1, cfg.RateLimit)),
		written:      written,
		findHost:     hostFinder(cfg),
		wantID:       cfg.WorkspaceID,
	}
}

// RoundTrip sends one attempt of a call to the workspace, and checks which workspace answers.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.address(r); err != nil {
		return nil, err
	}
	resp, err := t.send(r)
	if err == nil {
		err = t.identify(resp)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// send sends one attempt of a call, and sends it again while the workspace throttles it. It reads the whole body, so
// that a connection that breaks half way counts as an attempt without an answer, and not as half an answer.
func (t *transport) send(r *http.Request) (*http.Response, error) {
	renewed, throttle := false, t.throttleOf(r)
	for first := time.Now(); ; {
		if err := t.waitTurn(r.Context(), throttle); err != nil {
			return nil, err
		}
		sent := time.Now()
		resp, body, err := t.attempt(r)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" {
			throttle.pauseUntil(time.Now().Add(min(retryAfter(resp.Header), t.retryTimeout)))
		}
		if resp.StatusCode == http.StatusUnauthorized && !renewed {
			renewed = true
			again, err := t.renewed(r)
			if again == nil || err != nil {
				return resp, err
			}
			r = again
			continue
		}
		if who := callerOfRequest(r); who != nil && resp.StatusCode < http.StatusMultipleChoices {
			who.accepted(r)
		}
		if !throttled(resp, body) {
			throttle.noteSuccess()
			if resp.StatusCode >= http.StatusInternalServerError {
				noteMayBeDone(r)
			}
			return resp, nil
		}
		// A service may ask for a pause of a day, and all calls wait for it. So the pause is no longer than one call
		// may take.
		throttle.pauseUntil(time.Now().Add(min(retryAfter(resp.Header), t.retryTimeout)))
		if throttle.widenGap(sent) {
			tflog.Info(r.Context(), "waiting: the service asks for fewer calls, so the provider sends them more slowly",
				map[string]any{"path": r.URL.Path, "status": resp.StatusCode})
		}
		if r.Context().Value(onceKey{}) != nil {
			return resp, nil
		}
		// The workspace refused the call before it did any work, so the call is sent again here, whatever its method,
		// as long as other calls get through. Otherwise waiting in the queue would use up the caller's time for
		// retries.
		if throttle.sinceSuccess(first) >= t.retryTimeout || r.Body != nil && r.GetBody == nil {
			return resp, nil
		}
		if r, err = repeated(r); err != nil {
			return nil, err
		}
	}
}

// renewed returns the request with a new token, after the workspace refused a token that it had accepted before. It
// returns nil if the refusal must be believed. The workspace refused the request before it did any work, so the request
// may be sent again whatever its method. The exception is a call with [WithoutRetry]: its caller must read again first.
func (t *transport) renewed(r *http.Request) (*http.Request, error) {
	who := callerOfRequest(r)
	if who == nil || r.Body != nil && r.GetBody == nil {
		return nil, nil
	}
	if ok, err := who.renew(r); !ok || err != nil {
		return nil, err
	}
	tflog.Info(r.Context(), "the workspace refused a token that it had accepted before; logged in again",
		map[string]any{"path": r.URL.Path})
	if r.Context().Value(onceKey{}) != nil {
		if want, ok := r.Context().Value(expectedKey{}).(*expected); ok {
			want.renewed = true
		}
		return nil, nil
	}
	return repeated(r)
}

// throttleOf returns the throttle of a request. Scoring calls have one throttle per model, and all other calls share
// one: a model that starts, or has too much to do, says nothing about the other calls.
func (t *transport) throttleOf(r *http.Request) *throttle {
	if !scores(r) {
		return &t.throttle
	}
	return t.models.at(r.URL.Host + r.URL.Path)
}

// waitTurn waits until the throttle and the rate limit let the next call leave.
func (t *transport) waitTurn(ctx context.Context, throttle *throttle) error {
	if err := throttle.wait(ctx); err != nil {
		return err
	}
	err := t.limiter.Wait(ctx)
	if err != nil && ctx.Err() == nil { // the limiter fails at once if the turn would come after the deadline
		return context.DeadlineExceeded
	}
	return err
}

func (t *transport) attempt(r *http.Request) (*http.Response, []byte, error) {
	ctx := r.Context()
	if limit := t.attemptLimit(ctx); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if r.Method != http.MethodGet {
		t.written(r)
		defer t.written(r)
	}
	sending := ctx
	var got progress
	if r.Method != http.MethodGet && !scores(r) {
		var end context.CancelFunc
		sending, end = writeContext(ctx, &got)
		defer end()
	}
	resp, err := t.base.RoundTrip(r.WithContext(got.watch(sending)))
	var body []byte
	if err == nil {
		body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // the cause; the error of sending says only that it was canceled
	}
	if err != nil {
		return nil, nil, t.noAnswer(r, err, &got)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	// The SDK reads the final URL and the context's values from the request that it made.
	resp.Request = r

	t.answered.Store(true)
	return resp, body, nil
}

// scores reports whether a request asks a model for a prediction.
func scores(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/invocations") }

// answerWait is how long a caller that is stopped still waits for the answer to a write. Without the answer it would
// not know what the service has done: a list that is read at once may not show a token that the service creates a
// moment later. A terminated process has eight seconds for everything.
const answerWait = 3 * time.Second

// writeContext returns a context for sending a write. It ends at the deadline of ctx, or when ctx is canceled. If the
// request may have been sent by then, it ends answerWait later. It also ends at once if ctx was canceled with a cause,
// because then no caller waits for the answer. end releases it.
func writeContext(ctx context.Context, got *progress) (longer context.Context, end context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		defer cancel()
		if !errors.Is(context.Cause(ctx), context.Canceled) || got.nothingSent() {
			return
		}
		rest := answerWait
		if deadline, ok := ctx.Deadline(); ok {
			rest = min(rest, time.Until(deadline))
		}
		_ = web.Pause(longer, rest) // ends early if longer is released
	})
	return longer, func() {
		stop()
		cancel()
	}
}

// redirected returns the error for an answer that redirects a call. The redirect is not followed, because any host that
// it names would get the token in the headers. A workspace that accepts calls only over a private link redirects other
// calls to its login page.
func redirected(r *http.Request, answer *web.Redirected) error {
	e := &Error{
		Kind:      ErrRedirected,
		Method:    r.Method,
		Path:      r.URL.Path,
		Status:    answer.Status,
		RequestID: clean(answer.RequestID),
	}
	location := answer.Target
	if location == nil {
		e.Message = r.URL.Host + " redirected it, without a target"
		return e
	}
	// The message leaves out the target's query and user, because they may hold secrets.
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

// throttled reports whether the service refused a call because there were too many. SCIM also says so in a status 500.
func throttled(resp *http.Response, body []byte) bool {
	return resp.StatusCode == http.StatusTooManyRequests &&
		!bytes.Contains(body, []byte("QUOTA_EXCEEDED")) || // QUOTA_EXCEEDED limits objects
		resp.StatusCode >= 400 && bytes.Contains(body, []byte("REQUEST_LIMIT_EXCEEDED"))
}

// caller is the identity that a request is sent as.
type caller interface {
	// sign adds the caller's access token to a request.
	sign(*http.Request) error
	// accepted records that the workspace accepted the token of a request.
	accepted(*http.Request)
	// renew logs in again after the workspace refused the token of a request, if that may help. It reports whether the
	// caller has another token now.
	renew(*http.Request) (bool, error)
}

type callerKey struct{}

// callerOfRequest returns the identity that a request is sent as, or nil for a request without a login.
func callerOfRequest(r *http.Request) caller {
	who, _ := r.Context().Value(callerKey{}).(caller)
	return who
}

// repeated returns a copy of a request to send it again. The body starts again, and the token has not expired in the
// queue.
func repeated(r *http.Request) (*http.Request, error) {
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

// noAnswer returns the error of an attempt that ended without an answer.
func (t *transport) noAnswer(r *http.Request, err error, got *progress) error {
	e := &Error{
		Method:     r.Method,
		Path:       r.URL.Path,
		Message:    clean(err.Error()),
		cause:      err,
		idempotent: isIdempotent(r.Context(), r.Method),
	}
	var dial *net.OpError
	var elsewhere *web.Redirected
	var endless *web.NoAnswer
	switch {
	case r.Context().Err() != nil: // the caller gave up, so the workspace is not at fault
		if !got.nothingSent() {
			noteMayBeDone(r)
		}
		return r.Context().Err()
	case errors.As(err, &elsewhere):
		t.answered.Store(true)
		return redirected(r, elsewhere)
	case errors.As(err, &endless):
		e.Kind, e.Status, e.Message = ErrNotAnAnswer, endless.Status, endless.Host+" sent "+endless.Got
	case hasType[*web.NotSecure](err):
		e.Kind = ErrUnreachable
	case hasType[*net.DNSError](err), errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect"):
		// Nothing was sent. The name of a host that has never answered is probably misspelled, so a retry would not
		// help. A host that has answered before will probably be back.
		e.Kind, e.notSent = ErrUnreachable, t.answered.Load()
	case got.handshakeFailed(err):
		e.Kind = ErrUnreachable
		e.Message = "nothing was sent, because the TLS handshake failed: " + clean(err.Error())
	case got.nothingSent():
		e.Kind, e.notSent = ErrUnreachable, t.answered.Load()
		if errors.Is(err, context.DeadlineExceeded) {
			e.Message = "no connection within " + t.attemptLimit(r.Context()).String()
		}
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind = ErrAnswerLost
		e.Message = "no answer within " + t.attemptLimit(r.Context()).String()
	default:
		e.Kind = ErrAnswerLost
	}
	if errors.Is(e, ErrAnswerLost) {
		noteMayBeDone(r)
	}
	return e
}

// noteMayBeDone notes for the call that an attempt of its write may have done the work. A later attempt may end the
// call with another error, such as that of a caller who is stopped before that attempt is sent.
func noteMayBeDone(r *http.Request) {
	if want, ok := r.Context().Value(expectedKey{}).(*expected); ok && r.Method != http.MethodGet && !scores(r) {
		want.mayBeDone = true
	}
}

// retryAfter returns the pause that the service asks for, else one second: Databricks documents the status and no
// header.
func retryAfter(h http.Header) time.Duration {
	if pause, ok := web.RetryAfter(h); ok {
		return pause
	}
	return time.Second
}

type longAttemptsKey struct{}

// WithLongAttempts returns a context in which one attempt of a call may take at least d, even if the provider's
// settings allow less. It is for calls that may rightly take that long, and would be repeated again and again if each
// attempt were cut short.
func WithLongAttempts(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, longAttemptsKey{}, d)
}

// attemptLimit returns the time limit of one attempt; 0 means no limit.
func (t *transport) attemptLimit(ctx context.Context) time.Duration {
	d, ok := ctx.Value(longAttemptsKey{}).(time.Duration)
	if !ok || t.timeout == 0 {
		return t.timeout
	}
	return max(d, t.timeout)
}

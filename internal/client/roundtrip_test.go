package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// fake is a transport that answers the n-th attempt by the n-th step, and every later attempt with status 200.
type fake struct {
	steps []step
	mu    sync.Mutex
	sent  []time.Time
}

type step struct {
	err    error
	status int
	body   string
	after  string // value of Retry-After
	hang   bool   // wait until the attempt is cancelled
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	s := step{status: 200}
	if n := len(f.sent); n < len(f.steps) {
		s = f.steps[n]
	}
	f.sent = append(f.sent, time.Now())
	f.mu.Unlock()
	if s.hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if s.err != nil {
		return nil, s.err
	}
	if s.body == "" {
		s.body = "{}"
	}
	h := http.Header{"Content-Type": {"application/json"}, "X-Databricks-Org-Id": {"42"}}
	if s.after != "" {
		h.Set("Retry-After", s.after)
	}
	return &http.Response{StatusCode: s.status, Header: h, Body: io.NopCloser(strings.NewReader(s.body)),
		Request: r}, nil
}

func (f *fake) attempts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sent)
}

// newClientOver returns a client that uses the given transport. change may be nil.
func newClientOver(t *testing.T, transport http.RoundTripper, change func(*Config)) *Client {
	t.Helper()
	open := func(s auth.Settings) (*auth.Login, error) { return auth.Open(s, auth.Options{}) }
	login, err := open(auth.Settings{Token: auth.Setting{Value: "dapi-of-nobody", Attribute: "token"}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Host: "https://adb-42.test", Login: login, Open: open, Transport: transport,
		AttemptTimeout: time.Minute, RetryTimeout: 5 * time.Second}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func call(ctx context.Context, c *Client, method string) error {
	var body any
	if method != http.MethodGet {
		body = map[string]string{"a": "b"}
	}
	return c.Call(ctx, method, "/api/2.0/things", nil, body, nil)
}

var (
	refused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}
	reset   = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	proxy   = &net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connect: connection refused")}
	noName  = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "adb-42.test",
		IsNotFound: true}}
	noTrust = &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
)

// TestWhichFailuresAreRetried checks, with the real SDK, after which failures a request is sent again, for each method.
func TestWhichFailuresAreRetried(t *testing.T) {
	t.Parallel()
	// Plain goroutines, because only as many parallel tests run as there are processors, and each waits for the SDK's
	// pause.
	var all sync.WaitGroup
	defer all.Wait()
	for name, tc := range map[string]struct {
		step    step
		methods string // methods whose call is sent again
		kind    error  // kind of error for the other methods
	}{
		"429":                    {step{status: 429}, "GET PUT PATCH DELETE POST", nil},
		"REQUEST_LIMIT_EXCEEDED": {step{status: 500, body: `{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow"}`}, "GET PUT PATCH DELETE POST", nil},
		"429 of objects":         {step{status: 429, body: `{"error_code":"QUOTA_EXCEEDED","message":"600 tokens"}`}, "", ErrInvalid},
		"502":                    {step{status: 502}, "GET PUT PATCH DELETE", ErrAnswerLost},
		"503":                    {step{status: 503}, "GET PUT PATCH DELETE", ErrAnswerLost},
		"504":                    {step{status: 504}, "GET PUT PATCH DELETE", ErrAnswerLost},
		"409 ABORTED":            {step{status: 409, body: `{"error_code":"ABORTED","message":"busy"}`}, "GET PUT PATCH DELETE", ErrConflict},
		"reset":                  {step{err: reset}, "GET PUT PATCH DELETE", ErrAnswerLost},
		"cut off":                {step{err: io.ErrUnexpectedEOF}, "GET PUT PATCH DELETE", ErrAnswerLost},
		"409":                    {step{status: 409, body: `{"error_code":"RESOURCE_ALREADY_EXISTS","message":"there"}`}, "", ErrConflict},
		"500":                    {step{status: 500, body: `{"error_code":"INTERNAL_ERROR","message":"oops"}`}, "", ErrOther},
		"500 in the SDK's words": {step{status: 500, body: `{"error_code":"INTERNAL_ERROR","message":"Timed out after 1s, deadline exceeded"}`}, "", ErrOther},
		"403":                    {step{status: 403, body: `{"error_code":"PERMISSION_DENIED","message":"no"}`}, "", ErrPermissionDenied},
		"400":                    {step{status: 400, body: `{"error_code":"MALFORMED_REQUEST","message":"no"}`}, "", ErrInvalid},
	} {
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE", "POST"} {
			all.Go(func() {
				f := &fake{steps: []step{tc.step}}
				err := call(t.Context(), newClientOver(t, f, nil), method)
				if strings.Contains(tc.methods, method) {
					if err != nil || f.attempts() != 2 {
						t.Errorf("%s %s: %d attempts, %v", name, method, f.attempts(), err)
					}
				} else if f.attempts() != 1 || !errors.Is(err, tc.kind) {
					t.Errorf("%s %s: %d attempts, %v", name, method, f.attempts(), err)
				}
			})
		}
	}
	all.Go(func() {
		f := &fake{steps: []step{{status: 503}}}
		if err := call(Idempotent(t.Context()), newClientOver(t, f, nil), "POST"); err != nil || f.attempts() != 2 {
			t.Errorf("503 of a POST that is marked: %d attempts, %v", f.attempts(), err)
		}
	})
}

// TestHostUnreachable checks that a call is not repeated if the host has never answered, because its name is probably
// misspelled. If the host has answered before, a request that was not sent is repeated, whatever its method.
func TestHostUnreachable(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	defer all.Wait()
	for name, tc := range map[string]struct {
		err   error
		again bool // sent again after an earlier answer
	}{
		"refused": {refused, true}, "no such name": {noName, true}, "proxy": {proxy, true}, "not trusted": {noTrust, false},
	} {
		for _, method := range []string{"GET", "POST"} {
			all.Go(func() {
				f := &fake{steps: []step{{err: tc.err}}}
				err := call(t.Context(), newClientOver(t, f, nil), method)
				if !errors.Is(err, ErrUnreachable) || !errors.Is(err, tc.err) || f.attempts() != 1 {
					t.Errorf("%s %s at first: %d attempts, %v", name, method, f.attempts(), err)
				}

				f = &fake{steps: []step{{status: 200}, {err: tc.err}}}
				c := newClientOver(t, f, nil)
				if err := call(t.Context(), c, "GET"); err != nil {
					t.Error(err)
				}
				err = call(t.Context(), c, method)
				if tc.again && (err != nil || f.attempts() != 3) || !tc.again && (!errors.Is(err, ErrUnreachable) ||
					f.attempts() != 2) {
					t.Errorf("%s %s after first contact: %d attempts, %v", name, method, f.attempts(), err)
				}
			})
		}
	}
}

// TestHostUnreachableForReal is TestHostUnreachable with a real socket, name and certificate.
func TestHostUnreachableForReal(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "https://" + listener.Addr().String()
	listener.Close()
	stranger := httptest.NewUnstartedServer(http.NotFoundHandler())
	stranger.Config.ErrorLog = silentLog()
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)

	transport, err := NewTransport(auth.Setting{})
	if err != nil {
		t.Fatal(err)
	}
	for name, host := range map[string]string{
		"nobody listens": closed, "no such name": "https://adb-42.invalid", "unknown authority": stranger.URL,
		"no TLS": strings.Replace(plain.URL, "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counted := &counting{next: transport}
			err := call(t.Context(), newClientOver(t, counted, func(cfg *Config) { cfg.Host = host }), "GET")
			if !errors.Is(err, ErrUnreachable) || counted.n.Load() != 1 {
				t.Errorf("%d attempts, %v", counted.n.Load(), err)
			}
		})
	}
}

type counting struct {
	next http.RoundTripper
	n    atomic.Int32
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(r)
}

func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	brief := func(cfg *Config) { cfg.AttemptTimeout = 50 * time.Millisecond }
	f := &fake{steps: []step{{hang: true}}}
	if err := call(ctx, newClientOver(t, f, brief), "GET"); err != nil || f.attempts() != 2 {
		t.Errorf("GET: %d attempts, %v", f.attempts(), err)
	}
	f = &fake{steps: []step{{hang: true}}}
	err := call(ctx, newClientOver(t, f, brief), "POST")
	var e *Error
	if !errors.As(err, &e) || !errors.Is(e.Kind, ErrAnswerLost) || f.attempts() != 1 ||
		e.Message != "no answer within 50ms" {
		t.Errorf("POST: %d attempts, %v", f.attempts(), err)
	}
}

// TestBodyCutOff checks that a body which stops half way is a lost answer, even with a success status.
func TestBodyCutOff(t *testing.T) {
	t.Parallel()
	var calls int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"token_value":`)
	}))
	t.Cleanup(server.Close)
	c := newClientOver(t, http.DefaultTransport, func(cfg *Config) { cfg.Host = server.URL })
	if err := call(t.Context(), c, "POST"); !errors.Is(err, ErrAnswerLost) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	f := &fake{steps: []step{{hang: true}, {hang: true}}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := call(ctx, newClientOver(t, f, nil), "GET"); !errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, ErrAnswerLost) || f.attempts() != 1 {
		t.Errorf("%d attempts, %v", f.attempts(), err)
	}
}

// TestCanceledWriteIsAnswered checks that a write which is under way when the caller is stopped still gets its answer.
// The service does the work, whether the caller waits or not.
func TestCanceledWriteIsAnswered(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop()
		select {
		case <-time.After(300 * time.Millisecond):
			_, _ = w.Write([]byte(`{"name":"it"}`))
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	c := newClientOver(t, http.DefaultTransport, func(cfg *Config) { cfg.Host = server.URL })
	if err := call(ctx, c, "POST"); err != nil {
		t.Error(err)
	}
}

// TestCanceledWriteEnds checks that a stopped caller waits for the answer to a write only for a limited time, and not
// at all for a read or for a prediction.
func TestCanceledWriteEnds(t *testing.T) {
	t.Parallel()
	for method, limit := range map[string]time.Duration{"POST": answerWait + 2*time.Second, "GET": time.Second} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			began := time.Now()
			time.AfterFunc(20*time.Millisecond, stop)
			f := &fake{steps: []step{{hang: true}}}
			if err := call(ctx, newClientOver(t, f, nil), method); !errors.Is(err, context.Canceled) ||
				time.Since(began) > limit {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
}

func TestRetryTimeout(t *testing.T) {
	t.Parallel()
	f := &fake{steps: []step{{status: 503}, {status: 503}, {status: 503}, {status: 503}}}
	began := time.Now()
	err := call(t.Context(), newClientOver(t, f, func(cfg *Config) { cfg.RetryTimeout = time.Second }), "GET")
	if !errors.Is(err, ErrUnavailable) || time.Since(began) > 4*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

// TestRetryAfterHoldsEverybody checks that a call with another login waits too when the service asks one caller to
// wait.
func TestRetryAfterHoldsEverybody(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]step{"429": {status: 429, after: "1"}, "429 without the header": {status: 429},
		"503": {status: 503, after: "1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{steps: []step{first}}
			c := newClientOver(t, f, nil)
			other, err := c.LogIn(auth.Settings{Token: auth.Setting{Value: "dapi-of-another", Attribute: "token"}})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- call(t.Context(), c, "GET") }()
			for began := time.Now(); !c.transport.throttle.holds() && time.Since(began) < 5*time.Second; {
				time.Sleep(time.Millisecond)
			}
			if !c.transport.throttle.holds() {
				t.Fatal("nobody is held back")
			}
			if err := errors.Join(call(t.Context(), other, "GET"), <-done); err != nil {
				t.Fatal(err)
			}
			for _, at := range f.sent[1:] {
				if held := at.Sub(f.sent[0]); held < 950*time.Millisecond {
					t.Errorf("sent after %s", held)
				}
			}
		})
	}
}

// TestRetryAfterOfOneModel checks that a busy model holds back only calls to itself. It says nothing about the
// workspace or about other models.
func TestRetryAfterOfOneModel(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]step{"429": {status: 429, after: "60"}, "503": {status: 503, after: "60"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{steps: []step{first, {status: 200}, {status: 200, body: `{"predictions":[1]}`}}}
			c := newClientOver(t, f, func(cfg *Config) { cfg.RetryTimeout = time.Minute })
			soon, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			score := func(endpoint string) error {
				_, _, err := c.Score(soon, endpoint, "{}")
				return err
			}
			if err := score("busy"); err == nil {
				t.Error("the busy model has answered")
			}
			soon, cancel = context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := errors.Join(call(soon, c, "GET"), score("idle")); err != nil {
				t.Error(err)
			}
			if err := score("busy"); !errors.Is(err, context.DeadlineExceeded) || f.attempts() != 3 {
				t.Errorf("%v after %d attempts", err, f.attempts())
			}
		})
	}
}

func (p *throttle) holds() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.pausedUntil.IsZero()
}

func TestPause(t *testing.T) {
	t.Parallel()
	t.Run("grows while somebody waits", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var p throttle
			began := time.Now()
			p.pauseUntil(began.Add(50 * time.Millisecond))
			time.AfterFunc(20*time.Millisecond, func() { p.pauseUntil(began.Add(200 * time.Millisecond)) })
			if err := p.wait(t.Context()); err != nil || time.Since(began) != 200*time.Millisecond {
				t.Errorf("waited %s, %v", time.Since(began), err)
			}
		})
	})
	t.Run("never shrinks", func(t *testing.T) {
		t.Parallel()
		var p throttle
		over := time.Now().Add(time.Hour)
		p.pauseUntil(over)
		p.pauseUntil(time.Now())
		if !p.pausedUntil.Equal(over) {
			t.Error("a later answer shortened it")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := p.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	t.Run("is no longer than the retry timeout", func(t *testing.T) {
		t.Parallel()
		f := &fake{steps: []step{{status: 429, after: "86400"}, {status: 429, after: "99999999999999999"}}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := call(ctx, newClientOver(t, f, func(cfg *Config) { cfg.RetryTimeout = 2 * time.Second }), "GET")
		if !errors.Is(err, ErrThrottled) || f.attempts() != 2 || ctx.Err() != nil {
			t.Errorf("%d attempts, %v", f.attempts(), err)
		}
	})
	for value, want := range map[string]time.Duration{"": time.Second, "0": 0, "7": 7 * time.Second, "-1": time.Second,
		"soon": time.Second, "99999999999999999": 24 * time.Hour} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("Retry-After %q is %s", value, got)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := newClientOver(t, f, func(cfg *Config) { cfg.RateLimit = 4 })
	var calls sync.WaitGroup
	began := time.Now()
	for range 7 {
		calls.Go(func() {
			if err := call(t.Context(), c, "GET"); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if spent := time.Since(began); spent < 700*time.Millisecond {
		t.Errorf("7 calls at 4 a second, the first 4 at once, took %s", spent)
	}
	// A turn that would come after the caller's deadline is refused at once, with DeadlineExceeded.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if err := call(ctx, c, "GET"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestAgain(t *testing.T) {
	t.Parallel()
	c := newClientOver(t, &fake{}, nil)
	passing := &Error{Kind: ErrUnavailable, Status: 503}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	var all sync.WaitGroup
	defer all.Wait()
	for name, tc := range map[string]struct {
		ctx   context.Context
		err   error
		spent time.Duration
		want  bool
	}{
		"unavailable": {t.Context(), passing, 0, true},
		"answer lost": {t.Context(), Advise(&Error{Kind: ErrAnswerLost}, "", ""), 0, true},
		"broken":      {t.Context(), &Error{Kind: ErrOther, Status: 500}, 0, false},
		"of no kind":  {t.Context(), errors.New("x"), 0, false},
		"too late":    {t.Context(), passing, 4500 * time.Millisecond, false},
		"given up":    {cancelled, passing, 0, false},
	} {
		all.Go(func() {
			began := time.Now()
			got := c.Again(tc.ctx, tc.err, began.Add(-tc.spent), 1)
			if got != tc.want || got != (time.Since(began) > 900*time.Millisecond) {
				t.Errorf("%s: %t after %s", name, got, time.Since(began))
			}
		})
	}
}

// TestThrottledCallsSlowDownTogether sends two hundred writes at once to a service that accepts twenty per second. All
// together take much longer than the time for which one call is repeated, and none fails, because calls get through all
// the time. The provider must slow down: the number of refusals is bounded.
func TestThrottledCallsSlowDownTogether(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]step{
		"429": {status: 429}, "REQUEST_LIMIT_EXCEEDED": {status: 500, body: `{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var mu sync.Mutex
				var second time.Time
				accepted, refused, inSecond := 0, 0, 0
				limited := roundTrip(func(r *http.Request) (*http.Response, error) {
					time.Sleep(30 * time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					if now := time.Now(); now.Sub(second) >= time.Second {
						second, inSecond = now, 0
					}
					answer := step{status: 200}
					if inSecond++; inSecond > 20 {
						answer = refusal
						refused++
					} else {
						accepted++
					}
					return (&fake{steps: []step{answer}}).RoundTrip(r)
				})
				c := newClientOver(t, limited, func(cfg *Config) { cfg.RetryTimeout = 3 * time.Second })
				var calls sync.WaitGroup
				for range 200 {
					calls.Go(func() {
						if err := call(t.Context(), c, "POST"); err != nil {
							t.Error(err)
						}
					})
				}
				calls.Wait()
				if took := time.Since(began); accepted != 200 || refused == 0 || refused > 400 || took < 9*time.Second {
					t.Errorf("%d were accepted and %d refused, in %s", accepted, refused, took)
				}
				t.Logf("%d refusals in %s", refused, time.Since(began))
			})
		})
	}
}

func silentLog() *log.Logger { return log.New(io.Discard, "", 0) }

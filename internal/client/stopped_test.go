package client

import (
	"context"
	"errors"
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

// roundTrip is a transport that is one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestStoppedBeforeTheWriteIsSent checks that a write is not sent any more if the caller is stopped while the
// connection is still being made.
func TestStoppedBeforeTheWriteIsSent(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			arrived.Add(1)
		}
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(t.Context())
	slow := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		stop()
		time.Sleep(300 * time.Millisecond)
		return (&net.Dialer{}).DialContext(context.WithoutCancel(ctx), network, address)
	}}
	t.Cleanup(slow.CloseIdleConnections)
	began := time.Now()
	err := call(ctx, newClientOver(t, slow, func(cfg *Config) { cfg.Host = server.URL }), "POST")
	took := time.Since(began)
	time.Sleep(400 * time.Millisecond) // a request that is sent all the same arrives by then
	if !errors.Is(err, context.Canceled) || arrived.Load() > 0 || took > 250*time.Millisecond {
		t.Errorf("%d requests arrived, after %s: %v", arrived.Load(), took, err)
	}
}

// TestStoppedWriteIsNotRepeated checks that a stopped caller sends nothing again, whatever answer its write gets after
// the stop.
func TestStoppedWriteIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]step{
		"429": {status: 429, after: "0"}, "503": {status: 503}, "503 with a pause": {status: 503, after: "0"},
		"401": {status: 401}, "reset": {err: reset}, "cannot connect": {err: refused},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				ctx, stop := context.WithCancel(t.Context())
				f := &fake{steps: []step{{status: 200}, s}}
				c := newClientOver(t, roundTrip(func(r *http.Request) (*http.Response, error) {
					if f.attempts() == 1 {
						stop()
						time.Sleep(20 * time.Millisecond)
					}
					return f.RoundTrip(r)
				}), nil)
				if err := call(t.Context(), c, "GET"); err != nil { // the workspace has accepted the token before
					t.Fatal(err)
				}
				began := time.Now()
				err := call(ctx, c, method)
				if err == nil || f.attempts() != 2 || time.Since(began) > time.Second {
					t.Errorf("%d attempts, after %s: %v", f.attempts(), time.Since(began), err)
				}
			})
		}
	}
}

// TestDeadlineEndsAWrite checks that a deadline ends a write at once, also if the caller is stopped shortly before it.
func TestDeadlineEndsAWrite(t *testing.T) {
	t.Parallel()
	for name, stopped := range map[string]bool{"running": false, "stopped before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
			if stopped {
				time.AfterFunc(100*time.Millisecond, stop)
			}
			began := time.Now()
			err := call(ctx, newClientOver(t, &fake{steps: []step{{hang: true}}}, nil), "POST")
			if took := time.Since(began); err == nil || took < 250*time.Millisecond || took > time.Second {
				t.Errorf("after %s: %v", took, err)
			}
		})
	}
}

// TestStoppedQueue checks that a thousand stopped writes that wait for the throttle end at once and are never sent, and
// that those under way end together.
func TestStoppedQueue(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	f := &fake{steps: []step{{status: 429, after: "3600"}}}
	var sent atomic.Int32
	c := newClientOver(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		sent.Add(1)
		return f.RoundTrip(r)
	}), func(cfg *Config) { cfg.RetryTimeout = time.Hour })
	var all sync.WaitGroup
	all.Go(func() { _ = call(ctx, c, "POST") })
	for sent.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	for range 1000 {
		all.Go(func() {
			if err := call(ctx, c, "POST"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	stop()
	all.Wait()
	if took := time.Since(began); took > time.Second || sent.Load() != 1 {
		t.Errorf("%d were sent, and the last ended %s after the stop", sent.Load(), took)
	}
}

// TestStoppedBeforeTheWriteLeaves checks that the error of a stopped write does not say that its answer was lost if the
// write never left. A caller would otherwise look for the result, and take the object of somebody else for its own.
func TestStoppedBeforeTheWriteLeaves(t *testing.T) {
	t.Parallel()
	hang := roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	slowLogin := func(cfg *Config) {
		cfg.Login, _ = auth.Open(auth.Settings{
			TenantID:     auth.Setting{Value: "8d6c2f0e-6a0b-4a57-9c0e-3b1f8a2d4c11"},
			ClientID:     auth.Setting{Value: "1f0c9b7e-2b1a-4f0e-8a57-6a0b9c0e3b1f"},
			ClientSecret: auth.Setting{Value: "a-secret"},
		}, auth.Options{Transport: hang})
	}
	for name, tc := range map[string]struct {
		change func(*Config)
		steps  []step // the answers to the calls of others, after which this call waits
	}{
		"throttle":   {func(cfg *Config) { cfg.RetryTimeout = time.Hour }, []step{{status: 429, after: "3600"}}},
		"rate limit": {func(cfg *Config) { cfg.RateLimit = 1 }, []step{{status: 200}}},
		"login":      {slowLogin, nil},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := &fake{steps: tc.steps}
					c := newClientOver(t, f, tc.change)
					for range tc.steps {
						_ = call(WithoutRetry(t.Context()), c, "GET")
					}
					ctx, stop := context.WithCancel(t.Context())
					time.AfterFunc(500*time.Millisecond, stop)
					err := call(ctx, c, method)
					if !errors.Is(err, context.Canceled) || errors.Is(err, ErrAnswerLost) || MayBeDone(err) ||
						f.attempts() != len(tc.steps) {
						t.Errorf("%d attempts, %v", f.attempts(), err)
					}
				})
			})
		}
	}
}

// TestStoppedBetweenTwoAttempts checks what the error of a stopped write says about the attempts before the stop. An
// attempt without an answer may have done the work, whatever comes after it. An attempt that the service refused has
// not.
func TestStoppedBetweenTwoAttempts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step    step
		methods string // methods whose error leaves open whether the work was done
	}{
		"429":            {step{status: 429, after: "3600"}, ""},
		"500, throttled": {step{status: 500, after: "3600", body: `{"error_code":"REQUEST_LIMIT_EXCEEDED"}`}, ""},
		"cannot connect": {step{err: refused}, ""},
		"reset":          {step{err: reset}, "POST PUT PATCH DELETE"},
		"503":            {step{status: 503, after: "3600"}, "POST PUT PATCH DELETE"},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := &fake{steps: []step{{status: 200}, tc.step}}
					c := newClientOver(t, f, func(cfg *Config) { cfg.RetryTimeout = time.Hour })
					// After an answer of the host, a connection that fails is tried again.
					if err := call(t.Context(), c, "GET"); err != nil {
						t.Fatal(err)
					}
					ctx, stop := context.WithCancel(t.Context())
					ended := make(chan error, 1)
					go func() { ended <- call(ctx, c, method) }()
					synctest.Wait() // the first attempt has ended, and the pause before the second one has begun
					c.transport.throttle.pauseUntil(time.Now().Add(time.Hour))
					time.Sleep(time.Minute)
					stop()
					err := <-ended
					want := strings.Contains(tc.methods, method)
					if err == nil || errors.Is(err, ErrAnswerLost) != want || MayBeDone(err) != want ||
						f.attempts() != 2 {
						t.Errorf("%d attempts, %v", f.attempts(), err)
					}
				})
			})
		}
	}
}

// TestStoppedUnderWay checks that the error of a write leaves open whether the work was done if the caller is stopped
// after the write was sent, or the caller's time runs out then.
func TestStoppedUnderWay(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "GET"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := call(ctx, newClientOver(t, &fake{steps: []step{{hang: true}}}, nil), method)
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrAnswerLost) != (method != "GET") {
					t.Error(err)
				}
			})
		})
	}
}

package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder is a transport that records the body and the token of each attempt.
type recorder struct {
	fake
	bodies, tokens []string
}

func (f *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	f.bodies, f.tokens = append(f.bodies, string(body)), append(f.tokens, r.Header.Get("Authorization"))
	return f.fake.RoundTrip(r)
}

// TestThrottledCallIsSentAgain checks that a throttled call is sent once more, whatever its method, with its whole
// body and a new token. SCIM reports throttling in words of its own.
func TestThrottledCallIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]step{
		"429":  {status: 429},
		"SCIM": {status: 500, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"REQUEST_LIMIT_EXCEEDED: slow down","status":"500"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &recorder{fake: fake{steps: []step{refusal}}}
			l := newTransport(Config{Host: "https://adb-42.test", Transport: f, AttemptTimeout: time.Minute,
				RetryTimeout: time.Minute}, func(*http.Request) {})
			signed := 0
			sign := signer(func(r *http.Request) error {
				signed++
				r.Header.Set("Authorization", "Bearer renewed")
				return nil
			})
			r, err := http.NewRequestWithContext(context.WithValue(t.Context(), callerKey{}, sign), http.MethodPost,
				"https://adb-42.test/api/2.0/things", strings.NewReader("the body"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer first")
			resp, err := l.RoundTrip(r)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%v, %v", resp, err)
			}
			if strings.Join(f.bodies, "|") != "the body|the body" ||
				strings.Join(f.tokens, "|") != "Bearer first|Bearer renewed" || signed != 1 {
				t.Errorf("sent %q with %q, signed %d times", f.bodies, f.tokens, signed)
			}
			if held := f.sent[1].Sub(f.sent[0]); held < 950*time.Millisecond {
				t.Errorf("sent again after %s", held)
			}
		})
	}
}

// TestOtherErrorsAreReturnedToTheCaller checks that the transport returns other errors of the service to its caller.
func TestOtherErrorsAreReturnedToTheCaller(t *testing.T) {
	t.Parallel()
	f := &recorder{fake: fake{steps: []step{{status: 500, body: `{"error_code":"INTERNAL_ERROR"}`}}}}
	l := newTransport(Config{Host: "https://adb-42.test", Transport: f, AttemptTimeout: time.Minute,
		RetryTimeout: time.Minute}, func(*http.Request) {})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://adb-42.test/api/2.0/things",
		strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := l.RoundTrip(r); err != nil || resp.StatusCode != 500 || len(f.bodies) != 1 || l.throttle.gap != 0 {
		t.Errorf("%v, %v, %d attempts", resp, err, len(f.bodies))
	}
}

func TestThrottleGap(t *testing.T) {
	t.Parallel()
	var p throttle
	sent := time.Now()
	if !p.widenGap(sent) || p.widenGap(sent) || p.gap != firstGap {
		t.Errorf("refusals of one flight count once, and the gap is %s", p.gap)
	}
	for range 20 {
		p.widenGap(time.Now().Add(time.Millisecond))
	}
	if p.gap != longestGap {
		t.Errorf("the gap grew to %s", p.gap)
	}
	p.gap = firstGap
	now := time.Now()
	if first, second := p.takeTurn(now), p.takeTurn(now); first != 0 || second != firstGap {
		t.Errorf("the first waits %s, the second %s", first, second)
	}
	if third := p.takeTurn(now.Add(firstGap)); third != 0 {
		t.Errorf("the next one waits %s when its time has come", third)
	}
	for range 40 {
		p.noteSuccess()
	}
	if p.gap != 0 {
		t.Errorf("when calls get through, %s is left", p.gap)
	}
}

// TestSinceSuccess checks that a call counts as stuck when no call gets through, and not while it waits for its turn.
func TestSinceSuccess(t *testing.T) {
	t.Parallel()
	var p throttle
	long := time.Now().Add(-time.Hour)
	if p.sinceSuccess(long) < time.Hour {
		t.Errorf("nobody has got through, and it counts %s", p.sinceSuccess(long))
	}
	p.noteSuccess()
	if p.sinceSuccess(long) > time.Minute {
		t.Errorf("somebody has just got through, and it counts %s", p.sinceSuccess(long))
	}
}

func TestAwaitSCIM(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	oops, c := errors.New("oops"), newClientOver(t, &fake{}, nil)
	var all sync.WaitGroup
	defer all.Wait()
	for name, tc := range map[string]struct {
		written time.Time
		looks   []bool // what each call of look returns
		err     error  // of the last call of look
		want    bool
	}{
		"at once":               {in(-time.Hour), []bool{true}, nil, true},
		"long ago":              {in(-time.Hour), []bool{false}, nil, false},
		"just now":              {time.Time{}, []bool{false, true}, nil, true},
		"a moment ago":          {in(-30 * time.Second), []bool{false, true}, nil, true},
		"time is over":          {in(-58 * time.Second), []bool{false, false}, nil, false},
		"a failed look ends it": {time.Time{}, []bool{false}, oops, false},
	} {
		all.Go(func() {
			looks := 0
			got, err := c.AwaitSCIM(t.Context(), tc.written, name, func(context.Context) (bool, error) {
				looks++
				if looks > len(tc.looks) {
					return true, errors.New("one look too many")
				}
				if looks == len(tc.looks) {
					return tc.looks[looks-1], tc.err
				}
				return tc.looks[looks-1], nil
			})
			if got != tc.want || !errors.Is(err, tc.err) || looks != len(tc.looks) {
				t.Errorf("%s: %t, %v after %d looks", name, got, err, looks)
			}
		})
	}
}

// signer is a caller that never gets another token.
type signer func(*http.Request) error

func (s signer) sign(r *http.Request) error      { return s(r) }
func (signer) accepted(*http.Request)            {}
func (signer) renew(*http.Request) (bool, error) { return false, nil }

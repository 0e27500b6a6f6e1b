package client

import (
	"context"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// throttle holds back all calls to the workspace, or to one model, after the service refused a call because there were
// too many. So the provider slows down as a whole, instead of each call by itself. From then on the calls leave one by
// one. The gap between two calls doubles with each refusal, and closes again as calls get through.
type throttle struct {
	mu          sync.Mutex
	pausedUntil time.Time     // no call leaves before
	gap         time.Duration // the shortest time between two calls
	next        time.Time     // when the next call may leave
	widenedAt   time.Time     // when the gap last grew
	lastSuccess time.Time     // when a call last got through
}

const (
	firstGap    = 50 * time.Millisecond
	longestGap  = 10 * time.Second
	smallestGap = 10 * time.Millisecond
)

// pauseUntil holds back all calls until end. It never shortens a pause.
func (t *throttle) pauseUntil(end time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if end.After(t.pausedUntil) {
		t.pausedUntil = end
	}
}

// widenGap widens the gap between calls, and reports whether it did. sent is when the refused call was sent. Calls that
// were sent together are refused together, and widen the gap only once.
func (t *throttle) widenGap(sent time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !sent.After(t.widenedAt) {
		return false
	}
	t.widenedAt = time.Now()
	t.gap = min(max(2*t.gap, firstGap), longestGap)
	return true
}

// noteSuccess records that a call got through, and narrows the gap between calls.
func (t *throttle) noteSuccess() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastSuccess = time.Now()
	if t.gap -= t.gap / 20; t.gap < smallestGap {
		t.gap = 0
	}
}

// sinceSuccess returns the time since the last successful call, or the time since the given moment if that is later.
func (t *throttle) sinceSuccess(since time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lastSuccess.After(since) {
		since = t.lastSuccess
	}
	return time.Since(since)
}

// wait returns when the caller's turn has come and the pause is over, even if the pause was extended meanwhile.
func (t *throttle) wait(ctx context.Context) error {
	for {
		rest := t.takeTurn(time.Now())
		if rest <= 0 {
			return nil
		}
		if err := web.Pause(ctx, rest); err != nil {
			return err
		}
	}
}

// takeTurn takes the caller's turn and returns 0, or returns how long to wait before the next try.
func (t *throttle) takeTurn(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if rest := t.pausedUntil.Sub(now); rest > 0 {
		return rest
	}
	if rest := t.next.Sub(now); rest > 0 && t.gap > 0 {
		return rest
	}
	t.next = now.Add(t.gap)
	return 0
}

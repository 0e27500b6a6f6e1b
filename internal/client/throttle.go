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
	mu       sync.Mutex
	over     time.Time
	gap      time.Duration
	next     time.Time // when the next call may leave
	slowed   time.Time // when the gap last grew
	progress time.Time // when a call last got through
}

const (
	firstGap    = 50 * time.Millisecond
	longestGap  = 10 * time.Second
	smallestGap = 10 * time.Millisecond
)

func (t *throttle) until(end time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if end.After(t.over) {
		t.over = end
	}
}

// slower widens the gap between calls, and reports whether it did. sent is when the refused call was sent. Calls that
// were sent together are refused together, and widen the gap only once.
func (t *throttle) slower(sent time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !sent.After(t.slowed) {
		return false
	}
	t.slowed = time.Now()
	t.gap = min(max(2*t.gap, firstGap), longestGap)
	return true
}

func (t *throttle) passed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress = time.Now()
	if t.gap -= t.gap / 20; t.gap < smallestGap {
		t.gap = 0
	}
}

// sinceSuccess returns the time since the last successful call, or the time since the given moment if that is later.
func (t *throttle) sinceSuccess(since time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progress.After(since) {
		since = t.progress
	}
	return time.Since(since)
}

// wait returns when the caller's turn has come and the pause is over, even if the pause was extended meanwhile.
func (t *throttle) wait(ctx context.Context) error {
	for {
		rest := t.turn(time.Now())
		if rest <= 0 {
			return nil
		}
		if err := web.Pause(ctx, rest); err != nil {
			return err
		}
	}
}

// turn takes the caller's turn and returns 0, or returns how long to wait before the next try.
func (t *throttle) turn(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if rest := t.over.Sub(now); rest > 0 {
		return rest
	}
	if rest := t.next.Sub(now); rest > 0 && t.gap > 0 {
		return rest
	}
	t.next = now.Add(t.gap)
	return 0
}

package client

import (
	"context"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// throttle holds every call to the workspace, or to one model, back after one was refused for being one too many. So
// the provider slows down as a whole, instead of each call finding out for itself. From then on calls leave one by one:
// the gap between two doubles with each refusal, and closes again as calls get through.
type throttle struct {
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

func (t *throttle) until(end time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if end.After(t.over) {
		t.over = end
	}
}

// slower widens the gap, and reports whether it did: calls that were sent together are refused together, and count
// once.
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

// stuck returns the time since the last successful call, or since `since` if that is later.
func (t *throttle) stuck(since time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progress.After(since) {
		since = t.progress
	}
	return time.Since(since)
}

// wait returns when the pause is over, even if it was extended meanwhile, and the caller's turn has come.
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

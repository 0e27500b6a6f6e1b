package auth

import (
	"context"
	"sync"
)

// flights lets concurrent callers with the same key share one request. It caches nothing: a caller that comes after the
// request has ended makes a new request.
type flights[T any] struct {
	mu   sync.Mutex
	open map[string]*flight[T]
}

// flight is one request that several callers share.
type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
	// abandoned is true if the request ended because the caller whose ctx it used was cancelled or ran out of time. The
	// other callers must not get this error as their result.
	abandoned bool
}

// leader makes the request that the other callers wait for. abandoned reports whether the request ended because of its
// context.
type leader[T any] func(context.Context) (value T, abandoned bool, err error)

// do makes the request, or waits for the request with the same key that another caller makes. If that request is
// abandoned, do starts over. interrupted returns the error for a caller whose ctx ends while it waits.
func (g *flights[T]) do(ctx context.Context, key string, lead leader[T], interrupted func(error) error) (T, error) {
	for {
		g.mu.Lock()
		f, shared := g.open[key]
		if !shared {
			f = &flight[T]{done: make(chan struct{})}
			if g.open == nil {
				g.open = map[string]*flight[T]{}
			}
			g.open[key] = f
		}
		g.mu.Unlock()

		if !shared {
			g.lead(ctx, key, f, lead)
			return f.value, f.err
		}
		select {
		case <-f.done:
			if !f.abandoned {
				return f.value, f.err
			}
		case <-ctx.Done():
			var none T
			return none, interrupted(ctx.Err())
		}
	}
}

// lead makes the request and then wakes the callers that wait for it. It wakes them even if a library panics, because
// otherwise they would wait forever.
func (g *flights[T]) lead(ctx context.Context, key string, f *flight[T], lead leader[T]) {
	f.abandoned = true
	defer func() {
		g.mu.Lock()
		delete(g.open, key)
		g.mu.Unlock()
		close(f.done)
	}()
	f.value, f.abandoned, f.err = lead(ctx)
}

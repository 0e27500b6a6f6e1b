package auth

import (
	"context"
	"sync"
)

// flights lets concurrent callers that want one thing share one request for it.
// Nothing is cached: the next caller after it makes a new request.
type flights[T any] struct {
	mu   sync.Mutex
	open map[string]*flight[T]
}

// flight is a request that callers share.
type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
	// abandoned is whether the request ended because the caller whose ctx it used was
	// cancelled or ran out of time; the other callers must not get that as their outcome.
	abandoned bool
}

// leader makes the request that others wait for.
type leader[T any] func(context.Context) (value T, abandoned bool, err error)

// do makes the request, or waits for the one under way. interrupted is the error
// for a caller whose ctx ends while it waits.
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

// lead runs the request. The flight is over even if a library panics, lest
// everybody waits for ever.
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

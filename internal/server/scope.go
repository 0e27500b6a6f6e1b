package server

import (
	"context"
	"sync/atomic"
	"time"
)

// scope is the context of one request. It forwards to the request's own context while the request is served, and to a
// cancelled context afterwards. So a reference to the scope, or to a context derived from it, keeps nothing else in
// memory.
//
// Because Done and Value forward, [context.WithCancel] finds the request's cancelable context and needs no goroutine.
type scope struct {
	inner atomic.Pointer[context.Context]
}

// ended is the cancelled context that every scope forwards to after its request has ended.
var ended = func() *context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &ctx
}()

func newScope(ctx context.Context) *scope {
	s := &scope{}
	s.inner.Store(&ctx)
	return s
}

func (s *scope) end() { s.inner.Store(ended) }

func (s *scope) Deadline() (time.Time, bool) { return (*s.inner.Load()).Deadline() }
func (s *scope) Done() <-chan struct{}       { return (*s.inner.Load()).Done() }
func (s *scope) Err() error                  { return (*s.inner.Load()).Err() }
func (s *scope) Value(key any) any           { return (*s.inner.Load()).Value(key) }

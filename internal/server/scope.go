package server

import (
	"context"
	"sync/atomic"
	"time"
)

// scope is the context of one request. It forwards to the request's own context while the request is served, and to
// a cancelled one afterwards, so that a reference to it, or to a context derived from it, keeps nothing else alive.
//
// Because Done and Value forward, [context.WithCancel] finds the cancelable context below and needs no goroutine.
type scope struct {
	inner atomic.Pointer[context.Context]
}

// ended is a cancelled context, which every scope uses after its end.
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

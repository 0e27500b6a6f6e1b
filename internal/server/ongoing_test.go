package server

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// TestFrameworkReleasesContexts counts the contexts that the framework has forgotten, which the framework cancels at
// that moment. It checks that no context is cancelled while its request is served.
func TestFrameworkReleasesContexts(t *testing.T) {
	var forgotten atomic.Int64
	s := serving(func(ctx context.Context) {
		context.AfterFunc(ctx, func() { forgotten.Add(1) })
		if ctx.Err() != nil {
			t.Errorf("%v while the request is served", ctx.Err())
		}
	})
	const rounds = 3
	for range rounds * most {
		readData(t, t.Context(), s)
	}
	eventually(t, func() bool { return forgotten.Load() == rounds*most })
}

// TestContextStaysDuringItsRequest keeps one request waiting while many others begin and end.
func TestContextStaysDuringItsRequest(t *testing.T) {
	var served, forgotten atomic.Int64
	begun, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s := serving(func(ctx context.Context) {
		context.AfterFunc(ctx, func() { forgotten.Add(1) })
		if served.Add(1) > 1 {
			return
		}
		close(begun)
		<-leave
		if ctx.Err() != nil {
			t.Errorf("%v while the request is served", ctx.Err())
		}
	})
	go func() {
		defer close(left)
		readData(t, t.Context(), s)
	}()
	<-begun
	for range 2 * most {
		readData(t, t.Context(), s)
	}
	if n := forgotten.Load(); n > 0 {
		t.Errorf("%d contexts were cancelled while a request was served", n)
	}
	close(leave)
	<-left
	eventually(t, func() bool { return forgotten.Load() == 2*most+1 })
}

// eventually waits until done returns true, because other goroutines do the work.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("it did not happen in ten seconds")
}

package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSharedReadsOnce(t *testing.T) {
	t.Parallel()
	// Many rounds, because the gap between looking and joining is narrow.
	for range 200 {
		var s Shared[int]
		var reads atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				v, err := s.Get(t.Context(), AnyAge, func(context.Context) (int, error) { return int(reads.Add(1)), nil })
				if v != 1 || err != nil {
					t.Errorf("%d, %v", v, err)
				}
			})
		}
		all.Wait()
		if reads.Load() != 1 {
			t.Fatalf("%d reads", reads.Load())
		}
	}
}

func TestSharedFailureIsNotKept(t *testing.T) {
	t.Parallel()
	var s Shared[int]
	oops := errors.New("oops")
	if _, err := s.Get(t.Context(), AnyAge, func(context.Context) (int, error) { return 1, oops }); !errors.Is(err, oops) {
		t.Errorf("%v", err)
	}
	if v, err := s.Get(t.Context(), AnyAge, func(context.Context) (int, error) { return 2, nil }); v != 2 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}

// The first caller stops waiting; the read goes on for the second.
func TestSharedOutlivesItsFirstCaller(t *testing.T) {
	t.Parallel()
	var s Shared[int]
	started, finish := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := s.Get(ctx, AnyAge, func(ctx context.Context) (int, error) {
			close(started)
			<-finish
			return 7, ctx.Err()
		})
		first <- err
	}()
	<-started
	go func() {
		v, err := s.Get(t.Context(), AnyAge, func(context.Context) (int, error) { return 0, errors.New("a second read") })
		if v != 7 && err == nil {
			err = errors.New("another value")
		}
		second <- err
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("first: %v", err)
	}
	close(finish)
	// Whether the second joined the flight or came after it: there is one read, and its value is kept.
	if err := <-second; err != nil {
		t.Errorf("second: %v", err)
	}
}

// Somebody writes while a read is under way: what that read saw is given to whoever waits for it, and not kept.
func TestSharedForgottenInFlight(t *testing.T) {
	t.Parallel()
	var s Shared[string]
	started, finish, done := make(chan struct{}), make(chan struct{}), make(chan string)
	go func() {
		v, _ := s.Get(t.Context(), AnyAge, func(context.Context) (string, error) {
			close(started)
			<-finish
			return "before", nil
		})
		done <- v
	}()
	<-started
	s.Forget()
	after := func(context.Context) (string, error) { return "after", nil }
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if v, _ := s.Get(ctx, AnyAge, after); v != "after" {
		t.Errorf("a read that began after the write got %q", v)
	}
	close(finish)
	if v := <-done; v != "before" {
		t.Errorf("who waited got %q", v)
	}
	if v, _ := s.Get(t.Context(), AnyAge, after); v != "after" {
		t.Errorf("the read from before the write was kept: %q", v)
	}
}

func TestSharedForget(t *testing.T) {
	t.Parallel()
	var s Shared[int]
	n := 0
	read := func(context.Context) (int, error) { n++; return n, nil }
	for range 2 {
		if v, _ := s.Get(t.Context(), AnyAge, read); v != 1 {
			t.Errorf("%d", v)
		}
	}
	s.Forget()
	if v, _ := s.Get(t.Context(), AnyAge, read); v != 2 {
		t.Errorf("%d", v)
	}
}
